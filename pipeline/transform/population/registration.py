"""Who is registered where, together with who lives where: every draw is one city that adds up.

Terms: D residents, U1 residents registered nowhere in the city (the `unregistered`), U2 registered in it at another
address, G ghosts (registered, living elsewhere), R registered. In every place R = D − U1 − U2 + G. Everybody in U2 is
a ghost of another address, so the ghosts of all places together are ΣU2 and those who live outside the city, and
ΣR = ΣD − ΣU1 + ghosts from outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

from pipeline.schema.draws import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from pipeline.transform.population.places import Place
    from pipeline.transform.population.priors import Factors, Prior

    Draws = NDArray[np.float64]

CANDIDATES = 8
"""Ways of being registered that are tried in each draw for a settlement with a register of its own."""

_REACHING = 1.5
"""Candidates of the share are drawn so many times as widely as its prior, and weighed for it: a register may be odd."""

_TAIL = 4.0
"""Degrees of freedom of the register's error: one that contradicts the houses flatly is believed less, not more."""

LEAST = 3
"""Settlements' registers from which on their middle one tells of all homes: fewer may be of odd places."""

_REACH, _STEPS = 6.0, 200
_SCORES = np.linspace(-_REACH, _REACH, int(2 * _REACH * _STEPS) + 1)
"""Normal scores at which priors are tabulated."""
_EDGE = 1e-9


@dataclass(frozen=True)
class Setting:
    """Whose registrations are drawn.

    Attributes
    ----------
    factors
        The city's shared draws.
    places, kinds
        The places, and the kind of each in every draw, shape (places, draws).
    stretch
        By how much the prior of the unregistered share is wider than stated, on the scale of its log odds.
    """

    factors: Factors
    places: Sequence[Place]
    kinds: NDArray[np.int8]
    stretch: float = 1.0


@dataclass(frozen=True)
class Ways:
    """How the people of each place are registered, before any register is looked at; shares of shape (places, draws).

    Attributes
    ----------
    unregistered
        U1 as a share of D.
    elsewhere
        U2 as a share of those who are registered in the city.
    welcome
        How many ghosts an address draws, relative to others.
    """

    unregistered: Draws
    elsewhere: Draws
    welcome: Draws


@dataclass(frozen=True)
class Middle:
    """The middle of the settlements' registers beside what a draw has registered there, their own parts left out.

    Attributes
    ----------
    surprise
        Median over the settlements of the log of register over expected register, shape (draws,).
    error
        Scale of its error.
    """

    surprise: Draws
    error: float

    @property
    def probability(self) -> float:
        """Probability, before the registers were looked at, that they would be lower than they are."""
        return float(special.stdtr(_TAIL, self.surprise / self.error).mean())

    def log_likelihood(self) -> Draws:
        """Return the log-likelihood of each draw of what the city shares."""
        return heavy_tailed(self.surprise / self.error)


@dataclass(frozen=True)
class City:
    """One city in each draw: people by place, shape (places, draws); they satisfy the identities above.

    Attributes
    ----------
    outside
        The ghosts who live outside the city, shape (draws,).
    other_boundary
        By row of a settlement with a register: in which draws that is of another boundary, shape (draws,).
    middle
        What the settlements' registers tell of all homes; None: they are fewer than `LEAST`.
    """

    residents: Draws
    unregistered: Draws
    elsewhere: Draws
    ghosts: Draws
    outside: Draws
    other_boundary: Mapping[int, NDArray[np.bool_]] = field(default_factory=dict)
    middle: Middle | None = None

    @property
    def registered(self) -> Draws:
        """Registrations at addresses of each place, ghosts included."""
        return self.residents - self.unregistered - self.elsewhere + self.ghosts

    @property
    def all_registered(self) -> Draws:
        """Registrations in the whole city, shape (draws,)."""
        return np.asarray((self.residents - self.unregistered).sum(axis=0) + self.outside)

    def place(self, row: int, positions: NDArray[np.int64]) -> City:
        """Return one place in the draws at some positions."""
        return City(
            self.residents[row, positions],
            self.unregistered[row, positions],
            self.elsewhere[row, positions],
            self.ghosts[row, positions],
            self.outside[positions],
        )


