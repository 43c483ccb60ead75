from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import InputError
from pipeline.run import snapshots

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "areas.parquet").write_bytes(b"areas")
    (tmp_path / "novostroiki.duckdb").write_bytes(b"duck")
    for day in ("2026-03-01", "2026-06-01"):
        snapshots.keep(tmp_path, date.fromisoformat(day))
    return tmp_path


def test_as_of_finds_the_latest_that_is_not_younger(out: Path) -> None:
    assert snapshots.days(out) == [date(2026, 3, 1), date(2026, 6, 1)]
    assert snapshots.as_of(out, date(2026, 6, 1)).name == "2026-06-01"
    assert snapshots.as_of(out, date(2026, 5, 31)).name == "2026-03-01"
    assert (snapshots.as_of(out, date(2027, 1, 1)) / "novostroiki.duckdb").read_bytes() == b"duck"


def test_before_the_first_there_is_none(out: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the oldest is of 2026-03-01"):
        snapshots.as_of(out, date(2025, 1, 1))
    with pytest.raises(InputError, match="there is none"):
        snapshots.as_of(tmp_path / "tables", date(2025, 1, 1))


def test_a_second_snapshot_of_a_day_replaces_the_first(out: Path) -> None:
    (out / "novostroiki.duckdb").unlink()
    (out / "novostroiki.duckdb").write_bytes(b"goose")
    snapshots.keep(out, date(2026, 6, 1))
    assert (snapshots.as_of(out, date(2026, 6, 1)) / "novostroiki.duckdb").read_bytes() == b"goose"
    assert (snapshots.as_of(out, date(2026, 3, 1)) / "novostroiki.duckdb").read_bytes() == b"duck"
