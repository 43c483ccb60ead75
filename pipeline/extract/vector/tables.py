"""Vector data in plain tables: CSV with WKT, WKB or GeoJSON in a column, Parquet without metadata of its geometry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from pyarrow import csv

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_NAMES = (".geo", "geometry", "geom", "wkt", "wkb", "the_geom", "geojson", "wkb_geometry", "wkt_geom", "shape", "geo")
"""Names of columns with geometries, in the order in which they are looked for."""
_MAX_CELL = 256 * 2**20
_PREFIX = r"(?i)^SRID=\d+;"


class NoGeometryError(ValueError):
    """A table holds no column with geometries."""


def read_csv(path: Path) -> gpd.GeoDataFrame:
    """Read a CSV file with a column of geometries; the file does not say in which coordinate system.

    Raises
    ------
    NoGeometryError
        No column holds WKT, WKB or GeoJSON.
    """
    head = path.open("rb").readline()
    try:
        head.decode("utf-8")
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = "cp1251"
    delimiter = max(",;\t", key=lambda mark: head.count(mark.encode()))
    names = [name.strip().strip('"').lstrip("\ufeff") for name in head.decode(encoding).strip().split(delimiter)]
    table = csv.read_csv(
        path,
        read_options=csv.ReadOptions(encoding=encoding, block_size=_MAX_CELL),
        parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )
    return _frame(table)


def read_plain_parquet(path: Path) -> gpd.GeoDataFrame:
    """Read a Parquet file whose geometry is WKB or WKT without a word about it; errors as in `read_csv`."""
    return _frame(pq.read_table(path))


def _frame(table: pa.Table) -> gpd.GeoDataFrame:
    lower = {name.strip().lower(): name for name in table.column_names}
    for wanted in _NAMES:
        if wanted in lower:
            column = table.column(lower[wanted])
            shapes = _geometries(column.combine_chunks() if column.num_chunks != 1 else column.chunk(0))
            rest = table.drop_columns([lower[wanted]]).to_pandas()
            return gpd.GeoDataFrame(rest, geometry=shapes)
    msg = f"it has no column of geometries, such as WKT or .geo (columns: {', '.join(table.column_names[:12])})"
    raise NoGeometryError(msg)


def _geometries(column: pa.Array) -> NDArray[np.object_]:
    """Return shapes of WKB, of WKB in hexadecimal digits, of WKT or of GeoJSON; what cannot be read is None."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return np.asarray(shapely.from_wkb(column.to_numpy(zero_copy_only=False), on_invalid="ignore"), dtype=object)
    texts = pc.cast(column, pa.string())
    first = next((text.strip() for text in texts[:1000].to_pylist() if text and text.strip()), "")
    values = texts.to_numpy(zero_copy_only=False)
    if first.startswith("{"):
        return np.array([_of_geojson(text) for text in values], dtype=object)
    if first[:2] in {"00", "01"} and " " not in first[:20]:
        return np.asarray(shapely.from_wkb(values, on_invalid="ignore"), dtype=object)
    plain = pc.replace_substring_regex(texts, _PREFIX, "").to_numpy(zero_copy_only=False)
    return np.asarray(shapely.from_wkt(plain, on_invalid="ignore"), dtype=object)


def _of_geojson(text: str | None) -> shapely.Geometry | None:
    if not text:
        return None
    try:
        item = json.loads(text)
    except ValueError:
        return None
    geometry = item.get("geometry", item) if isinstance(item, dict) else None
    return shapely.from_geojson(json.dumps(geometry), on_invalid="ignore") if geometry else None
