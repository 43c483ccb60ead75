"""Red zones at a million buildings and 2,000 hazards: beside plain geopandas and PostGIS, in one run, equal answers.

``BENCH_BUILDINGS`` sets another number of buildings.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from pipeline.geometry.distance import pair_distances
from pipeline.geometry.shared_area import Regions, shared_areas
from pipeline.transform.red_zones import distances
from tests.postgis import cluster
from tests.transform.red_zone_city import METRIC, blob, rectangles, winding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.conftest import Record

BUILDINGS = int(os.environ.get("BENCH_BUILDINGS", "1000000"))
HAZARDS = 2_000
SIZE_M = 45_000.0
REACH_M = 1_000.0


@cache
def footprints(count: int) -> np.ndarray:
    """Return rectangles in clusters of some hundreds, as settlements are."""
    rng = np.random.default_rng(1)
    towns = rng.uniform(0, SIZE_M, (1_000, 2))
    place = towns[rng.integers(0, len(towns), count)] + rng.normal(0, 500, (count, 2))
    return rectangles(rng, place)


@cache
def edges() -> np.ndarray:
    """Return hazards: areas with dents, winding lines, points."""
    rng = np.random.default_rng(2)
    place = rng.uniform(0, SIZE_M, (HAZARDS, 2))
    makers = (
        lambda at: blob(rng, at, rng.uniform(50, 300), int(rng.integers(5, 30))),
        lambda at: winding(rng, at, int(rng.integers(5, 60)), 60),
        shapely.Point,
    )
    return np.array([makers[(0, 0, 1, 1, 2)[row % 5]](at) for row, at in enumerate(place)], dtype=object)


@cache
def zones() -> np.ndarray:
    """Return the red zone of each hazard, with distances as the rules have them."""
    distance = np.random.default_rng(3).choice([20.0, 35.0, 100.0, 300.0, 500.0, 1000.0], HAZARDS)
    return shapely.buffer(edges(), distance, quad_segs=16)


def seconds(work: Any) -> tuple[float, Any]:
    before = time.perf_counter()
    result = work()
    return time.perf_counter() - before, result


@cache
def ours_areas(count: int) -> tuple[float, Any]:
    shapes, red = footprints(count), zones()
    return seconds(lambda: shared_areas(shapes, Regions.of(red)))


@cache
def ours_distances(count: int) -> tuple[float, Any]:
    shapes, hazards = footprints(count), edges()
    return seconds(lambda: pair_distances(shapes, hazards, np.full(HAZARDS, REACH_M)))


def test_overlap_areas_against_geopandas(bar: Record) -> None:
    shapes, red = footprints(BUILDINGS), zones()

    def plain() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        left, right = gpd.GeoDataFrame(geometry=shapes), gpd.GeoDataFrame(geometry=red)
        pairs = gpd.sjoin(left, right, predicate="intersects")
        shape, zone = pairs.index.to_numpy(), pairs["index_right"].to_numpy()
        return shape, zone, shapely.area(shapely.intersection(shapes[shape], red[zone]))

    took, ours = ours_areas(BUILDINGS)
    theirs, (shape, zone, area) = seconds(plain)
    order = np.lexsort((shape, zone))
    order = order[area[order] > 0]
    assert (ours.shape == shape[order]).all()
    assert (ours.region == zone[order]).all()
    np.testing.assert_allclose(ours.area, area[order], rtol=1e-6, atol=1e-9)
    bar("red zones: overlap areas", took, at_most=math.inf, unit="s")
    bar("red zones: overlap areas against sjoin + intersection", theirs / took, at_least=3, unit="x")


def test_distances_against_geopandas(bar: Record) -> None:
    shapes, hazards = footprints(BUILDINGS), edges()

    def plain() -> Any:
        left, right = gpd.GeoDataFrame(geometry=shapes), gpd.GeoDataFrame(geometry=hazards)
        return gpd.sjoin_nearest(left, right, max_distance=REACH_M, distance_col="metres")["metres"]

    took, ours = ours_distances(BUILDINGS)
    theirs, nearest = seconds(plain)
    least = np.full(BUILDINGS, np.inf)
    np.minimum.at(least, ours.polygon, ours.distance)
    nearest = nearest.groupby(level=0).min()
    assert np.isfinite(least).sum() == len(nearest)
    np.testing.assert_allclose(least[nearest.index], nearest, rtol=1e-9, atol=1e-9)
    bar("red zones: distances, all pairs within 1 km", took, at_most=math.inf, unit="s")
    bar("red zones: distances against sjoin_nearest (nearest only)", theirs / took, at_least=3, unit="x")


def test_all_pairs_against_geopandas(bar: Record) -> None:
    shapes, hazards = footprints(BUILDINGS), edges()

    def plain() -> tuple[np.ndarray, np.ndarray]:
        left, right = gpd.GeoDataFrame(geometry=shapes), gpd.GeoDataFrame(geometry=hazards)
        pairs = gpd.sjoin(left, right, predicate="dwithin", distance=REACH_M)
        building, hazard = pairs.index.to_numpy(), pairs["index_right"].to_numpy()
        return np.lexsort((building, hazard)), shapely.distance(shapes[building], hazards[hazard])

    took, ours = ours_distances(BUILDINGS)
    theirs, (order, metres) = seconds(plain)
    np.testing.assert_allclose(ours.distance, metres[order], rtol=1e-9, atol=1e-9)
    bar("red zones: distances against sjoin + distance (all pairs)", theirs / took, at_least=3, unit="x")


@pytest.fixture(scope="module")
def postgis() -> Iterator[Any]:
    if reason := cluster.unavailable():
        pytest.skip(reason)
    with cluster.filled({"buildings": footprints(BUILDINGS), "hazards": edges(), "zones": zones()}) as connection:
        yield connection


def test_overlap_areas_against_postgis(postgis: Any, bar: Record) -> None:
    took, ours = ours_areas(BUILDINGS)
    theirs, (pairs, area) = seconds(
        lambda: postgis.execute(
            """SELECT count(*), sum(area) FROM (
                 SELECT CASE WHEN ST_CoveredBy(b.geom, z.geom) THEN ST_Area(b.geom)
                        ELSE ST_Area(ST_Intersection(b.geom, z.geom)) END AS area
                 FROM zones z JOIN buildings b ON ST_Intersects(z.geom, b.geom)) AS shared WHERE area > 0"""
        ).fetchone()
    )
    assert pairs == len(ours.area)
    assert area == pytest.approx(ours.area.sum(), rel=1e-6)
    bar("red zones: overlap areas against PostGIS", theirs / took, at_least=1, unit="x")


def test_distances_against_postgis(postgis: Any, bar: Record) -> None:
    took, ours = ours_distances(BUILDINGS)
    theirs, (pairs, total) = seconds(
        lambda: postgis.execute(
            f"""SELECT count(*), sum(ST_Distance(b.geom, h.geom))
                FROM hazards h JOIN buildings b ON ST_DWithin(h.geom, b.geom, {REACH_M})"""
        ).fetchone()
    )
    assert pairs == len(ours.distance)
    assert total == pytest.approx(ours.distance.sum(), rel=1e-9)
    bar("red zones: distances against PostGIS", theirs / took, at_least=1, unit="x")


def test_time_grows_no_faster_than_the_number(bar: Record) -> None:
    few = BUILDINGS // 100
    for name, work in (("overlap areas", ours_areas), ("distances", ours_distances)):
        exponent = math.log(work(BUILDINGS)[0] / work(few)[0]) / math.log(BUILDINGS / few)
        bar(f"red zones: growth of {name}", exponent, at_most=1.1, unit="power")


def whole_job() -> None:
    """Run the areas and the table of distances, and print the peak memory in KiB (Linux)."""
    import resource

    shapes = footprints(BUILDINGS)
    buildings = gpd.GeoDataFrame(
        {"building_id": [f"b/{row:08d}" for row in range(BUILDINGS)]}, geometry=shapes, crs=METRIC
    )
    ids = {"hazard_id": [f"h/{row:05d}" for row in range(HAZARDS)], "hazard_class": "c", "rule_id": "r", "area_id": "a"}
    hazards = gpd.GeoDataFrame(ids, geometry=edges(), crs=METRIC)
    table = distances(buildings, hazards, {"c": REACH_M})
    shared_areas(shapes, Regions.of(zones()))
    sys.stdout.write(f"{len(table)} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}\n")


def test_memory(bar: Record) -> None:
    code = "from tests.benchmarks.bench_red_zones import whole_job; whole_job()"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    bar("red zones: pairs in the table", int(answer[0]), at_least=0)
    bar("red zones: peak memory of areas and table", int(answer[1]) / 2**20, at_most=4, unit="GiB")
