"""What an Overpass server answers, as a model; and whether a reply is whole, and about the place that was asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, NotRequired

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

# Pydantic takes no other TypedDict before Python 3.12.
from typing_extensions import TypedDict

from pipeline.extract.http.retry import PermanentError, TransientError

if TYPE_CHECKING:
    from pipeline.geometry.bbox import Box

_Text = Annotated[str, Field(max_length=255, pattern=r"^[^\x00]*$")]
_Id = Annotated[int, Field(gt=0, lt=2**63)]
_Tags = dict[_Text, _Text]
_AHEAD = timedelta(days=1)
_MISSING_SHARE = 0.01
"""Of ways whose nodes the reply lacks, or which lie elsewhere: more is no slip of the data but another reply."""
_NEAR_DEG = 0.1
"""A way may cross the bbox between two nodes that lie so far outside of it."""


class Node(TypedDict):
    """A point."""

    type: Literal["node"]
    id: _Id
    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]
    tags: NotRequired[_Tags]


class Way(TypedDict):
    """A line or ring, by its nodes."""

    type: Literal["way"]
    id: _Id
    nodes: NotRequired[list[_Id]]
    tags: NotRequired[_Tags]


class Member(TypedDict):
    """What a relation holds."""

    type: Literal["node", "way", "relation"]
    ref: _Id
    role: _Text


class Relation(TypedDict):
    """Objects that belong together."""

    type: Literal["relation"]
    id: _Id
    members: NotRequired[list[Member]]
    tags: NotRequired[_Tags]


class State(TypedDict):
    """Of which moment the server's data are."""

    timestamp_osm_base: AwareDatetime


class Reply(TypedDict):
    """A reply, whole or not."""

    osm3s: NotRequired[State]
    elements: list[Annotated[Node | Way | Relation, Field(discriminator="type")]]
    remark: NotRequired[str]


_REPLY = TypeAdapter(Reply)


def parsed(body: bytes) -> Reply:
    """Return a reply; raise an AttemptError where it is none, or where its server gave up in the middle."""
    try:
        reply = _REPLY.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        start = body[:15].lstrip().lower()
        page = start.startswith((b"<!doc", b"<html"))
        what = "a web page" if page else f"no whole Overpass JSON ({where + ': ' if where else ''}{first['msg']})"
        reason = f"the reply is {what}"
        raise TransientError(reason) from error
    if remark := reply.get("remark"):
        reason = f"the server gave up in the middle (“{remark[:120]}”)"
        raise TransientError(reason, remedy="try again later, when the servers are less busy")
    return reply


def moment(reply: Reply) -> datetime | None:
    """Return of when the data are; None: the reply does not say."""
    return reply["osm3s"]["timestamp_osm_base"] if "osm3s" in reply else None


def check(reply: Reply, bbox: Box, day: date | None, *, enclosing: bool) -> None:
    """Raise an AttemptError unless a reply is whole, about this bbox, and of data as new as what was asked for.

    Parameters
    ----------
    bbox
        What was asked for (EPSG:4326).
    day
        As of which day; None: now.
    enclosing
        What encloses the bbox was asked for, and not what is in it.
    """
    if base := moment(reply):
        if day and base.date() < day:
            reason = f"its data end at {base:%Y-%m-%d}, before the day that is asked for"
            raise PermanentError(reason, remedy="set live.osm_date to an earlier day")
        if base > datetime.now(UTC) + _AHEAD:
            reason = f"it says that its data are of {base:%Y-%m-%d}, which is still to come"
            raise TransientError(reason)
    _check_whole(reply)
    if not enclosing:
        _check_place(reply, bbox)


def _check_whole(reply: Reply) -> None:
    """Refuse a reply whose ways have no nodes: they come with them, or were lost on the way."""
    nodes = {item["id"] for item in reply["elements"] if item["type"] == "node"}
    ways = [item.get("nodes", []) for item in reply["elements"] if item["type"] == "way"]
    broken = sum(not refs or not nodes.issuperset(refs) for refs in ways)
    if broken > _MISSING_SHARE * len(ways):
        reason = f"a part of the reply is missing ({broken:,} of {len(ways):,} ways lack nodes)"
        raise TransientError(reason)


def _check_place(reply: Reply, bbox: Box) -> None:
    """Refuse a reply about another place; what belongs to a relation may lie anywhere."""
    west, south, east, north = bbox
    elements = reply["elements"]
    near = {
        item["id"]
        for item in elements
        if item["type"] == "node"
        and west - _NEAR_DEG <= item["lon"] <= east + _NEAR_DEG
        and south - _NEAR_DEG <= item["lat"] <= north + _NEAR_DEG
    }
    related = {
        (member["type"], member["ref"])
        for item in elements
        if item["type"] == "relation"
        for member in item.get("members", [])
    }
    ways = [item for item in elements if item["type"] == "way"]
    of_ways = {ref for item in ways for ref in item.get("nodes", [])}
    own = [near.isdisjoint(item.get("nodes", [])) for item in ways if ("way", item["id"]) not in related]
    own += [
        item["id"] not in near
        for item in elements
        if item["type"] == "node" and item["id"] not in of_ways and ("node", item["id"]) not in related
    ]
    if sum(own) > _MISSING_SHARE * len(own):
        reason = f"the reply is about another place ({sum(own):,} of {len(own):,} objects lie elsewhere)"
        raise TransientError(reason)
