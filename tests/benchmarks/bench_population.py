"""People: how often intervals hold the truth of simulated cities, at ease and under stress, calibration, growth, speed.

Cities are judged as a run makes them, by its own steps: settlements as delineated, kinds as told, names as found.
Seeds 93001 to 93112, 98101 to 98106 and 96001 to 96003 were looked at while widths were set; the others were not.
``BENCH_JUDGED`` names a folder that keeps what was judged, so that the measurement can be taken in pieces;
``BENCH_PEOPLE_SEEDS`` sets other seeds.
"""

from __future__ import annotations

import os
import resource
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy import stats

from pipeline import config, simulate
from pipeline.declared import catalogue, facts
from pipeline.extract import inputs
from pipeline.run import run, steps
from pipeline.simulate import stress as stresses
from pipeline.transform import population
from pipeline.transform.population import joint
from tests.benchmarks import made_up_city
from tests.benchmarks.made_up_city import QUANTITIES
from tests.transform import calibration
from tests.transform.test_population_joint import model_city

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from pipeline.config import Area, Config
    from tests.benchmarks.conftest import Record

    Pairs = list[tuple[pd.Series, str]]
    """True settlements and the ids of the outlines found of them."""

ROOT = Path(__file__).parent.parent.parent
SEEDS = tuple(map(int, os.environ.get("BENCH_PEOPLE_SEEDS", " ".join(map(str, range(96004, 96014)))).split()))
BUILDINGS = 8_000
BASE = ""
STRESSES = (
    "empty=0.5", "households=2.5", "boundary=0.65", "recall=0.55", "recall=0.55,dependence=0.6", "import=0.9", "larger",
    "untagged", "unmapped=0.4", "no_satellite", "no_osm_buildings", "no_rasters",
)  # fmt: skip
"""What is made hard about people; each in small cities: Osh and Almaty of four seeds of its own."""
SMALL = ("osh", "almaty")
SMALL_BUILDINGS = 4_000
STRESSED, SMALL_SEEDS = 96110, int(os.environ.get("BENCH_PEOPLE_STRESSED", "4"))
"""The first of those seeds, and how many a stress has."""
SAYS = {
    "registers_above_houses": "homes hold more people than believed",
    "register_beside_raster": "the register may be of another boundary",
    "registers_below_houses": "homes hold fewer people than believed, or fewer are registered",
    "partly_seen": "the estimate is of a mapped part",
    "tempered": "data contradict the priors",
}
"""Notices by which a run says of itself that an assumption fails for the whole city."""
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
SCOPES = {
    "city": "cities",
    "settlement": "settlements",
    "kind and city": "kinds of settlement, city by city",
    "random group": "random groups of settlements",
}
COUNTRIES = {"bishkek": "Kyrgyzstan", "osh": "Kyrgyzstan", "almaty": "Kazakhstan", "astana": "Kazakhstan"}
GROUPS = 100
"""Random groups of settlements in each city."""
CALIBRATED = 500
"""Cities drawn from the model itself."""
RESAMPLES = 1000
LARGE_CELL = 40
"""Settlements of one kind, country or status from which on they are judged by themselves."""
COVERAGE = ROOT / "docs" / "coverage.md"


def judged(folder: Path, seed: int, stress: str = BASE) -> pd.DataFrame:
    """Make the estimates of a run for cities of one seed, and set the truth beside every interval."""
    done = folder / f"{stress or 'base'}-{seed}.parquet"
    if not done.exists():
        work = folder / f"work-{stress}-{seed}"
        shutil.rmtree(work, ignore_errors=True)
        areas = config.load(ROOT / "config.toml").areas
        chosen = [area for name, area in areas.items() if stress == BASE or name in SMALL]
        size = BUILDINGS if stress == BASE else SMALL_BUILDINGS
        told = simulate.write(chosen, work / "cities", buildings=size, seed=seed, stress=stresses.parse([stress]))
        parts = []
        for area in chosen:
            settings = config.load(told, areas=(area.area_id,))
            places, people = _estimate(settings.areas[area.area_id], settings)
            truth = Truth.read(work / "cities" / area.area_id / "truth")
            parts.append(rows(f"{area.area_id}/{seed}", people, truth, same_places(truth.settlements, places), seed))
        pd.concat(parts, ignore_index=True).assign(stress=stress).to_parquet(done)
        shutil.rmtree(work)
    return pd.read_parquet(done)


