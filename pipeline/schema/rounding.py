"""How estimates of people are written: one rule for maps, report, kit, captions and the public edition.

An interval has one step: 50 below 1,000 people, 1,000 from 100,000 people on, else 100, by the end that lies farther
from zero. Its middle goes to the nearest step, its ends go outwards, and it is never without width. The map's script
has the same rule (maps/client/src/rounding.ts); the examples in maps/client/test/rounding.json hold for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

STEPS = ((1_000.0, 50.0), (100_000.0, 100.0))
LARGEST_STEP = 1_000.0


def tenths(people: ArrayLike) -> NDArray[np.float64]:
    """Round people to a tenth: as exactly as pages carry them, and the start of all other rounding."""
    return np.floor(np.asarray(people, dtype=float) * 10 + 0.5) / 10


def round_people(quantiles: pd.DataFrame, prefix: str = "") -> pd.DataFrame:
    """Round 90 % intervals of people as readers see them.

    Parameters
    ----------
    quantiles
        Columns `p05`, `p50`, `p95`, any index.
    prefix
        What stands before these names, such as ``residents_``.

    Returns
    -------
    DataFrame
        These columns, with the same index.
    """
    low, middle, high = (tenths(quantiles[f"{prefix}{name}"]) for name in ("p05", "p50", "p95"))
    size = np.maximum(np.abs(low), np.abs(high))
    step = np.select([size < bound for bound, _ in STEPS], [step for _, step in STEPS], default=LARGEST_STEP)
    middle = np.floor(middle / step + 0.5) * step
    low = np.minimum(np.floor(low / step) * step, middle)
    high = np.maximum(np.ceil(high / step) * step, middle)
    high = np.where(high == low, high + step, high)
    # Plus zero: no minus zero.
    rounded = {f"{prefix}p05": low + 0.0, f"{prefix}p50": middle + 0.0, f"{prefix}p95": high + 0.0}
    return pd.DataFrame(rounded, index=quantiles.index)
