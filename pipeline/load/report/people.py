"""What the report says of people: ranges as they are printed, and bars on one scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.schema.rounding import round_people

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.wording.texts import Texts

QUANTITIES = ("residents", "unregistered")
_ENDS = ("p05", "p50", "p95")


@dataclass(frozen=True)
class Scale:
    """An axis of people from `low` (zero or below) to `high`, in per cent of its length."""

    low: float
    high: float

    @classmethod
    def over(cls, people: pd.DataFrame) -> Scale:
        """Return the axis that holds every range of `QUANTITIES` in rows of `area_population`, and zero."""
        columns = [f"{quantity}_{end}" for quantity in QUANTITIES for end in _ENDS]
        values = people[columns].to_numpy(dtype=float)
        if not values.size:
            return cls(0.0, 1.0)
        return cls(min(0.0, float(values.min())), max(1.0, float(values.max())))

    def at(self, people: float) -> float:
        """Return where a number of people lies on the axis, 0 to 100."""
        return round((people - self.low) / (self.high - self.low) * 100, 1)


@dataclass(frozen=True)
class People:
    """A 90 % range of people, rounded for print, with the places of its ends, its middle and zero on an axis."""

    low: float
    middle: float
    high: float
    evidence: str
    bar: tuple[float, float, float]
    zero: float

    def interval(self, texts: Texts) -> str:
        """Return the range as a language writes it."""
        return texts.interval(self.low, self.high)


def people(rows: pd.DataFrame, key: str, quantity: str, scale: Scale) -> People | None:
    """Return a quantity of a row of `area_population` or `settlement_population`, indexed by area or settlement."""
    if key not in rows.index:
        return None
    row = rows.loc[[key]]
    low, middle, high = round_people(row, f"{quantity}_").to_numpy()[0].tolist()
    start, centre, end = (scale.at(float(row[f"{quantity}_{name}"].iloc[0])) for name in _ENDS)
    evidence = row["residents_evidence" if quantity == "residents" else "registration_evidence"].iloc[0]
    return People(low, middle, high, str(evidence), (start, centre, end), scale.at(0.0))
