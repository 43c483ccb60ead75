"""Buildings: who is who against simulated truth, what neither source saw, and the speed of a million.

``BENCH_BUILDINGS`` sets another number of buildings; ``BENCH_SEEDS`` and ``BENCH_CITIES`` as in `simulated`.
"""

from __future__ import annotations

import os
import resource
import time
from typing import TYPE_CHECKING, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.declared import facts
from pipeline.geometry.outline_overlap import Outlines, overlaps
from pipeline.transform.buildings import MergedBuildings, merge
from pipeline.transform.buildings.building_use import DOUBTFUL_M2, HOUSE_MAX_M2, NEIGHBOUR_M, SHED_M2
from pipeline.transform.buildings.cleaning import MAX_M2, MIN_M2
from pipeline.transform.buildings.matching import NESTED_SHARE, SAME_IOU, SAME_SHARE
from pipeline.transform.population import Prior, Priors
from tests.benchmarks.simulated import CITIES, SEEDS, City, city, rectangles
from tests.postgis import cluster

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.conftest import Record

MANY = int(os.environ.get("BENCH_BUILDINGS", "1000000"))
CRS = "EPSG:32643"
T = TypeVar("T")
PRECISION = Priors(facts.priors(), "KG", "a", "winter").select("precision_satellite")


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
    unseen = unseen_share(made, seen)
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


def seen_twice(made: City, osm: gpd.GeoDataFrame, footprints: gpd.GeoDataFrame, merged: MergedBuildings) -> float:
    """Return the share of merged buildings whose true building an outline of OSM stands for already."""
    in_osm = set(made.osm_pairs.loc[made.osm_pairs["osm_id"].isin(osm["osm_id"]), "building_id"])
    pairs = made.footprint_pairs.dropna()
    shows = pairs[pairs["footprint_id"].isin(footprints["footprint_id"])].groupby("footprint_id")["building_id"]
    known = shows.agg(lambda buildings: set(buildings) <= in_osm).astype(bool)
    alone = merged.buildings.loc[merged.buildings["seen_by"] == "satellite", "footprint_id"]
    return float(alone.isin(known[known].index).sum() / len(merged.buildings))


def moved(footprints: gpd.GeoDataFrame, distance_m: float, seed: int, square_m: float = 0) -> gpd.GeoDataFrame:
    """Displace footprints by a distance in a random direction: all alike, or each square by up to it in its own way."""
    rng = np.random.default_rng(seed)
    centre = footprints.geometry.centroid
    place = np.stack([centre.x, centre.y], axis=1) // square_m if square_m else np.zeros((len(footprints), 2))
    _, square = np.unique(place, axis=0, return_inverse=True)
    count = square.max() + 1
    length = rng.uniform(0, distance_m, count) if square_m else np.full(count, distance_m)
    angle = rng.uniform(0, 2 * np.pi, count)
    way = (length * (np.cos(angle), np.sin(angle))).T[square]
    outlines = footprints.geometry.to_numpy().copy()
    points, owner = shapely.get_coordinates(outlines, return_index=True)
    return footprints.set_geometry(shapely.set_coordinates(outlines, points + way[owner]), crs=footprints.crs)


@pytest.mark.parametrize("area_id", CITIES)
def test_displaced_imagery(area_id: str, bar: Record) -> None:
    for distance, square in ((0, 0), (4, 0), (8, 0), (12, 0), (15, 0), (20, 0), (15, 1500)):
        shares = []
        for seed in SEEDS:
            made = city(area_id, seed)
            seen = moved(made.footprints, distance, seed, square)
            merged = merge(made.layers["buildings"], seen, area_id, precision(made))
            shares.append(seen_twice(made, made.layers["buildings"], seen, merged))
        name = f"up to {distance} m, each {square} m its own" if square else f"{distance} m"
        bar(f"{area_id}: houses doubled, imagery displaced by {name}", max(shares), at_most=0.005)


