"""Elements (of Overpass replies, of files of other makers), written as an OpenStreetMap file that the reader takes."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import osmium
from osmium.osm import mutable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Element = Mapping[str, Any]

_ORDER = {"node": 0, "way": 1, "relation": 2}
_NEGATIVE = 1 << 44
"""Added to negative ids (JOSM's new objects), of which libosmium keeps no places; OpenStreetMap is far from these."""
_MADE = 1 << 45
"""Ids of nodes that are known by their places alone (``out geom``) begin here."""


def write_elements(elements: Iterable[Element], path: Path) -> None:
    """Write elements as a sorted OpenStreetMap file; of a repeated one, the fullest and newest copy.

    Overpass repeats an element where tiles overlap, and gives it once with tags and once as a bare skeleton where it
    is both asked for and part of something else. Elements of other types (``area``, ``count``) are left out. Places
    that ways and members carry themselves (``geometry``, of ``out geom``) become nodes. Negative ids become large ones
    (see `own_ids`).
    """
    best: dict[tuple[int, int], Element] = {}
    for element in elements:
        if element.get("type") not in _ORDER:
            continue
        key = (_ORDER[element["type"]], int(element["id"]))
        if key not in best or _rank(element) > _rank(best[key]):
            best[key] = element
    _place_nodes(best)
    for element in best.values():
        _check_texts(element)
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        add = (writer.add_node, writer.add_way, writer.add_relation)
        for key in sorted(best, key=lambda key: (key[0], _number(key[1]))):
            add[key[0]](_mutable(best[key]))


def _check_texts(element: Element) -> None:
    """Refuse a NUL, of which libosmium dies."""
    texts = [text for tag in (element.get("tags") or {}).items() for text in tag]
    texts += [member.get("role", "") for member in element.get("members", ())]
    if any("\0" in text for text in texts):
        msg = f"a text of {element['type']} {element['id']} holds a NUL"
        raise ValueError(msg)


def own_ids(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the ids that objects had before `write_elements`."""
    return np.where((ids >= _NEGATIVE) & (ids < _MADE), _NEGATIVE - ids, ids)


def _number(ref: int) -> int:
    return ref if ref >= 0 else _NEGATIVE - ref


def _place_nodes(best: dict[tuple[int, int], Element]) -> None:
    """Add the nodes, and the member ways, that elements know by places alone."""
    made: dict[tuple[float, float], int] = {}
    free = count(_MADE)

    def nodes_of(element: Element) -> list[int]:
        """Return the nodes of a line of places; equal places are one node, so that rings join."""
        points = element["geometry"]
        refs = element.get("nodes") or [None] * len(points)
        nodes = []
        for ref, point in zip(refs, points, strict=False):
            if point is None:
                if ref is not None:
                    nodes.append(ref)
                continue
            place = (point["lon"], point["lat"])
            node = ref if ref is not None else made.setdefault(place, next(free))
            best.setdefault((0, node), {"type": "node", "id": node, "lon": place[0], "lat": place[1]})
            nodes.append(node)
        return nodes

    for key, element in list(best.items()):
        if key[0] == _ORDER["way"] and element.get("geometry"):
            best[key] = {**element, "nodes": nodes_of(element)}
        for member in element.get("members", ()):
            way = (_ORDER["way"], member["ref"])
            if member["type"] == "way" and member.get("geometry") and way not in best:
                best[way] = {"type": "way", "id": member["ref"], "nodes": nodes_of(member)}


def _rank(element: Mapping[str, Any]) -> tuple[int, int]:
    return int(element.get("version", 0)), len(element.get("tags", ()))


def _mutable(element: Mapping[str, Any]) -> Any:  # noqa: ANN401 - one of osmium's three object types
    common: dict[str, Any] = {
        "id": _number(int(element["id"])),
        "tags": element.get("tags", {}),
        "version": int(element.get("version", 0)),
        "changeset": int(element.get("changeset", 0)),
    }
    if "timestamp" in element:
        common["timestamp"] = element["timestamp"]
    match element["type"]:
        case "node":
            place = (element["lon"], element["lat"]) if "lon" in element else None
            return mutable.Node(location=place, **common)
        case "way":
            return mutable.Way(nodes=[_number(ref) for ref in element.get("nodes", ())], **common)
        case _:
            members = [
                (item["type"][0], _number(item["ref"]), item.get("role", "")) for item in element.get("members", [])
            ]
            return mutable.Relation(members=members, **common)
