"""Exact overlap areas of many small shapes with few large zones.

Zones are cut into tiles of few vertices, wherever there are shapes. Nearly all shapes lie wholly inside a tile or
outside all of them; only those that the outline of a tile crosses need an intersection, and that is a short one.
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

_TILE_VERTICES = 512
"""Zones with more vertices are cut into tiles of at most so many: an intersection reads all vertices of both sides."""


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
    tree = shapely.STRtree(shapes)
    tree.query(shapely.Point(0, 0))  # The tree is built by its first query; the threads must find it built.
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda zone: _with_zone(shapes, tree, zone), zones))
    if not found:
        return Overlaps(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))
    return Overlaps(
        np.concatenate([shape for shape, _ in found]),
        np.repeat(np.arange(len(zones)), [len(shape) for shape, _ in found]),
        np.concatenate([area for _, area in found]),
    )


def _with_zone(
    shapes: Geometries, tree: shapely.STRtree, zone: shapely.Polygon | shapely.MultiPolygon
) -> tuple[Indices, Floats]:
    """Return the shapes that share area with a zone, in ascending order, and how much."""
    tiles = np.array(_tiles(zone, tree), dtype=object)
    # Prepared geometries must not be seen by two threads; these tiles were made by this one, for this call.
    shapely.prepare(tiles)
    tile, shape = tree.query(tiles, predicate="intersects")
    order = np.lexsort((tile, shape))
    tile, shape = tile[order], shape[order]
    inside = shapely.covers(tiles[tile], shapes[shape])
    area = np.empty(len(shape))
    area[inside] = shapely.area(shapes[shape[inside]])
    area[~inside] = shapely.area(shapely.intersection(shapes[shape[~inside]], tiles[tile[~inside]]))
    near, place = np.unique(shape, return_inverse=True)
    total = np.bincount(place, weights=area, minlength=len(near)).astype(np.float64, copy=False)
    return near[total > 0], total[total > 0]


def _tiles(zone: shapely.Polygon | shapely.MultiPolygon, shapes: shapely.STRtree) -> list[shapely.Polygon]:
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
