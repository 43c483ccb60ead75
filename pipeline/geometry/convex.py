"""Convex polygons as arrays of vertices: cutting, insetting and measuring them is quicker than with general ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

_BISECTIONS = 26
"""Halvings of the search for a cut: 10 km / 2**26 is a tenth of a millimetre."""


def area(polygon: Array) -> float:
    """Return the area of a polygon of shape (n, 2), positive where its vertices run anticlockwise.

    Examples
    --------
    >>> area(np.array([(0, 0), (4, 0), (4, 3), (0, 3)], dtype=float))
    12.0
    """
    if len(polygon) < 3:
        return 0.0
    x, y = polygon[:, 0] - polygon[0, 0], polygon[:, 1] - polygon[0, 1]
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2


def centroid(polygon: Array) -> Array:
    """Return the centre of gravity of a convex polygon, shape (2,)."""
    base = polygon[0]
    a, b = polygon[1:-1] - base, polygon[2:] - base
    weight = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    moment: Array = base + (weight[:, None] * (a + b)).sum(axis=0) / (3 * weight.sum())
    return moment


def clip(polygon: Array, normal: Array, offset: float) -> Array:
    """Return the part of a convex polygon where ``normal · p >= offset`` (Sutherland and Hodgman 1974, one edge)."""
    height = polygon @ normal - offset
    inside = height >= 0
    if inside.all():
        return polygon
    if not inside.any():
        return np.empty((0, 2))
    following = np.roll(polygon, -1, axis=0)
    height_following = np.roll(height, -1)
    pieces = []
    for here, there, h, k in zip(polygon, following, height, height_following, strict=True):
        if h >= 0:
            pieces.append(here)
        if (h >= 0) != (k >= 0):
            pieces.append(here + (there - here) * (h / (h - k)))
    return np.array(pieces)


def edges(polygon: Array) -> tuple[Array, Array]:
    """Return inward unit normals, shape (n, 2), and offsets, shape (n,), of an anticlockwise polygon's edges."""
    along = np.roll(polygon, -1, axis=0) - polygon
    length = np.hypot(along[:, 0], along[:, 1])
    keep = length > 1e-9  # noqa: PLR2004 - a repeated vertex has no edge
    normals = np.column_stack([-along[keep, 1], along[keep, 0]]) / length[keep, None]
    offsets: Array = (normals * polygon[keep]).sum(axis=1)
    return normals, offsets


def inset(polygon: Array, distances: Array | float) -> Array:
    """Return a convex polygon with every edge moved inwards by its distance (m); empty if nothing is left.

    Examples
    --------
    >>> area(inset(np.array([(0, 0), (4, 0), (4, 3), (0, 3)], dtype=float), 1.0))
    2.0
    """
    normals, offsets = edges(polygon)
    for normal, offset, distance in zip(normals, offsets, np.broadcast_to(distances, offsets.shape), strict=True):
        if len(polygon):
            polygon = clip(polygon, normal, float(offset + distance))
    return polygon


def contains(polygon: Array, points: Array) -> NDArray[np.bool_]:
    """Return which points, shape (..., 2), lie inside a convex anticlockwise polygon."""
    inside = np.ones(points.shape[:-1], dtype=bool)
    for normal, offset in zip(*edges(polygon), strict=True):
        inside &= points @ normal >= offset
    return inside


def long_axis(polygon: Array) -> float:
    """Return the direction (rad) of the longest edge of a polygon."""
    along = np.roll(polygon, -1, axis=0) - polygon
    longest = along[np.argmax(np.hypot(along[:, 0], along[:, 1]))]
    return float(np.arctan2(longest[1], longest[0]))


def cut(polygon: Array, direction: float, share: float) -> tuple[Array, float]:
    """Find the line across a convex polygon that leaves a share of its area behind it.

    Parameters
    ----------
    polygon
        Anticlockwise vertices, shape (n, 2).
    direction
        Direction (rad) in which the sweeping line moves.
    share
        Share of the area that lies before the line, in (0, 1).

    Returns
    -------
    normal, offset
        The line ``normal · p = offset``.
    """
    normal = np.array([np.cos(direction), np.sin(direction)])
    heights = polygon @ normal
    low, high = float(heights.min()), float(heights.max())
    target = area(polygon) * (1 - share)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if area(clip(polygon, normal, middle)) > target:
            low = middle
        else:
            high = middle
    return normal, (low + high) / 2


def chord(polygon: Array, normal: Array, offset: float) -> Array:
    """Return the two points, shape (2, 2), where the line ``normal · p = offset`` crosses a convex polygon's border."""
    height = polygon @ normal - offset
    crossings = []
    for k in range(len(polygon)):
        h, g = height[k], height[(k + 1) % len(polygon)]
        if (h >= 0) != (g >= 0):
            crossings.append(polygon[k] + (polygon[(k + 1) % len(polygon)] - polygon[k]) * (h / (h - g)))
    return np.array(crossings[:2]) if len(crossings) >= 2 else np.empty((0, 2))


def chords(polygon: Array, direction: float, offsets: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Clip parallel lines to a convex polygon.

    Parameters
    ----------
    polygon
        Anticlockwise vertices, shape (n, 2).
    direction
        Direction (rad) of all lines.
    offsets
        Signed distances of the lines from the origin along their left normal, shape (m,).

    Returns
    -------
    ends, valid
        End points, shape (m, 2, 2), and which lines cross the polygon at all.
    """
    along = np.array([np.cos(direction), np.sin(direction)])
    across = np.array([-along[1], along[0]])
    start = np.full(len(offsets), -np.inf)
    end = np.full(len(offsets), np.inf)
    for normal, offset in zip(*edges(polygon), strict=True):
        slope = float(normal @ along)
        room = offset - offsets * float(normal @ across)
        if abs(slope) < 1e-12:  # noqa: PLR2004 - parallel to the edge: inside or outside along all its length
            end = np.where(room > 0, -np.inf, end)
        elif slope > 0:
            start = np.maximum(start, room / slope)
        else:
            end = np.minimum(end, room / slope)
    valid = np.isfinite(start) & np.isfinite(end) & (end > start)
    reach = np.where(valid[:, None], np.column_stack([start, end]), 0.0)
    ends: Array = reach[:, :, None] * along + offsets[:, None, None] * across
    return ends, valid
