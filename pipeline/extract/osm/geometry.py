"""Geometries of OpenStreetMap objects from libosmium's WKB, in batches: one pass of NumPy instead of one call each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import GeometryType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_HEADER = 9
"""Bytes before the coordinates in the WKB of a line: byte order, type, number of points."""
_POINT = 16
"""Bytes of a point: two doubles."""
RING_POINTS = 4
"""A ring closes, so the smallest one (a triangle) has four points."""

Offsets = np.ndarray[tuple[int], np.dtype[np.int64]]


def line_coordinates(hexes: Sequence[str]) -> tuple[NDArray[np.float64], Offsets]:
    """Return the coordinates of many WKB lines, and where each begins.

    Parameters
    ----------
    hexes
        Little-endian WKB LineStrings as hexadecimal digits, as ``osmium.geom.WKBFactory`` writes them.

    Returns
    -------
    coordinates : (points, 2) array
        Lon, lat of all lines, one after the other.
    offsets : (lines + 1,) array
        Line ``i`` is ``coordinates[offsets[i]:offsets[i + 1]]``.
    """
    data = np.frombuffer(bytes.fromhex("".join(hexes)), dtype=np.uint8)
    sizes = np.fromiter(map(len, hexes), dtype=np.int64, count=len(hexes)) // 2
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1])) if len(hexes) else np.zeros(0, dtype=np.int64)
    body = np.ones(len(data), dtype=bool)
    body[(starts[:, None] + np.arange(_HEADER)).ravel()] = False
    coordinates = data[body].view("<f8").reshape(-1, 2)
    return coordinates, np.concatenate(([0], np.cumsum((sizes - _HEADER) // _POINT)))


def bounds(coordinates: NDArray[np.float64], offsets: Offsets) -> NDArray[np.float64]:
    """Return west, south, east, north of each line as an (n, 4) array."""
    if len(offsets) == 1:
        return np.zeros((0, 4))
    starts = offsets[:-1]
    return np.hstack((np.minimum.reduceat(coordinates, starts), np.maximum.reduceat(coordinates, starts)))


def take(
    coordinates: NDArray[np.float64], offsets: Offsets, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], Offsets]:
    """Return the coordinates and offsets of some of the lines, in the order given."""
    sizes = offsets[rows + 1] - offsets[rows]
    ends = np.concatenate(([0], np.cumsum(sizes)))
    points = np.arange(ends[-1]) + np.repeat(offsets[rows] - ends[:-1], sizes)
    return coordinates[points], ends


def lines(coordinates: NDArray[np.float64], offsets: Offsets) -> NDArray[np.object_]:
    """Return LineStrings (EPSG:4326)."""
    return shapely.from_ragged_array(GeometryType.LINESTRING, coordinates, (offsets,))


def polygons(coordinates: NDArray[np.float64], offsets: Offsets) -> tuple[NDArray[np.object_], int, int]:
    """Return a valid polygon for each closed line, or None where there is none to be had.

    Returns
    -------
    geometries : array of Polygon, MultiPolygon or None
    repaired : int
        Rings that crossed or touched themselves and were repaired.
    dropped : int
        Rings with too few points, or without an area even when repaired.
    """
    result = np.full(len(offsets) - 1, None, dtype=object)
    whole = np.flatnonzero(np.diff(offsets) >= RING_POINTS)
    ring_coordinates, ring_offsets = take(coordinates, offsets, whole) if len(whole) < len(result) else (
        coordinates,
        offsets,
    )
    parts = (ring_offsets, np.arange(len(ring_offsets)))
    result[whole] = shapely.from_ragged_array(GeometryType.POLYGON, ring_coordinates, parts)
    result, repaired, dropped = valid_areas(result)
    return result, repaired, dropped


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
