"""What the stages of an area compute: transforms called with what they need, and their results put together.

Each takes the results of other stages and leaves them as they are: others read them at the same time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, cast

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.declared import facts
from pipeline.geometry.grid import Grid
from pipeline.run.area_rows import area_row, in_degrees, located, source_rows
from pipeline.schema import tables
from pipeline.transform import (
    buildings,
    completeness,
    growth,
    people_seen,
    population,
    red_zones,
    settlements,
    validation,
)
from pipeline.transform.first_seen import first_seen_years

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from pipeline.config import Area, Config, Season
    from pipeline.declared.catalogue import Catalogue, SourceSpec
    from pipeline.extract.area_inputs import AreaInputs
    from pipeline.geometry.raster import Raster
    from pipeline.run.since import Since
    from pipeline.schema.provenance import Extract, Notice, Source
    from pipeline.transform.buildings import MergedBuildings
    from pipeline.transform.red_zones import RedZones
    from pipeline.transform.settlements.delineation import Delineation
    from pipeline.transform.settlements.lineage import Lineage

_POPULATION_RASTERS = frozenset({"local_population", "worldpop", "ghs_pop"})
_EDGE_DEG = 0.01
"""Edges of the bbox are split into pieces this long before projection: parallels are no straight lines in metres."""


@dataclass(frozen=True)
class Measured:
    """An area's inputs with their geometries in metres, without registers, labels and truth."""

    area: Area
    inputs: AreaInputs
    osm: dict[str, gpd.GeoDataFrame]
    footprints: gpd.GeoDataFrame
    heights: gpd.GeoDataFrame | None
    boundary: shapely.Polygon
    built_up: SourceSpec
    sources: Sequence[Source]

    @classmethod
    def of(cls, area: Area, layers: Catalogue, read: Extract[AreaInputs]) -> Self:
        """Project what was read."""
        crs = area.projected
        outline = gpd.GeoSeries([area.boundary], crs="EPSG:4326").segmentize(_EDGE_DEG).to_crs(crs)
        return cls(
            area=area,
            inputs=replace(read.data, registered=None, survey=None, labels=None, truth={}, missing=()),
            osm={name: frame.to_crs(crs) for name, frame in read.data.layers.items()},
            footprints=read.data.footprints.to_crs(crs),
            heights=None if read.data.heights is None else read.data.heights.to_crs(crs),
            boundary=cast("shapely.Polygon", outline.iloc[0]),
            built_up=layers.sources["ghs_built_s"],
            sources=read.sources,
        )

    @property
    def latest_built_up(self) -> Raster | None:
        """Built-up area at the latest epoch that its producer observed; None: there is none."""
        observed = set(self.inputs.built_up) - set(self.built_up.modelled_epochs)
        return self.inputs.built_up[max(observed)] if observed else None

    def observed_year(self, merged: gpd.GeoDataFrame) -> int | None:
        """Return the latest year in which an input that buildings were taken from shows them; None: none says."""
        taken_from = set(merged["source_id"].unique())
        years = [source.observed_year for source in self.sources if source.source_id in taken_from]
        return max((year for year in years if year is not None), default=None)


@dataclass(frozen=True)
class Traced:
    """The settlements with names and lasting ids, the named ones, and where the ids come from."""

    settlements: gpd.GeoDataFrame
    named: pd.DataFrame
    lineage: Lineage


@dataclass(frozen=True)
class Places:
    """The settlements with kind and names, the named ones, weights of kinds, descent, and what was noticed."""

    settlements: gpd.GeoDataFrame
    named: pd.DataFrame
    weights: pd.DataFrame
    lineage: pd.DataFrame
    notices: list[Notice]


@dataclass(frozen=True)
class Hazards:
    """The table `hazards`, and what was noticed."""

    table: gpd.GeoDataFrame
    notices: list[Notice]


@dataclass(frozen=True)
class People:
    """The estimate, and which share of the people the inputs see."""

    estimate: population.Population
    seen: people_seen.PeopleSeen


@dataclass(frozen=True)
class Description:
    """An area's rows of every table but those that are drawn, and what only the report needs."""

    tables: dict[str, pd.DataFrame]
    notices: list[Notice]
    decomposition: pd.DataFrame


