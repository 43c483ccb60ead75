"""OpenStreetMap files of other makers (JOSM, Overpass, ogr2osm), brought to what libosmium reads as a plain file."""

from __future__ import annotations

import bz2
import gzip
import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import osmium

from pipeline.errors import InputError
from pipeline.extract.local_files import Format
from pipeline.extract.osm.elements import write_elements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedIOBase
    from pathlib import Path

_BLOCK_BYTES = 4 * 2**20
_OVERLAP_BYTES = 256
_UNUSUAL = re.compile(rb"""<remark|\saction=["']delete|\s(?:id|ref)=["']-|<nd[^>]*\slat=""")
"""What libosmium passes over in XML: remarks of Overpass, JOSM's deletions and new objects, places within ways."""
_FORMS = {
    ".pbf": re.compile(rb"\x00\x00\x00.\x0a\x09OSMHeader", re.DOTALL),
    ".osm": re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*(?:<|\x00<)"),
    ".opl": re.compile(rb"[nwr]-?\d+ "),
}
"""Suffix that libosmium knows a form by, and how files of that form begin."""
_CHANGES = re.compile(r"\.os[hc]\b")
"""Files of histories and changes: as XML they differ from others in their name alone."""
_GAVE_UP = re.compile(r"error|timed out|timeout|out of memory|limit", re.IGNORECASE)


FORMATS = (
    Format("an extract (.osm.pbf), of Geofabrik, BBBike, osmium", '"kyrgyzstan.osm.pbf"'),
    Format(".osm of JOSM or Overpass, also .gz and .bz2", '"export.osm"', "deleted objects are left out"),
    Format("a saved reply of Overpass (JSON), also `out geom`", '"export.json"', "a reply that was cut is refused"),
    Format("Geofabrik's shapefiles (.shp.zip or unpacked)", '"kyrgyzstan-latest-free.shp.zip"', "only its classes"),
    Format("GeoPackage of HOT or ogr2ogr; GeoJSON of QuickOSM or Overpass Turbo", '"export.gpkg"'),
)
"""What `inputs.osm` takes, GIS files (`gis`) among them."""


@dataclass(frozen=True)
class Plain:
    """A file that libosmium reads.

    Attributes
    ----------
    given
        The file that the user named.
    path
        The same file, or a copy.
    scratch
        A folder for what reading it needs.
    rewritten
        Whether it is a copy, whose negative ids became large ones (`elements.own_ids`).
    """

    given: Path
    path: Path
    scratch: Path
    rewritten: bool = False


def plain(path: Path, scratch: Path) -> Plain:
    """Return a file that libosmium reads, written to `scratch` if this one is of another maker's kind.

    Raises
    ------
    InputError
        The file is no JSON of Overpass, or says itself that its server gave up in the middle.
    """
    try:
        with _unpacked(path) as file:
            start = file.read(_BLOCK_BYTES)
            text = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
            if text == b"{":
                return _rewritten(_of_json(json.loads(start + file.read()), path), path, scratch)
            if text != b"<" or not _is_unusual(file, start):
                return Plain(path, _named(path, start, scratch), scratch)
        with _unpacked(path) as file:
            return _rewritten(_of_xml(file, path), path, scratch)
    except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, ET.ParseError) as error:
        raise unreadable(path, error) from error


def _named(path: Path, start: bytes, scratch: Path) -> Path:
    """Return the file under a name that says what it holds: libosmium goes by the suffix, people do not."""
    form = next((suffix for suffix, pattern in _FORMS.items() if pattern.match(start)), "")
    packed = {b"\x1f\x8b": ".gz", b"BZ": ".bz2"}
    with path.open("rb") as file:
        suffix = form + packed.get(file.read(2), "")
    if not form or path.name.endswith(suffix) or _CHANGES.search(path.name):
        return path
    named = scratch / f"given{suffix}"
    try:
        named.symlink_to(path.resolve())
    except OSError:  # Windows lets not everybody link
        shutil.copyfile(path, named)
    return named


def with_positive_ids(file: Plain) -> Plain:
    """Return a copy of a binary file whose objects have negative ids."""
    return _rewritten(map(_element, osmium.FileProcessor(str(file.path))), file.given, file.scratch)


def unreadable(path: Path, error: Exception) -> InputError:
    """Return the refusal of a bad file, in one sentence."""
    reason = str(error).rstrip(".")
    msg = (
        f"{path} cannot be read as OpenStreetMap data ({reason}); it is damaged, cut off or of another kind: "
        "fetch it again."
    )
    return InputError(msg)


