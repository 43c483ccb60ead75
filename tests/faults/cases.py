"""The table of faults: what a server does, and what must come of it. `docs/faults.md` is this table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults import servers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.servers import Misbehaviour

RECOVERS = "the right answer"


@dataclass(frozen=True)
class Case:
    """One fault at one kind of server."""

    server: str
    fault: str
    outcome: str
    """`RECOVERS`, or the reason that the refusal must give."""
    script: Sequence[Misbehaviour | None] = field(default=(), hash=False)
    forever: bool = False
    live: dict[str, object] = field(default_factory=dict, hash=False)
    """Keys of the configuration that the case changes."""
    how: str = ""
    """How the right answer came about, for the table."""

    @property
    def name(self) -> str:
        """Identifier for pytest."""
        return f"{self.server}: {self.fault}"


IMPATIENT = {"retry_seconds": 1.5}
FILE, OVERPASS, GZIP = "file", "Overpass", "gzip file"

FILES = [
    Case(FILE, "read time-out", RECOVERS, [servers.silent], how="asked again"),
    Case(FILE, "read time-out without end", "the server stays silent", [servers.silent], forever=True, live=IMPATIENT),
    Case(FILE, "429 without Retry-After", RECOVERS, [servers.status(429)] * 2, how="asked again, later each time"),
    Case(
        FILE, "429 with Retry-After in seconds", RECOVERS, [servers.status(429, Retry_After="1")], how="waited so long"
    ),
    Case(FILE, "429 with Retry-After as a date", RECOVERS, [servers.retry_at(2)], how="waited until then"),
    Case(
        FILE,
        "429 with Retry-After beyond live.retry_seconds",
        "the server answers 429 Too Many Requests and asks to wait 3600 s",
        [servers.status(429, Retry_After="3600")],
    ),
    *(Case(FILE, str(code), RECOVERS, [servers.status(code)], how="asked again") for code in (500, 502, 503, 504)),
    Case(FILE, "503 without end", "the server answers 503", [servers.status(503)], forever=True, live=IMPATIENT),
    Case(FILE, "403", "the server refuses access (403)", [servers.status(403)]),
    Case(FILE, "404", "it is not there (404)", [servers.status(404)]),
    Case(FILE, "body cut in the middle", RECOVERS, [servers.cut], how="resumed by Range"),
    Case(FILE, "every body cut", RECOVERS, [servers.cut] * 3, how="resumed by Range"),
    Case(FILE, "Content-Length above the true length", RECOVERS, [servers.too_long], how="fetched anew"),
    Case(
        FILE, "Content-Length below the true length", RECOVERS, [servers.too_short], how="found damaged, fetched anew"
    ),
    Case(FILE, "stalled stream", RECOVERS, [servers.stalled], how="resumed by Range"),
    Case(
        FILE,
        "a stream that drips without end",
        "it took longer than live.retry_seconds allows",
        [servers.dripping],
        forever=True,
        live=IMPATIENT,
    ),
    Case(FILE, "a compression that is none", RECOVERS, [servers.not_compressed], how="asked again"),
    Case(FILE, "HTML instead of the file", RECOVERS, [servers.body(servers.HTML)], how="found wrong, asked again"),
    Case(
        FILE,
        "HTML instead of the file, without end",
        "the reply is no whole GeoTIFF",
        [servers.body(servers.HTML)],
        forever=True,
        live=IMPATIENT,
    ),
    Case(FILE, "redirect loop", "it redirects without end", [servers.redirecting], forever=True),
]
GZIPS = [
    Case(GZIP, "gzip that is not gzip", RECOVERS, [None, servers.body(b"PK no gzip")], how="found wrong, asked again"),
    Case(
        GZIP,
        "gzip that is not gzip, without end",
        "the reply is no whole gzip file",
        [None, servers.body(b"PK no gzip")],
        forever=True,
        live=IMPATIENT,
    ),
    Case(
        GZIP, "gzip cut, with a fitting length", RECOVERS, [None, servers.too_short], how="found damaged, asked again"
    ),
    Case(GZIP, "HTML instead of the index", RECOVERS, [servers.body(servers.HTML)], how="found wrong, asked again"),
    Case(
        GZIP,
        "HTML instead of the index, without end",
        "the reply is not the index of files",
        [servers.body(servers.HTML)],
        forever=True,
        live=IMPATIENT,
    ),
]
_REMARK = servers.body(b'{"elements": [], "remark": "runtime error: Query timed out in \\"query\\" at line 1"}')
_EMPTY = servers.body(b'{"osm3s": {"timestamp_osm_base": "2026-11-20T10:00:00Z"}, "elements": []}')
OVERPASSES = [
    Case(OVERPASS, "read time-out", RECOVERS, [servers.silent], live={"timeout_seconds": 1.0}, how="asked again"),
    Case(
        OVERPASS,
        "429 without Retry-After",
        RECOVERS,
        [servers.status(429)] * 2,
        how="the same server was left alone for 30 s each time, then asked again",
    ),
    Case(OVERPASS, "429 with Retry-After", RECOVERS, [servers.status(429, Retry_After="1")], how="waited so long"),
    Case(OVERPASS, "429 without end", "the server answers 429", [servers.status(429)], forever=True, live=IMPATIENT),
    *(Case(OVERPASS, str(code), RECOVERS, [servers.status(code)], how="asked again") for code in (500, 502, 503, 504)),
    Case(OVERPASS, "504 without end", "the server answers 504", [servers.status(504)], forever=True, live=IMPATIENT),
    Case(OVERPASS, "400", "the server takes the request for wrong (400)", [servers.status(400)]),
    Case(OVERPASS, "406", "the server does not serve those who do not say who they are (406)", [servers.status(406)]),
    Case(OVERPASS, "body cut in the middle", RECOVERS, [servers.cut], how="asked again"),
    Case(OVERPASS, "JSON cut, with a fitting length", RECOVERS, [servers.too_short], how="found damaged, asked again"),
    Case(OVERPASS, "Content-Length above the true length", RECOVERS, [servers.too_long], how="asked again"),
    Case(OVERPASS, "stalled stream", RECOVERS, [servers.stalled], live={"timeout_seconds": 1.0}, how="asked again"),
    Case(
        OVERPASS,
        "a stream that drips without end",
        "it took longer than live.retry_seconds allows",
        [servers.dripping],
        forever=True,
        live=IMPATIENT,
    ),
    Case(OVERPASS, "a compression that is none", RECOVERS, [servers.not_compressed], how="asked again"),
    Case(OVERPASS, "HTML instead of JSON", RECOVERS, [servers.body(servers.HTML)], how="found wrong, asked again"),
    Case(
        OVERPASS,
        "HTML instead of JSON, without end",
        "the reply is a web page",
        [servers.body(servers.HTML)],
        forever=True,
        live=IMPATIENT,
    ),
    Case(OVERPASS, "a remark: the server gave up", RECOVERS, [_REMARK], how="asked again"),
    Case(
        OVERPASS, "a remark, without end", "the server gave up in the middle", [_REMARK], forever=True, live=IMPATIENT
    ),
    Case(
        OVERPASS, "an empty reply where there is something", RECOVERS, [_EMPTY], how="not believed without a second one"
    ),
    Case(OVERPASS, "redirect loop", "it redirects without end", [servers.redirecting], forever=True),
]
