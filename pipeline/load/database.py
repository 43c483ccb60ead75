"""The DuckDB file: the Parquet tables with a comment on every table and column, and views for people.

DuckDB 1.5 has the type GEOMETRY in its core, so `geometry` can be read without any extension; `geometry_wkb`, `lon` and
`lat` stand beside it for readers that know neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import shapely

from pipeline.base.connection import connect
from pipeline.load import parquet
from pipeline.schema.draws import KEPT
from pipeline.schema.tables import TABLES
from pipeline.schema.vocabulary import BINDING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb
    import pandera.pandas as pan

_SQL_TYPES = {
    "string[pyarrow]": "VARCHAR",
    "float64": "DOUBLE",
    "int64": "BIGINT",
    "Int64": "BIGINT",
    "bool": "BOOLEAN",
    "datetime64[us, UTC]": "TIMESTAMP",
    "geometry": "GEOMETRY",
    "object": f"INTEGER[{KEPT}]",
}
_BUILD_MEMORY = "1GB"
"""Enough to pass rows on; without a limit DuckDB would keep what it wrote, up to most of the machine's memory."""
VIEWS = Path(__file__).parent / "views"
"""One SQL file per view, with its comments; they are run in the order of their names."""


def build(
    tables_dir: Path,
    path: Path,
    *,
    tables: Mapping[str, pan.DataFrameSchema] = TABLES,
    views: Sequence[Path] | None = None,
) -> None:
    """Build a DuckDB file from a folder of Parquet tables.

    Parameters
    ----------
    tables_dir
        Folder with `<table>.parquet`; a table without a file becomes an empty one.
    path
        The file to make; it must not exist.
    tables
        The tables, in the order in which they are made.
    views
        SQL files of the views (default: all of `VIEWS`).
    """
    with connect(path) as con:
        con.execute("SET threads = 1")  # where blocks lie follows from the rows alone
        con.execute("SET enable_progress_bar = false")
        con.execute("SET preserve_insertion_order = true")
        con.execute(f"SET memory_limit = '{_BUILD_MEMORY}'")
        con.execute("SET disabled_compression_methods = 'fsst,dict_fsst'")  # they draw a sample: other bytes each time
        for name, table in tables.items():
            _create(con, table)
            source = tables_dir / f"{name}.parquet"
            if source.exists():
                _fill(con, table, source)
        define_macros(con)
        for view in views if views is not None else sorted(VIEWS.glob("*.sql")):
            con.execute(view.read_text(encoding="utf-8"))
        con.execute("CHECKPOINT")


def define_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Define which rules bind: ``is_binding(red_zone_rules.kind)``."""
    con.execute(f"CREATE MACRO is_binding(kind) AS kind IN ({', '.join(_quoted(kind) for kind in BINDING)})")


def _create(con: duckdb.DuckDBPyConnection, table: pan.DataFrameSchema) -> None:
    columns = _columns(table)
    declared = ", ".join(f'"{name}" {kind}' for name, kind, _ in columns)
    con.execute(f'CREATE TABLE "{table.name}" ({declared})')
    con.execute(f'COMMENT ON TABLE "{table.name}" IS {_quoted(str(table.description))}')
    for name, _, comment in columns:
        con.execute(f'COMMENT ON COLUMN "{table.name}"."{name}" IS {_quoted(comment)}')


def _columns(table: pan.DataFrameSchema) -> list[tuple[str, str, str]]:
    """Return name, SQL type and comment of each column, with those that stand beside a geometry."""
    columns = []
    for name, column in table.columns.items():
        unit = column.metadata["unit"]
        comment = f"{column.description} [{unit}]" if unit else str(column.description)
        columns.append((name, _SQL_TYPES[str(column.dtype)], comment))
    if parquet.GEOMETRY in table.columns:
        columns.append(("geometry_wkb", "BLOB", "The same as well-known binary, for readers without GEOMETRY."))
        if "lon" not in table.columns:
            columns.append(("lon", "DOUBLE", "Longitude of a point on the geometry. [degree]"))
            columns.append(("lat", "DOUBLE", "Latitude of a point on the geometry. [degree]"))
    return columns


def _fill(con: duckdb.DuckDBPyConnection, table: pan.DataFrameSchema, source: Path) -> None:
    values = [_stored(name, str(column.dtype)) for name, column in table.columns.items()]
    origin = "read_parquet(?)"
    if parquet.GEOMETRY in table.columns:
        values.append("ST_AsWKB(geometry)")
        if "lon" not in table.columns:
            con.register("points", _points(source, table))
            values += ["points.lon", "points.lat"]
            origin += " POSITIONAL JOIN points"
    # Names are those of tables.py and the path is bound: nothing that a user typed becomes SQL.
    con.execute(f'INSERT INTO "{table.name}" SELECT {", ".join(values)} FROM {origin}', [str(source)])  # noqa: S608


def _stored(name: str, dtype: str) -> str:
    return f"\"{name}\" AT TIME ZONE 'UTC'" if dtype.startswith("datetime64") else f'"{name}"'


def _points(source: Path, table: pan.DataFrameSchema) -> pa.Table:
    """Return a point on each geometry of a stored table (lon, lat), in the table's order."""
    frame = parquet.read(source, table, [parquet.GEOMETRY])
    points = shapely.point_on_surface(frame[parquet.GEOMETRY].to_numpy())
    coordinates = {"lon": shapely.get_x(points), "lat": shapely.get_y(points)}
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in coordinates.items()})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
