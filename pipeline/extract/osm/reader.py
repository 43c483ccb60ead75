"""One OpenStreetMap file, streamed by libosmium in passes: nodes and relations, ways, then the members of relations.

Each pass takes only what carries a wanted key; the locations of nodes stay in libosmium, on disk for large files, and
the ways go through a temporary file, so that memory is bounded by what lies near the area and not by the file.
"""

from __future__ import annotations

import ctypes
import shutil
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import osmium
import shapely

from pipeline.errors import InputError, RunError
from pipeline.extract import line_blocks, local_files
from pipeline.extract.osm import makers, opl, problems
from pipeline.extract.osm.elements import own_ids
from pipeline.extract.osm.objects import NODE, RELATION, Objects
from pipeline.extract.osm.relations import RelationReader
from pipeline.extract.osm.ways import WayBuilder
from pipeline.geometry.bbox import overlaps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.extract.osm.makers import Plain
    from pipeline.extract.osm.matching import Layers, Matcher, Tags
    from pipeline.geometry.bbox import Box

_BLOCK_BYTES = 4 * 2**20
_COPY_FACTOR = 10
"""The text of the ways is at most about so many times as large as the packed file (9 times for a city of houses)."""
_FEATURES = 10
"""Optional features that the header of a PBF file may list, at most."""
_LARGE_BYTES = 128 * 2**20
"""A file larger than this keeps its node locations in a temporary file instead of in memory."""


@dataclass
class Found:
    """What one file holds near the area."""

    objects: Objects
    problems: Counter[str] = field(default_factory=Counter)
    newest: str = ""
    """When the file, or else its newest object, was last edited (ISO 8601); empty: the file does not say."""
    covers: Box | None = None
    """The box that the file says to cover; None: it does not say."""


def read_file(path: Path, matcher: Matcher, box: Box, source_id: str) -> Found:
    """Read every object that a layer wants and whose envelope meets the box.

    Parameters
    ----------
    path
        ``.osm.pbf``, ``.osm`` or another form that libosmium reads by its suffix; JSON of Overpass.
    matcher
        The layers.
    box
        Largest box that any layer asks for (EPSG:4326).
    source_id
        Identifier of the file, kept with the objects.

    Raises
    ------
    InputError
        The file is missing, is empty, is not OpenStreetMap data, is cut off, is a part of a reply, holds no place of
        any way that is wanted, or is a history file.
    RunError
        The disk has too little room for what reading needs.
    """
    local_files.check_exists(path, "osm")
    with TemporaryDirectory() as scratch:
        plain = makers.plain(path, Path(scratch))
        passes = _Passes(plain, matcher, box, Found(Objects(source_id)))
        found = passes.run()
        if passes.negative_ids and not plain.rewritten:
            plain = makers.with_positive_ids(plain)
            passes = _Passes(plain, matcher, box, Found(Objects(source_id)))
            found = passes.run()
        if plain.rewritten:
            found.objects.restore_ids(own_ids)
        empty = not found.objects and passes.is_empty()
    if empty:
        msg = f"{path} is an OpenStreetMap file without a single object; fetch it again."
        raise InputError(msg)
    return found


