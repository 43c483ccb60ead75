"""Replies of Overpass servers (JSON), turned into the form in which OpenStreetMap is read."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import osmium

from pipeline.extract.osm import reply
from pipeline.extract.osm.elements import write_elements

if TYPE_CHECKING:
    from collections.abc import Sequence


def state(path: Path) -> tuple[int, str]:
    """Return how many objects a reply holds, and the moment (ISO 8601; empty: unknown) whose OpenStreetMap it shows."""
    content = reply.parsed(path.read_bytes())
    moment = reply.moment(content)
    return len(content["elements"]), moment.isoformat().replace("+00:00", "Z") if moment else ""


def write_pbf(replies: Sequence[Path], target: Path) -> None:
    """Write the objects of several replies as one ``.osm.pbf``, sorted, each once.

    An object that changed between two replies is kept as the later one has it: the moment of a reply, in minutes,
    stands in for the version numbers that a reply does not carry.
    """
    merged = osmium.MergeInputReader()
    with tempfile.TemporaryDirectory() as scratch:
        for number, path in enumerate(replies):
            single = Path(scratch, f"{number}.osm.pbf")
            _convert(path, single)
            merged.add_file(str(single))
        # Libosmium goes by the suffix; the target may have another while it is being written.
        writer = osmium.WriteHandler(osmium.io.File(str(target), "osm.pbf"))  # type: ignore[arg-type]
        merged.apply(writer, simplify=True)
        writer.close()


def _convert(path: Path, target: Path) -> None:
    content = reply.parsed(path.read_bytes())
    moment = reply.moment(content)
    version = int(moment.timestamp() // 60) if moment else 0
    write_elements(({**item, "version": version} for item in content["elements"]), target)
