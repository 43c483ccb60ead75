"""`docs/faults.md` is the table of faults, written by this test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import cases, test_building_atlas, test_faults, test_redirects, test_s3, test_tracker, test_windows
from tests.faults.cases import RECOVERS, Case

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
HEAD = """# What faults of servers lead to

Written by `tests/faults/test_docs.py`; each row is played there by a server on loopback, through the code that a live
run uses. Two outcomes exist. *The right answer*: the very bytes that a sound server gives, after a bounded number of
attempts with growing, random pauses. *Refused*: one sentence names source, address, this reason and a remedy; the run
goes on without the source and says everywhere what is missing, or, where neither OpenStreetMap nor footprints are
left, ends with exit code 1 and leaves previous outputs as they are. Either way the cache then holds no wrong byte, and
no chain of attempts lasts longer than `live.retry_seconds`. A server that could not be reached is not asked again in
the same run.

| server | fault | outcome |
|---|---|---|
"""


def collected() -> list[Case]:
    """Return every case that the modules of this folder hold, in the order in which they are written."""
    found: dict[str, Case] = {}
    for module in (test_faults, cases, test_windows, test_s3, test_tracker, test_building_atlas, test_redirects):
        for value in vars(module).values():
            several = value if isinstance(value, list | dict) else [value]
            found |= {case.name: case for case in several if isinstance(case, Case)}
    return sorted(found.values(), key=lambda case: (case.server, case.fault))


def rendered() -> str:
    """Return the page."""
    rows = []
    for case in collected():
        right = case.outcome == RECOVERS
        outcome = f"the right answer: {case.how}" if right else f"refused: … {case.outcome} …"
        rows.append(f"| {case.server} | {case.fault} | {outcome} |")
    return HEAD + "\n".join(rows) + "\n"


def test_the_page_is_current() -> None:
    text = rendered()
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
        pytest.fail(f"{PAGE.name} was not current and has been written anew: commit it")


def test_every_recovery_says_how() -> None:
    assert all(case.how for case in collected() if case.outcome == RECOVERS)