class _Passes:
    """The passes over one file, and what they share: the node locations and the findings."""

    def __init__(self, plain: Plain, matcher: Matcher, box: Box, found: Found) -> None:
        self._name = plain.given
        self._path = plain.path
        self._scratch = plain.scratch
        self._matcher = matcher
        self._box = box
        large = self._path.stat().st_size > _LARGE_BYTES
        store = osmium.index.create_map(f"sparse_file_array,{self._scratch / 'nodes'}" if large else "flex_mem")
        self._locations = osmium.NodeLocationsForWays(store)
        self._locations.ignore_errors()
        self._places: tuple[Any, ...] = (self._locations,)
        """What tells the ways where their nodes are; nothing, where they say so themselves."""
        self._wanted_ways = self._nowhere = 0
        self.negative_ids = False
        self._wanted = osmium.filter.KeyFilter(*matcher.keys)
        self._wanted_nodes = osmium.filter.KeyFilter(*matcher.keys)
        self._wanted_nodes.enable_for(osmium.osm.NODE)
        self._found = found
        self._replicated = False
        self._changeset = 0

    def run(self) -> Found:
        """Make the passes in the order in which each needs the ones before it; negative ids end them early."""
        self._check_header()
        relations = RelationReader(self._stream, self._matcher, self._found.problems)
        self._read_nodes_and_select(relations)
        self._read_ways()
        if self.negative_ids:
            return self._found
        rows = list(relations.assemble(self._places, self._box))
        self._found.problems[problems.REPEATED] += self._found.objects.leave_to_relations(relations.repeated)
        self._found.objects.add(RELATION, rows)
        self._check_places()
        return self._found

    def _check_places(self) -> None:
        """Refuse a file that holds ways, and of none of them where it lies."""
        if self._nowhere == self._wanted_ways > len(self._found.objects):
            msg = (
                f"{self._name} holds {self._nowhere:,} ways that are asked for, and of none of them a node; export it "
                "again with the nodes of its ways (osmium tags-filter without -R; Overpass: out body; >; out skel;)."
            )
            raise InputError(msg)

    def _check_header(self) -> None:
        file = osmium.io.File(str(self._path))
        with self._readable(), osmium.io.Reader(file, osmium.osm.NOTHING) as reader:
            header = reader.header()
        if file.has_multiple_object_versions or header.has_multiple_object_versions:
            msg = f"{self._name} is a history file; cut one date out of it (osmium time-filter) and use that."
            raise InputError(msg)
        if any(header.get(f"pbf_optional_feature_{number}") == "LocationsOnWays" for number in range(_FEATURES)):
            self._places = ()
        box = header.box()
        if box.valid():
            corners = (box.bottom_left, box.top_right)
            self._found.covers = (corners[0].lon, corners[0].lat, corners[1].lon, corners[1].lat)
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
        except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
            # ValueError: a text that is too long or not UTF-8.
            raise makers.unreadable(self._name, error) from error

    def is_empty(self) -> bool:
        """Return whether the file holds no object at all."""
        return next(self._stream(osmium.osm.ALL), None) is None

    def _read_nodes_and_select(self, relations: RelationReader) -> None:
        """Read the nodes, their locations, and which relations are areas, in one pass: each unpacks the whole file."""
        rows: list[tuple[int, int, Tags, Layers, float, float]] = []
        count = self._found.problems
        entities = osmium.osm.NODE | osmium.osm.RELATION
        for item in self._stream(entities, self._locations, self._wanted_nodes):
            if item.deleted:
                count[problems.DELETED] += 1
                continue
            if item.is_relation():
                if relations.select(item):
                    self._note_edit(*_edited(item))
                continue
            tags = dict(islice(item.tags, len(item.tags)))
            matched = self._matcher.match(tags)
            layers = self._matcher.of_kind(matched, "point")
            if not item.location.valid():
                count[problems.BAD_LOCATION] += bool(matched)
                continue
            if matched:
                self._note_edit(*_edited(item))
                rows.append((item.id, item.version, tags, layers, item.lon, item.lat))
        if not rows:
            return
        points = shapely.points([row[4:] for row in rows])
        near = np.flatnonzero(overlaps(shapely.bounds(points), self._box)).tolist()
        self._found.objects.add(NODE, [(*rows[index][:4], points[index]) for index in near if rows[index][3]])
        count[problems.ONLY_POINT] += sum(not rows[index][3] for index in near)

    def _read_ways(self) -> None:
        """Let libosmium write the wanted ways with the places of their nodes, and read them back in columns."""
        self._check_space()
        copy = self._scratch / "ways.opl"
        writer = osmium.SimpleWriter(osmium.io.File(str(copy), opl.FORMAT), overwrite=True)
        try:
            with self._readable(), osmium.io.Reader(str(self._path), osmium.osm.WAY) as reader:
                osmium.apply(reader, *self._places, self._wanted, writer)
                writer.close()
        except BaseException:
            # libosmium ends the whole process when a writer that failed is destroyed, so this one never is.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(writer))
            raise
        builder = WayBuilder(self._matcher, self._box, self._found.objects)
        with copy.open("rb") as stream:
            lines = line_blocks.of_lines(stream, _BLOCK_BYTES, longest=sys.maxsize)
            for ways in line_blocks.mapped(partial(opl.ways, box=self._box), lines):
                builder.add(ways)
                self.negative_ids |= ways.negative_ids
                self._note_edit(*ways.edited)
        self._wanted_ways, self._nowhere = builder.wanted, builder.nowhere
        self._found.problems.update(builder.problems)

    def _check_space(self) -> None:
        """Refuse a disk that the copy of the ways may fill: libosmium then ends the whole process."""
        needed = _COPY_FACTOR * self._path.stat().st_size
        if shutil.disk_usage(self._scratch).free < needed:
            msg = (
                f"There is no room left on the disk of {self._scratch.parent}: reading {self._name} may need "
                f"{-(-needed // 2**20):,} MiB there; make room, or write the outputs to a larger disk."
            )
            raise RunError(msg)

    def _note_edit(self, changeset: int, time: str) -> None:
        """Remember the newest edit; changeset numbers rise with time and are cheaper to compare than dates."""
        if changeset > self._changeset:
            self._changeset = changeset
            if not self._replicated:
                self._found.newest = time


def _edited(item: Any) -> tuple[int, str]:  # noqa: ANN401 - osmium's types are untyped
    return item.changeset, item.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ")
