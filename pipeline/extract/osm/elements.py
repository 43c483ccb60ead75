"""Elements of Overpass replies, written as an OpenStreetMap file that the reader of files takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import osmium
from osmium.osm import mutable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_ORDER = {"node": 0, "way": 1, "relation": 2}


def write_elements(elements: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write elements as a sorted OpenStreetMap file; of a repeated one, the fullest and newest copy.

    Overpass repeats an element where tiles overlap, and gives it once with tags and once as a bare skeleton where it
    is both asked for and part of something else. Elements of other types (``area``, ``count``) are left out.
    """
    best: dict[tuple[int, int], Mapping[str, Any]] = {}
    for element in elements:
        if element.get("type") not in _ORDER:
            continue
        key = (_ORDER[element["type"]], int(element["id"]))
        if key not in best or _rank(element) > _rank(best[key]):
            best[key] = element
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        add = (writer.add_node, writer.add_way, writer.add_relation)
        for key in sorted(best):
            add[key[0]](_mutable(best[key]))


def _rank(element: Mapping[str, Any]) -> tuple[int, int]:
    return int(element.get("version", 0)), len(element.get("tags", ()))


def _mutable(element: Mapping[str, Any]) -> Any:  # noqa: ANN401 - one of osmium's three object types
    common: dict[str, Any] = {
        "id": int(element["id"]),
        "tags": element.get("tags", {}),
        "version": int(element.get("version", 0)),
        "changeset": int(element.get("changeset", 0)),
    }
    if "timestamp" in element:
        common["timestamp"] = element["timestamp"]
    match element["type"]:
        case "node":
            return mutable.Node(location=(element["lon"], element["lat"]), **common)
        case "way":
            return mutable.Way(nodes=element.get("nodes", []), **common)
        case _:
            members = [(item["type"][0], item["ref"], item.get("role", "")) for item in element.get("members", [])]
            return mutable.Relation(members=members, **common)
