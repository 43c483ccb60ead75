"""Distances from buildings to hazards: all pairs within reach, exact.

A hazard may have hundreds of segments, of which one decides. So each building is first reduced to two discs around one
centre, one that holds it and one that it holds: the distance from the centre to a segment of the hazard, less the one
radius and less the other, bounds the true distance from below and above. Only segments whose lower bound does not
exceed the least upper bound are measured against every side of the footprint: one or two of them as a rule. Bounds
decide which segments are measured, never the result. GEOS decides what touches; of what does not, the distance of two
segments is that of an end of the one to the other.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from pipeline.declared.catalogue import RedZone

    Geometries = NDArray[np.object_]
    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

_BLOCK = 1 << 15
"""Numbers in a work array: few enough to stay in a core's cache."""
_SEGMENTS = 32
"""Segments of a piece of a hazard: short pieces have small boxes, so fewer buildings are candidates of each."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Building, hazard and distance of each pair within reach; positions in the arrays that were given."""

    building: Indices
    hazard: Indices
    distance_m: Floats


def reach(zones: Mapping[str, RedZone], country: str) -> dict[str, float]:
    """Return for each class the largest distance that any of its rules asks about in a country, in metres."""
    return {name: zone.reach_m(country) for name, zone in zones.items()}


def distances(buildings: gpd.GeoDataFrame, hazards: gpd.GeoDataFrame, reach: Mapping[str, float]) -> pd.DataFrame:
    """Return the table `building_hazards`: every pair of building and hazard within the reach of the hazard's class.

    Parameters
    ----------
    buildings
        ``building_id``, ``geometry`` (valid polygons, metres).
    hazards
        ``hazard_id``, ``area_id``, ``hazard_class``, ``rule_id``, ``geometry`` (the edge) in the same CRS.
    reach
        Largest distance worth storing for each class, in metres (`reach`).

    Returns
    -------
    DataFrame
        ``area_id, building_id, hazard_id, hazard_class, rule_id, distance_m``, sorted by building and hazard;
        distances are planar, in the CRS given, 0 where footprint and hazard touch or overlap.
    """
    limits = hazards["hazard_class"].map(reach).to_numpy(dtype=np.float64)
    pairs = pair_distances(buildings.geometry.to_numpy(), hazards.geometry.to_numpy(), limits)
    order = np.lexsort((_ranks(hazards["hazard_id"])[pairs.hazard], _ranks(buildings["building_id"])[pairs.building]))
    building, hazard = pairs.building[order], pairs.hazard[order]
    columns = {"area_id": hazards, "building_id": buildings, "hazard_id": hazards, "hazard_class": hazards}
    taken = {
        name: frame[name].astype("str").array.take(building if frame is buildings else hazard)
        for name, frame in {**columns, "rule_id": hazards}.items()
    }
    return pd.DataFrame({**taken, "distance_m": pairs.distance_m[order]})


def _ranks(labels: pd.Series[str]) -> Indices:
    """Return the place of each label in sorted order."""
    ranks = np.arange(len(labels))
    if not labels.is_monotonic_increasing:
        ranks[labels.argsort(kind="stable").to_numpy()] = np.arange(len(labels))
    return ranks


def pair_distances(footprints: Geometries, edges: Geometries, reach: Floats, *, threads: int = 2) -> Pairs:
    """Return the distances of all pairs of footprint and edge that are at most `reach` apart.

    Parameters
    ----------
    footprints
        Valid polygons.
    edges
        Valid geometries of any kind.
    reach
        Largest distance of interest for each edge, in the units of the coordinates.
    threads
        Hazards are worked on side by side; the result does not depend on it.

    Returns
    -------
    Pairs
        In the order of hazard, then building.
    """
    if not len(footprints) or not len(edges):
        return Pairs(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))
    index = _Footprints.of(footprints)
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(index.near, edges, reach))
    return Pairs(
        np.concatenate([near for near, _ in found]),
        np.repeat(np.arange(len(edges)), [len(near) for near, _ in found]),
        np.concatenate([distance for _, distance in found]),
    )


