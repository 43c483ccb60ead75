"""What is believed about each parameter, and draws of it that do not depend on the order of the work."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special, stats

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray
    from scipy.stats import rv_continuous
    from scipy.stats.distributions import rv_frozen

    from pipeline.transform.population.sampling import Proposal

    Draws = NDArray[np.float64]

_PRECEDENCE = ("area_id", "country", "kind", "status", "season")
"""Which key wins between rows that name equally many."""


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return a random stream that belongs to a name, such as an area and a settlement, whoever asks for it and when."""
    digest = hashlib.sha256("\x1f".join((str(seed), *names)).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence(int.from_bytes(digest[:16], "big")))


@dataclass(frozen=True)
class Prior:
    """A distribution cut off at an allowed range; families and parameters as in `facts.PRIORS`."""

    prior_id: str
    family: str
    a: float
    b: float
    low: float
    high: float
    evidence: str

    @cached_property
    def _whole(self) -> rv_frozen[rv_continuous, float]:
        """The distribution before it is cut off."""
        if self.family == "beta":
            return stats.beta(self.a, self.b)
        if self.family == "normal":
            return stats.norm(self.a, self.b)
        if self.family == "lognormal":
            return stats.lognorm(self.b, scale=self.a)
        mean = self.a - self.low
        return stats.gamma((mean / self.b) ** 2, loc=self.low, scale=self.b**2 / mean)

    def quantile(self, probability: Draws) -> Draws:
        """Return the values below which the prior puts the given probabilities (each within 0 to 1).

        Examples
        --------
        >>> household = Prior("h", "normal", 4.0, 0.5, low=1.5, high=9.0, evidence="national")
        >>> household.quantile(np.array([0.05, 0.5, 0.95])).round(2)
        array([3.18, 4.  , 4.82])
        """
        if self.family == "constant":
            return np.full(np.shape(probability), self.a)
        low, high = self._whole.cdf((self.low, self.high))
        return np.asarray(self._whole.ppf(low + probability * (high - low)), dtype=float)

    @cached_property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the prior as it is cut off."""
        if self.family == "constant":
            return self.a, 0.0
        whole = self._whole
        mean = float(whole.expect(lb=self.low, ub=self.high, conditional=True))
        variance = float(whole.expect(lambda x: (x - mean) ** 2, lb=self.low, ub=self.high, conditional=True))
        return mean, variance**0.5

    def sample(self, rng: np.random.Generator, size: int) -> Draws:
        """Return independent values; much faster than `quantile`, for parameters that no two places share."""
        if self.family == "constant":
            return np.full(size, self.a)
        values = np.asarray(self._whole.rvs(size, random_state=rng), dtype=float)
        while (outside := (values < self.low) | (values > self.high)).any():
            values[outside] = self._whole.rvs(int(outside.sum()), random_state=rng)
        return values


class Priors:
    """The priors that hold for one area and season.

    Parameters
    ----------
    table
        Rows as `facts.priors` returns them.
    country, area_id, season
        The case at hand; rows made for another one are left out.
    """

    def __init__(self, table: pd.DataFrame, country: str, area_id: str, season: str) -> None:
        case = {"country": country, "area_id": area_id, "season": season}
        fits = np.logical_and.reduce([(table[key].isna() | (table[key] == value)) for key, value in case.items()])
        # A few rows of each parameter are asked for thousands of times: plain ones answer at once.
        self._rows: dict[str, list[dict[Hashable, Any]]] = {}
        for row in table[fits].to_dict("records"):
            case_of_row = {key: None if pd.isna(row[key]) else row[key] for key in _PRECEDENCE}
            self._rows.setdefault(row["parameter"], []).append(row | case_of_row)
        self._selected: dict[tuple[str, str, str], Prior] = {}

    def select(self, parameter: str, *, kind: str = "", status: str = "") -> Prior:
        """Return the most specific prior of a parameter for a kind of settlement and its status.

        The row that names most of area, country, kind, status and season wins; between equals, the one that names the
        first in this order.

        Raises
        ------
        ConfigError
            No row holds for this case.
        """
        case = (parameter, kind, status)
        if case not in self._selected:
            self._selected[case] = self._select(*case)
        return self._selected[case]

    def _select(self, parameter: str, kind: str, status: str) -> Prior:
        rows = [
            row
            for row in self._rows.get(parameter, ())
            if row["kind"] in {None, kind} and row["status"] in {None, status}
        ]
        if not rows:
            case = (
                " and ".join(filter(None, (kind and f"kind '{kind}'", status and f"status '{status}'"))) or "any case"
            )
            msg = f"layers/facts/priors.csv has no row of parameter '{parameter}' for {case}; add one with empty keys."
            raise ConfigError(msg)
        weights = {
            name: len(_PRECEDENCE) ** 2 + 2 ** (len(_PRECEDENCE) - rank) for rank, name in enumerate(_PRECEDENCE)
        }
        best = max(rows, key=lambda row: sum(weights[name] for name in _PRECEDENCE if row[name] is not None))
        a, b, low, high = (float(best[key]) for key in ("a", "b", "low", "high"))
        return Prior(str(best["prior_id"]), str(best["family"]), a, b, low, high, str(best["evidence"]))

    def has(self, parameter: str, *, kind: str) -> bool:
        """Return whether a prior of the parameter holds for this kind of settlement."""
        return any(row["kind"] in {None, kind} for row in self._rows.get(parameter, ()))


class Factors:
    """Draws of the parameters that a whole city shares: an error in one is the same error in every settlement.

    Each parameter has a stream of normal scores per city, and one per kind of settlement; the scores of a kind are made
    of both (`kinds_in_common`: the part of the variance that is the city's), so that a city whose households are large
    tends to have them large in every kind of settlement. With a `proposal`, the scores that it names are drawn from it,
    and `log_weights` says what makes up for that.
    """

    def __init__(
        self, priors: Priors, area_id: str, *, draws: int, seed: int, proposal: Proposal | None = None
    ) -> None:
        self.priors = priors
        self.draws = draws
        self.log_weights = np.zeros(draws)
        self._area_id = area_id
        self._seed = seed
        self._scores: dict[str, Draws] = {}
        self._values: dict[tuple[str, str], Draws] = {}
        if proposal is not None:
            moved = proposal.move(np.stack([self._fresh(name) for name in proposal.names]))
            self._scores.update(zip(proposal.names, moved, strict=True))
            self.log_weights = proposal.log_weights(moved)

    def _fresh(self, parameter: str) -> Draws:
        return generator(self._seed, self._area_id, parameter).standard_normal(self.draws)

    def scores(self, parameter: str) -> Draws:
        """Return the city's normal scores of a parameter, shape (draws,)."""
        if parameter not in self._scores:
            self._scores[parameter] = self._fresh(parameter)
        return self._scores[parameter]

    def uniform(self, parameter: str, kind: str = "") -> Draws:
        """Return the probabilities of the scores of a parameter for a kind of settlement, shape (draws,)."""
        scores = self.scores(parameter)
        if kind:
            common = self.constant("kinds_in_common")
            scores = np.sqrt(common) * scores + np.sqrt(1 - common) * self.scores(f"{parameter} {kind}")
        return np.asarray(special.ndtr(scores))

    def get(self, parameter: str, kind: str = "") -> Draws:
        """Return the city's draws of a parameter for a kind of settlement, shape (draws,)."""
        key = (parameter, kind)
        if key not in self._values:
            self._values[key] = self.priors.select(parameter, kind=kind).quantile(self.uniform(parameter, kind))
        return self._values[key]

    def constant(self, parameter: str) -> float:
        """Return the value of a parameter that is fixed."""
        return self.priors.select(parameter).a

    def own(self, *names: str) -> np.random.Generator:
        """Return the stream that belongs to something within the city, such as one settlement's noise."""
        return generator(self._seed, self._area_id, *names)

    def own_draws(self, parameter: str, place: str, *, kind: str = "") -> Draws:
        """Return draws of a parameter that a settlement shares with no other, shape (draws,)."""
        return self.priors.select(parameter, kind=kind).sample(self.own(parameter, place), self.draws)

    @property
    def drawn(self) -> dict[str, Draws]:
        """The normal scores drawn so far, by parameter, in alphabetical order."""
        return dict(sorted(self._scores.items()))
