"""What one day may ask of a public server, counted across runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import FileLock

from pipeline.extract.http.retry import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Live


class Quota:
    """Counts requests and bytes per server and day (UTC) in a file, and refuses what would be too much.

    Parameters
    ----------
    path
        The file; its folder must exist.
    live
        Holds the limits.
    """

    def __init__(self, path: Path, live: Live) -> None:
        self._path = path
        self._live = live

    def admit(self, url: str, received: int) -> None:
        """Count a request (`received` 0) or the bytes that it brought.

        Raises
        ------
        RefusedError
            The day's limits for this server are reached.
        """
        host, today = urlsplit(url).netloc, datetime.now(UTC).date().isoformat()
        with FileLock(self._path.with_suffix(".lock")):
            usage = _read(self._path).get(today, {})
            requests, total = usage.get(host, (0, 0))
            if not received:
                self._check(requests, total)
            usage[host] = (requests + (not received), total + received)
            self._path.write_text(json.dumps({today: usage}), encoding="utf-8")

    def _check(self, requests: int, total: int) -> None:
        for used, limit, what in (
            (requests, self._live.daily_requests, "daily_requests"),
            (total, self._live.daily_bytes, "daily_bytes"),
        ):
            if used >= limit:
                reason = f"today's limit for this server is used up (live.{what} = {limit:,})"
                raise RefusedError(
                    reason, remedy="go on tomorrow (what has arrived is kept), or read an extract with local"
                )


def _read(path: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """Return the counts by day and server; a missing or damaged file counts as none."""
    try:
        counts: dict[str, dict[str, tuple[int, int]]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return counts
