"""Distances between many polygons and many geometries of any kind: all pairs within reach, exact.

A geometry may have hundreds of segments, of which one decides. So each polygon is first reduced to two discs around one
centre, one that holds it and one that it holds: the distance from the centre to a segment, less the one radius and less
the other, bounds the true distance from below and above. Only segments whose lower bound does not exceed the least
upper bound are measured against every side of the polygon: one or two of them as a rule. Bounds decide which segments
are measured, never the result. GEOS decides what touches; of what does not, the distance of two segments is that of an
end of the one to the other.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from pipeline.geometry.arrays import Floats, Geometries, Ints

_BLOCK = 1 << 15
"""Numbers in a work array: few enough to stay in a core's cache."""
_SEGMENTS = 32
"""Segments of a piece of a geometry: short pieces have small boxes, so fewer polygons are candidates of each."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Polygon, edge and distance of each pair within reach; positions in the arrays that were given."""

    polygon: Ints
    edge: Ints
    distance: Floats


def pair_distances(polygons: Geometries, edges: Geometries, reach: Floats, *, threads: int = 2) -> Pairs:
    """Return the distances of all pairs of polygon and edge that are at most `reach` apart.

    Parameters
    ----------
    polygons
        Valid ones.
    edges
        Valid geometries of any kind.
    reach
        Largest distance of interest for each edge, in the units of the coordinates.
    threads
        Edges are worked on side by side; the result does not depend on it.

    Returns
    -------
    Pairs
        In the order of edge, then polygon.

    Examples
    --------
    >>> pairs = pair_distances(np.array([shapely.box(0, 0, 1, 1)]), np.array([shapely.Point(4, 1)]), np.array([5.0]))
    >>> pairs.distance
    array([3.])
    """
    if not len(polygons) or not len(edges):
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    index = _Polygons.of(polygons)
    with ThreadPoolExecutor(threads) as pool:
        by_edge = list(pool.map(index.near, edges, reach))
    return Pairs(
        np.concatenate([near for near, _ in by_edge]),
        np.repeat(np.arange(len(edges)), [len(near) for near, _ in by_edge]),
        np.concatenate([distance for _, distance in by_edge]),
    )


