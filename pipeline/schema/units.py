"""Quantities as OpenStreetMap writes them (``110000;35000``, ``0.6 MPa``, ``12 m``), turned into one unit."""

from __future__ import annotations

import re

FACTORS: dict[str, tuple[str, float]] = {
    "V": ("voltage", 1.0),
    "kV": ("voltage", 1e3),
    "MV": ("voltage", 1e6),
    "mm": ("length", 1e-3),
    "cm": ("length", 1e-2),
    "m": ("length", 1.0),
    "km": ("length", 1e3),
    "in": ("length", 0.0254),
    '"': ("length", 0.0254),
    "ft": ("length", 0.3048),
    "Pa": ("pressure", 1.0),
    "kPa": ("pressure", 1e3),
    "bar": ("pressure", 1e5),
    "MPa": ("pressure", 1e6),
    "mbar": ("pressure", 1e2),
    "atm": ("pressure", 101_325.0),
    "kgf": ("pressure", 98_066.5),
    "W": ("power", 1.0),
    "kW": ("power", 1e3),
    "MW": ("power", 1e6),
    "GW": ("power", 1e9),
}
"""Unit to its dimension and its size in the SI unit of that dimension."""

_CYRILLIC = {
    "в": "V", "кв": "kV", "мм": "mm", "см": "cm", "м": "m", "км": "km", "па": "Pa", "кпа": "kPa", "бар": "bar",
    "мпа": "MPa", "мбар": "mbar", "атм": "atm", "кгс": "kgf", "вт": "W", "квт": "kW", "мвт": "MW", "гвт": "GW",
}  # fmt: skip
_BY_LOWER = {unit.lower(): unit for unit in FACTORS if unit != "MV"} | _CYRILLIC
"""Units in lower case; МВ aside, whose first letter says whether it is mega or milli."""
_INCHES = 12
_RANGE = re.compile(r"(?<=\d)\s*(?:[-–—÷~]|\.\.\.?|…)\s*(?=\d)")
_GROUPED = re.compile(
    r"(?<![\d.,])[1-9]\d{0,2}(?:(?:[ \u00a0\u2009\u202f'’]\d{3})+|(?:,\d{3})+|(?:\.000)+)(?!\d|[.,]\d{3})"
)
"""A number with a mark between its thousands; of points, only ones that zeros alone follow: 1.250 is no thousand."""
_FEET = re.compile(r"""(\d+)\s*['’](?!\d{3})(?:\s*(\d{1,2})\s*(?:"|''|”))?""")
_QUANTITY = re.compile(r'(?<![-\w])(\d+(?:[.,]\d{1,2}(?!\d))?(?:\.\d+)?(?:[eE]\+?\d{1,2}\b)?)\s*([^\W\d_]+|")?')
"""A number and its unit, of which a kilogram-force stands for one per square centimetre; a digit behind a letter is no
number (cm2)."""


def largest(text: str, unit: str, bare_unit: str) -> float | None:
    """Return the largest quantity that a tag holds, or None where it holds none that can be read.

    Parameters
    ----------
    text
        Value of a tag as people type it; several quantities are separated by ``;``, ``/``, a comma or a dash (a comma
        before one or two last digits is a decimal comma, one before three stands between thousands, as a space does).
    unit
        Unit of the result.
    bare_unit
        Unit of a number without one.

    Examples
    --------
    >>> largest("110000;35000", "kV", "V")
    110.0
    >>> largest("6-10 кВ", "kV", "V")
    10.0
    >>> largest("0,6 МПа", "MPa", "bar")
    0.6
    """
    dimension, size = FACTORS[unit]
    found = []
    for group in text.split(";"):
        whole = _GROUPED.sub(lambda number: re.sub(r"\D", "", number[0]), group)
        whole = _FEET.sub(lambda feet: f"{int(feet[1]) * _INCHES + int(feet[2] or 0)} in", whole)
        quantities = _QUANTITY.findall(_RANGE.sub("/", whole))
        for number, written in quantities:
            # In "110/35 kV" the unit at the end is that of both.
            kind, factor = FACTORS.get(_spelled(written or quantities[-1][1]) or bare_unit, ("", 0.0))
            if kind == dimension:
                found.append(float(number.replace(",", ".")) * factor / size)
    return max(found, default=None)


def _spelled(unit: str) -> str:
    """Return a unit as `FACTORS` spells it, whatever its case (``MV`` aside, which would be ``mV``)."""
    return unit if unit in FACTORS else _BY_LOWER.get(unit.lower(), unit)
