"""A layer of very many small polygons in vector tiles (Mapbox Vector Tile 2.1), encoded as arrays.

All of a feature is a sequence of varints: field numbers, lengths, its id, its attributes, and the commands that draw
it. So thousands of features are one array of integers, and one pass turns that into bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    import pandas as pd
    from numpy.typing import NDArray

    from pipeline.geometry.arrays import Bools, Floats, Geometries, Ints

EXTENT = 4096
"""Units of the grid of a tile."""
MAX_ZOOM = 16
"""The deepest zoom; what is wider than a tile there is cut to the tiles that it meets."""
_BUFFER = 80
"""Units by which a tile looks beyond its edge, so that no outline is drawn along it: 5 pixels of 256."""
_CHUNK = 1 << 17
"""Features that are encoded at a time."""
_VARINT, _BYTES = 0, 2
"""Wire types of protobuf."""
_MOVE_TO, _LINE_TO, _CLOSE_PATH = 9, 2, 15
"""Commands of the format; one `LineTo` is followed by as many points as its higher bits say."""


@dataclass(frozen=True, slots=True)
class TileLayer:
    """The layer in one tile.

    Attributes
    ----------
    features
        The encoded features, one after the other.
    ends
        Where each of them ends (bytes), in the order of their ids.
    sizes
        Area of each in units of the grid.
    frame
        What stands before and behind the features: name and version; keys, values and extent.
    """

    features: NDArray[np.uint8]
    ends: Ints
    sizes: Ints
    frame: tuple[bytes, bytes]

    def message(self, keep: int | None = None) -> bytes:
        """Return the layer as a field of a tile, with its `keep` largest features; default: with all of them."""
        features = self.features
        if keep is not None:
            kept = np.zeros(len(self.ends), dtype=bool)
            kept[np.argsort(-self.sizes, kind="stable")[:keep]] = True
            features = features[np.repeat(kept, np.diff(self.ends, prepend=0))]
        before, after = self.frame
        return _field(3, before + features.tobytes() + after)


class PolygonLayer:
    """Polygons with ids and attributes, ready to be put into the tiles of any zoom.

    Parameters
    ----------
    name
        Name of the layer.
    polygons
        Valid polygons and multipolygons in EPSG:4326, shape (n,); missing and empty ones are left out.
    ids
        Feature ids, positive and ascending, shape (n,).
    attributes
        Columns of text with few different values, n rows; missing values are left out.
    """

    def __init__(self, name: str, polygons: Geometries, ids: Ints, attributes: pd.DataFrame) -> None:
        drawn = ~(shapely.is_missing(polygons) | shapely.is_empty(polygons))
        world = shapely.transform(polygons[drawn], _on_world)
        west, north, east, south = shapely.bounds(world).T if len(world) else np.empty((4, 0))
        large = np.maximum(east - west, south - north) > 0.5**MAX_ZOOM
        self._large = world[large], np.flatnonzero(large)
        self._small = _Rings.of(world[~large]), np.flatnonzero(~large)
        self._made: dict[int, Mapping[tuple[int, int], TileLayer]] = {}
        self.name, self.fields = name, {str(column): "String" for column in attributes}
        self._ids = ids[drawn]
        coded = [attributes[column][drawn].factorize(sort=True) for column in attributes]
        firsts = np.cumsum([0, *(len(values) for _, values in coded)])
        values = [np.where(code < 0, -1, code + first) for (code, _), first in zip(coded, firsts, strict=False)]
        self._values = np.array(values, dtype=np.int64).reshape(len(coded), len(self._ids))
        texts = [str(value) for _, distinct in coded for value in distinct]
        self._frame = (
            _field(1, name.encode()) + _varints(np.array([15 << 3 | _VARINT, 2]))[0].tobytes(),
            b"".join(_field(3, str(column).encode()) for column in attributes)
            + b"".join(_field(4, _field(1, text.encode())) for text in texts)
            + _varints(np.array([5 << 3 | _VARINT, EXTENT]))[0].tobytes(),
        )

    def tiles(self, zoom: int) -> Mapping[tuple[int, int], TileLayer]:
        """Return the layer of every tile of a zoom that shows any of it, by x and y; it is made once.

        A polygon smaller than a unit of the grid is drawn as one unit, so that none is ever lost.
        """
        if zoom not in self._made:
            self._made[zoom] = dict(self._encode(zoom))
        return self._made[zoom]

    def _encode(self, zoom: int) -> Iterator[tuple[tuple[int, int], TileLayer]]:
        rings, owners = self._small
        whole = rings.on_grid(zoom)
        shape, x, y = _tiles_met(whole.bounds(), zoom)
        pieces, piece_owner, piece_x, piece_y = self._cut(zoom)
        shapes = whole.joined(_Rings.of(pieces).on_grid(zoom))
        number = np.concatenate([owners[shape], piece_owner])
        shape = np.concatenate([shape, np.arange(len(pieces)) + len(owners)])
        x, y = np.concatenate([x, piece_x]), np.concatenate([y, piece_y])
        order = np.lexsort((number, y, x))
        shape, number, x, y = shape[order], number[order], x[order], y[order]
        starts = np.flatnonzero((np.diff(x, prepend=-1) != 0) | (np.diff(y, prepend=-1) != 0))
        ends = np.append(starts, len(x))[1:]
        first = 0
        while first < len(starts):
            last = max(first + 1, int(np.searchsorted(ends, starts[first] + _CHUNK, side="right")))
            begin, stop = int(starts[first]), int(ends[last - 1])
            chunk = slice(begin, stop)
            features, length = self._features(shapes, shape[chunk], number[chunk], x[chunk], y[chunk])
            until = np.concatenate([[0], np.cumsum(length)])
            for start, end in zip(starts[first:last], ends[first:last], strict=True):
                low, high = until[start - begin], until[end - begin]
                own_ends = until[start - begin + 1 : end - begin + 1] - low
                yield (
                    (int(x[start]), int(y[start])),
                    TileLayer(features[low:high], own_ends, shapes.sizes[shape[start:end]], self._frame),
                )
            first = last

    def _cut(self, zoom: int) -> tuple[Geometries, Ints, Ints, Ints]:
        """Return the parts of large polygons in each tile of a zoom, each with its polygon's number and its x and y."""
        polygons, owners = self._large
        edge, margin = 0.5**zoom, 0.5**zoom * _BUFFER / EXTENT
        bounds = shapely.bounds(polygons).reshape(-1, 4) / edge * EXTENT
        polygon, x, y = _tiles_met(bounds, zoom)
        west, north = x * edge, y * edge
        boxes = shapely.box(west - margin, north - margin, west + edge + margin, north + edge + margin)
        pieces = shapely.intersection(polygons[polygon], boxes)
        seen = shapely.area(pieces) > 0
        return pieces[seen], owners[polygon[seen]], x[seen], y[seen]

    def _features(
        self, shapes: _GridRings, shape: Ints, number: Ints, x: Ints, y: Ints
    ) -> tuple[NDArray[np.uint8], Ints]:
        """Encode one feature for each shape and tile; return them one after the other, and how long each is (bytes)."""
        commands, drawn = shapes.commands(shape, x, y)
        _, widths = _varints(commands)
        geometry = _sums(widths, drawn)
        values = self._values[:, number]
        ids, keys = self._ids[number], np.arange(len(values))[:, None]
        tags = np.where(values < 0, 0, _widths(keys) + _widths(values)).sum(axis=0)
        tagged = tags > 0
        tag_field = np.where(tagged, 1 + _widths(tags) + tags, 0)
        content = 1 + _widths(ids) + tag_field + 2 + 1 + _widths(geometry) + geometry
        # What stands before the commands, a column each; negative where there is nothing.
        nothing = np.full(len(ids), -1)
        head = [
            np.full(len(ids), 2 << 3 | _BYTES),
            content,
            np.full(len(ids), 1 << 3 | _VARINT),
            ids,
            np.where(tagged, 2 << 3 | _BYTES, nothing),
            np.where(tagged, tags, nothing),
            *(column for key, value in enumerate(values) for column in (np.where(value < 0, nothing, key), value)),
            np.full(len(ids), 3 << 3 | _VARINT),
            np.full(len(ids), 3),  # a polygon
            np.full(len(ids), 4 << 3 | _BYTES),
            geometry,
        ]
        table = np.array(head).T
        there = table >= 0
        before = there.sum(axis=1)
        stream = np.empty(int(before.sum() + drawn.sum()), dtype=np.int64)
        is_command = np.repeat(np.tile([False, True], len(ids)), np.column_stack([before, drawn]).ravel())
        stream[is_command] = commands
        stream[~is_command] = table[there]
        return _varints(stream)[0], 1 + _widths(content) + content


