"""The published figures of `layers/facts/`: CSV tables with a source on every row, validated as they are read."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaError, SchemaErrors

from pipeline.base.resources import resource
from pipeline.errors import ConfigError
from pipeline.schema.vocabulary import EVIDENCE, LANGUAGES, SETTLEMENT_KINDS, STATUSES

if TYPE_CHECKING:
    from pathlib import Path

NAMED_KINDS = ("novostroika", "village", "dacha", "dormitory", "blocks", "massif")
HINT_CONFIDENCES = ("A", "B", "C", "none")
PRIOR_FAMILIES = ("beta", "normal", "shifted_gamma", "lognormal", "constant")
PRIOR_KEYS = ("country", "area_id", "kind", "status", "season")
FIGURE_KINDS = ("census", "annual", "unofficial")
CHECK_SCOPES = ("area", "kind", "settlements", "zone")
CHECK_QUANTITIES = ("residents", "unregistered", "households", "houses", "settlements")

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
        **{f"name_{language}": _text() for language in LANGUAGES},
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


def _wrong_priors(frame: pd.DataFrame) -> pd.Series:
    """Tell which priors are no distribution: parameters that their family does not allow."""
    positive = frame["a"] > 0
    spread = frame["b"] > 0
    shifted = spread & (frame["a"] > frame["low"])
    rules = {
        "beta": positive & spread & (frame["low"] >= 0) & (frame["high"] <= 1),
        "normal": spread,
        "shifted_gamma": shifted,
        "lognormal": positive & spread,
        "constant": frame["b"].isna(),
    }
    return ~pd.concat([(frame["family"] == family) & rule for family, rule in rules.items()], axis=1).any(axis=1)


def _centre(frame: pd.DataFrame) -> pd.Series:
    """Return the mean of each prior (the median of a lognormal one)."""
    return frame["a"].where(frame["family"] != "beta", frame["a"] / (frame["a"] + frame["b"]))


PRIORS = pa.DataFrameSchema(
    {
        "prior_id": _text(pa.Check.str_matches(r"^[a-z0-9-]+$"), required=True),
        "parameter": _text(pa.Check.str_matches(r"^[a-z0-9_]+$"), required=True),
        "country": _text(pa.Check.str_matches(r"^[A-Z]{2}$")),
        "area_id": _text(),
        "kind": _text(pa.Check.isin(SETTLEMENT_KINDS)),
        "status": _text(pa.Check.isin(STATUSES)),
        "season": _text(pa.Check.isin(("winter", "summer"))),
        "family": _text(pa.Check.isin(PRIOR_FAMILIES), required=True),
        "a": pa.Column("float64", coerce=True),
        "b": _number(_COUNT),
        "low": pa.Column("float64", coerce=True),
        "high": pa.Column("float64", coerce=True),
        "unit": _text(required=True),
        "evidence": _text(pa.Check.isin(EVIDENCE), required=True),
        "source": _text(pa.Check.str_length(min_value=1), required=True),
        "verified": pa.Column("bool", coerce=True),
    },
    name="priors",
    checks=[
        pa.Check(lambda frame: frame["low"] < frame["high"], name="low is below high"),
        pa.Check(lambda frame: ~_wrong_priors(frame), name="a and b are parameters of the family"),
        pa.Check(
            lambda frame: _centre(frame).between(frame["low"], frame["high"]),
            name="the prior's centre lies within its range low to high",
        ),
        pa.Check(
            lambda frame: ~frame.duplicated(["parameter", *PRIOR_KEYS], keep=False),
            name="no two priors of a parameter are meant for the same case",
        ),
    ],
    unique=["prior_id"],
    strict=True,
    ordered=True,
)
"""What is believed before the data speak.

