"""Simulated cities read through the real extractors, their truth beside them, for judging what is made of them.

``BENCH_SEEDS`` sets the seeds (default ten that were never used while tuning), ``BENCH_CITIES`` the cities.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline import config, simulate
from pipeline.declared import catalogue, facts
from pipeline.extract import inputs
from pipeline.simulate.stress import parse
from pipeline.transform import growth, population
from pipeline.transform.buildings import MergedBuildings, merge
from pipeline.transform.settlements import delineate, listed_names, resolve_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.extract.inputs import AreaInputs

SEEDS = tuple(int(seed) for seed in os.environ.get("BENCH_SEEDS", "501 502 503 504 505 506 507 508 509 510").split())
CITIES = tuple(os.environ.get("BENCH_CITIES", "bishkek osh almaty astana").split())
BUILDINGS = 20_000
_CONFIG = Path(__file__).parents[2] / "config.toml"


@dataclass(frozen=True)
class City:
    """One simulated city; everything in metres."""

    area: config.Area
    layers: dict[str, gpd.GeoDataFrame]
    footprints: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame
    settlements: gpd.GeoDataFrame
    osm_pairs: pd.DataFrame
    """osm_id, building_id: which way shows which building."""
    footprint_pairs: pd.DataFrame
    """footprint_id, building_id (missing: a false positive)."""
    merged: MergedBuildings
    inputs: AreaInputs
    """As read: in degrees, rasters as they are."""


@lru_cache(maxsize=12)
def city(area_id: str, seed: int, stress: str = "", buildings: int = BUILDINGS) -> City:
    """Simulate, read, merge; once per run. `stress` as on the command line (see `pipeline.simulate.stress`)."""
    given = config.load(_CONFIG).areas[area_id]
    with tempfile.TemporaryDirectory() as folder:
        area = simulate.write_area(given, Path(folder), buildings=buildings, seed=seed, stress=parse([stress]))
        read = inputs.read(area, catalogue.default()).data
        seen = read.footprints
        truth = area.inputs.truth
        assert truth is not None
        true_buildings, settlements = (
            gpd.read_parquet(truth / f"{name}.parquet").to_crs(area.projected) for name in ("buildings", "settlements")
        )
        lines = pd.read_parquet(truth / "footprints.parquet")
        pairs = pd.read_parquet(truth / "osm_buildings.parquet")
    # Outlines that touch themselves after projection stop GEOS.
    settlements = settlements.set_geometry(settlements.make_valid())
    projected = {name: frame.to_crs(area.projected) for name, frame in read.layers.items()}
    metric = seen.to_crs(area.projected)
    precision = population.Priors(facts.priors(), area.country, area_id, "winter")
    return City(
        area=area,
        layers=projected,
        footprints=metric,
        buildings=true_buildings,
        settlements=settlements.set_index("settlement_id"),
        osm_pairs=pairs,
        footprint_pairs=_lines(seen, lines),
        merged=merge(
            projected["buildings"], metric, area_id, precision.select("precision_satellite"), projected["landuse"]
        ),
        inputs=read,
    )


@dataclass(frozen=True)
class Settled:
    """The settlements that are found in a city."""

    places: gpd.GeoDataFrame
    """With names."""
    named: pd.DataFrame
    houses: gpd.GeoDataFrame
    """Merged buildings with `settlement_id`."""
    onset: pd.Series
    truth: pd.Series
    """The true building that each of `houses` shows; missing: none."""


def settled(made: City) -> Settled:
    """Divide and name as a run does."""
    gazetteer, area_id, merged = facts.settlements(), made.area.area_id, made.merged.buildings
    found = delineate(merged, made.layers, area_id, listed_names(gazetteer, area_id))
    modelled = catalogue.default().sources["ghs_built_s"].modelled_epochs
    onset = growth.onset_years(
        found.settlements, made.inputs.onset, made.inputs.built_up, tracker=made.inputs.tracker, modelled=modelled
    )
    places, named = resolve_names(found.settlements, made.layers, gazetteer, area_id)
    houses = merged.assign(settlement_id=found.membership)
    return Settled(places, named, houses, onset, shown(merged, made.buildings))


def _lines(seen: gpd.GeoDataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Tell which footprint is which line of the file, by the corners of their boxes in millionths of a degree."""
    corners = ["west", "south", "east", "north"]
    own = pd.DataFrame(np.rint(seen.bounds.to_numpy() * 1e6).astype(np.int64), columns=corners)
    own["footprint_id"] = seen["footprint_id"].to_numpy()
    told = lines.assign(**{corner: np.rint(lines[corner] * 1e6).astype(np.int64) for corner in corners})
    return own.merge(told, on=corners)[["footprint_id", "building_id"]]


def shown(merged: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> pd.Series:
    """Return for each merged building the true building that it shows best, by position; missing: none."""
    outlines = np.asarray(merged.geometry.array, dtype=object)
    truth = np.asarray(buildings.geometry.array, dtype=object)
    i, j = shapely.STRtree(truth).query(outlines, predicate="intersects")[[0, 1]]
    area = shapely.area(shapely.intersection(outlines[i], truth[j]))
    order = np.lexsort((-area, i))
    i, j = i[order], j[order]
    first = np.r_[True, i[1:] != i[:-1]] if len(i) else np.empty(0, dtype=bool)
    out = pd.Series(None, index=np.arange(len(outlines)), dtype=object)
    out.iloc[i[first]] = buildings["building_id"].to_numpy()[j[first]]
    return out


def rectangles(count: int, seed: int) -> NDArray[np.object_]:
    """Return about `count` houses on a jittered grid, each turned its own way, one in ten L-shaped; in random order."""
    rng = np.random.default_rng(seed)
    side = int(np.sqrt(count))
    n = side * side
    place = np.stack([np.arange(n) % side, np.arange(n) // side], axis=1) * 25.0 + rng.normal(0, 2, (n, 2))
    half = rng.uniform((4, 3.5), (7, 6), (n, 2))
    angle = rng.uniform(0, np.pi, n)
    corners = half[:, None] * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    turn = np.stack([np.stack([np.cos(angle), -np.sin(angle)], 1), np.stack([np.sin(angle), np.cos(angle)], 1)], 1)
    shapes = shapely.polygons(np.einsum("nij,nkj->nki", turn, corners) + place[:, None])
    bent = np.flatnonzero(rng.random(n) < 0.1)
    shapes[bent] = shapely.difference(
        shapes[bent], shapely.buffer(shapely.get_point(shapely.get_exterior_ring(shapes[bent]), 0), 2)
    )
    return shapes[rng.permutation(n)]
