"""The DuckDB file: the Parquet tables with keys, checks and comments, and views for people.

The outline of a thing is stored once, as well-known binary that every reader knows (`geometry_wkb`); `geometry` is made
of it when it is asked for, by DuckDB from 1.5 on, by older ones once they have loaded spatial.
"""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import shapely

from pipeline.base.connection import connect
from pipeline.errors import RunError
from pipeline.load import parquet
from pipeline.schema.draws import KEPT
from pipeline.schema.tables import BULKY, TABLES
from pipeline.schema.vocabulary import BINDING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandera.pandas as pan

_SQL_TYPES = {
    "string[pyarrow]": "VARCHAR",
    "float64": "DOUBLE",
    "int64": "BIGINT",
    "Int64": "BIGINT",
    "bool": "BOOLEAN",
    "datetime64[us, UTC]": "TIMESTAMP",
    "geometry": "GEOMETRY GENERATED ALWAYS AS (ST_GeomFromWKB(geometry_wkb)) VIRTUAL",
    "object": f"INTEGER[{KEPT}]",
}
_BUILD_MEMORY = "1GB"
"""Enough to pass rows on; without a limit DuckDB would keep what it wrote, up to most of the machine's memory."""
_STORAGE = "v1.3.0"
"""Of the oldest DuckDB that reads the file: the first that packs texts about as tightly as Parquet does."""
_BLOCKS = 256
"""A file has about so many blocks: every table and index fills whole ones, so that large ones swell a small file."""
_BLOCK_BYTES = (2**14, 2**18)
"""The smallest and the largest block that DuckDB knows."""
VIEWS = Path(__file__).parent / "views"
"""One SQL file per view, run in the order of their names; `columns.toml` says what columns mean that several have."""


