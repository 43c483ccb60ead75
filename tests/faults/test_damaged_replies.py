"""Five hundred damaged replies: none of them is what a sound server's next run is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults import damaged_replies

if TYPE_CHECKING:
    from pathlib import Path

REPLIES = 500


def test_after_damaged_replies_a_sound_server_is_right(tmp_path: Path) -> None:
    outcomes = list(damaged_replies.replies(tmp_path, range(REPLIES)))
    assert [outcome for outcome in outcomes if outcome.problem] == []
    assert sum(bool(outcome.refused) for outcome in outcomes) > REPLIES / 2
    assert {outcome.kind for outcome in outcomes} == set(damaged_replies.KINDS)
