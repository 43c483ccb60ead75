"""A survey of houses and persons: what it says of persons per house, as far as its size allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.schema.draws import quantiles
from pipeline.schema.provenance import Notice
from pipeline.transform.population.building_counts import REST
from pipeline.transform.population.places import THE_REST
from pipeline.transform.population.register_matching import listed, owner, owners
from pipeline.transform.population.residents import kind_wise, persons_per_house

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.transform.population.places import Place
    from pipeline.transform.population.priors import Factors

    Draws = NDArray[np.float64]

SMALL_SURVEY = 30
"""Houses below which a survey says too little to narrow anything much; it is used, and the run says so."""

POSTERIOR_COLUMNS = ("area_id", "parameter", "kind", "state", "p05", "p25", "p50", "p75", "p95", "mean", "houses")


@dataclass(frozen=True)
class Survey:
    """Houses visited and the people found in them, by settlement (REST: somewhere in the city).

    With θ the city's persons per house for a settlement's kind, ε the settlement's own noise and n the houses visited,

        y = ln(persons / houses) = ln θ + ln ε + e,   e ~ N(0, κ²/n),   ln ε ~ N(−σ²/2, σ²).

    A survey of one settlement cannot narrow θ below that settlement's own noise σ, however many houses it has.
    """

    places: tuple[Place, ...] = ()
    houses: Draws = field(default_factory=lambda: np.empty(0))
    persons: Draws = field(default_factory=lambda: np.empty(0))
    notices: tuple[Notice, ...] = ()

    @property
    def observed(self) -> Draws:
        """The log of persons per house in each row."""
        return np.asarray(np.log((self.persons + 0.5) / self.houses))

    def error(self, factors: Factors) -> Draws:
        """Return the standard deviation of `observed` around ln θ: the settlement's own noise and that of n houses."""
        between, within = factors.constant("settlement_noise"), factors.constant("house_dispersion")
        return np.asarray(np.sqrt(between**2 + within**2 / self.houses))

    def predicted(self, factors: Factors) -> Draws:
        """Return what `observed` would be without noise, shape (rows, draws)."""
        if not self.places:
            return np.empty((0, factors.draws))
        bias = factors.constant("settlement_noise") ** 2 / 2
        return np.stack([_log_theta(factors, place) - bias for place in self.places])

    def log_likelihood(self, factors: Factors) -> Draws:
        """Return the log-likelihood of each draw of the city's factors, shape (draws,)."""
        error = self.error(factors)[:, None]
        return np.asarray(-0.5 * np.square((self.observed[:, None] - self.predicted(factors)) / error).sum(axis=0))

    def own(self, factors: Factors) -> dict[str, Draws]:
        """Return draws of ln ε of the settlements visited, given what was found there and the draw's own θ."""
        between, within = factors.constant("settlement_noise"), factors.constant("house_dispersion")
        weight = between**2 / (between**2 + within**2 / self.houses) if self.places else self.houses
        found = {}
        for row, place in enumerate(self.places):
            if place.settlement_id == REST:
                continue
            surprise = self.observed[row] - _log_theta(factors, place) + between**2 / 2
            left = between * np.sqrt(1 - weight[row])
            normal = factors.own("survey", place.stream).standard_normal(factors.draws)
            found[place.settlement_id] = -(between**2) / 2 + weight[row] * surprise + left * normal
        return found


def _log_theta(factors: Factors, place: Place) -> Draws:
    def theta(kind: str) -> Draws:
        return persons_per_house(factors, kind, near_bazaar=place.near_bazaar)

    return np.asarray(np.log(kind_wise(place.kinds(factors), theta)))


def read(survey: pd.DataFrame | None, settlements: pd.DataFrame, places: Mapping[str, Place]) -> Survey:
    """Return a survey (columns settlement, houses, persons) as it applies here.

    Rows whose settlement is unknown speak for the city alone; rows of one settlement are added up.
    """
    if survey is None:
        return Survey()
    notices = []
    names = survey["settlement"].fillna("")
    bearers = owners(settlements)
    located = survey.assign(settlement_id=[owner(name, bearers) or REST for name in names])
    if unknown := names[located["settlement_id"].eq(REST) & names.ne("")].tolist():
        notices.append(Notice("survey", "survey_names_unknown", len(unknown), {"names": listed(unknown)}))
    usable = ((located["houses"] > 0) & (located["persons"] >= 0)).to_numpy()
    if not usable.all():
        notices.append(Notice("survey", "survey_rows_unusable", int((~usable).sum())))
    rows = located[usable].groupby("settlement_id", sort=True)[["houses", "persons"]].sum()
    if 0 < (houses := float(rows["houses"].sum())) < SMALL_SURVEY:
        notices.append(Notice("survey", "survey_small", values={"houses": houses}))
    return Survey(
        tuple(places.get(str(name), THE_REST) for name in rows.index),
        rows["houses"].to_numpy(dtype=float),
        rows["persons"].to_numpy(dtype=float),
        tuple(notices),
    )


def side_by_side(area_id: str, houses: float, states: Mapping[str, Mapping[str, Draws]]) -> pd.DataFrame:
    """Return persons per house before and after a survey, columns `POSTERIOR_COLUMNS`.

    Parameters
    ----------
    area_id, houses
        The area, and how many houses were visited.
    states
        Draws by kind of settlement, of the states "prior" and "posterior".
    """
    rows = []
    for kind in sorted(states["prior"]):
        for state, values in states.items():
            row = {"area_id": area_id, "parameter": "persons_per_house", "kind": kind, "state": state}
            rows.append({**row, **quantiles(values[kind]), "houses": houses})
    return pd.DataFrame(rows, columns=list(POSTERIOR_COLUMNS))