@dataclass(frozen=True, slots=True)
class _Footprints:
    """Footprints with a tree over their boxes, and the discs that bound them.

    `outer` is the radius of the disc around (x, y) that holds the footprint, `inner` of one that the footprint holds;
    where (x, y) lies outside of it, as may be in a winged house, `inner` is negative: the distance to its outline.
    """

    tree: shapely.STRtree
    x: Floats
    y: Floats
    outer: Floats
    inner: Floats
    sides: Floats  # (m, 2, 2), of all footprints one after the other
    first: Indices  # (n + 1,), where the sides of each begin

    @classmethod
    def of(cls, geometry: Geometries) -> _Footprints:
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

    def near(self, edge: shapely.Geometry, reach: float) -> tuple[Indices, Floats]:
        """Return the footprints within reach of a hazard, in ascending order, and their distances."""
        touching = np.sort(self.tree.query(edge, predicate="intersects"))
        if reach <= 0:
            return touching, np.zeros(len(touching))
        segments = _segments(edge)
        building, segment = self._candidates(segments, reach, touching)
        least = _least(self._measured(building, segments.take(segment, axis=0)), building)
        building = building[np.diff(building, prepend=-1) != 0]
        near = np.concatenate([touching, building[least <= reach]])
        order = np.argsort(near)
        return near[order], np.concatenate([np.zeros(len(touching)), least[least <= reach]])[order]

    def _candidates(self, segments: Floats, reach: float, without: Indices) -> tuple[Indices, Indices]:
        """Return pairs of footprint and segment that may be the closest, sorted by footprint."""
        found = [
            self._of_piece(segments, slice(first, first + _SEGMENTS), reach, without)
            for first in range(0, len(segments), _SEGMENTS)
        ]
        building, segment, centre = (np.concatenate([part[column] for part in found]) for column in range(3))
        if len(found) > 1:
            order = np.argsort(building, kind="stable")
            building, segment, centre = building[order], segment[order], centre[order]
            least = np.repeat(_least(centre, building), np.diff(_starts(building), append=len(building)))
            keep = centre <= least + self.outer[building] - self.inner[building]
            building, segment = building[keep], segment[keep]
        return building, segment

    def _measured(self, building: Indices, segment: Floats) -> Floats:
        """Return the distance of each footprint's outline to the segment beside it."""
        sides = self.first[building + 1] - self.first[building]
        pair = np.repeat(np.arange(len(building)), sides)
        side = np.arange(len(pair)) + np.repeat(self.first[building] - (np.cumsum(sides) - sides), sides)
        ours, theirs = self.sides.take(side, axis=0), segment.take(pair, axis=0)
        least = _to_segment(ours[:, 0, 0], ours[:, 0, 1], theirs)
        for end, other in ((ours[:, 1], theirs), (theirs[:, 0], ours), (theirs[:, 1], ours)):
            np.minimum(least, _to_segment(end[:, 0], end[:, 1], other), out=least)
        return _least(least, pair)

    def _of_piece(
        self, segments: Floats, piece: slice, reach: float, without: Indices
    ) -> tuple[Indices, Indices, Floats]:
        """Return footprint, segment and distance of the footprint's centre, for a few neighbouring segments."""
        ends = segments[piece].reshape(-1, 2)
        box = shapely.box(*(ends.min(axis=0) - reach), *(ends.max(axis=0) + reach))
        near = np.sort(self.tree.query(box))
        if len(without):
            place = np.minimum(np.searchsorted(without, near), len(without) - 1)
            near = near[without[place] != near]
        rows = max(_BLOCK // len(segments[piece]), 1)
        parts = [(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))]
        for block in (near[first : first + rows] for first in range(0, len(near), rows)):
            centre = _to_segment(self.x[block, None], self.y[block, None], segments[piece])
            limit = np.minimum(centre.min(axis=1) - self.inner[block], reach) + self.outer[block]
            row, column = np.nonzero(centre <= limit[:, None])
            parts.append((block[row], column + piece.start, centre[row, column]))
        building, segment, distance = (np.concatenate([part[column] for part in parts]) for column in range(3))
        return building, segment, distance


def _starts(group: Indices) -> Indices:
    """Return where each run of equal groups begins."""
    return np.flatnonzero(np.diff(group, prepend=-1))


def _least(values: Floats, group: Indices) -> Floats:
    """Return the least value of each run of equal groups."""
    return np.minimum.reduceat(values, _starts(group)) if len(values) else values


def _sides(polygons: Geometries) -> tuple[Floats, Indices]:
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
