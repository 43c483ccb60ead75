"""An Overpass server that really answers: from a PBF, with the tags, boxes and points of the queries honoured."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import osmium
import shapely

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.servers import Request

_FILTER = r'\[("[^"]+")(?:~("(?:[^"\\]|\\.)+"))?\]'
_STATEMENT = re.compile(rf"nwr{_FILTER}\(([-\d.,]+)\);")
_AROUND = re.compile(r"is_in\(([\d.]+),([\d.]+)\)->\.here")
_PIVOT = re.compile(rf"(way|rel)\(pivot\.here\){_FILTER};")
_LETTERS = {"n": "node", "w": "way", "r": "relation"}


@dataclass
class Database:
    """The objects of a file, as Overpass would print them, with their geometries."""

    elements: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    shapes: dict[tuple[str, int], shapely.Geometry] = field(default_factory=dict)
    tagged: dict[tuple[str, str], list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    """Kind and key to the objects that carry it."""

    @classmethod
    def of(cls, path: Path) -> Database:
        """Read a file; nodes come before ways, ways before relations."""
        database = cls()
        for item in osmium.FileProcessor(str(path)):
            database._add(item)
        return database

    def _add(self, item: Any) -> None:
        kind = item.type_str()
        element: dict[str, Any] = {"type": _LETTERS[kind], "id": item.id}
        if tags := dict(item.tags):
            element["tags"] = tags
        if kind == "n":
            element |= {"lat": item.lat, "lon": item.lon}
            shape = shapely.Point(item.lon, item.lat)
        elif kind == "w":
            element["nodes"] = [node.ref for node in item.nodes]
            points = [self.shapes[key] for ref in element["nodes"] if (key := ("node", ref)) in self.shapes]
            shape = shapely.LineString(points) if len(points) > 1 else shapely.MultiPoint(points)
        else:
            element["members"] = [
                {"type": _LETTERS[member.type], "ref": member.ref, "role": member.role} for member in item.members
            ]
            keys = [(member["type"], member["ref"]) for member in element["members"]]
            shape = shapely.GeometryCollection([self.shapes[key] for key in keys if key in self.shapes])
        self.elements[element["type"], item.id] = element
        self.shapes[element["type"], item.id] = shape
        for key in tags:
            self.tagged[element["type"], key].append((element["type"], item.id))

    def answer(self, request: Request) -> bytes | None:
        """Answer a query as the interpreter does."""
        if not (request.path.endswith("/interpreter") and request.body):
            return None
        query = parse_qs(request.body.decode())["data"][0]
        if point := _AROUND.search(query):
            return self._print(self._enclosing(shapely.Point(float(point[2]), float(point[1])), query))
        found: set[tuple[str, int]] = set()
        statements = _STATEMENT.findall(query)
        assert len(statements) == query.count("nwr") > 0, query
        assert query.endswith(");(._;>;);out;"), query
        for key, pattern, bounds in statements:
            south, west, north, east = map(float, bounds.split(","))
            area = shapely.box(west, south, east, north)
            shapely.prepare(area)
            for kind in _LETTERS.values():
                named = self._matching(kind, key, pattern)
                found |= {name for name in named if area.intersects(self.shapes[name])}
        return self._print(found)

    def _enclosing(self, point: shapely.Point, query: str) -> set[tuple[str, int]]:
        """Return the areas around a point that any of the conditions asks for."""
        found = set()
        for kind, key, pattern in _PIVOT.findall(query):
            named = self._matching({"rel": "relation"}.get(kind, kind), key, pattern)
            found |= {item for item in named if self._area(item).contains(point)}
        return found

    def _area(self, name: tuple[str, int]) -> shapely.Geometry:
        """Return the area that the lines of an object enclose."""
        parts = shapely.get_parts(self.shapes[name])
        lines = [part for part in parts if part.geom_type == "LineString"]
        return shapely.unary_union(shapely.polygonize(lines))

    def _print(self, found: set[tuple[str, int]]) -> bytes:
        elements = [self.elements[name] for name in sorted(self._with_members(found))]
        head = {"timestamp_osm_base": "2026-11-20T10:00:00Z", "copyright": "OpenStreetMap contributors, ODbL"}
        return json.dumps({"version": 0.6, "generator": "test", "osm3s": head, "elements": elements}).encode()

    def _matching(self, kind: str, key: str, pattern: str) -> list[tuple[str, int]]:
        """Return the objects of a kind that a filter takes; key and pattern are quoted as in the query."""
        key, wanted = json.loads(key), re.compile(json.loads(pattern) if pattern else "")
        return [name for name in self.tagged[kind, key] if wanted.search(self.elements[name]["tags"][key])]

    def _with_members(self, found: set[tuple[str, int]]) -> set[tuple[str, int]]:
        """Add ways of relations and nodes of both, as ``(._;>;)`` does."""
        for name in list(found):
            for member in self.elements[name].get("members", []):
                if member["type"] != "relation":
                    found.add((member["type"], member["ref"]))
        for name in list(found):
            found |= {("node", ref) for ref in self.elements.get(name, {}).get("nodes", [])}
        return {name for name in found if name in self.elements}
