"""Connections to DuckDB that download nothing: extensions are those of the pinned PyPI packages, loaded by path."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import duckdb

from pipeline.base import scratch
from pipeline.errors import InputError, RunError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def connect(
    path: Path | None = None,
    *,
    read_only: bool = False,
    spatial: bool = False,
    settings: Mapping[str, str] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file (None: a database in memory) that neither downloads nor looks for an extension.

    Parameters
    ----------
    path
        The file.
    read_only
        Refuse changes to it.
    spatial
        Load the spatial extension from its PyPI package.
    settings
        Further settings of DuckDB, such as how a new file is stored.

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
        "temp_directory": scratch.own(),
        **(settings or {}),
    }
    try:
        con = duckdb.connect(str(path or ":memory:"), read_only=read_only, config=config)
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        msg = f"{path} cannot be opened as a DuckDB file: {str(error).splitlines()[0]}"
        raise InputError(msg) from error
    con.execute("SET enable_progress_bar = false")  # stdout is for data
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
