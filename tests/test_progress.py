"""Journals carry progress from wherever an area is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.base.progress import Display, Journal, read_journal, summarise

if TYPE_CHECKING:
    from pathlib import Path


def test_a_journal_records_stages_and_their_seconds(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "osh.jsonl")
    with journal.stage("reading"):
        assert [event["stage"] for event in read_journal(tmp_path / "osh.jsonl")] == ["reading"]
    with journal.stage("merging"):
        pass
    assert list(summarise(tmp_path)["osh"]) == ["reading", "merging"]


def test_a_stage_that_fails_is_not_recorded_as_done(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "osh.jsonl")
    with pytest.raises(ZeroDivisionError), journal.stage("reading"):
        _ = 1 / 0
    assert summarise(tmp_path) == {"osh": {}}


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "osh.jsonl"
    path.write_text('{"stage": "reading", "seconds": 1.0}\n{"stage": "mer', encoding="utf-8")
    assert [event["stage"] for event in read_journal(path)] == ["reading"]
    assert read_journal(tmp_path / "absent.jsonl") == []


def test_the_display_follows_the_journals_and_speaks_on_stderr_only(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        Display(tmp_path, {"osh": "Osh"}, {"reading": 1.0}, quiet=False),
        Journal(tmp_path / "osh.jsonl").stage("reading"),
    ):
        pass
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "Osh" in printed.err
    assert "done" in printed.err


def test_quiet_shows_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Display(tmp_path, {"osh": "Osh"}, {"reading": 1.0}, quiet=True):
        pass
    assert capfd.readouterr() == ("", "")
