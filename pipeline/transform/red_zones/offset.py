"""Everything within a distance of a geometry, exact but for the arcs.

GEOS's own buffer first simplifies its input by up to 1 % of the distance (JTS ``BufferInputLineSimplifier``; zones of
winding lines were too large by up to 6e-4), and now and then leaves holes that are none (libgeos/geos#1217). So the
zone is put together from pieces that need no simplification: the geometry itself, a rectangle along each of its
segments, and a sector at each of its corners. Only the sectors are approximate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Geometries = NDArray[np.object_]
    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

ARC_STEP = float(np.radians(0.5))
"""Largest angle between the vertices of an arc. Its inner vertices lie so far outside the true arc that the sector has
exactly its true area; the outline strays from the true one by at most 1e-5 of the distance (1 cm at 1 km) to either
side."""

_NO_TURN = 1e-3
"""Sectors of a smaller angle (radians) are triangles: less than 1e-10 of the square of the distance is lost."""


def offset(geometries: Geometries, distance_m: Floats) -> shapely.Geometry:
    """Return the union of everything within a distance of any of the geometries.

    Parameters
    ----------
    geometries
        Valid points, lines or polygons, also multi-part, in metres.
    distance_m
        Distance for each geometry, at least 0.

    Returns
    -------
    Geometry
        Polygon or MultiPolygon; empty where only points and lines with distance 0 were given.
    """
    # Faster than union_all by a third: hazards mostly lie apart, and only what touches is dissolved.
    zone: shapely.Geometry = shapely.disjoint_subset_union_all(pieces(geometries, distance_m))
    return zone


def pieces(geometries: Geometries, distance_m: Floats, arc_step: float = ARC_STEP) -> Geometries:
    """Return polygons, overlapping and in no meaningful order, whose union is the zone of all geometries."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    reach = np.asarray(distance_m, dtype=np.float64)[owner]
    areal, pointlike = shapely.get_dimensions(parts) == 2, shapely.length(parts) == 0
    drawn = reach > 0
    rings, owner = shapely.get_rings(shapely.orient_polygons(parts[areal & drawn]), return_index=True)
    lines, points = parts[~areal & ~pointlike & drawn], parts[pointlike & drawn]
    # A line has its left side on the right when it is walked back: so right sides are all that is ever drawn.
    both = np.concatenate([lines, shapely.reverse(lines)])
    return np.concatenate(
        [
            parts[areal],
            _right_sides(rings, reach[areal & drawn][owner], arc_step, closed=True),
            _right_sides(both, np.tile(reach[~areal & ~pointlike & drawn], 2), arc_step, closed=False),
            _discs(points, reach[pointlike & drawn], arc_step),
        ]
    )


def _right_sides(lines: Geometries, reach: Floats, arc_step: float, *, closed: bool) -> Geometries:
    """Return a polygon per segment: the rectangle on its right, and the sector at its end if the line turns left there.

    Rings (`closed`) turn into their first segment at the end; other lines turn back, with half a disc.
    """
    vertex, line = shapely.get_coordinates(shapely.remove_repeated_points(lines), return_index=True)
    inner = line[:-1] == line[1:]
    start, end, line = vertex[:-1][inner], vertex[1:][inner], line[:-1][inner]
    along = end - start
    right = np.column_stack([along[:, 1], -along[:, 0]]) * (reach[line] / np.hypot(*along.T))[:, None]

    after = np.arange(1, len(line) + 1)
    last = np.flatnonzero(np.diff(line, append=-1))
    after[last] = np.r_[0, last[:-1] + 1] if closed else 0
    turn, then = _angle(along, along[after]), right[after]
    if not closed:
        turn[last], then[last] = np.pi, -right[last]
    steps = np.where(turn < _NO_TURN, turn > 0, np.maximum(np.ceil(turn / arc_step), 2)).astype(np.intp)

    side, step = _enumerate(steps + 1)
    arc = _rotated(right[side], (turn / np.maximum(steps, 1))[side] * step) * _swelling(turn, steps)[side, None]
    arc[step == 0] = right
    bent = steps > 0
    arc[(step == steps[side]) & bent[side]] = then[bent]
    own = np.arange(len(line))
    outline = np.concatenate([start, start + right, end[side] + arc, end])
    ring = np.concatenate([own, own, side, own])
    order = np.argsort(ring, kind="stable")
    return np.asarray(shapely.polygons(np.asarray(shapely.linearrings(outline[order], indices=ring[order]))))


def _discs(points: Geometries, reach: Floats, arc_step: float) -> Geometries:
    """Return regular polygons around points with the area of the true discs."""
    angle = 2 * np.pi / np.ceil(2 * np.pi / arc_step)
    turns = np.arange(round(2 * np.pi / angle)) * angle
    unit = np.column_stack([np.cos(turns), np.sin(turns)]) * np.sqrt(angle / np.sin(angle))
    centre = shapely.get_coordinates(shapely.centroid(points))
    return np.asarray(shapely.polygons(centre[:, None] + unit * reach[:, None, None]))


def _enumerate(counts: Indices) -> tuple[Indices, Indices]:
    """Return, for groups of the given sizes one after the other, the group and the place in it of each member."""
    group = np.repeat(np.arange(len(counts)), counts)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)


def _rotated(vectors: Floats, angle: Floats) -> Floats:
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = vectors.T
    return np.column_stack([x * cos - y * sin, x * sin + y * cos])


def _swelling(turn: Floats, steps: Indices) -> Floats:
    """Return the radius of an arc's inner vertices, of the true radius, that gives the sector its true area.

    Both end vertices lie on the true arc. With n triangles of angle a, the areas 2 · (k/2) sin a of the two at the ends
    and (n - 2) · (k²/2) sin a of the others must sum to n a / 2: a quadratic equation for the radius k.
    """
    n = np.maximum(steps, 2)
    angle = np.clip(turn, _NO_TURN, None) / n
    sine = np.sin(angle)
    inner = (n - 2) * sine
    root = np.sqrt(sine**2 + inner * n * angle)
    return np.asarray(np.divide(root - sine, inner, out=angle / sine, where=n > 2))


def _angle(before: Floats, after: Floats) -> Floats:
    """Return the angle from one vector to the next in (-pi, pi], counter-clockwise positive; a reversal is pi."""
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    angle = np.arctan2(cross, (before * after).sum(axis=1))
    return np.asarray(np.where(angle <= _NO_TURN - np.pi, angle + 2 * np.pi, angle))
