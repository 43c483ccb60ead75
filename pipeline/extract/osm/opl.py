"""Ways as libosmium writes them in its text format OPL, read back in columns.

A call into Python for each way costs more than all of libosmium's own work. Written out by libosmium and read by
Arrow, a million ways are a few columns. The format: https://osmcode.org/opl-file-format.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from pipeline.extract.osm import geometry
from pipeline.geometry.bbox import overlaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.extract.osm.matching import Tags
    from pipeline.geometry.bbox import Box

FORMAT = "opl,locations_on_ways=true,add_metadata=version+changeset+timestamp"
"""What libosmium must be told, so that a line is: way, version, visible, changeset, timestamp, tags, nodes."""

_FIELDS = ("way", "version", "visible", "changeset", "timestamp", "tags", "nodes")
_TYPES = {
    "way": pa.string(),
    "version": pa.dictionary(pa.int32(), pa.string()),
    "visible": pa.string(),
    "changeset": pa.string(),
    "timestamp": pa.string(),
    "tags": pa.dictionary(pa.int32(), pa.string()),
    "nodes": pa.binary(),
}
"""Few ways differ in version and many share their tags: those are dictionaries."""
_VISIBLE = "dV"
_ESCAPED = re.compile("%([0-9a-f]+)%")
_NODE_LINES = bytes.maketrans(b"N,xy", b"\n\n,,")
"""Turns ``Nn1x76.9y43.2,n2x76.8y43.1``, without its ``n``, into a line ``1,76.9,43.2`` for each node."""


@dataclass(frozen=True)
class Ways:
    """Some ways of a file, in its order.

    Attributes
    ----------
    osm_id, version
        As in OpenStreetMap.
    tags
        Number of each way's tags in `texts`.
    texts
        Distinct sets of tags, as OPL writes them (see `tags_of`).
    coordinates : (points, 2) array
        Lon, lat of the nodes of all ways, one after the other; NaN: the file lacks the node.
    offsets : (ways + 1,) array
        Way ``i`` is ``coordinates[offsets[i]:offsets[i + 1]]``.
    edited
        Number and ISO 8601 time of the newest changeset; (0, ""): the file does not say.
    deleted
        Number of ways that are marked as deleted, and not here.
    negative_ids
        Whether nodes have negative ids, of which libosmium keeps no places.
    """

    osm_id: NDArray[np.int64]
    version: NDArray[np.int64]
    tags: NDArray[np.int64]
    texts: list[str]
    coordinates: NDArray[np.float64]
    offsets: geometry.Offsets
    edited: tuple[int, str]
    deleted: int = 0
    negative_ids: bool = False


def ways(block: bytes, box: Box) -> Ways:
    """Return the ways of some lines whose envelope, as far as their nodes are in the file, meets the box.

    A way of which the file holds no node at all may lie anywhere, and is among them. Of nodes that follow each other at
    the same place, the first is kept.
    """
    table = _fields(block)
    coordinates, offsets = geometry.without_repeats(*_locations(table["nodes"]))
    bounds = geometry.bounds(coordinates, offsets)
    visible = pc.equal(table["visible"], _VISIBLE).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero((overlaps(bounds, box) | np.isnan(bounds[:, 0])) & visible)
    coordinates, offsets = geometry.take(coordinates, offsets, rows)
    version, tags = table["version"], table["tags"]
    return Ways(
        osm_id=_numbers(table["way"])[rows],
        version=_numbers(version.dictionary)[version.indices.to_numpy()[rows]],
        tags=tags.indices.to_numpy()[rows].astype(np.int64),
        texts=tags.dictionary.to_pylist(),
        coordinates=coordinates,
        offsets=offsets,
        edited=_edited(table),
        deleted=int(np.count_nonzero(~visible)),
        negative_ids=b"n-" in block and bool(pc.any(pc.match_substring(table["nodes"], b"n-")).as_py()),
    )


def _fields(block: bytes) -> dict[str, pa.Array]:
    table = csv.read_csv(
        pa.BufferReader(block),
        read_options=csv.ReadOptions(column_names=_FIELDS, block_size=len(block) + 1, use_threads=False),
        parse_options=csv.ParseOptions(delimiter=" ", quote_char=False),
        convert_options=csv.ConvertOptions(include_columns=list(_TYPES), column_types=_TYPES),
    )
    return {name: table[name].combine_chunks() for name in _TYPES}


def tags_of(text: str) -> Tags:
    """Return the tags of a field ``Tkey=value,key=value``."""
    pairs = (item.split("=") for item in text[1:].split(","))
    if "%" in text:
        return {_unescaped(key): _unescaped(value) for key, value in pairs}
    return dict(pairs)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def _numbers(fields: pa.StringArray) -> NDArray[np.int64]:
    """Return the numbers of fields that begin with the letter of a way, version or changeset."""
    numbers: NDArray[np.int64] = pc.cast(pc.ascii_ltrim(fields, "wvc"), pa.int64()).to_numpy()
    return numbers


def _edited(table: dict[str, pa.Array]) -> tuple[int, str]:
    fields = table["changeset"].dictionary_encode()
    changesets = _numbers(fields.dictionary)
    newest = int(changesets.argmax())
    row = fields.indices.index(newest).as_py()
    return int(changesets[newest]), table["timestamp"][row].as_py()[1:]


def _locations(nodes: pa.BinaryArray) -> tuple[NDArray[np.float64], geometry.Offsets]:
    """Return the coordinates of fields ``Nn1x76.9y43.2,n2xy``, and where each field begins among them."""
    counts = pc.count_substring(nodes, "n").to_numpy()
    offsets = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
    if not offsets[-1]:
        return np.zeros((0, 2)), offsets
    text = pc.binary_join(pa.ListArray.from_arrays([0, len(nodes)], nodes), b"")[0].as_py()
    lines = text.translate(_NODE_LINES, b"n")
    table = csv.read_csv(
        pa.BufferReader(lines),
        read_options=csv.ReadOptions(column_names=["ref", "lon", "lat"], block_size=len(lines) + 1, use_threads=False),
        convert_options=csv.ConvertOptions(
            include_columns=["lon", "lat"], column_types={"lon": pa.float64(), "lat": pa.float64()}
        ),
    )
    return np.column_stack([table[name].to_numpy() for name in ("lon", "lat")]), offsets
