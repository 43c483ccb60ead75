"""A reported figure, an estimate, and the row of the table `validation` that says how they agree."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

_COLUMNS = (
    "check_id", "area_id", "subject", "settlement_id", "quantity", "year", "reported_low", "reported", "reported_high",
    "p05", "p50", "p95", "log_ratio", "detectable", "verdict", "reference",
)  # fmt: skip


@dataclass(frozen=True)
class Interval:
    """An estimate; without a spread (`p05` missing) it is a count."""

    p50: float
    p05: float = math.nan
    p95: float = math.nan


@dataclass(frozen=True)
class Figure:
    """What was reported: a value, a range, or (one end missing) a bound."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan

    @property
    def is_bound(self) -> bool:
        """Whether only one end is known."""
        return math.isnan(self.value) and math.isnan(self.low) != math.isnan(self.high)

    @property
    def middle(self) -> float:
        """The value, or the geometric middle of the range; NaN for a bound."""
        return self.value if not math.isnan(self.value) else math.sqrt(self.low * self.high)

    def ends(self, tolerance: float) -> tuple[float, float]:
        """Return the range that agrees with the figure; a bound is open at its other end."""
        slack = abs(self.value) * tolerance
        low = self.value - slack if math.isnan(self.low) else self.low
        high = self.value + slack if math.isnan(self.high) else self.high
        return (-math.inf if math.isnan(low) else low, math.inf if math.isnan(high) else high)


@dataclass(frozen=True)
class Estimates:
    """What is compared.

    Attributes
    ----------
    area_id, simulated, year
        The area, whether it is simulated, and the year that its inputs show (None: unknown).
    settlements
        Delineated settlements with onset_year, in metres.
    named_settlements
        Which of them the literature names.
    population, counts
        `population.Population.rows` and `.counts`.
    growth
        Rows of `growth.series` within today's outlines.
    whole_city
        Whether the estimate of the whole area is one of the city, or only of what is mapped of it.
    zone_houses
        Houses within the zones of each hazard class (`houses_in_zones`).
    """

    area_id: str
    simulated: bool
    year: int | None
    settlements: gpd.GeoDataFrame
    named_settlements: pd.DataFrame
    population: pd.DataFrame
    counts: pd.DataFrame
    growth: pd.DataFrame
    whole_city: bool = True
    zone_houses: Mapping[str, int] = field(default_factory=dict)

    def area(self, quantity: str) -> Interval | None:
        """Return the main estimate of the whole area, if it is one of the city."""
        rows = self.population if self.whole_city else self.population.iloc[:0]
        return _interval(rows[rows["settlement_id"].isna() & rows["main"] & (rows["quantity"] == quantity)])

    def settlement(self, settlement_id: str, quantity: str) -> Interval | None:
        """Return the main estimate of a settlement, or its count of houses or households."""
        return self._of_settlements.get((settlement_id, quantity))

    @cached_property
    def _of_settlements(self) -> dict[tuple[str, str], Interval]:
        columns = ["settlement_id", "quantity", "p50", "p05", "p95"]
        rows = pd.concat([self.population.loc[self.population["main"], columns], self.counts[columns]])
        first = rows.dropna(subset="settlement_id").drop_duplicates(["settlement_id", "quantity"])
        return {
            (settlement_id, quantity): Interval(float(p50), float(p05), float(p95))
            for settlement_id, quantity, p50, p05, p95 in first.itertuples(index=False)
        }

    def total(self, column: str, value: str, quantity: str) -> Interval | None:
        """Return what was added up inside draws over a kind or a group of settlements."""
        rows = self.counts
        return _interval(rows[rows["settlement_id"].isna() & (rows[column] == value) & (rows["quantity"] == quantity)])


def _interval(rows: pd.DataFrame) -> Interval | None:
    if rows.empty:
        return None
    first = rows.iloc[0]
    return Interval(float(first["p50"]), float(first["p05"]), float(first["p95"]))


@dataclass(frozen=True, kw_only=True)
class Check:
    """A figure to hold an estimate against; `tolerance` is its own doubt, as a share of it."""

    check_id: str
    area_id: str
    subject: str
    quantity: str
    year: float | None
    figure: Figure
    reference: str
    tolerance: float

    def against(
        self, estimate: Interval | None, *, comparable: bool = True, settlement_id: str | None = None
    ) -> dict[str, object]:
        """Return the row of `validation`; without an estimate, nothing can be compared."""
        verdict, ratio, least = "not comparable", math.nan, math.nan
        if estimate is not None and comparable:
            verdict = _verdict(self.figure.ends(self.tolerance), estimate)
            ratio = _log_ratio(estimate.p50, self.figure)
            least = _detectable(self.figure, self.figure.ends(self.tolerance), estimate)
        shown = estimate or Interval(math.nan)
        return {
            **{name: getattr(self, name) for name in ("check_id", "area_id", "subject", "quantity")},
            "settlement_id": settlement_id,
            "year": None if self.year is None or math.isnan(self.year) else int(self.year),
            "reported_low": self.figure.low,
            "reported": self.figure.value,
            "reported_high": self.figure.high,
            **{name: getattr(shown, name) for name in ("p05", "p50", "p95")},
            "log_ratio": ratio,
            "detectable": least,
            "verdict": verdict,
            "reference": self.reference,
        }


def _verdict(ends: tuple[float, float], estimate: Interval) -> str:
    low = estimate.p50 if math.isnan(estimate.p05) else estimate.p05
    high = estimate.p50 if math.isnan(estimate.p95) else estimate.p95
    if high < ends[0]:
        return "below"
    return "above" if low > ends[1] else "inside"


def _log_ratio(p50: float, figure: Figure) -> float:
    reported = math.nan if figure.is_bound else figure.middle
    return math.log(p50 / reported) if p50 > 0 and reported > 0 else math.nan


def _detectable(figure: Figure, ends: tuple[float, float], estimate: Interval) -> float:
    """Return the least factor by which an estimate of this width has to miss the figure to be called outside.

    Were the figure the truth (a bound: its end), an estimate too large by this factor is "above", one too small
    "below"; where both can be, the larger factor, so that an error of this size is seen whichever way it goes.
    """
    true = figure.middle if not figure.is_bound else next(end for end in ends if math.isfinite(end))
    if not (true > 0 and estimate.p50 > 0):
        return math.nan
    low, high = (
        end / estimate.p50 if not math.isnan(end) else 1.0 for end in (estimate.p05, estimate.p95)
    )  # of the median
    factors = []
    if math.isfinite(ends[1]) and low > 0:
        factors.append(ends[1] / (true * low))
    if math.isfinite(ends[0]) and ends[0] > 0:
        factors.append(true * high / ends[0])
    return max(factors, default=math.nan)


def table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return the rows of checks as the table `validation`, by check_id."""
    frame = pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"year": "Int64", "settlement_id": "str"})
    numbers = ["reported_low", "reported", "reported_high", "p05", "p50", "p95", "log_ratio", "detectable"]
    return frame.astype(dict.fromkeys(numbers, "float64")).sort_values("check_id", ignore_index=True)
