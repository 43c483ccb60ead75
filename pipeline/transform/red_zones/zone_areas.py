"""Exact overlap areas of many small shapes with few large zones.

Nearly all shapes lie wholly inside or outside a zone: where none of its sides comes near a shape's box, one point of
the shape tells which. Only the others need an intersection; and of a zone with a long outline only the part near the
shape matters, so zones are cut into tiles for it, wherever there are such shapes.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Geometries = NDArray[np.object_]
    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]
    Zone = shapely.Polygon | shapely.MultiPolygon

_TILE_VERTICES = 512
"""Zones with more vertices are cut into tiles of at most so many: an intersection reads all vertices of both sides."""

_SIDES_M = 20.0
"""Short sides are taken together up to this length: about the size of a house, so that the boxes stay as tight."""


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Shape, zone and shared area of each pair that shares some; positions in the arrays that were given."""

    shape: Indices
    zone: Indices
    area_m2: Floats


def overlap_areas(shapes: Geometries, zones: Geometries, *, threads: int = 2) -> Overlaps:
    """Return the area that each shape shares with each zone, for all pairs that share any.

    Parameters
    ----------
    shapes
        Valid polygons.
    zones
        Valid polygons.
    threads
        Zones are worked on side by side, each by one thread alone; the result does not depend on it.

    Returns
    -------
    Overlaps
        In the order of zone, then shape; areas in the square of the coordinates' unit.
    """
    index = _Shapes.of(shapes)
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(index.shared, zones))
    if not found:
        return Overlaps(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))
    return Overlaps(
        np.concatenate([shape for shape, _ in found]),
        np.repeat(np.arange(len(zones)), [len(shape) for shape, _ in found]),
        np.concatenate([area for _, area in found]),
    )


@dataclass(frozen=True, slots=True)
class _Shapes:
    """Shapes with a tree over their boxes, a point on each, and their areas."""

    geometry: Geometries
    tree: shapely.STRtree
    x: Floats
    y: Floats
    area_m2: Floats

    @classmethod
    def of(cls, geometry: Geometries) -> _Shapes:
        tree = shapely.STRtree(geometry)
        tree.query(shapely.Point(0, 0))  # The tree is built by its first query; the threads must find it built.
        vertex, owner = shapely.get_coordinates(geometry, return_index=True)
        x, y = vertex[np.searchsorted(owner, np.arange(len(geometry)))].T
        return cls(geometry, tree, x, y, shapely.area(geometry))

    def shared(self, zone: Zone) -> tuple[Indices, Floats]:
        """Return the shapes that share area with a zone, in ascending order, and how much."""
        near = np.sort(self.tree.query(zone))
        if not len(near):
            return near, np.empty(0)
        # Where no side of the zone comes near the box of a shape, one point tells of the whole shape.
        crossed = np.unique(self.tree.query(_side_boxes(zone))[1])
        clear = np.setdiff1d(near, crossed, assume_unique=True)
        # A copy is prepared, never the zone itself: a prepared geometry must not be seen by two threads.
        own = shapely.from_wkb(shapely.to_wkb(zone))
        shapely.prepare(own)
        inside = clear[shapely.contains_xy(own, self.x[clear], self.y[clear])]
        shape = np.concatenate([inside, crossed])
        area = np.concatenate([self.area_m2[inside], _cut(self.geometry[crossed], zone)])
        order = np.argsort(shape)
        order = order[area[order] > 0]
        return shape[order], area[order]


def _side_boxes(zone: Zone) -> Geometries:
    """Return boxes around the sides of a zone, around several in a row where they are short."""
    vertex, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(zone)), return_index=True)
    side = np.flatnonzero(ring[:-1] == ring[1:])
    start, end = vertex[side], vertex[side + 1]
    run = np.floor(np.cumsum(np.hypot(*(end - start).T)) / _SIDES_M)
    first = np.flatnonzero(np.diff(run, prepend=-1) + np.diff(ring[side], prepend=-1))
    low = np.minimum.reduceat(np.minimum(start, end), first)
    high = np.maximum.reduceat(np.maximum(start, end), first)
    return np.asarray(shapely.box(*low.T, *high.T))


def _cut(shapes: Geometries, zone: Zone) -> Floats:
    """Return the area that each shape shares with a zone, by intersection."""
    if not len(shapes):
        return np.empty(0)
    tree = shapely.STRtree(shapes)
    tiles = np.array(_tiles(zone, tree), dtype=object)
    tile, shape = tree.query(tiles, predicate="intersects")
    order = np.lexsort((tile, shape))
    tile, shape = tile[order], shape[order]
    area = shapely.area(shapely.intersection(shapes[shape], tiles[tile]))
    return np.bincount(shape, weights=area, minlength=len(shapes)).astype(np.float64, copy=False)


def _tiles(zone: Zone, shapes: shapely.STRtree) -> list[shapely.Polygon]:
    """Return polygons of few vertices that make up a zone, without overlapping, wherever there is a shape."""
    if not len(shapes.query(zone)):
        return []
    if shapely.get_num_coordinates(zone) <= _TILE_VERTICES:
        return [part for part in shapely.get_parts(zone) if isinstance(part, shapely.Polygon)]
    west, south, east, north = zone.bounds
    if east - west > north - south:
        middle = (west + east) / 2
        halves = shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)
    else:
        middle = (south + north) / 2
        halves = shapely.box(west, south, east, middle), shapely.box(west, middle, east, north)
    cut = [shapely.intersection(zone, half) for half in halves]
    areal = [part for part in cut if isinstance(part, shapely.Polygon | shapely.MultiPolygon)]
    return [tile for part in areal for tile in _tiles(part, shapes)]
