"""Footprints from files of GIS formats: GeoParquet, GeoPackage, FlatGeobuf, GeoJSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
from pyogrio.errors import DataSourceError
from pyproj import CRS
from pyproj.exceptions import ProjError
from rasterio.warp import transform_bounds

from pipeline.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.geometry.bbox import Box

_DENSIFY_POINTS = 101


def read_vector(path: Path, box: Box) -> gpd.GeoDataFrame:
    """Read the features of a vector file near a box, in EPSG:4326; the box is pushed down to the file's index.

    Raises
    ------
    InputError
        The file is no vector file, or does not say in which CRS it is.
    """
    try:
        info = pyogrio.read_info(path)
        crs = _known_crs(info["crs"], path)
        frame = pyogrio.read_dataframe(path, bbox=_projected(box, crs), on_invalid="ignore")
    except DataSourceError as error:
        raise _unreadable(path, error) from error
    return _in_degrees(frame, path)


def read_parquet(path: Path, box: Box) -> gpd.GeoDataFrame:
    """Read the rows of a GeoParquet file near a box, in EPSG:4326; errors as in `read_vector`.

    The box is pushed down where the file has a bbox column (GeoParquet 1.1 covering).
    """
    try:
        column = _geometry_column(path)
        crs = _known_crs(column.get("crs", "OGC:CRS84"), path)
        pushed = _projected(box, crs) if "bbox" in column.get("covering", {}) else None
        frame = gpd.read_parquet(path, bbox=pushed)
    except (ValueError, pa.ArrowException, OSError, KeyError) as error:
        raise _unreadable(path, error) from error
    return _in_degrees(frame, path)


def _geometry_column(path: Path) -> dict[str, Any]:
    """Return what a GeoParquet file says about its main geometry, without reading its rows."""
    metadata = pq.read_schema(path).metadata or {}
    if b"geo" not in metadata:
        msg = "it has no GeoParquet metadata"
        raise ValueError(msg)
    geo = json.loads(metadata[b"geo"])
    column: dict[str, Any] = geo["columns"][geo["primary_column"]]
    return column


def _known_crs(crs: object, path: Path) -> CRS:
    if crs is None:
        msg = f"{path} does not say in which coordinate system it is; write it into the file."
        raise InputError(msg)
    return CRS.from_user_input(crs)


def _projected(box: Box, crs: CRS) -> Box:
    bounds: Box = transform_bounds("EPSG:4326", crs.to_wkt(), *box, densify_pts=_DENSIFY_POINTS)
    return bounds


def _in_degrees(frame: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    if not isinstance(frame, gpd.GeoDataFrame):
        msg = f"{path} holds a table without geometries; give building footprints."
        raise InputError(msg)
    _known_crs(frame.crs, path)
    try:
        return frame.to_crs("EPSG:4326")
    except ProjError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = str(error).rstrip(".")
    return InputError(f"{path} cannot be read as footprints ({reason}); it is damaged, cut off or of another kind.")
