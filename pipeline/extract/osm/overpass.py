"""OpenStreetMap through the Overpass API, asked by OSMnx and guarded here.

OSMnx writes the query and sends it. Left alone it would repeat a refused request without end, take a reply that broke
off on the server for a whole one, wait for a stalled reply as long as it lasts, and pin the server's address for the
whole process. The guards of this module take the reply out of its hands (a hook of `requests`), judge it, and count
attempts and seconds. OSMnx's own tables are not used: replies are written as ``.osm.pbf`` and read by `extract.osm`, so
that data from Overpass and from a file pass through the same code and come out equal.
"""

from __future__ import annotations

import io
import json
import math
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import osmnx as ox
import requests
from osmnx._errors import (
    CacheOnlyInterruptError,  # OSMnx's documented way to say "downloaded only", public nowhere else
)

from pipeline.extract.http.download import Progress
from pipeline.extract.http.retry import (
    PermanentError,
    TransientError,
    classify_error,
    classify_status,
    retry_call,
    stream,
)
from pipeline.geometry.bbox import split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from pipeline.declared.catalogue import OsmLayer
    from pipeline.extract.http.download import PartialFile, Report
    from pipeline.extract.http.retry import Deadline, RequestPolicy
    from pipeline.geometry.bbox import Box

TILE_DEG = 0.15
"""Side of a query's tile: about 12 by 17 km, some ten thousand buildings, well within a public server's time limit."""
_MAX_VALUES = 12
"""A key with more wanted values than this is asked for whole: each value costs the server three searches."""
_MAX_REPLY = 512 * 2**20

Tags = dict[str, bool | list[str]]
"""OSM key to True (any value) or values, as OSMnx takes it."""

_settings_lock = threading.Lock()


def wanted_tags(layers: Iterable[OsmLayer]) -> Tags:
    """Return what to ask for, so that the reply holds every object of the layers, and some that the reader sorts out.

    OSMnx joins conditions by "or" only; of a selector with several keys, the first that must be there is asked for.
    """
    values: dict[str, set[str] | None] = {}
    for layer in layers:
        for selector in layer.osm:
            key, allowed = next((key, allowed) for key, allowed in selector.items() if allowed is not False)
            known = values.setdefault(key, set())
            values[key] = None if known is None or allowed is True else known | set(allowed)
    return {
        key: True if allowed is None or len(allowed) > _MAX_VALUES else sorted(allowed)
        for key, allowed in sorted(values.items())
    }


@dataclass(frozen=True)
class Query:
    """One question: what has a part of its edge within the bbox, or (`enclosing`) what encloses all of it."""

    bbox: Box
    wanted: Mapping[str, bool | list[str]]
    day: date | None = None
    """As of midnight (UTC) at the beginning of this day; None: now."""
    enclosing: bool = False

    def __str__(self) -> str:
        tags = "; ".join(key if values is True else f"{key}={'|'.join(values)}" for key, values in self.wanted.items())  # type: ignore[arg-type]
        when = f" as of {self.day}" if self.day else ""
        where = "around" if self.enclosing else "in"
        return f"{tags} {where} {','.join(f'{value:.6f}' for value in self.bbox)}{when}"


def queries(layers: Mapping[str, OsmLayer], bbox: Box, reach: Box, day: date | None) -> list[Query]:
    """Return the questions that fetch all layers: context in `bbox`, hazards in the wider `reach`, what is around."""
    context = wanted_tags(layer for key, layer in layers.items() if not key.startswith("hazard:"))
    hazards = wanted_tags(layer for key, layer in layers.items() if key.startswith("hazard:"))
    asked = [(context, bbox, TILE_DEG), (hazards, reach, 2 * TILE_DEG)]
    within = [Query(tile, tags, day) for tags, box, size in asked if tags for tile in split(box, size)]
    return [*within, Query(bbox, wanted_tags(layers.values()), day, enclosing=True)]


def fetch(  # noqa: PLR0913 - what a request needs, and who may refuse it
    query: Query,
    part: PartialFile,
    *,
    urls: Sequence[str],
    source: str,
    policy: RequestPolicy,
    admit: Callable[[str, int], None],
    report: Report | None = None,
) -> str:
    """Ask the servers in turn until one answers whole; write the reply (JSON) into `part` and return the address.

    A reply without a single object is believed only when it has come twice, from two servers if there are two.

    Parameters
    ----------
    urls
        Addresses of the servers, without ``/interpreter``.
    admit
        Called with the address and 0 before a request, and with the bytes received after it; raises an AttemptError
        when the day's limits do not allow another.

    Raises
    ------
    SourceError
        No server gave a whole answer within the limits.
    """
    empty = 0

    def attempt(number: int, deadline: Deadline) -> str:
        nonlocal empty
        url = urls[number % len(urls)]
        admit(url, 0)
        try:
            body = _ask(url, query, policy, deadline, report)
        except requests.RequestException as error:
            raise classify_error(error) from error
        admit(url, len(body))
        if not _elements(body):
            empty += 1
            if empty == 1:
                reason = "the reply is empty, and no second one confirms that"
                raise TransientError(reason)
        part.path.write_bytes(body)
        return url

    return retry_call(attempt, source=source, urls=urls, policy=policy)