@dataclass(frozen=True)
class Known:
    """A settlement's register, and its own factor: the variance of its log, and the draws of that log."""

    registered: float
    variance: float
    log_noise: Draws


def ways(setting: Setting) -> Ways:
    """Draw how the people of each place are registered.

    Notes
    -----
    A settlement's share has the Beta prior of its kind and status. Shares of one city are not independent: their normal
    scores have a part that the whole city shares, one that places of one prior share, and one of their own
    (`unregistered_common_city`, `unregistered_common_kind`), so that many settlements do not add up to a city's
    share that nobody believes to know.
    """
    factors = setting.factors
    shape = (len(setting.places), factors.draws)
    drawn = Ways(np.empty(shape), np.empty(shape), np.empty(shape))
    for row, place in enumerate(setting.places):
        rng = factors.own("registration", place.stream)
        drawn.unregistered[row] = _unregistered(setting, row, rng.standard_normal(factors.draws))
        drawn.elsewhere[row] = _elsewhere(setting, row, rng.standard_normal(factors.draws))
        drawn.welcome[row] = _welcome(factors, rng, factors.draws)
    return drawn


def _unregistered(setting: Setting, row: int, own: Draws, *, alone: bool = False) -> Draws:
    """Return a place's shares; `own` are normal scores, of shape (draws,) or (candidates, draws).

    `alone`: by its prior alone, without what it has in common with other places.
    """
    factors = setting.factors
    city, group = factors.constant("unregistered_common_city"), factors.constant("unregistered_common_kind")
    if alone:
        city = group = 0.0
    rest = np.sqrt(max(1 - city - group, 0.0)) * own + np.sqrt(city) * factors.scores("unregistered_share")

    def shares(prior: Prior, here: NDArray[np.bool_]) -> Draws:
        common = factors.scores(f"unregistered_share {prior.prior_id}")
        return _read(rest[..., here] + np.sqrt(group) * common[here], _table(prior, setting.stretch))

    return _by_prior(setting, row, "unregistered_share_settlement", shares, own.shape)


def _elsewhere(setting: Setting, row: int, own: Draws) -> Draws:
    """Return a place's shares; `own` as in `_unregistered`."""

    def shares(prior: Prior, here: NDArray[np.bool_]) -> Draws:
        return _read(own[..., here], _table(prior, 1.0))

    return _by_prior(setting, row, "elsewhere_share", shares, own.shape)


def _by_prior(
    setting: Setting,
    row: int,
    parameter: str,
    shares: Callable[[Prior, NDArray[np.bool_]], Draws],
    shape: tuple[int, ...],
) -> Draws:
    """Return shares from the prior of the kind that a place has in each draw, and of its status."""
    kinds = setting.kinds[row]
    values = np.empty(shape)
    for position in np.unique(kinds):
        here = kinds == position
        prior = setting.factors.priors.select(parameter, kind=KINDS[position], status=setting.places[row].status)
        values[..., here] = shares(prior, here)
    return values


def _welcome(factors: Factors, rng: np.random.Generator, size: int | tuple[int, int]) -> Draws:
    """Return how many ghosts an address draws, relative to others: a gamma with the mean 1."""
    shape = factors.constant("ghost_spread") ** -2
    return np.asarray(rng.gamma(shape, 1 / shape, size))


def _read(scores: Draws, table: Draws) -> Draws:
    """Return the values of a table of `_SCORES` at other scores, on straight lines."""
    position = np.clip((scores + _REACH) * _STEPS, 0, len(table) - 1 - _EDGE)
    below = position.astype(np.int64)
    return np.asarray(table[below] + (table[below + 1] - table[below]) * (position - below))


