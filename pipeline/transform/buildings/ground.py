"""What the map says of the ground under buildings: people live there, or they work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from pipeline.geometry.arrays import Floats, Ints

DWELT = ("residential", "allotments")
WORKED = ("industrial", "retail", "commercial")
"""Values of OSM's key `landuse`."""


def innermost(points: Floats, outlines: NDArray[np.object_]) -> Ints:
    """Return the first outline that holds each point, -1: none; with smallest outlines first, the innermost one."""
    label = np.full(len(points), len(outlines), dtype=np.int64)
    if len(outlines):
        outline, point = shapely.STRtree(np.asarray(shapely.points(points))).query(outlines, predicate="intersects")
        np.minimum.at(label, point, outline)
    label[label == len(outlines)] = -1
    return label


def worked(points: Floats, landuse: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Mark the points (metres) whose innermost ground is one that people work on, given OSM's layer `landuse`."""
    ground = landuse[landuse["landuse"].isin(DWELT + WORKED) & (landuse.area > 0)]
    ground = ground.iloc[np.argsort(ground.area.to_numpy(), kind="stable")]
    works = np.append(ground["landuse"].isin(WORKED).to_numpy(dtype=bool), False)
    return np.asarray(works[innermost(points, np.asarray(ground.geometry.array, dtype=object))], dtype=np.bool_)
