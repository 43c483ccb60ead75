"""Draws given data: a proposal fitted to a pilot, importance weights, tempering where too few draws are left.

Nothing here knows of people: latent variables are standard normal, data are given by their log-likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Draws = NDArray[np.float64]

ENOUGH = 400
"""Effective draws below which a posterior is tempered."""

_FROM_PRIOR = 4
"""Every so many-th draw is left where the prior put it: no weight exceeds this many times the likelihood."""

_WIDER = 1.25
"""The proposal's standard deviations over those of the linear fit: too wide costs little, too narrow loses tails."""


@dataclass(frozen=True)
class Proposal:
    """A normal distribution of some latent variables from which to draw instead of N(0, 1).

    Attributes
    ----------
    names
        The latent variables, in the order of the rows.
    mean, factor
        Mean, shape (k,), and a square root of the covariance, shape (k, k).
    """

    names: tuple[str, ...]
    mean: Draws
    factor: Draws

    def move(self, scores: Draws) -> Draws:
        """Return scores of the prior, shape (k, draws), moved to the proposal, but for every fourth."""
        moved = self.mean[:, None] + self.factor @ scores
        moved[:, ::_FROM_PRIOR] = scores[:, ::_FROM_PRIOR]
        return np.asarray(moved)

    def log_weights(self, moved: Draws) -> Draws:
        """Return ln of prior over proposal at each draw, the proposal taken as the mixture that `move` draws from."""
        own = np.linalg.solve(self.factor, moved - self.mean[:, None])
        # The constants of both normals cancel but for the determinant.
        log_own = -0.5 * np.square(own).sum(axis=0) - np.linalg.slogdet(self.factor)[1]
        log_prior = -0.5 * np.square(moved).sum(axis=0)
        share = 1 / _FROM_PRIOR
        return np.asarray(log_prior - np.logaddexp(np.log(1 - share) + log_own, np.log(share) + log_prior))


def fit(scores: Mapping[str, Draws], predicted: Draws, observed: Draws, error: Draws) -> Proposal | None:
    """Fit the proposal that would be exact if the data depended linearly on normal latent variables.

    Parameters
    ----------
    scores
        Pilot draws of the latent variables from their prior, each of shape (draws,).
    predicted
        What the data would be at each pilot draw, shape (data, draws), without the error of observation.
    observed, error
        The data and the standard deviations of their errors, shape (data,).

    Returns
    -------
    Proposal or None
        None: no latent variable moves with the data.
    """
    names = [name for name, values in scores.items() if _matters(values, predicted)]
    if not names:
        return None
    latent = np.stack([scores[name] for name in names])
    design = np.vstack([np.ones(latent.shape[1]), latent]).T
    coefficients, *_ = np.linalg.lstsq(design, predicted.T, rcond=None)
    residual = predicted.T - design @ coefficients
    noise = residual.T @ residual / len(design) + np.diag(np.square(error))
    slope = coefficients[1:].T
    pull = slope.T @ np.linalg.inv(noise)
    covariance = np.linalg.inv(np.eye(len(names)) + pull @ slope)
    mean = covariance @ pull @ (observed - coefficients[0])
    return Proposal(tuple(names), mean, np.linalg.cholesky(covariance) * _WIDER)


def _matters(values: Draws, predicted: Draws) -> bool:
    """Return whether a latent variable correlates with any datum by more than three standard errors."""
    centred = values - values.mean()
    other = predicted - predicted.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.square(centred).sum() * np.square(other).sum(axis=1))
    correlation = np.abs(other @ centred) / np.where(scale > 0, scale, np.inf)
    return bool((correlation > 3 / np.sqrt(values.size)).any())


def effective(log_weights: Draws) -> float:
    """Return Kish's effective number of weighted draws, (Σw)²/Σw²."""
    return float(np.exp(2 * special.logsumexp(log_weights) - special.logsumexp(2 * log_weights)))


def temper(log_prior: Draws, log_likelihood: Draws) -> tuple[Draws, float]:
    """Return log weights, and the power to which the likelihood had to be raised to keep `ENOUGH` effective draws.

    A power below 1 says that the data were believed less than they claim: the interval is wider, never narrower.
    """
    enough = min(ENOUGH + 1.0, 0.5 * effective(log_prior))

    def short(power: float) -> float:
        return effective(log_prior + power * log_likelihood) - enough

    power = 1.0 if short(1.0) >= 0 else float(optimize.brentq(short, 0.0, 1.0, xtol=1e-12))
    return log_prior + power * log_likelihood, power


def resample(log_weights: Draws, size: int) -> NDArray[np.int64]:
    """Return positions of `size` draws, each as often as its weight demands (systematic, in ascending order)."""
    weights = np.exp(log_weights - log_weights.max())
    edges = np.cumsum(weights)
    points = (np.arange(size) + 0.5) / size * edges[-1]
    return np.asarray(np.minimum(np.searchsorted(edges, points), len(edges) - 1), dtype=np.int64)