@lru_cache
def _table(prior: Prior, stretch: float) -> Draws:
    """Return the prior's values at `_SCORES`; interpolating in them is a hundred times faster than its quantiles."""
    values = prior.quantile(special.ndtr(_SCORES))
    if stretch == 1:
        return values
    odds = special.logit(np.clip(values, _EDGE, 1 - _EDGE))
    return np.asarray(special.expit(odds[len(odds) // 2] + stretch * (odds - odds[len(odds) // 2])))


def settle(setting: Setting, residents: Draws, drawn: Ways, registers: Mapping[int, Known]) -> City:
    """Return the city of every draw, given the registers of single settlements.

    Parameters
    ----------
    setting
        Whose registrations are drawn.
    residents
        D, shape (places, draws); the caller's own: rows with a register are changed.
    drawn
        From `ways`; changed like `residents`.
    registers
        What is known of settlements with a register, by row.

    Notes
    -----
    A settlement's register speaks of that settlement: within each draw of what the city shares, its own share, ghosts
    and factor ε are drawn given the figure, by choosing among `CANDIDATES` ways with ε integrated out, and then ε from
    its normal conditional. Its share is that of its prior, free of what other places have in common. The register may
    be of another boundary (chance `register_elsewhere`), and then errs by `register_elsewhere_spread`: a register far
    from its houses is believed the less. A single one teaches nothing of other settlements; the middle of several tells
    of all homes (`Middle`).
    """
    factors, welcome = setting.factors, drawn.welcome
    own = _own(residents, drawn)
    outside = factors.get("ghost_share")
    outside = outside / (1 - outside) * (residents * (1 - drawn.unregistered)).sum(axis=0)
    per_welcome = (_moved(residents, drawn).sum(axis=0) + outside) / np.maximum((own * welcome).sum(axis=0), _EDGE)
    middle = _middle(setting, residents, registers, per_welcome) if len(registers) >= LEAST else None
    other_boundary = {
        row: _given_register(setting, row, residents[row], drawn, known, per_welcome)
        for row, known in registers.items()
    }
    own = _own(residents, drawn)
    weight = own * welcome
    fixed = np.zeros(len(setting.places), dtype=bool)
    fixed[list(registers)] = True
    ghosts = weight * per_welcome
    moved = _moved(residents, drawn)
    left = moved.sum(axis=0) + outside - ghosts[fixed].sum(axis=0)
    # Registers may hold more ghosts than the city was believed to have: then more of them live outside.
    outside = outside + np.maximum(-left, 0.0)
    free = weight[~fixed]
    ghosts[~fixed] = free * (np.maximum(left, 0.0) / np.maximum(free.sum(axis=0), _EDGE))
    if fixed.all():
        outside = outside - np.maximum(left, 0.0)
    return City(residents, residents * drawn.unregistered, moved, ghosts, outside, other_boundary, middle)


def _own(residents: Draws, drawn: Ways) -> Draws:
    return np.asarray(residents * (1 - drawn.unregistered) * (1 - drawn.elsewhere))


def _moved(residents: Draws, drawn: Ways) -> Draws:
    return np.asarray(residents * (1 - drawn.unregistered) * drawn.elsewhere)


def _middle(setting: Setting, residents: Draws, registers: Mapping[int, Known], per_welcome: Draws) -> Middle:
    """Set the middle of the settlements' registers beside what is registered there in each draw.

    A median, so that single registers of other boundaries do not move it; its error is that of a median of as many
    settlements with their own factors, shares and outlines, and of their choice (`register_sample`): those that have a
    register are no random sample.
    """
    factors = setting.factors
    middling = np.zeros(factors.draws)
    beside = []
    for row, known in registers.items():
        shares, elsewhere = _unregistered(setting, row, middling), _elsewhere(setting, row, middling)
        held = np.log((1 - shares) * (1 - elsewhere) * (1 + per_welcome) + _EDGE)
        expected = np.log(np.maximum(residents[row], _EDGE)) - known.log_noise - known.variance / 2 + held
        beside.append(np.log(known.registered) - expected)
    apart = np.mean(beside, axis=1)
    deviation = stats.median_abs_deviation(apart, scale="normal")
    believed = np.sqrt(np.mean([known.variance for known in registers.values()]) + _outline(factors) ** 2)
    sampled = max(float(deviation), float(believed)) * np.sqrt(np.pi / 2 / len(registers))
    return Middle(np.median(beside, axis=0), float(np.hypot(sampled, factors.constant("register_sample"))))


def _given_register(  # noqa: PLR0913, PLR0917 - a settlement, what is drawn of it, what is known of it
    setting: Setting, row: int, residents: Draws, drawn: Ways, known: Known, per_welcome: Draws
) -> NDArray[np.bool_]:
    """Draw one settlement given its register, in place; return in which draws that is of another boundary."""
    factors = setting.factors
    rng = factors.own("register", setting.places[row].stream)
    size = (CANDIDATES, factors.draws)
    scores = _REACHING * rng.standard_normal(size)
    shares = _unregistered(setting, row, scores, alone=True)
    elsewhere = _elsewhere(setting, row, rng.standard_normal(size))
    welcome = _welcome(factors, rng, size)
    held = np.log((1 - shares) * (1 - elsewhere) * (1 + per_welcome * welcome) + _EDGE)
    lived_in = residents > 0
    log_residents = np.log(np.where(lived_in, residents, 1.0))
    before = log_residents - known.log_noise - known.variance / 2
    observed = np.log(known.registered)
    another = factors.constant("register_elsewhere")
    errors = np.array([_outline(factors), np.hypot(_outline(factors), factors.constant("register_elsewhere_spread"))])
    spread = (known.variance + errors**2)[:, None, None]
    odds = np.log([1 - another, another])[:, None, None] - 0.5 * np.log(spread)
    odds = odds - 0.5 * np.square(observed - before - held) / spread - 0.5 * np.square(scores) * (1 - _REACHING**-2)
    odds = odds.reshape(2 * CANDIDATES, factors.draws)
    reached = np.cumsum(np.exp(odds - odds.max(axis=0)), axis=0)
    chosen = (reached < rng.random(factors.draws) * reached[-1]).sum(axis=0)
    elsewhere_bound, way = np.divmod(chosen, CANDIDATES)
    held, drawn.unregistered[row], drawn.elsewhere[row], drawn.welcome[row] = (
        np.take_along_axis(values, way[None], axis=0)[0] for values in (held, shares, elsewhere, welcome)
    )
    error = errors[elsewhere_bound]
    surprise = observed - log_residents - held - error * rng.standard_normal(factors.draws)
    residents *= np.where(lived_in, np.exp(known.variance / (known.variance + error**2) * surprise), 1.0)
    return np.asarray(elsewhere_bound, dtype=np.bool_)


def _outline(factors: Factors) -> float:
    """Return the standard deviation of the log of a settlement's register: its outline and its day are not ours."""
    return float(np.hypot(factors.constant("register_outline"), date_error(factors)))


def date_error(factors: Factors) -> float:
    """Return the standard deviation of the log of a register that is not of the houses' day."""
    return factors.priors.select("register_error").b


def log_likelihood(city: City, registered: float, *, error: float, seen: float) -> Draws:
    """Return the log-likelihood of each draw given the register of the whole city.

    Parameters
    ----------
    city
        The city's draws.
    registered
        Registered people, as counted.
    error
        Scale of the error of its log, from `register_scale`.
    seen
        Share of the city's people whom the inputs cover; the register covers them all.

    Notes
    -----
    The log of the register is that of ΣR, with an error of Student's t (4 degrees of freedom).
    """
    return heavy_tailed((np.log(registered * seen) - np.log(city.all_registered + _EDGE)) / error)


def heavy_tailed(standard: Draws) -> Draws:
    """Return the log density of Student's t at standardised errors: what contradicts flatly is believed less."""
    return np.asarray(-(_TAIL + 1) / 2 * np.log1p(np.square(standard) / _TAIL))


def register_scale(factors: Factors, *, years: float, seen: float, doubt: float) -> float:
    """Return the scale of the error of the log of the city's register.

    It adds up the errors of the day (`register_error`, and `register_drift` for each of `years`), of the boundary
    (`register_boundary`, and `doubt` where a population raster contradicts the register) and of the share of the people
    that is not seen.
    """
    parts = (
        date_error(factors),
        factors.constant("register_drift") * years,
        factors.priors.select("register_boundary").b,
        doubt,
        (1 - seen) / 2,
    )
    return float(np.sqrt(np.square(parts).sum()))
