"""Sums of a raster over polygons, each cell weighted by the exact share of it that a polygon covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pipeline.extract.rasters import Raster

_EDGE_M = 100.0
"""Edges are cut to this length before they go into the raster's CRS, where a straight edge is no longer straight: over
100 m the two differ by less than a millimetre."""


def sums(polygons: gpd.GeoSeries, raster: Raster) -> NDArray[np.float64]:
    """Return the sum of cell value times covered share, per polygon.

    The polygons go into the raster's CRS and not the raster into theirs, so no cell is resampled; in an equal-area CRS
    (GHSL's ESRI:54009) the weights are shares of true area.

    Parameters
    ----------
    polygons
        Polygons or multipolygons in a CRS in metres, shape (n,).
    raster
        Values per cell; NaN (no data) counts as nothing.

    Returns
    -------
    numpy.ndarray
        Shape (n,); 0 where a polygon covers no cell.
    """
    if polygons.empty:
        return np.zeros(0)
    result = exact_extract(_source(raster), _features(polygons, raster), "sum", output="pandas")
    return np.asarray(np.nan_to_num(result["sum"].to_numpy(dtype=float)))


def shares(polygons: gpd.GeoSeries, raster: Raster) -> pd.DataFrame:
    """Return the share of each polygon's covered cells that holds each value, for rasters of classes or years.

    Returns
    -------
    pandas.DataFrame
        One row per polygon and value: `polygon` (position in `polygons`), `value`, `share` (they add up to 1).
    """
    found: pd.DataFrame = exact_extract(
        _source(raster), _features(polygons, raster), ["unique", "frac"], output="pandas"
    )
    pairs = found.rename(columns={"unique": "value", "frac": "share"}).rename_axis("polygon").reset_index()
    pairs = pairs.explode(["value", "share"]).dropna().astype({"value": float, "share": float})
    return pairs.reset_index(drop=True)


def _features(polygons: gpd.GeoSeries, raster: Raster) -> gpd.GeoDataFrame:
    shapes = polygons.segmentize(_EDGE_M).to_crs(raster.crs).reset_index(drop=True)
    return gpd.GeoDataFrame(geometry=shapes)


def _source(raster: Raster) -> NumPyRasterSource:
    grid, (rows, columns) = raster.transform, raster.values.shape
    return NumPyRasterSource(
        raster.values,
        xmin=grid.c,
        ymin=grid.f + grid.e * rows,
        xmax=grid.c + grid.a * columns,
        ymax=grid.f,
        srs_wkt=raster.crs.to_wkt(),
    )
