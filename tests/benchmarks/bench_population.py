"""People: how often intervals hold the truth of simulated cities, growth, speed, and the analytic spread.

Cities are judged as a run makes them, by its own tables: settlements as delineated, kinds as told, names as found.
Seeds 60001 to 60010 and 61001 to 61020 were looked at while the joint model was built; those judged here were not.
``BENCH_JUDGED`` names a folder that keeps the runs, so that the measurement can be taken in pieces;
``BENCH_PEOPLE_SEEDS`` sets other seeds.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline import config
from pipeline.declared import facts
from pipeline.run import run
from pipeline.transform import population

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.conftest import Record

ROOT = Path(__file__).parent.parent.parent
SEEDS = tuple(map(int, os.environ.get("BENCH_PEOPLE_SEEDS", " ".join(map(str, range(62001, 62011)))).split()))
DRAWS = 10_000
QUANTITIES = ("residents", "unregistered")
SCOPES = {
    "city": "cities",
    "settlement": "settlements",
    "kind and city": "kinds of settlement, city by city",
    "random group": "random groups of settlements",
}
GROUPS = 100
"""Random groups of settlements in each city."""
RESAMPLES = 1000
COVERAGE = ROOT / "docs" / "coverage.md"
COVERAGE_HEAD = """# Coverage over simulated cities

How often intervals hold the truth: {cities} simulated cities of 20,000 buildings (seeds {first} to {last}, which nobody
looked at while the model was built), each judged by the tables of a whole run. Written by
`tests/benchmarks/bench_population.py`. An interval is meant to hold the truth in 90, or in 50, of 100 cases. A true
settlement is judged where an outline shares at least half of their union with it ({found:.0%} are); places of the true
kind `other`, where hardly anybody lives, are left out. Cities share their effects: the last column is the 90 % interval
of the first share when whole cities are drawn again.

The truth of these cities lies near the priors. How the model does in other styles of mapping, and under stress, has not
been judged yet.

