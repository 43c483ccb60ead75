"""Tables as Parquet files: the same rows give the same bytes, whatever the order in which they arrive.

Tables with a geometry are GeoParquet 1.1.0 (WKB, lon/lat, https://geoparquet.org/releases/v1.1.0/), each area's rows in
the order of a Hilbert curve, with a column `bbox` by which a reader finds those of a place without reading all. Every
file says of which run it is. None holds a clock time, the name of a user or a trace of pandas, so that two runs can be
compared byte by byte.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from pipeline.errors import InputError, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pandera.pandas as pan
    from numpy.typing import NDArray

GEOMETRY = "geometry"
BBOX = "bbox"
"""Struct beside a geometry: its bounds as 32-bit numbers, rounded outwards (the standard's covering)."""
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_LOW = 2
"""The first two sides are lower bounds."""
_HILBERT_LEVEL = 16
ROW_GROUP_ROWS = 65_536
"""Rows per row group: what a reader or a merge holds in memory at once."""

_ARROW_TYPES = {
    "string[pyarrow]": pa.string(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "Int64": pa.int64(),
    "bool": pa.bool_(),
    "datetime64[us, UTC]": pa.timestamp("us", tz="UTC"),
    "geometry": pa.binary(),
    "object": pa.list_(pa.int32()),
}
_GEOMETRY_TYPES = np.array(
    [
        "Point",
        "LineString",
        "LinearRing",
        "Polygon",
        "MultiPoint",
        "MultiLineString",
        "MultiPolygon",
        "GeometryCollection",
    ]
)
"""By shapely's type id."""


def arrow_schema(table: pan.DataFrameSchema) -> pa.Schema:
    """Return the Arrow schema in which a table is stored; descriptions travel as field metadata."""
    fields = [
        pa.field(name, _ARROW_TYPES[str(column.dtype)], metadata={"description": column.description, **column.metadata})
        for name, column in table.columns.items()
    ]
    if GEOMETRY in table.columns:
        bounds = pa.struct([pa.field(side, pa.float32()) for side in _SIDES])
        fields.append(pa.field(BBOX, bounds, metadata={"description": "Bounds of the geometry.", "unit": "degree"}))
    return pa.schema(fields)


def write(
    frame: pd.DataFrame, path: Path, table: pan.DataFrameSchema, *, about: Mapping[str, str] | None = None
) -> None:
    """Write a conforming frame (see `tables.conform`) as one Parquet file, sorted in space or else by its key.

    Parameters
    ----------
    frame
        Rows of the table, in any order; a geometry is in EPSG:4326 (lon, lat).
    path
        The file; its folder is made where it is missing.
    table
        Schema of the table, such as ``TABLES["buildings"]``.
    about
        What travels in the file's metadata, such as its run and its licence (`About.metadata`).
    """
    rows = _sorted(frame, table)
    geometry = rows[GEOMETRY].to_numpy() if GEOMETRY in table.columns else None
    metadata = _metadata(table, geo=None if geometry is None else _geo_of(geometry), about=about)
    schema = arrow_schema(table).with_metadata(metadata)
    _write_batches(_batches(rows, schema, geometry), schema, path)


def _sorted(frame: pd.DataFrame, table: pan.DataFrameSchema) -> pd.DataFrame:
    """Return the rows by their key and, where they have a geometry, along a Hilbert curve; missing geometries last."""
    rows = frame.sort_values(list(table.unique), kind="stable", na_position="first", ignore_index=True)
    if GEOMETRY not in table.columns:
        return rows
    place = np.full(len(rows), np.iinfo(np.int64).max)
    shapes = rows.geometry
    filled = (shapes.notna() & ~shapes.is_empty).to_numpy()
    if filled.any():
        place[filled] = shapes[filled].hilbert_distance(level=_HILBERT_LEVEL)
    return rows.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


def merge(
    parts: Sequence[Path], path: Path, table: pan.DataFrameSchema, *, about: Mapping[str, str] | None = None
) -> int:
    """Join the parts of a table, such as those of its areas, into one file; return its number of rows.

    Parts follow each other in the order given (sort them by area); at most one row group of a part is in memory.

    Raises
    ------
    RunError
        A part does not have the columns of the table.
    """
    heads = [pq.read_metadata(part) for part in parts]
    names = arrow_schema(table).names
    for part, head in zip(parts, heads, strict=True):
        if head.schema.to_arrow_schema().names != names:
            msg = f"{part.name} does not hold the columns of table {table.name}; this is a fault of novostroiki."
            raise RunError(msg)
    geo = _geo_union([_geo_in(head) for head in heads]) if GEOMETRY in table.columns else None
    schema = arrow_schema(table).with_metadata(_metadata(table, geo=geo, about=about))
    _write_batches(_regrouped(parts), schema, path)
    return sum(head.num_rows for head in heads)


def read(path: Path, table: pan.DataFrameSchema, columns: Sequence[str] | None = None) -> Any:  # noqa: ANN401
    """Read a stored table back as the frame that was written: a GeoDataFrame where a geometry is among the columns.

    Parameters
    ----------
    path
        A file of `write` or `merge`.
    table
        Its schema.
    columns
        The columns wanted; all by default.

    Raises
    ------
    InputError
        The file is missing, is no Parquet file, or was written by a version with other columns.
    """
    names = list(columns) if columns is not None else list(table.columns)
    try:
        # Not read_table: that guesses partitions from the folders' names.
        with pq.ParquetFile(path) as file:
            data = file.read(columns=names).select(names)
    except (OSError, KeyError, pa.ArrowException) as error:
        # A KeyError is a column that this version has and the one that wrote the file had not.
        msg = f"{path} cannot be read as table {table.name} (run again?): {str(error).splitlines()[0]}."
        raise InputError(msg) from error
    frame = pd.DataFrame({name: _series(data[name], str(table.columns[name].dtype)) for name in names})
    if GEOMETRY not in names:
        return frame
    return gpd.GeoDataFrame(frame, geometry=GEOMETRY, crs="EPSG:4326")


def _series(column: pa.ChunkedArray, dtype: str) -> Any:  # noqa: ANN401 - a Series or a GeoSeries
    if dtype == "geometry":
        return gpd.GeoSeries.from_wkb(column.to_numpy(zero_copy_only=False), crs="EPSG:4326")
    if dtype == "Int64":
        return column.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    if dtype == "object":
        return column.to_pandas()
    return column.to_pandas().astype("str" if dtype == "string[pyarrow]" else dtype)


def _batches(rows: pd.DataFrame, schema: pa.Schema, geometry: NDArray[np.object_] | None) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(rows), ROW_GROUP_ROWS):
        group = slice(start, start + ROW_GROUP_ROWS)
        part = rows.iloc[group]
        made = {} if geometry is None else _shapes(geometry[group], schema)
        arrays = [made[field.name] if field.name in made else _array(part[field.name], field.type) for field in schema]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _shapes(geometry: NDArray[np.object_], schema: pa.Schema) -> dict[str, pa.Array]:
    """Return geometries as well-known binary, and their bounds: the 32-bit numbers next outside of the true ones."""
    exact = shapely.bounds(geometry)
    near = exact.astype(np.float32)
    low, high = near[:, :_LOW], near[:, _LOW:]
    low = np.where(low > exact[:, :_LOW], np.nextafter(low, np.float32(-np.inf)), low)
    high = np.where(high < exact[:, _LOW:], np.nextafter(high, np.float32(np.inf)), high)
    missing = pa.array(np.isnan(exact[:, 0]))
    sides = [pa.array(side, type=pa.float32()) for side in np.hstack([low, high]).T]
    return {
        GEOMETRY: pa.array(_wkb(geometry), type=pa.binary()),
        BBOX: pa.StructArray.from_arrays(sides, fields=list(schema.field(BBOX).type), mask=missing),
    }


def _array(column: pd.Series, dtype: pa.DataType) -> pa.Array:
    """Return a column as one Arrow array; texts joined from several frames come in chunks."""
    values = pa.array(column, type=dtype, from_pandas=True)
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _wkb(geometry: NDArray[np.object_]) -> Any:  # noqa: ANN401 - shapely's stubs say bytes_, it returns objects
    """Encode geometries, the flavour fixed so that it cannot change with a library's default."""
    return shapely.to_wkb(geometry, byte_order=1, output_dimension=2, flavor="iso")


def _regrouped(parts: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of all parts in batches of ROW_GROUP_ROWS, wherever the parts' own row groups end."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in _read_batches(parts):
        held.append(batch)
        rows += batch.num_rows
        while rows >= ROW_GROUP_ROWS:
            joined = pa.concat_batches(held)
            yield joined.slice(0, ROW_GROUP_ROWS)
            rest = joined.slice(ROW_GROUP_ROWS)
            held, rows = [rest], rest.num_rows
    if rows:
        yield pa.concat_batches(held)


def _read_batches(parts: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    for part in parts:
        # Without pre-buffering: that would hold every row group of a part until its end.
        with pq.ParquetFile(part, pre_buffer=False) as file:
            for batch in file.iter_batches(ROW_GROUP_ROWS):
                yield batch.replace_schema_metadata(None)


def _write_batches(batches: Iterator[pa.RecordBatch], schema: pa.Schema, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=3, version="2.6") as writer:
        for batch in batches:
            writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema), row_group_size=ROW_GROUP_ROWS)


def _metadata(
    table: pan.DataFrameSchema, *, geo: Mapping[str, Any] | None, about: Mapping[str, str] | None
) -> dict[bytes | str, bytes | str]:
    texts = {"table": str(table.name), "description": str(table.description), **(about or {})}
    geo_text = {} if geo is None else {"geo": json.dumps(geo, sort_keys=True)}
    return {key: text for key, text in {**texts, **geo_text}.items() if text}


def _geo_of(geometry: NDArray[np.object_]) -> dict[str, Any]:
    """Return the GeoParquet metadata of an array of geometries in lon/lat (OGC:CRS84, the standard's default)."""
    present = geometry[~shapely.is_missing(geometry)]
    types = _GEOMETRY_TYPES[np.unique(shapely.get_type_id(present))].tolist()
    filled = present[~shapely.is_empty(present)]
    return _geo(types, shapely.total_bounds(filled).tolist() if len(filled) else None)


def _geo(types: Sequence[str], bbox: Sequence[float] | None) -> dict[str, Any]:
    covering = {BBOX: {side: [BBOX, side] for side in _SIDES}}
    column: dict[str, Any] = {"encoding": "WKB", "geometry_types": sorted(types), "covering": covering}
    if bbox is not None:
        column["bbox"] = list(bbox)
    return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}


def _geo_in(head: pq.FileMetaData) -> dict[str, Any]:
    geo: dict[str, Any] = json.loads(head.metadata[b"geo"])["columns"][GEOMETRY]
    return geo


def _geo_union(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    boxes = np.array([part["bbox"] for part in parts if "bbox" in part])
    bbox = [*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)] if len(boxes) else None
    return _geo({kind for part in parts for kind in part["geometry_types"]}, bbox)  # type: ignore[arg-type]
