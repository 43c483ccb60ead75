"""Lines and outlines of many ways at once: one pass of NumPy and GEOS instead of one call each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import GeometryType

from pipeline.geometry.polygon_validity import convex_rings, valid_areas

if TYPE_CHECKING:
    from numpy.typing import NDArray

RING_POINTS = 4
"""A ring closes, so the smallest one (a triangle) has four points."""

Offsets = np.ndarray[tuple[int], np.dtype[np.int64]]


def bounds(coordinates: NDArray[np.float64], offsets: Offsets) -> NDArray[np.float64]:
    """Return west, south, east, north of each line as an (n, 4) array; points that are NaN do not count."""
    result = np.full((len(offsets) - 1, 4), np.nan)
    filled = np.flatnonzero(np.diff(offsets))
    if len(filled):
        starts = offsets[filled]
        for axis in (0, 1):
            values = np.ascontiguousarray(coordinates[:, axis])
            result[filled, axis] = np.fmin.reduceat(values, starts)
            result[filled, axis + 2] = np.fmax.reduceat(values, starts)
    return result


def lacking(coordinates: NDArray[np.float64], offsets: Offsets) -> NDArray[np.bool_]:
    """Return which lines have a point that is NaN, or no point at all."""
    lacks: NDArray[np.bool_] = np.diff(offsets) == 0
    unknown = np.isnan(coordinates[:, 0])
    if unknown.any():
        filled = np.flatnonzero(~lacks)
        lacks[filled] = np.logical_or.reduceat(unknown, offsets[filled])
    return lacks


def without_repeats(coordinates: NDArray[np.float64], offsets: Offsets) -> tuple[NDArray[np.float64], Offsets]:
    """Return the lines without points that lie where the point before lies."""
    kept = np.ones(len(coordinates), dtype=bool)
    moved = coordinates[1:] != coordinates[:-1]
    kept[1:] = moved[:, 0] | moved[:, 1]
    kept[offsets[:-1][np.diff(offsets) > 0]] = True
    if kept.all():
        return coordinates, offsets
    return coordinates[kept], np.concatenate(([0], np.cumsum(kept)))[offsets]


def take(
    coordinates: NDArray[np.float64], offsets: Offsets, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], Offsets]:
    """Return the coordinates and offsets of some of the lines, in the order given; `rows` holds none twice."""
    if len(rows) == len(offsets) - 1 and (np.diff(rows) > 0).all():
        return coordinates, offsets
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
    ring_coordinates, ring_offsets = take(coordinates, offsets, whole)
    parts = (ring_offsets, np.arange(len(ring_offsets)))
    result[whole] = shapely.from_ragged_array(GeometryType.POLYGON, ring_coordinates, parts)
    sound = np.zeros(len(result), dtype=bool)
    sound[whole] = convex_rings(ring_coordinates, ring_offsets)
    return valid_areas(result, sound)
