"""Merging of OSM outlines and satellite footprints: pairs, repeats, kinds, bad geometry, order of the inputs."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, affinity, box

from pipeline.declared import facts
from pipeline.geometry.outline_overlap import Outlines, intersection_area, overlaps
from pipeline.geometry.polygon_validity import valid_areas
from pipeline.transform.buildings import MergedBuildings, merge
from pipeline.transform.buildings.cleaning import clean
from pipeline.transform.buildings.height_lending import lend
from pipeline.transform.population import Priors

CRS = "EPSG:32643"
PRECISION = Priors(facts.priors(), "KG", "a", "winter").select("precision_satellite")
EAST, NORTH = 470_000.0, 4_750_000.0


def at(x: float, y: float, width: float = 10, height: float = 10, angle: float = 0) -> Polygon:
    """A rectangle with its lower left corner at x, y metres from an origin inside the CRS."""
    return affinity.rotate(box(EAST + x, NORTH + y, EAST + x + width, NORTH + y + height), angle)


def osm(*outlines: object, **tags: list[Any]) -> gpd.GeoDataFrame:
    data = {"osm_id": [f"way/{n}" for n in range(len(outlines))], "building": ["yes"] * len(outlines), **tags}
    return gpd.GeoDataFrame(data, geometry=list(outlines), crs=CRS)


def satellite(*outlines: object) -> gpd.GeoDataFrame:
    n = len(outlines)
    data = {
        "footprint_id": [f"f{k}" for k in range(n)],
        "height_m": np.full(n, 5.0),
        "confidence": np.full(n, np.nan),
        "origin": ["microsoft"] * n,
        "source_id": ["microsoft_footprints/x/1"] * n,
    }
    return gpd.GeoDataFrame(data, geometry=list(outlines), crs=CRS)


def seen(merged: MergedBuildings) -> list[str]:
    return sorted(merged.buildings["seen_by"])


def test_a_house_in_both_sources_counts_once() -> None:
    merged = merge(osm(at(0, 0), at(40, 0)), satellite(at(2, 1), at(80, 0)), "a", PRECISION)
    assert seen(merged) == ["both", "osm", "satellite"]
    assert list(merged.matches["footprint_id"]) == ["f0"]


def test_the_precision_of_another_city_holds_for_that_city_alone() -> None:
    """Wherever its row stands in the table."""
    row = facts.priors().query("parameter == 'precision_satellite'").iloc[[0]]
    osh = row.assign(prior_id="elsewhere", country="KG", area_id="osh", a=60.0, b=40.0)
    table = pd.concat([osh, facts.priors()], ignore_index=True)
    shares = {
        city: Priors(table, "KG", city, "winter").select("precision_satellite").moments[0]
        for city in ("osh", "bishkek")
    }
    assert shares["bishkek"] == pytest.approx(0.97)
    assert shares["osh"] == pytest.approx(0.6, abs=0.01)


def test_a_displaced_footprint_is_paired_with_its_own_house_in_a_row() -> None:
    row = [at(10 * k, 0) for k in range(6)]
    merged = merge(osm(*row), satellite(*(affinity.translate(house, 3, 2) for house in row)), "a", PRECISION)
    assert seen(merged) == ["both"] * 6
    assert [(o[4:], f[1:]) for o, f in merged.matches[["osm_id", "footprint_id"]].to_numpy()] == [
        (str(k), str(k)) for k in range(6)
    ]


def test_touching_rows_of_which_one_source_lacks_a_house() -> None:
    merged = merge(osm(at(0, 0), at(10, 0)), satellite(at(10, 0), at(20, 0)), "a", PRECISION)
    assert seen(merged) == ["both", "osm", "satellite"]


def test_one_blob_over_two_houses_and_the_reverse() -> None:
    blob, parts = at(0, 0, 24, 10), (at(0, 0), at(14, 0))
    assert seen(merge(osm(*parts), satellite(blob), "a", PRECISION)) == ["both", "both"]
    assert seen(merge(osm(blob), satellite(*parts), "a", PRECISION)) == ["both"]


def test_what_a_blob_shows_beside_the_house_that_osm_has_is_a_house() -> None:
    blob = at(0, 0, 32, 10)
    merged = merge(osm(at(0.5, 0, 10)), satellite(blob, at(80, 0)), "a", PRECISION)
    assert seen(merged) == ["both", "satellite", "satellite"]
    rest = merged.buildings.sort_values("footprint_m2").iloc[-1]
    assert rest["footprint_m2"] == pytest.approx(32 * 10 - 10.5 * 10)
    assert rest["footprint_id"] == "f0"
    assert [notice.count for notice in merged.notices if "OpenStreetMap lacks" in notice.what] == [1]


def test_the_yard_that_a_detector_fills_and_a_careless_hand_leave_no_rest() -> None:
    bent = at(0, 0, 20, 20).difference(at(10, 10, 20, 20))
    assert seen(merge(osm(bent), satellite(at(0, 0, 20, 20)), "a", PRECISION)) == ["both"]
    assert seen(merge(osm(at(0, 0, 16, 16)), satellite(at(-2, -2, 20, 20)), "a", PRECISION)) == ["both"]


def test_sheds_that_only_meet_are_one_and_houses_are_not() -> None:
    assert seen(merge(osm(at(0, 0, 3, 3)), satellite(at(2.5, 0, 3, 3)), "a", PRECISION)) == ["both"]
    assert seen(merge(osm(at(0, 0)), satellite(at(9.5, 0)), "a", PRECISION)) == ["osm", "satellite"]
    taken = merge(osm(at(0, 0, 3, 3)), satellite(at(0, 0, 3, 3), at(2.5, 0, 3, 3)), "a", PRECISION)
    assert seen(taken) == ["both", "satellite"]


def test_repeats_and_compounds_of_one_source_are_dropped_and_counted() -> None:
    yard = at(-5, -5, 80, 40)
    merged = merge(osm(yard, at(0, 0), at(0.2, 0), at(20, 0), at(40, 0)), satellite(), "a", PRECISION)
    assert len(merged.buildings) == 3
    assert {notice.what.split(";")[0]: notice.count for notice in merged.notices} == {
        "outline that repeats another of its source or lies within it": 1,
        "outline that encloses several buildings of its source": 1,
    }


def test_bad_geometry_is_repaired_or_dropped_and_counted() -> None:
    bow = Polygon([(EAST, NORTH), (EAST + 10, NORTH + 10), (EAST + 10, NORTH), (EAST, NORTH + 10)])
    nan = shapely.transform(at(0, 0), lambda points: np.where(points == points.max(), np.nan, points))
    multi = shapely.MultiPolygon([at(50, 0), at(62, 0)])
    bad = osm(bow, nan, None, Polygon(), at(99, 0, 1, 1), at(0, 500, 900, 900), multi, shapely.Point(EAST, NORTH))
    rows, _, notices = clean(bad, "x")
    assert list(rows["osm_id"]) == ["way/0", "way/6"]
    assert rows.is_valid.all()
    assert sorted(notice.count for notice in notices) == [1, 1, 1, 4]
    assert merge(bad, satellite(nan), "a", PRECISION).buildings["footprint_m2"].gt(0).all()


def test_empty_inputs_give_empty_tables() -> None:
    merged = merge(osm(), satellite(), "a", PRECISION)
    assert merged.buildings.empty
    assert merged.capture["value"].dropna().eq(0).all()
    assert seen(merge(osm(at(0, 0)), satellite(), "a", PRECISION)) == ["osm"]


def test_kinds_follow_tags_first_then_size_and_neighbours() -> None:
    house, shed, greenhouse, lone = at(0, 0, 12, 10), at(14, 0, 4, 4), at(0, 13, 10, 5), at(200, 0, 7, 7)
    flats, hall, tagged = at(300, 0, 60, 13), at(500, 0, 60, 40), at(700, 0, 5, 4)
    data = osm(house, shed, greenhouse, lone, flats, hall, tagged)
    data["building:levels"] = [None, None, None, None, "5;9", "мало", None]
    data.loc[6, "building"] = "house"
    merged = merge(data, satellite(), "a", PRECISION)
    kind = merged.buildings.set_index("osm_id")["kind"]
    assert kind.sort_index().tolist() == [
        "house",
        "outbuilding",
        "outbuilding",
        "house",
        "apartments",
        "non_residential",
        "house",
    ]
    assert merged.buildings.set_index("osm_id").loc["way/4", "levels"] == 9
    assert [n.count for n in merged.notices if "levels" in n.what] == [1]


def test_a_height_tells_storeys_where_no_tag_does() -> None:
    """3 m each, also of an outline that the map drew; a tag is believed before it, a height of kilometres never."""
    outlines = [at(200 * n, 0, 40, 15) for n in range(4)]
    data = osm(*outlines[:2], **{"building:levels": ["5", None]})
    footprints = satellite(*outlines).assign(height_m=[27.0, 27.0, 14.0, 3000.0])
    levels = merge(data, footprints, "a", PRECISION).buildings.sort_values("building_id")["levels"]
    assert levels.iloc[:3].tolist() == [5, 9, 5]
    assert np.isnan(levels.iloc[3])


def test_towers_works_and_tanks_are_no_homes() -> None:
    tank, yurt = (shapely.Point(at(x, 0, 1, 1).centroid).buffer(radius) for x, radius in ((300, 12), (600, 3.5)))
    data = osm(at(0, 0, 12, 10), at(100, 0, 12, 10), tank, yurt)
    data["man_made"] = ["tower", None, None, None]
    kind = merge(data, satellite(), "a", PRECISION).buildings.set_index("osm_id")["kind"].sort_index()
    assert kind.tolist()[:3] == ["non_residential", "house", "non_residential"]
    assert kind.tolist()[3] != "non_residential"


def test_a_slender_outline_of_many_storeys_is_a_tower_and_a_wide_one_holds_flats() -> None:
    data = osm(at(0, 0, 8, 8), at(100, 0, 18, 18), **{"building:levels": ["20", "16"]})
    kind = merge(data, satellite(), "a", PRECISION).buildings.set_index("osm_id")["kind"].sort_index()
    assert kind.tolist() == ["non_residential", "apartments"]


def test_rows_of_garages_and_greenhouses_are_no_homes_and_a_long_bent_house_is_one() -> None:
    garages, bent = at(0, 0, 6, 60), at(100, 0, 5, 25).union(at(100, 0, 25, 5))
    beds = [at(200 + 12 * n, 0, 9, 40) for n in range(4)]
    apart = [at(400 + 24 * n, 0, 9, 30) for n in range(4)]
    data = osm(garages, bent, *beds, *apart)
    kind = merge(data, satellite(), "a", PRECISION).buildings.set_index("osm_id")["kind"].sort_index().to_dict()
    assert kind["way/0"] == "outbuilding"
    assert kind["way/1"] == "house"
    assert {kind[f"way/{n}"] for n in range(2, 6)} == {"outbuilding"}
    assert {kind[f"way/{n}"] for n in range(6, 10)} == {"house"}


def test_a_large_outline_in_the_form_of_a_block_of_flats_is_unknown_and_a_hall_is_none() -> None:
    data = osm(at(0, 0, 13, 70), at(200, 0, 40, 40), at(400, 0, 13, 70))
    data.loc[2, "building"] = "warehouse"
    kind = merge(data, satellite(), "a", PRECISION).buildings.set_index("osm_id")["kind"].sort_index()
    assert kind.tolist() == ["unknown", "non_residential", "non_residential"]


def test_what_it_is_used_as_decides_where_the_building_tag_is_silent() -> None:
    data = osm(at(0, 0), at(100, 0), at(200, 0), **{"building:use": ["commercial", "residential", "commercial"]})
    data.loc[2, "building"] = "house"
    kind = merge(data, satellite(), "a", PRECISION).buildings.set_index("osm_id")["kind"].sort_index()
    assert kind.tolist() == ["non_residential", "house", "house"]


def test_nobody_lives_where_people_work_unless_a_tag_or_other_ground_within_says_so() -> None:
    data = osm(at(0, 0), at(100, 0), at(200, 0), at(900, 0))
    data.loc[1, "building"] = "house"
    ground = {"landuse": ["industrial", "residential", "meadow"]}
    land = gpd.GeoDataFrame(ground, geometry=[at(-50, -50, 400, 200), at(190, -10, 40, 40), at(890, -9, 9, 9)], crs=CRS)
    merged = merge(data, satellite(at(50, 0)), "a", PRECISION, land).buildings
    kind = merged.set_index(merged["osm_id"].fillna("satellite"))["kind"]
    assert kind.sort_index().tolist() == ["non_residential", "non_residential", "house", "house", "house"]


def random_city(seed: int, n: int = 400) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, int, int]:
    """Houses on a jittered grid, each seen by OSM and by the satellite with its own chance; and what neither saw."""
    rng = np.random.default_rng(seed)
    side = int(np.sqrt(n))
    houses = [
        at(30 * (k % side) + rng.uniform(0, 4), 30 * (k // side), rng.uniform(8, 14), 10, rng.uniform(0, 90))
        for k in range(side**2)
    ]
    by_osm, by_satellite = rng.random(side**2) < 0.6, rng.random(side**2) < 0.8
    moved = [affinity.translate(house, *rng.normal(0, 1, 2)) for house in houses]
    first = osm(*(house for house, yes in zip(houses, by_osm, strict=True) if yes))
    second = satellite(*(house for house, yes in zip(moved, by_satellite, strict=True) if yes))
    return first, second, int((by_osm & by_satellite).sum()), int((~by_osm & ~by_satellite).sum())


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_inputs_changes_nothing(seed: int) -> None:
    first, second, both, _ = random_city(seed, 100)
    merged = merge(first, second, "a", PRECISION)
    assert (merged.buildings["seen_by"] == "both").sum() == both
    again = merge(first.sample(frac=1, random_state=1), second.sample(frac=1, random_state=2), "a", PRECISION)
    assert merged.buildings.equals(again.buildings)
    assert merged.matches.equals(again.matches)
    assert merged.capture.equals(again.capture)


def test_inputs_are_not_changed() -> None:
    first, second, *_ = random_city(1, 64)
    before = first.copy(deep=True), second.copy(deep=True)
    merge(first, second, "a", PRECISION)
    assert first.equals(before[0])
    assert second.equals(before[1])


def test_the_estimate_of_the_unseen_holds_the_truth() -> None:
    inside = 0
    for seed in range(10):
        first, second, _, unseen = random_city(seed, 2500)
        # The rate of false positives that is taken off is real elsewhere; this detector invents nothing.
        values = merge(first, second, "a", PRECISION).capture.set_index("measure")["value"]
        inside += values["unseen_share_p05"] <= unseen / 2500 <= values["unseen_share_p95"]
    assert inside >= 8


rectangle = st.tuples(st.floats(-8, 8), st.floats(-8, 8), st.floats(3, 15), st.floats(3, 15), st.floats(0, 180))
"""Of a shape: place, sides, angle."""


def outline(parts: list[tuple[float, ...]], notch: float, hole: float) -> np.ndarray:
    """A polygon or several, with a notch and a hole of these radii."""
    whole = shapely.union_all([at(*part) for part in parts])
    corner = shapely.get_point(shapely.get_exterior_ring(shapely.get_geometry(whole, 0)), 0)
    whole = whole.difference(corner.buffer(notch, quad_segs=2)) if notch else whole
    whole = whole.difference(whole.centroid.buffer(hole, quad_segs=2)) if hole else whole
    return valid_areas(np.array([whole]))[0]


outlines = st.builds(
    outline, st.lists(rectangle, min_size=1, max_size=3), st.sampled_from([0, 2]), st.sampled_from([0, 1])
)


@settings(deadline=None)
@given(outlines, outlines)
def test_overlap_areas_are_those_of_geos(first: np.ndarray, second: np.ndarray) -> None:
    if first[0] is None or second[0] is None:
        return
    exact = shapely.area(shapely.intersection(first, second))
    left, right = Outlines.of(first), Outlines.of(second)
    assert left.area == pytest.approx(shapely.area(first), rel=1e-9)
    zero = np.zeros(1, dtype=np.int64)
    assert intersection_area(left, right, zero, zero) == pytest.approx(exact, rel=1e-6, abs=1e-6)
    assert intersection_area(right, left, zero, zero) == pytest.approx(exact, rel=1e-6, abs=1e-6)


def test_overlap_areas_of_intricate_outlines_in_batches() -> None:
    rng = np.random.default_rng(5)
    centres = EAST + rng.uniform(0, 400, (3000, 2))
    rounds = shapely.buffer(shapely.points(centres), rng.uniform(3, 20, 3000), quad_segs=1)
    rounds[::50] = shapely.buffer(rounds[::50], 3, quad_segs=12)
    left = Outlines.of(rounds)
    found = overlaps(left, left)
    exact = shapely.area(shapely.intersection(rounds[found.left], rounds[found.right]))
    np.testing.assert_allclose(found.area_m2, exact, rtol=1e-8, atol=1e-8)
    assert found.area_m2.sum() == pytest.approx(
        sum(shapely.area(shapely.intersection(rounds, one)).sum() for one in rounds), rel=1e-9
    )


def test_an_outline_overlaps_itself_by_its_area() -> None:
    given = np.array([at(0, 0, angle=17), at(30, 0).buffer(1)], dtype=object)
    found = overlaps(Outlines.of(given), Outlines.of(given))
    assert found.area_m2 == pytest.approx(shapely.area(given))


def test_an_import_is_one_list() -> None:
    """The map was copied from the satellite: that both agree says nothing of what neither saw."""
    rng = np.random.default_rng(8)
    houses = [at(30 * (k % 60) + rng.uniform(0, 4), 30 * (k // 60), rng.uniform(8, 14), 10) for k in range(3600)]
    detected = rng.random(3600) < 0.8
    drawn = (rng.random(3600) < 0.6) & (np.arange(3600) < 600)
    copied = detected & (np.arange(3600) >= 600)
    by_hand = [affinity.scale(h, *rng.uniform(0.85, 1.15, 2)) for h, yes in zip(houses, drawn, strict=True) if yes]
    mapped = osm(*by_hand, *(house for house, yes in zip(houses, copied, strict=True) if yes))
    merged = merge(mapped, satellite(*(h for h, yes in zip(houses, detected, strict=True) if yes)), "a", PRECISION)
    values = merged.capture.set_index("measure")["value"]
    unseen = (~detected & ~drawn).mean()
    assert values["unseen_share_p05"] <= unseen <= values["unseen_share_p95"]


def test_misses_that_both_sources_share_lie_within_the_interval() -> None:
    first, second, _, unseen = random_city(3, 2500)
    values = merge(first, second, "a", PRECISION).capture.set_index("measure")["value"]
    hidden = 0.2  # of all houses, as if under trees: in neither list, and no list tells
    assert values["unseen_share_p05"] <= unseen / 2500 * (1 - hidden) + hidden <= values["unseen_share_p95"]


def test_heights_are_lent_where_nothing_better_is_known() -> None:
    outlines = [shapely.box(x, 0, x + 10, 10) for x in (0, 100, 200, 300, 400)]
    buildings = gpd.GeoDataFrame(
        {"levels": [np.nan, 1, np.nan, np.nan, np.nan], "height_m": [np.nan, np.nan, 4.0, np.nan, np.nan]},
        geometry=outlines,
    )
    lenders = [
        (shapely.box(0, 0, 10, 10), 9.0),
        (shapely.box(100, 0, 110, 10), 9.0),  # its storeys are known
        (shapely.box(200, 0, 210, 10), 9.0),  # its height is known
        (shapely.box(300, 0, 310, 4), 9.0),  # too little of it is covered
        (shapely.box(400, 0, 402, 10), 5.0),
        (shapely.box(402, 0, 406, 10), 8.0),
    ]
    heights = gpd.GeoDataFrame({"height_m": [h for _, h in lenders]}, geometry=[shape for shape, _ in lenders])
    lend(heights, buildings)
    assert buildings["height_m"].tolist()[:3:2] == [9.0, 4.0]
    assert buildings["height_m"].isna().tolist() == [False, True, False, True, False]
    assert buildings["height_m"].iloc[4] == pytest.approx((2 * 5 + 4 * 8) / 6)
    none = buildings.copy()
    lend(heights.iloc[:0], none)
    pd.testing.assert_frame_equal(pd.DataFrame(none), pd.DataFrame(buildings))
