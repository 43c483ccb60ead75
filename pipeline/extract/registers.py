"""CSV tables of an area: registered residents, and a household survey of one's own."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from pipeline.errors import InputError
from pipeline.extract import local_files
from pipeline.schema.provenance import Extract

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Area

_MAX_PERSONS = 50_000_000
"""More than any city of the world holds."""
_MAX_PER_HOUSE = 1000
"""More than any dormitory holds."""
_MAX_NAME = 255


def _whole(title: str, low: int, high: int) -> pa.Column:
    """Declare a column of whole numbers within a range; `title` completes "must be"."""
    return pa.Column(
        "float64",
        checks=[
            pa.Check(lambda values: values % 1 == 0, error=f"must be {title}, a whole number"),
            pa.Check.in_range(low, high, error=f"must be {title}, from {low} to {high}"),
        ],
        title=title,
    )


def _name(*, may_be_empty: bool) -> pa.Column:
    low = 0 if may_be_empty else 1
    return pa.Column(
        "str",
        checks=pa.Check.str_length(low, _MAX_NAME, error=f"must be a name of {low} to {_MAX_NAME} characters"),
        unique=True,
    )


_REGISTERED = pa.DataFrameSchema(
    {
        "name": _name(may_be_empty=True),
        "registered": _whole("a count of persons", 0, _MAX_PERSONS),
        "year": _whole("a year", 1900, 2100),
        "source": pa.Column(
            "str", checks=pa.Check.str_length(min_value=1, error="must say where the figure comes from")
        ),
    },
    name="registered",
)
_SURVEY = pa.DataFrameSchema(
    {
        "settlement": _name(may_be_empty=False),
        "houses": _whole("a count of houses", 1, _MAX_PERSONS),
        "persons": _whole("a count of persons", 0, _MAX_PERSONS),
    },
    name="survey",
)


def read_registered(path: Path, area: Area) -> Extract[pd.DataFrame]:
    """Read registered residents by settlement.

    Parameters
    ----------
    path
        UTF-8 CSV with the header ``name,registered,year,source``, separated by commas; an empty name stands for the
        whole area.

    Returns
    -------
    Extract of DataFrame
        ``name`` (str), ``registered`` (int64, persons), ``year`` (int64), ``source`` (str), sorted by name.

    Raises
    ------
    InputError
        The file is missing or not such a table; the message names the row, as an editor counts it.
    """
    return _read(path, area, _REGISTERED)


def read_survey(path: Path, area: Area) -> Extract[pd.DataFrame]:
    """Read a household survey: ``settlement,houses,persons``; otherwise as `read_registered`.

    A row with more than a thousand persons to a house is refused: it would weigh on the whole city.
    """
    survey = _read(path, area, _SURVEY)
    crowded = survey.data["persons"] > _MAX_PER_HOUSE * survey.data["houses"]
    if crowded.any():
        row = survey.data[crowded].iloc[0]
        msg = (
            f"{path}, {row['settlement']}: {row['persons']:,} persons in {row['houses']:,} houses are more than "
            f"{_MAX_PER_HOUSE:,} to a house; correct the row."
        )
        raise InputError(msg)
    return survey


def _read(path: Path, area: Area, schema: pa.DataFrameSchema) -> Extract[pd.DataFrame]:
    local_files.check_exists(path, schema.name)
    table = _validated(_text_table(path, list(schema.columns)), schema, path)
    key = next(iter(schema.columns))
    table = table.sort_values(key, ignore_index=True)
    year = int(table["year"].max()) if "year" in table and len(table) else None
    source = local_files.source(
        path,
        area,
        dataset=schema.name,
        number=1,
        version="" if year is None else str(year),
        features=len(table),
        observed_year=year,
    )
    return Extract(table, [source])


def _text_table(path: Path, header: list[str]) -> pd.DataFrame:
    """Read the file as text cells, indexed by the row as an editor counts it."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{path} is not UTF-8 text (byte {error.start:,}); save it as CSV in UTF-8."
        raise InputError(msg) from error
    first = text.split("\n", 1)[0].strip()
    expected = ",".join(header)
    if first != expected:
        hint = "separate the columns by commas" if first == ";".join(header) else "correct the first line"
        msg = f"{path}: row 1 is {first[:200]!r}, but the header must be {expected!r}; {hint}."
        raise InputError(msg)
    table = _records(text, header, path)
    if table.empty:
        msg = f"{path} has a header but no rows; add rows or leave the input out."
        raise InputError(msg)
    return table


def _records(text: str, header: list[str], path: Path) -> pd.DataFrame:
    """Return the records that are not blank; each must have as many cells as the header."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: dict[int, list[str]] = {}
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                msg = (
                    f"{path}, row {reader.line_num}: {len(cells)} cells instead of {len(header)}; "
                    "quote cells that hold a comma."
                )
                raise InputError(msg)
            rows[reader.line_num] = [cell.strip() for cell in cells]
    except csv.Error as error:
        msg = f"{path}, row {reader.line_num}: {error}; save it as plain CSV again."
        raise InputError(msg) from error
    first = next(iter(rows))
    return pd.DataFrame.from_dict(
        {row: cells for row, cells in rows.items() if row != first}, orient="index", columns=header, dtype="str"
    )


def _validated(text: pd.DataFrame, schema: pa.DataFrameSchema, path: Path) -> pd.DataFrame:
    """Return the table in its types; the first wrong row is named."""
    table = text.copy()
    numbers = [name for name, column in schema.columns.items() if str(column.dtype) == "float64"]
    for name in numbers:
        table[name] = pd.to_numeric(text[name], errors="coerce").astype("float64")
        if (wrong := table[name].isna()).any():
            _refuse(path, int(wrong.idxmax()), name, text, "is not a number")
    try:
        schema.validate(table, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases.dropna(subset=["index"]).sort_values("index", kind="stable")
        first = cases.iloc[0]
        name = first["column"]
        problem = "stands in more than one row; keep one" if "unique" in str(first["check"]) else str(first["check"])
        _refuse(path, int(cases["index"].iloc[0]), name, text, problem)
    return table.astype(dict.fromkeys(numbers, "int64"))


def _refuse(path: Path, row: int, column: str, text: pd.DataFrame, problem: str) -> None:
    msg = f"{path}, row {row}: {column} = {str(text.loc[row, column])[:80]!r} {problem}."
    raise InputError(msg)
