"""Polygons as sources give them, made valid or dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray


def valid_areas(geometries: NDArray[np.object_]) -> tuple[NDArray[np.object_], int, int]:
    """Return polygons made valid, None where no area remains; and how many were repaired and dropped.

    Missing and empty geometries count as dropped. A MultiPolygon of one part becomes that part.
    """
    broken = np.flatnonzero(~shapely.is_valid(geometries))
    result = geometries.copy()
    if len(broken):
        result[broken] = [area_of(geometry) for geometry in _made_valid(geometries[broken])]
    empty = shapely.is_missing(result) | shapely.is_empty(result)
    result[empty] = None
    repaired = int(np.count_nonzero(~empty[broken]))
    return result, repaired, int(np.count_nonzero(empty))


def _made_valid(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Repair what can be repaired; coordinates that are no numbers cannot."""
    finite = np.isfinite(shapely.bounds(geometries)).all(axis=1)
    result = np.full(len(geometries), None, dtype=object)
    result[finite] = shapely.make_valid(geometries[finite], method="structure", keep_collapsed=False)
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
