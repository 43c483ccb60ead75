"""Ten thousand damaged files over all readers, on two cores: nobody dies but their reader, and nobody is asked."""

from __future__ import annotations

import itertools
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

from pipeline.extract.sandbox import process
from tests.extract import mutations
from tests.faults.servers import Server, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.conftest import Record
    from tests.extract.mutations import Outcome

FILES = int(os.environ.get("BENCH_MUTATIONS", "10000"))
_CORES = 2


def _share(folder: Path, canary: str, first: int, end: int) -> tuple[list[Outcome], float]:
    """Return what comes of some damaged files, and the most memory that any process of ours took, in GiB."""
    mutations._TOKENS = (*mutations._TOKENS, f"{canary}/canary".encode())
    outcomes = mutations.everything(folder, range(first, end))
    used = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return outcomes, used / 2**20


def test_damaged_files(tmp_path: Path, bar: Record) -> None:
    began = time.perf_counter()
    edges = [FILES * share // _CORES for share in range(_CORES + 1)]
    with (
        serving(Server(lambda _: b"")) as canary,
        ProcessPoolExecutor(_CORES, mp_context=get_context("spawn")) as pool,
    ):
        shares = [
            pool.submit(_share, tmp_path / str(first), canary.url, first, end)
            for first, end in itertools.pairwise(edges)
        ]
        results = [share.result() for share in shares]  # a parent that died would raise here
        requests = len(canary.requests)
    outcomes = [outcome for part, _ in results for outcome in part]
    assert len(outcomes) == FILES
    bar("damaged files that ended otherwise than read or refused", sum(bool(o.problem) for o in outcomes), at_most=0)
    bar("damaged files, slowest", max(o.seconds for o in outcomes), at_most=60, unit="s")
    bar(
        "damaged files, peak memory", max(used for _, used in results), at_most=process.MEMORY_BYTES / 2**30, unit="GiB"
    )
    bar("damaged files, requests to a server", requests, at_most=0)
    bar("damaged files, all", (time.perf_counter() - began) / 60, at_most=30, unit="min")
    for outcome in outcomes:
        assert not outcome.problem, outcome
