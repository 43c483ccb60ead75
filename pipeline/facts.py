"""The published figures of `layers/facts/`: CSV tables with a source on every row, validated as they are read."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaError, SchemaErrors

from pipeline.errors import ConfigError
from pipeline.resources import resource
from pipeline.tables import STATUSES

if TYPE_CHECKING:
    from pathlib import Path

NAMED_KINDS = ("novostroika", "village", "dacha", "dormitory", "blocks", "massif")
HINT_CONFIDENCES = ("A", "B", "C", "none")

_YEAR = pa.Check.in_range(1900, 2100)
_COUNT = pa.Check.ge(0)


def _text(check: pa.Check | None = None, *, required: bool = False) -> pa.Column:
    return pa.Column("str", checks=check, nullable=not required, coerce=True)


def _number(check: pa.Check) -> pa.Column:
    return pa.Column("float64", checks=check, nullable=True, coerce=True)


def _ordered(quantity: str) -> pa.Check:
    """Check that the lower end of a reported range does not exceed its upper end."""
    low, high = f"{quantity}_low", f"{quantity}_high"
    return pa.Check(
        lambda frame: ~(frame[low] > frame[high]), name=f"{low} is at most {high}", error=f"{low} exceeds {high}"
    )


_RANGES = ("founded", "families", "houses", "people")

SETTLEMENTS = pa.DataFrameSchema(
    {
        "named_id": _text(pa.Check.str_matches(r"^[a-z0-9_-]+/[a-z0-9-]+$"), required=True),
        "area_id": _text(required=True),
        "name": _text(pa.Check.str_length(1, 200), required=True),
        **{f"name_{language}": _text() for language in ("en", "ru", "ky", "kk")},
        "other_names": _text(),
        "not_names": _text(),
        "hint_lon": _number(pa.Check.in_range(-180, 180)),
        "hint_lat": _number(pa.Check.in_range(-90, 90)),
        "hint_radius_m": _number(pa.Check.gt(0)),
        "hint_confidence": _text(pa.Check.isin(HINT_CONFIDENCES), required=True),
        "kind": _text(pa.Check.isin(NAMED_KINDS), required=True),
        "status": _text(pa.Check.isin(STATUSES), required=True),
        "status_year": _number(_YEAR),
        "status_source": _text(),
        "status_source_quote": _text(),
        **{f"founded_{end}": _number(_YEAR) for end in ("low", "high")},
        **{f"{q}_{end}": _number(_COUNT) for q in _RANGES[1:] for end in ("low", "high")},
        "figure_year": _number(_YEAR),
        "hazard": _text(),
        "reference": _text(pa.Check.str_length(min_value=1), required=True),
        "verified": pa.Column("bool", coerce=True),
    },
    name="settlements",
    checks=[_ordered(quantity) for quantity in _RANGES],
    unique=["named_id"],
    strict=True,
    ordered=True,
)
"""The gazetteer: one row per settlement that the literature names; an empty cell is unknown, a figure of ">" kind has
no upper end, `verified` says that the row rests on a document and not on general knowledge."""


def read(path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Read one table of facts and check it against its schema.

    Parameters
    ----------
    path
        A UTF-8 CSV with a header; empty cells are unknown.
    schema
        Columns, types and checks.

    Raises
    ------
    ConfigError
        The file is missing, is not CSV, or breaks its schema; the message names file, column and the first bad value.
    """
    try:
        raw = pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""], encoding="utf-8")
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        msg = f"{path} cannot be read as a CSV table: {error}."
        raise ConfigError(msg) from error
    for name, column in schema.columns.items():
        if name in raw and str(column.dtype) == "bool":
            raw[name] = raw[name].map({"true": True, "false": False})
    try:
        return schema.validate(raw, lazy=True)
    except (SchemaError, SchemaErrors) as error:
        first = error.failure_cases.iloc[0]
        row = "" if pd.isna(first["index"]) else f", row {int(first['index']) + 2}"
        msg = f"{path}{row}: {first['column']} = '{first['failure_case']}' breaks the check {first['check']}."
        raise ConfigError(msg) from error


@cache
def _shipped(name: str) -> pd.DataFrame:
    schema = {"settlements": SETTLEMENTS}[name]
    return read(resource("layers", "facts") / f"{name}.csv", schema)


def settlements() -> pd.DataFrame:
    """Return the gazetteer of named settlements that travels with the package; the caller's own copy."""
    return _shipped("settlements").copy()
