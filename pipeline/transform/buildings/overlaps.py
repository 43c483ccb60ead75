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

_TURN_M2 = 1e-6
"""A corner that spans less than this is as good as straight."""
_STEEP = 1e-12
_FLAT = 1e-7
"""Below these runs and rises (of the unit square) an edge adds nothing, or its mean height is that of its middle."""


@dataclass(frozen=True, slots=True)
class Outlines:
    """Outlines of n buildings with what comparing them needs, taken out of the geometries once."""

    geometry: Geometries
    """Valid polygons or multipolygons, metres."""
    shift: Floats
    """By how much everything below is moved against `geometry`, shape (n, 2)."""
    edges: Floats
    """Start and end of every edge, shape (m, 4); shells run one way round, holes the other."""
    first: Ints
    """Where the edges of each outline begin, and end, shape (n + 1,)."""
    area: Floats
    centre: Floats
    box: Floats
    """xmin, ymin, xmax, ymax."""
    frame: Floats
    """Corner and two sides of every parallelogram, shape (n, 3, 2); NaN for other shapes."""

    @classmethod
    def of(cls, geometry: Geometries) -> Outlines:
        """Take the measures of outlines; None and empty ones have no edges, no area, and a box that is NaN."""
        edges, owner = _edges(geometry)
        count = len(geometry)
        first = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=count))])
        origin, box = _boxes(edges, first)
        # Coordinates that are not finite make measures that are none: `cleaning` drops such outlines.
        with np.errstate(invalid="ignore", over="ignore"):
            x0, y0, x1, y1 = (edges - np.tile(origin, 2)[owner]).T
            cross = x0 * y1 - x1 * y0
            double = np.bincount(owner, cross, count)
            moment = np.stack([np.bincount(owner, (a + b) * cross, count) for a, b in ((x0, x1), (y0, y1))], axis=1)
            frame = _parallelograms(edges, first)
        return cls(
            geometry=geometry,
            shift=np.zeros((count, 2)),
            edges=edges,
            first=first,
            area=np.abs(double) / 2,
            centre=origin + moment / (3 * np.where(double == 0, 1, double))[:, None],
            box=box,
            frame=frame,
        )

    def __len__(self) -> int:
        return len(self.geometry)

    def take(self, which: Ints) -> Outlines:
        """Return some of the outlines."""
        edges, owner = self.edges_of(which)
        first = np.searchsorted(owner, np.arange(len(which) + 1))
        parts = (getattr(self, name)[which] for name in ("area", "centre", "box", "frame"))
        return Outlines(self.geometry[which], self.shift[which], edges, first, *parts)

    def moved(self, by: Floats) -> Outlines:
        """Return the outlines moved by a vector each, shape (n, 2)."""
        both = np.tile(by, 2)
        frame = self.frame.copy()
        frame[:, 0] += by
        edges = self.edges + np.repeat(both, np.diff(self.first), axis=0)
        box, centre = self.box + both, self.centre + by
        return Outlines(self.geometry, self.shift + by, edges, self.first, self.area, centre, box, frame)

    def replaced(self, which: Ints, others: Outlines) -> Outlines:
        """Return the outlines with those at `which` replaced by others."""
        if not len(which):
            return self
        names = ("geometry", "shift", "edges", "area", "centre", "box", "frame")
        parts = {name: np.concatenate([getattr(self, name), getattr(others, name)]) for name in names}
        source = np.arange(len(self))
        source[which] = len(self) + np.arange(len(which))
        return Outlines(first=np.append(self.first, self.first[-1] + others.first[1:]), **parts).take(source)

    def located(self) -> Geometries:
        """Return geometries for a tree, which looks at boxes alone: the outlines or, where moved, boxes' diagonals."""
        if not self.shift.any():
            return self.geometry
        return np.asarray(shapely.linestrings(self.box.reshape(-1, 2, 2)), dtype=object)

    def convex_quadrilaterals(self) -> NDArray[np.bool_]:
        """Mark the outlines of four corners that turn one way throughout: these cross themselves nowhere."""
        marked = np.zeros(len(self), dtype=bool)
        four = np.flatnonzero(np.diff(self.first) == 4)
        with np.errstate(invalid="ignore", over="ignore"):
            edge = self.edges[self.first[four][:, None] + np.arange(4)]
            side = edge[..., 2:] - edge[..., :2]
            after = side[:, [1, 2, 3, 0]]
            turn = side[..., 0] * after[..., 1] - side[..., 1] * after[..., 0]
        least = turn.min(axis=1, initial=np.inf)
        marked[four] = (least > _TURN_M2) | (turn.max(axis=1, initial=-np.inf) < -_TURN_M2)
        return marked

    def edges_of(self, which: Ints) -> tuple[Floats, Ints]:
        """Return the edges of some outlines, and the place in `which` that each belongs to."""
        count = self.first[which + 1] - self.first[which]
        owner = np.repeat(np.arange(len(which)), count)
        step = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        return self.edges[self.first[which][owner] + step], owner

    def shapes(self, which: Ints) -> Geometries:
        """Return the geometries of some outlines, where they are."""
        points, owner = shapely.get_coordinates(self.geometry[which], return_index=True)
        shifted = shapely.set_coordinates(self.geometry[which].copy(), points + self.shift[which][owner])
        return np.asarray(shifted, dtype=object)


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Pairs (left[k], right[k]) whose outlines overlap by `area_m2[k]` > 0, ordered by left, then right."""

    left: Ints
    right: Ints
    area_m2: Floats


def overlaps(left: Outlines, right: Outlines) -> Overlaps:
    """Return all pairs of outlines of two sets that overlap, with the exact area of the overlap."""
    j, i = shapely.STRtree(left.located()).query(right.located())
    return _overlapping(left, right, i, j, least_share=0.0)


def overlaps_within(outlines: Outlines, *, least_share: float) -> Overlaps:
    """Return the pairs of one set, left before right, that share at least a part of the smaller outline.

    Parameters
    ----------
    outlines
        Of n buildings.
    least_share
        Pairs whose bounding boxes share less than this part of the smaller outline are left out unmeasured.
    """
    located = outlines.located()
    j, i = shapely.STRtree(located).query(located)
    once = i < j
    return _overlapping(outlines, outlines, i[once], j[once], least_share=least_share)


def _overlapping(left: Outlines, right: Outlines, i: Ints, j: Ints, *, least_share: float) -> Overlaps:
    """Measure candidate pairs and keep those that overlap."""
    low = np.maximum(left.box[i, :2], right.box[j, :2])
    shared = np.clip(np.minimum(left.box[i, 2:], right.box[j, 2:]) - low, 0, None).prod(axis=1)
    possible = shared > least_share * np.minimum(left.area[i], right.area[j])
    i, j = i[possible], j[possible]
    area = intersection_area(left, right, i, j)
    found = area > 0
    i, j, area = i[found], j[found], area[found]
    order = np.argsort(i * len(right) + j, kind="stable")
    return Overlaps(i[order], j[order], area[order])


def intersection_area(left: Outlines, right: Outlines, i: Ints, j: Ints) -> Floats:
    """Return the area (m²) of ``left[i[k]] ∩ right[j[k]]`` for every k."""
    area = np.empty(len(i))
    by_right = ~np.isnan(right.frame[j, 0, 0])
    by_left = ~by_right & ~np.isnan(left.frame[i, 0, 0])
    area[by_right] = _clipped(left, i[by_right], right.frame[j[by_right]])
    area[by_left] = _clipped(right, j[by_left], left.frame[i[by_left]])
    rest = ~(by_right | by_left)
    area[rest] = shapely.area(shapely.intersection(left.shapes(i[rest]), right.shapes(j[rest])))
    return area


def _boxes(edges: Floats, first: Ints) -> tuple[Floats, Floats]:
    """Return a corner and the bounding box of each outline; the box of one without edges is NaN."""
    count = len(first) - 1
    corner, box = np.zeros((count, 2)), np.full((count, 4), np.nan)
    some = np.diff(first) > 0
    begin = first[:-1][some]
    corner[some] = edges[begin, :2]
    if len(begin):
        box[some, :2] = np.minimum.reduceat(edges[:, :2], begin)
        box[some, 2:] = np.maximum.reduceat(edges[:, :2], begin)
    return corner, box


def _edges(geometries: Geometries) -> tuple[Floats, Ints]:
    """Return start and end of all edges, shape (m, 4), and their owners; ordered by owner."""
    whole = (shapely.get_type_id(geometries) == 3) & (shapely.get_num_interior_rings(geometries) == 0)
    number = np.flatnonzero(whole)
    rings, owner = geometries[number], number
    if len(number) < len(geometries):
        rest = np.flatnonzero(~whole)
        parts, part_owner = shapely.get_parts(shapely.orient_polygons(geometries[rest]), return_index=True)
        more, ring_part = shapely.get_rings(parts, return_index=True)
        rings = np.concatenate([rings, more])
        owner = np.concatenate([owner, rest[part_owner[ring_part]]])
        order = np.argsort(owner, kind="stable")
        rings, owner = rings[order], owner[order]
    points, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    begin = np.flatnonzero(same)
    return np.concatenate([points[begin], points[begin + 1]], axis=1), owner[ring[begin]]


def _parallelograms(edges: Floats, first: Ints) -> Floats:
    """Return corner and two sides of every outline that is a parallelogram, shape (n, 3, 2); NaN elsewhere."""
    out = np.full((len(first) - 1, 3, 2), np.nan)
    four = np.flatnonzero(np.diff(first) == 4)
    corner = edges[first[four][:, None] + np.arange(4), :2]
    side, other = corner[:, 1] - corner[:, 0], corner[:, 3] - corner[:, 0]
    # A corner off by more than a micrometre per metre would show in the sixth digit of an area.
    slack = 1e-9 * (np.abs(side) + np.abs(other)).sum(axis=1, keepdims=True) + 1e-12
    fits = (np.abs(corner[:, 2] - corner[:, 0] - side - other) <= slack).all(axis=1)
    out[four[fits]] = np.stack([corner[fits, 0], side[fits], other[fits]], axis=1)
    return out


def _clipped(outlines: Outlines, which: Ints, frames: Floats) -> Floats:
    """Return the areas of ``outlines[which[k]]`` inside the parallelogram ``frames[k]`` (corner and two sides)."""
    if not len(which):
        return np.empty(0)
    edges, owner = outlines.edges_of(which)
    corner, side, other = frames[owner].transpose(1, 0, 2)
    determinant = side[:, 0] * other[:, 1] - side[:, 1] * other[:, 0]

    def unit(points: Floats) -> tuple[Floats, Floats]:
        x, y = (points - corner).T
        return (x * other[:, 1] - y * other[:, 0]) / determinant, (y * side[:, 0] - x * side[:, 1]) / determinant

    parts = _area_in_unit_square(*unit(edges[:, :2]), *unit(edges[:, 2:]))
    sums = np.bincount(owner, weights=parts, minlength=len(which))
    scale = np.abs(frames[:, 1, 0] * frames[:, 2, 1] - frames[:, 1, 1] * frames[:, 2, 0])
    return np.abs(sums) * scale


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
