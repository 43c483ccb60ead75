"""GeoJSON lines, as Microsoft publishes its footprints (named .csv.gz): parsed and built in blocks."""

from __future__ import annotations

import gzip
import json
import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
import shapely
from shapely import GeometryType

from pipeline.errors import InputError
from pipeline.extract import line_blocks
from pipeline.extract.footprints import fields
from pipeline.extract.footprints.cleaning import PARTS, READABLE, UNREADABLE, clean, single
from pipeline.geometry.bbox import overlaps
from pipeline.geometry.polygon_validity import convex_rings

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.geometry.bbox import Box

T = TypeVar("T")

_BLOCK_BYTES = 16 * 2**20
_MAX_LINE_BYTES = 64 * 2**20
"""A longer line is no feature but a file of another kind."""
_SEPARATOR = b"\x1e"
"""Stands before each record of a GeoJSON text sequence (RFC 8142)."""
_BLANK = re.compile(rb"\n\s+")
_GZIP_MAGIC = b"\x1f\x8b"
_SCHEMA = pa.schema(
    [
        ("properties", pa.struct([("height", pa.float64()), ("confidence", pa.float64())])),
        (
            "geometry",
            pa.struct([("type", pa.string()), ("coordinates", pa.list_(pa.list_(pa.list_(pa.float64()))))]),
        ),
    ]
)


class Part(NamedTuple):
    """Footprints of a block near the box; `geometry` is valid, or None for what was dropped and counted."""

    geometry: NDArray[np.object_]
    bounds: NDArray[np.float64]
    height: NDArray[np.float64]
    confidence: NDArray[np.float64]
    problems: Counter[str]
    extent: NDArray[np.float64]
    """Bounds of all features of the block, near or not; NaN: it has none."""


def read(path: Path, box: Box) -> list[Part]:
    """Read the polygons whose envelope meets a box, a block at a time on two cores; of properties, Microsoft's.

    Raises
    ------
    InputError
        The file is cut off, is not what its suffix says, or holds no line that is a GeoJSON feature.
    """
    parts = _mapped(path, partial(_parse, box=box))
    if not any(part.problems[READABLE] for part in parts):
        raise _no_feature(path)
    return parts


def read_features(path: Path) -> tuple[gpd.GeoDataFrame, int]:
    """Read the features with every property that says anything, and how many lines are none; errors as in `read`."""
    parts = _mapped(path, _features)
    frame = pd.concat([part for part, _ in parts], ignore_index=True)
    if frame.empty:
        raise _no_feature(path)
    return frame, sum(unreadable for _, unreadable in parts)


def properties(path: Path) -> frozenset[str]:
    """Return the names of the properties of the first feature; empty: it has none, or is none."""
    with path.open("rb") as file:
        packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            line = file.readline(_MAX_LINE_BYTES).replace(_SEPARATOR, b"")
        return frozenset(json.loads(line.decode("utf-8-sig")).get("properties") or ())
    except (OSError, EOFError, ValueError, AttributeError):
        return frozenset()


def _no_feature(path: Path) -> InputError:
    return InputError(f"{path} holds no line that is a GeoJSON feature; it is a file of another kind.")


def _mapped(path: Path, parse: Callable[[bytes], T]) -> list[T]:
    """Return what `parse` makes of each block of lines."""
    try:
        with path.open("rb") as file:
            packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        with pa.input_stream(str(path), compression="gzip" if packed else None) as stream:
            pieces = line_blocks.of_lines(stream, _BLOCK_BYTES, _MAX_LINE_BYTES)
            return list(line_blocks.mapped(lambda piece: parse(_lines(piece)), pieces))
    except line_blocks.LongLineError as error:
        msg = f"{path} has a line of more than {_MAX_LINE_BYTES >> 20} MiB; each line must hold one feature."
        raise InputError(msg) from error
    except OSError as error:
        msg = f"{path} cannot be unpacked ({error}); it is damaged or cut off: fetch it again."
        raise InputError(msg) from error


def _lines(piece: bytes) -> bytes:
    """Return a block without separators of records and blank lines, of which a small packed file may hold millions."""
    return _BLANK.sub(b"\n", piece.replace(_SEPARATOR, b"")).strip()


def _is_plain(block: bytes) -> bool:
    """Return whether every line begins as an object does; Arrow's parser dies of a line that is `null`."""
    return block.startswith(b"{") and block.count(b"\n") == block.count(b"\n{")


def _parse(block: bytes, box: Box) -> Part:
    if not _is_plain(block):
        return _careful(block, box)
    try:
        return _fast(block, box)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError):
        # One line that is not a plain polygon makes the columnar parser refuse the block.
        return _careful(block, box)


