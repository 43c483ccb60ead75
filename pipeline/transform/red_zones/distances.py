"""Distances from buildings to hazards: all pairs within reach, exact.

A hazard may have hundreds of segments, of which one decides. So each building is first reduced to two discs around one
centre, one that holds it and one that it holds: the distance from the centre to a segment of the hazard, less the one
radius and less the other, bounds the true distance from below and above. Only segments whose lower bound does not
exceed the least upper bound are measured by GEOS, footprint against segment: one or two of them as a rule. Bounds
decide which segments are measured, never the result.
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

    from pipeline.catalogue import RedZone

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
    index = _Footprints.of(footprints)
    with ThreadPoolExecutor(threads) as pool:
        # Candidates are found by many short NumPy calls, which threads only hold up; GEOS measures beside them.
        jobs = [pool.submit(index.measure, index.candidates(*job)) for job in zip(edges, reach, strict=True)]
        found = [job.result() for job in jobs]
    if not found:
        return Pairs(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))
    return Pairs(
        np.concatenate([near for near, _ in found]),
        np.repeat(np.arange(len(edges)), [len(near) for near, _ in found]),
        np.concatenate([distance for _, distance in found]),
    )


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Footprints that touch a hazard, and pairs of footprint and segment that may be closest, by footprint."""

    touching: Indices
    building: Indices
    segment: Indices
    segments: Floats
    reach: float


@dataclass(frozen=True, slots=True)
class _Footprints:
    """Footprints with a tree over their boxes, and the discs that bound them.

    `outer` is the radius of the disc around (x, y) that holds the footprint, `inner` of one that the footprint holds;
    where (x, y) lies outside of it, as may be in a winged house, `inner` is negative: the distance to its outline.
    """

    geometry: Geometries
    tree: shapely.STRtree
    x: Floats
    y: Floats
    outer: Floats
    inner: Floats

    @classmethod
    def of(cls, geometry: Geometries) -> _Footprints:
        west, south, east, north = shapely.bounds(geometry).T
        x, y = (west + east) / 2, (south + north) / 2
        tree = shapely.STRtree(geometry)
        tree.query(shapely.Point(0, 0))  # The tree is built by its first query.
        rings, owner = shapely.get_rings(shapely.get_parts(geometry), return_index=True)
        owner = shapely.get_parts(geometry, return_index=True)[1][owner]
        vertex, ring = shapely.get_coordinates(rings, return_index=True)
        start = np.flatnonzero(np.diff(owner[ring], prepend=-1))
        corner = np.hypot(vertex[:, 0] - x[owner[ring]], vertex[:, 1] - y[owner[ring]])
        outer = np.maximum.reduceat(corner, start) if len(start) else corner
        side = np.flatnonzero(ring[:-1] == ring[1:])
        whose = owner[ring[side]]
        to_side = _to_segment(x[whose], y[whose], *vertex[side].T, *vertex[side + 1].T)
        start = np.flatnonzero(np.diff(whose, prepend=-1))
        inner = np.minimum.reduceat(to_side, start) if len(start) else to_side
        return cls(geometry, tree, x, y, outer, np.where(shapely.contains_xy(geometry, x, y), inner, -inner))

    def candidates(self, edge: shapely.Geometry, reach: float) -> _Candidates:
        """Return the footprints that touch a hazard, and those near it with the segments that may be closest."""
        touching = np.sort(self.tree.query(edge, predicate="intersects"))
        none = np.empty(0, np.intp)
        if reach <= 0:
            return _Candidates(touching, none, none, np.empty((0, 2, 2)), reach)
        segments = _segments(edge)
        found = [
            self._of_piece(segments, slice(first, first + _SEGMENTS), reach, touching)
            for first in range(0, len(segments), _SEGMENTS)
        ]
        building, segment, centre = (np.concatenate([part[column] for part in found]) for column in range(3))
        if len(found) > 1:
            order = np.argsort(building, kind="stable")
            building, segment, centre = building[order], segment[order], centre[order]
            least = _least(centre, building, repeat=True)
            keep = centre <= least + self.outer[building] - self.inner[building]
            building, segment = building[keep], segment[keep]
        return _Candidates(touching, building, segment, segments, reach)

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
            centre = _to_segments(self.x[block], self.y[block], segments[piece])
            limit = np.minimum(centre.min(axis=1) - self.inner[block], reach) + self.outer[block]
            row, column = np.nonzero(centre <= limit[:, None])
            parts.append((block[row], column + piece.start, centre[row, column]))
        building, segment, distance = (np.concatenate([part[column] for part in parts]) for column in range(3))
        return building, segment, distance

    def measure(self, candidates: _Candidates) -> tuple[Indices, Floats]:
        """Return the footprints within reach of a hazard, in ascending order, and their exact distances."""
        lines = np.asarray(shapely.linestrings(candidates.segments))
        each = shapely.distance(self.geometry[candidates.building], lines[candidates.segment])
        least = _least(each, candidates.building)
        within = least <= candidates.reach
        building = candidates.building[np.diff(candidates.building, prepend=-1) != 0][within]
        near = np.concatenate([candidates.touching, building])
        order = np.argsort(near, kind="stable")
        return near[order], np.concatenate([np.zeros(len(candidates.touching)), least[within]])[order]


def _least(values: Floats, group: Indices, *, repeat: bool = False) -> Floats:
    """Return the least value of each run of equal groups, once per run or for every member of it."""
    start = np.flatnonzero(np.diff(group, prepend=-1))
    least = np.minimum.reduceat(values, start) if len(start) else values
    return np.repeat(least, np.diff(start, append=len(group))) if repeat else least


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


def _to_segments(x: Floats, y: Floats, segments: Floats) -> Floats:
    """Return the distance from each point to each segment, shape (points, segments)."""
    return _to_segment(x[:, None], y[:, None], *segments[:, 0].T, *segments[:, 1].T)


def _to_segment(x: Floats, y: Floats, ax: Floats, ay: Floats, bx: Floats, by: Floats) -> Floats:  # noqa: PLR0913, PLR0917
    """Return the distance from points to segments from (ax, ay) to (bx, by), broadcast against each other."""
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