def _estimate(area: Area, settings: Config) -> tuple[gpd.GeoDataFrame, steps.People]:
    """Take the steps of a run as far as the people."""
    layers = catalogue.default()
    read = inputs.read(area, layers)
    measured = steps.Measured.of(area, layers, read)
    merged = steps.merge(settings.run.season, measured)
    delineation = steps.delineate(measured, merged)
    traced = steps.name_and_trace(None, measured, delineation)
    houses = steps.houses(merged, delineation, traced)
    places = steps.classify(measured, traced, houses, read.data.labels)
    cells = steps.cover(measured, houses)
    registers = (read.data.registered, read.data.survey)
    return places.settlements, steps.estimate(settings, measured, registers, houses, places, cells)


@dataclass(frozen=True)
class Truth:
    """What is true of a simulated city: its row of `population`, and its settlements."""

    whole: pd.Series
    settlements: gpd.GeoDataFrame

    @classmethod
    def read(cls, folder: Path) -> Self:
        whole = pd.read_parquet(folder / "population.parquet").iloc[0]
        return cls(whole, gpd.read_parquet(folder / "settlements.parquet"))


def rows(city: str, people: steps.People, truth: Truth, pairs: Pairs, seed: int) -> pd.DataFrame:
    """Judge one city: p05, p25, p50, p75, p95 and true of the whole, of settlements, kinds and random groups."""
    draws = people.estimate.draws
    held = {(place, quantity): np.asarray(values, dtype=float) for place, quantity, values in zip(
        draws["settlement_id"].fillna(""), draws["quantity"], draws["draws"], strict=True)}  # fmt: skip
    says = sorted({notice.code for notice in people.estimate.notices if notice.code in SAYS})
    made: list[dict[str, object]] = []
    if people.seen.told in {"city", "unknown"}:
        for quantity in QUANTITIES:
            total = np.sum([values for (_, told), values in held.items() if told == quantity], axis=0)
            made.append(_row(city, "city", "city", quantity, truth.whole, total))
    pairs = [(place, ours) for place, ours in pairs if (ours, "residents") in held]
    made += [
        _row(city, "settlement", place["kind"], quantity, place, held[ours, quantity]) | {"status": place["status"]}
        for place, ours in pairs
        for quantity in QUANTITIES
    ]
    made += [{"city": city, "scope": "true settlement", "kind": kind} for kind in truth.settlements["kind"]]
    made += _groups(city, pairs, held, seed)
    return pd.DataFrame(made).assign(says=" ".join(says))


def same_places(true: gpd.GeoDataFrame, ours: gpd.GeoDataFrame) -> Pairs:
    """Pair true settlements with outlines that share at least half of their union."""
    crs = true.estimate_utm_crs()
    a, b = (shapely.make_valid(np.asarray(frame.geometry.to_crs(crs).array, dtype=object)) for frame in (true, ours))
    i, j = shapely.STRtree(b).query(a, predicate="intersects")
    shared = shapely.area(shapely.intersection(a[i], b[j]))
    same = shared >= 0.5 * (shapely.area(a[i]) + shapely.area(b[j]) - shared)
    return [(true.iloc[m], str(ours["settlement_id"].iloc[n])) for m, n in zip(i[same], j[same], strict=True)]


def _row(  # noqa: PLR0913, PLR0917 - a row of the judgement
    city: str, scope: str, kind: str, quantity: str, true: pd.Series, draws: np.ndarray
) -> dict[str, object]:
    quantiles = dict(zip(QUANTILES, np.quantile(draws, list(QUANTILES.values())).tolist(), strict=True))
    small = scope == "settlement" and true["residents"] < 200
    few = scope == "settlement" and quantiles["p50"] < 200 and quantity == "residents"
    return {
        "city": city, "scope": scope, "kind": kind, "quantity": quantity, "true": float(true[quantity]), "small": small,
        "few": few, **quantiles,
    }  # fmt: skip


