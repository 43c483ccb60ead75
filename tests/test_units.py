from __future__ import annotations

import pytest

from pipeline.schema.units import largest


@pytest.mark.parametrize(
    ("text", "unit", "bare", "expected"),
    [
        ("110000;35000", "kV", "V", 110),
        ("35000;110000", "kV", "V", 110),
        ("110 kV", "kV", "V", 110),
        ("110/35 kV", "kV", "V", 110),
        ("35000,10000", "kV", "V", 35),
        ("10,5 kV", "kV", "V", 10.5),
        ("unknown;220000", "kV", "V", 220),
        ("6", "MPa", "bar", 0.6),
        ("0.005 MPa", "MPa", "bar", 0.005),
        ("1200 mw", "MW", "W", 1200),
        ("720", "mm", "mm", 720),
        ('20"', "mm", "mm", 508),
        ("12.5 m", "m", "m", 12.5),
    ],
)
def test_the_largest_quantity_of_a_tag(text: str, unit: str, bare: str, expected: float) -> None:
    assert largest(text, unit, bare) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "yes", "-5", "high", "12 parsecs", "6 bar"])
def test_what_cannot_be_read_is_unknown(text: str) -> None:
    assert largest(text, "kV", "V") is None
