"""Neighbours: the alpha complex of points, tile by tile, so that time and memory grow with their number alone.

Of the Delaunay triangulation it keeps the triangles and links that have a small empty circle through their corners
(Edelsbrunner, Kirkpatrick and Seidel 1983). Whether such a circle is empty is known from what lies within its radius of
its centre, so that each tile, with the points a little beyond its borders, finds exactly those whose circle has its
centre in the tile; where the tiles lie changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import Delaunay, QhullError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.geometry.arrays import Bools, Floats, Ints, Links, Points

TILE_M = 2_500.0
"""Side of a tile: some thousand points, whose triangulation stays in a processor's cache."""
_ROW = 1 << 31
_NOWHERE = 1 << 62
_SIDES = np.array([[1, 2], [2, 0], [0, 1]])
"""The corners at the ends of the side opposite to each corner."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """Triangles and links of n points, as positions."""

    triangles: Ints
    """Those whose circumscribed circle is empty and no wider than asked for, shape (t, 3)."""
    links: Links
    """Sides of the triangles, and pairs with an empty circle right between them; each once, ordered, shape (m, 2)."""


def mesh(points: Points, reach_m: float) -> Mesh:
    """Return the triangles and links of points.

    The links hold a shortest spanning tree: what can be walked from point to point in steps of at most `reach_m` can be
    walked along them.

    Parameters
    ----------
    points
        Metres, shape (n, 2). Points on one place are linked to the first of them, which alone has other links.
    reach_m
        The longest link, and the largest radius of a circle.

    Examples
    --------
    >>> triangle = mesh(np.array([(0.0, 0.0), (10.0, 0.0), (0.0, 10.0), (500.0, 0.0)]), reach_m=50.0)
    >>> triangle.triangles.shape, triangle.links.tolist()
    ((1, 3), [[0, 1], [0, 2], [1, 2]])
    """
    order = np.lexsort(points.T)
    again = np.flatnonzero((np.diff(points[order], axis=0, prepend=np.nan) == 0).all(axis=1))
    first = np.arange(len(points))
    for position in again.tolist():
        first[order[position]] = first[order[position - 1]]
    double = np.flatnonzero(first != np.arange(len(points)))
    apart = np.flatnonzero(first == np.arange(len(points)))
    corner = points.min(axis=0, initial=np.inf)
    parts = [
        _of_tile(points[members] - corner, members, tile, reach_m) for tile, members in _tiles(points, apart, reach_m)
    ]
    triangles = np.concatenate([np.empty((0, 3), dtype=np.int64), *(part.triangles for part in parts)])
    links = np.concatenate([np.stack([first[double], double], axis=1), *(part.links for part in parts)])
    code = np.sort(links[:, 0] * len(points) + links[:, 1])
    code = code[np.diff(code, prepend=-1) > 0]
    return Mesh(triangles, np.stack(np.divmod(code, max(len(points), 1)), axis=1))


def _tiles(points: Points, chosen: Ints, reach_m: float) -> Iterator[tuple[tuple[int, int], Ints]]:
    """Give each tile that a point lies in or within reach of (column and row), with those points, ascending."""
    place = points[chosen] - points.min(axis=0, initial=np.inf)
    codes: list[Ints] = []
    for offset in ((x, y) for x in (-reach_m, reach_m) for y in (-reach_m, reach_m)):
        column, row = np.floor((place + offset) / TILE_M).astype(np.int64).T
        code = (column + 1) * _ROW + row + 1
        for other in codes:
            code = np.where(code == other, _NOWHERE, code)
        codes.append(code)
    code = np.concatenate(codes)
    order = np.argsort(code, kind="stable")
    order = order[: np.searchsorted(code[order], _NOWHERE)]
    for group in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
        if len(group):
            column, row = divmod(int(code[group[0]]), _ROW)
            yield (column - 1, row - 1), np.sort(chosen[group % len(chosen)])


def _of_tile(place: Points, members: Ints, tile: tuple[int, int], reach_m: float) -> Mesh:
    """Return the part of the mesh whose circles have their centres in a tile.

    Parameters
    ----------
    place
        Points in it and within reach of it, from the corner of all tiles, shape (p, 2).
    members
        Their numbers, ascending.
    tile
        Column and row.
    reach_m
        As in `mesh`.
    """

    def within(x: Floats, y: Floats) -> Bools:
        return np.asarray((np.floor(x / TILE_M) == tile[0]) & (np.floor(y / TILE_M) == tile[1]), dtype=bool)

    try:
        made = Delaunay(place - np.array(tile) * TILE_M)
    except (QhullError, ValueError):  # fewer than three points, or all on a line: a link leads from each to the next
        line = np.lexsort(place.T)
        sides = np.sort(np.stack([line[:-1], line[1:]], axis=1), axis=1)
        (x0, y0), (x1, y1) = place[sides].transpose(1, 2, 0)
        near = (np.hypot(x1 - x0, y1 - y0) <= reach_m) & within((x0 + x1) / 2, (y0 + y1) / 2)
        return Mesh(np.empty((0, 3), dtype=np.int64), members[sides[near]])
    corners, across = made.simplices.astype(np.int64), made.neighbors.astype(np.int64)
    x, y = (axis[corners] for axis in place.T)
    (x0, x1), (y0, y1) = ((axis[:, _SIDES[:, 0]], axis[:, _SIDES[:, 1]]) for axis in (x, y))
    square = (x1 - x0) ** 2 + (y1 - y0) ** 2
    centre_x, centre_y, radius = _circles(x, y, square)
    mine = (radius <= reach_m) & within(centre_x, centre_y)
    sides_of_mine = mine[:, None] | (mine[across] & (across >= 0))
    right_between = ~_blocked(square, across) & within((x0 + x1) / 2, (y0 + y1) / 2)
    once = (across < 0) | (np.arange(len(corners))[:, None] < across)
    chosen = (sides_of_mine | right_between) & once & (square <= reach_m * reach_m)
    ends = members[corners[:, _SIDES][chosen]]
    return Mesh(members[corners[mine]], np.stack([np.minimum(*ends.T), np.maximum(*ends.T)], axis=1))


def _circles(x: Floats, y: Floats, square: Floats) -> tuple[Floats, Floats, Floats]:
    """Return centre and radius of the circle through the corners of triangles, from these and the squares of the sides.

    The centre is the mean of the corners, each weighted by a² (b² + c² - a²) with a the side opposite to it. Triangles
    that are a line have no circle (infinite).
    """
    weight = square * (square.sum(axis=1, keepdims=True) - 2 * square)
    # The sum is sixteen times the square of the area.
    total = weight.sum(axis=1)
    flat = total <= 0
    safe = np.where(flat, 1, total)
    radius = np.sqrt(np.where(flat, np.inf, square.prod(axis=1)) / safe)
    return (weight * x).sum(axis=1) / safe, (weight * y).sum(axis=1) / safe, radius


def _blocked(square: Points, across: Ints) -> Bools:
    """Mark the sides of triangles with a point in the circle right between their ends (Gabriel and Sokal 1969).

    That is the opposite corner, on one side or the other, where the angle is obtuse.

    Parameters
    ----------
    square
        Squared length of the side opposite to each corner, shape (t, 3).
    across
        The triangle beyond that side, -1: none, shape (t, 3).
    """
    obtuse = 2 * square > square.sum(axis=1, keepdims=True)
    blunt = np.append(np.where(obtuse.any(axis=1), obtuse.argmax(axis=1), -1), -1)[across]
    return np.asarray(obtuse | ((blunt >= 0) & (across[across, blunt] == np.arange(len(square))[:, None])), dtype=bool)
