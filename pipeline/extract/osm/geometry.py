"""Geometries of OpenStreetMap objects from libosmium's WKB, in batches: one pass of NumPy instead of one call each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import GeometryType

from pipeline.extract.areas import convex_rings, valid_areas

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
    ring_coordinates, ring_offsets = (
        take(coordinates, offsets, whole)
        if len(whole) < len(result)
        else (
            coordinates,
            offsets,
        )
    )
    parts = (ring_offsets, np.arange(len(ring_offsets)))
    result[whole] = shapely.from_ragged_array(GeometryType.POLYGON, ring_coordinates, parts)
    sound = np.zeros(len(result), dtype=bool)
    sound[whole] = convex_rings(ring_coordinates, ring_offsets)
    return valid_areas(result, sound)
