"""Draws as they are kept: whole persons, as many of each place and quantity, so that any group can be added up.

Needs numpy alone, so that a question can be answered without waiting for the rest to load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.schema.vocabulary import TOLD_KINDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Draws = NDArray[np.float64]
    Whole = NDArray[np.int32]

KEPT = 1000
"""Draws of each place and quantity that are kept."""

QUANTITIES = ("residents", "registered", "unregistered")
KINDS = TOLD_KINDS
"""The kinds of settlement that have priors, in the order of the codes of `drawn_kind`; a settlement of which no more is
known than that it could not be told is one of them in each draw."""

QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}

HOUSE_M2 = (25.0, 600.0)
"""Footprints of this size may be houses: below are sheds, above are halls and blocks (docs/domain.md)."""
USUAL_LEVELS = 5
"""Storeys of a block of flats of which no source tells them."""

HOME_SPREAD = 0.95
"""Coefficient of variation of residents per outline that may be a home: persons of a home (0.7), homes that are none,
homes that nobody saw. The priors behind it: house_dispersion, residential_share, recall_satellite."""


def quantiles(draws: NDArray[np.float64] | Whole) -> dict[str, float]:
    """Return the quantiles p05, p25, p50, p75, p95 and the mean of draws of one quantity."""
    values = np.quantile(draws, list(QUANTILES.values()))
    return {**dict(zip(QUANTILES, values.tolist(), strict=True)), "mean": float(draws.mean())}


def quantiles_of_each(draws: NDArray[np.float64]) -> list[dict[str, float]]:
    """Return `quantiles` of each row of draws, shape (n, draws)."""
    values = np.quantile(draws, list(QUANTILES.values()), axis=1)
    names = (*QUANTILES, "mean")
    return [dict(zip(names, row, strict=True)) for row in np.vstack([values, draws.mean(axis=1)]).T.tolist()]


def home_floor_m2(kind: NDArray[np.str_], footprint_m2: Draws, levels: Draws) -> Draws:
    """Return the floor area in which people may live, by building: 0 for sheds, halls and outlines too small.

    Levels that nobody told are those that are usual: 5 in a block of flats, else 1.
    """
    flats = kind == "apartments"
    homes = flats | (
        np.isin(kind, ("house", "unknown")) & (footprint_m2 >= HOUSE_M2[0]) & (footprint_m2 <= HOUSE_M2[1])
    )
    usual = np.where(flats, USUAL_LEVELS, 1.0)
    return np.where(
        homes, footprint_m2 * np.where(levels > 0, np.where(flats, levels, np.maximum(levels, 1.0)), usual), 0.0
    )


def is_home(kind: NDArray[np.str_], footprint_m2: Draws, levels: Draws) -> NDArray[np.bool_]:
    """Return whether people may live in each building: the column `home` of the table `buildings`."""
    return home_floor_m2(kind, footprint_m2, levels) > 0


HOME_FLOOR_SQL = f"""CASE
    WHEN kind = 'apartments' THEN footprint_m2 * coalesce(nullif(greatest(levels, 0), 0), {USUAL_LEVELS})
    WHEN kind IN ('house', 'unknown') AND footprint_m2 BETWEEN {HOUSE_M2[0]} AND {HOUSE_M2[1]}
    THEN footprint_m2 * greatest(coalesce(levels, 1), 1) ELSE 0 END"""
"""`home_floor_m2` for a question that must not wait for all buildings to be read."""


def worth(homes: float) -> float:
    """Return a + b of the Beta distribution of the share of people in a part of so many homes."""
    return max(homes / HOME_SPREAD**2 - 1, 0.5)


def inside(share: float, homes: float, rng: np.random.Generator, size: int = KEPT) -> Draws:
    """Return draws of the share of a settlement's people who live in a part of it.

    Parameters
    ----------
    share
        Share of the floor area of its homes in that part.
    homes
        Effective number of its homes, (Σ floor)²/Σ floor².
    rng, size
        Source of the noise, and the number of draws.

    Notes
    -----
    A Beta distribution with the mean `share` and the variance f(1 − f)κ²/n that independent homes with a coefficient
    of variation κ (`HOME_SPREAD`) would give.
    """
    if not 0 < share < 1:
        return np.full(size, float(share))
    total = worth(homes)
    return rng.beta(share * total, (1 - share) * total, size)


def split(draws: Whole, shares: Draws) -> tuple[Whole, Whole]:
    """Return whole persons inside and outside of a part; together they are the whole in every draw."""
    part = np.rint(draws * shares).astype(np.int32)
    return part, draws - part