`family` with its `a` and `b`: beta (its two parameters), normal (mean, standard deviation), shifted_gamma (mean and
standard deviation; it starts at `low`), lognormal (median, standard deviation of the log), constant (value). Values
outside `low` to `high` are never drawn. Empty `country`, `area_id`, `kind`, `status` or `season`: holds for any.
"""

POPULATION = pa.DataFrameSchema(
    {
        "figure_id": _text(required=True),
        "area_id": _text(required=True),
        "year": pa.Column("int64", _YEAR, coerce=True),
        "people": pa.Column("float64", pa.Check.gt(0), coerce=True),
        "kind": _text(pa.Check.isin(FIGURE_KINDS), required=True),
        "note": _text(),
        "reference": _text(pa.Check.str_length(min_value=1), required=True),
        "verified": pa.Column("bool", coerce=True),
    },
    name="population",
    unique=["figure_id"],
    strict=True,
    ordered=True,
)
"""Published populations of whole cities, within the boundary of their day."""

CHECKS = pa.DataFrameSchema(
    {
        "check_id": _text(required=True),
        "area_id": _text(required=True),
        "subject": _text(required=True),
        "scope": _text(pa.Check.isin(CHECK_SCOPES), required=True),
        "members": _text(),
        "quantity": _text(pa.Check.isin(CHECK_QUANTITIES), required=True),
        "year": pa.Column("int64", _YEAR, coerce=True),
        **{name: _number(_COUNT) for name in ("reported_low", "reported", "reported_high")},
        "hazard_class": _text(),
        "distance_m": _number(_COUNT),
        "used_by": _text(),
        "reference": _text(pa.Check.str_length(min_value=1), required=True),
        "verified": pa.Column("bool", coerce=True),
    },
    name="checks",
    checks=[
        pa.Check(
            lambda frame: frame[["reported_low", "reported", "reported_high"]].notna().any(axis=1),
            name="at least one figure is reported",
        ),
        _ordered("reported"),
    ],
    unique=["check_id"],
    strict=True,
    ordered=True,
)
"""Published figures that estimates are held against, beyond those of the gazetteer. `scope` and `members`: the whole
area, all settlements of a kind, named settlements together (named_id;…), or the zone of `hazard_class`; `used_by` names
the prior that was made from the figure, which is then no check of it."""

WAVES = pa.DataFrameSchema(
    {
        "wave_id": _text(required=True),
        "country": _text(required=True),
        "title": _text(required=True),
        "first_year": pa.Column("int64", _YEAR, coerce=True),
        "last_year": pa.Column("int64", _YEAR, coerce=True),
        "reference": _text(required=True),
        "verified": pa.Column("bool", coerce=True),
    },
    name="waves",
    checks=[pa.Check(lambda frame: frame["first_year"] <= frame["last_year"], name="first_year is at most last_year")],
    unique=["wave_id"],
    strict=True,
    ordered=True,
)
"""The waves in which the literature says that new settlements appeared, by country."""

_SCHEMAS = {schema.name: schema for schema in (SETTLEMENTS, PRIORS, POPULATION, CHECKS, WAVES)}


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
    return read(resource("layers", "facts") / f"{name}.csv", _SCHEMAS[name])


def settlements() -> pd.DataFrame:
    """Return the gazetteer of named settlements that travels with the package; the caller's own copy."""
    return _shipped("settlements").copy()


def priors() -> pd.DataFrame:
    """Return the priors of the population model that travel with the package; the caller's own copy."""
    return _shipped("priors").copy()


def population() -> pd.DataFrame:
    """Return the published populations of whole cities; the caller's own copy."""
    return _shipped("population").copy()


def checks() -> pd.DataFrame:
    """Return the published figures to validate against, beyond those of the gazetteer; the caller's own copy."""
    return _shipped("checks").copy()


def waves() -> pd.DataFrame:
    """Return the waves of new settlements in the literature, in order of time; the caller's own copy."""
    return _shipped("waves").sort_values("first_year", ignore_index=True)


def check() -> None:
    """Read every table; a ConfigError names the first that is unsound."""
    for name in _SCHEMAS:
        _shipped(name)