@dataclass(frozen=True, slots=True)
class _Rings:
    """The rings of shapes, without the point that closes them.

    Attributes
    ----------
    points
        Corners of all rings, one after the other, as shares of the world's width.
    starts
        Where each ring begins, and where the last ends.
    hole
        Which rings are holes of the one before that is none.
    owner
        Which shape each belongs to, ascending.
    """

    points: Floats
    starts: Ints
    hole: Bools
    owner: Ints

    @classmethod
    def of(cls, shapes: Geometries) -> Self:
        """Take apart polygons, multipolygons and what has such parts."""
        parts, part_owner = shapely.get_parts(shapes, return_index=True)
        rings, ring_part = shapely.get_rings(parts, return_index=True)
        points, point_ring = shapely.get_coordinates(rings, return_index=True)
        closing = np.diff(point_ring, append=-1) != 0
        count = np.bincount(point_ring[~closing], minlength=len(rings))
        hole = np.diff(ring_part, prepend=-1) == 0
        return cls(points[~closing], np.cumsum([0, *count]), hole, part_owner[ring_part])

    def on_grid(self, zoom: int) -> _GridRings:
        """Round to the grid of a zoom; turn outer rings one way and holes the other, as the format asks."""
        grid = np.rint(self.points * (EXTENT << zoom)).astype(np.int64)
        ring = np.repeat(np.arange(len(self.hole)), np.diff(self.starts))
        before = np.arange(-1, len(grid) - 1)
        before[self.starts[:-1]] = self.starts[1:] - 1
        kept = (grid != grid[before]).any(axis=1)
        count = np.bincount(ring[kept], minlength=len(self.hole))
        offset = np.cumsum(count) - count
        doubled = _doubled_areas(grid[kept], offset, count)
        gone = doubled == 0
        # A hole that is gone is left out; an outer ring that is gone becomes a unit square where it began.
        unit = gone & ~self.hole
        length = np.where(gone, np.where(self.hole, 0, 4), count)
        starts = np.cumsum(length) - length
        points = np.empty((int(length.sum()), 2), dtype=np.int64)
        own = ring[kept]
        rank = np.arange(len(own)) - offset[own]
        backwards = (doubled < 0) != self.hole
        place = starts[own] + np.where(backwards[own], length[own] - 1 - rank, rank)
        solid = ~gone[own]
        points[place[solid]] = grid[kept][solid]
        for corner, step in enumerate(((0, 0), (1, 0), (1, 1), (0, 1))):
            points[starts[unit] + corner] = grid[self.starts[:-1][unit]] + step
        areas = np.where(unit, 2, np.where(self.hole, -np.abs(doubled), np.abs(doubled)))
        left = length > 0
        return _GridRings(points, length[left], self.owner[left], areas[left])


