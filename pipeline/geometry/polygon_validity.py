"""Geometries as they come, made valid: the one place that decides how a polygon that crosses itself is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import GeometryType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.geometry.arrays import Bools, Floats, Geometries, Ints

_AREAS = (GeometryType.POLYGON, GeometryType.MULTIPOLYGON)
_CORNERS = 4
_CLEAR = 1e-3
"""Root of the sine of the least turn at a corner that rounding cannot have made (coordinates are good to 1e-10 of an
edge): with it, a product of two edges is the least turn between them."""
_GRID = 1e-10
"""Where repair fails on rounding, coordinates snap to a grid this fine, as a share of the largest one's power of ten:
a tenth of a millimetre in metres of a projection, a hundredth of OpenStreetMap's own resolution in degrees."""


def made_valid(geometries: Geometries) -> Geometries:
    """Return geometries made valid and flat, each reduced to its parts of the highest dimension.

    Rings that cross themselves are read as what they enclose; what they enclose twice is land once (`structure` of
    GEOS). None stands where coordinates are no numbers, and where no part is left.

    Parameters
    ----------
    geometries
        Of any kinds, in any plane coordinates, shape (n,); missing and empty ones stay None.

    Examples
    --------
    >>> bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    >>> made_valid(np.array([bow_tie]))[0].area
    2.0
    """
    result = np.asarray(shapely.force_2d(geometries), dtype=object)
    result[shapely.is_empty(result)] = None
    points, owner = shapely.get_coordinates(result, return_index=True)
    result[owner[~np.isfinite(points).all(axis=1)]] = None
    broken = np.flatnonzero(~shapely.is_valid(result) & ~shapely.is_missing(result))
    if len(broken):
        repaired = shapely.make_valid(result[broken], method="structure", keep_collapsed=False)
        still = np.flatnonzero(~shapely.is_valid(repaired))
        largest = np.abs(shapely.bounds(repaired[still])).max(axis=1, initial=0)
        grid = _GRID * 10.0 ** np.floor(np.log10(np.maximum(largest, 1)))
        # Without the grid afterwards: it would stay with the geometries and round whatever is cut out of them later.
        repaired[still] = shapely.set_precision(shapely.set_precision(repaired[still], grid), 0)
        result[broken] = repaired
    for mixed in np.flatnonzero(shapely.get_type_id(result) == GeometryType.GEOMETRYCOLLECTION):
        result[mixed] = _highest_dimension(result[mixed])
    result[shapely.is_empty(result)] = None
    return result


def snapped(geometries: Geometries, decimals: int) -> Geometries:
    """Return geometries with rounded coordinates, valid and of the dimension that they had.

    Parameters
    ----------
    geometries
        Of any kinds, in any plane coordinates, shape (n,); missing ones stay None.
    decimals
        Decimals that are kept. What would vanish at that precision keeps its coordinates.

    Examples
    --------
    >>> print(snapped(np.array([shapely.box(0, 0, 1.04, 1)]), 1)[0].bounds)
    (0.0, 0.0, 1.0, 1.0)
    """
    result = made_valid(shapely.transform(geometries, lambda points: points.round(decimals)))
    lost = shapely.get_dimensions(result) < shapely.get_dimensions(geometries)
    result[lost] = made_valid(geometries[lost])
    return result


def valid_areas(geometries: Geometries, sound: Bools | None = None) -> tuple[Geometries, int, int]:
    """Return the areas of geometries, valid and flat, None where there is none; and how many were repaired and dropped.

    Parameters
    ----------
    geometries
        Shape (n,); lines and points have no area and count as dropped, as do missing and empty ones.
    sound
        Which of them are known to be valid flat areas (see `convex_rings`), and need no test.
    """
    result = geometries.copy()
    unsure = np.arange(len(geometries)) if sound is None else np.flatnonzero(~sound)
    if shapely.has_z(result[unsure]).any():
        result[unsure] = shapely.force_2d(result[unsure])
    wrong = ~shapely.is_valid(result[unsure])
    other = unsure[wrong | ~np.isin(shapely.get_type_id(result[unsure]), _AREAS)]
    if len(other):
        mended = made_valid(result[other])
        mended[shapely.get_dimensions(mended) < 2] = None
        result[other] = mended
    result[shapely.is_empty(result)] = None
    lost = shapely.is_missing(result)
    return result, int(np.count_nonzero(~lost[unsure[wrong]])), int(np.count_nonzero(lost))


def area_of(geometry: shapely.Geometry | None) -> shapely.Geometry | None:
    """Return the polygons of a valid geometry as Polygon or MultiPolygon; None: it has none."""
    if geometry is None:
        return None
    parts = shapely.get_parts(geometry)
    areas = parts[shapely.get_type_id(parts) == GeometryType.POLYGON]
    if len(areas) < len(parts):
        geometry = shapely.union_all(areas)
    single: shapely.Geometry | None = areas[0] if len(areas) == 1 else geometry
    return None if shapely.is_empty(single) else single


def _highest_dimension(collection: shapely.Geometry) -> shapely.Geometry:
    parts = shapely.get_parts(collection)
    dimension = shapely.get_dimensions(parts)
    return shapely.union_all(parts[dimension == dimension.max(initial=0)])


def convex_rings(coordinates: Floats, offsets: Ints) -> Bools:
    """Return which closed rings are convex with four corners: these are valid, and the most common shape of all.

    Parameters
    ----------
    coordinates
        Points of all rings, one after the other, shape (points, 2).
    offsets
        Ring ``i`` is ``coordinates[offsets[i]:offsets[i + 1]]``, shape (rings + 1,).

    Examples
    --------
    >>> square = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)], dtype=float)
    >>> convex_rings(square, np.array([0, 5]))
    array([ True])
    """
    result = np.zeros(len(offsets) - 1, dtype=bool)
    four = np.flatnonzero(np.diff(offsets) == _CORNERS + 1)
    dx, dy = ([sides[offsets[four] + side] for side in range(_CORNERS)] for sides in np.diff(coordinates.T))
    result[four] = convex_quadrilaterals(dx, dy)
    return result


def convex_quadrilaterals(dx: Sequence[Floats], dy: Sequence[Floats]) -> Bools:
    """Return which closed rings of four sides are convex, and so valid.

    A closed line of four corners that turns the same way at each of them cannot cross itself. Testing that for all
    rings at once costs a fraction of a full test of validity.

    Parameters
    ----------
    dx, dy
        For each of the four sides in turn, how far it runs in all rings, shape (4, rings).
    """
    size = [_CLEAR * (np.abs(dx[side]) + np.abs(dy[side])) for side in range(_CORNERS)]
    left, right = np.ones(len(dx[0]), dtype=bool), np.ones(len(dx[0]), dtype=bool)
    for side in range(_CORNERS):
        turn = dx[side - 1] * dy[side] - dy[side - 1] * dx[side]
        least = size[side - 1] * size[side]
        left &= turn > least
        right &= turn < -least
    return left | right