def _unpacked(path: Path) -> BufferedIOBase:
    with path.open("rb") as file:
        magic = file.read(3)
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(path)
    return bz2.open(path) if magic == b"BZh" else path.open("rb")


def _is_unusual(file: BufferedIOBase, start: bytes) -> bool:
    block = start
    while block:
        if _UNUSUAL.search(block):
            return True
        tail = block[-_OVERLAP_BYTES:]
        more = file.read(_BLOCK_BYTES)
        block = tail + more if more else b""
    return False


def _rewritten(elements: Iterator[dict[str, Any]], given: Path, scratch: Path) -> Plain:
    path = scratch / "plain.osm.pbf"
    write_elements(elements, path)
    return Plain(given, path, scratch, rewritten=True)


def _of_json(reply: Any, path: Path) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - whatever the file holds
    """Yield the elements of a saved Overpass reply."""
    if not isinstance(reply, dict) or "elements" not in reply:
        msg = "JSON without elements, as Overpass writes them"
        raise ValueError(msg)
    _check_remark(str(reply.get("remark") or ""), path)
    yield from reply["elements"]


def _check_remark(remark: str, path: Path) -> None:
    if _GAVE_UP.search(remark):
        msg = (
            f"{path} is only a part of what was asked: the server gave up in the middle ({remark.strip()[:120]!r}); "
            "ask again for a smaller area or with a longer timeout."
        )
        raise InputError(msg)


def _of_xml(file: BufferedIOBase, path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file that are not marked as deleted."""
    events = ET.iterparse(file, events=("start", "end"))  # noqa: S314 - expat expands no outside entities
    _, root = next(events)
    for event, item in events:
        if event == "start":
            continue
        if item.tag == "remark":
            _check_remark(item.text or "", path)
        elif item.tag in _READERS:
            if item.get("action") != "delete" and item.get("visible") != "false":
                yield _READERS[item.tag](item)
            root.clear()


def _common(item: ET.Element) -> dict[str, Any]:
    version = item.get("version", "0")
    found: dict[str, Any] = {
        "type": item.tag,
        "id": int(item.attrib["id"]),
        "version": int(version) if version.isdecimal() else 0,
        "changeset": max(int(item.get("changeset", "0")), 0),
        "tags": {tag.attrib["k"]: tag.attrib["v"] for tag in item.iterfind("tag")},
    }
    return found | ({"timestamp": item.attrib["timestamp"]} if "timestamp" in item.attrib else {})


def _node(item: ET.Element) -> dict[str, Any]:
    return {**_common(item), **(_place(item) or {})}


def _way(item: ET.Element) -> dict[str, Any]:
    return {**_common(item), **_line(item)}


def _relation(item: ET.Element) -> dict[str, Any]:
    members = [
        {"type": member.get("type"), "ref": int(member.attrib["ref"]), "role": member.get("role", ""), **_line(member)}
        for member in item.iterfind("member")
    ]
    return {**_common(item), "members": members}


def _line(item: ET.Element) -> dict[str, Any]:
    """Return the nodes of a way or member, and their places where it carries them."""
    points = list(item.iterfind("nd"))
    nodes = [int(point.attrib["ref"]) for point in points if "ref" in point.attrib]
    places = [_place(point) for point in points]
    return ({"nodes": nodes} if nodes else {}) | ({"geometry": places} if any(places) else {})


def _place(item: ET.Element) -> dict[str, float] | None:
    if "lat" not in item.attrib or "lon" not in item.attrib:
        return None
    return {"lat": float(item.attrib["lat"]), "lon": float(item.attrib["lon"])}


_READERS = {"node": _node, "way": _way, "relation": _relation}


def _element(item: Any) -> dict[str, Any]:  # noqa: ANN401 - one of osmium's three object types
    """Return an object of libosmium as an element."""
    found = {"id": item.id, "version": item.version, "changeset": item.changeset, "tags": dict(item.tags)}
    if item.timestamp.timestamp() > 0:
        found["timestamp"] = item.timestamp
    if item.is_node():
        place = {"lon": item.location.lon_without_check(), "lat": item.location.lat_without_check()}
        return {**found, "type": "node", **place}
    if item.is_way():
        places = [{"lon": node.lon, "lat": node.lat} if node.location.valid() else None for node in item.nodes]
        line = {"geometry": places} if any(places) else {}
        return {**found, "type": "way", "nodes": [node.ref for node in item.nodes], **line}
    names = {"n": "node", "w": "way", "r": "relation"}
    members = [{"type": names[member.type], "ref": member.ref, "role": member.role} for member in item.members]
    return {**found, "type": "relation", "members": members}
