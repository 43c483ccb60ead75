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
    "W": ("power", 1.0),
    "kW": ("power", 1e3),
    "MW": ("power", 1e6),
    "GW": ("power", 1e9),
}
"""Unit to its dimension and its size in the SI unit of that dimension."""

_BY_LOWER = {unit.lower(): unit for unit in FACTORS if unit != "MV"}
_QUANTITY = re.compile(r'(?<![-\d])(\d+(?:[.,]\d{1,2}(?!\d))?(?:\.\d+)?)\s*([A-Za-z"]*)')


def largest(text: str, unit: str, bare_unit: str) -> float | None:
    """Return the largest quantity that a tag holds, or None where it holds none that can be read.

    Parameters
    ----------
    text
        Value of a tag; several quantities are separated by ``;``, ``/`` or a comma (a comma before one or two last
        digits is a decimal comma).
    unit
        Unit of the result.
    bare_unit
        Unit of a number without one.

    Examples
    --------
    >>> largest("110000;35000", "kV", "V")
    110.0
    >>> largest("0.6 MPa", "MPa", "bar")
    0.6
    """
    dimension, size = FACTORS[unit]
    found = []
    for group in text.split(";"):
        quantities = _QUANTITY.findall(group)
        for number, written in quantities:
            # In "110/35 kV" the unit at the end is that of both.
            kind, factor = FACTORS.get(_spelled(written or quantities[-1][1]) or bare_unit, ("", 0.0))
            if kind == dimension:
                found.append(float(number.replace(",", ".")) * factor / size)
    return max(found, default=None)


def _spelled(unit: str) -> str:
    """Return a unit as `FACTORS` spells it, whatever its case (``MV`` aside, which would be ``mV``)."""
    return unit if unit in FACTORS else _BY_LOWER.get(unit.lower(), unit)
