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
        ("110 кВ", "kV", "V", 110),
        ("110кв", "kV", "V", 110),
        ("110 000", "kV", "V", 110),
        ("110\u00a0000 В", "kV", "V", 110),
        ("110,000", "kV", "V", 110),
        ("110.000", "kV", "V", 110),
        ("220 000;110 000", "kV", "V", 220),
        ("110000,35000", "kV", "V", 110),
        ("6-10 кВ", "kV", "V", 10),
        ("6 – 10 кВ", "kV", "V", 10),
        ("0,4 кВ", "kV", "V", 0.4),
        ("0,6 МПа", "MPa", "bar", 0.6),
        ("5 кПа", "MPa", "bar", 0.005),
        ("3 m", "m", "m", 3),
        ("3,5", "m", "m", 3.5),
        ("3,5 м", "m", "m", 3.5),
        ("1.250 m", "m", "m", 1.25),
        ("1.1e5", "kV", "V", 110),
        ("110 000,0", "kV", "V", 110),
        ("6 кгс/см2", "MPa", "bar", 0.588399),
        ("12 kgf/cm²", "MPa", "bar", 1.176798),
        ("12 атм", "MPa", "bar", 1.2159),
        ("300 mbar", "MPa", "bar", 0.03),
        ("10'6\"", "m", "m", 3.2004),
        ("30'", "m", "m", 9.144),
        ("110'000", "kV", "V", 110),
        ("3м50", "m", "m", 3),
        ("1 200 мм", "mm", "mm", 1200),
    ],
)
def test_the_largest_quantity_of_a_tag(text: str, unit: str, bare: str, expected: float) -> None:
    assert largest(text, unit, bare) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "yes", "-5", "high", "12 parsecs", "6 bar", "110 киловольтов", "6 м"])
def test_what_cannot_be_read_is_unknown(text: str) -> None:
    assert largest(text, "kV", "V") is None
