"""Tables of an area: registered residents, and a household survey of one's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from pipeline.errors import InputError
from pipeline.extract import local_files, spreadsheets
from pipeline.schema.provenance import Extract, Notice
from pipeline.wording import spelling

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Area

_MAX_PERSONS = 50_000_000
"""More than any city of the world holds."""
_MAX_PER_HOUSE = 1000
"""More than any dormitory holds."""
_MAX_NAME = 255
_NAMES = ("название", "наименование", "населённый пункт", "населенный пункт", "новостройка", "жилмассив")
_TITLES = {
    "name": (*_NAMES, "аталышы", "атауы"),
    "registered": ("зарегистрировано", "прописано", "зарегистрированные", "катталган", "тіркелген"),
    "year": ("год", "жыл", "жылы"),
    "source": ("источник", "булак", "булагы", "дереккөз"),
    "settlement": _NAMES,
    "houses": ("дома", "домов", "домохозяйства", "үйлөр", "үйлер"),
    "persons": ("людей", "человек", "жителей", "адам", "тургундар"),
}  # fmt: skip
"""How else the columns may be called (lower case)."""
_IN_ALL = re.compile(
    r"\s*(?:итого|всего|total|жалпы|барлығы|бардыгы)\s+(?:по|в|на|for|in|of|шаар|қала|боюнча)", re.IGNORECASE
)
"""Итого по городу, Всего в районе."""
_TOTALS = frozenset({"итого", "всего", "total", "sum", "жалпы", "баары", "бардыгы", "барлығы", "жыйынтык", "жиыны"})


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

_BY_YEAR = spreadsheets.ByYear("year", "registered", "source")


def read_registered(path: Path, area: Area) -> Extract[pd.DataFrame]:
    """Read registered residents by settlement.

    Parameters
    ----------
    path
        CSV or workbook (see `spreadsheets.read`) with the columns ``name``, ``registered``, ``year`` and ``source``, or
        their Russian, Kyrgyz or Kazakh names; an empty name stands for the whole area. A place may stand in a row for
        each year, or the table have a column for each year; a row of totals is left out.

    Returns
    -------
    Extract of DataFrame
        ``name`` (str), ``registered`` (int64, persons), ``year`` (int64), ``source`` (str), sorted by name and year.

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
    titles = {name: _TITLES.get(name, ()) for name in schema.columns}
    found = spreadsheets.read(path, titles, _BY_YEAR if schema is _REGISTERED else None)
    if not found.rows:
        msg = f"{path} has a header but no rows; add rows or leave the input out."
        raise InputError(msg)
    text = pd.DataFrame.from_dict(found.rows, orient="index", columns=list(schema.columns), dtype="str")
    key = next(iter(schema.columns))
    totals = text[key].map(_is_total)
    table = _validated(text[~totals], schema, path)
    _check_repeats(table, text, key, path)
    notices = [
        Notice(path.name, "row_without_figures", values={"row": row, "text": note[:80]})
        for row, note in found.notes.items()
    ]
    notices += [_total(path, row, text, table) for row in text.index[totals]]
    table = table.sort_values([key, *(["year"] if "year" in table else [])], ignore_index=True)
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
    return Extract(table, [source], notices)


def _is_total(name: str) -> bool:
    words = name.strip().rstrip(":").lower().split()
    return bool(words) and (words[0].rstrip(":") in _TOTALS if len(words) == 1 else _IN_ALL.match(name) is not None)


def _total(path: Path, row: str, text: pd.DataFrame, table: pd.DataFrame) -> Notice:
    """Say that a row is a total, beside what the rows add up to."""
    title, count = text.loc[row].iloc[:2]
    values: dict[str, str | float] = {
        "row": row,
        "title": str(title),
        "total": str(count),
        "added": int(table.iloc[:, 1].sum()),
    }
    return Notice(path.name, "row_of_totals", values=values)


def _check_repeats(table: pd.DataFrame, text: pd.DataFrame, key: str, path: Path) -> None:
    """Refuse a place that stands twice in a year, however it is spelled."""
    names = table[key].map(lambda name: spelling.key(name) if spelling.is_readable(name) else name)
    again = pd.DataFrame({"place": names, "year": table.get("year", 0)}).duplicated(keep=False)
    if again.any():
        _refuse(path, table.index[again][0], key, text, "stands in more than one row; keep one")


def _validated(text: pd.DataFrame, schema: pa.DataFrameSchema, path: Path) -> pd.DataFrame:
    """Return the table in its types; the first wrong row is named."""
    table = text.copy()
    if table.empty:
        msg = f"{path} has a header but no rows; add rows or leave the input out."
        raise InputError(msg)
    numbers = [name for name, column in schema.columns.items() if str(column.dtype) == "float64"]
    for name in numbers:
        plain = text[name].map(spreadsheets.year if name == "year" else spreadsheets.number)
        table[name] = pd.to_numeric(plain, errors="coerce").astype("float64")
        if (wrong := table[name].isna()).any():
            _refuse(path, str(wrong.idxmax()), name, text, "is not a number")
    try:
        schema.validate(table, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases.dropna(subset=["index"])
        first = cases.loc[cases["index"].map(table.index.get_loc).idxmin()]
        name = first["column"]
        _refuse(path, first["index"], name, text, str(first["check"]))
    return table.astype(dict.fromkeys(numbers, "int64"))


def _refuse(path: Path, row: str, column: str, text: pd.DataFrame, problem: str) -> None:
    msg = f"{path}, row {row}: {column} = {str(text.loc[row, column])[:80]!r} {problem}."
    raise InputError(msg)
