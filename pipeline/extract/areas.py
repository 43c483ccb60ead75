"""Polygons as sources give them, made valid or dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CORNERS = 4
_CLEAR_SINE = 1e-6
"""Sine of the least turn at a corner that rounding cannot have made: coordinates are good to 1e-10 of an edge."""
_GRID_DEG = 1e-9
"""A hundredth of OpenStreetMap's own resolution: where repair fails on rounding, coordinates snap to this grid."""


def valid_areas(geometries: NDArray[np.object_]) -> tuple[NDArray[np.object_], int, int]:
    """Return polygons made valid, None where no area remains; and how many were repaired and dropped.

    Missing and empty geometries count as dropped. A MultiPolygon of one part becomes that part.
    """
    unsure = np.flatnonzero(~_convex_quadrilaterals(geometries))
    broken = unsure[~shapely.is_valid(geometries[unsure])]
    result = geometries.copy()
    if len(broken):
        result[broken] = [area_of(geometry) for geometry in _made_valid(geometries[broken])]
    empty = shapely.is_missing(result) | shapely.is_empty(result)
    result[empty] = None
    repaired = int(np.count_nonzero(~empty[broken]))
    return result, repaired, int(np.count_nonzero(empty))


def _convex_quadrilaterals(geometries: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which polygons are convex with four corners: these are valid, and most houses are such.

    A closed line of four corners that turns the same way at each of them cannot cross itself. Testing that costs a
    tenth of a full test of validity.
    """
    result = np.zeros(len(geometries), dtype=bool)
    four = np.flatnonzero(
        (shapely.get_num_coordinates(geometries) == _CORNERS + 1)
        & (shapely.get_num_interior_rings(geometries) == 0)
        & (shapely.get_type_id(geometries) == shapely.GeometryType.POLYGON)
    )
    corners = shapely.get_coordinates(geometries[four]).reshape(-1, _CORNERS + 1, 2)
    dx, dy = (np.diff(np.ascontiguousarray(corners[..., axis].T), axis=0) for axis in (0, 1))
    squared = dx**2 + dy**2
    turns = np.array([dx[side] * dy[side - 3] - dy[side] * dx[side - 3] for side in range(_CORNERS)])
    clear = np.array(
        [turns[side] ** 2 > _CLEAR_SINE**2 * squared[side] * squared[side - 3] for side in range(_CORNERS)]
    )
    result[four] = clear.all(axis=0) & ((turns > 0).all(axis=0) | (turns < 0).all(axis=0))
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
    if geometry is None or geometry.is_empty:
        return None
    if geometry.geom_type == "GeometryCollection":
        areas = [part for part in geometry.geoms if part.geom_type in {"Polygon", "MultiPolygon"}]
        geometry = shapely.union_all(areas)
    if geometry.geom_type not in {"Polygon", "MultiPolygon"} or geometry.is_empty:
        return None
    return geometry
