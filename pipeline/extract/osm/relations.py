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
    from collections.abc import Callable, Iterator

    from shapely import Geometry

    from pipeline.extract.osm.matching import Layers, Matcher, Tags
    from pipeline.geometry.bbox import Box

_AREA_TYPES = frozenset({"multipolygon", "boundary"})
"""Types of relations whose members form an area: https://wiki.openstreetmap.org/wiki/Types_of_relation."""


class _Relation(NamedTuple):
    version: int
    tags: Tags
    layers: Layers
    members: list[int]
    """Ids of the member ways."""


class RelationReader:
    """Two steps, since the node locations are read between them: select the relations, then assemble them."""

    def __init__(self, stream: Callable[..., Iterator[Any]], matcher: Matcher, count: Counter[str]) -> None:
        self._stream = stream
        self._matcher = matcher
        self._count = count
        self._relations: dict[int, _Relation] = {}
        self._wkb = osmium.geom.WKBFactory()

    def select(self, relation: Any) -> bool:  # noqa: ANN401 - osmium's types are untyped
        """Remember a relation if a layer takes it as an area; return whether one does."""
        tags = dict(islice(relation.tags, len(relation.tags)))
        is_area = tags.get("type") in _AREA_TYPES
        layers = self._matcher.of_kind(self._matcher.match(tags), "polygon")
        if layers and is_area:
            members = [member.ref for member in relation.members if member.type == "w"]
            self._relations[relation.id] = _Relation(relation.version, tags, layers, members)
            return True
        if layers:
            self._count[problems.NO_AREA] += 1
        elif is_area and len(tags) == 1:
            self._count[problems.UNTAGGED] += 1
        return False

    def assemble(self, locations: Any, box: Box) -> Iterator[tuple[int, int, Tags, Layers, Geometry]]:  # noqa: ANN401
        """Yield (osm_id, version, tags, layers, geometry) of the relations whose envelope meets the box."""
        missing = dict.fromkeys(self._relations)
        broken = []
        for number, shape in self._areas(locations):
            missing.pop(number, None)
            if shape is None:
                broken.append(number)
            else:
                yield from self._near(number, shape, box)
        self._count[problems.NO_MEMBERS] += len(missing)
        for number, shape in self._rebuilt(broken, locations):
            self._count[problems.NO_RINGS if shape is None else problems.REPAIRED] += 1
            if shape is not None:
                yield from self._near(number, shape, box)

    def _near(self, number: int, shape: Geometry, box: Box) -> Iterator[tuple[int, int, Tags, Layers, Geometry]]:
        parts = shapely.get_parts(shape)
        single = parts[0] if len(parts) == 1 else shape
        if overlaps(shapely.bounds([single]), box)[0]:
            relation = self._relations[number]
            yield number, relation.version, relation.tags, relation.layers, single

    def _areas(self, locations: Any) -> Iterator[tuple[int, Geometry | None]]:  # noqa: ANN401
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
        for _ in self._stream(osmium.osm.WAY, members, locations, second):
            yield from self._finished(assembled)
        yield from self._finished(assembled)

    def _finished(self, assembled: Any) -> Iterator[tuple[int, Geometry | None]]:  # noqa: ANN401
        for area in assembled:
            if not area.from_way():
                empty = area.num_rings()[0] == 0
                yield area.orig_id(), None if empty else shapely.from_wkb(self._wkb.create_multipolygon(area))

    def _rebuilt(self, numbers: list[int], locations: Any) -> Iterator[tuple[int, Geometry | None]]:  # noqa: ANN401
        """Yield areas made from whatever rings the members form, for relations that libosmium refuses."""
        if not numbers:
            return
        wanted = osmium.filter.IdFilter({ref for number in numbers for ref in self._relations[number].members})
        pieces = {}
        for way in self._stream(osmium.osm.WAY, wanted, locations):
            try:
                pieces[way.id] = shapely.from_wkb(self._wkb.create_linestring(way))
            except RuntimeError:  # too few points or nodes that are not in the file
                continue
        for number in numbers:
            own = [pieces[ref] for ref in self._relations[number].members if ref in pieces]
            yield number, area_of(shapely.build_area(shapely.union_all(own)))
