"""One area, from its inputs to its part of every table and its map: extract, transform, load."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import geopandas as gpd
import pandas as pd

from pipeline import simulate
from pipeline.base.progress import Journal
from pipeline.declared import catalogue, facts
from pipeline.extract.sandbox import process as reader_process
from pipeline.geometry.grid import Grid
from pipeline.load import parquet, press_kit
from pipeline.load.planner_map import map_page, tiles
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
    from pathlib import Path
    from typing import Self

    import shapely

    from pipeline.config import Area, Config
    from pipeline.declared.catalogue import Catalogue, SourceSpec
    from pipeline.extract.area_inputs import AreaInputs
    from pipeline.extract.live import Fetched
    from pipeline.geometry.raster import Raster
    from pipeline.run.since import Since
    from pipeline.schema.provenance import Extract, Notice, Source

STAGES = {
    "simulating": 20.0,
    "reading": 15.0,
    "merging buildings": 8.0,
    "delineating": 10.0,
    "measuring red zones": 10.0,
    "estimating": 8.0,
    "writing tables": 4.0,
    "drawing the map": 25.0,
}
"""The stages of an area, each with its usual share of the time."""


_POPULATION_RASTERS = frozenset({"local_population", "worldpop", "ghs_pop"})
_EDGE_DEG = 0.01
"""Edges of the bbox are split into pieces this long before projection: parallels are no straight lines in metres."""


@dataclass(frozen=True)
class AreaResult:
    """What `process` tells of an area; its tables and its map lie in files.

    Attributes
    ----------
    decomposition
        Which factor owns which share of the width of the area's estimates.
    """

    area_id: str
    sources: list[Source]
    notices: list[Notice]
    decomposition: pd.DataFrame


def process(
    area: Area, config: Config, stage: Path, fetched: Fetched | None = None, since: Since | None = None
) -> AreaResult:
    """Do one area: read, transform, and write its part of the tables and its map below `stage`.

    Runs wherever the executor puts it; talks to the rest only through its result and the files it writes.
    """
    journal = Journal(stage / ".work" / "progress" / f"{area.area_id}.jsonl")
    layers = catalogue.default()
    with reader_process.started(stage / ".work" / "reader" / area.area_id) as reader:
        if config.run.sources == "sample":
            with journal.stage("simulating"):
                area = simulate.write_area(
                    area, stage / "simulated" / area.area_id, buildings=config.simulate.buildings, seed=config.run.seed
                )
        with journal.stage("reading"):
            read: Extract[AreaInputs] = reader.call("pipeline.extract.inputs", "read", area, layers, fetched)
    described = _describe(area, read, config, layers, journal, earlier=since.settlements(area) if since else None)
    with journal.stage("writing tables"):
        frames = {name: tables.conform(name, frame) for name, frame in described.tables.items()}
        for name, frame in frames.items():
            parquet.write(frame, stage / ".work" / "parts" / name / f"{area.area_id}.parquet", tables.TABLES[name])
    with journal.stage("drawing the map"):
        folder = stage / "maps" / area.area_id
        folder.mkdir(parents=True)
        archive = folder / f"{area.area_id}.pmtiles"
        tiles.build(frames, described.zones, read.data.layers, archive)
        map_page.build(frames, archive, folder, places=read.data.layers["places"], basemap=config.maps.basemap)
        background = stage / "public" / "maps" / area.area_id / "background.json"
        press_kit.background.write(read.data.layers, area.projected, background)
    return AreaResult(area.area_id, read.sources, described.notices, described.decomposition)


@dataclass(frozen=True)
class _Description:
    """What the transforms make of an area: its rows of every table, and what only the map and the report need."""

    tables: dict[str, pd.DataFrame]
    zones: gpd.GeoDataFrame
    notices: list[Notice]
    decomposition: pd.DataFrame


@dataclass(frozen=True)
class _Measured:
    """An area's inputs with their geometries in metres."""

    area: Area
    inputs: AreaInputs
    osm: dict[str, gpd.GeoDataFrame]
    footprints: gpd.GeoDataFrame
    heights: gpd.GeoDataFrame | None
    boundary: shapely.Polygon
    built_up: SourceSpec
    sources: Sequence[Source]

    @classmethod
    def of(cls, area: Area, read: Extract[AreaInputs], layers: Catalogue) -> Self:
        crs = area.projected
        outline = gpd.GeoSeries([area.boundary], crs="EPSG:4326").segmentize(_EDGE_DEG).to_crs(crs)
        return cls(
            area=area,
            inputs=read.data,
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


def _describe(  # noqa: PLR0913 - everything that an area is described from
    area: Area,
    read: Extract[AreaInputs],
    config: Config,
    layers: Catalogue,
    journal: Journal,
    *,
    earlier: gpd.GeoDataFrame | None = None,
) -> _Description:
    """Turn an area's inputs into its tables; geometry is measured in metres and handed on in EPSG:4326."""
    measured = _Measured.of(area, read, layers)
    with journal.stage("merging buildings"):
        priors = population.Priors(facts.priors(), area.country, area.area_id, config.run.season)
        merged = buildings.merge(
            measured.osm["buildings"], measured.footprints, area.area_id, priors.select("precision_satellite"),
            measured.osm["landuse"], heights=measured.heights,
        )  # fmt: skip
    with journal.stage("delineating"):
        found = _delineate(measured, merged.buildings, earlier)
        houses, places, named = found.houses, found.places, found.named
    with journal.stage("measuring red zones"):
        zones = red_zones.measure(
            measured.osm,
            houses,
            places,
            area,
            layers.red_zones,
            boundary=measured.boundary,
            detection=population.detected(houses, priors, area.area_id, draws=red_zones.DRAWS, seed=config.run.seed),
            rng=population.generator(config.run.seed, area.area_id, "homes in red zones"),
        )
    with journal.stage("estimating"):
        series = _follow_growth(measured, places)
        current = series[series["outline"] == "current"]
        grid = Grid.of(area.area_id, area.bbox)
        cells = _cover(measured, houses, grid)
        seen = _see(measured, houses, cells)
        people = _estimate(measured, config, houses, places, named, seen)
        seen = _beside_published(measured, houses, seen, people.rows)
        told = people_seen.only_as_seen(people.rows, seen)
        draws = people.draws if seen.told != "nothing" else people.draws.iloc[:0]
        estimates = validation.Estimates(
            area_id=area.area_id,
            simulated=area.simulated,
            year=measured.observed_year(houses),
            settlements=places,
            named_settlements=named,
            population=told,
            counts=people.counts,
            growth=current,
            whole_city=seen.told != "mapped_part",
            zone_houses=validation.houses_in_zones(houses, zones.pairs, zones.rules),
        )
    houses = houses.assign(
        first_seen_year=first_seen_years(
            houses,
            onset=measured.inputs.onset,
            built_up=measured.inputs.built_up,
            tracker=measured.inputs.tracker,
            modelled=measured.built_up.modelled_epochs,
        )
    )
    spread = population.Spread.of(area.area_id, houses, places, draws, seed=config.run.seed)
    rows = {
        "areas": area_row(area, seen, measured.observed_year(houses)),
        "sources": source_rows(read.sources),
        "buildings": houses,
        "settlements": places,
        "kind_weights": found.weights,
        "named_settlements": named,
        "settlement_lineage": found.lineage,
        "settlement_waves": growth.beside_literature(places, named, facts.settlements(), facts.waves(), area.country),
        "hazards": zones.hazards,
        "red_zone_rules": zones.rules,
        "building_hazards": zones.pairs,
        "red_zone_overlaps": zones.overlaps,
        **population.people_tables(told, seen.told),
        "population_draws": draws,
        "unregistered_shares": people.shares if seen.told in {"city", "unknown"} else people.shares.iloc[:0],
        **population.exposure(spread, settlements=places, pairs=zones.pairs, rules=zones.rules),
        **population.residents_by_year(spread, measured.observed_year(houses)),
        **growth.built_up_tables(series),
        **growth.since_2016(
            places,
            measured.boundary,
            measured.inputs.tracker,
            area_id=area.area_id,
            product=layers.sources["wsf_tracker"].id,
        ),
        "coverage": cells,
        "cell_settlements": completeness.cell_settlements(grid, houses),
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
    return _Description(
        tables={name: in_degrees(frame) for name, frame in rows.items()},
        zones=zones.polygons.to_crs("EPSG:4326"),
        notices=[
            *read.notices,
            *merged.notices,
            *found.notices,
            *zones.notices,
            *growth.notices(current),
            *people.notices,
        ],
        decomposition=people.decomposition,
    )


@dataclass(frozen=True)
class _Found:
    """Buildings with their settlement, settlements with kind and names, the named ones, weights of kinds, descent."""

    houses: gpd.GeoDataFrame
    places: gpd.GeoDataFrame
    named: pd.DataFrame
    weights: pd.DataFrame
    lineage: pd.DataFrame
    notices: list[Notice]


def _delineate(measured: _Measured, merged: gpd.GeoDataFrame, earlier: gpd.GeoDataFrame | None) -> _Found:
    osm, area_id, inputs = measured.osm, measured.area.area_id, measured.inputs
    gazetteer = facts.settlements()
    delineation = settlements.delineate(merged, osm, area_id, settlements.listed_names(gazetteer, area_id))
    places, named = settlements.resolve_names(delineation.settlements, osm, gazetteer, area_id)
    lineage = settlements.trace(places, earlier, area_id, delineation.middles)
    houses = located(lineage.renamed(merged.assign(settlement_id=delineation.membership)))
    places, named = lineage.renamed(places).sort_values("settlement_id", ignore_index=True), lineage.renamed(named)
    onset = growth.onset_years(
        places,
        inputs.onset,
        inputs.built_up,
        tracker=inputs.tracker,
        modelled=measured.built_up.modelled_epochs,
    )
    places = settlements.classify(places, houses, osm, onset)
    labels = None if inputs.labels is None else inputs.labels.to_crs(places.crs)
    places, weights, notices = settlements.teach(places, labels, area_id)
    homes = houses.loc[houses["home"], "settlement_id"].value_counts()
    places = places.assign(
        onset_year=places["settlement_id"].map(onset).astype("Int64"),
        homes=places["settlement_id"].map(homes).fillna(0).astype("int64"),
    )
    return _Found(houses, settlements.tell_apart(places), named, weights, lineage.table, notices)


def _follow_growth(measured: _Measured, places: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return built-up area by epoch within today's outlines and, where earlier ones are given, within those too."""
    follow = partial(
        growth.series,
        boundary=measured.boundary,
        built_up=measured.inputs.built_up,
        area_id=measured.area.area_id,
        product=measured.built_up.id,
        modelled=measured.built_up.modelled_epochs,
    )
    current = follow(places)
    if measured.inputs.outlines is None:
        return current
    fixed = follow(measured.inputs.outlines.to_crs(places.crs), outline="fixed")
    return pd.concat([current, fixed], ignore_index=True)


def _estimate(  # noqa: PLR0913, PLR0917 - everything that is known of an area's people
    measured: _Measured,
    config: Config,
    houses: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    named: pd.DataFrame,
    seen: people_seen.PeopleSeen,
) -> population.Population:
    inputs = measured.inputs
    return population.estimate(
        houses,
        places,
        measured.area.area_id,
        measured.area.country,
        priors=facts.priors(),
        draws=config.run.draws,
        seed=config.run.seed,
        season=config.run.season,
        year=measured.observed_year(houses),
        registered=inputs.registered,
        survey=inputs.survey,
        population_raster=inputs.population,
        boundary=measured.boundary,
        groups=validation.groups(facts.checks(), named),
        area_names=[name for name in measured.area.name.model_dump().values() if name],
        kinds=places,
        services=measured.osm["services"],
        roof_shares=completeness.roof_shares(places, houses, measured.latest_built_up),
        # What is missing from mapped land is in the estimate already, by recall: only unmapped land is left out of it.
        seen=1.0 if seen.share is None or seen.told == "city" else seen.share,
    )


def _cover(measured: _Measured, houses: gpd.GeoDataFrame, grid: Grid) -> gpd.GeoDataFrame:
    return completeness.coverage(
        grid,
        measured.boundary,
        crs=measured.area.projected,
        buildings=houses,
        layers=measured.osm,
        population=measured.inputs.population,
        built_up=measured.latest_built_up,
    )


def _validate(estimates: validation.Estimates, truth: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    checks = [validation.published(estimates, facts.settlements(), facts.population(), facts.checks())]
    if truth:
        checks.append(validation.against_truth(estimates, truth))
    return pd.concat([rows for rows in checks if not rows.empty] or checks[:1], ignore_index=True)


def _see(measured: _Measured, houses: gpd.GeoDataFrame, cells: gpd.GeoDataFrame) -> people_seen.PeopleSeen:
    rasters = [source.observed_year for source in measured.sources if source.dataset in _POPULATION_RASTERS]
    return people_seen.people_seen(
        cells,
        homes=int(houses["home"].sum()),
        buildings_year=measured.observed_year(houses),
        population_year=next(iter(rasters), None),
    )


def _beside_published(
    measured: _Measured, houses: gpd.GeoDataFrame, seen: people_seen.PeopleSeen, rows: pd.DataFrame
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