def _groups(city: str, pairs: Pairs, held: dict[tuple[str, str], np.ndarray], seed: int) -> Iterator[dict[str, object]]:
    """Judge the sums of random groups of settlements and of all settlements of a true kind, by the kept draws."""
    rng = np.random.default_rng(seed)
    sizes = np.minimum(rng.integers(2, max(3, len(pairs)), GROUPS), len(pairs))
    groups = [("random group", rng.choice(len(pairs), size, replace=False)) for size in sizes]
    kinds = np.array([place["kind"] for place, _ in pairs])
    groups += [("kind and city", np.flatnonzero(kinds == kind)) for kind in np.unique(kinds)]
    for scope, members in groups:
        for quantity in QUANTITIES:
            total = np.sum([held[pairs[n][1], quantity] for n in members], axis=0)
            true = pd.Series({quantity: sum(float(pairs[n][0][quantity]) for n in members)})
            yield _row(city, scope, "", quantity, true, total)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what was judged."""
    folder = Path(os.environ.get("BENCH_JUDGED") or tmp_path_factory.mktemp("judged"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def at_ease(kept: Path) -> pd.DataFrame:
    return pd.concat([judged(kept, seed) for seed in SEEDS], ignore_index=True)


@pytest.fixture(scope="module")
def under_stress(kept: Path) -> pd.DataFrame:
    return pd.concat(
        [
            judged(kept, STRESSED + 4 * position + n, stress)
            for position, stress in enumerate(STRESSES)
            for n in range(SMALL_SEEDS)
        ],
        ignore_index=True,
    )


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
        cells = (places["kind"], places["city"].str.split("/").str[0].map(COUNTRIES), "status " + places["status"])
        for cell in cells:
            for name, part in places.groupby(cell):
                yield quantity, f"settlements, {name}", part
        yield quantity, "settlements of truly under 200 people", places[places["small"].astype(bool)]
    few = lived_in[lived_in["few"].fillna(value=False).astype(bool)]
    yield "residents", "settlements told to have under 200 people", few


def by_cities(rows: pd.DataFrame) -> tuple[float, float]:
    """Return the 90 % interval of the share inside when whole cities are drawn again."""
    per_city = inside(rows).groupby(rows["city"]).agg(["sum", "count"]).to_numpy()
    drawn = np.random.default_rng(1).integers(0, len(per_city), (RESAMPLES, len(per_city)))
    held, count = per_city[drawn].sum(axis=1).T
    low, high = np.quantile(held / count, (0.05, 0.95))
    return float(low), float(high)


def table(rows: Iterator[tuple[str, ...]], head: tuple[str, ...]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def test_intervals_hold_the_truth(at_ease: pd.DataFrame, bar: Record) -> None:
    for quantity, name, rows in cases(at_ease):
        if name in SCOPES.values():
            widest = 0.96 if name == SCOPES["random group"] else 0.95
            bar(f"{quantity} of {name}: 90 % interval", inside(rows).mean(), at_least=0.85)
            bar(f"{quantity} of {name}: not too wide", inside(rows).mean(), at_most=widest)
            bar(f"{quantity} of {name}: 50 % interval", inside(rows, "p25", "p75").mean(), at_least=0.42)
            bar(f"{quantity} of {name}: 50 %, not too wide", inside(rows, "p25", "p75").mean(), at_most=0.58)
        elif len(rows) >= LARGE_CELL:
            bar(f"{quantity} of {name}: 90 % in its band by cities", by_cities(rows)[1], at_least=0.9)


def test_under_stress_too_or_the_run_says_so(under_stress: pd.DataFrame, bar: Record) -> None:
    for stress, judged_rows in under_stress.groupby("stress"):
        places = _settlements(judged_rows)
        silent = places[places["says"] == ""]
        if len(silent):
            name = f"{stress}: residents of settlements, 90 % interval, where the run says nothing by itself"
            bar(name, inside(silent).mean(), at_least=0.85)


def _settlements(rows: pd.DataFrame, quantity: str = "residents") -> pd.DataFrame:
    return rows[(rows["scope"] == "settlement") & (rows["quantity"] == quantity) & (rows["kind"] != "other")]


@pytest.fixture(scope="module")
def ranks() -> dict[str, dict[str, np.ndarray]]:
    given = joint.Evidence(*model_city())
    return {
        state: calibration.ranks(given, cities=CALIBRATED, with_register=with_register)
        for state, with_register in (("without a register", False), ("with one", True))
    }


def test_ranks_are_uniform(ranks: dict[str, dict[str, np.ndarray]], bar: Record) -> None:
    for state, found in ranks.items():
        for what, values in found.items():
            bar(
                f"calibration {state}, {what}: Kolmogorov-Smirnov p",
                stats.kstest(values, "uniform").pvalue,
                at_least=0.01,
            )


def test_coverage_is_written_down(
    at_ease: pd.DataFrame, under_stress: pd.DataFrame, ranks: dict[str, dict[str, np.ndarray]], misled: pd.DataFrame
) -> None:
    true = at_ease[(at_ease["scope"] == "true settlement") & (at_ease["kind"] != "other")]
    page = PAGE.format(
        cities=at_ease["city"].nunique(),
        first=min(SEEDS),
        last=max(SEEDS),
        buildings=BUILDINGS,
        found=len(_settlements(at_ease)) / len(true),
        base=table(_base_rows(at_ease), BASE_HEAD),
        small=under_stress.groupby("stress")["city"].nunique().min(),
        small_buildings=SMALL_BUILDINGS,
        stress_first=STRESSED,
        stress_last=STRESSED - 1 + 4 * len(STRESSES),
        stress=table(_stress_rows(under_stress), STRESS_HEAD),
        says="; ".join(f"`{code}`: {text}" for code, text in SAYS.items()),
        calibrated=CALIBRATED,
        ranks=table(_rank_rows(ranks), RANK_HEAD),
        misled=table(_misled_rows(misled), MISLED_HEAD),
    )
    COVERAGE.write_text(page, encoding="utf-8")


def _base_rows(judged_rows: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    for quantity, name, rows in cases(judged_rows):
        low, high = by_cities(rows)
        held, half = inside(rows).mean(), inside(rows, "p25", "p75").mean()
        error = f"{log_error(rows).median():+.2f}"
        yield quantity, name, str(len(rows)), f"{held:.1%}", f"{half:.1%}", error, f"{low:.0%} to {high:.0%}"


def _stress_rows(judged_rows: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    for stress in STRESSES:
        rows = judged_rows[judged_rows["stress"] == stress]
        cities = rows[rows["scope"] == "city"]
        told = rows.drop_duplicates("city")["says"].str.split().explode().dropna().value_counts()
        cells = []
        for quantity in QUANTITIES:
            places, whole = _settlements(rows, quantity), cities[cities["quantity"] == quantity]
            cells += [f"{inside(places).mean():.0%}", f"{log_error(places).median():+.2f}"]
            cells += [f"{int(inside(whole).sum())} of {len(whole)}"]
        yield f"`{stress}`", str(len(_settlements(rows))), *cells, ", ".join(f"{code} {n}" for code, n in told.items())


def _rank_rows(ranks: dict[str, dict[str, np.ndarray]]) -> Iterator[tuple[str, ...]]:
    for state, found in ranks.items():
        for what, values in found.items():
            counts = np.histogram(values, bins=10, range=(0, 1))[0]
            held = np.mean((values >= 0.05) & (values <= 0.95))
            pvalue = stats.kstest(values, "uniform").pvalue
            yield f"{what}, {state}", " ".join(map(str, counts)), f"{held:.1%}", f"{pvalue:.2f}"


BASE_HEAD = (
    "judged", "of", "number", "90 % interval holds", "50 % interval holds", "median log error", "by cities",
)  # fmt: skip
STRESS_HEAD = (
    "stress", "settlements", "residents: 90 % holds", "log error", "cities inside", "unregistered: 90 % holds",
    "log error", "cities inside", "what the runs say by themselves (number of cities)",
)  # fmt: skip
MISLED_HEAD = (
    "household sizes", "given", "log error of residents", "log error of unregistered", "both inside 90 %",
)  # fmt: skip
RANK_HEAD = ("ranks of", "in tenths", "90 % interval holds", "Kolmogorov-Smirnov p")
PAGE = """# Coverage over simulated cities

