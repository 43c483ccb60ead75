"""Homes in red zones as intervals: what is sure, what is false, missed, displaced or doubtful, each by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.declared import catalogue
from pipeline.transform.red_zones import DRAWS, MOST_M, distances, doubtful, home_intervals

if TYPE_CHECKING:
    from pipeline.geometry.arrays import Floats

CRS = "EPSG:32643"


@dataclass
class Sources:
    """How well a city is seen."""

    precision_osm: Floats
    precision_satellite: Floats
    unseen_per_satellite: Floats
    recall_osm: Floats | None = None


def sources(*, precision: float = 1.0, unseen: float = 0.0, recall: float | None = None) -> Sources:
    ones = np.ones(DRAWS)
    return Sources(ones, precision * ones, unseen * ones, None if recall is None else recall * ones)


def row_of_houses(count: int, seen_by: str = "both", first_m: float = 30.0, step_m: float = 0.0) -> gpd.GeoDataFrame:
    """Houses of 10 m, from `first_m` off the hazard's edge (x = 0) outwards, 20 m apart along it."""
    west = first_m + step_m * np.arange(count)
    north = 20.0 * np.arange(count)
    return gpd.GeoDataFrame(
        {"building_id": [f"b{n:04d}" for n in range(count)], "settlement_id": "s", "seen_by": seen_by},
        geometry=shapely.box(west, north, west + 10, north + 10),
        crs=CRS,
    )


def ground(hazard_class: str, distance_m: float) -> gpd.GeoDataFrame:
    data = {
        "hazard_id": ["h"], "area_id": "a", "hazard_class": hazard_class, "rule_id": "r", "distance_m": distance_m,
    }  # fmt: skip
    return gpd.GeoDataFrame(data, geometry=[shapely.box(-5000, -5000, 0, 50_000)], crs=CRS)


def interval(houses: gpd.GeoDataFrame, hazard: gpd.GeoDataFrame, seen: Sources) -> tuple[int, int, int]:
    reach = {hazard["hazard_class"].iloc[0]: hazard["distance_m"].iloc[0] + MOST_M}
    near = distances(houses, hazard, reach)
    near = near.assign(doubtful=doubtful(near, houses, catalogue.default().red_zones))
    found = home_intervals(houses, hazard, near, seen, np.random.default_rng(1))
    assert len(found) <= 1
    return tuple(found.iloc[0][["homes_p05", "homes_p50", "homes_p95"]]) if len(found) else (0, 0, 0)


def test_houses_that_both_sources_see_deep_in_a_zone_are_nearly_sure() -> None:
    low, middle, high = interval(row_of_houses(200), ground("cemetery", 300), sources())
    assert low <= 200 <= high
    assert middle == pytest.approx(200, rel=0.03)
    assert high - low < 0.5 * 200


def test_false_outlines_lower_the_count_and_missed_houses_raise_it() -> None:
    houses, zone = row_of_houses(400, "satellite"), ground("cemetery", 300)
    plain = interval(houses, zone, sources())[1]
    assert interval(houses, zone, sources(precision=0.8))[1] < 0.9 * plain
    assert interval(houses, zone, sources(unseen=0.5))[1] > 1.3 * plain
    mapped = interval(row_of_houses(400, "osm"), zone, sources(recall=0.5))[1]
    assert mapped == pytest.approx(800, rel=0.15)


def test_houses_on_the_edge_are_unsure_where_those_within_are_not() -> None:
    edge = interval(row_of_houses(100, first_m=299.5), ground("cemetery", 300), sources())
    within = interval(row_of_houses(100, first_m=200), ground("cemetery", 300), sources())
    assert edge[0] < 10
    assert edge[2] > 90
    assert within[0] > 70
    beyond = interval(row_of_houses(100, first_m=301), ground("cemetery", 300), sources())
    assert beyond[0] == 0
    assert beyond[2] > 90
    assert interval(row_of_houses(100, first_m=300 + MOST_M + 1), ground("cemetery", 300), sources()) == (0, 0, 0)


def test_only_closed_ground_makes_what_one_satellite_shows_doubtful() -> None:
    inside = row_of_houses(12, "satellite", first_m=-500)
    low, _, high = interval(inside, ground("military", 0), sources())
    assert low == 0
    assert high > 8
    assert interval(row_of_houses(12, "both", first_m=-500), ground("military", 0), sources())[0] > 6
    assert interval(inside, ground("wetland", 0), sources())[0] > 6
    beside = row_of_houses(12, "satellite", first_m=50)
    assert interval(beside, ground("landfill", 500), sources())[0] > 6


def test_houses_in_no_settlement_are_of_none() -> None:
    houses = row_of_houses(3).assign(settlement_id=pd.Series([None] * 3, dtype="str"))
    assert interval(houses, ground("cemetery", 300), sources()) == (0, 0, 0)


@settings(max_examples=20, deadline=None)
@given(
    count=st.integers(1, 60),
    first_m=st.floats(-40, 340),
    step_m=st.floats(0, 10),
    seen_by=st.sampled_from(["both", "osm", "satellite"]),
    precision=st.floats(0.5, 1),
    unseen=st.floats(0, 2),
)
def test_an_interval_is_one(  # noqa: PLR0913, PLR0917 - what may differ
    count: int, first_m: float, step_m: float, seen_by: str, precision: float, unseen: float
) -> None:
    houses = row_of_houses(count, seen_by, first_m, step_m)
    low, middle, high = interval(houses, ground("cemetery", 300), sources(precision=precision, unseen=unseen))
    assert 0 <= low <= middle <= high
