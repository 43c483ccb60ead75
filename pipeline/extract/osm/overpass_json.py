"""Replies of Overpass servers (JSON), turned into the form in which OpenStreetMap is read."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import osmium
from osmium.osm import mutable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_ORDER = {"node": 0, "way": 1, "relation": 2}


def state(reply: Path) -> tuple[int, str]:
    """Return how many objects a reply holds, and the moment (ISO 8601; empty: unknown) whose OpenStreetMap it shows."""
    content = json.loads(reply.read_bytes())
    return len(content["elements"]), str(content.get("osm3s", {}).get("timestamp_osm_base", ""))


def write_pbf(replies: Sequence[Path], target: Path) -> None:
    """Write the objects of several replies as one ``.osm.pbf``, sorted, each once.

    An object that changed between two replies is kept as the later one has it: the moment of a reply, in minutes,
    stands in for the version numbers that a reply does not carry.
    """
    merged = osmium.MergeInputReader()
    with tempfile.TemporaryDirectory() as scratch:
        for number, reply in enumerate(replies):
            single = Path(scratch, f"{number}.osm.pbf")
            _convert(reply, single)
            merged.add_file(str(single))
        # Libosmium goes by the suffix; the target may have another while it is being written.
        writer = osmium.WriteHandler(osmium.io.File(str(target), "osm.pbf"))  # type: ignore[arg-type]
        merged.apply(writer, simplify=True)
        writer.close()


def _convert(reply: Path, target: Path) -> None:
    content = json.loads(reply.read_bytes())
    moment = content.get("osm3s", {}).get("timestamp_osm_base", "")
    version = int(datetime.fromisoformat(moment).timestamp() // 60) if moment else 0
    with osmium.SimpleWriter(str(target)) as writer:
        for item in _sorted(content["elements"]):
            common = {"id": item["id"], "version": version, "tags": item.get("tags", {})}
            if item["type"] == "node":
                writer.add_node(mutable.Node(location=(item["lon"], item["lat"]), **common))
            elif item["type"] == "way":
                writer.add_way(mutable.Way(nodes=item.get("nodes", []), **common))
            else:
                members = [(member["type"][0], member["ref"], member["role"]) for member in item.get("members", [])]
                writer.add_relation(mutable.Relation(members=members, **common))


def _sorted(elements: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return elements in the order of a file, each once, with its tags.

    A reply gives one both with tags and as a bare skeleton where it was asked for and is a part of something else.
    Elements of other types (``area``, ``count``) are left out.
    """
    fullest: dict[tuple[int, int], Mapping[str, Any]] = {}
    for element in elements:
        if element["type"] in _ORDER:
            key = _ORDER[element["type"]], element["id"]
            if key not in fullest or len(element.get("tags", ())) > len(fullest[key].get("tags", ())):
                fullest[key] = element
    return [fullest[key] for key in sorted(fullest)]
