"""One OpenStreetMap file, streamed by libosmium in passes: relations, nodes, ways, then the members of relations.

Each pass hands only what carries a wanted key to Python; the locations of nodes stay in libosmium, on disk for large
files, so that memory is bounded by what lies near the area and not by the file.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import osmium
import shapely

from pipeline.errors import InputError
from pipeline.extract import local
from pipeline.extract.osm import problems
from pipeline.extract.osm.objects import NODE, RELATION, WAY, Objects
from pipeline.extract.osm.relations import RelationReader
from pipeline.extract.osm.ways import Batch, WayBuilder
from pipeline.extract.selection import overlaps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from shapely import Geometry

    from pipeline.extract.osm.matching import Layers, Matcher, Tags
    from pipeline.extract.selection import Box

_BATCH = 50_000
_LARGE_BYTES = 128 * 2**20
"""A file larger than this keeps its node locations in a temporary file instead of in memory."""


@dataclass
class Found:
    """What one file holds near the area."""

    objects: Objects
    problems: Counter[str] = field(default_factory=Counter)
    newest: str = ""
    """When the file, or else its newest object, was last edited (ISO 8601); empty: the file does not say."""


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
        Identifier of the file, kept with the objects.
    may_be_empty
        True: a file without a single object is an answer, not an error.

    Raises
    ------
    InputError
        The file is missing, is empty, is not OpenStreetMap data, is cut off, or is a history file.
    """
    local.check_exists(path, "osm")
    with TemporaryDirectory() as scratch:
        passes = _Passes(path, matcher, box, source_id, Path(scratch))
        found = passes.run()
        empty = not found.objects and passes.is_empty()
    if empty and not may_be_empty:
        msg = f"{path} is an OpenStreetMap file without a single object; fetch it again."
        raise InputError(msg)
    return found


class _Shared:
    """Sets of a single tag, numbered: ways that carry the same one share it."""

    def __init__(self) -> None:
        self.tags: list[Tags] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._key = ""

    def number(self, tags: Any) -> int:  # noqa: ANN401
        """Return the number of the only tag in a list of osmium's; asking for the last key again is the quickest."""
        key = self._key
        value = tags.get(key)
        if value is None:
            key, value = next(iter(tags))
            self._key = key
        number = self._numbers.setdefault((key, value), len(self.tags))
        if number == len(self.tags):
            self.tags.append({key: value})
        return number


