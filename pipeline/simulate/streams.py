"""Random streams keyed by names, so that no city, settlement or stage depends on the order in which others are made."""

from __future__ import annotations

import hashlib

import numpy as np


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


def chance(rng: np.random.Generator, share: float) -> bool:
    """Return True with the given probability."""
    return bool(rng.random() < share)
