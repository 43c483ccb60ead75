"""Every table of the project: columns, types, units, checks and one-line descriptions.

The checks at run time, the comments in DuckDB and the data dictionary in the docs all come from here. Geometries are
stored in EPSG:4326 (lon, lat); lengths and areas are measured in the area's projected CRS and stored as plain columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandera.pandas as pa
from pandera.engines.geopandas_engine import Geometry
from pandera.errors import SchemaError, SchemaErrors

from pipeline.errors import RunError
from pipeline.schema.vocabulary import CODES, LANGUAGES, QUANTITIES, TOLD_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

_PROBABILITY = pa.Check.in_range(0, 1)
_NOT_NEGATIVE = pa.Check.ge(0)
_QUANTILES = ("p05", "p25", "p50", "p75", "p95")


def _column(  # noqa: PLR0913 - all that is said of a column
    dtype: object,
    description: str,
    *,
    unit: str = "",
    check: pa.Check | None = None,
    nullable: bool = False,
    references: str = "",
) -> pa.Column:
    return pa.Column(
        dtype,
        checks=check,
        nullable=nullable,
        coerce=True,
        description=description,
        metadata={"unit": unit, "references": references},
    )


def _text(description: str, *, nullable: bool = False, references: str = "") -> pa.Column:
    """Declare a text; `references` is the table.column that must hold it."""
    return _column("str", description, nullable=nullable, references=references)


def _code(description: str, codes: str) -> pa.Column:
    """Declare a column that holds the codes of one name in `vocabulary.CODES`."""
    column = _column("str", description, check=pa.Check.isin(CODES[codes]))
    column.metadata = {**(column.metadata or {}), "codes": codes}
    return column


def _number(
    description: str, unit: str, *, check: pa.Check | None = None, nullable: bool = False, formula: str = ""
) -> pa.Column:
    column = _column("float64", description, unit=unit, check=check, nullable=nullable)
    column.metadata = {**(column.metadata or {}), "formula": formula}
    return column


def _integer(description: str, unit: str = "", *, check: pa.Check | None = None, nullable: bool = False) -> pa.Column:
    return _column("Int64" if nullable else "int64", description, unit=unit, check=check, nullable=nullable)


def _flag(description: str) -> pa.Column:
    return _column("bool", description)


def _geometry(description: str, *, nullable: bool = False) -> pa.Column:
    return _column(Geometry(crs="EPSG:4326"), description, unit="EPSG:4326", nullable=nullable)


def _table(name: str, description: str, key: str, /, **columns: pa.Column) -> pa.DataFrameSchema:
    """Declare a table; `key` holds the columns that identify a row, separated by spaces."""
    return pa.DataFrameSchema(
        columns, name=name, description=description, unique=key.split(), strict=True, ordered=True
    )


def _names(what: str) -> dict[str, pa.Column]:
    return {f"name_{code}": _text(f"{what} in {language}.", nullable=True) for code, language in LANGUAGES.items()}


_AREA = _text("Area that the row belongs to (areas.area_id).", references="areas.area_id")
_YEAR = pa.Check.in_range(1900, 2100)

_NEAR = {
    "near_id": _text("If unnamed: the nearest settlement that has a name readers know.", nullable=True),
    "near_number": _integer("If unnamed: its number among those near that one.", nullable=True),
}
"""How readers are told of a settlement without a name: "settlement 2 near …"."""

_SEEN = {
    "inputs_year": _integer("Latest year that the inputs of the buildings show.", check=_YEAR, nullable=True),
    "people_seen_share": _number(
        "Share of the people, as something independent shows them, who live where the inputs show buildings; "
        "NULL: unknown.",
        "1",
        check=_PROBABILITY,
        nullable=True,
    ),
    "people_seen_by": _code("What shows the people independently.", "people_seen_by"),
    "told": _code(
        "What the figures of people are about: the city; all that is mapped (share unknown); the mapped part (no "
        "total of the city); nothing.",
        "told",
    ),
    "told_reason": _code("Why so.", "told_reason"),
}
"""How much of an area the inputs see, and what may therefore be told of it."""

_WHO = {
    "residents": "People who live there",
    "registered": "People registered there, whether they live there or not",
    "unregistered": "Residents registered nowhere in the city",
}
_ABOUT = _code("What the figures are about (see areas.told): only 'city' is a total of the city.", "told")
_PLACE = _text("Settlement, or '<area>/rest': what lies in no settlement.")
_SETTLEMENT = _text("Settlement.", references="settlements.settlement_id")
_IN_SETTLEMENT = _text("Settlement; NULL: what lies in none.", nullable=True, references="settlements.settlement_id")


def _statistics(of: str, prefix: str = "", *, levels: tuple[str, ...] = _QUANTILES) -> dict[str, pa.Column]:
    """Declare quantiles and the mean of draws of people; means of disjoint groups add up, quantiles do not."""
    quantiles = {f"{prefix}{q}": _number(f"{of}: quantile {int(q[1:])} % of the draws.", "person") for q in levels}
    return {**quantiles, f"{prefix}mean": _number(f"{of}: mean of the draws.", "person")}


def _people() -> dict[str, pa.Column]:
    """Declare the estimate of an area or a place: a group of columns for each quantity."""
    quantities = {
        name: column for quantity in QUANTITIES for name, column in _statistics(_WHO[quantity], f"{quantity}_").items()
    }
    return {**quantities, **_basis(), "year": _integer("Year of the inputs.", check=_YEAR, nullable=True)}


def _basis() -> dict[str, pa.Column]:
    return {
        "residents_method": _text("Method of the residents, as named in docs/method.md."),
        "residents_evidence": _code("Where the parameters that decide the residents come from.", "evidence"),
        "registration_method": _text("Method of registered and unregistered."),
        "registration_evidence": _code("Where the parameters that decide who is registered come from.", "evidence"),
    }


_CROSSCHECK = {
    "method": _text("Method, as named in docs/method.md."),
    **_statistics("Residents by this method alone"),
    "year": _integer("Year of the inputs.", check=_YEAR, nullable=True),
}


_EXPOSURE = {
    "rule_id": _text("Rule; NULL: any that binds, each home counted once.", nullable=True),
    "since": _integer("Only homes known to stand in this year; NULL: today's.", check=_YEAR, nullable=True),
    "homes": _integer("Outlines in which people may live; sheds and halls never.", "1", check=_NOT_NEGATIVE),
    **_statistics("Residents"),
}
_BY_YEAR = (
    "What the residents of a year were if homes held as many people as today and none has been torn down since: "
    "today's residents, in homes first seen by that year (buildings.first_seen_year),"
)
_SINCE_2016 = {
    "year": _integer("Year; of the latest, as far as the product goes.", check=_YEAR),
    "product": _text("Dataset."),
    "built_m2": _number("Area of the cells in which something was built by then.", "m2", check=_NOT_NEGATIVE),
}


def _built_up() -> dict[str, pa.Column]:
    return {
        "year": _integer("Epoch.", check=_YEAR),
        "product": _text("Dataset; series of different products are never mixed."),
        "modelled": _flag("True: the epoch is a projection of its producer, not an observation."),
        "built_m2": _number(
            "Built-up area; of single settlements low by about a sixth, as outlines cut the raster's cells.",
            "m2",
            check=_NOT_NEGATIVE,
        ),
    }


_RUN = {
    "version": _text("Version of novostroiki."),
    "schema_version": _text("Version of the tables (docs/schema.md)."),
    "sources": _text("sample, local or live."),
    "licence": _text("Licence of the data (SPDX)."),
    "data_year": _integer("Latest year that the inputs of the buildings show.", check=_YEAR, nullable=True),
}
_ANY_SIMULATED = _flag("True: at least one area is simulated.")

TABLES: dict[str, pa.DataFrameSchema] = {
    table.name: table
    for table in (
        _table(
            "areas",
            "One row per area (city) of this run.",
            "area_id",
            area_id=_text("Identifier of the area, as in the configuration."),
            country=_text("ISO 3166-1 alpha-2 code; chooses the red-zone rules."),
            crs=_text("Projected CRS in which lengths and areas were measured (PROJ string or EPSG code)."),
            name=_text("Name in English."),
            **_names("Name"),
            west=_number("Western edge of the area.", "degree"),
            south=_number("Southern edge of the area.", "degree"),
            east=_number("Eastern edge of the area.", "degree"),
            north=_number("Northern edge of the area.", "degree"),
            simulated=_flag("True: the inputs of this area were simulated; nothing here describes the real city."),
            **_SEEN,
            geometry=_geometry("The area as a polygon."),
        ),
        _table(
            "sources",
            "One row per input as it was used: where any figure of this file comes from.",
            "source_id",
            source_id=_text("Identifier of the input: dataset, area, running number."),
            area_id=_AREA,
            dataset=_text("Dataset, as in the catalogue of sources."),
            version=_text("Version, release, epoch or date of the data."),
            licence=_text("Licence of the data."),
            attribution=_text("Attribution that the licence asks for."),
            url=_text("Address, or name of the local file."),
            retrieved_at=_column(
                "datetime64[us, UTC]",
                "When it was fetched; NULL: a local file, whose clock times are those of a disk.",
                nullable=True,
            ),
            sha256=_text("SHA-256 of the bytes that were read."),
            bytes=_integer("Size of what was read.", "byte", check=_NOT_NEGATIVE),
            features=_integer("Objects or cells taken from it.", "1", check=_NOT_NEGATIVE),
            simulated=_flag("True: written by the simulator."),
            observed_year=_integer(
                "Year in which things were as the input shows them; empty: it does not say.", check=_YEAR, nullable=True
            ),
        ),
        _table(
            "buildings",
            "One row per building after the sources are merged. Full edition only: never published.",
            "building_id",
            building_id=_text("Identifier, derived from the location: the same building keeps it from run to run."),
            area_id=_AREA,
            settlement_id=_IN_SETTLEMENT,
            source_id=_text("Input that the outline was taken from (sources.source_id)."),
            seen_by=_code("Which kinds of source saw it.", "seen_by"),
            kind=_code("What it is, as far as tags, size and neighbours tell.", "building_kind"),
            home=_flag(
                "True: people may live in it: a block of flats, or a house or main building of unknown use of 25 to "
                "600 m2. False: a shed, a hall, a shop."
            ),
            osm_id=_text("OpenStreetMap object, such as way/123.", nullable=True),
            footprint_m2=_number("Area of the outline.", "m2", check=pa.Check.gt(0)),
            levels=_number(
                "Storeys, where a source tells them, or a height of which they are 3 m each.",
                "1",
                check=pa.Check.in_range(0, 200),
                nullable=True,
            ),
            first_seen_year=_integer(
                "Year in which rasters first show its place built up (the earliest that it can have); NULL: none does.",
                check=_YEAR,
                nullable=True,
            ),
            lon=_number("Longitude of a point inside.", "degree"),
            lat=_number("Latitude of a point inside.", "degree"),
            geometry=_geometry("Outline."),
        ),
        _table(
            "settlements",
            "One row per delineated settlement.",
            "settlement_id",
            settlement_id=_text("Identifier: area and place (latitude, longitude) of the median of its homes."),
            area_id=_AREA,
            name=_text("Best-known name, as written by its source; NULL: none known.", nullable=True),
            **_names("Name"),
            name_evidence=_text("How the name was matched, and from which object or row.", nullable=True),
            **_NEAR,
            kind=_code(
                "Kind that is more probable than all others together; undetermined: the evidence does not suffice.",
                "settlement_kind",
            ),
            kind_score=_number(
                "Probability of the kind novostroika; with the columns p_… it adds up to 1.", "1", check=_PROBABILITY
            ),
            **{
                f"p_{kind}": _number(f"Probability of the kind {kind}.", "1", check=_PROBABILITY)
                for kind in TOLD_KINDS
                if kind != "novostroika"
            },
            evidence_name_word=_text("Kind that a word in its names tells (ж/м, село, дачи, мкр …).", nullable=True),
            evidence_map_tag=_text("What the map's tags call it: village, allotments, quarter.", nullable=True),
            evidence_listed=_text("What a published list calls it.", nullable=True),
            evidence_onset=_number("onset_year, where the rasters tell ages apart.", "year", nullable=True),
            evidence_unpaved_share=_number(
                "Unpaved streets, of the length of stated paving, where the city's map states both.", "1", nullable=True
            ),
            evidence_services_ratio=_number(
                "ln of schools, clinics and the like over the city's average per building, where the map shows them.",
                "1",
                nullable=True,
            ),
            evidence_flats_share=_number(
                "Blocks of flats, of its main buildings, where any are known.", "1", nullable=True
            ),
            evidence_home_m2=_number("Median footprint of its houses, from eight on.", "m2", nullable=True),
            evidence_plot_m2=_number("Land per main building, from eight houses on.", "m2", nullable=True),
            evidence_block_ha=_number(
                "Median area of the blocks that its streets close; weighs nothing, as the next three.",
                "ha",
                nullable=True,
            ),
            evidence_dead_end_share=_number("Dead ends, of its junctions and dead ends.", "1", nullable=True),
            evidence_straightness=_number(
                "Distance between the ends of its streets over their length.", "1", nullable=True
            ),
            evidence_streets_per_node=_number("Streets that meet at a junction or dead end, mean.", "1", nullable=True),
            delineation=_code("How the outline was found.", "delineation"),
            status=_code("Legal status as published, for settlements the literature names.", "status"),
            status_year=_integer("Year that the status refers to.", check=_YEAR, nullable=True),
            status_source=_text("Who says so.", nullable=True),
            onset_year=_integer("First year with a tenth of today's built-up area.", check=_YEAR, nullable=True),
            area_m2=_number("Area of the outline.", "m2", check=pa.Check.gt(0)),
            buildings=_integer("Buildings in it, sheds and shops too.", "1", check=pa.Check.ge(1)),
            homes=_integer("Of these, homes (buildings.home).", "1", check=_NOT_NEGATIVE),
            geometry=_geometry("Outline."),
        ),
        _table(
            "kind_weights",
            "Weights by which the kinds of settlements were told, as shipped and as the user's labels moved them.",
            "area_id measure knot kind",
            area_id=_AREA,
            measure=_text("Measure: the column evidence_<measure> of settlements."),
            knot=_text("Its word, or a value between which and the next one weights are interpolated."),
            kind=_text("Kind whose score it adds to."),
            shipped=_number("Weight before any label, mean.", "1"),
            weight=_number("The one in use: the most probable after the labels.", "1"),
            spread=_number("Standard deviation of it, after the labels.", "1", check=_NOT_NEGATIVE),
        ),
        _table(
            "named_settlements",
            "One row per settlement that the literature names, in every run of its city.",
            "named_id",
            named_id=_text("Identifier of the row in layers/facts/settlements.csv."),
            area_id=_AREA,
            name=_text("Name as the literature spells it."),
            outcome=_code("Whether these inputs show it.", "outcome"),
            settlement_id=_text("Settlement that it was matched with.", nullable=True),
            evidence=_text("Why it was matched, or why not."),
            distance_m=_number(
                "Distance between the hinted and the found place.", "m", check=_NOT_NEGATIVE, nullable=True
            ),
        ),
        _table(
            "settlement_waves",
            "One row per settlement: when it began as rasters show it, beside founding and wave in the literature.",
            "settlement_id",
            settlement_id=_SETTLEMENT,
            area_id=_AREA,
            onset_year=_integer("First year with a tenth of today's built-up area.", check=_YEAR, nullable=True),
            wave=_text("Wave of the literature that holds that year (layers/facts/waves.csv).", nullable=True),
            named_id=_text("Row of layers/facts/settlements.csv that names it.", nullable=True),
            founded_low=_integer("Earliest year of founding in the literature.", check=_YEAR, nullable=True),
            founded_high=_integer("Latest year of founding in the literature.", check=_YEAR, nullable=True),
            founding=_code("Whether the onset lies within five years of that founding.", "founding"),
        ),
        _table(
            "settlement_lineage",
            "One row per pair of a settlement of the release that --since named and one of this release that are the"
            " same, or of which one came out of the other; empty where it named none. Ids are carried over along it.",
            "area_id old_id new_id",
            area_id=_AREA,
            old_id=_text("Settlement of that release; NULL: new.", nullable=True),
            new_id=_text("Settlement of this release (settlements.settlement_id); NULL: gone.", nullable=True),
            relation=_code("same, split, merged, new or gone.", "relation"),
            overlap=_number(
                "Ground that both outlines cover, as a share of what either covers.", "1", check=_PROBABILITY
            ),
        ),
        _table(
            "hazards",
            "One row per mapped hazard object, also those outside the area whose zones reach into it.",
            "hazard_id",
            hazard_id=_text("Identifier: class and OpenStreetMap object."),
            area_id=_AREA,
            hazard_class=_text("Class (layers/red_zones)."),
            rule_id=_text("Rule that applies to it (red_zone_rules.rule_id)."),
            name=_text("Name, where mapped.", nullable=True),
            osm_id=_text("OpenStreetMap object.", nullable=True),
            source_id=_text("Input that it was taken from."),
            attributes=_text("JSON: the tags and measures that chose the rule."),
            assumed=_flag("True: a tag that the rule needs is missing, and the rule's stated assumption was used."),
            geometry=_geometry("Edge from which distances are measured."),
        ),
        _table(
            "red_zone_rules",
            "One row per rule: which distance from which hazard, in which country, resting on which law.",
            "rule_id",
            rule_id=_text("Identifier: country, class, variant."),
            country=_text("ISO 3166-1 alpha-2 code, or default."),
            hazard_class=_text("Class (layers/red_zones)."),
            **_names("Name of the class"),
            condition=_text(
                "JSON: which objects of the class the rule is about, by tags and by ranges of measures; empty: all."
            ),
            kind=_code("Nature of the rule.", "rule_kind"),
            concern=_code("Whom the zone is about.", "concern"),
            distance_m=_number("Distance from the hazard's edge.", "m", check=_NOT_NEGATIVE),
            sensitivity_m=_text("JSON list: other distances worth a look, in metres."),
            legal_reference=_text("Act, number, article; empty: none known."),
            valid_from=_text("Day from which the act holds (ISO 8601).", nullable=True),
            valid_to=_text("Day on which it was repealed (ISO 8601).", nullable=True),
            legal_source=_text("Where the act was seen, and how much of it."),
            verified=_flag("True only where the metres themselves were seen (legal_source); else general knowledge."),
            colour=_text("Colour on the maps."),
        ),
        _table(
            "building_hazards",
            "One row per building and hazard within the reach of any rule. Full edition only: never published.",
            "building_id hazard_id",
            area_id=_AREA,
            building_id=_text("Building (buildings.building_id)."),
            hazard_id=_text("Hazard (hazards.hazard_id)."),
            hazard_class=_text("Class of the hazard."),
            rule_id=_text("Rule that applies to the hazard."),
            distance_m=_number(
                "From the outline to the hazard's edge; 0: touching or inside.", "m", check=_NOT_NEGATIVE
            ),
            doubtful=_flag(
                "True: only a satellite shows it, on a hazard's own ground where nobody lives; it counts nowhere."
            ),
        ),
        _table(
            "red_zone_overlaps",
            "One row per settlement and rule whose zone reaches into it.",
            "settlement_id rule_id",
            area_id=_AREA,
            settlement_id=_SETTLEMENT,
            rule_id=_text("Rule."),
            hazard_class=_text("Class of the hazard."),
            buildings=_integer("Buildings within the rule's distance, sheds and shops too.", "1", check=_NOT_NEGATIVE),
            homes=_integer("Of these, homes.", "1", check=_NOT_NEGATIVE),
            **{
                f"homes_{q}": _integer(
                    f"Homes that stand within it, quantile {int(q[1:])} %: less false outlines, with those unseen.",
                    "1",
                    check=_NOT_NEGATIVE,
                )
                for q in ("p05", "p50", "p95")
            },
            buildings_m2=_number("Footprint area inside the zone.", "m2", check=_NOT_NEGATIVE),
            overlap_m2=_number("Land of the settlement inside the zone.", "m2", check=_NOT_NEGATIVE),
            overlap_share=_number(
                "overlap_m2 / area of the settlement.",
                "1",
                formula="overlap_m2 / settlements.area_m2",
                check=pa.Check.in_range(0, 1 + 1e-9),
            ),
            nearest_m=_number("Least distance from any of its buildings to such a hazard.", "m", check=_NOT_NEGATIVE),
            severity=_number(
                "0 none to 1 worst; formula in transform.red_zones.",
                "1",
                formula="w * sum(1 - d / (2 D)) / buildings of the settlement, over those at distance d <= D",
                check=_PROBABILITY,
            ),
            assumed=_flag("True: at least one of the hazards lacks a tag, and an assumption was used."),
        ),
        _table(
            "area_population",
            "People of each area as far as its inputs show them: the estimate to quote, as quantiles of joint draws.",
            "area_id",
            area_id=_AREA,
            about=_ABOUT,
            **_people(),
        ),
        _table(
            "settlement_population",
            "People of each settlement, and of the homes in none: together they are the area's (means add up).",
            "place_id",
            place_id=_PLACE,
            area_id=_AREA,
            settlement_id=_IN_SETTLEMENT,
            **_people(),
        ),
        _table(
            "area_crosschecks",
            "Residents of each area by other methods: to hold the estimate against, never to add to it.",
            "area_id method",
            area_id=_AREA,
            **_CROSSCHECK,
        ),
        _table(
            "settlement_crosschecks",
            "Residents of each settlement by other methods: to hold the estimate against, never to add to it.",
            "settlement_id method",
            settlement_id=_SETTLEMENT,
            area_id=_AREA,
            **_CROSSCHECK,
        ),
        _table(
            "population_draws",
            "Draws of the people of each settlement and of the rest; added up draw by draw, they are the area's.",
            "place_id quantity",
            place_id=_PLACE,
            area_id=_AREA,
            settlement_id=_IN_SETTLEMENT,
            quantity=_code("What is counted; drawn_kind: position of the kind among the modelled ones.", "drawn"),
            draws=_column(
                "object",
                "Equally probable values; the n-th of all places and quantities belong together.",
                unit="person",
            ),
        ),
        _table(
            "unregistered_shares",
            "The unregistered as a share of an area's residents: what is believed, and what the data make of it.",
            "area_id prior state",
            area_id=_AREA,
            prior=_code("weak: the one in use; wide: twice as wide; published: what was told.", "share_prior"),
            state=_code("prior: before any count; posterior: given houses and registers.", "belief"),
            **{q: _number(f"Quantile {int(q[1:])} %.", "1", check=_PROBABILITY) for q in _QUANTILES},
            mean=_number("Mean.", "1", check=_PROBABILITY),
            effective_draws=_number("Effective number of draws behind it.", "1", check=_NOT_NEGATIVE),
        ),
        _table(
            "settlement_exposure",
            "People and homes of each settlement within the distance of each rule, today and as far as the homes stood "
            "in a year. Zones overlap: rows of rules do not add up, and the row without a rule counts each home once.",
            "place_id rule_id since",
            place_id=_PLACE,
            area_id=_AREA,
            settlement_id=_IN_SETTLEMENT,
            **_EXPOSURE,
        ),
        _table(
            "kind_exposure",
            "The same of all settlements of a kind.",
            "area_id kind rule_id since",
            area_id=_AREA,
            kind=_code("Kind that is told.", "settlement_kind"),
            **_EXPOSURE,
        ),
        _table(
            "area_exposure",
            "The same of all that is mapped in the area, with the buildings in no settlement (areas.told).",
            "area_id rule_id since",
            area_id=_AREA,
            **_EXPOSURE,
        ),
        _table(
            "settlement_residents_by_year",
            f"{_BY_YEAR} of each settlement. Quantiles do not add up; means do.",
            "place_id year",
            place_id=_PLACE,
            area_id=_AREA,
            settlement_id=_IN_SETTLEMENT,
            year=_integer("Year.", check=_YEAR),
            **_statistics("Residents"),
        ),
        _table(
            "area_residents_by_year",
            f"{_BY_YEAR} of each area: the sum of its places, draw by draw.",
            "area_id year",
            area_id=_AREA,
            year=_integer("Year.", check=_YEAR),
            **_statistics("Residents"),
        ),
        _table(
            "area_built_up_since_2016",
            "Built-up area of each area by the end of each year since 2016, as another product sees it (cells of 10 m, "
            "built or not): beside area_built_up, never joined to it.",
            "area_id year",
            area_id=_AREA,
            **_SINCE_2016,
        ),
        _table(
            "settlement_built_up_since_2016",
            "The same within today's outline of each settlement, and outside all of them.",
            "place_id year",
            place_id=_PLACE,
            area_id=_AREA,
            settlement_id=_IN_SETTLEMENT,
            **_SINCE_2016,
        ),
        _table(
            "area_built_up",
            "Built-up area of each area and epoch: its bounding box, with settlements that reach beyond it.",
            "area_id year product",
            area_id=_AREA,
            **_built_up(),
        ),
        _table(
            "settlement_built_up",
            "Built-up area within today's outline of each settlement, and outside all of them, by epoch.",
            "place_id year product",
            place_id=_PLACE,
            area_id=_AREA,
            settlement_id=_IN_SETTLEMENT,
            **_built_up(),
        ),
        _table(
            "fixed_outline_built_up",
            "The same within earlier outlines that were given as an input, and outside all of them.",
            "area_id outline_id year product",
            outline_id=_text("Identifier of the outline in that input, or '<area>/rest': outside all of them."),
            area_id=_AREA,
            **_built_up(),
        ),
        _table(
            "completeness",
            "How complete the inputs are, per layer and area: absence from a map is not proof of absence.",
            "area_id layer measure",
            area_id=_AREA,
            layer=_text("Layer or hazard class."),
            measure=_code("What is measured; the sentence that it makes is in maps/texts.", "measure"),
            value=_number("Its value.", "see measure", nullable=True),
            verdict=_code("What follows.", "verdict"),
        ),
        _table(
            "coverage",
            "One row per 500 m cell with signs of habitation or with buildings: is what stands there mapped?",
            "cell_id",
            area_id=_AREA,
            cell_id=_text("Identifier: area, column and row of the grid, which the public edition shares."),
            people=_number(
                "People by the population raster; NULL: none given, or a cell at the edge of the area.",
                "person",
                check=_NOT_NEGATIVE,
                nullable=True,
            ),
            built_m2=_number(
                "Built-up area, latest observed epoch; NULL likewise.", "m2", check=_NOT_NEGATIVE, nullable=True
            ),
            streets_m=_number("Length of residential streets.", "m", check=_NOT_NEGATIVE),
            buildings=_integer("Buildings in the inputs, sheds and shops too.", "1", check=_NOT_NEGATIVE),
            homes=_integer("Of these, homes.", "1", check=_NOT_NEGATIVE),
            roof_m2=_number("Their footprint area.", "m2", check=_NOT_NEGATIVE),
            roof_osm_m2=_number("Of that, what OpenStreetMap shows.", "m2", check=_NOT_NEGATIVE),
            roof_satellite_m2=_number("Of that, what satellites show.", "m2", check=_NOT_NEGATIVE),
            inhabited=_flag("True: at least one sign says that people live there."),
            mapped=_flag("True: roofs are mapped, about as many as the signs let expect."),
            osm_mapped=_flag("False: satellites see buildings, OpenStreetMap none; hazards may be missing there too."),
            geometry=_geometry("The cell."),
        ),
        _table(
            "cell_settlements",
            "Which settlements the buildings of a cell belong to. Full edition only: counts are small.",
            "cell_id place_id",
            cell_id=_text("Cell (coverage.cell_id)."),
            place_id=_PLACE,
            area_id=_AREA,
            settlement_id=_IN_SETTLEMENT,
            buildings=_integer("Buildings in both.", "1", check=pa.Check.ge(1)),
            homes=_integer("Of these, homes.", "1", check=_NOT_NEGATIVE),
        ),
        _table(
            "validation",
            "Published figures (and, where simulated, the truth) beside the estimates.",
            "check_id",
            check_id=_text("Identifier of the figure, as in layers/facts."),
            area_id=_AREA,
            subject=_text("Settlement or city, as the figure's source names it."),
            settlement_id=_text(
                "Settlement that the figure is about; NULL: the city, a group, or none found.", nullable=True
            ),
            quantity=_text("What is counted."),
            year=_integer("Year of the figure.", check=_YEAR, nullable=True),
            reported_low=_number("Lower end of what was reported.", "see quantity", nullable=True),
            reported=_number("What was reported.", "see quantity", nullable=True),
            reported_high=_number("Upper end of what was reported.", "see quantity", nullable=True),
            **{
                q: _number(f"Estimate, quantile {int(q[1:])} %.", "see quantity", nullable=True)
                for q in ("p05", "p50", "p95")
            },
            log_ratio=_number("ln(p50 / reported).", "1", formula="ln(p50 / reported)", nullable=True),
            detectable=_number(
                "Least factor by which the estimate would have to be wrong for this figure to show it; NULL: none can.",
                "1",
                check=pa.Check.ge(1),
                nullable=True,
            ),
            verdict=_code("Inside or outside the interval.", "comparison"),
            reference=_text("Who reported it, or 'simulated truth'."),
        ),
        _table(
            "runs",
            "The run that made this file; it holds no clock time, so the same inputs give the same bytes.",
            "run_id",
            run_id=_text("Identifier: a digest of inputs, configuration, code and parent."),
            parent_run_id=_text("The release that --since named; NULL: none.", nullable=True),
            **_RUN,
            seed=_integer("Seed of every random draw."),
            draws=_integer("Monte Carlo draws.", "1"),
            season=_text("Season of the occupancy."),
            config=_text("JSON: the configuration."),
            simulated=_ANY_SIMULATED,
        ),
        _table(
            "public_withheld",
            "What the public edition does not show: it will not be shown by a later release either. Full edition only.",
            "unit_id",
            area_id=_AREA,
            unit=_code("What it is.", "public_unit"),
            unit_id=_text("Cell (coverage.cell_id) or settlement, of this release or an earlier one."),
        ),
        _table(
            "dictionary",
            "One row per column of every table of this edition.",
            "table_name column_name",
            table_name=_text("Table."),
            column_name=_text("Column."),
            position=_integer("Its place in the table, from 1."),
            type=_text("What it holds: text, number, integer, boolean, timestamp, geometry or a list of integers."),
            unit=_text("Unit; 1: a pure number; NULL: none.", nullable=True),
            nullable=_flag("True: it may be NULL."),
            in_key=_flag("True: one of the columns that identify a row."),
            refers_to=_text("Column of another table that holds the same values.", nullable=True),
            code_set=_text("Set of its codes (codes.code_set).", nullable=True),
            meaning=_text("What it means."),
            source=_text("Module that makes the table, and the page that explains how."),
            formula=_text("How it follows from other values.", nullable=True),
        ),
        _table(
            "codes",
            "One row per value that a column of codes may hold, in words.",
            "code_set code",
            code_set=_text("Set of codes, as in dictionary.code_set."),
            code=_text("Value in the tables."),
            position=_integer("Its place among the others, from 1: the order in which readers see them."),
            **{f"meaning_{code}": _text(f"Meaning in {language}.") for code, language in LANGUAGES.items()},
        ),
        _table(
            "citation",
            "How to cite this file: one row.",
            "run_id",
            run_id=_text("Run that made it."),
            version=_text("Version of novostroiki."),
            schema_version=_text("Version of the tables (docs/schema.md)."),
            licence=_text("Licence of the data (SPDX)."),
            data_date=_text("Year that the inputs of the buildings show; empty: unknown."),
            simulated=_ANY_SIMULATED,
            title=_text("Title."),
            authors=_text("Authors."),
            text=_text("The citation as a sentence."),
            bibtex=_text("The citation as a BibTeX entry."),
        ),
    )
}

MADE_BY = {
    "areas": "pipeline.transform.people_seen (docs/coverage.md)",
    "sources": "pipeline.extract (docs/inputs.md)",
    "buildings": "pipeline.transform.buildings (docs/settlements.md)",
    "settlements": "pipeline.transform.settlements (docs/settlements.md)",
    "named_settlements": "pipeline.transform.settlements (docs/settlements.md)",
    "settlement_lineage": "pipeline.transform.settlements (docs/releases.md)",
    "kind_weights": "pipeline.transform.settlements (docs/settlements.md)",
    "settlement_waves": "pipeline.transform.growth (docs/domain.md)",
    "hazards": "pipeline.transform.red_zones (docs/red_zones.md)",
    "red_zone_rules": "layers/red_zones (docs/red_zones.md)",
    "building_hazards": "pipeline.transform.red_zones (docs/red_zones.md)",
    "red_zone_overlaps": "pipeline.transform.red_zones (docs/red_zones.md)",
    "red_zones": "pipeline.load.public_edition (docs/public.md)",
    "area_population": "pipeline.transform.population (docs/method.md)",
    "settlement_population": "pipeline.transform.population (docs/method.md)",
    "area_crosschecks": "pipeline.transform.population (docs/method.md)",
    "settlement_crosschecks": "pipeline.transform.population (docs/method.md)",
    "population_draws": "pipeline.transform.population (docs/method.md)",
    "unregistered_shares": "pipeline.transform.population (docs/method.md)",
    "settlement_exposure": "pipeline.transform.population (docs/method.md)",
    "kind_exposure": "pipeline.transform.population (docs/method.md)",
    "area_exposure": "pipeline.transform.population (docs/method.md)",
    "settlement_residents_by_year": "pipeline.transform.population (docs/method.md)",
    "area_residents_by_year": "pipeline.transform.population (docs/method.md)",
    "area_built_up_since_2016": "pipeline.transform.growth (docs/domain.md)",
    "settlement_built_up_since_2016": "pipeline.transform.growth (docs/domain.md)",
    "area_built_up": "pipeline.transform.growth (docs/domain.md)",
    "settlement_built_up": "pipeline.transform.growth (docs/domain.md)",
    "fixed_outline_built_up": "pipeline.transform.growth (docs/domain.md)",
    "completeness": "pipeline.transform.completeness (docs/coverage.md)",
    "coverage": "pipeline.transform.completeness (docs/coverage.md)",
    "cell_settlements": "pipeline.transform.completeness (docs/coverage.md)",
    "grid": "pipeline.load.public_edition (docs/public.md)",
    "public_withheld": "pipeline.load.public_edition (docs/public.md)",
    "validation": "pipeline.transform.validation (docs/coverage.md)",
    "notice": "maps/texts",
    "runs": "pipeline.run",
    "dictionary": "pipeline.schema.tables",
    "codes": "layers/codes.toml",
    "citation": "pipeline.schema.about",
}
"""Where a table of either edition is made, and which page explains how."""


def _rounded(of: str, prefix: str = "") -> dict[str, pa.Column]:
    return {
        f"{prefix}p05": _number(
            f"{of}: lower end of the 90 % interval, rounded down to 50, 100 or 1,000; NULL: fewer than 50 people.",
            "person",
            nullable=True,
        ),
        f"{prefix}p50": _number(f"{of}: median, rounded likewise; NULL likewise.", "person", nullable=True),
        f"{prefix}p95": _number(f"{of}: upper end, rounded up; NULL likewise.", "person", nullable=True),
    }


_PUBLIC_PEOPLE = {
    **{name: column for q in QUANTITIES for name, column in _rounded(_WHO[q], f"{q}_").items()},
    **_basis(),
    "year": _integer("Year of the inputs.", check=_YEAR, nullable=True),
}
_PUBLIC_BUILT_UP = {
    **{name: column for name, column in _built_up().items() if name != "built_m2"},
    "built_ha": _number("Built-up area, rounded to 0.1 ha.", "ha", check=_NOT_NEGATIVE),
}

PUBLIC_TABLES: dict[str, pa.DataFrameSchema] = {
    table.name: table
    for table in (
        _table(
            "notice",
            "What this file is for, and what it is not.",
            "language",
            language=_text("ISO 639-1 code."),
            impact_note=_text("What may be done with these figures, and what harm they could do."),
            disclaimer=_text("What these figures are not."),
        ),
        _table(
            "areas",
            "One row per area (city); counts rounded to 5.",
            "area_id",
            area_id=_text("Identifier of the area."),
            country=_text("ISO 3166-1 alpha-2 code."),
            name=_text("Name in English."),
            **_names("Name"),
            buildings=_integer("Buildings, rounded to 5.", "1", check=_NOT_NEGATIVE),
            settlements=_integer("Settlements shown here.", "1", check=_NOT_NEGATIVE),
            settlements_withheld=_integer("Settlements too small to be shown.", "1", check=_NOT_NEGATIVE),
            cells=_integer("Grid cells shown here.", "1", check=_NOT_NEGATIVE),
            cells_withheld=_integer("Grid cells with too few homes or people to be shown.", "1", check=_NOT_NEGATIVE),
            simulated=_flag("True: the inputs were simulated; nothing here describes the real city."),
            **_SEEN,
            geometry=_geometry("The area as a polygon."),
        ),
        _table(
            "settlements",
            "One row per settlement of at least 100 homes.",
            "settlement_id",
            settlement_id=_text("Identifier in the public edition: tells neither place nor rank."),
            area_id=_AREA,
            name=_text("Best-known name; NULL: none known.", nullable=True),
            **_names("Name"),
            **_NEAR,
            kind=_code("Class with the highest score.", "settlement_kind"),
            status=_code("Registration status as published.", "status"),
            status_year=_integer("Year that the status refers to.", check=_YEAR, nullable=True),
            status_source=_text("Who says so.", nullable=True),
            onset_year=_integer("First year with a tenth of today's built-up area.", check=_YEAR, nullable=True),
            buildings=_integer("Buildings, rounded to 5.", "1", check=_NOT_NEGATIVE),
            geometry=_geometry("Grid cells that hold it; NULL: they are too thinly built to be shown.", nullable=True),
        ),
        _table(
            "grid",
            "One row per 500 m cell with at least 10 homes and 50 residents (equal-area grid of each area).",
            "cell_id",
            cell_id=_text("Identifier: area, column and row of the grid."),
            area_id=_AREA,
            buildings=_integer("Buildings, rounded to 5.", "1", check=_NOT_NEGATIVE),
            **_rounded("Residents"),
            kind=_code("Class of the settlements in which most of its homes stand.", "settlement_kind"),
            share_residents=_code(
                "How many of its homes stand in zones that protect residents from a hazard.", "share"
            ),
            share_administrative=_code("How many of its homes stand inside administrative limits.", "share"),
            geometry=_geometry("The cell."),
        ),
        _table(
            "area_population",
            "People of each area as far as its inputs show them: 90 % intervals.",
            "area_id",
            area_id=_AREA,
            about=_ABOUT,
            **_PUBLIC_PEOPLE,
        ),
        _table(
            "settlement_population",
            "People of each settlement shown here: 90 % intervals. Quantiles do not add up.",
            "settlement_id",
            settlement_id=_SETTLEMENT,
            area_id=_AREA,
            **_PUBLIC_PEOPLE,
        ),
        _table(
            "area_built_up",
            "Built-up area of each area and epoch.",
            "area_id year product",
            area_id=_AREA,
            **_PUBLIC_BUILT_UP,
        ),
        _table(
            "settlement_built_up",
            "Built-up area of each settlement shown here and epoch.",
            "settlement_id year product",
            settlement_id=_SETTLEMENT,
            area_id=_AREA,
            **_PUBLIC_BUILT_UP,
        ),
        _table(
            "red_zones",
            "One row per settlement and rule whose zone reaches into it.",
            "settlement_id rule_id",
            area_id=_AREA,
            settlement_id=_SETTLEMENT,
            rule_id=_text("Rule (red_zone_rules.rule_id)."),
            hazard_class=_text("Class of the hazard."),
            share=_code("How many of its homes stand within the rule's distance.", "share"),
            assumed=_flag("True: at least one of the hazards lacks a tag, and an assumption was used."),
        ),
        _table(
            "sources",
            "One row per input: where the figures come from.",
            "source_id",
            source_id=_text("Identifier of the input: dataset, area, running number."),
            area_id=_AREA,
            dataset=_text("Dataset, as in the catalogue of sources."),
            version=_text("Version, release, epoch or date of the data."),
            licence=_text("Licence of the data."),
            attribution=_text("Attribution that the licence asks for."),
            simulated=_flag("True: written by the simulator."),
        ),
        TABLES["red_zone_rules"],
        TABLES["completeness"],
        _table(
            "runs",
            "The run that made this file.",
            "run_id",
            run_id=_text("Identifier: a digest of configuration, inputs, code and the release that it follows."),
            **_RUN,
            simulated=_ANY_SIMULATED,
        ),
        TABLES["dictionary"],
        TABLES["codes"],
        TABLES["citation"],
    )
}
"""The public edition: aggregates only. How they are made safe is told in `load.public_edition.disclosure`."""

BULKY = frozenset({"buildings", "building_hazards"})
"""Tables that grow with the number of buildings: an index of their keys would take more room than their rows."""

PRIVATE = frozenset({"buildings", "building_hazards", "cell_settlements", "public_withheld"})
"""Tables that speak of single houses or a few of them; no public output holds their rows."""


def conform(name: str, frame: pd.DataFrame, tables: Mapping[str, pa.DataFrameSchema] = TABLES) -> Any:  # noqa: ANN401 - a DataFrame or a GeoDataFrame, as given
    """Return a frame with the columns of a table in their order and types, checked.

    Columns that the table does not have are dropped, so that a transform may keep working columns.

    Raises
    ------
    RunError
        A column is missing or a value breaks a check: a fault of the program, not of the input.
    """
    schema = tables[name]
    if missing := [column for column in schema.columns if column not in frame]:
        msg = (
            f"Table {name} was made without its column {missing[0]}; this is a fault of novostroiki, please report it."
        )
        raise RunError(msg)
    try:
        return schema.validate(frame[list(schema.columns)].reset_index(drop=True))
    except (SchemaError, SchemaErrors) as error:
        first = str(error).splitlines()[0][:300]
        msg = f"Table {name} breaks its own checks: {first}. This is a fault of novostroiki, please report it."
        raise RunError(msg) from error
