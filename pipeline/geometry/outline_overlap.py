"""Which outlines of two sets overlap, and by how much: exact areas, vectorised.

The area that two polygons share is a sum over the pairs of their edges (see `_shared_area`), so that whole arrays of
pairs need no overlay. Only pairs of intricate outlines, whose edges make more pairs than an overlay costs, go through
GEOS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipeline.geometry.polygon_validity import convex_quadrilaterals

if TYPE_CHECKING:
    from pipeline.geometry.arrays import Bools, Floats, Geometries, Ints

_ROUNDING_M2 = 1e-6
"""Outlines that share less, a square millimetre, only touch."""
_MOST_EDGE_PAIRS = 400
"""Above this an overlay of GEOS is faster."""
_AT_ONCE = 1 << 15
"""Edge pairs worked on together: what fits into a processor's cache."""


@dataclass(frozen=True, slots=True)
class Outlines:
    """Outlines of n shapes with what comparing them needs, taken out of the geometries once."""

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

    @classmethod
    def of(cls, geometry: Geometries) -> Outlines:
        """Take the measures of outlines; None and empty ones have no edges, no area, and a box that is NaN."""
        edges, owner = _edges(geometry)
        count = len(geometry)
        first = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=count))])
        box = np.full((count, 4), np.nan)
        some = np.flatnonzero(np.diff(first))
        begin = first[some]
        area, centre = np.zeros(count), np.zeros((count, 2))
        if len(some):
            box[some, :2] = np.minimum.reduceat(edges[:, :2], begin)
            box[some, 2:] = np.maximum.reduceat(edges[:, :2], begin)
            # Coordinates that are not finite make measures that are none.
            with np.errstate(invalid="ignore", over="ignore"):
                origin = edges[begin, :2]
                x0, y0, x1, y1 = (edges - np.tile(origin, 2)[np.repeat(np.arange(len(some)), np.diff(first)[some])]).T
                cross = x0 * y1 - x1 * y0
                double = np.add.reduceat(cross, begin)
                moment = np.stack([np.add.reduceat(a * cross, begin) for a in (x0 + x1, y0 + y1)], axis=1)
                area[some] = np.abs(double) / 2
                centre[some] = origin + moment / (3 * np.where(double == 0, 1, double))[:, None]
        return cls(geometry, np.zeros((count, 2)), edges, first, area, centre, box)

    def __len__(self) -> int:
        return len(self.geometry)

    def take(self, which: Ints) -> Outlines:
        """Return some of the outlines."""
        count = np.diff(self.first)[which]
        first = np.concatenate([[0], np.cumsum(count)])
        edge = np.arange(first[-1]) + np.repeat(self.first[which] - first[:-1], count)
        parts = (getattr(self, name)[which] for name in ("area", "centre", "box"))
        return Outlines(self.geometry[which], self.shift[which], self.edges[edge], first, *parts)

    def moved(self, by: Floats) -> Outlines:
        """Return the outlines moved by a vector each, shape (n, 2)."""
        both = np.tile(by, 2)
        edges = self.edges + np.repeat(both, np.diff(self.first), axis=0)
        box, centre = self.box + both, self.centre + by
        return Outlines(self.geometry, self.shift + by, edges, self.first, self.area, centre, box)

    def replaced(self, which: Ints, others: Outlines) -> Outlines:
        """Return the outlines with those at `which` replaced by others."""
        if not len(which):
            return self
        names = ("geometry", "shift", "edges", "area", "centre", "box")
        parts = {name: np.concatenate([getattr(self, name), getattr(others, name)]) for name in names}
        source = np.arange(len(self))
        source[which] = len(self) + np.arange(len(which))
        return Outlines(first=np.append(self.first, self.first[-1] + others.first[1:]), **parts).take(source)

    def located(self) -> Geometries:
        """Return geometries for a tree, which looks at boxes alone: the outlines or, where moved, boxes' diagonals."""
        if not self.shift.any():
            return self.geometry
        return np.asarray(shapely.linestrings(self.box.reshape(-1, 2, 2)), dtype=object)

    def convex_quadrilaterals(self) -> Bools:
        """Mark the outlines of four corners that turn one way throughout: these cross themselves nowhere."""
        marked = np.zeros(len(self), dtype=bool)
        four = np.flatnonzero(np.diff(self.first) == 4)
        with np.errstate(invalid="ignore", over="ignore"):
            edge = self.edges[self.first[four][:, None] + np.arange(4)]
            marked[four] = convex_quadrilaterals(*(edge[..., 2:] - edge[..., :2]).transpose(2, 1, 0))
        return marked

    def shapes(self, which: Ints) -> Geometries:
        """Return the geometries of some outlines, where they are."""
        points, owner = shapely.get_coordinates(self.geometry[which], return_index=True)
        shifted = shapely.set_coordinates(self.geometry[which].copy(), points + self.shift[which][owner])
        return np.asarray(shifted, dtype=object)


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Pairs (left[k], right[k]) whose outlines overlap by `area_m2[k]`, ordered by left, then right."""

    left: Ints
    right: Ints
    area_m2: Floats


def overlaps(left: Outlines, right: Outlines) -> Overlaps:
    """Return all pairs of outlines of two sets that overlap, with the exact area of the overlap.

    Examples
    --------
    >>> left, right = (Outlines.of(np.array([shapely.box(x, 0, x + 2, 2)])) for x in (0, 1))
    >>> overlaps(left, right).area_m2
    array([2.])
    """
    j, i = shapely.STRtree(left.located()).query(right.located())
    return _overlapping(left, right, i, j, least_share=0.0)


def overlaps_within(outlines: Outlines, *, least_share: float) -> Overlaps:
    """Return the pairs of one set, left before right, that share at least a part of the smaller outline.

    Parameters
    ----------
    outlines
        Of n shapes.
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
    sharing = area > _ROUNDING_M2
    i, j, area = i[sharing], j[sharing], area[sharing]
    order = np.argsort(i * len(right) + j, kind="stable")
    return Overlaps(i[order], j[order], area[order])