def _elements(body: bytes) -> int:
    """Return how many objects a reply holds; raise an AttemptError unless it is a whole one."""
    try:
        reply = json.loads(body)
        elements, remark = reply["elements"], reply.get("remark")
    except (ValueError, KeyError, TypeError) as error:
        start = body[:15].lstrip().lower()
        what = "a web page" if start.startswith((b"<!doc", b"<html")) else "no whole Overpass JSON"
        reason = f"the reply is {what}"
        raise TransientError(reason) from error
    if remark:
        reason = f"the server gave up in the middle (“{str(remark)[:120]}”)"
        raise TransientError(reason, remedy="try again later, when the servers are less busy")
    return len(elements)


def _ask(url: str, query: Query, policy: RequestPolicy, deadline: Deadline, report: Report | None) -> bytes:
    """Put the question once, by OSMnx if it can, and return the body of the reply."""
    bodies: list[bytes] = []

    def take(response: requests.Response, **_: Any) -> requests.Response:  # noqa: ANN401 - whatever requests passes
        if response.is_redirect:
            return response
        bodies.append(_validated(response, deadline, report))
        # What OSMnx sees: the same reply, already read.
        copy = requests.Response()
        copy.status_code, copy.reason, copy.url = response.status_code, response.reason, response.url
        copy.raw = io.BytesIO(bodies[-1])
        return copy

    if query.enclosing:
        return _validated(_post(url, query, policy, deadline), deadline, report)
    with _osmnx_settings(url, query, policy, deadline, take), suppress(CacheOnlyInterruptError):
        ox.features_from_bbox(query.bbox, dict(query.wanted))
    return b"".join(bodies)


def _post(url: str, query: Query, policy: RequestPolicy, deadline: Deadline) -> requests.Response:
    """Ask what encloses the centre of the bbox, which OSMnx cannot: what encloses the bbox is among it.

    A polygon filter finds objects by their edges and nodes, so that one which holds the whole bbox would be missed.
    """
    west, south, east, north = query.bbox
    conditions = [
        f'["{key}"]' if values is True else f'["{key}"~"^({"|".join(map(re.escape, values))})$"]'  # type: ignore[arg-type]
        for key, values in query.wanted.items()
    ]
    searches = "".join(f"{kind}(pivot.here){tags};" for tags in conditions for kind in ("way", "rel"))
    centre = f"is_in({(south + north) / 2:.6f},{(west + east) / 2:.6f})->.here"
    timeout = deadline.timeout(policy)
    head = f"[out:json][timeout:{max(1, math.ceil(timeout))}]{_moment(query)}"
    return requests.post(
        url.rstrip("/") + "/interpreter",
        data={"data": f"{head};{centre};({searches});(._;>;);out;"},
        headers={"User-Agent": policy.user_agent},
        timeout=timeout,
        stream=True,
    )


def _moment(query: Query) -> str:
    return f'[date:"{query.day}T00:00:00Z"]' if query.day else ""


def _validated(response: requests.Response, deadline: Deadline, report: Report | None) -> bytes:
    """Return the body of a reply that is whole; raise an AttemptError otherwise."""
    if refused := classify_status(response):
        raise refused
    body = _body(response, deadline, report)
    _elements(body)
    return body


def _body(response: requests.Response, deadline: Deadline, report: Report | None) -> bytes:
    """Read a reply, however slowly it comes, within the time and size that are allowed."""
    body, began = io.BytesIO(), time.monotonic()
    for chunk in stream(response, deadline):
        body.write(chunk)
        done = body.tell()
        if done > _MAX_REPLY:
            reason = f"the reply has more than the {_MAX_REPLY:,} bytes that are plausible for a tile"
            raise PermanentError(reason, remedy="report this as a bug")
        if report:
            report(Progress("osm", done, None, time.monotonic() - began, done))
    return body.getvalue()


@contextmanager
def _osmnx_settings(
    url: str, query: Query, policy: RequestPolicy, deadline: Deadline, take: Callable[..., requests.Response]
) -> Iterator[None]:
    """Set OSMnx up for one request and leave no trace: its settings are global, and it replaces Python's resolver."""
    changed: dict[str, Any] = {
        "overpass_url": url,
        "overpass_settings": f"[out:json][timeout:{{timeout}}]{{maxsize}}{_moment(query)}",
        "overpass_rate_limit": False,  # its wait for a free slot has no end; a busy server says 429, which has one here
        "requests_timeout": max(1, math.ceil(deadline.timeout(policy))),
        "requests_kwargs": {"hooks": {"response": take}},
        "http_user_agent": policy.user_agent,
        "http_referer": policy.user_agent,
        "max_query_area_size": math.inf,
        "use_cache": False,
        "cache_only_mode": True,
        "doh_url_template": None,  # a name that cannot be resolved here is not asked for elsewhere
    }
    with _settings_lock:
        before = {key: getattr(ox.settings, key) for key in changed}
        resolver = socket.getaddrinfo
        try:
            for key, value in changed.items():
                setattr(ox.settings, key, value)
            yield
        finally:
            socket.getaddrinfo = resolver
            for key, value in before.items():
                setattr(ox.settings, key, value)
