"""Outlines as they come, made fit to be measured: repaired where possible, dropped and counted where not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipeline.provenance import Notice

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

MIN_M2 = 4.0
"""Smaller outlines are slips of the pen or noise of a detector, not buildings."""
MAX_M2 = 500_000.0
"""Larger outlines are compounds or errors: the largest halls of the world are about this size."""


def polygonal(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the polygonal part of every geometry, valid and flat; None where there is none.

    Parameters
    ----------
    geometries
        Shape (n,), any shapely geometries or None. Self-crossing ones are made valid (never by a zero buffer, which
        loses parts), coordinates that are not finite make a geometry None.
    """
    out = np.asarray(geometries, dtype=object)
    out = np.asarray(shapely.force_2d(out)) if shapely.has_z(out).any() else out.copy()
    out[~np.isin(shapely.get_type_id(out), (3, 6, 7))] = None
    broken = np.flatnonzero(~shapely.is_valid(out) & ~shapely.is_missing(out))
    coordinates, owner = shapely.get_coordinates(out[broken], return_index=True)
    out[broken[owner[~np.isfinite(coordinates).all(axis=1)]]] = None
    out[broken] = shapely.make_valid(out[broken])
    mixed = np.flatnonzero(shapely.get_type_id(out) == 7)
    for position in mixed:
        parts = shapely.get_parts(out[position])
        out[position] = shapely.union_all(parts[np.isin(shapely.get_type_id(parts), (3, 6))])
    out[shapely.is_empty(out)] = None
    return out


def clean(frame: gpd.GeoDataFrame, where: str) -> tuple[gpd.GeoDataFrame, list[Notice]]:
    """Return the rows whose geometry is a building outline, repaired, with `footprint_m2`; and what was dropped.

    Parameters
    ----------
    frame
        Any geometries in a projected CRS (metres); not changed.
    where
        Name of the input, for the notices.

    Returns
    -------
    rows, notices
        Rows with polygonal geometry of `MIN_M2` to `MAX_M2`, in the order given, with a new index.
    """
    given = np.asarray(frame.geometry.array, dtype=object)
    repaired = polygonal(given)
    area = np.nan_to_num(shapely.area(repaired))
    missing = shapely.is_missing(repaired)
    mended = ~missing & np.array([a is not b for a, b in zip(given, repaired, strict=True)], dtype=bool)
    tiny, huge = ~missing & (area < MIN_M2), area > MAX_M2
    counted = (
        (missing, "outline without a usable polygon (empty, not finite, or no area); dropped"),
        (mended, "self-crossing outline; repaired"),
        (tiny, f"outline below {MIN_M2:g} m²; dropped"),
        (huge, f"outline above {MAX_M2:,.0f} m², no single building; dropped"),
    )
    keep = ~(missing | tiny | huge)
    rows = frame.loc[keep].reset_index(drop=True)
    rows = rows.set_geometry(repaired[keep], crs=frame.crs)
    rows["footprint_m2"] = area[keep]
    return rows, [Notice(where, what, int(which.sum())) for which, what in counted if which.any()]
