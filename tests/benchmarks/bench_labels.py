"""What twenty labels teach, in cities whose settlements the shipped weights tell wrong: F1 by buildings, the rest only.

A city of other conventions is a simulated one of which the evidence is read otherwise: its waves came eighteen years
earlier, the state has paved its new settlements and no other streets, its official districts carry the word of new
settlements elsewhere, and nothing is published of it. A silent one has no rasters. ``BENCH_SEEDS`` and ``BENCH_CITIES``
as in `simulated`; seeds that were never used while tuning by default.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from pipeline.transform.settlements.classification import judge
from pipeline.transform.settlements.evidence import gather
from pipeline.transform.settlements.learning import learn, leave_one_out
from tests.benchmarks.simulated import CITIES, city, settled, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.benchmarks.conftest import Record

SEEDS = tuple(int(seed) for seed in os.environ.get("BENCH_SEEDS", "93001").split())
LABELS, CHOICES = 20, 20
EARLIER_YEARS = 18
LEAST = 3
"""A settlement is judged from so many true buildings on."""


def found(area_id: str, seed: int, stress: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the evidence of a city's settlements, and their true buildings by kind."""
    made = city(area_id, seed, stress)
    there = settled(made)
    truth = made.settlements["kind"]
    told = shown(made.merged.buildings, made.buildings)
    told = told.map(made.buildings.set_index("building_id")["settlement_id"]).map(truth)
    votes = pd.crosstab(there.houses["settlement_id"].to_numpy(), told.to_numpy())
    votes = votes.reindex(there.places["settlement_id"]).fillna(0).reset_index(drop=True)
    evidence = gather(there.places, there.houses, made.layers, there.onset, made.area.country).reset_index(drop=True)
    return evidence, votes


def conventions(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the evidence of the same settlements in a city of other conventions."""
    words = {"novostroika": "formal", "formal": "novostroika"}
    return evidence.assign(
        listed=None,
        onset=evidence["onset"] - EARLIER_YEARS,
        unpaved_share=1 - evidence["unpaved_share"],
        name_word=[words.get(word, word) for word in evidence["name_word"]],
    )


def f1(kind: pd.Series, votes: pd.DataFrame, judged: NDArray[np.bool_]) -> float:
    """Return F1 of "new settlement" by buildings; what is undetermined counts as not found."""
    new, every = votes["novostroika"].to_numpy(), votes.sum(axis=1).to_numpy()
    told = (kind == "novostroika").to_numpy() & judged
    right, missed = new[told].sum(), new[judged & ~told].sum()
    return float(2 * right / max(right + every[told].sum() + missed, 1))


def trials(evidence: pd.DataFrame, votes: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return F1 before and after, and the trial of the labels on each other, for each random choice of labels."""
    truth = votes.idxmax(axis=1)
    judged = votes.sum(axis=1).to_numpy() >= LEAST
    before = judge(evidence)["kind"]
    rows = []
    for choice in range(CHOICES):
        chosen = np.random.default_rng((seed, choice)).choice(np.flatnonzero(judged), LABELS, replace=False)
        rest = judged.copy()
        rest[chosen] = False
        trial = leave_one_out(evidence.iloc[chosen], truth.iloc[chosen])
        learned = learn(evidence.iloc[chosen], truth.iloc[chosen])
        after = judge(evidence, learned, style=trial.style)["kind"]
        rows.append((f1(before, votes, rest), f1(after, votes, rest), trial.shipped, trial.learned))
    return pd.DataFrame(rows, columns=["before", "after", "shipped", "learned"])


@pytest.mark.parametrize("name", ["other conventions", "silent"])
def test_twenty_labels(name: str, bar: Record) -> None:
    shares = []
    for seed in SEEDS:
        for area_id in CITIES:
            evidence, votes = found(area_id, seed, "no_rasters" if name == "silent" else "")
            if len(evidence) < 2 * LABELS:
                continue
            tried = trials(evidence if name == "silent" else conventions(evidence), votes, seed)
            half = tried["after"] - tried["before"] >= (1 - tried["before"]) / 2
            shares.append(half.mean())
            text = f"labels, {name}, {area_id} {seed}"
            bar(f"{text}: F1 without labels", tried["before"].mean(), at_least=0)
            bar(f"{text}: F1 of the rest after {LABELS}", tried["after"].mean(), at_least=0)
            bar(f"{text}: choices that win half of what is missing", half.mean(), at_least=0.85)
    bar(f"labels, {name}: choices that win half of what is missing", float(np.mean(shares)), at_least=0.85)
