"""Stages: each is made once, after what it needs, beside what it does not need; what is unchanged is found again."""

from __future__ import annotations

import gc
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.progress import Journal
from pipeline.run.stage_cache import StageCache, StageFolders
from pipeline.run.stages import Stage, StageRun

if TYPE_CHECKING:
    from pathlib import Path


class Counted:
    """Adds its inputs and a number; counts how often it is asked."""

    def __init__(self, number: int) -> None:
        self.number, self.calls = number, 0

    def __call__(self, *values: int) -> int:
        self.calls += 1
        return self.number + sum(values)


def _run(stages: list[Stage], folder: Path, *, cache: StageCache | None = None, threads: int = 2) -> StageRun:
    return StageRun(stages, threads=threads, journal=Journal(folder / "journal.jsonl"), cache=cache)


def _cache(folder: Path, turn: int, version: str = "1") -> StageCache:
    """Return the cache of a run that comes after the one before."""
    return StageCache(StageFolders(folder / str(turn - 1), folder / str(turn)), version)


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    """For each stage, the stages before it that it needs."""
    count = draw(st.integers(1, 12))
    return [draw(st.lists(st.integers(0, k - 1), unique=True)) if k else [] for k in range(count)]


@settings(max_examples=50, deadline=None)
@given(graphs(), st.integers(1, 4))
def test_each_is_made_once_and_only_if_it_is_needed(
    tmp_path_factory: pytest.TempPathFactory, needs: list[list[int]], threads: int
) -> None:
    made = [Counted(number) for number in range(len(needs))]
    stages = [Stage(str(k), made[k], tuple(map(str, own))) for k, own in enumerate(needs)]
    (result,) = _run(stages, tmp_path_factory.mktemp("run"), threads=threads).results(str(len(needs) - 1))
    expected: list[int] = []
    for k, own in enumerate(needs):
        expected.append(k + sum(expected[other] for other in own))
    assert result == expected[-1]
    needed, waiting = set(), [len(needs) - 1]
    while waiting:
        one = waiting.pop()
        needed.add(one)
        waiting += needs[one]
    assert [stage.calls for stage in made] == [int(k in needed) for k in range(len(needs))]


def test_stages_that_do_not_need_each_other_meet(tmp_path: Path) -> None:
    """Each waits for the other to have begun: one after the other they would wait for ever."""
    barrier = threading.Barrier(2, timeout=20)

    def meet() -> int:
        return barrier.wait()

    assert sorted(_run([Stage("a", meet), Stage("b", meet)], tmp_path).results("a", "b")) == [0, 1]


def test_what_no_stage_needs_any_more_is_let_go(tmp_path: Path) -> None:
    class Large:
        """Something whose end can be seen."""

    seen: list[weakref.ref[Large]] = []

    def make() -> Large:
        large = Large()
        seen.append(weakref.ref(large))
        return large

    def is_gone(_: object) -> bool:
        gc.collect()
        return seen[0]() is None

    stages = [
        Stage("large", make),
        Stage("small", lambda large: type(large).__name__, ("large",)),
        Stage("gone", is_gone, ("small",)),
    ]
    assert _run(stages, tmp_path).results("gone") == [True]
    assert len(seen) == 1
    seen.clear()
    gone, large = _run(stages, tmp_path).results("gone", "large")
    assert (gone, type(large)) == (False, Large), "what is asked for stays"


def test_no_more_run_at_a_time_than_there_are_threads(tmp_path: Path) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.02)
        with lock:
            running -= 1

    names = [str(k) for k in range(8)]
    _run([Stage(name, work) for name in names], tmp_path, threads=2).results(*names)
    assert most <= 2


def test_a_failure_is_told_as_it_is_and_ends_the_rest(tmp_path: Path) -> None:
    late = Counted(1)
    stages = [Stage("bad", partial(int, "x")), Stage("next", late, ("bad",)), Stage("after", late, ("next",))]
    with pytest.raises(ValueError, match="invalid literal"):
        _run(stages, tmp_path).results("after")
    assert late.calls == 0


