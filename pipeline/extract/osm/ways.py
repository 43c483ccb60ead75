"""Blocks of ways as rows: geometries of a whole block at once, for as much of it as lies near the area."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from pipeline.extract.osm import geometry, opl
from pipeline.extract.osm.objects import WAY, Columns
from pipeline.extract.osm.problems import DELETED, NO_NODES, NOT_CLOSED, REPAIRED, RING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from shapely import Geometry

    from pipeline.extract.osm.matching import Layers, Matcher, Tags
    from pipeline.extract.osm.objects import Objects
    from pipeline.geometry.bbox import Box

_NONE = -1
"""No layer takes the way in this form."""
_LINE_POINTS = 2


class _Plan(NamedTuple):
    """What the layers make of a set of tags: numbers of combinations of layers, or `_NONE`."""

    outline: int
    """Those that take a closed way as an outline."""
    closed_line: int
    """Those that take a closed way as a line."""
    open_line: int
    """Those that take a way that does not close."""
    must_close: int
    """1 if the way belongs nowhere unless it closes."""


class WayBuilder:
    """Turns ways into rows of `Objects`, a block at a time."""

    def __init__(self, matcher: Matcher, box: Box, objects: Objects) -> None:
        self._matcher = matcher
        self._box = box
        self._objects = objects
        self._plans: dict[tuple[tuple[str, str], ...], _Plan] = {}
        self.problems: Counter[str] = Counter()
        self.wanted = 0
        """Ways near the box, or of no known place, that a layer takes."""
        self.nowhere = 0
        """Those of which the file holds no node."""

    def add(self, ways: opl.Ways) -> None:
        """Build the geometries of a block and append them to the objects."""
        self.problems[DELETED] += ways.deleted
        lacking = geometry.lacking(ways.coordinates, ways.offsets)
        short = np.diff(ways.offsets) < _LINE_POINTS
        self.problems[RING] += int(np.count_nonzero(short & ~lacking))
        self._objects.add(WAY, [row for way in np.flatnonzero(lacking).tolist() for row in self._known_part(ways, way)])
        rows = np.flatnonzero(~lacking & ~short)
        if len(rows):
            self._add_whole(ways, rows)

    def _add_whole(self, ways: opl.Ways, rows: NDArray[np.int64]) -> None:
        """Add those ways of which the file holds every node."""
        coordinates, offsets = geometry.take(ways.coordinates, ways.offsets, rows)
        closed = (coordinates[offsets[:-1]] == coordinates[offsets[1:] - 1]).all(axis=1)
        tags, plans = self._planned(ways, rows)
        self.wanted += int(np.count_nonzero((plans[:, :3] != _NONE).any(axis=1)))
        polygon_layers = np.where(closed, plans[:, 0], _NONE)
        line_layers = np.where(closed, plans[:, 1], plans[:, 2])
        self.problems[NOT_CLOSED] += int(np.count_nonzero(plans[~closed, 3]))
        osm_id, version = ways.osm_id[rows], ways.version[rows]
        for layers, build in ((polygon_layers, self._polygons), (line_layers, geometry.lines)):
            chosen = np.flatnonzero(layers != _NONE)
            if not len(chosen):
                continue
            shapes = build(*geometry.take(coordinates, offsets, chosen))
            built = ~shapely.is_missing(shapes)
            kept = chosen[built]
            self._objects.parts.append(
                Columns(np.full(len(kept), WAY), osm_id[kept], version[kept], tags[kept], layers[kept], shapes[built])
            )

    def _polygons(self, coordinates: NDArray[np.float64], offsets: geometry.Offsets) -> NDArray[np.object_]:
        shapes, repaired, dropped = geometry.polygons(coordinates, offsets)
        self.problems[REPAIRED] += repaired
        self.problems[RING] += dropped
        return shapes

    def _planned(self, ways: opl.Ways, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the number of each way's tags, and what the layers make of them as an array of `_Plan`."""
        codes = ways.tags[rows]
        used = np.bincount(codes, minlength=len(ways.texts)) > 0
        numbers, plans = [], []
        for code in np.flatnonzero(used).tolist():
            tags = opl.tags_of(ways.texts[code])
            numbers.append(self._objects.add_tags(tags))
            decisive = self._matcher.decisive(tags)
            if decisive not in self._plans:
                self._plans[decisive] = self._plan(tags)
            plans.append(self._plans[decisive])
        position = (np.cumsum(used) - 1)[codes]
        return np.array(numbers)[position], np.array(plans)[position]

    def _plan(self, tags: Tags) -> _Plan:
        matched = self._matcher.match(tags)
        outline, line = self._matcher.closed_way(tags, matched)
        open_line = self._matcher.of_kind(matched, "line")
        numbers = [self._objects.add_layers(item) if item else _NONE for item in (outline, line, open_line)]
        return _Plan(numbers[0], numbers[1], numbers[2], must_close=int(bool(outline) and not open_line))

    def _known_part(self, ways: opl.Ways, row: int) -> Iterator[tuple[int, int, Tags, Layers, Geometry]]:
        """Yield a line that lacks nodes as the pieces that the file holds; count what is lost."""
        tags = opl.tags_of(ways.texts[ways.tags[row]])
        matched = self._matcher.match(tags)
        if not matched:
            return
        self.problems[NO_NODES] += 1
        self.wanted += 1
        points = ways.coordinates[ways.offsets[row] : ways.offsets[row + 1]]
        gaps = np.flatnonzero(np.isnan(points[:, 0]))
        self.nowhere += len(gaps) == len(points)
        pieces = [piece[~np.isnan(piece[:, 0])] for piece in np.split(points, gaps)]
        lines = [shapely.LineString(piece) for piece in pieces if len(piece) >= _LINE_POINTS]
        layers = self._matcher.of_kind(matched, "line")
        if lines and layers:
            shape = shapely.MultiLineString(lines) if len(lines) > 1 else lines[0]
            yield int(ways.osm_id[row]), int(ways.version[row]), tags, layers, shape
