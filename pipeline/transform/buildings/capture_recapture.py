"""How many buildings neither source saw: capture-recapture, with its assumption stated and its doubt kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE_CLASSES_M2 = (25.0, 60.0, 120.0, 350.0)
"""Bounds of the size classes: a detector misses a shed sooner than a house, and so does a mapper."""
SQUARE_M = 60.0
"""Side of the squares, nine of which tell how thoroughly a building's neighbourhood is mapped."""
COVERAGE_CLASSES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9)
"""Bounds of the share of a neighbourhood's satellite footprints that OSM has too."""
WORTH = 20.0
"""How many buildings the recall of all places counts for where a class has few: a settlement that no mapper has touched
shows nothing of what the satellite missed there."""
LEAST_SHARED = 10
"""Fewer buildings in both lists tell nothing of what they miss."""
DEPENDENCE = (0.6, 0.7)
"""ln of the number that neither saw over the number there would be were the two lists independent: mean and standard
deviation. Two lists cannot tell it (three would). What hides a house from a detector, trees or an adobe roof, hides it
from the mapper who draws from the same image, so that the number is rather more: between 0.6 and 5.8 times as many."""
VERDICTS = (("complete", 0.05), ("partial", 0.2))
"""What is said of the layer while the share that neither source saw is at most this."""
_BITS = 31
_MASK = (1 << _BITS) - 1
Z_90 = float(norm.ppf(0.95))


@dataclass(frozen=True, slots=True)
class Unseen:
    """Estimate of the buildings that neither source saw: count and its 90 % interval."""

    low: float
    estimate: float
    high: float
    seen: float
    """Buildings that at least one source saw, less the expected false positives."""

    def share(self, count: float) -> float:
        """Return `count` unseen buildings as a share of all buildings."""
        total = self.seen + count
        return count / total if total > 0 else float("nan")


def neighbourhood_coverage(centres: NDArray[np.float64], seen_by: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return, for each building, the share of the satellite-seen ones around it that OSM has too (not itself).

    Around it: in its square of `SQUARE_M` and the eight next to it; zero where there are none.
    """
    column, row = (np.floor(centres.T / SQUARE_M).astype(np.int64) + 1) & _MASK
    squares, own = np.unique((column << _BITS) | row, return_inverse=True)
    detected, shared = (seen_by != "osm").astype(float), (seen_by == "both").astype(float)
    counts = np.stack([np.bincount(own, which, len(squares)) for which in (detected, shared)], axis=1)
    around = np.zeros_like(counts)
    for step in (east * (1 << _BITS) + north for east in (-1, 0, 1) for north in (-1, 0, 1)):
        at = np.minimum(np.searchsorted(squares, squares + step), len(squares) - 1)
        there = squares[at] == squares + step
        around[there] += counts[at[there]]
    others, both = around[own].T - (detected, shared)
    shares: NDArray[np.float64] = both / np.maximum(others, 1)
    return shares


def unseen(
    seen_by: NDArray[np.object_],
    size: NDArray[np.int64],
    coverage: NDArray[np.int64],
    false_positive: tuple[float, float],
) -> Unseen:
    """Estimate how many buildings neither source saw.

    In each class of size and coverage, Lincoln and Petersen's estimate: of OSM's buildings a share r is in the
    satellite's list too, so that of those that OSM lacks, (1 - r)/r times as many as the satellite saw are missing from
    both. Where a class holds few of OSM's buildings, r is drawn towards that of its size in all places, by `WORTH`
    buildings. The number that only the satellite saw is first lessened by the expected false positives, whose
    uncertainty is shared by all classes. The interval is log-normal (Chao 1987); its variance is that of sampling, of
    the false positives and of `DEPENDENCE`.

    Parameters
    ----------
    seen_by
        ``osm``, ``satellite`` or ``both``, as independent lists: a copy counts for the list that it was copied from.
    size, coverage
        Class of each building, shape (n,).
    false_positive
        Share of the satellite's footprints that are no buildings: its mean and standard deviation.
    """
    counts = pd.crosstab([size, coverage], seen_by).reindex(columns=["osm", "satellite", "both"], fill_value=0)
    of_size = counts.groupby(level=0).transform("sum")
    osm, satellite, both = counts.to_numpy(dtype=float).T
    rate, spread = false_positive
    detected = satellite + both
    real = np.clip(satellite - rate * detected, 0, None)
    pooled = ((of_size["both"] + 1) / (of_size["both"] + of_size["osm"] + 2)).to_numpy()
    mapped = both + osm + WORTH
    recall = (both + WORTH * pooled) / mapped
    missed = (1 - recall) / recall
    count = real * missed
    estimate = float(count.sum())
    seen = float((osm + real + both).sum())
    if estimate <= 0:
        return Unseen(0.0, 0.0, 0.0, seen)
    # The odds of being missed have the relative variance 1 / (n r (1 - r)); what is seen varies as counts do.
    sampling = count**2 / (mapped * recall * (1 - recall)) + missed**2 * real
    from_rate = (missed * np.minimum(detected, satellite / rate)).sum() * spread
    relative = (sampling.sum() + from_rate**2) / estimate**2
    mean, deviation = DEPENDENCE
    middle = estimate * float(np.exp(mean))
    factor = float(np.exp(Z_90 * np.sqrt(np.log1p(relative) + deviation**2)))
    return Unseen(middle / factor, middle, middle * factor, seen)


def completeness(  # noqa: PLR0913, PLR0917 - what is known of each building
    area_id: str,
    seen_by: NDArray[np.object_],
    centres: NDArray[np.float64],
    area_m2: NDArray[np.float64],
    false_positive: tuple[float, float],
    copied: NDArray[np.bool_],
) -> pd.DataFrame:
    """Return rows of the table `completeness` for the merged buildings of an area.

    Parameters
    ----------
    area_id
        The area.
    seen_by
        ``osm``, ``satellite`` or ``both``, shape (n,).
    centres
        Centres of the buildings in metres, shape (n, 2).
    area_m2
        Areas of the outlines, shape (n,).
    false_positive
        Share of the satellite's footprints that are no buildings: its mean and standard deviation.
    copied
        Which outlines are the same in both sources, so that one was copied from the other, shape (n,).
    """
    counts = {source: int((seen_by == source).sum()) for source in ("osm", "satellite", "both")}
    rows = [(f"seen_by_{source}", float(n), "unknown") for source, n in counts.items()]
    independent = np.where(copied, "satellite", seen_by)
    if (independent == "both").sum() >= LEAST_SHARED and (independent != "both").any():
        classes = np.digitize(area_m2, SIZE_CLASSES_M2)
        coverage = np.digitize(neighbourhood_coverage(centres, independent), COVERAGE_CLASSES)
        result = unseen(independent, classes, coverage, false_positive)
        middle = result.share(result.estimate)
        verdict = next((word for word, most in VERDICTS if middle <= most), "sparse")
        shares = {"p05": result.low, "p50": result.estimate, "p95": result.high}
        rows += [(f"unseen_share_{q}", result.share(count), verdict) for q, count in shares.items()]
    else:
        rows += [(f"unseen_share_{q}", float("nan"), "unknown") for q in ("p05", "p50", "p95")]
    frame = pd.DataFrame(rows, columns=["measure", "value", "verdict"])
    frame.insert(0, "area_id", area_id)
    frame.insert(1, "layer", "buildings")
    return frame
