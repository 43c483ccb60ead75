"""What of each settlement lies in each red zone, against the plain way and closed formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.schema import tables
from pipeline.transform.red_zones import distances, overlaps, zone_polygons
from tests.transform.red_zone_city import METRIC, Town, blob, town, winding

if TYPE_CHECKING:
    import pandas as pd

REACH = {"cemetery": 300.0, "railway": 500.0, "wetland": 50.0}
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def table(city: Town) -> pd.DataFrame:
    pairs = distances(city.buildings, city.hazards, REACH)
    return overlaps(city.buildings, city.settlements, city.hazards, pairs, zone_polygons(city.hazards))


@pytest.mark.parametrize("distance", [0.5, 35.0, 1000.0])
def test_zones_have_their_true_area(distance: float) -> None:
    circle = np.pi * distance**2
    shapes = {
        shapely.Point(3, 4): circle,
        shapely.LineString([(0, 0), (30, 40)]): circle + 100 * distance,
        shapely.box(0, 0, 100, 100): circle + 400 * distance + 10_000,
    }
    for shape, area in shapes.items():
        row = {"hazard_id": "h", "rule_id": "r", "hazard_class": "c", "kind": "statutory", "distance_m": distance}
        hazard = gpd.GeoDataFrame([{**row, "assumed": False, "geometry": shape}], crs=METRIC)
        assert zone_polygons(hazard).area.iloc[0] == pytest.approx(area, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_zones_of_winding_shapes_equal_the_union_of_their_segments(seed: int) -> None:
    # GEOS simplifies the input of a buffer; single segments cannot be simplified.
    rng = np.random.default_rng(seed)
    for shape in (blob(rng, np.zeros(2), 300, 40), winding(rng, np.zeros(2), 40, 50)):
        line = shape.boundary if shape.area else shape
        ends = np.array(list(zip(line.coords[:-1], line.coords[1:], strict=True)))
        parts = shapely.buffer(shapely.linestrings(ends), 100.0, quad_segs=720)
        row = {"hazard_id": "h", "rule_id": "r", "hazard_class": "c", "kind": "statutory", "distance_m": 100.0}
        hazard = gpd.GeoDataFrame([{**row, "assumed": False, "geometry": shape}], crs=METRIC)
        assert zone_polygons(hazard).area.iloc[0] == pytest.approx(shapely.union_all([*parts, shape]).area, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_rows_equal_the_plain_way(seed: int) -> None:
    city = town(seed)
    ours = table(city).set_index(["settlement_id", "rule_id"])
    for rule, hazards in city.hazards.groupby("rule_id"):
        limit = hazards["distance_m"].iloc[0]
        zone = shapely.union_all(shapely.buffer(hazards.geometry.to_numpy(), limit, quad_segs=720))
        for place in city.settlements.itertuples():
            houses = city.buildings[city.buildings["settlement_id"] == place.settlement_id]
            nearest = shapely.distance(houses.geometry.to_numpy()[:, None], hazards.geometry.to_numpy()).min(axis=1)
            land = shapely.intersection(place.geometry, zone).area
            if land == 0 and not (nearest <= limit).any():
                assert (place.settlement_id, rule) not in ours.index
                continue
            row = ours.loc[(place.settlement_id, rule)]
            assert row["buildings"] == (nearest <= limit).sum()
            assert row["homes"] == (houses["home"] & (nearest <= limit)).sum()
            assert row["nearest_m"] == pytest.approx(nearest.min(), abs=1e-9)
            assert row["overlap_m2"] == pytest.approx(land, rel=1e-9)
            inside = shapely.intersection(houses.geometry.to_numpy(), zone)
            assert row["buildings_m2"] == pytest.approx(shapely.area(inside).sum(), rel=1e-9, abs=1e-9)
            close = np.where(nearest <= limit, 1 - nearest / (2 * limit or 1), 0)
            assert row["severity"] == pytest.approx(close.sum() / len(houses))


def test_assumed_follows_the_hazards_that_reach_the_settlement() -> None:
    city = town(3)
    ours = table(city).set_index(["settlement_id", "rule_id"])["assumed"]
    outlines = city.settlements.set_index("settlement_id").geometry
    for (settlement, rule), assumed in ours.items():
        own = city.hazards[(city.hazards["rule_id"] == rule) & city.hazards["assumed"]]
        near = shapely.dwithin(own.geometry.to_numpy(), outlines[settlement], own["distance_m"].to_numpy())
        assert assumed == near.any()


def test_no_hazards_give_no_rows() -> None:
    city = town(0)
    rows = table(Town(city.buildings, city.settlements, city.hazards.iloc[:0]))
    homes = dict.fromkeys(("homes_p05", "homes_p50", "homes_p95"), 0)
    assert tables.conform("red_zone_overlaps", rows.assign(**homes)).empty


def test_a_settlement_of_one_house_inside_the_hazard_is_of_full_severity() -> None:
    house = shapely.box(0, 0, 10, 10)
    city = town(0)
    known = {"building_id": ["b"], "settlement_id": ["s"], "home": [True]}
    buildings = gpd.GeoDataFrame(known, geometry=[house], crs=METRIC)
    place = gpd.GeoDataFrame({"settlement_id": ["s"], "area_id": ["t"]}, geometry=[house], crs=METRIC)
    hazard = city.hazards[city.hazards["rule_id"] == "KG.wetland"].iloc[:1].set_geometry([shapely.box(-5, -5, 50, 50)])
    row = table(Town(buildings, place, hazard.set_crs(METRIC, allow_override=True))).iloc[0]
    assert (row["buildings"], row["overlap_share"], row["severity"], row["nearest_m"]) == (1, 1, 1, 0)


@few
@given(seed=st.integers(0, 10_000))
def test_overlap_never_exceeds_the_settlement(seed: int) -> None:
    city = town(seed, houses=100)
    ours = table(city)
    whole = ours["settlement_id"].map(city.settlements.set_index("settlement_id").area)
    assert (ours["overlap_m2"] <= whole).all()
    assert ours["overlap_share"].between(0, 1).all()
    assert ours["severity"].between(0, 1).all()


@few
@given(seed=st.integers(0, 10_000), factor=st.floats(1, 3))
def test_a_larger_distance_never_gives_fewer_buildings_or_less_area(seed: int, factor: float) -> None:
    city = town(seed, houses=100)
    wider = Town(city.buildings, city.settlements, city.hazards.assign(distance_m=city.hazards["distance_m"] * factor))
    key, columns = ["settlement_id", "rule_id"], ["buildings", "buildings_m2", "overlap_m2", "severity"]
    small, large = table(city).set_index(key)[columns], table(wider).set_index(key)[columns]
    assert (large.reindex(small.index) - small >= -1e-6).all(axis=None)


@few
@given(seed=st.integers(0, 10_000), angle=st.floats(0, 6.28), east=st.floats(-2e4, 2e4), north=st.floats(-2e4, 2e4))
def test_shifting_and_turning_the_city_changes_nothing(seed: int, angle: float, east: float, north: float) -> None:
    city = town(seed, houses=100)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    before, after = table(city), table(city.moved(lambda xy: xy @ turn.T + [east, north]))
    numbers = ["buildings", "buildings_m2", "overlap_m2", "overlap_share", "nearest_m", "severity"]
    assert before.drop(columns=numbers).equals(after.drop(columns=numbers))
    # Turning moves the vertices of arcs along them, by which areas change within the arcs' error.
    np.testing.assert_allclose(after[numbers], before[numbers], rtol=1e-5, atol=1e-2)
    np.testing.assert_allclose(after["nearest_m"], before["nearest_m"], rtol=0, atol=1e-6)


@few
@given(seed=st.integers(0, 10_000), order=st.integers(0, 10_000))
def test_the_order_of_inputs_changes_nothing(seed: int, order: int) -> None:
    city = town(seed, houses=100)
    assert table(city).equals(table(city.shuffled(np.random.default_rng(order))))
