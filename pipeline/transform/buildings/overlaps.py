"""Which outlines of two sets overlap, and by how much: exact areas, vectorised.

Most buildings are rectangles. An affine map takes a rectangle to the unit square, and the area of any polygon inside
the unit square is a sum over its edges alone (see `_area_in_unit_square`), so that whole arrays of pairs need no
overlay; only pairs of which neither is a parallelogram go through GEOS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]

_STEEP = 1e-12
_FLAT = 1e-7
"""Below these runs and rises (of the unit square) an edge adds nothing, or its mean height is that of its middle."""


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Pairs (left[k], right[k]) whose outlines overlap by `area_m2[k]` > 0, ordered by left, then right."""

    left: Ints
    right: Ints
    area_m2: Floats


def overlaps(left: Geometries, right: Geometries, *, least_share: float = 0.0) -> Overlaps:
    """Return all pairs of outlines that overlap, with the exact area of the overlap.

    Parameters
    ----------
    left, right
        Valid polygons or multipolygons in metres, shapes (n,) and (m,).
    least_share
        Pairs are left out if even their bounding boxes share less than this part of the smaller outline: they cannot
        reach it.
    """
    j, i = shapely.STRtree(left).query(right)
    left_box, right_box = shapely.bounds(left)[i], shapely.bounds(right)[j]
    shared = np.minimum(left_box[:, 2:], right_box[:, 2:]) - np.maximum(left_box[:, :2], right_box[:, :2])
    smaller = np.minimum(shapely.area(left)[i], shapely.area(right)[j])
    possible = np.clip(shared, 0, None).prod(axis=1) > least_share * smaller
    i, j = i[possible], j[possible]
    area = intersection_area(left, right, i, j)
    found = area > 0
    i, j, area = i[found], j[found], area[found]
    order = np.lexsort((j, i))
    return Overlaps(i[order], j[order], area[order])


def intersection_area(left: Geometries, right: Geometries, i: Ints, j: Ints) -> Floats:
    """Return the area (m²) of ``left[i[k]] ∩ right[j[k]]`` for every k."""
    area = np.empty(len(i))
    frame_l, frame_r = _parallelograms(left), _parallelograms(right)
    by_right = ~np.isnan(frame_r[j, 0, 0])
    by_left = ~by_right & ~np.isnan(frame_l[i, 0, 0])
    area[by_right] = _clipped(left, i[by_right], frame_r[j[by_right]])
    area[by_left] = _clipped(right, j[by_left], frame_l[i[by_left]])
    rest = ~(by_right | by_left)
    area[rest] = shapely.area(shapely.intersection(left[i[rest]], right[j[rest]]))
    return area


def _parallelograms(geometries: Geometries) -> Floats:
    """Return corner and two sides of every outline that is a parallelogram, shape (n, 3, 2); NaN elsewhere."""
    out = np.full((len(geometries), 3, 2), np.nan)
    simple = np.flatnonzero(
        (shapely.get_type_id(geometries) == 3)
        & (shapely.get_num_coordinates(geometries) == 5)
        & (shapely.get_num_interior_rings(geometries) == 0)
    )
    ring: Floats = shapely.get_coordinates(geometries[simple]).reshape(-1, 5, 2)
    side, other = ring[:, 1] - ring[:, 0], ring[:, 3] - ring[:, 0]
    # A corner off by more than a micrometre per metre would show in the sixth digit of an area.
    slack = 1e-9 * (np.abs(side) + np.abs(other)).sum(axis=1, keepdims=True) + 1e-12
    fits = (np.abs(ring[:, 2] - ring[:, 0] - side - other) <= slack).all(axis=1)
    out[simple[fits]] = np.stack([ring[fits, 0], side[fits], other[fits]], axis=1)
    return out


def _clipped(geometries: Geometries, which: Ints, frames: Floats) -> Floats:
    """Return the areas of ``geometries[which[k]]`` inside the parallelogram ``frames[k]`` (corner and two sides)."""
    if not len(which):
        return np.empty(0)
    start, end, owner = _edges(geometries[which])
    corner, side, other = frames[owner].transpose(1, 0, 2)
    determinant = side[:, 0] * other[:, 1] - side[:, 1] * other[:, 0]

    def unit(points: Floats) -> tuple[Floats, Floats]:
        x, y = (points - corner).T
        return (x * other[:, 1] - y * other[:, 0]) / determinant, (y * side[:, 0] - x * side[:, 1]) / determinant

    parts = _area_in_unit_square(*unit(start), *unit(end))
    sums = np.bincount(owner, weights=parts, minlength=len(which))
    scale = np.abs(frames[:, 1, 0] * frames[:, 2, 1] - frames[:, 1, 1] * frames[:, 2, 0])
    return np.abs(sums) * scale


def _edges(geometries: Geometries) -> tuple[Floats, Floats, Ints]:
    """Return start, end and owner of all edges; in one geometry, shells run one way round and holes the other."""
    whole = (shapely.get_type_id(geometries) == 3) & (shapely.get_num_interior_rings(geometries) == 0)
    number = np.flatnonzero(whole)
    rings, owner = geometries[number], number
    if len(number) < len(geometries):
        rest = np.flatnonzero(~whole)
        parts, part_owner = shapely.get_parts(shapely.orient_polygons(geometries[rest]), return_index=True)
        more, ring_part = shapely.get_rings(parts, return_index=True)
        rings = np.concatenate([rings, more])
        owner = np.concatenate([owner, rest[part_owner[ring_part]]])
    points, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    return points[:-1][same], points[1:][same], owner[ring[:-1][same]]


def _area_in_unit_square(x0: Floats, y0: Floats, x1: Floats, y1: Floats) -> Floats:
    """Return what each edge adds to the (signed) area of its polygon inside the unit square.

    The area under the graph of y clipped to [0, 1], taken over the part of the edge with x in [0, 1]: the vertical
    slice of a polygon at x, cut to [0, 1], is the alternating sum of its edges' clipped heights, and the integral of
    that over x is the area. It is continuous in the corners, so that shared and nearly shared edges do no harm.
    """
    a, b = np.clip(x0, 0, 1), np.clip(x1, 0, 1)
    run = x1 - x0
    steep = np.abs(run) < _STEEP
    slope = (y1 - y0) / np.where(steep, 1, run)
    ya, yb = y0 + slope * (a - x0), y0 + slope * (b - x0)
    rise = yb - ya
    flat = np.abs(rise) < _FLAT

    def area_below(y: Floats) -> Floats:
        inside = np.clip(y, 0, 1)
        return np.asarray(0.5 * inside * inside + np.maximum(y - 1, 0), dtype=np.float64)

    mean = np.where(flat, np.clip((ya + yb) / 2, 0, 1), (area_below(yb) - area_below(ya)) / np.where(flat, 1, rise))
    return np.where(steep, 0.0, (b - a) * mean)