def merge(season: Season, measured: Measured) -> MergedBuildings:
    """Merge buildings of OpenStreetMap and footprints."""
    area = measured.area
    priors = population.Priors(facts.priors(), area.country, area.area_id, season)
    return buildings.merge(
        measured.osm["buildings"],
        measured.footprints,
        area.area_id,
        priors.select("precision_satellite"),
        measured.osm["landuse"],
        heights=measured.heights,
    )


def delineate(measured: Measured, merged: MergedBuildings) -> Delineation:
    """Group buildings into settlements."""
    area_id = measured.area.area_id
    names = settlements.listed_names(facts.settlements(), area_id)
    return settlements.delineate(merged.buildings, measured.osm, area_id, names)


def name_and_trace(since: Since | None, measured: Measured, delineation: Delineation) -> Traced:
    """Name settlements, and carry over the ids of an earlier release."""
    area = measured.area
    places, named = settlements.resolve_names(delineation.settlements, measured.osm, facts.settlements(), area.area_id)
    earlier = since.settlements(area) if since else None
    lineage = settlements.trace(places, earlier, area.area_id, delineation.middles)
    places = lineage.renamed(places).sort_values("settlement_id", ignore_index=True)
    return Traced(places, lineage.renamed(named), lineage)


def houses(merged: MergedBuildings, delineation: Delineation, traced: Traced) -> gpd.GeoDataFrame:
    """Return the buildings with their settlement."""
    return located(traced.lineage.renamed(merged.buildings.assign(settlement_id=delineation.membership)))


def classify(measured: Measured, traced: Traced, houses: gpd.GeoDataFrame, labels: gpd.GeoDataFrame | None) -> Places:
    """Give settlements their onset and kinds."""
    inputs, area_id = measured.inputs, measured.area.area_id
    onset = growth.onset_years(
        traced.settlements,
        inputs.onset,
        inputs.built_up,
        tracker=inputs.tracker,
        modelled=measured.built_up.modelled_epochs,
    )
    places = settlements.classify(traced.settlements, houses, measured.osm, onset, measured.area.country)
    known = None if labels is None else labels.to_crs(places.crs)
    places, weights, notices = settlements.teach(places, known, area_id)
    homes = houses.loc[houses["home"], "settlement_id"].value_counts()
    places = places.assign(
        onset_year=places["settlement_id"].map(onset).astype("Int64"),
        homes=places["settlement_id"].map(homes).fillna(0).astype("int64"),
    )
    return Places(settlements.tell_apart(places), traced.named, weights, traced.lineage.table, notices)


def hazards(layers: Catalogue, measured: Measured) -> Hazards:
    """Find the hazards whose zones reach into the area."""
    area = measured.area
    return Hazards(*red_zones.hazards(measured.osm, layers.red_zones, area.country, area.area_id, measured.boundary))


def edges(found: Hazards) -> gpd.GeoDataFrame:
    """Return of hazards what distances to them depend on."""
    return found.table[["hazard_id", "area_id", "hazard_class", "rule_id", "geometry"]]


def content(frame: gpd.GeoDataFrame) -> str:
    """Return a digest of a small frame: of all its texts and geometries."""
    digest = hashlib.sha256(frame.drop(columns="geometry").to_csv(index=False).encode())
    for shape in shapely.to_wkb(frame.geometry.to_numpy()):
        digest.update(shape)
    return digest.hexdigest()


def measure_distances(reach: Mapping[str, float], merged: MergedBuildings, edges: gpd.GeoDataFrame) -> pd.DataFrame:
    """Measure from every building to every hazard that it is near."""
    return red_zones.distances(merged.buildings, edges, reach)


def measure_red_zones(  # noqa: PLR0913, PLR0917 - results of other stages
    config: Config,
    layers: Catalogue,
    measured: Measured,
    houses: gpd.GeoDataFrame,
    places: Places,
    found: Hazards,
    near: pd.DataFrame,
) -> RedZones:
    """Apply the rules: zones, and what of them settlements share."""
    area, seed = measured.area, config.run.seed
    priors = population.Priors(facts.priors(), area.country, area.area_id, config.run.season)
    return red_zones.measure(
        found.table,
        near,
        houses,
        places.settlements,
        area,
        layers.red_zones,
        boundary=measured.boundary,
        detection=population.detected(houses, priors, area.area_id, draws=red_zones.DRAWS, seed=seed),
        rng=population.generator(seed, area.area_id, "homes in red zones"),
    )


