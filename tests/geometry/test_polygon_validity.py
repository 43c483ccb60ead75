"""One repairer: whatever comes, valid areas leave, and what a shape encloses is land once."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geometry.outline_overlap import Outlines
from pipeline.geometry.polygon_validity import area_of, convex_rings, made_valid, valid_areas

BOW_TIE = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
PENTAGRAM = shapely.Polygon([(np.sin(turn), np.cos(turn)) for turn in np.arange(5) * 4 * np.pi / 5])
"""Its ring runs twice around the pentagon in the middle."""

numbers = st.one_of(st.floats(-1, 1), st.integers(-3, 3).map(float))
rings = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=9)


def array(*geometries: object) -> np.ndarray:
    result = np.empty(len(geometries), dtype=object)
    result[:] = geometries
    return result


@settings(deadline=None)
@given(st.lists(rings, min_size=1, max_size=4), st.sampled_from([1.0, 75.0, 5e6]))
def test_any_rings_become_valid_areas_wherever_they_lie(shapes: list[list[tuple[float, float]]], place: float) -> None:
    polygons = array(*(shapely.Polygon(np.array(ring) + place) for ring in shapes))
    given_before = polygons.copy()
    result, repaired, dropped = valid_areas(polygons)
    assert (polygons == given_before).all()
    kept = result[~shapely.is_missing(result)]
    assert shapely.is_valid(kept).all()
    assert (shapely.area(kept) > 0).all()
    assert set(shapely.get_type_id(kept)) <= {3, 6}
    assert dropped == len(shapes) - len(kept)
    assert repaired <= len(kept)


def test_what_crosses_itself_is_what_it_encloses_once() -> None:
    result, repaired, dropped = valid_areas(array(BOW_TIE, PENTAGRAM))
    assert (repaired, dropped) == (2, 0)
    assert result[0].area == pytest.approx(2)
    assert result[1].contains(shapely.Point(0, 0))
    assert not result[1].interiors


def test_only_areas_are_left_and_all_else_is_counted() -> None:
    collection = shapely.GeometryCollection([shapely.box(0, 0, 1, 1), shapely.LineString([(5, 5), (6, 6)])])
    high = shapely.Polygon([(0, 0, 7), (1, 0, 7), (1, 1, 7), (0, 1, 7)])
    lost = [None, shapely.Polygon(), shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)]),
            shapely.Polygon([(0, 0), (1, 1), (2, 2)]), shapely.Polygon([(0, 0), (1, np.inf), (2, 0)])]  # fmt: skip
    result, repaired, dropped = valid_areas(array(collection, high, *lost))
    assert [shape if shape is None else shape.area for shape in result] == [1, 1, *[None] * len(lost)]
    assert (repaired, dropped) == (0, len(lost))
    assert not shapely.has_z(result[:2]).any()


def test_lines_and_points_stay_where_they_are_wanted() -> None:
    mixed = shapely.GeometryCollection([shapely.Point(9, 9), shapely.LineString([(0, 0), (3, 4)])])
    flat_line = shapely.LineString([(1, 1), (1, 1)])
    result = made_valid(array(shapely.Point(1, 2), mixed, flat_line, shapely.LineString([(0, 0), (0, np.inf)])))
    assert result[0] == shapely.Point(1, 2)
    assert result[1].length == 5
    assert result[2] is None
    assert result[3] is None


def test_the_polygons_of_a_geometry() -> None:
    square, line = shapely.box(0, 0, 1, 1), shapely.LineString([(5, 5), (6, 6)])
    assert area_of(shapely.GeometryCollection([square, line])).equals(square)
    assert area_of(line) is None
    assert area_of(None) is None


@settings(deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=4, max_size=4), st.sampled_from([1e-3, 1.0, 100.0]))
def test_the_shortcut_passes_no_invalid_ring_and_is_one_for_both_kinds_of_arrays(
    corners: list[tuple[float, float]], scale: float
) -> None:
    ring = np.array([*corners, corners[0]]) * scale
    sound = convex_rings(ring, np.array([0, len(ring)]))
    polygon = shapely.Polygon(ring)
    assert not sound[0] or polygon.is_valid
    outlines = Outlines.of(array(polygon))
    assert outlines.convex_quadrilaterals().tolist() == sound.tolist()
