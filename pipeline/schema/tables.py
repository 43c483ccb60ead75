"""Every table of the full edition: columns, types, units, checks and one-line descriptions.

The checks at run time, the comments in DuckDB and the data dictionary in the docs all come from here. Geometries are
stored in EPSG:4326 (lon, lat); lengths and areas are measured in the area's projected CRS and stored as plain columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandera.pandas as pa
from pandera.errors import SchemaError, SchemaErrors

from pipeline.errors import RunError
from pipeline.schema.columns import (
    ABOUT,
    ANY_SIMULATED,
    AREA,
    BY_YEAR,
    CROSSCHECK,
    EXPOSURE,
    IN_SETTLEMENT,
    NEAR,
    NOT_NEGATIVE,
    PLACE,
    PROBABILITY,
    QUANTILES,
    RUN,
    SEEN,
    SETTLEMENT,
    SINCE_2016,
    YEAR,
    built_up,
    code,
    column,
    flag,
    geometry,
    integer,
    names,
    number,
    people,
    statistics,
    table,
    text,
)
from pipeline.schema.vocabulary import LANGUAGES, TOLD_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

TABLES: dict[str, pa.DataFrameSchema] = {
    one.name: one
    for one in (
        table(
            "areas",
            "One row per area (city) of this run.",
            "area_id",
            area_id=text("Identifier of the area, as in the configuration."),
            country=text("ISO 3166-1 alpha-2 code; chooses the red-zone rules."),
            crs=text("Projected CRS in which lengths and areas were measured (PROJ string or EPSG code)."),
            name=text("Name in English."),
            **names("Name"),
            west=number("Western edge of the area.", "degree"),
            south=number("Southern edge of the area.", "degree"),
            east=number("Eastern edge of the area.", "degree"),
            north=number("Northern edge of the area.", "degree"),
            simulated=flag("True: the inputs of this area were simulated; nothing here describes the real city."),
            **SEEN,
            geometry=geometry("The area as a polygon."),
        ),
        table(
            "sources",
            "One row per input as it was used: where any figure of this file comes from.",
            "source_id",
            source_id=text("Identifier of the input: dataset, area, running number."),
            area_id=AREA,
            dataset=text("Dataset, as in the catalogue of sources."),
            version=text("Version, release, epoch or date of the data."),
            licence=text("Licence of the data."),
            attribution=text("Attribution that the licence asks for."),
            url=text("Address, or name of the local file."),
            retrieved_at=column(
                "datetime64[us, UTC]",
                "When it was fetched; NULL: a local file, whose clock times are those of a disk.",
                nullable=True,
            ),
            sha256=text("SHA-256 of the bytes that were read."),
            bytes=integer("Size of what was read.", "byte", check=NOT_NEGATIVE),
            features=integer("Objects or cells taken from it.", "1", check=NOT_NEGATIVE),
            simulated=flag("True: written by the simulator."),
            observed_year=integer(
                "Year in which things were as the input shows them; empty: it does not say.", check=YEAR, nullable=True
            ),
        ),
        table(
            "buildings",
            "One row per building after the sources are merged. Full edition only: never published.",
            "building_id",
            building_id=text("Identifier, derived from the location: the same building keeps it from run to run."),
            area_id=AREA,
            settlement_id=IN_SETTLEMENT,
            source_id=text("Input that the outline was taken from.", references="sources.source_id"),
            seen_by=code("Which kinds of source saw it.", "seen_by"),
            kind=code("What it is, as far as tags, size and neighbours tell.", "building_kind"),
            home=flag(
                "True: people may live in it: a block of flats, or a house or main building of unknown use of 25 to "
                "600 m2. False: a shed, a hall, a shop."
            ),
            osm_id=text("OpenStreetMap object, such as way/123.", nullable=True),
            footprint_m2=number("Area of the outline.", "m2", check=pa.Check.gt(0)),
            levels=number(
                "Storeys, where a source tells them, or a height of which they are 3 m each.",
                "1",
                check=pa.Check.in_range(0, 200),
                nullable=True,
            ),
            first_seen_year=integer(
                "Year in which rasters first show its place built up (the earliest that it can have); NULL: none does.",
                check=YEAR,
                nullable=True,
            ),
            lon=number("Longitude of a point inside.", "degree"),
            lat=number("Latitude of a point inside.", "degree"),
            geometry=geometry("Outline."),
        ),
        table(
            "settlements",
            "One row per delineated settlement.",
            "settlement_id",
            settlement_id=text("Identifier: area and place (latitude, longitude) of the median of its homes."),
            area_id=AREA,
            name=text("Best-known name, as written by its source; NULL: none known.", nullable=True),
            **names("Name"),
            name_evidence=text("How the name was matched, and from which object or row.", nullable=True),
            **NEAR,
            kind=code(
                "Kind that is more probable than all others together; undetermined: the evidence does not suffice.",
                "settlement_kind",
            ),
            kind_score=number(
                "Probability of the kind novostroika; with the columns p_… it adds up to 1.", "1", check=PROBABILITY
            ),
            **{
                f"p_{kind}": number(f"Probability of the kind {kind}.", "1", check=PROBABILITY)
                for kind in TOLD_KINDS
                if kind != "novostroika"
            },
            evidence_name_word=text("Kind that a word in its names tells (ж/м, село, дачи, мкр …).", nullable=True),
            evidence_map_tag=text("What the map's tags call it: village, allotments, quarter.", nullable=True),
            evidence_listed=text("What a published list calls it.", nullable=True),
            evidence_onset=number("onset_year, where the rasters tell ages apart.", "year", nullable=True),
            evidence_unpaved_share=number(
                "Unpaved streets, of the length of stated paving, where the city's map states both.", "1", nullable=True
            ),
            evidence_services_ratio=number(
                "ln of schools, clinics and the like over the city's average per building, where the map shows them.",
                "1",
                nullable=True,
            ),
            evidence_flats_share=number(
                "Blocks of flats, of its main buildings, where any are known.", "1", nullable=True
            ),
            evidence_home_m2=number("Median footprint of its houses, from eight on.", "m2", nullable=True),
            evidence_plot_m2=number("Land per main building, from eight houses on.", "m2", nullable=True),
            evidence_block_ha=number(
                "Median area of the blocks that its streets close; weighs nothing, as the next three.",
                "ha",
                nullable=True,
            ),
            evidence_dead_end_share=number("Dead ends, of its junctions and dead ends.", "1", nullable=True),
            evidence_straightness=number(
                "Distance between the ends of its streets over their length.", "1", nullable=True
            ),
            evidence_streets_per_node=number("Streets that meet at a junction or dead end, mean.", "1", nullable=True),
            delineation=code("How the outline was found.", "delineation"),
            status=code("Legal status as published, for settlements the literature names.", "status"),
            status_year=integer("Year that the status refers to.", check=YEAR, nullable=True),
            status_source=text("Who says so.", nullable=True),
            onset_year=integer("First year with a tenth of today's built-up area.", check=YEAR, nullable=True),
            area_m2=number("Area of the outline.", "m2", check=pa.Check.gt(0)),
            buildings=integer("Buildings in it, sheds and shops too.", "1", check=pa.Check.ge(1)),
            homes=integer("Of these, homes (buildings.home).", "1", check=NOT_NEGATIVE),
            geometry=geometry("Outline."),
        ),
        table(
            "kind_weights",
            "Weights by which the kinds of settlements were told, as shipped and as the user's labels moved them.",
            "area_id measure knot kind",
            area_id=AREA,
            measure=text("Measure: the column evidence_<measure> of settlements."),
            knot=text("Its word, or a value between which and the next one weights are interpolated."),
            kind=text("Kind whose score it adds to."),
            shipped=number("Weight before any label, mean.", "1"),
            weight=number("The one in use: the most probable after the labels.", "1"),
            spread=number("Standard deviation of it, after the labels.", "1", check=NOT_NEGATIVE),
        ),
        table(
            "named_settlements",
            "One row per settlement that the literature names, in every run of its city.",
            "named_id",
            named_id=text("Identifier of the row in layers/facts/settlements.csv."),
            area_id=AREA,
            name=text("Name as the literature spells it."),
            outcome=code("Whether these inputs show it.", "outcome"),
            settlement_id=text(
                "Settlement that it was matched with.", nullable=True, references="settlements.settlement_id"
            ),
            evidence=text("Why it was matched, or why not."),
            distance_m=number(
                "Distance between the hinted and the found place.", "m", check=NOT_NEGATIVE, nullable=True
            ),
        ),
        table(
            "settlement_waves",
            "One row per settlement: when it began as rasters show it, beside founding and wave in the literature.",
            "settlement_id",
            settlement_id=SETTLEMENT,
            area_id=AREA,
            onset_year=integer("First year with a tenth of today's built-up area.", check=YEAR, nullable=True),
            wave=text("Wave of the literature that holds that year (layers/facts/waves.csv).", nullable=True),
            named_id=text("Row of layers/facts/settlements.csv that names it.", nullable=True),
            founded_low=integer("Earliest year of founding in the literature.", check=YEAR, nullable=True),
            founded_high=integer("Latest year of founding in the literature.", check=YEAR, nullable=True),
            founding=code("Whether the onset lies within five years of that founding.", "founding"),
        ),
        table(
            "settlement_lineage",
            "One row per pair of a settlement of the release that --since named and one of this release that are the"
            " same, or of which one came out of the other; empty where it named none. Ids are carried over along it.",
            "area_id old_id new_id",
            area_id=AREA,
            old_id=text("Settlement of that release; NULL: new.", nullable=True),
            new_id=text(
                "Settlement of this release; NULL: gone.", nullable=True, references="settlements.settlement_id"
            ),
            relation=code("same, split, merged, new or gone.", "relation"),
            overlap=number(
                "Ground that both outlines cover, as a share of what either covers.", "1", check=PROBABILITY
            ),
        ),
        table(
            "hazards",
            "One row per mapped hazard object, also those outside the area whose zones reach into it.",
            "hazard_id",
            hazard_id=text("Identifier: class and OpenStreetMap object."),
            area_id=AREA,
            hazard_class=text("Class (layers/red_zones)."),
            rule_id=text("Rule that applies to it.", references="red_zone_rules.rule_id"),
            name=text("Name, where mapped.", nullable=True),
            osm_id=text("OpenStreetMap object.", nullable=True),
            source_id=text("Input that it was taken from.", references="sources.source_id"),
            attributes=text("JSON: the tags and measures that chose the rule."),
            assumed=flag("True: a tag that the rule needs is missing, and the rule's stated assumption was used."),
            geometry=geometry("Edge from which distances are measured."),
        ),
        table(
            "red_zone_rules",
            "One row per rule: which distance from which hazard, in which country, resting on which law.",
            "rule_id",
            rule_id=text("Identifier: country, class, variant."),
            country=text("ISO 3166-1 alpha-2 code, or default."),
            hazard_class=text("Class (layers/red_zones)."),
            **names("Name of the class"),
            condition=text(
                "JSON: which objects of the class the rule is about, by tags and by ranges of measures; empty: all."
            ),
            kind=code("Nature of the rule.", "rule_kind"),
            concern=code("Whom the zone is about.", "concern"),
            distance_m=number("Distance from the hazard's edge.", "m", check=NOT_NEGATIVE),
            sensitivity_m=text("JSON list: other distances worth a look, in metres."),
            legal_reference=text("Act, number, article; empty: none known."),
            valid_from=text("Day from which the act holds (ISO 8601).", nullable=True),
            valid_to=text("Day on which it was repealed (ISO 8601).", nullable=True),
            legal_source=text("Where the act was seen, and how much of it."),
            verified=flag("True only where the metres themselves were seen (legal_source); else general knowledge."),
            colour=text("Colour on the maps."),
        ),
        table(
            "building_hazards",
            "One row per building and hazard within the reach of any rule. Full edition only: never published.",
            "building_id hazard_id",
            area_id=AREA,
            building_id=text("Building.", references="buildings.building_id"),
            hazard_id=text("Hazard.", references="hazards.hazard_id"),
            hazard_class=text("Class of the hazard."),
            rule_id=text("Rule that applies to the hazard.", references="red_zone_rules.rule_id"),
            distance_m=number("From the outline to the hazard's edge; 0: touching or inside.", "m", check=NOT_NEGATIVE),
            doubtful=flag(
                "True: only a satellite shows it, on a hazard's own ground where nobody lives; it counts nowhere."
            ),
        ),
        table(
            "red_zone_overlaps",
            "One row per settlement and rule whose zone reaches into it.",
            "settlement_id rule_id",
            area_id=AREA,
            settlement_id=SETTLEMENT,
            rule_id=text("Rule.", references="red_zone_rules.rule_id"),
            hazard_class=text("Class of the hazard."),
            buildings=integer("Buildings within the rule's distance, sheds and shops too.", "1", check=NOT_NEGATIVE),
            homes=integer("Of these, homes.", "1", check=NOT_NEGATIVE),
            **{
                f"homes_{q}": integer(
                    f"Homes that stand within it, quantile {int(q[1:])} %: less false outlines, with those unseen.",
                    "1",
                    check=NOT_NEGATIVE,
                )
                for q in ("p05", "p50", "p95")
            },
            buildings_m2=number("Footprint area inside the zone.", "m2", check=NOT_NEGATIVE),
            overlap_m2=number("Land of the settlement inside the zone.", "m2", check=NOT_NEGATIVE),
            overlap_share=number(
                "overlap_m2 / area of the settlement.",
                "1",
                formula="overlap_m2 / settlements.area_m2",
                check=pa.Check.in_range(0, 1 + 1e-9),
            ),
            nearest_m=number("Least distance from any of its buildings to such a hazard.", "m", check=NOT_NEGATIVE),
            severity=number(
                "0 none to 1 worst; formula in transform.red_zones.",
                "1",
                formula="w * sum(1 - d / (2 D)) / buildings of the settlement, over those at distance d <= D",
                check=PROBABILITY,
            ),
            assumed=flag("True: at least one of the hazards lacks a tag, and an assumption was used."),
        ),
        table(
            "area_population",
            "People of each area as far as its inputs show them: the estimate to quote, as quantiles of joint draws.",
            "area_id",
            area_id=AREA,
            about=ABOUT,
            **people(),
        ),
        table(
            "settlement_population",
            "People of each settlement, and of the homes in none: together they are the area's (means add up).",
            "place_id",
            place_id=PLACE,
            area_id=AREA,
            settlement_id=IN_SETTLEMENT,
            **people(),
        ),
        table(
            "area_crosschecks",
            "Residents of each area by other methods: to hold the estimate against, never to add to it.",
            "area_id method",
            area_id=AREA,
            **CROSSCHECK,
        ),
        table(
            "settlement_crosschecks",
            "Residents of each settlement by other methods: to hold the estimate against, never to add to it.",
            "settlement_id method",
            settlement_id=SETTLEMENT,
            area_id=AREA,
            **CROSSCHECK,
        ),
        table(
            "population_draws",
            "Draws of the people of each settlement and of the rest; added up draw by draw, they are the area's.",
            "quantity place_id",
            place_id=PLACE,
            area_id=AREA,
            settlement_id=IN_SETTLEMENT,
            quantity=code("What is counted; drawn_kind: position of the kind among the modelled ones.", "drawn"),
            draws=column(
                "object",
                "Equally probable values; the n-th of all places and quantities belong together.",
                unit="person",
            ),
        ),
        table(
            "unregistered_shares",
            "The unregistered as a share of an area's residents: what is believed, and what the data make of it.",
            "area_id prior state",
            area_id=AREA,
            prior=code("weak: the one in use; wide: twice as wide; published: what was told.", "share_prior"),
            state=code("prior: before any count; posterior: given houses and registers.", "belief"),
            **{q: number(f"Quantile {int(q[1:])} %.", "1", check=PROBABILITY) for q in QUANTILES},
            mean=number("Mean.", "1", check=PROBABILITY),
            effective_draws=number("Effective number of draws behind it.", "1", check=NOT_NEGATIVE),
        ),
        table(
            "settlement_exposure",
            "People and homes of each settlement within the distance of each rule, today and as far as the homes stood "
            "in a year. Zones overlap: rows of rules do not add up, and the row without a rule counts each home once.",
            "place_id rule_id since",
            place_id=PLACE,
            area_id=AREA,
            settlement_id=IN_SETTLEMENT,
            **EXPOSURE,
        ),
        table(
            "kind_exposure",
            "The same of all settlements of a kind.",
            "area_id kind rule_id since",
            area_id=AREA,
            kind=code("Kind that is told.", "settlement_kind"),
            **EXPOSURE,
        ),
        table(
            "area_exposure",
            "The same of all that is mapped in the area, with the buildings in no settlement (areas.told).",
            "area_id rule_id since",
            area_id=AREA,
            **EXPOSURE,
        ),
        table(
            "settlement_residents_by_year",
            f"{BY_YEAR} of each settlement. Quantiles do not add up; means do.",
            "place_id year",
            place_id=PLACE,
            area_id=AREA,
            settlement_id=IN_SETTLEMENT,
            year=integer("Year.", check=YEAR),
            **statistics("Residents"),
        ),
        table(
            "area_residents_by_year",
            f"{BY_YEAR} of each area: the sum of its places, draw by draw.",
            "area_id year",
            area_id=AREA,
            year=integer("Year.", check=YEAR),
            **statistics("Residents"),
        ),
        table(
            "area_built_up_since_2016",
            "Built-up area of each area by the end of each year since 2016, as another product sees it (cells of 10 m, "
            "built or not): beside area_built_up, never joined to it.",
            "area_id year",
            area_id=AREA,
            **SINCE_2016,
        ),
        table(
            "settlement_built_up_since_2016",
            "The same within today's outline of each settlement, and outside all of them.",
            "place_id year",
            place_id=PLACE,
            area_id=AREA,
            settlement_id=IN_SETTLEMENT,
            **SINCE_2016,
        ),
        table(
            "area_built_up",
            "Built-up area of each area and epoch: its bounding box, with settlements that reach beyond it.",
            "area_id year product",
            area_id=AREA,
            **built_up(),
        ),
        table(
            "settlement_built_up",
            "Built-up area within today's outline of each settlement, and outside all of them, by epoch.",
            "place_id year product",
            place_id=PLACE,
            area_id=AREA,
            settlement_id=IN_SETTLEMENT,
            **built_up(),
        ),
        table(
            "fixed_outline_built_up",
            "The same within earlier outlines that were given as an input, and outside all of them.",
            "area_id outline_id year product",
            outline_id=text("Identifier of the outline in that input, or '<area>/rest': outside all of them."),
            area_id=AREA,
            **built_up(),
        ),
        table(
            "completeness",
            "How complete the inputs are, per layer and area: absence from a map is not proof of absence.",
            "area_id layer measure",
            area_id=AREA,
            layer=text("Layer or hazard class."),
            measure=code("What is measured; the sentence that it makes is in maps/texts.", "measure"),
            value=number("Its value.", "see measure", nullable=True),
            verdict=code("What follows.", "verdict"),
        ),
        table(
            "coverage",
            "One row per 500 m cell with signs of habitation or with buildings: is what stands there mapped?",
            "cell_id",
            area_id=AREA,
            cell_id=text("Identifier: area, column and row of the grid, which the public edition shares."),
            people=number(
                "People by the population raster; NULL: none given, or a cell at the edge of the area.",
                "person",
                check=NOT_NEGATIVE,
                nullable=True,
            ),
            built_m2=number(
                "Built-up area, latest observed epoch; NULL likewise.", "m2", check=NOT_NEGATIVE, nullable=True
            ),
            streets_m=number("Length of residential streets.", "m", check=NOT_NEGATIVE),
            buildings=integer("Buildings in the inputs, sheds and shops too.", "1", check=NOT_NEGATIVE),
            homes=integer("Of these, homes.", "1", check=NOT_NEGATIVE),
            roof_m2=number("Their footprint area.", "m2", check=NOT_NEGATIVE),
            roof_osm_m2=number("Of that, what OpenStreetMap shows.", "m2", check=NOT_NEGATIVE),
            roof_satellite_m2=number("Of that, what satellites show.", "m2", check=NOT_NEGATIVE),
            inhabited=flag("True: at least one sign says that people live there."),
            mapped=flag("True: roofs are mapped, about as many as the signs let expect."),
            osm_mapped=flag("False: satellites see buildings, OpenStreetMap none; hazards may be missing there too."),
            geometry=geometry("The cell."),
        ),
        table(
            "cell_settlements",
            "Which settlements the buildings of a cell belong to. Full edition only: counts are small.",
            "cell_id place_id",
            cell_id=text("Cell (coverage.cell_id)."),
            place_id=PLACE,
            area_id=AREA,
            settlement_id=IN_SETTLEMENT,
            buildings=integer("Buildings in both.", "1", check=pa.Check.ge(1)),
            homes=integer("Of these, homes.", "1", check=NOT_NEGATIVE),
        ),
        table(
            "validation",
            "Published figures (and, where simulated, the truth) beside the estimates.",
            "check_id",
            check_id=text("Identifier of the figure, as in layers/facts."),
            area_id=AREA,
            subject=text("Settlement or city, as the figure's source names it."),
            settlement_id=text(
                "Settlement that the figure is about; NULL: the city, a group, or none found.", nullable=True
            ),
            quantity=text("What is counted."),
            year=integer("Year of the figure.", check=YEAR, nullable=True),
            reported_low=number("Lower end of what was reported.", "see quantity", nullable=True),
            reported=number("What was reported.", "see quantity", nullable=True),
            reported_high=number("Upper end of what was reported.", "see quantity", nullable=True),
            **{
                q: number(f"Estimate, quantile {int(q[1:])} %.", "see quantity", nullable=True)
                for q in ("p05", "p50", "p95")
            },
            log_ratio=number("ln(p50 / reported).", "1", formula="ln(p50 / reported)", nullable=True),
            detectable=number(
                "Least factor by which the estimate would have to be wrong for this figure to show it; NULL: none can.",
                "1",
                check=pa.Check.ge(1),
                nullable=True,
            ),
            verdict=code("Inside or outside the interval.", "comparison"),
            reference=text("Who reported it, or 'simulated truth'."),
        ),
        table(
            "runs",
            "The run that made this file; it holds no clock time, so the same inputs give the same bytes.",
            "run_id",
            run_id=text("Identifier: a digest of inputs, configuration, code and parent."),
            parent_run_id=text("The release that --since named; NULL: none.", nullable=True),
            **RUN,
            seed=integer("Seed of every random draw."),
            draws=integer("Monte Carlo draws.", "1"),
            season=text("Season of the occupancy."),
            config=text("JSON: the configuration."),
            simulated=ANY_SIMULATED,
        ),
        table(
            "public_withheld",
            "What the public edition does not show: it will not be shown by a later release either. Full edition only.",
            "unit_id",
            area_id=AREA,
            unit=code("What it is.", "public_unit"),
            unit_id=text("Cell (coverage.cell_id) or settlement, of this release or an earlier one."),
        ),
        table(
            "public_ids",
            "Under which identifier the public edition shows a settlement, of this release or an earlier one. Full "
            "edition only.",
            "settlement_id",
            area_id=AREA,
            settlement_id=text("Settlement, of this release or an earlier one."),
            public_id=text("The same as settlement_id of the public edition; never given to another one."),
        ),
        table(
            "dictionary",
            "One row per column of every table of this edition.",
            "table_name column_name",
            table_name=text("Table."),
            column_name=text("Column."),
            position=integer("Its place in the table, from 1."),
            type=text("What it holds: text, number, integer, boolean, timestamp, geometry or a list of integers."),
            unit=text("Unit; 1: a pure number; NULL: none.", nullable=True),
            nullable=flag("True: it may be NULL."),
            in_key=flag("True: one of the columns that identify a row."),
            refers_to=text("Column of another table that holds the same values.", nullable=True),
            code_set=text("Set of its codes (codes.code_set).", nullable=True),
            meaning=text("What it means."),
            source=text("Module that makes the table, and the page that explains how."),
            formula=text("How it follows from other values.", nullable=True),
        ),
        table(
            "codes",
            "One row per value that a column of codes may hold, in words.",
            "code_set code",
            code_set=text("Set of codes, as in dictionary.code_set."),
            code=text("Value in the tables."),
            position=integer("Its place among the others, from 1: the order in which readers see them."),
            **{f"meaning_{code}": text(f"Meaning in {language}.") for code, language in LANGUAGES.items()},
        ),
        table(
            "citation",
            "How to cite this file: one row.",
            "run_id",
            run_id=text("Run that made it."),
            version=text("Version of novostroiki."),
            schema_version=text("Version of the tables (docs/schema.md)."),
            licence=text("Licence of the data (SPDX)."),
            data_date=text("Year that the inputs of the buildings show; empty: unknown."),
            simulated=ANY_SIMULATED,
            title=text("Title."),
            authors=text("Authors."),
            text=text("The citation as a sentence."),
            bibtex=text("The citation as a BibTeX entry."),
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
    "public_ids": "pipeline.load.public_edition (docs/public.md)",
    "validation": "pipeline.transform.validation (docs/coverage.md)",
    "notice": "maps/texts",
    "runs": "pipeline.run",
    "dictionary": "pipeline.schema.tables",
    "codes": "layers/codes.toml",
    "citation": "pipeline.schema.about",
}
"""Where a table of either edition is made, and which page explains how."""

BULKY = frozenset({"buildings", "building_hazards"})
"""Tables that grow with the number of buildings: an index of their keys would take more room than their rows."""

PRIVATE = frozenset({"buildings", "building_hazards", "cell_settlements", "public_withheld", "public_ids"})
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