@pytest.mark.parametrize("area_id", CITIES)
def test_what_neither_source_saw(area_id: str, bar: Record) -> None:
    """Base, OSM imported from the satellite in nine of ten settlements, and a quarter of all buildings in neither."""
    inside: dict[str, list[bool]] = {"base": [], "imported": [], "hidden from both": []}
    for seed in SEEDS:
        made, rng = city(area_id, seed), np.random.default_rng(seed)
        osm, seen = made.layers["buildings"], made.footprints
        hidden = set(made.buildings["building_id"][rng.random(len(made.buildings)) < 0.25])
        lost = [
            set(pairs.loc[pairs["building_id"].isin(hidden), key])
            for pairs, key in ((made.osm_pairs, "osm_id"), (made.footprint_pairs, "footprint_id"))
        ]
        stressed = {
            "base": (osm, seen),
            "imported": (imported(made, seed), seen),
            "hidden from both": (osm[~osm["osm_id"].isin(lost[0])], seen[~seen["footprint_id"].isin(lost[1])]),
        }
        for name, (mapped, detected) in stressed.items():
            share = merge(mapped, detected, area_id, precision(made)).capture.set_index("measure")["value"]
            unseen = unseen_share(made, shown_by(made, mapped, detected))
            inside[name].append(share["unseen_share_p05"] <= unseen <= share["unseen_share_p95"])
    for name, held in inside.items():
        bar(f"{area_id}: 90 % interval of the unseen holds the truth, {name}", float(np.mean(held)), at_least=0.85)


def unseen_share(made: City, seen: set[str]) -> float:
    """Return the share of the true buildings, sheds left out, that no source shows.

    Where nobody maps sheds, no comparison of two lists can tell of them.
    """
    main = made.buildings.loc[made.buildings["kind"] != "outbuilding", "building_id"]
    return float(1 - main.isin(seen).mean())


def imported(made: City, seed: int) -> gpd.GeoDataFrame:
    """Return OSM with the satellite's own outlines in nine of ten settlements."""
    osm, seen = made.layers["buildings"], made.footprints
    ground = shapely.union_all(np.asarray(made.settlements.sample(frac=0.9, random_state=seed).geometry.array))
    shapely.prepare(ground)
    mapped = osm[~shapely.intersects(ground, osm.geometry.to_numpy())]
    copied = seen[shapely.intersects(ground, seen.geometry.to_numpy())]
    copy = gpd.GeoDataFrame(
        {"osm_id": "way/" + copied["footprint_id"], "building": "yes"}, geometry=copied.geometry, crs=osm.crs
    )
    return gpd.GeoDataFrame(pd.concat([mapped, copy], ignore_index=True), crs=osm.crs)


def shown_by(made: City, osm: gpd.GeoDataFrame, footprints: gpd.GeoDataFrame) -> set[str]:
    """Return the true buildings that at least one of the sources shows."""
    by_osm = made.osm_pairs.loc[made.osm_pairs["osm_id"].isin(osm["osm_id"]), "building_id"]
    seen = made.footprint_pairs.dropna()
    return {*by_osm, *seen.loc[seen["footprint_id"].isin(footprints["footprint_id"]), "building_id"]}


def precision(made: City) -> Prior:
    return Priors(facts.priors(), made.area.country, made.area.area_id, "winter").select("precision_satellite")


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


def plain_repeats(frame: gpd.GeoDataFrame) -> pd.Index:
    """Return the rows that lie within another, as `matching.repeats` has it."""
    pairs = gpd.sjoin(frame[["geometry"]], frame[["geometry"]], predicate="intersects")
    i, j = pairs.index.to_numpy(), pairs["index_right"].to_numpy()
    i, j = i[i < j], j[i < j]
    area = frame.area
    shared = frame.geometry.loc[i].intersection(frame.geometry.loc[j], align=False).area.to_numpy()
    inner = np.where(area.loc[i].to_numpy() >= area.loc[j].to_numpy(), j, i)
    return pd.Index(inner[shared >= NESTED_SHARE * area.loc[inner].to_numpy()]).unique()


