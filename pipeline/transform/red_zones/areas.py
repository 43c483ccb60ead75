"""Exact overlap areas of many small shapes with few large zones.

Nearly all shapes lie wholly inside or outside a zone; only those that its outline crosses need an intersection. And
of a zone with a long outline only the part near the shape matters: zones are cut into tiles for it.
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

_TILE_VERTICES = 256
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
    near = np.sort(tree.query(zone))
    # A copy is prepared, never the zone itself: a prepared geometry must not be seen by a second thread.
    own = shapely.from_wkb(shapely.to_wkb(zone))
    shapely.prepare(own)
    near = near[shapely.intersects(own, shapes[near])]
    inside = shapely.covers(own, shapes[near])
    area = np.empty(len(near))
    area[inside] = shapely.area(shapes[near[inside]])
    area[~inside] = _crossed(shapes[near[~inside]], zone)
    shared = area > 0
    return near[shared], area[shared]


def _crossed(shapes: Geometries, zone: shapely.Polygon | shapely.MultiPolygon) -> Floats:
    """Return the area that shapes crossed by a zone's outline share with it."""
    if not len(shapes):
        return np.empty(0)
    tree = shapely.STRtree(shapes)
    tiles = np.array(_tiles(zone, tree), dtype=object)
    tile, shape = tree.query(tiles, predicate="intersects")
    order = np.lexsort((tile, shape))
    area = shapely.area(shapely.intersection(shapes[shape[order]], tiles[tile[order]]))
    return np.bincount(shape[order], weights=area, minlength=len(shapes)).astype(np.float64, copy=False)


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
