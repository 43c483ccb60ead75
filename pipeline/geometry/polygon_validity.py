"""Polygons as sources give them, made valid or dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import GeometryType

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CORNERS = 4
_CLEAR = 1e-3
"""Root of the sine of the least turn at a corner that rounding cannot have made (coordinates are good to 1e-10 of an
edge): with it, a product of two edges is the least turn between them."""
_GRID_DEG = 1e-9
"""A hundredth of OpenStreetMap's own resolution: where repair fails on rounding, coordinates snap to this grid."""


def valid_areas(
    geometries: NDArray[np.object_], sound: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.object_], int, int]:
    """Return polygons made valid, None where no area remains; and how many were repaired and dropped.

    Parameters
    ----------
    geometries
        Polygons and multipolygons; missing and empty ones count as dropped.
    sound
        Which of them are known to be valid (see `convex_rings`), and need no full test.
    """
    unsure = np.arange(len(geometries)) if sound is None else np.flatnonzero(~sound)
    broken = unsure[~shapely.is_valid(geometries[unsure])]
    result = geometries.copy()
    if len(broken):
        result[broken] = [area_of(geometry) for geometry in _made_valid(geometries[broken])]
    empty = shapely.is_missing(result) | shapely.is_empty(result)
    result[empty] = None
    repaired = int(np.count_nonzero(~empty[broken]))
    return result, repaired, int(np.count_nonzero(empty))


def convex_rings(coordinates: NDArray[np.float64], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which closed rings are convex with four corners: these are valid, and most houses are such.

    A closed line of four corners that turns the same way at each of them cannot cross itself. Testing that for all
    rings at once costs a fraction of a full test of validity.

    Parameters
    ----------
    coordinates : (points, 2) array
        Points of all rings, one after the other.
    offsets : (rings + 1,) array
        Ring ``i`` is ``coordinates[offsets[i]:offsets[i + 1]]``.
    """
    result = np.zeros(len(offsets) - 1, dtype=bool)
    four = np.flatnonzero(np.diff(offsets) == _CORNERS + 1)
    first = offsets[four]
    dx, dy = ([edges[first + side] for side in range(_CORNERS)] for edges in np.diff(coordinates.T))
    size = [_CLEAR * (np.abs(dx[side]) + np.abs(dy[side])) for side in range(_CORNERS)]
    left, right = np.ones(len(four), dtype=bool), np.ones(len(four), dtype=bool)
    for side in range(_CORNERS):
        turn = dx[side - 1] * dy[side] - dy[side - 1] * dx[side]
        least = size[side - 1] * size[side]
        left &= turn > least
        right &= turn < -least
    result[four] = left | right
    return result


def _made_valid(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Repair what can be repaired; coordinates that are no numbers cannot."""
    finite = np.isfinite(shapely.bounds(geometries)).all(axis=1)
    result = np.full(len(geometries), None, dtype=object)
    result[finite] = shapely.make_valid(geometries[finite], method="structure", keep_collapsed=False)
    still = ~shapely.is_valid(result) & finite
    result[still] = shapely.set_precision(result[still], _GRID_DEG)
    return result


def area_of(geometry: shapely.Geometry | None) -> shapely.Geometry | None:
    """Return the polygonal part of a geometry as Polygon or MultiPolygon; None: it has none."""
    if geometry is None:
        return None
    parts = shapely.get_parts(geometry)
    areas = parts[shapely.get_type_id(parts) == GeometryType.POLYGON]
    if len(areas) < len(parts):
        geometry = shapely.union_all(areas)
    single: shapely.Geometry | None = areas[0] if len(areas) == 1 else geometry
    return None if shapely.is_empty(single) else single