def plain_merge(osm: gpd.GeoDataFrame, satellite: gpd.GeoDataFrame) -> pd.Series:
    """Merge as anybody would with geopandas, by the same rules; returns who saw each building.

    It neither looks for displaced imagery nor estimates the unseen.
    """
    sources = []
    for frame in (osm, satellite):
        valid = frame.set_geometry(frame.make_valid())
        valid = valid[valid.area.between(MIN_M2, MAX_M2)]
        sources.append(valid.drop(plain_repeats(valid)))
    first, second = (frame.assign(own=frame.area) for frame in sources)
    pairs = gpd.overlay(first[["osm_id", "own", "geometry"]], second[["footprint_id", "own", "geometry"]])
    shared = pairs.area
    iou = shared / (pairs["own_1"] + pairs["own_2"] - shared)
    best = (iou == iou.groupby(pairs["osm_id"]).transform("max")) & (
        iou == iou.groupby(pairs["footprint_id"]).transform("max")
    )
    same = pairs[(shared >= SAME_SHARE * pairs[["own_1", "own_2"]].min(axis=1)) | (best & (iou >= SAME_IOU))]
    seen = first["osm_id"].isin(same["osm_id"]).map({True: "both", False: "osm"})
    alone = second[~second["footprint_id"].isin(same["footprint_id"])]
    every = gpd.GeoDataFrame(pd.concat([first, alone], ignore_index=True), crs=osm.crs)
    small, house = every[every["own"] < DOUBTFUL_M2], every[every["own"].between(DOUBTFUL_M2, HOUSE_MAX_M2)]
    points = gpd.GeoDataFrame({"size": house["own"]}, geometry=house.centroid)
    beside = gpd.sjoin_nearest(small.set_geometry(small.centroid), points, max_distance=NEIGHBOUR_M)
    every["shed"] = every.index.isin(beside.index[beside["size"] >= 2 * beside["own"]]) | (every["own"] < SHED_M2)
    return pd.concat([seen, pd.Series("satellite", index=alone.index)])


def cpu(work: Callable[[], T]) -> tuple[float, T]:
    """Return seconds of the processor, so that other work on the machine does no harm; both sides use one core."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def test_overlaps_against_geopandas(bar: Record) -> None:
    osm, satellite = sources(MANY)
    left, right = np.asarray(osm.geometry.array), np.asarray(satellite.geometry.array)
    ours, found = cpu(lambda: overlaps(Outlines.of(left), Outlines.of(right)))
    theirs, plain = cpu(lambda: gpd.overlay(osm[["osm_id", "geometry"]], satellite[["footprint_id", "geometry"]]))
    assert len(found.left) == pytest.approx(len(plain), rel=1e-3)
    assert found.area_m2.sum() == pytest.approx(plain.area.sum(), rel=1e-6)
    bar("which footprints overlap against geopandas.overlay, equal areas", theirs / ours, at_least=2, unit="x")


def test_merge_against_geopandas(bar: Record) -> None:
    osm, satellite = sources(MANY)
    ours, merged = cpu(lambda: merge(osm, satellite, "a", PRECISION))
    theirs, plain = cpu(lambda: plain_merge(osm, satellite))
    counts = merged.buildings["seen_by"].value_counts()
    for seen, count in plain.value_counts().items():
        assert counts[seen] == pytest.approx(count, rel=2e-3)
    bar("the whole merge against geopandas by the same rules", theirs / ours, at_least=2, unit="x")
    bar("memory of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, at_most=4, unit="GiB")


def test_overlaps_against_postgis(bar: Record) -> None:
    """By the clock: a server's seconds of the processor are its own."""
    if reason := cluster.unavailable():
        pytest.skip(reason)
    osm, satellite = (np.asarray(frame.geometry.array) for frame in sources(MANY))
    start = time.perf_counter()
    found = overlaps(Outlines.of(osm), Outlines.of(satellite))
    ours = time.perf_counter() - start
    with cluster.filled({"osm": osm, "satellite": satellite}) as connection:
        start = time.perf_counter()
        row = connection.execute(
            """SELECT count(*), sum(area) FROM (
                 SELECT ST_Area(ST_Intersection(o.geom, s.geom)) AS area
                 FROM osm o JOIN satellite s ON ST_Intersects(o.geom, s.geom)) AS shared WHERE area > 1e-6"""
        ).fetchone()
        theirs = time.perf_counter() - start
    assert row == (len(found.left), pytest.approx(found.area_m2.sum(), rel=1e-6))
    bar("which footprints overlap against PostGIS", theirs / ours, at_least=1, unit="x")


def test_growth_of_time(bar: Record) -> None:
    merge(*sources(MANY // 100), "a", PRECISION)  # what is loaded once is no part of either
    seconds = []
    for count in (MANY // 100, MANY):
        given = sources(count)
        seconds.append(cpu(lambda given=given: merge(*given, "a", PRECISION))[0])
    bar("merge: time grows as n to the power", np.log(seconds[1] / seconds[0]) / np.log(100), at_most=1.1)
