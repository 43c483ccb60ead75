"""Outlines as they come, made fit to be measured: repaired where possible, dropped and counted where not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipeline.geometry.outline_overlap import Outlines
from pipeline.geometry.polygon_validity import valid_areas
from pipeline.schema.provenance import Notice

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

MIN_M2 = 4.0
"""Smaller outlines are slips of the pen or noise of a detector, not buildings."""
MAX_M2 = 500_000.0
"""Larger outlines are compounds or errors: the largest halls of the world are about this size."""


def clean(frame: gpd.GeoDataFrame, where: str) -> tuple[gpd.GeoDataFrame, Outlines, list[Notice]]:
    """Return the rows whose geometry is a building outline, repaired, with `footprint_m2`; and what was dropped.

    Parameters
    ----------
    frame
        Any geometries in a projected CRS (metres); not changed.
    where
        Name of the input, for the notices.

    Returns
    -------
    rows, outlines, notices
        Rows with polygonal geometry of `MIN_M2` to `MAX_M2`, in the order given, with a new index; and their measures.
    """
    outlines, mended = _repaired(np.asarray(frame.geometry.array, dtype=object))
    area = outlines.area
    missing = np.diff(outlines.first) == 0
    tiny, huge = ~missing & (area < MIN_M2), area > MAX_M2
    counted = (
        (missing, "outline_unusable"),
        (mended, "outline_self_crossing"),
        (tiny, "outline_tiny"),
        (huge, "outline_huge"),
    )
    keep = ~(missing | tiny | huge)
    if not keep.all():
        outlines = outlines.take(np.flatnonzero(keep))
    rows = frame.loc[keep].reset_index(drop=True)
    rows = rows.set_geometry(outlines.geometry, crs=frame.crs)
    rows["footprint_m2"] = outlines.area
    limits = {"outline_tiny": {"least_m2": MIN_M2}, "outline_huge": {"most_m2": MAX_M2}}
    notices = [Notice(where, code, int(which.sum()), limits.get(code, {})) for which, code in counted if which.any()]
    return rows, outlines, notices


def _repaired(geometries: NDArray[np.object_]) -> tuple[Outlines, NDArray[np.bool_]]:
    """Return the measures of outlines after repair, and which ones were repaired; what is no polygon has no edges.

    GEOS is asked about the validity only of those whose corners do not tell it.
    """
    type_id = shapely.get_type_id(geometries)
    plain = np.isin(type_id, (3, 6)) & ~shapely.has_z(geometries)
    flat = geometries.copy()
    flat[~plain] = None
    outlines = Outlines.of(flat)
    doubtful = np.flatnonzero(~outlines.convex_quadrilaterals())
    wrong = ~shapely.is_valid(geometries[doubtful])
    odd = wrong | ~plain[doubtful]
    mended = np.zeros(len(geometries), dtype=bool)
    mended[doubtful] = wrong | (type_id[doubtful] == 7)
    areas, _, _ = valid_areas(geometries[doubtful[odd]])
    outlines = outlines.replaced(doubtful[odd], Outlines.of(areas))
    return outlines, mended & (np.diff(outlines.first) > 0)
