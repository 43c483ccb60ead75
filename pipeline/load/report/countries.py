"""The cities of a country together: draws are added up, since errors are shared and ranges do not add."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.load.report.people import QUANTITIES
from pipeline.schema.draws import quantiles
from pipeline.schema.rounding import round_people

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.wording.texts import Texts


class Together:
    """A country with the rounded 90 % ranges of its cities' people, by quantity."""

    def __init__(self, country: str, area_ids: list[str], ranges: Mapping[str, tuple[float, float]]) -> None:
        self.country, self.area_ids, self._ranges = country, area_ids, ranges

    def interval(self, quantity: str, texts: Texts) -> str:
        """Return a range as a language writes it."""
        return texts.interval(*self._ranges[quantity])


def countries(areas: pd.DataFrame, draws: pd.DataFrame) -> list[Together]:
    """Add up the cities of each country of which the inputs tell at least two cities, and all of them.

    Parameters
    ----------
    areas
        The table `areas`.
    draws
        The table `population_draws`.
    """
    found = []
    for country, own in areas.groupby("country", sort=True):
        if len(own) < 2 or not (own["told"] == "city").all():
            continue
        mine = draws[draws["area_id"].isin(own["area_id"])]
        ranges = {}
        for quantity in QUANTITIES:
            total = np.sum(np.stack(mine.loc[mine["quantity"] == quantity, "draws"].to_list()), axis=0)
            rounded = round_people(pd.DataFrame([quantiles(total)])).iloc[0]
            ranges[quantity] = (float(rounded["p05"]), float(rounded["p95"]))
        found.append(Together(str(country), own["area_id"].tolist(), ranges))
    return found