How often intervals hold the truth: {cities} simulated cities of {buildings:,} buildings or more (seeds {first} to
{last}, which nobody looked at while the model was built), each judged by the steps of a run. Written by
`tests/benchmarks/bench_population.py`. An interval is meant to hold the truth in 90, or in 50, of 100 cases. A true
settlement is judged where an outline shares at least half of their union with it ({found:.0%} are); places of the true
kind `other`, where hardly anybody lives, are left out. Cities share their effects: the last column is the 90 % interval
of the first share when whole cities are drawn again.

The simulator draws the truth from ranges wider than the priors and off their centre. Places that truly have few people
are those that were drawn low, so that even a right interval misses them more often, on its upper side; what a user can
choose are places that are told to have few, and those are judged beside them.

{base}

## Under stress

Each of these breaks an assumption (`novostroiki simulate --stress`), in {small} or more small cities of
{small_buildings:,} buildings or more (seeds {stress_first} to {stress_last}). Where the inputs show too little of a
city, its total is not told and not judged. The last column counts the cities whose run says by itself what is
wrong: {says}.

{stress}

## Calibration

{calibrated} cities drawn from the model itself: the rank of the truth among the kept draws must be uniform. This tests
the arithmetic, and not the beliefs.

{ranks}

## Wrong priors

