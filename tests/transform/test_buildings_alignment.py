"""Imagery that lies beside the map: found up to 20 m, place by place; where it cannot be found, nothing is doubled."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from pipeline.geometry.outline_overlap import Outlines
from pipeline.transform.buildings import merge
from pipeline.transform.buildings.alignment import displacement
from tests.transform.test_buildings_merge import EAST, NORTH, PRECISION, osm, satellite, seen


def town(rng: np.random.Generator, columns: int = 20, rows: int = 15, jitter_m: float = 3.0) -> list[shapely.Polygon]:
    """Houses of different sizes on plots of 20 by 30 m, a little off their row."""
    houses = []
    for column in range(columns):
        for row in range(rows):
            width, depth = rng.uniform(7, 13), rng.uniform(7, 12)
            x, y = EAST + 20 * column + rng.normal(0, jitter_m), NORTH + 30 * row + rng.normal(0, jitter_m)
            houses.append(shapely.box(x, y, x + width, y + depth))
    return houses


def moved(houses: list[shapely.Polygon], east: float, north: float) -> list[shapely.Polygon]:
    return [shapely.transform(house, lambda xy: xy + np.array([east, north])) for house in houses]


@pytest.mark.parametrize(("east", "north"), [(0, 0), (5, -4), (-9, 6), (12, 9), (-2, -18)])
def test_a_displaced_town_is_one_town(east: float, north: float) -> None:
    houses = town(np.random.default_rng(1))
    merged = merge(osm(*houses), satellite(*moved(houses, east, north)), "a", PRECISION)
    assert seen(merged) == ["both"] * len(houses)


def test_a_house_that_only_the_satellite_shows_stands_among_its_neighbours() -> None:
    """Beside a zone's edge, eight metres decide."""
    houses = town(np.random.default_rng(7))
    merged = merge(osm(*houses[1:]), satellite(*moved(houses, 6, -5)), "a", PRECISION).buildings
    lone = merged[merged["seen_by"] == "satellite"]
    assert len(lone) == 1
    assert lone.geometry.iloc[0].centroid.distance(houses[0].centroid) < 0.5
    assert lone["footprint_m2"].iloc[0] == pytest.approx(houses[0].area)


@pytest.mark.parametrize(("east", "north"), [(8, 0), (-7, 5)])
def test_houses_of_one_size_on_plots_of_one_width(east: float, north: float) -> None:
    """A shift by one more plot would fit nearly as well: the ends of the rows tell."""
    houses = [
        shapely.box(EAST + 20 * column, NORTH + 30 * row, EAST + 20 * column + 10, NORTH + 30 * row + 9)
        for column in range(20)
        for row in range(10)
    ]
    merged = merge(osm(*houses), satellite(*moved(houses, east, north)), "a", PRECISION)
    assert seen(merged) == ["both"] * len(houses)


def test_each_side_of_town_has_its_own_imagery() -> None:
    rng = np.random.default_rng(2)
    west = town(rng)
    east = moved(town(rng), 2_000, 0)
    shown = moved(west, 9, 9) + moved(east, -10, 5)
    merged = merge(osm(*west, *east), satellite(*shown), "a", PRECISION)
    assert seen(merged) == ["both"] * (len(west) + len(east))


def test_two_pictures_that_meet_within_a_square() -> None:
    """A seam runs where houses tell, not where squares begin; a few houses along it may be left over."""
    rng = np.random.default_rng(6)
    houses = town(rng, 60, 30)
    seam = EAST + 20 * 37
    left = [house for house in houses if house.centroid.x < seam]
    right = [house for house in houses if house.centroid.x >= seam]
    merged = merge(osm(*houses), satellite(*moved(left, 11, 3), *moved(right, -4, -10)), "a", PRECISION)
    assert seen(merged).count("both") >= 0.98 * len(houses)
    assert len(merged.buildings) <= 1.02 * len(houses)


def test_a_mapper_and_a_detector_who_miss_houses_on_their_own_stay_as_they_are() -> None:
    rng = np.random.default_rng(3)
    houses = town(rng)
    mapped, detected = rng.random(len(houses)) < 0.5, rng.random(len(houses)) < 0.6
    merged = merge(
        osm(*np.array(houses)[mapped]), satellite(*moved(list(np.array(houses)[detected]), 6, 6)), "a", PRECISION
    )
    assert len(merged.buildings) == pytest.approx((mapped | detected).sum(), abs=2)


def test_houses_that_fit_nowhere_are_said_and_not_added() -> None:
    """A town drawn from memory: every house is somewhere else, by another distance."""
    rng = np.random.default_rng(4)
    houses = [shapely.box(x, y, x + 9, y + 9) for x, y in (EAST, NORTH) + 40.0 * np.indices((12, 12)).reshape(2, -1).T]
    angle = rng.uniform(0, 2 * np.pi, len(houses))
    drawn = [moved([house], 12 * np.cos(a), 12 * np.sin(a))[0] for house, a in zip(houses, angle, strict=True)]
    merged = merge(osm(*houses), satellite(*drawn), "a", PRECISION)
    assert len(merged.buildings) <= 1.15 * len(houses)
    assert any("lie apart" in notice.what for notice in merged.notices)


def test_a_few_houses_show_no_displacement() -> None:
    houses = town(np.random.default_rng(5), 2, 2)
    shift = displacement(Outlines.of(np.array(houses)), Outlines.of(np.array(moved(houses, 15, 0))))
    assert not shift.any()
