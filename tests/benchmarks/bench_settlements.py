"""Settlements: division, outlines, kinds and names against simulated truth, and the speed of a million.

``BENCH_BUILDINGS`` sets another number of buildings; ``BENCH_SEEDS`` and ``BENCH_CITIES`` as in `simulated`.
"""

from __future__ import annotations

import os
import resource
import time
from functools import cache
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score, f1_score

from pipeline.declared import facts
from pipeline.geometry.alpha_complex import mesh
from pipeline.transform.settlements import classify, delineate, listed_names, resolve_names
from pipeline.transform.settlements.assignment import CORE, REACH_M
from pipeline.transform.settlements.neighbour_graph import components, dense
from tests.benchmarks.simulated import CITIES, SEEDS, city, rectangles, shown
from tests.postgis import cluster

if TYPE_CHECKING:
    from tests.benchmarks.conftest import Record

MANY = int(os.environ.get("BENCH_BUILDINGS", "1000000"))


@cache
def judged(area_id: str, seed: int) -> dict[str, object]:
    """Compare the settlements of one city with its truth."""
    made = city(area_id, seed)
    gazetteer = facts.settlements()
    found = delineate(made.merged.buildings, made.layers, area_id, listed_names(gazetteer, area_id))
    members = made.merged.buildings.assign(settlement_id=found.membership)
    best_building = shown(made.merged.buildings, made.buildings)
    true = best_building.map(made.buildings.set_index("building_id")["settlement_id"])
    real = best_building.notna().to_numpy()
    division = pd.DataFrame({"true": true[real].to_numpy(), "ours": found.membership[real].to_numpy()})
    pairs = division.dropna().value_counts().reset_index()
    best = pairs.drop_duplicates("ours").set_index("ours")["true"]
    truth = made.settlements
    onset = found.settlements["settlement_id"].map(best.map(truth["onset_year"]))
    onset.index = found.settlements["settlement_id"]
    places, named = resolve_names(found.settlements, made.layers, gazetteer, area_id)
    kinds = classify(places, members, made.layers, onset, made.area.country)
    told = kinds["settlement_id"].map(best.map(truth["kind"]))
    return {
        "ari": adjusted_rand_score(division["true"].fillna("none"), division["ours"].fillna("none")),
        "iou": float(np.median(_ious(found.settlements, truth, pairs))),
        "novostroika": (told[told.notna()] == "novostroika", kinds["kind"][told.notna()] == "novostroika"),
        **_named(named, truth, best),
    }


def _ious(ours: gpd.GeoDataFrame, truth: gpd.GeoDataFrame, pairs: pd.DataFrame) -> list[float]:
    """Return for each true settlement the best intersection over union with any of ours that shares a building."""
    shapes = ours.set_index("settlement_id").geometry
    out = []
    for true_id, outline in truth.geometry.items():
        candidates = shapes[pairs.loc[pairs["true"] == true_id, "ours"]]
        shares = [shape.intersection(outline).area / shape.union(outline).area for shape in candidates]
        out.append(max(shares, default=0.0))
    return out


def _named(named: pd.DataFrame, truth: gpd.GeoDataFrame, best: pd.Series) -> dict[str, int]:
    """Count the named settlements that the map names at all, those found, and the wrong ones."""
    on_map = truth["osm_form"].isin(["polygon", "node", "both"])
    wanted = truth.index[truth["named_id"].notna() & on_map]
    found = named[named["outcome"] == "found"].set_index("named_id")["settlement_id"]
    row_of = truth.reset_index().dropna(subset=["named_id"]).set_index("named_id")["settlement_id"]
    right = found.map(best) == found.index.to_series().map(row_of)
    return {"named": len(wanted), "found": int(right.sum()), "wrong": int((~right).sum())}


@pytest.mark.parametrize("area_id", CITIES)
def test_truth(area_id: str, bar: Record) -> None:
    results = pd.DataFrame([judged(area_id, seed) for seed in SEEDS])
    told, said = (pd.concat([pair[side] for pair in results["novostroika"]]) for side in (0, 1))
    bar(f"{area_id}: adjusted Rand index, mean of {len(SEEDS)} seeds", results["ari"].mean(), at_least=0.95)
    bar(f"{area_id}: adjusted Rand index, worst", results["ari"].min(), at_least=0.85)
    bar(f"{area_id}: median IoU of outlines, mean", results["iou"].mean(), at_least=0.85)
    bar(f"{area_id}: novostroika or not, F1", f1_score(told, said), at_least=0.9)
    bar(f"{area_id}: named settlements found", results["found"].sum() / results["named"].sum(), at_least=0.95)
    bar(f"{area_id}: wrong names", results["wrong"].sum(), at_most=0)


def town(count: int) -> gpd.GeoDataFrame:
    """Return about `count` houses in towns of some thousands, with empty land between them."""
    houses = rectangles(count, 3)
    x, y = shapely.get_coordinates(shapely.centroid(houses)).T
    moved = np.stack([300 * np.floor(x / 1500), 300 * np.floor(y / 1500)], axis=1)
    points, owner = shapely.get_coordinates(houses, return_index=True)
    houses = shapely.set_coordinates(houses, points + moved[owner])
    frame = gpd.GeoDataFrame({"kind": "house"}, geometry=houses, crs="EPSG:32643", index=np.arange(len(houses)))
    return frame.assign(footprint_m2=frame.area)


def cpu(work: object) -> tuple[float, object]:
    start = time.process_time()
    result = work()  # type: ignore[operator]
    return time.process_time() - start, result


def labels(points: np.ndarray) -> np.ndarray:
    """Return the clusters that delineation starts from."""
    links = mesh(points, REACH_M).links
    close = dense(points, links, REACH_M, CORE)
    return np.where(close, components(len(points), links[close[links].all(axis=1)]), -1)


def test_labels_against_dbscan(bar: Record) -> None:
    points = shapely.get_coordinates(town(MANY).centroid)
    ours, found = cpu(lambda: labels(points))
    theirs, plain = cpu(lambda: DBSCAN(eps=REACH_M, min_samples=CORE).fit_predict(points))
    assert adjusted_rand_score(found, plain) == 1.0
    bar("labels against DBSCAN, equal", theirs / ours, at_least=2, unit="x")


def test_labels_against_postgis(bar: Record) -> None:
    if reason := cluster.unavailable():
        pytest.skip(reason)
    points = shapely.get_coordinates(town(MANY).centroid)
    start = time.perf_counter()
    found = labels(points)
    ours = time.perf_counter() - start
    with cluster.filled({"houses": np.asarray(shapely.points(points))}) as connection:
        start = time.perf_counter()
        rows = connection.execute(
            f"SELECT id, coalesce(ST_ClusterDBSCAN(geom, {REACH_M}, {CORE}) OVER (), -1) FROM houses"
        ).fetchall()
        theirs = time.perf_counter() - start
    number, plain = np.array(rows).T
    assert adjusted_rand_score(found[number], plain) == 1.0
    bar("labels against PostGIS, equal", theirs / ours, at_least=1, unit="x")


def test_growth_of_time(bar: Record) -> None:
    few, many = town(MANY // 100), town(MANY)
    delineate(few, {}, "a")  # what is loaded once is no part of either
    small, _ = cpu(lambda: delineate(few, {}, "a"))
    large, _result = cpu(lambda: delineate(many, {}, "a"))
    bar("delineate: time grows as n to the power", np.log(large / small) / np.log(100), at_most=1.1)
    bar("memory of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, at_most=4, unit="GiB")
