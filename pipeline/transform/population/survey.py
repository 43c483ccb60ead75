"""A survey of houses and persons updates what is believed of persons per house, as far as its size allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.schema.provenance import Notice
from pipeline.transform.population.residents import persons_per_house
from pipeline.transform.population.summary import quantiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.transform.population.priors import Factors

    Draws = NDArray[np.float64]

SMALL_SURVEY = 30
"""Houses below which a survey says too little to narrow anything much; it is used, and the run says so."""

POSTERIOR_COLUMNS = ("area_id", "parameter", "kind", "state", "p05", "p25", "p50", "p75", "p95", "mean", "houses")


@dataclass(frozen=True)
class Update:
    """What a survey changes.

    `by_kind` and `by_settlement` are added to the log of persons per house, shape (draws,); `posteriors` holds prior
    and posterior side by side, columns `POSTERIOR_COLUMNS`.
    """

    by_kind: dict[str, Draws] = field(default_factory=dict)
    by_settlement: dict[str, Draws] = field(default_factory=dict)
    posteriors: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(POSTERIOR_COLUMNS)))
    notices: list[Notice] = field(default_factory=list)


def update(survey: pd.DataFrame, kinds: Mapping[str, str], factors: Factors, area_id: str) -> Update:
    """Update persons per house by a survey.

    Parameters
    ----------
    survey
        Columns `settlement_id` (missing: somewhere in the city), `houses` (residential houses visited, empty ones
        included) and `persons` (who live in them).
    kinds
        Kind of each settlement by id.
    factors
        The city's shared draws.
    area_id
        Identifier of the area.

    Notes
    -----
    With θ the city's persons per house for a settlement's kind, ε the settlement's own noise and n the houses visited,

        y = ln(persons / houses) = ln θ + ln ε + e,   e ~ N(0, κ²/n),   ln ε ~ N(−σ²/2, σ²).

    The draws of (ln θ, ln ε) are conditioned on y pathwise (Matheron's rule: x + K (y − H x − e), K from the draws'
    covariances), which is exact for normal x and e and leaves draws of what was not surveyed consistent with it. A
    survey of one settlement cannot narrow θ below that settlement's own noise σ, however many houses it has.
    """
    rows, notices = _usable(survey)
    if rows.empty:
        return Update(notices=notices)
    all_kinds = sorted(set(kinds.values()))
    log_theta = {kind: np.log(persons_per_house(factors, kind)) for kind in all_kinds}
    between, within = factors.constant("settlement_noise"), factors.constant("house_dispersion")
    visited = [kinds.get(settlement, "other") for settlement in rows["settlement_id"]]
    own = np.stack([between * (_normal(factors, "survey", name) - between / 2) for name in rows["settlement_id"]])
    spread = within / np.sqrt(rows["houses"].to_numpy(dtype=float))
    error = np.stack([_normal(factors, "survey error", name) for name in rows["settlement_id"]]) * spread[:, None]
    predicted = np.stack([log_theta[kind] for kind in visited]) + own + error
    observed = np.log((rows["persons"].to_numpy(dtype=float) + 0.5) / rows["houses"].to_numpy(dtype=float))
    weights = np.linalg.solve(np.atleast_2d(np.cov(predicted)), observed[:, None] - predicted)

    def shift(state: Draws) -> Draws:
        covariance = (state - state.mean()) @ (predicted - predicted.mean(axis=1, keepdims=True)).T / (state.size - 1)
        return np.asarray(covariance @ weights, dtype=float)

    by_kind = {kind: shift(theta) for kind, theta in log_theta.items()}
    by_settlement = {
        name: own[i] + shift(own[i]) for i, name in enumerate(rows["settlement_id"]) if name in kinds and name
    }
    posteriors = _side_by_side(area_id, log_theta, by_kind, rows["houses"].sum())
    return Update(by_kind, by_settlement, posteriors, notices)


def _normal(factors: Factors, *names: str) -> Draws:
    return factors.own(*names).standard_normal(factors.draws)


def _usable(survey: pd.DataFrame) -> tuple[pd.DataFrame, list[Notice]]:
    """Add up the rows of one settlement, drop rows without houses, and note a survey that is too small."""
    notices = []
    usable = ((survey["houses"] > 0) & (survey["persons"] >= 0)).to_numpy()
    if not usable.all():
        notices.append(Notice("survey", "survey_rows_unusable", int((~usable).sum())))
    rows = survey[usable].fillna({"settlement_id": ""})
    rows = rows.groupby("settlement_id", as_index=False, sort=True)[["houses", "persons"]].sum()
    if 0 < (houses := float(rows["houses"].sum())) < SMALL_SURVEY:
        notices.append(Notice("survey", "survey_small", values={"houses": houses}))
    return rows, notices


def _side_by_side(
    area_id: str, log_theta: Mapping[str, Draws], by_kind: Mapping[str, Draws], houses: float
) -> pd.DataFrame:
    rows = []
    for kind, prior in log_theta.items():
        for state, value in (("prior", prior), ("posterior", prior + by_kind[kind])):
            row = {"area_id": area_id, "parameter": "persons_per_house", "kind": kind, "state": state}
            rows.append({**row, **quantiles(np.exp(value)), "houses": houses})
    return pd.DataFrame(rows, columns=list(POSTERIOR_COLUMNS))