| judged | of | number | 90 % interval holds | 50 % interval holds | median log error | by cities |
|---|---|---|---|---|---|---|"""


def judged_run(out: Path, seed: int) -> pd.DataFrame:
    """Run all cities of one seed and set the truth beside every interval: p05, p25, p50, p75, p95, true."""
    if not (out / "manifest.json").exists():
        settings = config.load(ROOT / "config.toml", out=out, seed=seed)
        run(settings, quiet=True)
    names = ("area_population", "settlement_population", "population_draws")
    tables = {name: pd.read_parquet(out / "tables" / f"{name}.parquet") for name in names}
    places = gpd.read_parquet(out / "tables" / "settlements.parquet")
    rows: list[dict[str, object]] = []
    for truth in sorted((out / "simulated").glob("*/truth")):
        area = truth.parent.name
        city = f"{area}/{seed}"
        told = tables["area_population"].query("area_id == @area").iloc[0]
        main = tables["settlement_population"].query("area_id == @area").set_index("place_id")
        whole = pd.read_parquet(truth / "population.parquet").iloc[0]
        rows += [_row(city, "city", "city", quantity, whole, told) for quantity in QUANTITIES]
        true = gpd.read_parquet(truth / "settlements.parquet")
        pairs = _same_places(true, places[places["area_id"] == area])
        rows += [
            _row(city, "settlement", place["kind"], quantity, place, main.loc[settlement_id])
            for place, settlement_id in pairs
            if settlement_id in main.index
            for quantity in QUANTITIES
        ]
        rows += [{"city": city, "scope": "true settlement", "kind": kind} for kind in true["kind"]]
        held = tables["population_draws"].query("area_id == @area").set_index(["settlement_id", "quantity"])["draws"]
        rows += _groups(city, [pair for pair in pairs if (pair[1], "residents") in held.index], held, seed)
    return pd.DataFrame(rows)


def _same_places(true: gpd.GeoDataFrame, ours: gpd.GeoDataFrame) -> list[tuple[pd.Series, str]]:
    """Pair true settlements with outlines that share at least half of their union."""
    crs = true.estimate_utm_crs()
    a, b = (shapely.make_valid(np.asarray(frame.geometry.to_crs(crs).array, dtype=object)) for frame in (true, ours))
    i, j = shapely.STRtree(b).query(a, predicate="intersects")
    shared = shapely.area(shapely.intersection(a[i], b[j]))
    same = shared >= 0.5 * (shapely.area(a[i]) + shapely.area(b[j]) - shared)
    return [(true.iloc[m], str(ours["settlement_id"].iloc[n])) for m, n in zip(i[same], j[same], strict=True)]


def _row(  # noqa: PLR0913, PLR0917 - a row of the judgement
    city: str, scope: str, kind: str, quantity: str, true: pd.Series, told: pd.Series
) -> dict[str, object]:
    quantiles = {name: float(told[f"{quantity}_{name}"]) for name in ("p05", "p25", "p50", "p75", "p95")}
    small = scope == "settlement" and true["residents"] < 200
    return {
        "city": city, "scope": scope, "kind": kind, "quantity": quantity, "true": float(true[quantity]), "small": small,
        **quantiles,
    }  # fmt: skip


def _groups(city: str, pairs: list[tuple[pd.Series, str]], draws: pd.Series, seed: int) -> Iterator[dict[str, object]]:
    """Judge the sums of random groups of settlements and of all settlements of a true kind, by the kept draws."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, max(3, len(pairs)), GROUPS)
    groups = [("random group", rng.choice(len(pairs), size, replace=False)) for size in sizes]
    kinds = np.array([place["kind"] for place, _ in pairs])
    groups += [("kind and city", np.flatnonzero(kinds == kind)) for kind in np.unique(kinds)]
    for scope, members in groups:
        for quantity in QUANTITIES:
            total = np.sum([np.asarray(draws[pairs[n][1], quantity], dtype=float) for n in members], axis=0)
            told = pd.Series(np.quantile(total, (0.05, 0.25, 0.5, 0.75, 0.95)), ["p05", "p25", "p50", "p75", "p95"])
            true = pd.Series({quantity: sum(float(pairs[n][0][quantity]) for n in members)})
            yield _row(city, scope, "", quantity, true, told)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the runs."""
    return Path(os.environ.get("BENCH_JUDGED") or tmp_path_factory.mktemp("judged"))


@pytest.fixture(scope="module")
def judged(kept: Path) -> pd.DataFrame:
    return pd.concat([judged_run(kept / str(seed), seed) for seed in SEEDS], ignore_index=True)


def inside(rows: pd.DataFrame, low: str = "p05", high: str = "p95") -> pd.Series:
    return (rows[low] <= rows["true"]) & (rows["true"] <= rows[high])


def log_error(rows: pd.DataFrame) -> pd.Series:
    rows = rows[(rows["true"] > 0) & (rows["p50"] > 0)]
    return np.log(rows["p50"] / rows["true"])


def cases(judged: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """What is judged, by quantity; places where hardly anybody lives (true kind `other`) would flatter the figures."""
    lived_in = judged[(judged["kind"] != "other")]
    for quantity in QUANTITIES:
        rows = lived_in[lived_in["quantity"] == quantity]
        for scope, name in SCOPES.items():
            yield quantity, name, rows[rows["scope"] == scope]
        places = rows[rows["scope"] == "settlement"]
        for kind, part in places.groupby("kind"):
            yield quantity, f"settlements, {kind}", part
        yield quantity, "settlements of under 200 people", places[places["small"].astype(bool)]


def by_cities(rows: pd.DataFrame) -> tuple[float, float]:
    """Return the 90 % interval of the share inside when whole cities are drawn again."""
    per_city = inside(rows).groupby(rows["city"]).agg(["sum", "count"]).to_numpy()
    drawn = np.random.default_rng(1).integers(0, len(per_city), (RESAMPLES, len(per_city)))
    held, count = per_city[drawn].sum(axis=1).T
    low, high = np.quantile(held / count, (0.05, 0.95))
    return float(low), float(high)


def test_intervals_hold_the_truth(judged: pd.DataFrame, bar: Record) -> None:
    for quantity, name, rows in cases(judged):
        if name in SCOPES.values():
            widest = 0.96 if name == SCOPES["random group"] else 0.95
            bar(f"{quantity} of {name}: 90 % interval", inside(rows).mean(), at_least=0.85)
            bar(f"{quantity} of {name}: not too wide", inside(rows).mean(), at_most=widest)
            bar(f"{quantity} of {name}: 50 % interval", inside(rows, "p25", "p75").mean(), at_least=0.42)
            bar(f"{quantity} of {name}: 50 %, not too wide", inside(rows, "p25", "p75").mean(), at_most=0.58)


def test_coverage_is_written_down(judged: pd.DataFrame) -> None:
    true = judged[(judged["scope"] == "true settlement") & (judged["kind"] != "other")]
    found = judged[
        (judged["scope"] == "settlement") & (judged["quantity"] == "residents") & (judged["kind"] != "other")
    ]
    lines = [
        COVERAGE_HEAD.format(
            cities=judged["city"].nunique(), first=SEEDS[0], last=SEEDS[-1], found=len(found) / len(true)
        )
    ]
    for quantity, name, rows in cases(judged):
        low, high = by_cities(rows)
        cells = (
            quantity,
            name,
            str(len(rows)),
            f"{inside(rows).mean():.1%}",
            f"{inside(rows, 'p25', 'p75').mean():.1%}",
            f"{log_error(rows).median():+.2f}",
            f"{low:.0%} to {high:.0%}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    COVERAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_growth(kept: Path, judged: pd.DataFrame, bar: Record) -> None:
    """The run itself sets the truth beside its growth."""
    assert len(judged), "the runs are there"
    checks = pd.concat([pd.read_parquet(kept / str(seed) / "tables" / "validation.parquet") for seed in SEEDS])
    checks = checks[checks["check_id"].str.startswith("truth/") & (checks["verdict"] != "not comparable")]
    onset, built = (checks[checks["quantity"] == quantity] for quantity in ("onset_year", "built_m2"))
    bar("onset year within five years", (onset["verdict"] == "inside").mean(), at_least=0.9)
    bar("growth totals, largest error", np.expm1(built["log_ratio"].abs()).max(), at_most=0.02)


def million(settlements: int, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a made-up city of many settlements."""
    rng = np.random.default_rng(1)
    names = np.array([f"bishkek/s{n:04}" for n in range(settlements)])
    kinds = rng.choice(["novostroika", "village", "formal", "dacha"], settlements)
    places = pd.DataFrame(
        {
            "settlement_id": names,
            "name": names,
            "kind": kinds,
            "status": "unknown",
            "area_m2": rng.uniform(1e4, 1e6, settlements),
        }
    )
    levels = np.where(rng.random(count) < 0.3, rng.integers(1, 6, count), np.nan)
    houses = pd.DataFrame(
        {
            "settlement_id": pd.Series(names[rng.integers(0, settlements, count)], dtype="str"),
            "kind": rng.choice(["house", "unknown", "outbuilding", "apartments"], count, p=[0.7, 0.15, 0.14, 0.01]),
            "seen_by": rng.choice(["both", "osm", "satellite"], count),
            "footprint_m2": rng.uniform(20, 250, count),
            "levels": levels,
            **{tag: pd.Series(pd.NA, index=range(count), dtype="str") for tag in ("building", "amenity", "shop")},
        }
    )
    return houses, places


def test_speed(bar: Record) -> None:
    houses, places = million(500, 1_000_000)
    start = time.process_time()
    result = population.estimate(
        houses, places, "bishkek", "KG", priors=facts.priors(), draws=DRAWS, seed=1, season="winter"
    )
    bar("500 settlements, 1,000,000 buildings, 10,000 draws (CPU)", time.process_time() - start, at_most=5, unit="s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    bar("memory of the whole process at its peak, inputs included", peak, at_most=1, unit="GiB")
    off = (result.spread["cv2"] / result.spread["analytic_cv2"] - 1).abs()
    bar("CV² against Π(1 + CV_k²) − 1: settlements off by more than 10 %", (off > 0.1).mean(), at_most=0)
