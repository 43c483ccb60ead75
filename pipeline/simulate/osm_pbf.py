"""An OpenStreetMap file of a simulated city: PBF, sorted, with fixed timestamps: equal cities give equal bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import osmium
from osmium.osm import Box
from osmium.osm.mutable import Node, Relation, Way

from pipeline.simulate import structures
from pipeline.simulate.construction import LAST_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.geometry.convex import Array
    from pipeline.simulate.frame import Frame
    from pipeline.simulate.structures import Structures

Tags = dict[str, str]

EDITED_AT = datetime(LAST_YEAR, 12, 31, tzinfo=UTC)
"""The time that every object carries, and up to which the file tells the edits: the last day of the simulated years."""
_CHUNK = 100_000


@dataclass
class Drawing:
    """What the mappers drew, metres of the city's frame."""

    points: list[tuple[Tags, Array]] = field(default_factory=list)
    """Tags and position, shape (2,)."""
    lines: list[tuple[Tags, Array]] = field(default_factory=list)
    """Tags and vertices, shape (n, 2); not closed."""
    areas: list[tuple[Tags, Array]] = field(default_factory=list)
    """Tags and corners, shape (n, 2), of closed ways; the first corner is not repeated."""
    relations: list[tuple[Tags, list[tuple[str, Array]]]] = field(default_factory=list)
    """Tags of a multipolygon and its rings as (role, corners)."""
    buildings: Structures | None = None
    building_tags: list[Tags] = field(default_factory=list)
    as_relation: NDArray[np.bool_] | None = None
    """Which buildings are multipolygons of one ring."""


def write(path: Path, drawing: Drawing, frame: Frame) -> list[str]:
    """Write a drawing as PBF: nodes, ways, relations, each by ascending id.

    Parameters
    ----------
    path
        The file; an older one is replaced.
    drawing
        What to write.
    frame
        The way back to degrees, and the bbox of the header.

    Returns
    -------
    list of str
        Of each building, in their order, ``way/…`` or ``relation/…``.
    """
    header = osmium.io.Header()
    header.set("generator", "novostroiki simulate")
    header.set("sorting", "Type_then_ID")
    header.set("osmosis_replication_timestamp", EDITED_AT.strftime("%Y-%m-%dT%H:%M:%SZ"))
    header.add_box(Box(*frame.bbox))
    rings = [ring for _, members in drawing.relations for _, ring in members]
    paths = [line for _, line in drawing.lines] + [ring for _, ring in drawing.areas] + rings
    with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
        _write_nodes(writer, _all_nodes(drawing, paths, frame))
        first_building, ring_ids = _write_ways(writer, drawing, paths)
        as_relation = _as_relation(drawing)
        first_relation = len(drawing.relations) + 1
        _write_relations(writer, drawing, [*ring_ids, *(first_building + np.flatnonzero(as_relation)).tolist()])
    ids = [f"way/{first_building + k}" for k in range(len(as_relation))]
    for number, k in enumerate(np.flatnonzero(as_relation).tolist()):
        ids[k] = f"relation/{first_relation + number}"
    return ids


def _as_relation(drawing: Drawing) -> NDArray[np.bool_]:
    """Return which buildings are written as relations."""
    count = 0 if drawing.buildings is None else len(drawing.buildings)
    return np.zeros(count, dtype=bool) if drawing.as_relation is None else drawing.as_relation


def _all_nodes(drawing: Drawing, paths: Sequence[Array], frame: Frame) -> Iterator[tuple[Array, Sequence[Tags]]]:
    """Yield positions in degrees with their tags (none for vertices), in the order of their ids."""
    if drawing.points:
        yield frame.to_degrees(np.array([point for _, point in drawing.points])), [tags for tags, _ in drawing.points]
    if paths:
        yield frame.to_degrees(np.concatenate(paths)), ()
    if drawing.buildings is not None:
        for start in range(0, len(drawing.buildings), _CHUNK):
            corners, _ = structures.outlines(drawing.buildings.take(slice(start, start + _CHUNK)))
            yield frame.to_degrees(corners), ()


def _write_nodes(writer: osmium.SimpleWriter, nodes: Iterator[tuple[Array, Sequence[Tags]]]) -> None:
    # One object is filled again and again: making one per node costs twice the time.
    node = Node(version=1, timestamp=EDITED_AT)
    number = 0
    for positions, tags in nodes:
        node.tags = {}
        for k, position in enumerate(positions.tolist()):
            number += 1
            node.id = number
            node.location = position
            if tags:
                node.tags = tags[k]
            writer.add_node(node)


def _write_ways(writer: osmium.SimpleWriter, drawing: Drawing, paths: Sequence[Array]) -> tuple[int, list[int]]:
    """Write all ways; return the id of the first building and those of the relations' rings."""
    way = Way(version=1, timestamp=EDITED_AT)
    node, number = len(drawing.points) + 1, 0
    open_lines = len(drawing.lines)
    tagged: list[Tags] = [tags for tags, _ in drawing.lines] + [tags for tags, _ in drawing.areas]
    ring_ids = []
    for k, path in enumerate(paths):
        number += 1
        nodes = list(range(node, node + len(path)))
        node += len(path)
        way.id, way.tags = number, tagged[k] if k < len(tagged) else {}
        way.nodes = nodes if k < open_lines else [*nodes, nodes[0]]
        writer.add_way(way)
        if k >= len(tagged):
            ring_ids.append(number)
    first_building = number + 1
    if drawing.buildings is not None:
        sizes = structures.corner_counts(drawing.buildings).tolist()
        as_relation = _as_relation(drawing).tolist()
        for tags, size, bare in zip(drawing.building_tags, sizes, as_relation, strict=True):
            number += 1
            way.id, way.tags = number, {} if bare else tags
            way.nodes = [*range(node, node + size), node]
            node += size
            writer.add_way(way)
    return first_building, ring_ids


def _write_relations(writer: osmium.SimpleWriter, drawing: Drawing, ring_ids: list[int]) -> None:
    ids = iter(ring_ids)
    roles = [(tags, [role for role, _ in rings]) for tags, rings in drawing.relations]
    roles += [(drawing.building_tags[k], ["outer"]) for k in np.flatnonzero(_as_relation(drawing)).tolist()]
    for number, (tags, parts) in enumerate(roles, start=1):
        members = [("w", next(ids), role) for role in parts]
        writer.add_relation(
            Relation(id=number, version=1, timestamp=EDITED_AT, tags={"type": "multipolygon", **tags}, members=members)
        )
