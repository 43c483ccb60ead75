"""Which factor owns which share of an interval's width, and whether the spread is what theory says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Draws = NDArray[np.float64]

DECOMPOSITION_COLUMNS = ("area_id", "quantity", "factor", "share")
REMAINDER = "settlement_noise"


def decompose(area_id: str, quantity: str, draws: Draws, factors: Mapping[str, Draws]) -> pd.DataFrame:
    """Return the share of variance that each factor explains, largest first.

    Parameters
    ----------
    area_id, quantity
        What the draws are of.
    draws
        Draws of the quantity; its log is decomposed where all are positive (a product of factors adds up in logs), else
        the quantity itself.
    factors
        Normal scores behind each shared factor, by name: with them a factor enters the log of a product nearly in a
        straight line.

    Returns
    -------
    pandas.DataFrame
        Columns `DECOMPOSITION_COLUMNS`; the shares add up to 1. `settlement_noise` is what no shared factor explains.

    Notes
    -----
    For independent factors and an additive response, the first-order sensitivity index is the squared correlation of
    factor and response (Saltelli et al. 2008, Global Sensitivity Analysis, ch. 1). Correlations below three standard
    errors (3/√n) are taken as none.
    """
    response = np.log(draws) if (draws > 0).all() else draws
    if response.std() == 0:
        return pd.DataFrame(columns=list(DECOMPOSITION_COLUMNS))
    squared = {name: float(np.corrcoef(scores, response)[0, 1] ** 2) for name, scores in factors.items()}
    shares = {name: value for name, value in squared.items() if value > 9 / draws.size}
    total = sum(shares.values())
    scale = 1 / total if total > 1 else 1.0
    rows = [(area_id, quantity, name, value * scale) for name, value in shares.items()]
    rows.append((area_id, quantity, REMAINDER, max(0.0, 1 - total)))
    table = pd.DataFrame(rows, columns=list(DECOMPOSITION_COLUMNS))
    return table.sort_values(["share", "factor"], ascending=[False, True], ignore_index=True)


def cv2(draws: Draws) -> float:
    """Return the squared coefficient of variation, Var/mean²."""
    return float(draws.var() / draws.mean() ** 2)


def analytic_cv2(factors: Mapping[str, Draws]) -> float:
    """Return Π(1 + CV_k²) − 1, the squared coefficient of variation of a product of independent factors."""
    return product_cv2([cv2(draws) for draws in factors.values()])


def product_cv2(parts: Sequence[float]) -> float:
    """Return Π(1 + CV_k²) − 1 from the squared coefficients of variation of independent factors."""
    return float(np.prod([1 + part for part in parts]) - 1)
