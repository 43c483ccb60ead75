"""Sums of a raster over polygons, each cell weighted by the exact share of it that a polygon covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from exactextract import exact_extract
from exactextract.feature import FeatureSource, JSONFeature
from exactextract.raster import NumPyRasterSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

    from pipeline.geometry.raster import Raster

_EDGE_M = 500.0
"""Edges are cut to this length before they go into the raster's CRS, where a straight edge is no longer straight: over
500 m the two differ by less than a centimetre."""


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

    Examples
    --------
    >>> import geopandas as gpd
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from pipeline.geometry.raster import Raster
    >>> metres = CRS("EPSG:32643")
    >>> raster = Raster(np.array([[4.0, 8.0]]), Affine(100, 0, 0, 0, -100, 100), metres)
    >>> sums(gpd.GeoSeries([shapely.box(50, 0, 200, 100)], crs=metres), raster)
    array([10.])
    """
    if polygons.empty:
        return np.zeros(0)
    result = exact_extract(_source(raster), _Polygons(polygons, raster), "sum", output="pandas")
    return np.asarray(np.nan_to_num(result["sum"].to_numpy(dtype=float)))


def shares(polygons: gpd.GeoSeries, raster: Raster) -> pd.DataFrame:
    """Return the share of each polygon's covered cells that holds each value, for rasters of classes or years.

    Returns
    -------
    pandas.DataFrame
        One row per polygon and value: `polygon` (position in `polygons`), `value`, `share` (they add up to 1).
    """
    values: pd.DataFrame = exact_extract(
        _source(raster), _Polygons(polygons, raster), ["unique", "frac"], output="pandas"
    )
    pairs = values.rename(columns={"unique": "value", "frac": "share"}).rename_axis("polygon").reset_index()
    pairs = pairs.explode(["value", "share"]).dropna().astype({"value": float, "share": float})
    return pairs.reset_index(drop=True)


def at_points(points: gpd.GeoSeries, raster: Raster) -> NDArray[np.float64]:
    """Return the value of the cell that holds each point, shape (n,); NaN beyond the raster and where it has no data.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from pipeline.geometry.raster import Raster
    >>> metres = CRS("EPSG:32643")
    >>> raster = Raster(np.array([[4.0, 8.0]]), Affine(100, 0, 0, 0, -100, 100), metres)
    >>> at_points(gpd.GeoSeries(shapely.points([50, 150, 250], [20, 20, 20]), crs=metres), raster)
    array([ 4.,  8., nan])
    """
    there = points.to_crs(raster.crs)
    column, row = ~raster.transform * (there.x.to_numpy(), there.y.to_numpy())
    rows, columns = raster.values.shape
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    values = np.full(len(points), np.nan)
    values[inside] = raster.values[row[inside].astype(np.int64), column[inside].astype(np.int64)]
    return values


class _Polygon(JSONFeature):  # type: ignore[misc]  # exactextract has no types
    """A feature that hands over its geometry as WKB: exactextract's own way for GeoPandas writes and parses JSON."""

    def __init__(self, wkb: bytes) -> None:
        super().__init__({"properties": {}})
        self._wkb = wkb

    def geometry(self) -> bytes:
        return self._wkb


class _Polygons(FeatureSource):  # type: ignore[misc]  # exactextract has no types
    """Polygons in the CRS of a raster."""

    def __init__(self, polygons: gpd.GeoSeries, raster: Raster) -> None:
        super().__init__()
        if polygons.crs != raster.crs:
            polygons = polygons.segmentize(_EDGE_M).to_crs(raster.crs)
        self._wkb = shapely.to_wkb(polygons.to_numpy())
        self._srs = raster.crs.to_wkt()

    def count(self) -> int:
        return len(self._wkb)

    def __iter__(self) -> Iterator[_Polygon]:
        return map(_Polygon, self._wkb)

    def srs_wkt(self) -> str:
        return self._srs


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
