"""Outlines of settlements of an earlier date, such as a snapshot's: growth within them is free of moved borders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.errors import InputError
from pipeline.extract import local_files
from pipeline.extract.vector.layers import choose, opened
from pipeline.geometry.polygon_validity import valid_areas
from pipeline.schema.provenance import Extract, Notice

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Area

_ID = "settlement_id"
_LAYER_WORDS = ("settlement", "outline", "novostroi", "поселен", "новостро", _ID)
_OVERLAP_M2 = 1000.0
"""Outlines may share so much in all without a word: edges that were drawn twice."""


def read(path: Path, area: Area) -> Extract[gpd.GeoDataFrame]:
    """Read the outlines of an area.

    Parameters
    ----------
    path
        GeoParquet (such as ``snapshots/<date>/tables/settlements.parquet``) or another form of
        `vector.formats.FORMATS`, with a column ``settlement_id``; rows whose ``area_id``, if there is that column,
        names another area are left out.
    area
        The area.

    Returns
    -------
    Extract
        ``settlement_id`` and polygons in EPSG:4326 that touch the area, in order of their ids.

    Raises
    ------
    InputError
        The file cannot be read, lacks its column, an id or a CRS, names an outline twice, or shows none of the area.
    """
    local_files.check_exists(path, "outlines", folders=True)
    details = area.inputs.details(path)
    with opened(path) as dataset:
        layer = choose(dataset, _LAYER_WORDS, "outlines of settlements", details)
        if _ID not in layer.fields:
            msg = f"{path} must have a column {_ID}; its columns are {', '.join(layer.fields) or 'none'}."
            raise InputError(msg)
        frame = layer.read(area.bbox, details)
    if "area_id" in frame:
        frame = frame[frame["area_id"].isna() | (frame["area_id"] == area.area_id)]
    ids = frame[_ID].astype("str").str.strip()
    if (nameless := frame[_ID].isna() | ids.eq("")).any():
        msg = f"{path} has {int(nameless.sum()):,} outlines without a {_ID}; give each an id of its own."
        raise InputError(msg)
    shapes, repaired, dropped = valid_areas(np.asarray(frame.geometry, dtype=object))
    rows = gpd.GeoDataFrame({_ID: ids.to_numpy()}, geometry=pd.Series(shapes), crs="EPSG:4326")
    rows = rows[rows.intersects(area.boundary)].sort_values("settlement_id", ignore_index=True)
    if rows.empty:
        msg = f"{path} holds no outline of {area.area_id}; correct inputs.outlines in the configuration."
        raise InputError(msg)
    if twice := rows.loc[rows["settlement_id"].duplicated(), "settlement_id"].tolist():
        msg = f"{path} names the outline {twice[0]} twice; give each an id of its own."
        raise InputError(msg)
    counts = {"settlement_outline_repaired": repaired, "settlement_outline_dropped": dropped}
    notices = [*layer.notices, *(Notice(path.name, code, count) for code, count in counts.items() if count)]
    shared = _overlap_m2(rows, area)
    if shared > _OVERLAP_M2:
        notices.append(Notice(path.name, "settlement_outlines_overlap", values={"shared_ha": shared / 10_000}))
    return Extract(
        rows, [local_files.source(path, area, dataset="outlines", number=1, version="", features=len(rows))], notices
    )


def _overlap_m2(rows: gpd.GeoDataFrame, area: Area) -> float:
    """Return how much ground outlines share, counted as often as it is shared."""
    shapes = rows.geometry.to_crs(area.projected)
    return float(shapes.area.sum() - shapes.union_all().area)
