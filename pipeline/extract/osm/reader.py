"""One OpenStreetMap file, streamed by libosmium in passes: relations, nodes, ways, then the members of relations.

Each pass hands only what carries a wanted key to Python; the locations of nodes stay in libosmium, on disk for large
files, so that memory is bounded by what lies near the area and not by the file.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import osmium
import shapely
from osmium.osm import NODE, RELATION, WAY

from pipeline.errors import InputError
from pipeline.extract import local
from pipeline.extract.areas import area_of
from pipeline.extract.osm import geometry
from pipeline.extract.osm.frames import Objects
from pipeline.extract.selection import overlaps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pipeline.extract.osm.matching import Layers, Matcher, Plan, Tags
    from pipeline.extract.selection import Box

_NODE, _WAY, _RELATION = range(3)
_BATCH = 50_000
_LARGE_BYTES = 128 * 2**20
"""A file larger than this keeps its node locations in a temporary file instead of in memory."""
_AREA_TYPES = frozenset({"multipolygon", "boundary"})

RING: Final = "a closed way has too few points or no area and was dropped"
REPAIRED: Final = "an outline crosses or touches itself and was repaired"
NO_NODES: Final = "a way refers to nodes that are not in the file: an outline was dropped, a line kept in part"
NO_MEMBERS: Final = "a multipolygon has members that are not in the file and was dropped"
NO_RINGS: Final = "the members of a multipolygon form no ring and it was dropped"
NOT_CLOSED: Final = "a way that should be an outline does not close and was dropped"
UNTAGGED: Final = "a multipolygon without tags of its own: its outer ways were read as outlines without holes"
NO_AREA: Final = "a relation of a type that has no geometry of its own was left to its members"


@dataclass
class Found:
    """What one file holds near the area."""

    objects: Objects = field(default_factory=Objects)
    problems: Counter[str] = field(default_factory=Counter)
    newest: str = ""
    """Date of the newest edit among the objects that carry a wanted key, as ISO 8601; empty: the file does not say."""


def read_file(path: Path, matcher: Matcher, box: Box, source_id: str, *, may_be_empty: bool = False) -> Found:
    """Read every object that a layer wants and whose envelope meets the box.

    Parameters
    ----------
    path
        ``.osm.pbf``, ``.osm`` or another form that libosmium reads by its suffix.
    matcher
        The layers.
    box
        Largest box that any layer asks for (EPSG:4326).
    source_id
        Identifier of the file, kept with every object.
    may_be_empty
        True: a file without a single object is an answer, not an error.

    Raises
    ------
    InputError
        The file is missing, is empty, is not OpenStreetMap data, is cut off, or is a history file.
    """
    local.check_exists(path, "osm")
    try:
        with TemporaryDirectory() as scratch:
            found = _Passes(path, matcher, box, Path(scratch)).run()
        empty = not found.objects and next(iter(osmium.FileProcessor(str(path))), None) is None
    except (RuntimeError, UnicodeDecodeError) as error:
        msg = (
            f"{path} cannot be read as OpenStreetMap data ({str(error).rstrip('.')}); "
            "it is damaged, cut off or of another kind: fetch it again."
        )
        raise InputError(msg) from error
    if empty and not may_be_empty:
        msg = f"{path} is an OpenStreetMap file without a single object; fetch it again."
        raise InputError(msg)
    found.objects.source_id = [source_id] * len(found.objects)
    return found


@dataclass
class _Pending:
    """Ways of one batch, before their geometries are built."""

    osm_id: list[int] = field(default_factory=list)
    version: list[int] = field(default_factory=list)
    tags: list[Tags] = field(default_factory=list)
    hexes: list[str] = field(default_factory=list)


class _Passes:
    """The passes over one file, and what they share: the node locations and the findings."""

    def __init__(self, path: Path, matcher: Matcher, box: Box, scratch: Path) -> None:
        self._path = path
        self._matcher = matcher
        self._box = box
        large = path.stat().st_size > _LARGE_BYTES
        self._store = osmium.index.create_map(f"sparse_file_array,{scratch / 'nodes'}" if large else "flex_mem")
        self._locations = osmium.NodeLocationsForWays(self._store)
        self._locations.ignore_errors()
        self._wkb = osmium.geom.WKBFactory()
        self._found = Found()
        self._relations: dict[int, tuple[int, Tags, Layers]] = {}
        self._members: dict[int, list[int]] = {}
        self._shared: dict[tuple[str, str], Tags] = {}
        self._plans: dict[tuple[int, bool], Plan] = {}
        self._changeset = 0
        self._replicated = False

    def run(self) -> Found:
        self._check_header()
        self._read_relations()
        self._read_nodes()
        self._read_ways()
        self._read_members()
        return self._found

    def _check_header(self) -> None:
        with osmium.io.Reader(str(self._path), osmium.osm.NOTHING) as reader:
            header = reader.header()
        if header.has_multiple_object_versions:
            msg = f"{self._path} is a history file; cut one date out of it (osmium time-filter) and use that."
            raise InputError(msg)
        self._found.newest = header.get("osmosis_replication_timestamp", "")
        self._replicated = bool(self._found.newest)

    def _objects(self, entities: Any, *handlers: Any) -> Iterator[Any]:  # noqa: ANN401 - osmium has no stubs here
        """Yield what passes the handlers; they are held by this frame for as long as libosmium uses them."""
        with osmium.io.Reader(str(self._path), entities) as reader:
            yield from osmium.OsmFileIterator(reader, *handlers)

    def _read_relations(self) -> None:
        for relation in self._objects(RELATION):
            tags = self._tags(relation)
            kind = tags.get("type")
            layers = self._matcher.areas(tags)
            if kind not in _AREA_TYPES:
                self._found.problems[NO_AREA] += bool(layers)
                continue
            if layers:
                self._note_edit(relation)
                self._relations[relation.id] = (relation.version, tags, layers)
                self._members[relation.id] = [member.ref for member in relation.members if member.type == "w"]
            elif len(tags) == 1:
                self._found.problems[UNTAGGED] += 1

    def _read_nodes(self) -> None:
        keys = self._matcher.keys(["point"])
        wanted = osmium.filter.KeyFilter(*keys) if keys else osmium.filter.EntityFilter(RELATION)
        rows: list[tuple[int, int, Tags, Layers, float, float]] = []
        for node in self._objects(NODE, self._locations, wanted):
            tags = self._tags(node)
            layers = self._matcher.points(tags)
            if layers and node.location.valid():
                self._note_edit(node)
                rows.append((node.id, node.version, tags, layers, node.lon, node.lat))
        points = shapely.points([row[4:] for row in rows]) if rows else np.empty(0, dtype=object)
        near = overlaps(shapely.bounds(points), self._box) if rows else np.zeros(0, dtype=bool)
        for index in np.flatnonzero(near).tolist():
            number, version, tags, layers, *_ = rows[index]
            self._keep(_NODE, number, version, tags, layers, points[index])

    def _read_ways(self) -> None:
        keys = self._matcher.keys(["line", "polygon"])
        if not keys:
            return
        wanted = osmium.filter.KeyFilter(*keys)
        linestring = self._wkb.create_linestring
        pending = _Pending()
        for way in self._objects(WAY, self._locations, wanted):
            try:
                pending.hexes.append(linestring(way))
            except osmium.InvalidLocationError:
                self._keep_partial(way)
                continue
            except RuntimeError:
                self._found.problems[RING] += 1
                continue
            pending.osm_id.append(way.id)
            pending.version.append(way.version)
            pending.tags.append(self._tags(way))
            if way.changeset > self._changeset:
                self._note_edit(way)
            if len(pending.osm_id) == _BATCH:
                self._build(pending)
                pending = _Pending()
        self._build(pending)

    def _build(self, pending: _Pending) -> None:
        """Build the geometries of a batch of ways, as far as they are near the area."""
        if not pending.osm_id:
            return
        coordinates, offsets = geometry.line_coordinates(pending.hexes)
        near = np.flatnonzero(overlaps(geometry.bounds(coordinates, offsets), self._box))
        coordinates, offsets = geometry.take(coordinates, offsets, near)
        closed = (coordinates[offsets[:-1]] == coordinates[offsets[1:] - 1]).all(axis=1)
        plans = [
            self._plan(pending.tags[row], is_closed=is_closed)
            for row, is_closed in zip(near.tolist(), closed.tolist(), strict=True)
        ]
        for position, build in enumerate((self._polygons, geometry.lines)):
            chosen = np.array([index for index, plan in enumerate(plans) if plan[position]], dtype=np.int64)
            shapes = build(*geometry.take(coordinates, offsets, chosen))
            for index, shape in zip(chosen.tolist(), shapes, strict=True):
                if shape is not None:
                    row = near[index]
                    layers = plans[index][position]
                    self._keep(_WAY, pending.osm_id[row], pending.version[row], pending.tags[row], layers, shape)

    def _polygons(self, coordinates: NDArray[np.float64], offsets: geometry.Offsets) -> NDArray[np.object_]:
        shapes, repaired, dropped = geometry.polygons(coordinates, offsets)
        self._found.problems[REPAIRED] += repaired
        self._found.problems[RING] += dropped
        return shapes

    def _plan(self, tags: Tags, *, is_closed: bool) -> Plan:
        """Ask the matcher, once per distinct set of shared tags."""
        key = (id(tags), is_closed)
        plan = self._plans.get(key) if len(tags) == 1 else None
        if plan is None:
            plan = self._matcher.closed_way(tags) if is_closed else self._matcher.open_way(tags)
            if len(tags) == 1:
                self._plans[key] = plan
        if not is_closed and not plan[1] and self._matcher.areas(tags):
            self._found.problems[NOT_CLOSED] += 1
        return plan

    def _keep_partial(self, way: Any) -> None:  # noqa: ANN401
        """Keep the pieces of a line whose nodes the file holds."""
        tags = self._tags(way)
        _, layers = self._matcher.open_way(tags)
        pieces: list[list[tuple[float, float]]] = [[]]
        for node in way.nodes:
            if node.location.valid():
                pieces[-1].append((node.lon, node.lat))
            elif pieces[-1]:
                pieces.append([])
        shapes = [shapely.LineString(piece) for piece in pieces if len(piece) > 1]
        shape = shapely.MultiLineString(shapes) if len(shapes) > 1 else next(iter(shapes), None)
        if not pieces[0] or (shape is None and not layers and not self._matcher.match(tags)):
            return
        self._found.problems[NO_NODES] += 1
        if shape is not None and layers:
            self._keep(_WAY, way.id, way.version, tags, layers, shape)

    def _read_members(self) -> None:
        """Assemble the multipolygons with libosmium, from their member ways alone."""
        if not self._relations:
            return
        manager = osmium.area.AreaManager()
        with osmium.io.Reader(str(self._path), RELATION) as reader:
            wanted = osmium.filter.IdFilter(self._relations)
            osmium.apply(reader, wanted, manager.first_pass_handler())
        members = osmium.filter.IdFilter({ref for refs in self._members.values() for ref in refs})
        assembled = osmium.BufferIterator()
        missing = dict.fromkeys(self._relations)
        broken: list[int] = []
        for _ in self._objects(WAY, members, self._locations, manager.second_pass_to_buffer(assembled)):
            for area in assembled:
                if not area.from_way():
                    missing.pop(area.orig_id(), None)
                    self._take_area(area, broken)
        for area in assembled:
            if not area.from_way():
                missing.pop(area.orig_id(), None)
                self._take_area(area, broken)
        self._found.problems[NO_MEMBERS] += len(missing)
        self._repair(broken)

    def _take_area(self, area: Any, broken: list[int]) -> None:  # noqa: ANN401
        number = area.orig_id()
        if area.num_rings()[0] == 0:
            broken.append(number)
            return
        shape = shapely.from_wkb(self._wkb.create_multipolygon(area))
        self._keep_relation(number, shape)

    def _keep_relation(self, number: int, shape: shapely.Geometry) -> None:
        version, tags, layers = self._relations[number]
        single = shape.geoms[0] if shape.geom_type == "MultiPolygon" and len(shape.geoms) == 1 else shape
        if overlaps(shapely.bounds([single]), self._box)[0]:
            self._keep(_RELATION, number, version, tags, layers, single)

    def _repair(self, broken: list[int]) -> None:
        """Polygonize the members of relations whose rings libosmium refuses."""
        if not broken:
            return
        wanted = osmium.filter.IdFilter({ref for number in broken for ref in self._members[number]})
        pieces: dict[int, shapely.Geometry] = {}
        for way in self._objects(WAY, wanted, self._locations):
            try:
                pieces[way.id] = shapely.from_wkb(self._wkb.create_linestring(way))
            except RuntimeError:
                continue
        for number in broken:
            own = [pieces[ref] for ref in self._members[number] if ref in pieces]
            shape = area_of(shapely.build_area(shapely.GeometryCollection([shapely.union_all(own)])))
            self._found.problems[NO_RINGS if shape is None else REPAIRED] += 1
            if shape is not None:
                self._keep_relation(number, shape)

    def _tags(self, item: Any) -> Tags:  # noqa: ANN401
        """Return the tags of an object; objects with the same single tag share one dictionary."""
        tags = item.tags
        count = len(tags)
        if count != 1:
            return dict(islice(tags, count))
        tag = next(iter(tags))
        shared = self._shared.get(tag)
        if shared is None:
            shared = self._shared[tag] = {tag.k: tag.v}
        return shared

    def _note_edit(self, item: Any) -> None:  # noqa: ANN401
        """Remember the newest edit; changeset numbers rise with time and are cheaper to compare than dates."""
        if item.changeset > self._changeset and not self._replicated:
            self._changeset = item.changeset
            self._found.newest = item.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _keep(  # noqa: PLR0913, PLR0917 - the columns of a row
        self, kind: int, number: int, version: int, tags: Tags, layers: Layers, shape: shapely.Geometry
    ) -> None:
        objects = self._found.objects
        objects.kind.append(kind)
        objects.osm_id.append(number)
        objects.version.append(version)
        objects.tags.append(tags)
        objects.layers.append(layers)
        objects.geometry.append(shape)
