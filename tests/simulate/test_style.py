"""Simulated maps look as real ones do, each in its own way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from pipeline import simulate
from tests.simulate.conftest import Files
from tests.simulate.style_measures import REAL, measure

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Area

CITIES = (("bishkek", 52_001), ("osh", 52_002), ("almaty", 52_003), ("astana", 52_004), ("osh", 52_005))


@pytest.fixture(scope="module")
def styles(tmp_path_factory: pytest.TempPathFactory, known: dict[str, Area]) -> pd.DataFrame:
    def one(name: str, seed: int) -> dict[str, float]:
        folder: Path = tmp_path_factory.mktemp(f"{name}{seed}")
        area = simulate.write_area(known[name], folder, buildings=6_000, seed=seed)
        return measure(Files(area, folder))

    return pd.DataFrame([one(name, seed) for name, seed in CITIES])


@pytest.mark.parametrize("name", REAL)
def test_styles_lie_within_the_real_range(styles: pd.DataFrame, name: str) -> None:
    low, high = REAL[name]
    assert low <= styles[name].median() <= high
    assert styles[name].between(low, high).sum() >= 3, styles[name].tolist()


@pytest.mark.parametrize("name", REAL)
def test_styles_vary_between_cities(styles: pd.DataFrame, name: str) -> None:
    low, high = REAL[name]
    assert styles[name].max() - styles[name].min() > 0.05 * (high - low)
