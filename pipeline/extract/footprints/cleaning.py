"""Footprints made valid or dropped, and counted in the words of a notice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from shapely import GeometryType

from pipeline.geometry.polygon_validity import valid_areas

if TYPE_CHECKING:
    from numpy.typing import NDArray

READABLE: Final = ""
"""Counts features that could be read: no problem, so it is no notice."""
UNREADABLE: Final = "line_unreadable"
REPAIRED: Final = "footprint_repaired"
PARTS: Final = "footprint_parts"
OTHER: Final = "footprint_no_polygon"
EMPTY: Final = "footprint_empty"
_DEPTH = 3
"""How deep collections are looked into: a collection of multipolygons in a collection."""
_RING_POINTS = 4
_MISSING = -1
"""Type that shapely gives for no geometry."""


def single(geometry: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64], int]:
    """Return polygons one by one: parts of multipolygons and collections, and closed lines as CAD draws outlines.

    Returns
    -------
    geometry
        Polygons, and whatever else there was.
    rows
        The row that each comes from, rising.
    split : int
        Features of several polygons.
    """
    kinds = shapely.get_type_id(geometry)
    plain = (kinds == GeometryType.POLYGON) | (kinds == _MISSING)
    if plain.all():
        return geometry, np.arange(len(geometry)), 0
    rows, others = np.flatnonzero(plain), np.flatnonzero(~plain)
    parts, owner = geometry[others], others
    for _ in range(_DEPTH):
        parts, inner = shapely.get_parts(parts, return_index=True)
        owner = owner[inner]
    empty = np.setdiff1d(others, owner)
    lines = np.isin(shapely.get_type_id(parts), (GeometryType.LINESTRING, GeometryType.LINEARRING))
    closed = lines & shapely.is_closed(parts) & (shapely.get_num_points(parts) >= _RING_POINTS)
    parts[closed] = [shapely.Polygon(line.coords) for line in parts[closed]]
    every = np.concatenate((rows, owner, empty))
    shapes = np.concatenate((geometry[rows], parts, geometry[empty]))
    order = np.argsort(every, kind="stable")
    areas = np.bincount(owner[shapely.get_type_id(parts) == GeometryType.POLYGON], minlength=len(geometry))
    return shapes[order], every[order], int(np.count_nonzero(areas > 1))


def clean(
    geometry: NDArray[np.object_], sound: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.object_], Counter[str]]:
    """Return valid polygons and multipolygons, None for what was dropped; and counts of problems.

    `sound` marks what is known to be valid already.
    """
    kinds = shapely.get_type_id(geometry)
    other = ~np.isin(kinds, (_MISSING, GeometryType.POLYGON, GeometryType.MULTIPOLYGON))
    polygons = geometry.copy()
    polygons[other] = None
    shapes, repaired, dropped = valid_areas(polygons, sound)
    others = int(other.sum())
    return shapes, Counter({REPAIRED: repaired, OTHER: others, EMPTY: dropped - others})