def build(
    tables_dir: Path,
    path: Path,
    *,
    tables: Mapping[str, pan.DataFrameSchema] = TABLES,
    views: Sequence[Path] | None = None,
    indexed: bool = True,
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
    indexed
        Keep the keys that other tables refer to in the file. An index takes whole blocks; all other keys are checked
        as the file is made, and forgotten.

    Raises
    ------
    RunError
        Rows break a key or a check of their table: a fault of the program, not of the input.
    """
    stored = sum(file.stat().st_size for file in tables_dir.glob("*.parquet"))
    storage = {"storage_compatibility_version": _STORAGE, "default_block_size": str(_block_bytes(stored))}
    with connect(path, settings=storage) as con:
        con.execute("SET threads = 1")  # where blocks lie follows from the rows alone
        con.execute("SET enable_progress_bar = false")
        con.execute("SET preserve_insertion_order = true")
        con.execute(f"SET memory_limit = '{_BUILD_MEMORY}'")
        con.execute("SET disabled_compression_methods = 'fsst'")  # it draws a sample: other bytes each time
        kept = _referred_to(tables) - BULKY if indexed else set()
        for name, table in tables.items():
            _create(con, table, indexed=name in kept)
            source = tables_dir / f"{name}.parquet"
            if source.exists():
                _fill(con, table, source)
        for table in tables.values():
            _check_keys(con, table, indexed=table.name in kept)
        define_macros(con)
        for view in views if views is not None else sorted(VIEWS.glob("*.sql")):
            con.execute(view.read_text(encoding="utf-8"))
        _comment_views(con)
        con.execute("CHECKPOINT")


def _block_bytes(stored: int) -> int:
    """Return the block size, a power of two, for tables that take so many bytes as Parquet."""
    least, most = _BLOCK_BYTES
    return int(min(max(2 ** round(math.log2(max(stored, 1) / _BLOCKS)), least), most))


def define_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Define what views share: ``is_binding(red_zone_rules.kind)`` and ``rate_per_year(now, before, years)``."""
    con.execute(f"CREATE MACRO is_binding(kind) AS kind IN ({', '.join(_quoted(kind) for kind in BINDING)})")
    con.execute(
        "CREATE MACRO rate_per_year(now, before, years) AS "
        "CASE WHEN before > 0 AND now > 0 THEN pow(now / before, 1.0 / years) - 1 END"
    )


def _comment_views(con: duckdb.DuckDBPyConnection) -> None:
    """Say of the columns of views what they mean, where their own file does not."""
    meanings = tomllib.loads((VIEWS / "columns.toml").read_text(encoding="utf-8"))
    bare = con.execute(
        "SELECT c.table_name, c.column_name FROM duckdb_columns() AS c "
        "JOIN duckdb_views() AS v ON v.view_name = c.table_name "
        "WHERE NOT v.internal AND NOT v.temporary AND c.comment IS NULL ORDER BY ALL"
    ).fetchall()
    for view, column in bare:
        con.execute(f'COMMENT ON COLUMN "{view}"."{column}" IS {_quoted(meanings[column])}')


def _create(con: duckdb.DuckDBPyConnection, table: pan.DataFrameSchema, *, indexed: bool) -> None:
    columns = _columns(table)
    declared = [f'"{name}" {kind}{_conditions(table, name)}' for name, kind, _ in columns]
    if indexed:
        declared.append(f"PRIMARY KEY ({_listed(table.unique)})")
    con.execute(f'CREATE TABLE "{table.name}" ({", ".join(declared)})')
    con.execute(f'COMMENT ON TABLE "{table.name}" IS {_quoted(str(table.description))}')
    for name, _, comment in columns:
        con.execute(f'COMMENT ON COLUMN "{table.name}"."{name}" IS {_quoted(comment)}')


def _columns(table: pan.DataFrameSchema) -> list[tuple[str, str, str]]:
    """Return name, SQL type and comment of each column, with those that stand beside a geometry."""
    columns = []
    for name, column in table.columns.items():
        unit = column.metadata["unit"]
        comment = f"{column.description} [{unit}]" if unit else str(column.description)
        columns.append((name, _sql_type(column), comment))
    if parquet.GEOMETRY in table.columns:
        comment = "The same as well-known binary, for readers without GEOMETRY."
        columns.append(("geometry_wkb", "BLOB USING COMPRESSION zstd", comment))
        if "lon" not in table.columns:
            columns.append(("lon", "DOUBLE", "Longitude of a point on the geometry. [degree]"))
            columns.append(("lat", "DOUBLE", "Latitude of a point on the geometry. [degree]"))
    return columns


def _sql_type(column: pan.Column) -> str:
    """Return the SQL type of a column; whole numbers that can never be large pack into smaller blocks as 32 bits."""
    kind = _SQL_TYPES[str(column.dtype)]
    bounded = any(check.statistics.get("max_value", math.inf) < 2**31 for check in column.checks)
    return "INTEGER" if kind == "BIGINT" and bounded else kind


def _conditions(table: pan.DataFrameSchema, name: str) -> str:
    """Return what DuckDB itself refuses in a column: NULL, and what the checks of tables.py refuse."""
    column = table.columns.get(name)
    if column is None or name == parquet.GEOMETRY:
        return ""
    parts = [] if column.nullable else [" NOT NULL"]
    for check in column.checks:
        told = check.statistics
        if "allowed_values" in told:
            parts.append(f' CHECK ("{name}" IN ({", ".join(_quoted(str(code)) for code in told["allowed_values"])}))')
        elif "max_value" in told:
            parts.append(f' CHECK ("{name}" BETWEEN {told["min_value"]} AND {told["max_value"]})')
        else:
            sign = ">" if check.name == "greater_than" else ">="
            parts.append(f' CHECK ("{name}" {sign} {told["min_value"]})')
    return "".join(parts)


def _referred_to(tables: Mapping[str, pan.DataFrameSchema]) -> set[str]:
    """Return the tables whose key stands in another one."""
    columns = [column for table in tables.values() for column in table.columns.values()]
    return {target.split(".")[0] for column in columns if (target := column.metadata.get("references"))}


def _check_keys(con: duckdb.DuckDBPyConnection, table: pan.DataFrameSchema, *, indexed: bool) -> None:
    """Refuse keys that repeat, where no index has done so, and references to rows that are not there."""
    queries = {}
    if not indexed:
        key = _listed(table.unique)
        queries["repeats its key"] = f'SELECT {key} FROM "{table.name}" GROUP BY {key} HAVING count(*) > 1'  # noqa: S608
    for name, column in table.columns.items():
        if target := column.metadata.get("references"):
            other, theirs = target.split(".")
            queries[f"names a row that {other} lacks"] = (
                f'SELECT t."{name}" FROM "{table.name}" AS t ANTI JOIN "{other}" AS o ON t."{name}" = o."{theirs}" '  # noqa: S608
                f'WHERE t."{name}" IS NOT NULL'
            )
    for fault, sql in queries.items():
        if (row := con.execute(f"{sql} LIMIT 1").fetchone()) is not None:
            msg = f"Table {table.name} {fault}: {row}. This is a fault of novostroiki, please report it."
            raise RunError(msg)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _fill(con: duckdb.DuckDBPyConnection, table: pan.DataFrameSchema, source: Path) -> None:
    names = [name for name in table.columns if name != parquet.GEOMETRY]
    values = [_stored(name, str(table.columns[name].dtype)) for name in names]
    origin = "read_parquet(?)"
    if parquet.GEOMETRY in table.columns:
        values.append("ST_AsWKB(geometry)")
        if "lon" not in table.columns:
            con.register("points", _points(source, table))
            values += ["points.lon", "points.lat"]
            origin += " POSITIONAL JOIN points"
    # Names are those of tables.py and the path is bound: nothing that a user typed becomes SQL.
    sql = f'INSERT INTO "{table.name}" SELECT {", ".join(values)} FROM {origin}'  # noqa: S608
    try:
        con.execute(sql, [str(source)])
    except duckdb.ConstraintException as error:
        msg = (
            f"Table {table.name} breaks its own keys or checks: {str(error).splitlines()[0]} This is a fault of "
            "novostroiki, please report it."
        )
        raise RunError(msg) from error


def _stored(name: str, dtype: str) -> str:
    return f"\"{name}\" AT TIME ZONE 'UTC'" if dtype.startswith("datetime64") else f'"{name}"'


def _points(source: Path, table: pan.DataFrameSchema) -> pa.Table:
    """Return a point on each geometry of a stored table (lon, lat), in the table's order."""
    frame = parquet.read(source, table, [parquet.GEOMETRY])
    points = shapely.point_on_surface(frame[parquet.GEOMETRY].to_numpy())
    coordinates = {"lon": shapely.get_x(points), "lat": shapely.get_y(points)}
    return pa.table({name: pa.array(values.round(7), from_pandas=True) for name, values in coordinates.items()})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
