"""Damaged files of every form: each is read or refused in one sentence, and nothing else happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.extract import mutations
from tests.faults.servers import Server, serving

if TYPE_CHECKING:
    from pathlib import Path

MUTATIONS = 500
LONGEST_S = 60


@pytest.mark.filterwarnings("ignore:'crs' was not provided", "ignore:Geometry is in a geographic CRS")
def test_damaged_files_are_read_or_refused_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Server(lambda _: b"")) as canary:
        monkeypatch.setattr(mutations, "_TOKENS", (*mutations._TOKENS, f"{canary.url}/canary".encode()))
        outcomes = mutations.everything(tmp_path, range(MUTATIONS))
        assert [outcome for outcome in outcomes if outcome.problem] == []
        assert max(outcome.seconds for outcome in outcomes) <= LONGEST_S
        assert not canary.requests
    assert any(outcome.said for outcome in outcomes)
    assert any(not outcome.said for outcome in outcomes)
