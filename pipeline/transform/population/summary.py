"""Draws put into rows: quantiles of the table `population`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def quantiles(draws: NDArray[np.float64]) -> dict[str, float]:
    """Return the quantiles p05, p25, p50, p75, p95 and the mean of draws of one quantity."""
    values = np.quantile(draws, list(QUANTILES.values()))
    return {**dict(zip(QUANTILES, values.tolist(), strict=True)), "mean": float(draws.mean())}
