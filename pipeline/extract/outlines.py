"""Outlines of settlements of an earlier date, such as a snapshot's: growth within them is free of moved borders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
from pyogrio.errors import DataSourceError

from pipeline.errors import InputError
from pipeline.extract import local_files
from pipeline.geometry.polygon_validity import valid_areas
from pipeline.schema.provenance import Extract, Notice

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Area


def read(path: Path, area: Area) -> Extract[gpd.GeoDataFrame]:
    """Read the outlines of an area.

    Parameters
    ----------
    path
        GeoParquet (such as ``snapshots/<date>/tables/settlements.parquet``), GeoPackage, GeoJSON or FlatGeobuf, with a
        column ``settlement_id``; rows whose ``area_id``, if there is that column, names another area are left out.
    area
        The area.

    Returns
    -------
    Extract
        ``settlement_id`` and polygons in EPSG:4326 that touch the area, in order of their ids.

    Raises
    ------
    InputError
        The file cannot be read, lacks its column or a CRS, names an outline twice, or shows none of the area.
    """
    local_files.check_exists(path, "outlines")
    try:
        frame = gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path)
    except (DataSourceError, pa.ArrowException, ValueError, OSError) as error:
        msg = f"{path} cannot be read as outlines of settlements: {str(error).splitlines()[0]}."
        raise InputError(msg) from error
    if "settlement_id" not in frame or frame.crs is None:
        msg = f"{path} must have a column settlement_id and a coordinate system."
        raise InputError(msg)
    if "area_id" in frame:
        frame = frame[frame["area_id"] == area.area_id]
    shapes, repaired, dropped = valid_areas(np.asarray(frame.geometry.to_crs("EPSG:4326"), dtype=object))
    rows = gpd.GeoDataFrame(
        {"settlement_id": frame["settlement_id"].to_numpy()}, geometry=pd.Series(shapes), crs="EPSG:4326"
    )
    rows = rows[rows.intersects(area.boundary)].sort_values("settlement_id", ignore_index=True)
    if rows.empty:
        msg = f"{path} holds no outline of {area.area_id}; correct inputs.outlines in the configuration."
        raise InputError(msg)
    if twice := rows.loc[rows["settlement_id"].duplicated(), "settlement_id"].tolist():
        msg = f"{path} names the outline {twice[0]} twice; give each an id of its own."
        raise InputError(msg)
    counts = {"an outline was made valid": repaired, "an outline without an area was left out": dropped}
    notices = [Notice(path.name, what, count) for what, count in counts.items() if count]
    return Extract(
        rows, [local_files.source(path, area, dataset="outlines", number=1, version="", features=len(rows))], notices
    )
