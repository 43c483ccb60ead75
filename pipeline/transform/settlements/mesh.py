"""Neighbours: the alpha complex of points, tile by tile, so that time and memory grow with their number alone.

Of the Delaunay triangulation it keeps the triangles and links that have a small empty circle through their corners
(Edelsbrunner, Kirkpatrick and Seidel 1983). Whether a circle is empty is known from what lies within its diameter, so
that each tile, with the points a little beyond its borders, finds exactly those whose circle has its centre in the
tile; where the tiles lie changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import Delaunay, QhullError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.transform.settlements.graph import Edges, Floats, Labels, Mask, Points

TILE_M = 2_500.0
"""Side of a tile: some thousand houses, whose triangulation stays in a processor's cache."""
_ROW = 1 << 31
_SIDES = np.array([[1, 2], [2, 0], [0, 1]])
"""The corners at the ends of the side opposite to each corner."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """Triangles and links of n points, as positions."""

    triangles: Labels
    """Those whose circumscribed circle is empty and no wider than asked for, shape (t, 3)."""
    links: Edges
    """Sides of the triangles, and pairs with an empty circle right between them; each once, ordered, shape (m, 2)."""


def mesh(points: Points, reach_m: float) -> Mesh:
    """Return the triangles and links of points.

    The links hold the relative neighbourhood graph and so a shortest spanning tree: what can be walked from point to
    point in steps of at most `reach_m` can be walked along them.

    Parameters
    ----------
    points
        Metres, shape (n, 2). Points on one place are linked to the first of them, which alone has other links.
    reach_m
        The longest link, and the largest radius of a circle.
    """
    order = np.lexsort(points.T)
    again = np.flatnonzero((np.diff(points[order], axis=0, prepend=np.nan) == 0).all(axis=1))
    first = np.arange(len(points))
    for position in again.tolist():
        first[order[position]] = first[order[position - 1]]
    double = np.flatnonzero(first != np.arange(len(points)))
    apart = np.flatnonzero(first == np.arange(len(points)))
    shifted = points - points.mean(axis=0) if len(points) else points
    parts = [_of_tile(shifted, members, tile, reach_m) for tile, members in _tiles(shifted, apart, reach_m)]
    triangles = np.concatenate([np.empty((0, 3), dtype=np.int64), *(part.triangles for part in parts)])
    links = [np.stack([first[double], double], axis=1), *(part.links for part in parts)]
    return Mesh(triangles, _once(np.concatenate(links), len(points)))


def _once(pairs: Edges, count: int) -> Edges:
    """Return pairs of `count` points in order, each once, the lower number first."""
    low, high = np.minimum(*pairs.T), np.maximum(*pairs.T)
    code = np.sort(low * count + high)
    code = code[np.diff(code, prepend=-1) > 0]
    return np.stack(np.divmod(code, max(count, 1)), axis=1)


def _tiles(points: Points, chosen: Labels, reach_m: float) -> Iterator[tuple[tuple[int, int], Labels]]:
    """Give each tile that a point lies in or within reach of (column and row), with those points, ascending."""
    seen: list[Labels] = []
    for east in (-reach_m, reach_m):
        for north in (-reach_m, reach_m):
            column, row = np.floor((points[chosen] + (east, north)) / TILE_M).astype(np.int64).T
            code = column * _ROW + row
            seen.append(np.where(np.logical_or.reduce([code == other for other in seen]), _ROW**2 // 2, code))
    code = np.concatenate(seen)
    member = np.tile(chosen, 4)[code != _ROW**2 // 2]
    code = code[code != _ROW**2 // 2]
    order = np.argsort(code, kind="stable")
    numbers, start = np.unique(code[order], return_index=True)
    for number, group in zip(numbers.tolist(), np.split(member[order], start[1:]), strict=False):
        row = (number + _ROW // 2) % _ROW - _ROW // 2
        yield ((number - row) // _ROW, row), np.sort(group)


def _of_tile(points: Points, members: Labels, tile: tuple[int, int], reach_m: float) -> Mesh:
    """Return the part of the mesh whose circles have their centres in a tile."""
    corner = np.array(tile) * TILE_M
    try:
        made = Delaunay(points[members] - corner)
    except (QhullError, ValueError):  # fewer than three points, or all on a line: a link leads from each to the next
        line = members[np.lexsort(points[members].T)]
        corners = np.empty((0, 3), dtype=np.int64)
        links = np.stack([line[:-1], line[1:]], axis=1)
    else:
        corners = members[made.simplices]
        links = corners[:, _SIDES][_open(points[corners], made.neighbors.astype(np.int64))]
    centre, radius = _circles(points, np.sort(corners, axis=1))
    triangles = corners[(radius <= reach_m) & _within(centre, tile)]
    links = links[_within((points[links[:, 0]] + points[links[:, 1]]) / 2, tile)]
    links = np.concatenate([links, triangles[:, _SIDES].reshape(-1, 2)])
    length = np.hypot(*(points[links[:, 0]] - points[links[:, 1]]).T)
    return Mesh(triangles, _once(links[length <= reach_m], len(points)))


def _open(corners: Floats, across: Labels) -> Mask:
    """Mark the sides with no point of the triangulation in the circle right between their ends, each once.

    These are the sides (Gabriel and Sokal 1969) whose opposite corners, in the triangles on both sides, are not obtuse.

    Parameters
    ----------
    corners
        Of t triangles, shape (t, 3, 2).
    across
        The triangle beyond the side opposite to each corner, -1: none, shape (t, 3).
    """
    first, second = (corners[:, _SIDES[:, k]] - corners for k in (0, 1))
    obtuse = (first * second).sum(axis=2) < 0
    blunt = np.append(np.where(obtuse.any(axis=1), obtuse.argmax(axis=1), -1), -1)[across]
    number = np.arange(len(corners))[:, None]
    blocked = obtuse | ((blunt >= 0) & (across[across, blunt] == number))
    return np.asarray(~blocked & ((across < 0) | (number < across)), dtype=bool)


def _within(places: Points, tile: tuple[int, int]) -> Mask:
    return np.asarray((np.floor(places / TILE_M) == tile).all(axis=1), dtype=bool)


def _circles(points: Points, triangles: Labels) -> tuple[Points, Floats]:
    """Return centre and radius of the circle through the corners of each triangle; those of a line have none (inf)."""
    a = points[triangles[:, 0]]
    (bx, by), (cx, cy) = ((points[triangles[:, k]] - a).T for k in (1, 2))
    twice = 2 * (bx * cy - by * cx)
    b2, c2 = bx * bx + by * by, cx * cx + cy * cy
    flat = twice == 0
    safe = np.where(flat, 1, twice)
    beside = np.stack([(cy * b2 - by * c2) / safe, (bx * c2 - cx * b2) / safe], axis=1)
    return a + beside, np.where(flat, np.inf, np.hypot(*beside.T))