@dataclass(frozen=True, slots=True)
class _Polygons:
    """Polygons with a tree over their boxes, and the discs that bound them.

    `outer` is the radius of the disc around (x, y) that holds the polygon, `inner` of one that the polygon holds; where
    (x, y) lies outside of it, as may be in one with wings, `inner` is negative: the distance to its outline.
    """

    tree: shapely.STRtree
    x: Floats
    y: Floats
    outer: Floats
    inner: Floats
    sides: Floats  # (m, 2, 2), of all polygons one after the other
    first: Ints  # (n + 1,), where the sides of each begin

    @classmethod
    def of(cls, geometry: Geometries) -> _Polygons:
        tree = shapely.STRtree(geometry)
        tree.query(shapely.Point(0, 0))  # The tree is built by its first query; the threads must find it built.
        west, south, east, north = shapely.bounds(geometry).T
        x, y = (west + east) / 2, (south + north) / 2
        sides, owner = _sides(geometry)
        first = np.searchsorted(owner, np.arange(len(geometry) + 1))
        corner = np.hypot(sides[:, 0, 0] - x[owner], sides[:, 0, 1] - y[owner])
        outline = _to_segment(x[owner], y[owner], sides)
        outer, inner = _least(-corner, owner), _least(outline, owner)
        return cls(tree, x, y, -outer, np.where(shapely.contains_xy(geometry, x, y), inner, -inner), sides, first)

    def near(self, edge: shapely.Geometry, reach: float) -> tuple[Ints, Floats]:
        """Return the polygons within reach of an edge, in ascending order, and their distances."""
        touching = np.sort(self.tree.query(edge, predicate="intersects"))
        if reach <= 0:
            return touching, np.zeros(len(touching))
        segments = _segments(edge)
        polygon, segment = self._candidates(segments, reach, touching)
        least = _least(self._measured(polygon, segments.take(segment, axis=0)), polygon)
        polygon = polygon[np.diff(polygon, prepend=-1) != 0]
        near = np.concatenate([touching, polygon[least <= reach]])
        order = np.argsort(near)
        return near[order], np.concatenate([np.zeros(len(touching)), least[least <= reach]])[order]

    def _candidates(self, segments: Floats, reach: float, without: Ints) -> tuple[Ints, Ints]:
        """Return pairs of polygon and segment that may be the closest, sorted by polygon."""
        by_piece = [
            self._of_piece(segments, slice(first, first + _SEGMENTS), reach, without)
            for first in range(0, len(segments), _SEGMENTS)
        ]
        polygon, segment, centre = (np.concatenate([part[column] for part in by_piece]) for column in range(3))
        if len(by_piece) > 1:
            order = np.argsort(polygon, kind="stable")
            polygon, segment, centre = polygon[order], segment[order], centre[order]
            least = np.repeat(_least(centre, polygon), np.diff(_starts(polygon), append=len(polygon)))
            keep = centre <= least + self.outer[polygon] - self.inner[polygon]
            polygon, segment = polygon[keep], segment[keep]
        return polygon, segment

    def _measured(self, polygon: Ints, segment: Floats) -> Floats:
        """Return the distance of each polygon's outline to the segment beside it."""
        sides = self.first[polygon + 1] - self.first[polygon]
        pair = np.repeat(np.arange(len(polygon)), sides)
        side = np.arange(len(pair)) + np.repeat(self.first[polygon] - (np.cumsum(sides) - sides), sides)
        ours, theirs = self.sides.take(side, axis=0), segment.take(pair, axis=0)
        least = _to_segment(ours[:, 0, 0], ours[:, 0, 1], theirs)
        for end, other in ((ours[:, 1], theirs), (theirs[:, 0], ours), (theirs[:, 1], ours)):
            np.minimum(least, _to_segment(end[:, 0], end[:, 1], other), out=least)
        return _least(least, pair)

    def _of_piece(self, segments: Floats, piece: slice, reach: float, without: Ints) -> tuple[Ints, Ints, Floats]:
        """Return polygon, segment and distance of the polygon's centre, for a few neighbouring segments."""
        ends = segments[piece].reshape(-1, 2)
        box = shapely.box(*(ends.min(axis=0) - reach), *(ends.max(axis=0) + reach))
        near = np.sort(self.tree.query(box))
        if len(without):
            place = np.minimum(np.searchsorted(without, near), len(without) - 1)
            near = near[without[place] != near]
        rows = max(_BLOCK // len(segments[piece]), 1)
        parts = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
        for block in (near[first : first + rows] for first in range(0, len(near), rows)):
            centre = _to_segment(self.x[block, None], self.y[block, None], segments[piece])
            limit = np.minimum(centre.min(axis=1) - self.inner[block], reach) + self.outer[block]
            row, column = np.nonzero(centre <= limit[:, None])
            parts.append((block[row], column + piece.start, centre[row, column]))
        polygon, segment, distance = (np.concatenate([part[column] for part in parts]) for column in range(3))
        return polygon, segment, distance


def _starts(group: Ints) -> Ints:
    """Return where each run of equal groups begins."""
    return np.flatnonzero(np.diff(group, prepend=-1))


def _least(values: Floats, group: Ints) -> Floats:
    """Return the least value of each run of equal groups."""
    return np.minimum.reduceat(values, _starts(group)) if len(values) else values


def _sides(polygons: Geometries) -> tuple[Floats, Ints]:
    """Return the sides of all rings of polygons, shape (n, 2, 2), and the polygon that each belongs to, ascending."""
    kind, vertex, offsets = shapely.to_ragged_array(polygons)
    rings, of_polygon = offsets[0], offsets[1]
    if kind == shapely.GeometryType.MULTIPOLYGON:
        of_polygon = offsets[1][offsets[2]]
    ring = np.repeat(np.arange(len(rings) - 1), np.diff(rings))
    side = np.flatnonzero(ring[:-1] == ring[1:])
    owner = np.repeat(np.arange(len(of_polygon) - 1), np.diff(of_polygon))
    return np.stack([vertex[side], vertex[side + 1]], axis=1), owner[ring[side]]


def _segments(edge: shapely.Geometry) -> Floats:
    """Return the segments of all lines and rings of a geometry, shape (n, 2, 2); a point is a segment of no length."""
    parts = shapely.get_parts(edge)
    areal = shapely.get_dimensions(parts) == 2
    lines = np.concatenate([shapely.get_rings(parts[areal]), parts[~areal]])
    vertex, line = shapely.get_coordinates(lines, return_index=True)
    inner = line[:-1] == line[1:]
    points = shapely.get_coordinates(parts[shapely.get_dimensions(parts) == 0])
    return np.concatenate(
        [np.stack([vertex[:-1][inner], vertex[1:][inner]], axis=1), np.stack([points, points], axis=1)]
    )


def _to_segment(x: Floats, y: Floats, segments: Floats) -> Floats:
    """Return the distance from points to segments (n, 2, 2), broadcast against each other."""
    (ax, ay), (bx, by) = segments[:, 0].T, segments[:, 1].T
    vx, vy = bx - ax, by - ay
    square = vx * vx + vy * vy
    inverse = np.divide(1.0, square, out=np.zeros_like(square), where=square > 0)
    px, py = x - ax, y - ay
    along = px * vx
    along += py * vy
    along *= inverse
    np.clip(along, 0, 1, out=along)
    px -= along * vx
    py -= along * vy
    px *= px
    py *= py
    px += py
    return np.asarray(np.sqrt(px, out=px))
