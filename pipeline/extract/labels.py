"""A user's own kinds of settlements, by name, by identifier, by a point or a polygon: what the kinds are taught by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.declared import codes
from pipeline.errors import InputError
from pipeline.extract import local_files, spreadsheets
from pipeline.extract.local_files import Format
from pipeline.extract.vector import formats
from pipeline.extract.vector.layers import opened
from pipeline.schema.provenance import Extract, Notice
from pipeline.schema.vocabulary import TOLD_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.config import Area

FORMATS = (
    *spreadsheets.FORMATS,
    Format("GeoJSON, GeoPackage and the like, points or polygons", '"labels.geojson"', "of several layers, with kind"),
)
"""What `inputs.labels` takes."""
_WANTED = {
    "kind": ("вид", "тип", "түрү", "түрі"),
    "place": ("name", "settlement_id", "settlement", "место", "название", "поселение", "аталышы", "атауы"),
    "source": ("кто", "источник", "булак", "булагы", "дереккөз"),
    "lat": ("latitude", "широта"),
    "lon": ("lng", "longitude", "долгота"),
}
"""The columns, and how else they may be called; `kind` there must be, and either a place or coordinates."""
_REQUIRED = ("kind",)
_NORTHMOST, _EASTMOST = 90.0, 180.0
_VECTORS = frozenset({formats.GEOJSON, formats.LINES, formats.GDAL, formats.PARQUET})
_SHOWN = 80


def read(path: Path, area: Area) -> Extract[gpd.GeoDataFrame]:
    """Read labels.

    Parameters
    ----------
    path
        A table (see `spreadsheets.read`) with the column ``kind`` and ``place`` (a name or a settlement_id) or ``lat``
        and ``lon`` (degrees), or both; or features (points, polygons) with these properties. ``source`` says who says
        so. A kind is one of vocabulary.TOLD_KINDS, or what layers/codes.toml calls it in any language.
    area
        The area; what lies outside its bbox is counted and left out.

    Returns
    -------
    Extract of GeoDataFrame
        ``place`` (str, may be empty), ``kind``, ``source``, ``geometry`` (EPSG:4326; None: told by its place alone), in
        the order of the file. Rows without a kind are not filled in yet, and left out.

    Raises
    ------
    InputError
        The file cannot be read or has no such columns, a kind is unknown, or a row says of no place.
    """
    local_files.check_exists(path, "labels")
    found = _features(path, area) if formats.form(path) in _VECTORS else _rows(path)
    notices = found.notices
    rows = found.data[found.data["kind"].ne("")]
    kinds = _kinds()
    for row, kind in rows["kind"][~rows["kind"].str.casefold().isin(kinds)].items():
        msg = (
            f"{path}, row {row}: kind = {kind[:_SHOWN]!r} must be one of {', '.join(TOLD_KINDS)}, or empty; "
            "what cannot be told is no label."
        )
        raise InputError(msg)
    for row in rows.index[rows["place"].eq("") & rows.geometry.isna()]:
        msg = f"{path}, row {row}: names no place; give its name or settlement_id as place, or lat and lon."
        raise InputError(msg)
    rows = rows.assign(kind=rows["kind"].str.casefold().map(kinds))
    away = ~shapely.intersects(np.asarray(rows.geometry.array, dtype=object), area.boundary)
    away &= np.asarray(rows.geometry.notna())
    if away.any():
        notices = [*notices, Notice(path.name, "labels_off_map", int(away.sum()), {"area": area.area_id})]
    rows = rows[~away].reset_index(drop=True)
    source = local_files.source(path, area, dataset="labels", number=1, version="", features=len(rows))
    return Extract(rows, [source], notices)


def _kinds() -> Mapping[str, str]:
    """Return the kinds by whatever they are called, in lower case."""
    words = codes.default()["settlement_kind"]
    called = {name.casefold(): kind for kind in TOLD_KINDS for name in words[kind].model_dump().values()}
    return {**called, **{kind: kind for kind in TOLD_KINDS}}


def _rows(path: Path) -> Extract[gpd.GeoDataFrame]:
    """Read a table, by the rows as an editor counts them."""
    found = spreadsheets.read(path, _WANTED, optional=frozenset(_WANTED) - set(_REQUIRED))
    frame = pd.DataFrame.from_dict(found.rows, orient="index", columns=list(_WANTED), dtype="str")
    points: list[shapely.Point | None] = []
    for row, lat, lon in frame[["lat", "lon"]].itertuples(name=None):
        points.append(_point(path, row, lat, lon) if lat or lon else None)
    rows = gpd.GeoDataFrame(frame[["place", "kind", "source"]], geometry=points, crs="EPSG:4326")
    notices = [
        Notice(path.name, "row_without_figures", values={"row": row, "text": note[:_SHOWN]})
        for row, note in found.notes.items()
    ]
    return Extract(rows, [], notices)


def _point(path: Path, row: str, lat: str, lon: str) -> shapely.Point:
    try:
        north, east = float(spreadsheets.number(lat)), float(spreadsheets.number(lon))
        inside = abs(north) <= _NORTHMOST and abs(east) <= _EASTMOST
    except ValueError:
        inside = False
    if not inside:
        msg = (
            f"{path}, row {row}: lat = {lat[:_SHOWN]!r} and lon = {lon[:_SHOWN]!r} are no place on Earth; "
            "give both in degrees."
        )
        raise InputError(msg)
    return shapely.Point(east, north)


def _features(path: Path, area: Area) -> Extract[gpd.GeoDataFrame]:
    """Read features, counted from 1."""
    details = area.inputs.details(path)
    with opened(path) as dataset:
        layers = [layer for layer in dataset.layers if "kind" in layer.fields]
        if details.layer is not None:
            layers = [dataset.named(details.layer)]
        if len(layers) != 1 or "kind" not in layers[0].fields:
            msg = f"{path} must have one layer with a property kind; it has {dataset.listed()}."
            raise InputError(msg)
        frame = layers[0].read(None, details).reset_index(drop=True)
    text = {
        name: next((frame[column] for column in (name, *_WANTED[name]) if column in frame), pd.Series("", frame.index))
        for name in ("place", "kind", "source")
    }
    plain = {name: column.fillna("").astype("str").str.strip() for name, column in text.items()}
    shapes = np.asarray(frame.geometry.array, dtype=object)
    shapes[shapely.is_empty(shapes)] = None
    rows = gpd.GeoDataFrame(plain, geometry=shapely.make_valid(shapes), crs="EPSG:4326")
    return Extract(
        rows.set_axis([str(number) for number in range(1, len(rows) + 1)], axis=0), [], list(layers[0].notices)
    )
