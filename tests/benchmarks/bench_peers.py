"""The whole job beside a plain notebook, and the step that DuckDB spatial can do too, in turns on the same city.

``BENCH_PEER_BUILDINGS`` (default 100,000) and ``BENCH_PEER_TURNS`` (default 3) set how much. Processor time is user and
system of a process and its children: on a machine that does other things too it says more than the clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline import config
from pipeline.base.connection import connect
from pipeline.geometry.distance import pair_distances

if TYPE_CHECKING:
    from tests.benchmarks.conftest import Record

ROOT = Path(__file__).parents[2]
BUILDINGS = int(os.environ.get("BENCH_PEER_BUILDINGS", "100000"))
TURNS = int(os.environ.get("BENCH_PEER_TURNS", "3"))
_WRAPPER = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], check=True, capture_output=True, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"wall": time.perf_counter() - start, "cpu": used.ru_utime + used.ru_stime,
                  "gib": used.ru_maxrss / 2**20, "told": done.stdout}))
"""


@dataclass(frozen=True)
class Taken:
    """What a command took, with its children; `gib` of the largest process."""

    wall: float
    cpu: float
    gib: float
    told: str


def taken(*command: str) -> Taken:
    """Run Python on a command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _WRAPPER, sys.executable, *command], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return Taken(**json.loads(done.stdout))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    taken("-m", "pipeline", "simulate", str(folder), "--area", "bishkek", "--buildings", str(BUILDINGS))
    return folder


def ours(city: Path, out: Path, *options: str) -> Taken:
    return taken("-m", "pipeline", "run", "--config", str(city / "config.toml"), "--out", str(out), "-q", *options)


def seconds(out: Path) -> dict[str, float]:
    """Return the seconds of each stage of the last run, by the clock; stages run side by side."""
    release = json.loads((out / "release.json").read_text(encoding="utf-8"))["run_id"]
    manifest = json.loads((out / "releases" / release / "manifest.json").read_text(encoding="utf-8"))
    return dict(manifest["seconds"]["bishkek"])


def answers(out: Path) -> dict[str, float]:
    with connect(out / "novostroiki.duckdb", read_only=True) as con:
        rows = con.execute(
            """SELECT count(*), count(settlement_id), (SELECT count(DISTINCT building_id) FROM building_hazards
               WHERE hazard_class = 'landfill' AND distance_m <= 500) FROM buildings"""
        ).fetchone()
    assert rows is not None
    return dict(zip(("buildings", "in settlements", "within 500 m of a landfill"), rows, strict=True))


def test_the_whole_job(city: Path, tmp_path: Path, bar: Record) -> None:
    runs: list[Taken] = []
    notebooks: list[tuple[Taken, dict[str, Any]]] = []
    for _ in range(TURNS):
        runs.append(ours(city, tmp_path / "ours", "--fresh"))
        done = taken("tests/benchmarks/notebook.py", str(city / "config.toml"), str(tmp_path / "notebook"))
        notebooks.append((done, json.loads(done.told)))
    found, peer = answers(tmp_path / "ours"), notebooks[0][1]["found"]
    steps, theirs = seconds(tmp_path / "ours"), notebooks[0][1]["seconds"]
    lines = [f"{'':28}{'ours, s':>10}{'notebook, s':>13}{'its cpu':>9}"]
    for name in dict.fromkeys([*theirs, *steps]):
        other = theirs.get(name, {})
        lines.append(f"{name:28}{steps.get(name, '–'):>10}{other.get('wall', '–'):>13}{other.get('cpu', '–'):>9}")
    lines += [f"{name:28}{found[name]:>10}{peer[name]:>13}" for name in found]
    sys.stdout.write("\n".join(lines) + "\n")
    for name, count in found.items():
        assert peer[name] == pytest.approx(count, rel=0.25), f"the answers cannot be compared: {name}"
    cpu = median(run.cpu for run in runs) / median(done.cpu for done, _ in notebooks)
    wall = median(run.wall for run in runs) / median(done.wall for done, _ in notebooks)
    bar("whole job beside the notebook, clock", wall, at_most=1 / 3, unit="x")
    bar("whole job beside the notebook, processor time", cpu, at_most=1 / 3, unit="x")
    bar("whole job, processor time", median(run.cpu for run in runs), at_most=60, unit="s")
    bar("notebook, processor time", median(done.cpu for done, _ in notebooks), at_most=60, unit="s")
    bar("largest process", max(run.gib for run in runs), at_most=4, unit="GiB")
    bar("largest process of the notebook", max(done.gib for done, _ in notebooks), at_most=4, unit="GiB")


def test_a_second_run(city: Path, tmp_path: Path, bar: Record) -> None:
    first = ours(city, tmp_path / "out")
    same = ours(city, tmp_path / "out")
    bar("second run with nothing changed, processor time", same.cpu / first.cpu, at_most=0.5, unit="x")
    register = city / "bishkek" / "registered.csv"
    text = register.read_text(encoding="utf-8")
    register.write_text(text.rstrip("\n").rsplit("\n", 1)[0] + "\n", encoding="utf-8")
    try:
        changed = ours(city, tmp_path / "out")
    finally:
        register.write_text(text, encoding="utf-8")
    bar("second run with a changed register, processor time", changed.cpu / first.cpu, at_most=0.5, unit="x")
    bar("second run with a changed register, clock", changed.wall / first.wall, at_most=0.5, unit="x")


def test_houses_near_hazards_by_duckdb(city: Path, tmp_path: Path, bar: Record) -> None:
    """The step that DuckDB spatial can do too, on the same shapes in metres: all pairs within 500 m."""
    ours(city, tmp_path / "out")
    area = config.load(city / "config.toml").selected[0]
    shapes = {}
    with connect(spatial=True) as con:
        for name in ("buildings", "hazards"):
            frame = gpd.read_parquet(tmp_path / "out" / "tables" / f"{name}.parquet").to_crs(area.projected)
            shapes[name] = frame.geometry.to_numpy()
            wkb = pd.DataFrame({"wkb": shapely.to_wkb(shapes[name])})  # noqa: F841 - read by DuckDB
            con.execute(f"CREATE TABLE {name} AS SELECT ST_GeomFromWKB(wkb) AS g FROM wkb")
        start = time.process_time()
        rows = con.execute(
            """SELECT count(*), sum(ST_Distance(b.g, h.g)) FROM buildings AS b
               JOIN hazards AS h ON ST_DWithin(b.g, h.g, 500.0)"""
        ).fetchone()
        theirs = time.process_time() - start
    start = time.process_time()
    pairs = pair_distances(shapes["buildings"], shapes["hazards"], np.full(len(shapes["hazards"]), 500.0))
    own = time.process_time() - start
    assert rows is not None
    assert rows[0] == len(pairs.distance)
    assert rows[1] == pytest.approx(pairs.distance.sum(), rel=1e-6)
    bar("distances beside DuckDB spatial, processor time", own / theirs, at_most=1, unit="x")
