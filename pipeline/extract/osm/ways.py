"""Batches of ways: geometries of a whole batch at once, for as much of it as lies near the area."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipeline.extract.osm import geometry
from pipeline.extract.osm.objects import WAY, Columns
from pipeline.extract.osm.problems import NOT_CLOSED, REPAIRED, RING
from pipeline.extract.selection import overlaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.extract.osm.matching import Matcher, Tags
    from pipeline.extract.osm.objects import Objects
    from pipeline.extract.selection import Box

_NONE = -1
"""No layer takes the way in this form."""


@dataclass
class Batch:
    """Ways as they were streamed. A way's tags are `shared[tags]`, or ``own[-1 - tags]`` where `tags` is negative."""

    osm_id: list[int] = field(default_factory=list)
    version: list[int] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    own: list[Tags] = field(default_factory=list)
    hexes: list[str] = field(default_factory=list)


class WayBuilder:
    """Turns batches into rows of `Objects`. One batch at a time: it is no harm to run it beside the stream."""

    def __init__(self, matcher: Matcher, box: Box, objects: Objects, shared: list[Tags]) -> None:
        self._matcher = matcher
        self._box = box
        self._objects = objects
        self._shared = shared
        self._numbers: dict[int, int] = {}
        self._plans: dict[tuple[tuple[str, str], ...], tuple[int, int, int, int]] = {}
        self.problems: Counter[str] = Counter()

    def add(self, batch: Batch) -> None:
        """Build a batch and append it to the objects."""
        if not batch.osm_id:
            return
        coordinates, offsets = geometry.line_coordinates(batch.hexes)
        near = np.flatnonzero(overlaps(geometry.bounds(coordinates, offsets), self._box))
        if not len(near):
            return
        coordinates, offsets = geometry.take(coordinates, offsets, near)
        closed = (coordinates[offsets[:-1]] == coordinates[offsets[1:] - 1]).all(axis=1)
        tags, plans = self._matched(batch, near)
        polygon_layers = np.where(closed, plans[:, 0], _NONE)
        line_layers = np.where(closed, plans[:, 1], plans[:, 2])
        self.problems[NOT_CLOSED] += int(np.count_nonzero(plans[~closed, 3]))
        osm_id = np.array(batch.osm_id, dtype=np.int64)[near]
        version = np.array(batch.version, dtype=np.int64)[near]
        for layers, build in ((polygon_layers, self._polygons), (line_layers, geometry.lines)):
            rows = np.flatnonzero(layers != _NONE)
            if not len(rows):
                continue
            shapes = build(*geometry.take(coordinates, offsets, rows))
            built = ~shapely.is_missing(shapes)
            kept = rows[built]
            self._objects.parts.append(
                Columns(np.full(len(kept), WAY), osm_id[kept], version[kept], tags[kept], layers[kept], shapes[built])
            )

    def _polygons(self, coordinates: NDArray[np.float64], offsets: geometry.Offsets) -> NDArray[np.object_]:
        shapes, repaired, dropped = geometry.polygons(coordinates, offsets)
        self.problems[REPAIRED] += repaired
        self.problems[RING] += dropped
        return shapes

    def _matched(self, batch: Batch, near: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the number of each way's tags, and what the layers make of them (see `_plan`)."""
        codes = np.array(batch.tags, dtype=np.int64)[near]
        distinct, position = np.unique(codes, return_inverse=True)
        tags = np.empty(len(distinct), dtype=np.int64)
        plans = []
        for index, code in enumerate(distinct.tolist()):
            if code >= 0:
                item = self._shared[code]
                if code not in self._numbers:
                    self._numbers[code] = self._objects.add_tags(item)
                tags[index] = self._numbers[code]
            else:
                item = batch.own[-1 - code]
                tags[index] = self._objects.add_tags(item)
            decisive = self._matcher.decisive(item)
            if decisive not in self._plans:
                self._plans[decisive] = self._plan(item)
            plans.append(self._plans[decisive])
        return tags[position], np.array(plans, dtype=np.int64)[position]

    def _plan(self, tags: Tags) -> tuple[int, int, int, int]:
        """Return the layers of a closed way as outline and as line, of an open one as line; 1 if it must close."""
        matched = self._matcher.match(tags)
        outline, line = self._matcher.closed_way(tags, matched)
        open_line = self._matcher.of_kind(matched, "line")
        combinations = (outline, line, open_line)
        numbers = [self._objects.add_layers(item) if item else _NONE for item in combinations]
        return numbers[0], numbers[1], numbers[2], int(bool(outline) and not open_line)
