"""The style of simulated maps beside that of real ones: ``python -m tests.benchmarks.bench_style [SEED …]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pandas as pd

from pipeline import config, simulate
from tests.benchmarks.simulated import BUILDINGS, CITIES, SEEDS
from tests.simulate.conftest import Files
from tests.simulate.style_measures import REAL, measure

_CONFIG = Path(__file__).parents[2] / "config.toml"


def main(seeds: list[int]) -> None:
    """Print least, median and most of each measure over cities and seeds, and how many lie within the real range."""
    known = config.load(_CONFIG).areas
    rows = []
    for seed in seeds:
        for name in CITIES:
            with tempfile.TemporaryDirectory() as folder:
                area = simulate.write_area(known[name], Path(folder), buildings=BUILDINGS, seed=seed)
                rows.append(measure(Files(area, Path(folder))))
    measured = pd.DataFrame(rows)
    print(f"{'measure':24}{'least':>9}{'median':>9}{'most':>9}{'real from':>11}{'to':>9}{'inside':>9}")  # noqa: T201
    for name in measured:
        values = measured[name]
        low, high = REAL.get(str(name), (float("nan"), float("nan")))
        inside = f"{values.between(low, high).mean():9.0%}" if name in REAL else ""
        spread = f"{values.min():9.3g}{values.median():9.3g}{values.max():9.3g}"
        print(f"{name:24}{spread}{low:11.3g}{high:9.3g}{inside}")  # noqa: T201


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or list(SEEDS))
