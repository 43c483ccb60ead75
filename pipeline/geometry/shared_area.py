"""The areas that many shapes share with few regions of long outline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipeline.geometry.polygon_validity import area_of

if TYPE_CHECKING:
    from typing import Self

    from pipeline.geometry.arrays import Floats, Geometries, Ints

_TILE_VERTICES = 256
"""An intersection reads all vertices of both sides, so that regions with more than these are cut up first."""


@dataclass(frozen=True, slots=True)
class SharedAreas:
    """Shape, region and shared area of each pair that shares some; positions in the arrays that were given."""

    shape: Ints
    region: Ints
    area: Floats


@dataclass(frozen=True, slots=True)
class Regions:
    """Regions cut up into tiles of few vertices: what takes most of the time, and serves any number of shapes.

    Attributes
    ----------
    tile, region
        The tiles, and the position of the region that each is of.
    """

    tile: Geometries
    region: Ints

    @classmethod
    def of(cls, regions: Geometries) -> Self:
        """Cut up valid polygons or multipolygons."""
        tiles = [_tiles(region) for region in regions]
        owner = np.repeat(np.arange(len(regions)), np.fromiter(map(len, tiles), np.int64))
        return cls(np.array([one for own in tiles for one in own], dtype=object), owner)


def shared_areas(shapes: Geometries, regions: Regions) -> SharedAreas:
    """Return the area that each shape shares with each region, for all pairs that share any.

    Parameters
    ----------
    shapes
        Valid polygons or multipolygons.
    regions
        What they may lie in.

    Returns
    -------
    SharedAreas
        In the order of region, then shape; areas in the square of the coordinates' unit.

    Examples
    --------
    >>> half = shared_areas(np.array([shapely.box(0, 0, 2, 1)]), Regions.of(np.array([shapely.box(1, 0, 9, 9)])))
    >>> half.area
    array([1.])
    """
    tile = regions.tile
    tree = shapely.STRtree(shapes)
    met, shape = tree.query(tile, predicate="intersects")
    whole = np.isin(met * len(shapes) + shape, np.dot((len(shapes), 1), tree.query(tile, predicate="covers")))
    area = shapely.area(shapes[shape])
    area[~whole] = shapely.area(shapely.intersection(shapes[shape[~whole]], tile[met[~whole]]))
    pair, part = np.unique(regions.region[met] * len(shapes) + shape, return_inverse=True)
    total = np.bincount(part, weights=area, minlength=len(pair)).astype(np.float64, copy=False)
    region, shape = np.divmod(pair[total > 0], max(len(shapes), 1))
    return SharedAreas(shape, region, total[total > 0])


def _tiles(region: shapely.Geometry) -> list[shapely.Geometry]:
    """Return polygons of few vertices that make up a region without overlapping."""
    if shapely.get_num_coordinates(region) <= _TILE_VERTICES:
        return [region]
    west, south, east, north = shapely.bounds(region)
    if east - west > north - south:
        middle = (west + east) / 2
        halves = shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)
    else:
        middle = (south + north) / 2
        halves = shapely.box(west, south, east, middle), shapely.box(west, middle, east, north)
    cut = [area_of(shapely.intersection(region, half)) for half in halves]
    return [tile for half in cut if half is not None for tile in _tiles(half)]