def follow_growth(measured: Measured, places: Places) -> pd.DataFrame:
    """Return built-up area by epoch within today's outlines and, where earlier ones are given, within those too."""
    follow = partial(
        growth.series,
        boundary=measured.boundary,
        built_up=measured.inputs.built_up,
        area_id=measured.area.area_id,
        product=measured.built_up.id,
        modelled=measured.built_up.modelled_epochs,
    )
    current = follow(places.settlements)
    if measured.inputs.outlines is None:
        return current
    fixed = follow(measured.inputs.outlines.to_crs(measured.area.projected), outline="fixed")
    return pd.concat([current, fixed], ignore_index=True)


def follow_tracker(layers: Catalogue, measured: Measured, places: Places) -> dict[str, pd.DataFrame]:
    """Return the tracker's own series of what was built since 2016."""
    return growth.since_2016(
        places.settlements,
        measured.boundary,
        measured.inputs.tracker,
        area_id=measured.area.area_id,
        product=layers.sources["wsf_tracker"].id,
    )


def cover(measured: Measured, houses: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Tell of each cell whether people live there, and whether it is mapped."""
    return completeness.coverage(
        Grid.of(measured.area.area_id, measured.area.bbox),
        measured.boundary,
        crs=measured.area.projected,
        buildings=houses,
        layers=measured.osm,
        population=measured.inputs.population,
        built_up=measured.latest_built_up,
    )


def estimate(  # noqa: PLR0913, PLR0917 - everything that is known of an area's people
    config: Config,
    measured: Measured,
    registers: tuple[pd.DataFrame | None, pd.DataFrame | None],
    houses: gpd.GeoDataFrame,
    places: Places,
    cells: gpd.GeoDataFrame,
) -> People:
    """Estimate the people, and how many of them the inputs see."""
    seen = _see(measured, houses, cells)
    registered, survey = registers
    people = population.estimate(
        houses,
        places.settlements,
        measured.area.area_id,
        measured.area.country,
        priors=facts.priors(),
        draws=config.run.draws,
        seed=config.run.seed,
        season=config.run.season,
        year=measured.observed_year(houses),
        registered=registered,
        survey=survey,
        population_raster=measured.inputs.population,
        boundary=measured.boundary,
        groups=validation.groups(facts.checks(), places.named),
        area_names=[name for name in measured.area.name.model_dump().values() if name],
        kinds=places.settlements,
        services=measured.osm["services"],
        roof_shares=completeness.roof_shares(places.settlements, houses, measured.latest_built_up),
        # What is missing from mapped land is in the estimate already, by recall: only unmapped land is left out of it.
        seen=1.0 if seen.share is None or seen.told == "city" else seen.share,
    )
    return People(people, _beside_published(measured, houses, seen, people.rows))


def date(measured: Measured, houses: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the buildings with the year since which something is seen where they stand."""
    inputs = measured.inputs
    years = first_seen_years(
        houses,
        onset=inputs.onset,
        built_up=inputs.built_up,
        tracker=inputs.tracker,
        modelled=measured.built_up.modelled_epochs,
    )
    return houses.assign(first_seen_year=years)


def drawn(
    houses: gpd.GeoDataFrame, places: Places, zones: RedZones, cells: gpd.GeoDataFrame
) -> dict[str, pd.DataFrame]:
    """Return the tables that the tiles show, as they are published."""
    rows = {
        "buildings": houses,
        "settlements": places.settlements,
        "hazards": zones.hazards,
        "red_zone_rules": zones.rules,
        "building_hazards": zones.pairs,
        "coverage": cells,
    }
    return {name: tables.conform(name, in_degrees(frame)) for name, frame in rows.items()}


def describe(  # noqa: PLR0913, PLR0917 - results of other stages
    config: Config,
    read: Extract[AreaInputs],
    measured: Measured,
    merged: MergedBuildings,
    houses: gpd.GeoDataFrame,
    places: Places,
    found: Hazards,
    zones: RedZones,
    series: pd.DataFrame,
    since_2016: dict[str, pd.DataFrame],
    cells: gpd.GeoDataFrame,
    people: People,
) -> Description:
    """Put together the rows of every table that is not drawn."""
    area, seen, estimated = measured.area, people.seen, people.estimate
    current = series[series["outline"] == "current"]
    told = people_seen.only_as_seen(estimated.rows, seen)
    draws = estimated.draws if seen.told != "nothing" else estimated.draws.iloc[:0]
    estimates = validation.Estimates(
        area_id=area.area_id,
        simulated=area.simulated,
        year=measured.observed_year(houses),
        settlements=places.settlements,
        named_settlements=places.named,
        population=told,
        counts=estimated.counts,
        growth=current,
        whole_city=seen.told != "mapped_part",
        zone_houses=validation.houses_in_zones(houses, zones.pairs, zones.rules),
    )
    spread = population.Spread.of(area.area_id, houses, places.settlements, draws, seed=config.run.seed)
    rows = {
        "areas": area_row(area, seen, measured.observed_year(houses)),
        "sources": source_rows(read.sources),
        "kind_weights": places.weights,
        "named_settlements": places.named,
        "settlement_lineage": places.lineage,
        "settlement_waves": growth.beside_literature(
            places.settlements, places.named, facts.settlements(), facts.waves(), area.country
        ),
        "red_zone_overlaps": zones.overlaps,
        **population.people_tables(told, seen.told),
        "population_draws": draws,
        "unregistered_shares": estimated.shares if seen.told in {"city", "unknown"} else estimated.shares.iloc[:0],
        **population.exposure(spread, settlements=places.settlements, pairs=zones.pairs, rules=zones.rules),
        **population.residents_by_year(spread, measured.observed_year(houses)),
        **growth.built_up_tables(series),
        **since_2016,
        "cell_settlements": completeness.cell_settlements(Grid.of(area.area_id, area.bbox), houses),
        "completeness": pd.concat(
            [
                completeness.missing_inputs(area.area_id, read.data.missing),
                completeness.buildings_mapped(area.area_id, cells),
                merged.capture,
                zones.completeness,
            ],
            ignore_index=True,
        ),
        "validation": _validate(estimates, read.data.truth),
    }
    noticed = [merged.notices, places.notices, found.notices, growth.notices(current), estimated.notices]
    return Description(
        tables={name: tables.conform(name, in_degrees(frame)) for name, frame in rows.items()},
        notices=[*read.notices, *(notice for notices in noticed for notice in notices)],
        decomposition=estimated.decomposition,
    )


def _validate(estimates: validation.Estimates, truth: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    checks = [validation.published(estimates, facts.settlements(), facts.population(), facts.checks())]
    if truth:
        checks.append(validation.against_truth(estimates, truth))
    return pd.concat([rows for rows in checks if not rows.empty] or checks[:1], ignore_index=True)


def _see(measured: Measured, houses: gpd.GeoDataFrame, cells: gpd.GeoDataFrame) -> people_seen.PeopleSeen:
    rasters = [source.observed_year for source in measured.sources if source.dataset in _POPULATION_RASTERS]
    return people_seen.people_seen(
        cells,
        homes=int(houses["home"].sum()),
        buildings_year=measured.observed_year(houses),
        population_year=next(iter(rasters), None),
    )


def _beside_published(
    measured: Measured, houses: gpd.GeoDataFrame, seen: people_seen.PeopleSeen, rows: pd.DataFrame
) -> people_seen.PeopleSeen:
    """Hold published populations of a real city against its estimate; a simulated one is no real city."""
    year = measured.observed_year(houses)
    whole = rows[rows["settlement_id"].isna() & (rows["quantity"] == "residents") & rows["main"]]
    if measured.area.simulated or year is None or whole.empty:
        return seen
    known = facts.population().query("area_id == @measured.area.area_id")
    near = known[(known["year"] - year).abs() <= validation.CITY_YEARS]
    interval = whole.iloc[0]
    return people_seen.contradicted(seen, interval["p05"], interval["p95"], near["people"].tolist())