class _Passes:
    """The passes over one file, and what they share: the node locations and the findings."""

    def __init__(self, path: Path, matcher: Matcher, box: Box, source_id: str, scratch: Path) -> None:
        self._path = path
        self._matcher = matcher
        self._box = box
        large = path.stat().st_size > _LARGE_BYTES
        store = osmium.index.create_map(f"sparse_file_array,{scratch / 'nodes'}" if large else "flex_mem")
        self._locations = osmium.NodeLocationsForWays(store)
        self._locations.ignore_errors()
        self._linestring = osmium.geom.WKBFactory().create_linestring
        self._wanted = osmium.filter.KeyFilter(*matcher.keys)
        self._found = Found(Objects(source_id))
        self._replicated = False
        self._changeset = 0

    def run(self) -> Found:
        """Make the passes in the order in which each needs the ones before it."""
        self._check_header()
        relations = RelationReader(self._stream, self._matcher, self._found.problems)
        for relation in relations.select():
            self._note_edit(relation)
        self._read_nodes()
        self._read_ways()
        rows = list(relations.assemble(self._locations, self._box))
        self._found.objects.add(RELATION, rows)
        return self._found

    def _check_header(self) -> None:
        file = osmium.io.File(str(self._path))
        with self._readable(), osmium.io.Reader(file, osmium.osm.NOTHING) as reader:
            header = reader.header()
        if file.has_multiple_object_versions or header.has_multiple_object_versions:
            msg = f"{self._path} is a history file; cut one date out of it (osmium time-filter) and use that."
            raise InputError(msg)
        self._found.newest = header.get("osmosis_replication_timestamp", "")
        self._replicated = bool(self._found.newest)

    def _stream(self, entities: Any, *handlers: Any) -> Iterator[Any]:  # noqa: ANN401 - osmium's types are untyped
        """Yield what passes the handlers; this frame holds them for as long as libosmium uses them."""
        with self._readable(), osmium.io.Reader(str(self._path), entities) as reader:
            yield from osmium.OsmFileIterator(reader, *handlers)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Put what libosmium says about a bad file into one sentence."""
        try:
            yield
        except (RuntimeError, ValueError) as error:  # ValueError: a text that is too long or not UTF-8
            msg = (
                f"{self._path} cannot be read as OpenStreetMap data ({str(error).rstrip('.')}); "
                "it is damaged, cut off or of another kind: fetch it again."
            )
            raise InputError(msg) from error

    def is_empty(self) -> bool:
        """Return whether the file holds no object at all."""
        return next(self._stream(osmium.osm.ALL), None) is None

    def _read_nodes(self) -> None:
        rows: list[tuple[int, int, Tags, Layers, float, float]] = []
        count = self._found.problems
        for node in self._stream(osmium.osm.NODE, self._locations, self._wanted):
            tags = dict(islice(node.tags, len(node.tags)))
            matched = self._matcher.match(tags)
            layers = self._matcher.of_kind(matched, "point")
            if not node.location.valid():
                count[problems.BAD_LOCATION] += bool(matched)
                continue
            if matched:
                self._note_edit(node)
                rows.append((node.id, node.version, tags, layers, node.lon, node.lat))
        if not rows:
            return
        points = shapely.points([row[4:] for row in rows])
        near = np.flatnonzero(overlaps(shapely.bounds(points), self._box)).tolist()
        self._found.objects.add(NODE, [(*rows[index][:4], points[index]) for index in near if rows[index][3]])
        count[problems.ONLY_POINT] += sum(not rows[index][3] for index in near)

    def _read_ways(self) -> None:
        """Stream the ways in batches; a second thread builds the geometries of one while the next is streamed."""
        shared = _Shared()
        builder = WayBuilder(self._matcher, self._box, self._found.objects, shared.tags)
        partial: list[tuple[int, int, Tags, Layers, Geometry]] = []
        with ThreadPoolExecutor(max_workers=1) as pool:
            building: Future[None] | None = None
            for batch in self._batches(shared, partial):
                if building is not None:
                    building.result()
                building = pool.submit(builder.add, batch)
            if building is not None:
                building.result()
        self._found.objects.add(WAY, partial)
        self._found.problems.update(builder.problems)

    def _batches(self, shared: _Shared, partial: list[tuple[int, int, Tags, Layers, Geometry]]) -> Iterator[Batch]:
        """Yield the ways in batches; those that lack nodes go to `partial`."""
        ways = self._stream(osmium.osm.WAY, self._locations, self._wanted)
        for first in ways:
            yield self._filled(chain([first], islice(ways, _BATCH - 1)), shared, partial)

    def _filled(
        self, ways: Iterator[Any], shared: _Shared, partial: list[tuple[int, int, Tags, Layers, Geometry]]
    ) -> Batch:
        """Copy what is needed of some ways.

        This loop runs for every way with a wanted key in the file, so it does nothing that can wait for the batch: the
        few sets of a single tag (most buildings have one) are numbered, other tags are copied.
        """
        batch = Batch()
        add_id, add_version = batch.osm_id.append, batch.version.append
        add_tags, add_hex = batch.tags.append, batch.hexes.append
        linestring, number_of = self._linestring, shared.number
        for way in ways:
            try:
                add_hex(linestring(way))
            except osmium.InvalidLocationError:
                partial += self._known_part(way)
                continue
            except RuntimeError:
                self._found.problems[problems.RING] += 1
                continue
            add_id(way.id)
            add_version(way.version)
            tags = way.tags
            if (count := len(tags)) == 1:
                add_tags(number_of(tags))
            else:
                batch.own.append(dict(islice(tags, count)))
                add_tags(-len(batch.own))
            if way.changeset > self._changeset:
                self._note_edit(way)
        return batch

    def _known_part(self, way: Any) -> Iterator[tuple[int, int, Tags, Layers, Geometry]]:  # noqa: ANN401
        """Yield a line that lacks nodes as the pieces that the file holds; count what is lost."""
        tags = dict(islice(way.tags, len(way.tags)))
        matched = self._matcher.match(tags)
        pieces: list[list[tuple[float, float]]] = [[]]
        for node in way.nodes:
            if node.location.valid():
                pieces[-1].append((node.lon, node.lat))
            elif pieces[-1]:
                pieces.append([])
        points = [point for piece in pieces for point in piece]
        if not matched or not points or not overlaps(shapely.bounds([shapely.MultiPoint(points)]), self._box)[0]:
            return
        self._found.problems[problems.NO_NODES] += 1
        lines = [shapely.LineString(piece) for piece in pieces if len(piece) > 1]
        layers = self._matcher.of_kind(matched, "line")
        if lines and layers:
            shape = shapely.MultiLineString(lines) if len(lines) > 1 else lines[0]
            yield way.id, way.version, tags, layers, shape

    def _note_edit(self, item: Any) -> None:  # noqa: ANN401
        """Remember the newest edit; changeset numbers rise with time and are cheaper to compare than dates."""
        changeset = item.changeset
        if changeset > self._changeset:
            self._changeset = changeset
            if not self._replicated:
                self._found.newest = item.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ")
