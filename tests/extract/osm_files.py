"""Small OpenStreetMap files for tests, written by osmium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import osmium
from osmium.osm import mutable

from pipeline.config import Area
from pipeline.declared.catalogue import OsmLayer

if TYPE_CHECKING:
    from pathlib import Path

AREA = Area(area_id="testtown", country="KG", bbox=(74.0, 42.0, 74.1, 42.1), name={"en": "Testtown"})
"""Ten kilometres of nowhere."""


def layer(identifier: str, geometry: tuple[str, ...], *osm: dict[str, Any], **more: Any) -> OsmLayer:
    return OsmLayer(id=identifier, title={"en": identifier}, geometry=geometry, osm=osm, **more)


LAYERS = {
    "buildings": layer("buildings", ("polygon",), {"building": True}, attributes=("building", "building:levels")),
    "landuse": layer("landuse", ("polygon",), {"landuse": True}, attributes=("landuse",)),
    "roads": layer("roads", ("line",), {"highway": ("residential", "primary")}, attributes=("highway", "surface")),
    "places": layer("places", ("point", "polygon"), {"place": ("suburb", "village")}, attributes=("place",)),
    "boundaries": layer("boundaries", ("polygon",), {"boundary": ("administrative",)}),
    "hazard:cemetery": layer("cemetery", ("point", "polygon"), {"landuse": ("cemetery",)}),
    "hazard:gas_trunk": layer(
        "gas_trunk", ("line", "polygon"), {"man_made": ("pipeline",), "substance": ("gas",)}, attributes=("usage",)
    ),
}


class Scene:
    """Objects of a file, in degrees from the corner (74, 42) of the area; writes any format that osmium knows."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.ways: list[Any] = []
        self.relations: list[Any] = []

    def node(self, x: float, y: float, **tags: str) -> int:
        number = len(self.nodes) + 1
        self.nodes.append(mutable.Node(id=number, location=(74 + x, 42 + y), tags=_keys(tags), **_meta(number)))
        return number

    def way(self, points: list[tuple[float, float] | int], *, close: bool = False, **tags: str) -> int:
        refs = [point if isinstance(point, int) else self.node(*point) for point in points]
        number = len(self.ways) + 1
        nodes = [*refs, refs[0]] if close else refs
        self.ways.append(mutable.Way(id=number, nodes=nodes, tags=_keys(tags), **_meta(number)))
        return number

    def square(self, x: float, y: float, size: float = 0.001, **tags: str) -> int:
        corners: list[tuple[float, float] | int] = [(x, y), (x + size, y), (x + size, y + size), (x, y + size)]
        return self.way(corners, close=True, **tags)

    def relation(self, members: list[tuple[str, int, str]], **tags: str) -> int:
        number = len(self.relations) + 1
        self.relations.append(mutable.Relation(id=number, members=members, tags=_keys(tags), **_meta(number)))
        return number

    def write(self, path: Path) -> Path:
        with osmium.SimpleWriter(str(path), overwrite=True) as writer:
            for node in self.nodes:
                writer.add_node(node)
            for way in self.ways:
                writer.add_way(way)
            for relation in self.relations:
                writer.add_relation(relation)
        return path

    def elements(self) -> list[dict[str, Any]]:
        """Return the same objects as elements of an Overpass reply."""
        found: list[dict[str, Any]] = []
        for node in self.nodes:
            lon, lat = node.location
            found.append({"type": "node", "id": node.id, "lon": lon, "lat": lat, "tags": node.tags, "version": 1})
        found += [
            {"type": "way", "id": way.id, "nodes": way.nodes, "tags": way.tags, "version": 1} for way in self.ways
        ]
        names = {"n": "node", "w": "way", "r": "relation"}
        for relation in self.relations:
            members = [{"type": names[kind], "ref": ref, "role": role} for kind, ref, role in relation.members]
            element = {"type": "relation", "id": relation.id, "members": members, "tags": relation.tags}
            found.append({**element, "version": 1})
        return found


def _keys(tags: dict[str, str]) -> dict[str, str]:
    """Allow keys with a colon to be written with two underscores."""
    return {key.replace("__", ":"): value for key, value in tags.items()}


def _meta(number: int) -> dict[str, Any]:
    return {"version": 1, "changeset": 1000 + number, "timestamp": f"2024-05-0{number % 9 + 1}T00:00:00Z"}