def _city(files: dict[str, Counted], told: dict[str, str]) -> list[Stage]:
    """Reading, a map that depends on one file, people who depend on both."""
    return [
        Stage("read", files["read"], settings=told["map"] + told["register"]),
        Stage("map", files["map"], ("read",), source=told["map"]),
        Stage("houses", files["houses"], ("map",), kept=True),
        Stage("register", files["register"], ("read",), source=told["register"]),
        Stage("people", files["people"], ("houses", "register"), settings=told["draws"], kept=True),
    ]


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({}, {}),
        ({"register": "r2"}, {"read": 1, "register": 1, "people": 1}),
        ({"draws": "20"}, {"read": 1, "register": 1, "people": 1}),
        ({"map": "m2"}, {"read": 1, "map": 1, "houses": 1, "register": 1, "people": 1}),
    ],
    ids=["nothing", "a register", "a setting", "a map"],
)
def test_what_changed_and_what_follows_is_made_again(
    tmp_path: Path, change: dict[str, str], again: dict[str, int]
) -> None:
    told = {"map": "m", "register": "r", "draws": "10"}
    names = ("read", "map", "houses", "register", "people")
    _run(_city({name: Counted(1) for name in names}, told), tmp_path, cache=_cache(tmp_path, 1)).results("people")
    files = {name: Counted(1) for name in names}
    cache = _cache(tmp_path, 2)
    assert _run(_city(files, told | change), tmp_path, cache=cache).results("people") == [6]
    assert {name: made.calls for name, made in files.items() if made.calls} == again
    assert cache.remarks == []
    third = _cache(tmp_path, 3)
    files = {name: Counted(1) for name in names}
    _run(_city(files, told | change), tmp_path, cache=third).results("people")
    assert third.reused == ["people"], "what was taken over is there for the run after, too"


def test_of_a_stage_that_tells_its_content_only_another_result_counts(tmp_path: Path) -> None:
    def stages(rules: str, far: Counted) -> list[Stage]:
        return [
            Stage("edges", partial(str.upper, "edge"), settings=rules, content=str),
            Stage("distances", lambda edges: far(len(edges)), ("edges",), kept=True),
        ]

    first, second = Counted(0), Counted(0)
    _run(stages("500 m", first), tmp_path, cache=_cache(tmp_path, 1)).results("distances")
    assert _run(stages("600 m", second), tmp_path, cache=_cache(tmp_path, 2)).results("distances") == [4]
    assert (first.calls, second.calls) == (1, 0)


def _kept(tmp_path: Path, value: Any = 7) -> tuple[list[Stage], Counted]:
    made = Counted(value)
    stages = [Stage("people", made, kept=True)]
    _run(stages, tmp_path, cache=_cache(tmp_path, 1)).results("people")
    return stages, made


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-3]),
        lambda path: path.write_bytes(b"\x00" + path.read_bytes()[1:]),
        lambda path: path.write_bytes(b""),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["cut off", "changed", "empty", "a folder"],
)
def test_a_damaged_result_is_made_again_and_that_is_said(tmp_path: Path, harm: Any) -> None:
    stages, made = _kept(tmp_path)
    (path,) = (tmp_path / "1").iterdir()
    harm(path)
    cache = _cache(tmp_path, 2)
    assert _run(stages, tmp_path, cache=cache).results("people") == [7]
    assert made.calls == 2
    (remark,) = cache.remarks
    assert "people is made again" in remark
    again = _cache(tmp_path, 3)
    _run(stages, tmp_path, cache=again).results("people")
    assert (again.reused, again.remarks) == (["people"], [])


def test_what_is_no_data_is_refused_though_its_digest_is_right(tmp_path: Path) -> None:
    stages, made = _kept(tmp_path)
    (path,) = (tmp_path / "1").iterdir()
    harmful = b"cos\nsystem\n(S'touch harmed'\ntR."
    path.write_bytes(len(harmful).to_bytes(8, "little") + harmful)
    from pipeline.schema.provenance import sha256

    path.rename(path.with_suffix(f".{sha256(path)}"))
    cache = _cache(tmp_path, 2)
    _run(stages, tmp_path, cache=cache).results("people")
    assert made.calls == 2
    assert "is no data" in cache.remarks[0]


def test_results_of_another_version_are_not_found(tmp_path: Path) -> None:
    stages, made = _kept(tmp_path)
    cache = _cache(tmp_path, 2, version="2")
    _run(stages, tmp_path, cache=cache).results("people")
    assert (made.calls, cache.remarks) == (2, [])


def test_where_nothing_can_be_written_the_run_goes_on_and_says_so_once(tmp_path: Path) -> None:
    (tmp_path / "1").write_text("a file where the folder should be", encoding="utf-8")
    cache = _cache(tmp_path, 1)
    stages = [Stage("a", Counted(1), kept=True), Stage("b", Counted(2), ("a",), kept=True)]
    assert _run(stages, tmp_path, cache=cache).results("b") == [3]
    (remark,) = cache.remarks
    assert "cannot be kept for the next run" in remark


def test_frames_come_back_as_they_were(tmp_path: Path) -> None:
    shapes = [shapely.box(0, 0, 1, 1), None, shapely.MultiPolygon([shapely.box(2, 2, 3, 3)])]
    frame = gpd.GeoDataFrame({"id": ["a", None, "c"], "n": [1.5, -0.0, float("nan")]}, geometry=shapes, crs=32643)
    cache = _cache(tmp_path, 1)
    cache.keep("key", "frame", {"frame": frame, "none": None})
    found = _cache(tmp_path, 2).find("key", "frame")
    assert found is not None
    assert_geodataframe_equal(found.value["frame"], frame)
    assert found.value["none"] is None
