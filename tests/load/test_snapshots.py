from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from pipeline.base import releases
from pipeline.errors import InputError
from tests.load.test_publish import publish_word, run_id

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for word, day in (("march", "2026-03-01"), ("june", "2026-06-01")):
        publish_word(tmp_path / "out", word, snapshot=date.fromisoformat(day))
    return tmp_path / "out"


def test_as_of_finds_the_latest_that_is_not_younger(out: Path) -> None:
    (out / "snapshots" / "2026-99-99").mkdir()
    assert releases.days(out) == [date(2026, 3, 1), date(2026, 6, 1)]
    assert releases.as_of(out, date(2026, 6, 1)).name == "2026-06-01"
    assert releases.as_of(out, date(2026, 5, 31)).name == "2026-03-01"
    assert (releases.as_of(out, date(2027, 1, 1)) / "novostroiki.duckdb").read_text() == "june novostroiki.duckdb"


def test_a_snapshot_is_a_release_that_stays(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for word in ("july", "august", "september"):
        publish_word(out, word)
    kept = out / "snapshots" / "2026-03-01"
    assert releases.resolve(kept) == out / "releases" / run_id("march")
    assert (releases.resolve(kept) / "maps" / "osh" / "index.html").read_text() == "march maps/osh/index.html"
    assert (kept / "tables" / "areas.parquet").read_text() == "march tables/areas.parquet"
    monkeypatch.chdir(kept)
    assert releases.resolve(type(kept)()).name == run_id("march")
    (kept / "release.json").unlink()
    publish_word(out, "october")
    assert not (out / "releases" / run_id("march")).exists()


def test_before_the_first_there_is_none(out: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the oldest is of 2026-03-01"):
        releases.as_of(out, date(2025, 1, 1))
    with pytest.raises(InputError, match="there is none"):
        releases.as_of(tmp_path / "tables", date(2025, 1, 1))


def test_a_second_snapshot_of_a_day_replaces_the_first(out: Path) -> None:
    (out / "snapshots" / "2026-06-01" / "notes.txt").write_text("mine")
    publish_word(out, "goose", snapshot=date(2026, 6, 1), names=("novostroiki.duckdb",))
    day = releases.as_of(out, date(2026, 6, 1))
    assert (day / "novostroiki.duckdb").read_text() == "goose novostroiki.duckdb"
    assert sorted(path.name for path in day.iterdir()) == ["notes.txt", "novostroiki.duckdb", "release.json"]
    assert releases.as_of(out, date(2026, 3, 1)).name == "2026-03-01"