Household sizes are all believed a quarter too small, or too large, in a made-up city of 40 settlements whose truth
is the middle of what the right priors say. What each datum makes of the error:

{misled}
"""


def test_growth(kept: Path, bar: Record) -> None:
    """A whole run itself sets the truth beside its growth."""
    areas = config.load(ROOT / "config.toml").areas
    told = simulate.write([*areas.values()], kept / "growth", buildings=BUILDINGS, seed=SEEDS[0])
    run(config.load(told, out=kept / "growth" / "out"), quiet=True)
    checks = pd.read_parquet(kept / "growth" / "out" / "tables" / "validation.parquet")
    shutil.rmtree(kept / "growth")
    checks = checks[checks["check_id"].str.startswith("truth/") & (checks["verdict"] != "not comparable")]
    onset, built = (checks[checks["quantity"] == quantity] for quantity in ("onset_year", "built_m2"))
    bar("onset year within five years", (onset["verdict"] == "inside").mean(), at_least=0.9)
    bar("growth totals, largest error", np.expm1(built["log_ratio"].abs()).max(), at_most=0.02)


@pytest.fixture(scope="module")
def misled() -> pd.DataFrame:
    return made_up_city.misled()


def test_wrong_priors_are_moved_by_data(misled: pd.DataFrame, bar: Record) -> None:
    people = misled[misled["quantity"] == "residents"]
    for factor, rows_of in people.groupby("factor"):
        error = rows_of.set_index("given")["error"].abs()
        for name in error.index.drop("nothing"):
            bar(f"priors × {factor}: error given {name} over that without", error[name] / error["nothing"], at_most=0.9)
    bar("priors wrong by a quarter: the truth is inside the 90 % interval", misled["held"].mean(), at_least=1)


def _misled_rows(misled: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    for (factor, name), part in misled.groupby(["factor", "given"], sort=False):
        cells = part.set_index("quantity")
        errors = [f"{cells.loc[quantity, 'error']:+.2f}" for quantity in QUANTITIES]
        yield f"× {factor}", str(name), *errors, "yes" if part["held"].all() else "no"


def test_speed(bar: Record) -> None:
    houses, places = made_up_city.city(500, 250_000)
    start = time.process_time()
    result = population.estimate(
        houses, places, "bishkek", "KG", priors=facts.priors(), draws=made_up_city.DRAWS, seed=1, season="winter"
    )
    bar("500 settlements, 250,000 buildings, 10,000 draws (CPU)", time.process_time() - start, at_most=15, unit="s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    bar("memory of the whole process at its peak, inputs included", peak, at_most=1, unit="GiB")
    off = (result.spread["cv2"] / result.spread["analytic_cv2"] - 1).abs()
    bar("CV² against Π(1 + CV_k²) − 1: settlements off by more than 10 %", (off > 0.1).mean(), at_most=0)
