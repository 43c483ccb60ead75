"""Heights from one set of outlines for the buildings of another, where nothing better is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.geometry.outline_overlap import Outlines, overlaps

if TYPE_CHECKING:
    import geopandas as gpd

LEAST_COVER = 0.5
"""Share of a building that outlines with a height must cover to tell its own."""


def lend(heights: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> None:
    """Fill in `height_m` of the buildings of which neither `levels` nor `height_m` is known.

    It is the mean of what lies over the building, by the area that is shared.

    Parameters
    ----------
    heights
        Polygons with `height_m` (metres, above 0), in the CRS of the buildings.
    buildings
        Outlines in metres, with `levels` and `height_m` (NaN: unknown); changed in place.
    """
    wanting = np.flatnonzero(buildings["levels"].isna() & buildings["height_m"].isna())
    outlines = Outlines.of(buildings.geometry.to_numpy(dtype=object)[wanting])
    lenders = Outlines.of(heights.geometry.to_numpy(dtype=object))
    shared = overlaps(outlines, lenders)
    cover = np.bincount(shared.left, shared.area_m2, len(wanting))
    weight = np.bincount(shared.left, shared.area_m2 * heights["height_m"].to_numpy()[shared.right], len(wanting))
    told = cover >= LEAST_COVER * outlines.area
    told &= cover > 0
    values = buildings["height_m"].to_numpy(dtype=np.float64, copy=True)
    values[wanting[told]] = weight[told] / cover[told]
    buildings["height_m"] = values