@dataclass(frozen=True)
class _GridRings:
    """Rings on the grid of a zoom, which is that of its tiles side by side; y runs south.

    Attributes
    ----------
    points
        Corners of all rings, one after the other.
    length
        Number of corners of each ring.
    owner
        Which shape each belongs to; every shape has an outer ring.
    doubled
        Twice the area of each, negative for holes.
    """

    points: Ints
    length: Ints
    owner: Ints
    doubled: Ints

    def joined(self, others: _GridRings) -> _GridRings:
        """Return these rings and, as further shapes, others."""
        shapes = self.owner[-1] + 1 if len(self.owner) else 0
        return _GridRings(
            np.concatenate([self.points, others.points]),
            np.concatenate([self.length, others.length]),
            np.concatenate([self.owner, others.owner + shapes]),
            np.concatenate([self.doubled, others.doubled]),
        )

    @cached_property
    def _first_rings(self) -> Ints:
        return np.flatnonzero(np.diff(self.owner, prepend=-1))

    @cached_property
    def _first_points(self) -> Ints:
        return (np.cumsum(self.length) - self.length)[self._first_rings]

    @cached_property
    def sizes(self) -> Ints:
        """Area of each shape."""
        return np.add.reduceat(self.doubled, self._first_rings) // 2 if len(self.owner) else self.doubled

    def bounds(self) -> Ints:
        """Return west, north, east and south of each shape."""
        if not len(self.points):
            return np.empty((0, 4), dtype=np.int64)
        parts = (
            np.minimum.reduceat(self.points, self._first_points),
            np.maximum.reduceat(self.points, self._first_points),
        )
        return np.concatenate(parts, axis=1)

    def commands(self, shape: Ints, x: Ints, y: Ints) -> tuple[Ints, Ints]:
        """Return what draws each shape in its tile, one after the other, and how many integers each of them takes."""
        rings = np.diff(self._first_rings, append=len(self.length))[shape]
        corners = np.diff(self._first_points, append=len(self.points))[shape]
        length = self.length[_ranges(self._first_rings[shape], rings)]
        local = self.points[_ranges(self._first_points[shape], corners)]
        local -= np.repeat(np.column_stack([x, y]) * EXTENT, corners, axis=0)
        step = np.diff(local, axis=0, prepend=0)
        begins = np.cumsum(corners) - corners
        step[begins] = local[begins]  # in every feature the pen starts at the corner of the tile
        numbers = 2 * length + 3
        start = np.cumsum(numbers) - numbers
        rank = _ranges(np.zeros_like(length), length)
        place = np.repeat(start, length) + np.where(rank == 0, 1, 2 * rank + 2)
        commands = np.empty(int(numbers.sum()), dtype=np.int64)
        commands[start] = _MOVE_TO
        commands[start + 3] = (length - 1) << 3 | _LINE_TO
        commands[start + numbers - 1] = _CLOSE_PATH
        for axis in range(2):
            commands[place + axis] = step[:, axis] << 1 ^ step[:, axis] >> 63  # zigzag
        return commands, 2 * corners + 3 * rings


