"""The whole job as a user runs it: time, memory, identical bytes."""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.benchmarks.conftest import Record

ROOT = Path(__file__).parent.parent.parent
SHARED = ROOT.parent / "shared" / "data"


def whole_process(*arguments: str) -> float:
    """Run novostroiki as a process of its own and return its seconds."""
    before = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pipeline", *arguments], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - before


def peak_gib() -> float:
    """Return the memory of the largest process that was run so far (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def digests(out: Path) -> dict[str, str]:
    """Return the SHA-256 of every output but the manifest, which holds clock times, and what is kept for later runs."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "manifest.json" and not any(p[0] == "." for p in path.relative_to(out).parts)
    }


def test_the_embedded_default(tmp_path: Path, bar: Record) -> None:
    seconds = whole_process("run", "--quiet", "--out", str(tmp_path / "a"))
    bar("embedded default, four cities", seconds, at_most=120, unit="s")
    bar("largest process of the embedded default", peak_gib(), at_most=4, unit="GiB")
    stored = sum(path.stat().st_size for path in (tmp_path / "a" / "tables").iterdir())
    bar(
        "database, of its Parquet",
        (tmp_path / "a" / "novostroiki.duckdb").stat().st_size / stored,
        at_most=1.2,
        unit="x",
    )
    public = (tmp_path / "a" / "public" / "novostroiki.duckdb").stat().st_size
    bar("public database", public / 1e6, at_most=0.5, unit="MB")
    whole_process("run", "--quiet", "--out", str(tmp_path / "b"))
    first, second = digests(tmp_path / "a"), digests(tmp_path / "b")
    assert first.keys() == second.keys()
    bar("files that differ between two runs", sum(first[name] != second[name] for name in first), at_most=0)


def test_help(bar: Record) -> None:
    bar("--help", min(whole_process("--help") for _ in range(5)), at_most=1, unit="s")


@pytest.mark.skipif(not SHARED.exists(), reason="the real extract of Almaty is not beside this checkout")
def test_the_real_almaty(tmp_path: Path, bar: Record) -> None:
    seconds = whole_process(
        "run", "--quiet", "--config", "tests/configs/almaty_2012.toml", "--out", str(tmp_path / "a")
    )
    bar("real Almaty of 2012", seconds, at_most=20, unit="s")
