"""OpenStreetMap from Overpass servers: what is asked, and what counts as an answer.

Replies are kept and read as a file (`overpass_json`, `extract.osm`), so that data from a server and from a file pass
through the same code and come out equal.
"""

from __future__ import annotations

import io
import json
import math
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from pipeline.extract.http.download import Progress
from pipeline.extract.http.retry import (
    PermanentError,
    TransientError,
    classify_error,
    classify_status,
    retry_call,
    stream,
)
from pipeline.extract.osm import reply
from pipeline.geometry.bbox import split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

    from pipeline.declared.catalogue import OsmLayer, SourceSpec
    from pipeline.extract.http.download import PartialFile, Report
    from pipeline.extract.http.retry import Deadline, RequestPolicy
    from pipeline.geometry.bbox import Box

TILE_DEG = 0.15
"""Side of a query's tile: about 12 by 17 km, some ten thousand buildings, well within a public server's time limit."""
_MAX_REPLY = 512 * 2**20

Tags = dict[str, tuple[str, ...] | None]
"""OSM key to the values that are wanted; None: any."""


def wanted_tags(layers: Iterable[OsmLayer]) -> Tags:
    """Return what to ask for, so that the reply holds every object of the layers, and some that the reader sorts out.

    Conditions are joined by "or" only; of a selector with several keys, the first that must be there is asked for.
    """
    values: dict[str, set[str] | None] = {}
    for layer in layers:
        for selector in layer.osm:
            key, allowed = next((key, allowed) for key, allowed in selector.items() if allowed is not False)
            known = values.setdefault(key, set())
            values[key] = None if known is None or isinstance(allowed, bool) else known | set(allowed)
    return {key: None if allowed is None else tuple(sorted(allowed)) for key, allowed in sorted(values.items())}


@dataclass(frozen=True)
class Query:
    """One question: what has a part of its edge within the bbox, or (`enclosing`) what encloses all of it."""

    bbox: Box
    wanted: Mapping[str, tuple[str, ...] | None]
    day: date | None = None
    """As of midnight (UTC) at the beginning of this day; None: now."""
    enclosing: bool = False

    def __str__(self) -> str:
        tags = "; ".join(key if values is None else f"{key}={'|'.join(values)}" for key, values in self.wanted.items())
        when = f" as of {self.day}" if self.day else ""
        where = "around" if self.enclosing else "in"
        return f"{tags} {where} {','.join(f'{value:.6f}' for value in self.bbox)}{when}"

    def ql(self, seconds: float) -> str:
        """Return the question in Overpass QL, with the time that the server may take.

        A filter by place finds objects by their edges and nodes, so that one which holds the whole bbox would be
        missed: for those, the areas around its centre are asked for, among which are all that enclose it.
        """
        west, south, east, north = self.bbox
        moment = f'[date:"{self.day}T00:00:00Z"]' if self.day else ""
        head = f"[out:json][timeout:{max(1, math.ceil(seconds))}]{moment};"
        filters = [_filter(key, values) for key, values in self.wanted.items()]
        if self.enclosing:
            head += f"is_in({(south + north) / 2:.6f},{(west + east) / 2:.6f})->.here;"
            searches = [f"{kind}(pivot.here){tags};" for tags in filters for kind in ("way", "rel")]
        else:
            searches = [f"nwr{tags}({south:.6f},{west:.6f},{north:.6f},{east:.6f});" for tags in filters]
        return f"{head}({''.join(searches)});(._;>;);out;"


def _filter(key: str, values: tuple[str, ...] | None) -> str:
    """Return a tag filter; a value may stand in a list such as ``coal;gas``, as it may in a file."""
    if values is None:
        return f"[{json.dumps(key)}]"
    pattern = f"(^|;) *({'|'.join(map(re.escape, values))}) *(;|$)"
    return f"[{json.dumps(key)}~{json.dumps(pattern, ensure_ascii=False)}]"


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
    spec: SourceSpec,
    policy: RequestPolicy,
    admit: Callable[[str, int], None],
    report: Report | None = None,
) -> str:
    """Ask the servers until one answers whole; write the reply (JSON) into `part` and return the address.

    A mirror is asked when a server fails, not when it is busy. A reply without a single object is believed only when
    it has come twice, from two servers if there are two.

    Parameters
    ----------
    spec
        Its `url` and `mirrors` are addresses of servers, without ``/interpreter``.
    admit
        Called with the address and 0 before a request, and with the bytes received after it; raises an AttemptError
        when the day's limits do not allow another.

    Raises
    ------
    SourceError
        No server gave a whole answer within the limits.
    """
    urls, empty = (spec.url, *spec.mirrors), 0

    def attempt(turn: int, deadline: Deadline) -> str:
        nonlocal empty
        url = urls[turn % len(urls)]
        admit(url, 0)
        try:
            body = _ask(url, query, policy, deadline, report)
        except requests.RequestException as error:
            raise classify_error(error) from error
        admit(url, len(body))
        found = reply.parsed(body)
        reply.check(found, query.bbox, query.day, enclosing=query.enclosing)
        if not found["elements"]:
            empty += 1
            if empty == 1:
                reason = "the reply is empty, and no second one confirms that"
                raise TransientError(reason)
        part.path.write_bytes(body)
        return url

    return retry_call(attempt, source=spec.id, urls=urls, policy=policy, busy_seconds=spec.busy_seconds)


def _ask(url: str, query: Query, policy: RequestPolicy, deadline: Deadline, report: Report | None) -> bytes:
    """Put the question once and return the body of the reply."""
    seconds = deadline.timeout(policy)
    with policy.session() as session:
        response = session.post(
            url.rstrip("/") + "/interpreter",
            data={"data": query.ql(seconds)},
            headers={"User-Agent": policy.user_agent, "Referer": policy.user_agent},
            timeout=seconds,
            stream=True,
        )
        if refused := classify_status(response):
            raise refused
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
