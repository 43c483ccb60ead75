"""Servers that have asked for fewer requests (429): remembered beside the cache, for the next start of the program."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from filelock import FileLock
from pydantic import AwareDatetime, TypeAdapter, ValidationError

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "busy.json"
_UNTIL = TypeAdapter(dict[str, AwareDatetime])
_LONGEST = timedelta(days=1)
"""A moment farther ahead was written by a clock that was wrong."""


class BusyServers:
    """Until when servers are left alone, by host.

    Parameters
    ----------
    path
        File to remember it in; None: only as long as this object lives.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, datetime] = {}

    def seconds(self, host: str) -> float:
        """Return for how many seconds a server is still left alone, never negative."""
        now = datetime.now(UTC)
        until = max((known[host] for known in (self._known, self._remembered()) if host in known), default=now)
        return max(0.0, (until - now).total_seconds()) if until - now < _LONGEST else 0.0

    def leave_alone(self, host: str, seconds: float) -> None:
        """Ask a server nothing for a time."""
        now = datetime.now(UTC)
        self._known[host] = now + timedelta(seconds=seconds)
        if self._path is None:
            return
        with suppress(OSError):  # not to remember is no reason to end
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._path.with_suffix(".lock")):
                still = {name: until for name, until in (self._remembered() | self._known).items() if until > now}
                self._path.write_bytes(_UNTIL.dump_json(still))

    def _remembered(self) -> dict[str, datetime]:
        """Return what the file says; a missing or damaged one says nothing."""
        try:
            return {} if self._path is None else _UNTIL.validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return {}