def _on_world(lonlat: Floats) -> Floats:
    """Return places in Web Mercator as shares of the world's width, from its north-western corner."""
    lon, lat = lonlat.T
    return np.column_stack([lon / 360 + 0.5, 0.5 - np.arcsinh(np.tan(np.radians(lat))) / (2 * np.pi)])


def _tiles_met(bounds: Floats | Ints, zoom: int) -> tuple[Ints, Ints, Ints]:
    """Return for each box (units of the zoom's grid) and each tile that sees it: position of the box, x and y."""
    last = (1 << zoom) - 1
    low = np.clip((bounds[:, :2] - _BUFFER) // EXTENT, 0, last).astype(np.int64)
    high = np.clip((bounds[:, 2:] + _BUFFER) // EXTENT, 0, last).astype(np.int64)
    wide, tall = (high - low + 1).T
    box = np.repeat(np.arange(len(bounds)), wide * tall)
    rank = _ranges(np.zeros_like(wide), wide * tall)
    return box, low[box, 0] + rank % wide[box], low[box, 1] + rank // wide[box]


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """Return ``start, start + 1, …`` for each start, one after the other."""
    ranges: Ints = np.arange(int(counts.sum())) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
    return ranges


def _sums(values: Ints, counts: Ints) -> Ints:
    """Return the sum of each run of values, given how long the runs are."""
    total = np.concatenate([[0], np.cumsum(values)])
    ends = np.cumsum(counts)
    sums: Ints = total[ends] - total[ends - counts]
    return sums


def _doubled_areas(points: Ints, starts: Ints, counts: Ints) -> Ints:
    """Return twice the signed area of rings (shoelace formula); positive: clockwise on a map whose y runs south."""
    here = points - points[np.repeat(starts, counts)]
    following = np.arange(1, len(points) + 1)
    filled = counts > 0
    following[(starts + counts - 1)[filled]] = starts[filled]
    there = here[following]
    return _sums(here[:, 0] * there[:, 1] - there[:, 0] * here[:, 1], counts)


def _widths(values: Ints) -> Ints:
    """Return how many bytes varints take: seven bits fit into each."""
    width = np.ones(values.shape, dtype=np.int64)
    for bits in range(7, 35, 7):
        width += values >= 1 << bits
    return width


def _varints(values: Ints) -> tuple[NDArray[np.uint8], Ints]:
    """Return numbers below 2**35 as varints, one after the other, and how many bytes each takes."""
    widths = _widths(values)
    starts = np.cumsum(widths) - widths
    stream = np.empty(int(widths.sum()), dtype=np.uint8)
    stream[starts] = values & 0x7F | (widths > 1) << 7
    for rank in range(1, int(widths.max(initial=1))):
        longer = np.flatnonzero(widths > rank)
        stream[starts[longer] + rank] = values[longer] >> 7 * rank & 0x7F | (widths[longer] > rank + 1) << 7
    return stream, widths


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a protobuf message that holds bytes, text or a message."""
    return _varints(np.array([number << 3 | _BYTES, len(content)]))[0].tobytes() + content
