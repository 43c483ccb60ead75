"""The twenty questions on a file of a million buildings: each cold, in its own process; and how large the file is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.load import database, description, parquet, public_edition
from pipeline.run import workers
from pipeline.schema.about import About
from pipeline.schema.tables import TABLES
from tests.load import sample_tables
from tests.load.test_questions import QUESTIONS
from tests.load.test_report import full_tables

if TYPE_CHECKING:
    from tests.benchmarks.conftest import Record

BUILDINGS = int(os.environ.get("BENCH_BUILDINGS", "1000000"))
_ASK = """
import json, sys, time
import duckdb
sql = sys.stdin.read()
wall, used = time.perf_counter(), time.process_time()
con = duckdb.connect(sys.argv[1], read_only=True)
rows = len(con.execute(sql).fetchall())
print(json.dumps([rows, time.perf_counter() - wall, time.process_time() - used]))
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both editions; a folder named by BENCH_TABLES is used again."""
    kept = os.environ.get("BENCH_TABLES")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("million")
    if not (folder / "tables").exists():
        frames = full_tables(sample_tables.make(BUILDINGS))
        about = About.of(frames["runs"])
        for name, frame in {**frames, **description.tables(about)}.items():
            parquet.write(frame, folder / "tables" / f"{name}.parquet", TABLES[name], about=about.metadata)
        public_edition.build_tables(folder / "tables", folder / "public")
    for file in (folder / "novostroiki.duckdb", folder / "public" / "novostroiki.duckdb"):
        file.unlink(missing_ok=True)
    workers.apart(database.build, folder / "tables", folder / "novostroiki.duckdb")
    workers.apart(public_edition.build_database, folder / "public")
    return folder


def test_questions(out: Path, bar: Record) -> None:
    stored = sum(path.stat().st_size for path in (out / "tables").iterdir())
    bar("file, of its Parquet", (out / "novostroiki.duckdb").stat().st_size / stored, at_most=1.2, unit="x")
    for number, title, sql, _ in QUESTIONS:
        editions = ("", "public") if title.endswith("(public)") else ("",)
        for edition in editions:
            path = out / edition / "novostroiki.duckdb"
            done = subprocess.run(
                [sys.executable, "-c", _ASK, str(path)], input=sql, capture_output=True, text=True, check=True
            )
            rows, wall, used = json.loads(done.stdout)
            name = f"{number} {edition or 'full'}: {re.sub(r' [(]public[)]', '', title)[:60]} ({rows} rows)"
            bar(name, wall, at_most=0.5, unit="s")
            bar(f"{number} {edition or 'full'}: processor", used, at_most=0.5, unit="s")
