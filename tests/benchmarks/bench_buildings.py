"""Buildings: who is who against simulated truth, what neither source saw, and the speed of a million.

``BENCH_BUILDINGS`` sets another number of buildings; ``BENCH_SEEDS`` and ``BENCH_CITIES`` as in `simulated`.
"""

from __future__ import annotations

import os
import resource
import time
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline import facts
from pipeline.transform.buildings import merge
from pipeline.transform.buildings.overlaps import Outlines, overlaps
from tests.benchmarks.simulated import CITIES, SEEDS, City, city, rectangles

if TYPE_CHECKING:
    from tests.benchmarks.conftest import Record

MANY = int(os.environ.get("BENCH_BUILDINGS", "1000000"))
CRS = "EPSG:32643"


def judged(area_id: str, seed: int) -> dict[str, float]:
    """Compare one merged city with its truth."""
    made = city(area_id, seed)
    merged, pairs = made.merged, made.merged.matches
    true = made.osm_pairs.merge(made.footprint_pairs.dropna(), on="building_id")[["osm_id", "footprint_id"]]
    hits = len(pairs[["osm_id", "footprint_id"]].merge(true.drop_duplicates()))
    kept_osm = made.osm_pairs[made.osm_pairs["osm_id"].isin(merged.buildings["osm_id"].dropna())]
    rests = merged.buildings[merged.buildings["footprint_id"].isin(pairs["footprint_id"])]
    alone = merged.buildings["footprint_id"].drop(rests.index)
    kept_seen = made.footprint_pairs.dropna()
    kept_seen = kept_seen[kept_seen["footprint_id"].isin(alone)]
    shown = [kept_osm["building_id"], kept_seen["building_id"], within(rests, made)]
    counts = pd.concat(shown).value_counts()
    seen = set(made.osm_pairs["building_id"]) | set(made.footprint_pairs["building_id"].dropna())
    unseen = 1 - len(seen) / len(made.buildings)
    share = merged.capture.set_index("measure")["value"]
    kinds = merged.buildings.set_index("osm_id")["kind"]
    return {
        "f1": 2 * hits / (len(pairs) + len(true.drop_duplicates())),
        "double": (counts - 1).clip(lower=0).sum() / len(merged.buildings),
        "recall": len(counts) / len(seen),
        "inside": float(share["unseen_share_p05"] <= unseen <= share["unseen_share_p95"]),
        "error": share["unseen_share_p50"] - unseen,
        "unknown": float((kinds == "unknown").mean()),
    }


def within(rests: gpd.GeoDataFrame, made: City) -> pd.Series:
    """Return the true buildings of which half lies in what was kept of a footprint, or which fill half of that."""
    pairs = rests[["footprint_id", "geometry"]].merge(made.footprint_pairs.dropna(), on="footprint_id")
    rest = np.asarray(pairs.geometry.array)
    true = np.asarray(made.buildings.set_index("building_id").geometry.loc[pairs["building_id"]].array)
    least = np.minimum(shapely.area(true), shapely.area(rest))
    return pairs.loc[shapely.area(shapely.intersection(true, rest)) >= least / 2, "building_id"]


@pytest.mark.parametrize("area_id", CITIES)
def test_truth(area_id: str, bar: Record) -> None:
    results = pd.DataFrame([judged(area_id, seed) for seed in SEEDS])
    bar(f"{area_id}: matching F1, worst of {len(SEEDS)} seeds", results["f1"].min(), at_least=0.98)
    bar(f"{area_id}: double counts, worst", results["double"].max(), at_most=0.005)
    bar(f"{area_id}: recall of what the sources saw, worst", results["recall"].min(), at_least=0.995)
    bar(f"{area_id}: 90 % interval of the unseen holds the truth", results["inside"].mean(), at_least=0.8)


def sources(count: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return two sources of about `count` houses altogether, three fifths of them also seen by the other."""
    houses, rng = rectangles(count, 1), np.random.default_rng(2)
    mapped, seen = rng.random(len(houses)) < 0.6, rng.random(len(houses)) < 0.8
    owner = shapely.get_coordinates(houses, return_index=True)[1]
    moved = shapely.set_coordinates(
        houses.copy(), shapely.get_coordinates(houses) + rng.normal(0, 0.5, (len(houses), 2))[owner]
    )
    first, second = houses[mapped], moved[seen][rng.permutation(int(seen.sum()))]
    osm = gpd.GeoDataFrame(
        {"osm_id": [f"way/{n}" for n in range(len(first))], "building": "yes"}, geometry=first, crs=CRS
    )
    satellite = gpd.GeoDataFrame(
        {"footprint_id": [f"f{n}" for n in range(len(second))], "height_m": np.nan, "source_id": "s"},
        geometry=second,
        crs=CRS,
    )
    return osm, satellite


def test_speed(bar: Record) -> None:
    """Both sides run on one core; seconds of the processor, so that other work on the machine does no harm."""
    osm, satellite = sources(MANY)
    start = time.process_time()
    merged = merge(osm, satellite, "a", facts.priors())
    ours = time.process_time() - start
    start = time.process_time()
    plain = gpd.overlay(
        osm[["osm_id", "geometry"]], satellite[["footprint_id", "geometry"]], how="intersection", keep_geom_type=True
    )
    theirs = time.process_time() - start
    start = time.process_time()
    found = overlaps(Outlines.of(np.asarray(osm.geometry.array)), Outlines.of(np.asarray(satellite.geometry.array)))
    alone = time.process_time() - start
    assert len(merged.buildings) > 0.9 * len(osm)
    assert len(found.left) == pytest.approx(len(plain), rel=1e-3)
    assert found.area_m2.sum() == pytest.approx(plain.area.sum(), rel=1e-6)
    bar("overlaps against geopandas.overlay, equal areas", theirs / alone, at_least=4, unit="x")
    bar("the whole merge against geopandas.overlay", theirs / ours, at_least=2, unit="x")
    bar("memory of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, at_most=4, unit="GiB")


def test_growth_of_time(bar: Record) -> None:
    seconds = []
    for count in (MANY // 100, MANY):
        given = sources(count)
        start = time.process_time()
        merge(*given, "a", facts.priors())
        seconds.append(time.process_time() - start)
    bar("merge: time grows as n to the power", np.log(seconds[1] / seconds[0]) / np.log(100), at_most=1.1)
