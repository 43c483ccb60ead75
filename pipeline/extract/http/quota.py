"""What one day may ask of a public server, counted across runs."""

from __future__ import annotations

import fcntl
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.extract.http.retry import Unusable

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Live


class Etiquette:
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
        Unusable
            The day's limits for this server are reached.
        """
        host, today = urlsplit(url).netloc, datetime.now(UTC).date().isoformat()
        with self._path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            usage = _parsed(file.read()).get(today, {})
            requests, total = usage.get(host, (0, 0))
            if not received:
                self._check(requests, total)
            usage[host] = (requests + (not received), total + received)
            file.truncate(0)
            file.write(json.dumps({today: usage}))

    def _check(self, requests: int, total: int) -> None:
        for used, limit, what in (
            (requests, self._live.daily_requests, "daily_requests"),
            (total, self._live.daily_bytes, "daily_bytes"),
        ):
            if used >= limit:
                reason = f"today's limit for this server is used up (live.{what} = {limit:,})"
                raise Unusable(
                    reason, remedy="go on tomorrow (what has arrived is kept), or read an extract with local"
                )


def _parsed(text: str) -> dict[str, dict[str, tuple[int, int]]]:
    """Return the counts; a damaged file counts as none."""
    try:
        counts: dict[str, dict[str, tuple[int, int]]] = json.loads(text or "{}")
    except ValueError:
        return {}
    return counts
