"""Random streams keyed by names, so that no city, settlement or stage depends on the order in which others are made."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return the generator that belongs to a seed and a path of names.

    Parameters
    ----------
    seed
        The seed of the whole simulation.
    *names
        What the numbers are for, such as ``"osh", "people"``; equal names give equal numbers, always.
    """
    digest = hashlib.sha256("/".join(names).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def varied(rng: np.random.Generator, shares: Sequence[float]) -> list[float]:
    """Return shares that sum to 1, each given one times a lognormal factor of a third."""
    drawn = np.asarray(shares) * rng.lognormal(0.0, 0.33, len(shares))
    scaled: list[float] = (drawn / drawn.sum()).tolist()
    return scaled


def chance(rng: np.random.Generator, share: float) -> bool:
    """Return True with the given probability."""
    return bool(rng.random() < share)
