"""The DuckDB file: the Parquet tables with a comment on every table and column, and views for people.

DuckDB 1.5 has the type GEOMETRY in its core, so `geometry` can be read without any extension; `geometry_wkb`, `lon` and
`lat` stand beside it for readers that know neither. Extensions are those of the pinned PyPI packages, loaded by path:
nothing is ever downloaded, and nothing is written to the home folder.
"""

from __future__ import annotations

import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import shapely

from pipeline.errors import InputError, RunError
from pipeline.load import store
from pipeline.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandera.pandas as pan

_SQL_TYPES = {
    "string[pyarrow]": "VARCHAR",
    "float64": "DOUBLE",
    "int64": "BIGINT",
    "Int64": "BIGINT",
    "bool": "BOOLEAN",
    "datetime64[us, UTC]": "TIMESTAMP",
    "geometry": "GEOMETRY",
}
_BUILD_MEMORY = "1GB"
"""Enough to pass rows on; without a limit DuckDB would keep what it wrote, up to most of the machine's memory."""
VIEWS = Path(__file__).parent / "views"
"""One SQL file per view, with its comments; they are run in the order of their names."""


def connect(path: Path | None = None, *, read_only: bool = False, spatial: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file (None: a database in memory) that neither downloads nor looks for an extension.

    Parameters
    ----------
    path
        The file.
    read_only
        Refuse changes to it.
    spatial
        Load the spatial extension from its PyPI package.

    Raises
    ------
    InputError
        The file is missing or is no DuckDB file.
    """
    if read_only and path is not None and not path.is_file():
        msg = f"There is no {path}; run `novostroiki run` first, or name its folder with --out."
        raise InputError(msg)
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "temp_directory": str(Path(tempfile.gettempdir()) / "novostroiki-duckdb"),
    }
    try:
        con = duckdb.connect(str(path or ":memory:"), read_only=read_only, config=config)
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        msg = f"{path} cannot be opened as a DuckDB file: {str(error).splitlines()[0]}"
        raise InputError(msg) from error
    if spatial:
        load_extension(con, "spatial")
        con.execute("SET geometry_always_xy = true")
    return con


def load_extension(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension from the PyPI package `duckdb-extension-<name>` of DuckDB's own version.

    Raises
    ------
    RunError
        The package is not installed, or was made for another version of DuckDB.
    """
    try:
        folder = files(f"duckdb_extension_{name}") / "extensions" / f"v{duckdb.__version__}"
        binary = folder / f"{name}.duckdb_extension"
        con.load_extension(str(binary))
    except (ModuleNotFoundError, duckdb.Error) as error:
        msg = (
            f"DuckDB {duckdb.__version__} cannot load its extension {name}: install duckdb-extension-{name} "
            f"of the same version ({str(error).splitlines()[0]})."
        )
        raise RunError(msg) from error


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
        con.execute("SET preserve_insertion_order = true")
        con.execute(f"SET memory_limit = '{_BUILD_MEMORY}'")
        for name, table in tables.items():
            _create(con, table)
            source = tables_dir / f"{name}.parquet"
            if source.exists():
                _fill(con, table, source)
        for view in views if views is not None else sorted(VIEWS.glob("*.sql")):
            con.execute(view.read_text(encoding="utf-8"))
        con.execute("CHECKPOINT")


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
    if store.GEOMETRY in table.columns:
        columns.append(("geometry_wkb", "BLOB", "The same as well-known binary, for readers without GEOMETRY."))
        if "lon" not in table.columns:
            columns.append(("lon", "DOUBLE", "Longitude of a point on the geometry. [degree]"))
            columns.append(("lat", "DOUBLE", "Latitude of a point on the geometry. [degree]"))
    return columns


def _fill(con: duckdb.DuckDBPyConnection, table: pan.DataFrameSchema, source: Path) -> None:
    values = [_stored(name, str(column.dtype)) for name, column in table.columns.items()]
    origin = "read_parquet(?)"
    if store.GEOMETRY in table.columns:
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
    frame = store.read(source, table, [store.GEOMETRY])
    points = shapely.point_on_surface(frame[store.GEOMETRY].to_numpy())
    coordinates = {"lon": shapely.get_x(points), "lat": shapely.get_y(points)}
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in coordinates.items()})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
