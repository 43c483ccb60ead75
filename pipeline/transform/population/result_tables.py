"""The tables that an estimate fills, row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.schema.draws import QUANTILES, quantiles
from pipeline.schema.vocabulary import QUANTITIES, REST
from pipeline.transform.population.joint import SHARE_COLUMNS
from pipeline.transform.population.sensitivity import DECOMPOSITION_COLUMNS
from pipeline.transform.population.survey import POSTERIOR_COLUMNS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.schema.provenance import Notice

    Counted = NDArray[np.float64] | NDArray[np.int32]

_STATISTICS = (*QUANTILES, "mean")
_ROW = ("area_id", "settlement_id", "quantity", *_STATISTICS, "method", "main", "evidence", "year")
_KEPT = ("area_id", "place_id", "settlement_id", "quantity", "draws")
_COUNT = ("area_id", "settlement_id", "kind", "group", "quantity", *_STATISTICS)
_SPREAD = ("area_id", "settlement_id", "cv2", "analytic_cv2")


@dataclass(frozen=True)
class Population:
    """What `estimate` returns.

    Attributes
    ----------
    rows
        A row per place, quantity and method; settlement_id is missing for the whole area, ``<area>/rest`` for what lies
        in no settlement. `people_tables` makes tables of them.
    draws
        The table `population_draws`: settlements and rest, which add up to the area in every draw.
    shares
        The unregistered share of the area under three priors, before and after the data (`joint.SHARE_COLUMNS`).
    counts
        Houses, households and residents per settlement and, with settlement_id missing, per kind and per group of
        settlements (added up inside draws): what published figures are compared with.
    decomposition
        Which factor owns which share of the variance of the area's residents and unregistered.
    posteriors
        Persons per house before and after a survey.
    spread
        Per settlement, CV² of the draws of residents beside Π(1 + CV_k²) − 1 of their factors.
    notices
        What was left out, assumed or looked wrong.
    """

    rows: pd.DataFrame
    draws: pd.DataFrame
    shares: pd.DataFrame
    counts: pd.DataFrame
    decomposition: pd.DataFrame
    posteriors: pd.DataFrame
    spread: pd.DataFrame
    notices: list[Notice]


@dataclass
class Sheet:
    """Collects the rows of one area."""

    area_id: str
    year: int | None
    notices: list[Notice] = field(default_factory=list)
    posteriors: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(POSTERIOR_COLUMNS)))
    shares: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(SHARE_COLUMNS)))
    _draws: list[dict[str, object]] = field(default_factory=list)
    _rows: list[dict[str, object]] = field(default_factory=list)
    _counts: list[dict[str, object]] = field(default_factory=list)
    _spread: list[dict[str, object]] = field(default_factory=list)
    _decomposition: list[pd.DataFrame] = field(default_factory=list)

    @property
    def rest(self) -> str:
        """The place_id of what lies in no settlement."""
        return self.area_id + REST

    def estimate(  # noqa: PLR0913 - a row of the table
        self,
        settlement_id: str | None,
        quantity: str,
        draws: Counted,
        *,
        method: str,
        evidence: str,
        main: bool = True,
    ) -> None:
        """Add a row of an estimate; no settlement: the whole area."""
        row = {"area_id": self.area_id, "settlement_id": settlement_id, "quantity": quantity, **quantiles(draws)}
        self._rows.append({**row, "method": method, "main": main, "evidence": evidence, "year": self.year})

    def keep(self, settlement_id: str | None, quantity: str, draws: NDArray[np.int32]) -> None:
        """Add a row of `population_draws`; no settlement: what lies in none."""
        place = {"area_id": self.area_id, "place_id": settlement_id or self.rest, "settlement_id": settlement_id}
        self._draws.append({**place, "quantity": quantity, "draws": draws})

    def count(
        self,
        quantity: str,
        draws: Counted,
        *,
        settlement_id: str | None = None,
        kind: str | None = None,
        group: str | None = None,
    ) -> None:
        """Add a row of `counts`: of a settlement, or of all settlements of a kind or a group."""
        place = {"area_id": self.area_id, "settlement_id": settlement_id, "kind": kind, "group": group}
        self._counts.append({**place, "quantity": quantity, **quantiles(draws)})

    def spread(self, settlement_id: str, cv2: float, analytic_cv2: float) -> None:
        """Add a row of `spread`."""
        self._spread.append(dict(zip(_SPREAD, (self.area_id, settlement_id, cv2, analytic_cv2), strict=True)))

    def decomposition(self, table: pd.DataFrame) -> None:
        """Add a decomposition of variance."""
        self._decomposition.append(table)

    def population(self) -> Population:
        """Return the tables, the whole area first, then by settlement, quantity and method."""
        rows = pd.DataFrame(self._rows, columns=list(_ROW)).astype({"settlement_id": "str", "year": "Int64"})
        counts = pd.DataFrame(self._counts, columns=list(_COUNT)).astype(dict.fromkeys(_COUNT[:5], "str"))
        draws = pd.DataFrame(self._draws, columns=list(_KEPT)).astype({"settlement_id": "str"})
        return Population(
            rows.sort_values(
                ["settlement_id", "quantity", "main", "method"],
                ascending=[True, True, False, True],
                na_position="first",
                ignore_index=True,
            ),
            draws.sort_values(["settlement_id", "quantity"], na_position="first", ignore_index=True),
            self.shares,
            counts.sort_values(["settlement_id", "kind", "group", "quantity"], na_position="first", ignore_index=True),
            pd.concat(self._decomposition, ignore_index=True)
            if self._decomposition
            else pd.DataFrame(columns=list(DECOMPOSITION_COLUMNS)),
            self.posteriors,
            pd.DataFrame(self._spread, columns=list(_SPREAD)),
            self.notices,
        )


def people_tables(rows: pd.DataFrame, about: str) -> dict[str, pd.DataFrame]:
    """Return the rows of `Population` as tables, one for each level, so that a sum counts nobody twice.

    Parameters
    ----------
    rows
        `Population.rows`, or what may be told of them.
    about
        What they are about (`vocabulary.CODES["told"]`).

    Returns
    -------
    dict of pandas.DataFrame
        `area_population`, `settlement_population`, `area_crosschecks`, `settlement_crosschecks`.
    """
    whole, main = rows["settlement_id"].isna(), rows["main"]
    places = _side_by_side(rows[main & ~whole].rename(columns={"settlement_id": "place_id"}), ["area_id", "place_id"])
    return {
        "area_population": _side_by_side(rows[main & whole], ["area_id"]).assign(about=about),
        "settlement_population": places.assign(
            settlement_id=places["place_id"].where(~places["place_id"].str.endswith(REST))
        ),
        "area_crosschecks": rows[~main & whole],
        "settlement_crosschecks": rows[~main & ~whole],
    }


def _side_by_side(rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Return one row for each key, with the quantities as groups of columns."""
    parts = [
        rows[rows["quantity"] == quantity].set_index(key)[list(_STATISTICS)].add_prefix(f"{quantity}_")
        for quantity in QUANTITIES
    ]
    living, registration = (
        rows[rows["quantity"] == quantity].set_index(key)[["method", "evidence", "year"]]
        for quantity in ("residents", "unregistered")
    )
    parts += [
        living[["method", "evidence"]].add_prefix("residents_"),
        registration[["method", "evidence"]].add_prefix("registration_"),
        living[["year"]],
    ]
    return pd.concat(parts, axis=1).reset_index()