def intersection_area(left: Outlines, right: Outlines, i: Ints, j: Ints) -> Floats:
    """Return the area (m²) of ``left[i[k]] ∩ right[j[k]]`` for every k.

    Pairs of as many edges each are worked on together; most are of four and four.
    """
    area = np.empty(len(i))
    sides = np.stack([np.diff(left.first)[i], np.diff(right.first)[j]], axis=1)
    intricate = sides.prod(axis=1) > _MOST_EDGE_PAIRS
    area[intricate] = shapely.area(shapely.intersection(left.shapes(i[intricate]), right.shapes(j[intricate])))
    order = np.lexsort(sides.T)
    order = order[~intricate[order]]
    for alike in np.split(order, np.flatnonzero(np.diff(sides[order], axis=0).any(axis=1)) + 1):
        if not len(alike):
            continue
        a, b = sides[alike[0]].tolist()
        for part in np.split(alike, range(0, len(alike), _AT_ONCE // (a * b) or 1)[1:]):
            corner = np.tile(left.box[i[part], None, :2], 2)
            edges = (
                outlines.edges[outlines.first[which[part]][:, None] + np.arange(count)] - corner
                for outlines, which, count in ((left, i, a), (right, j, b))
            )
            area[part] = _shared_area(*edges)
    return area


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


def _shared_area(left: Floats, right: Floats) -> Floats:
    """Return the area that each of k pairs of polygons shares.

    Whether a point lies in a polygon is the sum, over its edges, of whether it lies below the edge, each with the sign
    of the edge's run. So the shared area is the sum over pairs of edges, with the product of both signs, of the area
    below both: the integral, over the x that both cover, of the lower of two straight lines. Written as one line and
    what the other lies below it, the first part cancels over each closed outline. With d the other's height above the
    first at both ends of the common run w, what is left is -w·(min(d₀, 0) + min(d₁, 0))² / (2·(|d₀| + |d₁|)).

    It is continuous in the corners, so that shared and nearly shared edges do no harm.

    Parameters
    ----------
    left, right
        Start and end of the edges, shapes (k, a, 4) and (k, b, 4), relative to a point near the pair.
    """
    (low, high, x, y, slope, sign), other = _runs(left[:, :, None]), _runs(right[:, None])
    begin = np.maximum(low, other[0])
    run = np.maximum(np.minimum(high, other[1]) - begin, 0)
    at_begin = y - other[3] + slope * (begin - x) - other[4] * (begin - other[2])
    at_end = at_begin + (slope - other[4]) * run
    below = np.minimum(at_begin, 0) + np.minimum(at_end, 0)
    apart = np.abs(at_begin) + np.abs(at_end)
    parts = run * below * below / np.where(apart == 0, 1, apart)
    return np.asarray(np.abs(np.einsum("kab,ka,kb->k", parts, sign[:, :, 0], other[5][:, 0])) / 2)


def _runs(edges: Floats) -> tuple[Floats, ...]:
    """Return of edges the least and greatest x, start x and y, slope, and whether they run east (1) or west (-1)."""
    x0, y0, x1, y1 = np.moveaxis(edges, -1, 0)
    run = x1 - x0
    return np.minimum(x0, x1), np.maximum(x0, x1), x0, y0, (y1 - y0) / np.where(run == 0, 1, run), np.sign(run)
