"""What of a source belongs to an area: boxes in degrees, and which geometries touch them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely
from pyproj import Geod

if TYPE_CHECKING:
    from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees (EPSG:4326)."""

_GEOD = Geod(ellps="WGS84")
_POLE_DEG = 89.0


def widened(bbox: Box, metres: float) -> Box:
    """Return the box widened on every side by at least `metres`, measured on the WGS 84 ellipsoid.

    Parameters
    ----------
    bbox
        West, south, east, north in degrees.
    metres
        Distance; 0 returns the box unchanged.

    Examples
    --------
    >>> [round(edge, 3) for edge in widened((74.5, 42.8, 74.7, 43.0), 1_000)]
    [74.488, 42.791, 74.712, 43.009]
    """
    west, south, east, north = bbox
    if metres == 0:
        return bbox
    _, new_south, _ = _GEOD.fwd(west, south, 180, metres)
    _, new_north, _ = _GEOD.fwd(west, north, 0, metres)
    # A degree of longitude is shortest at the edge that lies nearer to a pole: enough there is enough everywhere.
    shortest = min(max(abs(new_south), abs(new_north)), _POLE_DEG)
    step = _GEOD.fwd(0, shortest, 90, metres)[0]
    return max(west - step, -180.0), max(new_south, -90.0), min(east + step, 180.0), min(new_north, 90.0)


def touches(geometries: NDArray[np.object_], box: Box, bounds: NDArray[np.float64] | None = None) -> NDArray[np.bool_]:
    """Return which geometries (EPSG:4326) share at least one point with the box; missing and empty ones do not.

    `bounds` are those of the geometries, where they are known already.
    """
    if bounds is None:
        bounds = shapely.bounds(geometries)
    west, south, east, north = box
    with np.errstate(invalid="ignore"):
        near = overlaps(bounds, box)
        within = (bounds[:, 0] >= west) & (bounds[:, 1] >= south) & (bounds[:, 2] <= east) & (bounds[:, 3] <= north)
    unsure = np.flatnonzero(near & ~within)
    if len(unsure):
        outline = shapely.box(*box)
        shapely.prepare(outline)
        near[unsure] = shapely.intersects(outline, geometries[unsure])
    return near


def overlaps(bounds: NDArray[np.float64], box: Box) -> NDArray[np.bool_]:
    """Return which rows of an (n, 4) array of bounds meet the box; rows with NaN do not.

    Examples
    --------
    >>> overlaps(np.array([[0.0, 0.0, 1.0, 1.0], [5.0, 5.0, 6.0, 6.0]]), (0.5, 0.5, 2.0, 2.0))
    array([ True, False])
    """
    west, south, east, north = box
    return (bounds[:, 0] <= east) & (bounds[:, 1] <= north) & (bounds[:, 2] >= west) & (bounds[:, 3] >= south)


def spanned(low: float, high: float, size: float) -> range:
    """Return the cells, [i, i + 1) · size, of a regular axis that an interval shares more than a point with."""
    first = math.floor(low / size)
    return range(first, max(first + 1, math.ceil(high / size)))


def split(bbox: Box, size_deg: float) -> list[Box]:
    """Cut a bbox into equal parts of at most `size_deg` degrees, rows from the south."""
    west, south, east, north = bbox
    columns, rows = (max(1, math.ceil(span / size_deg - 1e-9)) for span in (east - west, north - south))
    xs = [west + (east - west) * i / columns for i in range(columns)] + [east]
    ys = [south + (north - south) * i / rows for i in range(rows)] + [north]
    return [(xs[i], ys[j], xs[i + 1], ys[j + 1]) for j in range(rows) for i in range(columns)]