def _fast(block: bytes, box: Box) -> Part:
    """Parse a block of plain polygons column by column; anything else raises."""
    options = pyarrow.json.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="ignore")
    table = pyarrow.json.read_json(
        pa.BufferReader(block),
        read_options=pyarrow.json.ReadOptions(use_threads=False),
        parse_options=options,
    )
    geometry, properties = (table.column(name).combine_chunks() for name in ("geometry", "properties"))
    if pc.any(pc.not_equal(pc.struct_field(geometry, "type"), "Polygon")).as_py() is not False or geometry.null_count:
        msg = "not all are polygons"
        raise ValueError(msg)
    coordinates, ring_offsets, polygon_offsets = _ragged(pc.struct_field(geometry, "coordinates"))
    bounds = _bounds(coordinates, ring_offsets[polygon_offsets])
    near = np.flatnonzero(overlaps(bounds, box))
    rings, polygon_ends = _taken(polygon_offsets, near)
    points, ring_ends = _taken(ring_offsets, rings)
    corners = coordinates[points]
    polygons = shapely.from_ragged_array(GeometryType.POLYGON, corners, (ring_ends, polygon_ends))
    sound = convex_rings(corners, ring_ends)[polygon_ends[:-1]] & (np.diff(polygon_ends) == 1)
    shapes, problems = clean(polygons, sound)
    problems[READABLE] = table.num_rows
    height, confidence = (_floats(pc.struct_field(properties, name))[near] for name in ("height", "confidence"))
    return Part(shapes, shapely.bounds(shapes), height, confidence, problems, _extent(bounds))


def _extent(bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    known = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(known):
        return np.full(4, np.nan)
    return np.concatenate((known[:, :2].min(axis=0), known[:, 2:].max(axis=0)))


def _ragged(
    nested: pa.ListArray,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return coordinates (points, 2), offsets of rings in points and of polygons in rings; ValueError if malformed."""
    rings = nested.flatten()
    points = rings.flatten()
    flat = points.flatten()
    if nested.null_count or rings.null_count or points.null_count or flat.null_count or len(flat) != 2 * len(points):
        msg = "coordinates are missing or not pairs"
        raise ValueError(msg)
    lengths = pc.list_value_length(points)
    if len(points) and (pc.min(lengths).as_py(), pc.max(lengths).as_py()) != (2, 2):
        msg = "coordinates are not pairs"
        raise ValueError(msg)
    offsets = [
        np.concatenate(([0], np.cumsum(pc.list_value_length(item).to_numpy(zero_copy_only=False), dtype=np.int64)))
        for item in (rings, nested)
    ]
    if not (np.diff(offsets[1]) > 0).all() or not (np.diff(offsets[0]) > 3).all():
        msg = "a polygon without rings, or a ring of too few points"
        raise ValueError(msg)
    return flat.to_numpy(zero_copy_only=False).reshape(-1, 2), offsets[0], offsets[1]


def _bounds(coordinates: NDArray[np.float64], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    starts = offsets[:-1]
    return np.hstack((np.minimum.reduceat(coordinates, starts), np.maximum.reduceat(coordinates, starts)))


def _taken(offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which items belong to some rows of a ragged array, and the offsets of those rows among them."""
    sizes = offsets[rows + 1] - offsets[rows]
    ends = np.concatenate(([0], np.cumsum(sizes)))
    return np.arange(ends[-1]) + np.repeat(offsets[rows] - ends[:-1], sizes), ends


def _floats(values: pa.Array) -> NDArray[np.float64]:
    """Return numbers with NaN for unknown (Microsoft writes -1)."""
    result: NDArray[np.float64] = values.to_numpy(zero_copy_only=False).astype(np.float64)
    result[result < 0] = np.nan
    return result


def _careful(block: bytes, box: Box) -> Part:
    """Parse a block line by line: multipolygons, rings that do not close, and lines that are no features."""
    frame, unreadable = _features(block)
    shapes, rows, split = single(frame.geometry.to_numpy())
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    near = np.flatnonzero(overlaps(bounds, box) | ~np.isfinite(bounds).all(axis=1))
    cleaned, problems = clean(shapes[near])
    problems.update({UNREADABLE: unreadable, READABLE: len(frame), PARTS: split})
    height, confidence = (measure(frame)[rows][near] for measure in (fields.heights, fields.confidences))
    return Part(cleaned, shapely.bounds(cleaned).reshape(-1, 4), height, confidence, problems, _extent(bounds))


def _features(block: bytes) -> tuple[gpd.GeoDataFrame, int]:
    """Return the features of a block with the properties that say anything, and how many lines are none."""
    geometry: list[shapely.Geometry | None] = []
    properties: list[dict[str, object]] = []
    unreadable = 0
    for line in filter(bytes.strip, block.splitlines()):
        try:
            item = json.loads(line)
            shape = item["geometry"]
            shape = shapely.from_geojson(json.dumps(shape), on_invalid="raise") if shape else None
            kept = {key: value for key, value in (item.get("properties") or {}).items() if key.lower() in fields.WANTED}
        except (ValueError, TypeError, KeyError, AttributeError, shapely.errors.GEOSException):
            unreadable += 1
            continue
        geometry.append(shape)
        properties.append(kept)
    rows = pd.DataFrame.from_records(properties, index=range(len(properties)))
    return gpd.GeoDataFrame(rows, geometry=geometry, crs="EPSG:4326"), unreadable
