"""Multipolygon and boundary relations, assembled by libosmium from their member ways alone."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import osmium
import shapely

from pipeline.extract.osm import problems
from pipeline.geometry.bbox import overlaps
from pipeline.geometry.polygon_validity import area_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Sequence

    from shapely import Geometry

    from pipeline.extract.osm.matching import Layers, Matcher, Tags
    from pipeline.geometry.bbox import Box

_AREA_TYPES = frozenset({"multipolygon", "boundary"})
"""Types of relations whose members form an area: https://wiki.openstreetmap.org/wiki/Types_of_relation."""


_ABOUT = frozenset({"type", "created_by", "source", "note", "fixme", "FIXME", "comment", "attribution", "import"})
"""Keys that say nothing of what a relation is: one with no other key is tagged on its outer ways (the old style)."""
_INNER = "inner"


class _Relation(NamedTuple):
    version: int
    tags: Tags
    layers: Layers
    members: list[int]
    """Ids of the member ways."""
    outers: list[int]
    """Those that are not said to be holes."""


class RelationReader:
    """Two steps, since the node locations are read between them: select the relations, then assemble them."""

    def __init__(self, stream: Callable[..., Iterator[Any]], matcher: Matcher, count: Counter[str]) -> None:
        self._stream = stream
        self._matcher = matcher
        self._count = count
        self._relations: dict[int, _Relation] = {}
        self._untagged: dict[int, _Relation] = {}
        self._outer_tags: dict[int, Tags] = {}
        self.repeated: dict[int, frozenset[str]] = {}
        """Outer ways of assembled areas, and the layers in which they only repeat their relation."""
        self._wkb = osmium.geom.WKBFactory()

    def select(self, relation: Any) -> bool:  # noqa: ANN401 - osmium's types are untyped
        """Remember a relation if a layer takes it as an area; return whether one does."""
        tags = dict(islice(relation.tags, len(relation.tags)))
        is_area = tags.get("type") in _AREA_TYPES
        layers = self._matcher.of_kind(self._matcher.match(tags), "polygon")
        if layers and is_area:
            self._relations[relation.id] = _Relation(relation.version, tags, layers, *_ways(relation))
            return True
        if layers:
            self._count[problems.NO_AREA] += 1
        elif is_area and _ABOUT.issuperset(tags):
            self._untagged[relation.id] = _Relation(relation.version, tags, (), *_ways(relation))
        return False

    def assemble(self, places: Sequence[Any], box: Box) -> Iterator[tuple[int, int, Tags, Layers, Geometry]]:
        """Yield (osm_id, version, tags, layers, geometry) of the relations whose envelope meets the box.

        `places` are the handlers that tell where nodes are; none where the ways say so themselves.
        """
        self._take_outer_tags()
        missing = dict.fromkeys(self._relations)
        broken = []
        for number, shape in self._areas(places):
            missing.pop(number, None)
            if shape is None:
                broken.append(number)
            else:
                yield from self._near(number, shape, box)
        self._count[problems.NO_MEMBERS] += len(missing)
        for number, shape in self._rebuilt(broken, places):
            self._count[problems.NO_RINGS if shape is None else problems.REPAIRED] += 1
            if shape is not None:
                yield from self._near(number, shape, box)

    def _take_outer_tags(self) -> None:
        """Read the tags of outer ways; relations without tags of their own become what these have in common."""
        relations = [*self._relations.values(), *self._untagged.values()]
        if not relations:
            return
        wanted = osmium.filter.IdFilter({ref for relation in relations for ref in relation.outers})
        for way in self._stream(osmium.osm.WAY, wanted, osmium.filter.EmptyTagFilter()):
            self._outer_tags[way.id] = dict(islice(way.tags, len(way.tags)))
        for number, relation in self._untagged.items():
            tagged = [self._outer_tags[ref] for ref in relation.outers if ref in self._outer_tags]
            if not tagged:
                continue
            common = dict(set(tagged[0].items()).intersection(*(tags.items() for tags in tagged[1:])))
            tags = {key: value for key, value in tagged[0].items() if key in common}
            if layers := self._layers_of(tags):
                self._relations[number] = relation._replace(tags=tags, layers=layers)
                self._count[problems.UNTAGGED] += 1

    def _layers_of(self, tags: Tags) -> Layers:
        return self._matcher.closed_way(tags, self._matcher.match(tags))[0]

    def _near(self, number: int, shape: Geometry, box: Box) -> Iterator[tuple[int, int, Tags, Layers, Geometry]]:
        self._note_repeated(self._relations[number])
        parts = shapely.get_parts(shape)
        single = parts[0] if len(parts) == 1 else shape
        if overlaps(shapely.bounds([single]), box)[0]:
            relation = self._relations[number]
            yield number, relation.version, relation.tags, relation.layers, single

    def _note_repeated(self, relation: _Relation) -> None:
        """Remember outer ways that say what their relation says: read for themselves, they would fill its holes."""
        for ref in relation.outers:
            tags = self._outer_tags.get(ref, {})
            shared = frozenset(self._layers_of(tags)).intersection(relation.layers) if tags else frozenset()
            named = {name for name in (tags.get("name"), relation.tags.get("name")) if name}
            if shared and len(named) <= 1:
                self.repeated[ref] = self.repeated.get(ref, frozenset()) | shared

    def _areas(self, places: Sequence[Any]) -> Iterator[tuple[int, Geometry | None]]:
        """Yield the area of each relation whose members are all in the file; None: they form no valid area."""
        if not self._relations:
            return
        manager = osmium.area.AreaManager()
        first = manager.first_pass_handler()
        wanted = osmium.filter.IdFilter(self._relations)
        for _ in self._stream(osmium.osm.RELATION, wanted, first):
            pass
        members = osmium.filter.IdFilter({ref for relation in self._relations.values() for ref in relation.members})
        assembled = osmium.BufferIterator()
        second = manager.second_pass_to_buffer(assembled)
        for _ in self._stream(osmium.osm.WAY, members, *places, second):
            yield from self._finished(assembled)
        yield from self._finished(assembled)

    def _finished(self, assembled: Any) -> Iterator[tuple[int, Geometry | None]]:  # noqa: ANN401
        for area in assembled:
            if not area.from_way():
                empty = area.num_rings()[0] == 0
                yield area.orig_id(), None if empty else shapely.from_wkb(self._wkb.create_multipolygon(area))

    def _rebuilt(self, numbers: list[int], places: Sequence[Any]) -> Iterator[tuple[int, Geometry | None]]:
        """Yield areas made from whatever rings the members form, for relations that libosmium refuses."""
        if not numbers:
            return
        wanted = osmium.filter.IdFilter({ref for number in numbers for ref in self._relations[number].members})
        pieces = {}
        for way in self._stream(osmium.osm.WAY, wanted, *places):
            try:
                pieces[way.id] = shapely.from_wkb(self._wkb.create_linestring(way))
            except RuntimeError:  # too few points or nodes that are not in the file
                continue
        for number in numbers:
            own = [pieces[ref] for ref in self._relations[number].members if ref in pieces]
            yield number, area_of(shapely.build_area(shapely.union_all(own)))


def _ways(relation: Any) -> tuple[list[int], list[int]]:  # noqa: ANN401 - osmium's types are untyped
    """Return the ids of the member ways, and of those that are not said to be holes."""
    ways = [(member.ref, member.role) for member in relation.members if member.type == "w"]
    return [ref for ref, _ in ways], [ref for ref, role in ways if role != _INNER]
