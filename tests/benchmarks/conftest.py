"""Bars: what was measured beside what was asked for, printed together at the end, met or missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Bar:
    """One measured figure and its limit."""

    name: str
    measured: float
    limit: float
    unit: str
    at_least: bool

    @property
    def met(self) -> bool:
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


Record = Callable[..., None]
_BARS = pytest.StashKey[list[Bar]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_BARS] = []


@pytest.fixture
def bar(request: pytest.FixtureRequest) -> Record:
    """Record a bar: ``bar("merge against overlay", 4.1, at_least=2, unit="x")`` or ``at_most=``. Misses do not fail."""

    def record(
        name: str, measured: float, *, at_least: float | None = None, at_most: float | None = None, unit: str = ""
    ) -> None:
        limit = at_least if at_least is not None else at_most
        assert limit is not None, "a bar needs at_least or at_most"
        request.config.stash[_BARS].append(Bar(name, float(measured), limit, unit, at_least is not None))

    return record


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    bars = config.stash[_BARS]
    if not bars:
        return
    terminalreporter.section("bars")
    width = max(len(row.name) for row in bars)
    for row in bars:
        sign = ">=" if row.at_least else "<="
        verdict = "met" if row.met else "MISSED"
        terminalreporter.write_line(
            f"{row.name:<{width}}  {row.measured:>12,.4g} {row.unit:<6} {sign} {row.limit:>10,.4g}  {verdict}"
        )
