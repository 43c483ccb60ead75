"""SQL over the published DuckDB file: read-only, without access to other files, the data on stdout."""

from __future__ import annotations

import csv
import json
import math
import os
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, count
from threading import Timer
from typing import TYPE_CHECKING, Any, Literal, TextIO

import duckdb
import shapely

from pipeline.base.connection import connect
from pipeline.errors import InputError
from pipeline.wording.cells import guarded, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Format = Literal["table", "csv", "json"]
TIMEOUT_S = 60.0
"""Seconds that a question may take."""
_MEMORY = "2GB"
_SPILL = "4GB"
"""What DuckDB may hold in memory, and write to disk beside it, for one question."""
_FETCH_ROWS = 10_000
_WHOLE = 1000
"""From here on a table shows floating-point numbers without decimals."""
_CELL = 120
"""Characters of a text that a table shows; csv and json show all."""
_WIDE = 10_000
"""Columns of a table that goes to a file or pipe: nothing is cut off there."""


def run(database: Path, sql: str, fmt: Format, stream: TextIO, *, timeout_s: float = TIMEOUT_S) -> int:
    """Run SQL on a DuckDB file and write the rows; return how many there were.

    Parameters
    ----------
    database
        ``out/novostroiki.duckdb`` or ``out/public/novostroiki.duckdb``; it is opened read-only, with the functions of
        the spatial extension, and the SQL can reach no other file.
    sql
        One statement or several; the rows of the last are written. Columns of equal names are numbered.
    fmt
        "table" for people, control characters written out; "csv" (RFC 4180, empty = NULL; an apostrophe before what a
        spreadsheet would run) or "json" (one array of objects).
    stream
        Where to write, such as stdout.
    timeout_s
        Seconds after which the question is given up.

    Raises
    ------
    InputError
        The file is missing, DuckDB refuses the SQL (the message is its own), or the answer takes more time, memory or
        disk than is given.
    """
    with connect(database, read_only=True, spatial=True) as con:
        con.execute(f"SET memory_limit = '{_MEMORY}'; SET max_temp_directory_size = '{_SPILL}'")
        con.execute("SET enable_external_access = false")
        con.execute("SET lock_configuration = true")
        clock = Timer(timeout_s, con.interrupt)
        clock.start()
        try:
            con.execute(sql)
            if con.description is None:
                msg = 'The SQL is empty; give a statement such as "SELECT * FROM unregistered_summary".'
                raise InputError(msg)
            columns = _distinct([column[0] for column in con.description])
            shapes = [number for number, column in enumerate(con.description) if str(column[1]) == "GEOMETRY"]
            return _WRITERS[fmt](columns, _rows(con, shapes), stream)
        except duckdb.InterruptException as error:
            msg = f"The SQL ran for more than {timeout_s:g} s and was stopped; ask for less, or raise --timeout."
            raise InputError(msg) from error
        except duckdb.Error as error:
            lines = [line.strip() for line in str(error).split("LINE 1:")[0].splitlines() if line.strip()]
            msg = f"The SQL cannot be run: {' '.join(lines[:2])}"
            raise InputError(msg) from error
        except BrokenPipeError:
            # The reader (such as head) has seen enough; Python would complain again when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            return 0
        finally:
            clock.cancel()


def _rows(con: duckdb.DuckDBPyConnection, shapes: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a result; columns of type GEOMETRY (`shapes`) as well-known text."""
    while rows := con.fetchmany(_FETCH_ROWS):
        if not shapes:
            yield from rows
            continue
        columns: list[Any] = list(zip(*rows, strict=True))
        for number in shapes:
            columns[number] = shapely.to_wkt(shapely.from_wkb(columns[number]), rounding_precision=-1)
        yield from zip(*columns, strict=True)


def _write_csv(columns: Sequence[str], rows: Iterator[tuple[Any, ...]], stream: TextIO) -> int:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    written = 0
    for row in rows:
        writer.writerow(["" if value is None else _cell(value) for value in row])
        written += 1
    return written


def _cell(value: object) -> str:
    return guarded(value) if isinstance(value, str) else _text(value)


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the names of columns as keys of an object: a repeated one gets a number that makes it its own."""
    taken: list[str] = []
    for name in names:
        others = {*taken, *names} - ({name} if name not in taken else set())
        taken.append(next(key for key in chain([name], (f"{name}_{n}" for n in count(2))) if key not in others))
    return taken


def _write_json(columns: Sequence[str], rows: Iterator[tuple[Any, ...]], stream: TextIO) -> int:
    written = 0
    stream.write("[")
    for row in rows:
        record = dict(zip(columns, map(_json_value, row), strict=True))
        text = json.dumps(record, ensure_ascii=False, allow_nan=False, default=_text)
        stream.write((",\n" if written else "\n") + text)
        written += 1
    stream.write("\n]\n" if written else "]\n")
    return written


def _write_table(columns: Sequence[str], rows: Iterator[tuple[Any, ...]], stream: TextIO) -> int:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    held = list(rows)
    table = Table(box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        numeric = any(isinstance(row[number], int | float | Decimal) for row in held)
        table.add_column(Text(visible(column)), justify="right" if numeric else "left")
    for row in held:
        table.add_row(*(Text("" if value is None else _short(value)) for value in row))
    console = Console(file=stream, width=None if stream.isatty() else _WIDE)
    if columns:
        console.print(table)
    return len(held)


def _text(value: object) -> str:
    """Return a value as text: ISO dates, lower-case booleans, bytes as hexadecimal digits."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _short(value: object) -> str:
    """Return a value as a person wants to see it in a table."""
    if isinstance(value, float | Decimal):
        return f"{value:,.0f}" if abs(float(value)) >= _WHOLE else f"{value:.4g}"
    text = visible(_text(value))
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _json_value(value: object) -> object:
    """Return a value that JSON can hold, to its depth: it knows neither NaN nor infinity nor decimals."""
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_text(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    return value


_WRITERS = {"table": _write_table, "csv": _write_csv, "json": _write_json}
