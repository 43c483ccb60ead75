"""The WSF Tracker: a sharded Zarr (version 3) of the whole world, of which only what covers an area is asked for.

One request for the description of the array, one for the index at the end of each shard that the area meets, then the
inner chunks, neighbours in the file together. Zarr's own reader asks for each inner chunk alone (478 requests for a
city in a trial), and GDAL does not read sharded Zarr.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import obstore
import pyarrow as pa
import rasterio
from affine import Affine
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError
from obstore.store import LocalStore
from pyproj import CRS

from pipeline.declared import catalogue
from pipeline.errors import InputError
from pipeline.extract import local_files, rasters
from pipeline.extract.http.retry import AttemptError, BusyError, PermanentError, TransientError, UnreachableError
from pipeline.extract.local_files import Format
from pipeline.geometry.raster import Raster
from pipeline.schema.provenance import Extract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from obstore.store import HTTPStore

    from pipeline.config import Area
    from pipeline.geometry.bbox import Box

    Store = HTTPStore | LocalStore

FORMATS = (
    Format("GeoTIFF of the Tracker's codes", '"wsf_tracker.tif"', "codes 0 to 40, not years"),
    Format("a copy of its Zarr (a folder)", '"World_WSF_20160701-20260101.zarr"', "of which the area's part is read"),
)
"""What `inputs.tracker` takes."""
DATASET = "wsf_tracker"
_NODATA = -1.0
ARRAY = "0/wsf_tracker"
"""Full resolution; the further groups are dilated overviews."""
_WEST, _NORTH, _CELL = -180.00001488697754, 78.0100585990529, 8.983152841195216e-05
"""The grid (EPSG:4326): upper left corner of the first cell, and size of a cell, in degrees."""
_ABSENT = 2**64 - 1
"""Offset and length of an inner chunk that was not written: all of it is the fill value."""
_CHECKSUM_BYTES = 4
_GAP_BYTES = 64 * 1024
"""Chunks that lie no farther apart in the file are asked for in one request."""
_MARGIN_CELLS = 2
_STATUS = re.compile(r"status code: (\d{3}[A-Za-z ]*)")
"""How obstore's errors tell the status of a reply."""


@dataclass(frozen=True)
class _Array:
    """What the description of the array says, as far as it matters here."""

    shape: tuple[int, int]
    shard: int
    chunk: int
    fill: int

    @property
    def per_shard(self) -> int:
        """Inner chunks along a side of a shard."""
        return self.shard // self.chunk


def read(path: Path, area: Area) -> Extract[Raster]:
    """Read codes from a GeoTIFF, or from a copy of the Zarr (a folder).

    Returns
    -------
    Extract of Raster
        Codes as in `read_window`, NaN where there is no data.

    Raises
    ------
    InputError
        The file cannot be read, or holds other values than codes.
    """
    if path.is_dir():
        return _read_folder(path, area)
    version = catalogue.default().sources[DATASET].version
    return rasters.read(path, area, dataset=DATASET, version=version, nodata=_NODATA)


def _read_folder(path: Path, area: Area) -> Extract[Raster]:
    """Read a copy of the Zarr; its bytes are those of its description, which names every other file."""
    try:
        values, transform = read_window(LocalStore(path), area.bbox)
    except AttemptError as error:
        msg = (
            f"{path} cannot be read as the WSF Tracker ({error.reason}); it must hold {ARRAY}/zarr.json and its shards."
        )
        raise InputError(msg) from error
    raster = Raster(values.astype(np.float64), transform, CRS.from_epsg(4326))
    description = path / ARRAY / "zarr.json"
    version = catalogue.default().sources[DATASET].version
    source = local_files.source(
        description, area, dataset=DATASET, number=1, version=version, features=int(np.count_nonzero(values))
    )
    return Extract(raster, [replace(source, url=path.name)])


def read_window(store: Store, bbox: Box) -> tuple[NDArray[np.uint8], Affine]:
    """Return the codes that cover a bbox, and where they are.

    Parameters
    ----------
    store
        Of the Zarr's root.
    bbox
        West, south, east, north in degrees (EPSG:4326).

    Returns
    -------
    codes
        (rows, columns); 0: never seen built, 1: by mid-2016, k ≥ 2: in the half-year k − 1 after that.
    transform
        From (column, row) to degrees.

    Raises
    ------
    AttemptError
        The store does not answer, or not with such an array.
    """
    try:
        array = _described(bytes(obstore.get(store, f"{ARRAY}/zarr.json").bytes()))
        west, south, east, north = bbox
        left, right = (int((x - _WEST) // _CELL) for x in (west, east))
        top, bottom = (int((_NORTH - y) // _CELL) for y in (north, south))
        rows = range(max(top - _MARGIN_CELLS, 0), min(bottom + _MARGIN_CELLS + 1, array.shape[0]))
        columns = range(max(left - _MARGIN_CELLS, 0), min(right + _MARGIN_CELLS + 1, array.shape[1]))
        values = np.full((len(rows), len(columns)), array.fill, dtype=np.uint8)
        for row in _touched(rows, array.shard):
            for column in _touched(columns, array.shard):
                for corner, chunk in _chunks(store, array, (row, column), rows, columns):
                    _paste(values, chunk, corner[0] - rows.start, corner[1] - columns.start)
    except (BaseError, OSError) as error:
        raise _classified(error) from error
    return values, Affine(_CELL, 0, _WEST + columns.start * _CELL, 0, -_CELL, _NORTH - rows.start * _CELL)


def write_window(store: Store, area: Area, target: Path) -> None:
    """Write the codes that cover an area as a GeoTIFF; errors as in `read_window`."""
    values, transform = read_window(store, area.bbox)
    profile = {
        "driver": "GTiff",
        "dtype": values.dtype,
        "count": 1,
        "height": values.shape[0],
        "width": values.shape[1],
        "crs": "EPSG:4326",
        "transform": transform,
        "compress": "deflate",
    }
    with rasterio.open(target, "w", **profile) as raster:
        raster.write(values, 1)


def _touched(cells: range, size: int) -> range:
    """Return which parts of an axis, each of `size` cells, some cells lie in."""
    return range(cells.start // size, (cells.stop - 1) // size + 1)


def _described(text: bytes) -> _Array:
    """Return the array that a ``zarr.json`` describes; refuse one that is made differently from what is read here."""
    try:
        meta: dict[str, Any] = json.loads(text)
        (sharding,) = meta["codecs"]
        settings = sharding["configuration"]
        (rows, columns), (inner, other) = meta["chunk_grid"]["configuration"]["chunk_shape"], settings["chunk_shape"]
        shape = meta["shape"]
        found = _Array((int(shape[0]), int(shape[1])), int(rows), int(inner), int(meta["fill_value"] or 0))
        made = (
            meta["zarr_format"],
            meta["data_type"],
            sharding["name"],
            [codec["name"] for codec in settings["codecs"]],
            [codec["name"] for codec in settings["index_codecs"]],
            settings.get("index_location", "end"),
            meta["chunk_key_encoding"]["name"],
        )
        square = rows == columns and inner == other and rows % inner == 0
    except (ValueError, KeyError, TypeError) as error:
        reason = "the reply does not describe a sharded Zarr array"
        raise TransientError(reason) from error
    known = [
        (3, kind, "sharding_indexed", ["bytes", "zstd"], ["bytes", "crc32c"], "end", "default")
        for kind in ("int8", "uint8")
    ]
    if made not in known or not square:
        reason = f"the array is made in a way that is not read here ({made})"
        raise PermanentError(reason, remedy="report this as a bug")
    return found


def _chunks(
    store: Store, array: _Array, shard: tuple[int, int], rows: range, columns: range
) -> Iterator[tuple[tuple[int, int], NDArray[np.uint8]]]:
    """Yield the inner chunks of a shard that some cells lie in, each with its first row and column in the array."""
    path, side = f"{ARRAY}/c/{shard[0]}/{shard[1]}", array.per_shard
    index_bytes = side * side * 16 + _CHECKSUM_BYTES
    try:
        tail = obstore.get(store, path, options={"range": {"suffix": index_bytes}})
    except (NotFoundError, FileNotFoundError):
        return  # a shard that was not written: all of it is the fill value
    size, content = int(tail.meta["size"]), bytes(tail.bytes())
    if len(content) != index_bytes:
        reason = "the reply is no whole index of a shard"
        raise TransientError(reason)
    index = np.frombuffer(content[:-_CHECKSUM_BYTES], dtype="<u8").reshape(side, side, 2)
    wanted = [
        (row, column)
        for row in _touched(rows, array.chunk)
        for column in _touched(columns, array.chunk)
        if (row // side, column // side) == shard and index[row % side, column % side, 0] != _ABSENT
    ]
    places = [tuple(int(value) for value in index[row % side, column % side]) for row, column in wanted]
    if any(offset + length > size - index_bytes for offset, length in places):
        reason = "the index of a shard points beyond its end"
        raise TransientError(reason)
    if not places:
        return
    starts, lengths = ([place[number] for place in places] for number in (0, 1))
    bodies = obstore.get_ranges(store, path, starts=starts, lengths=lengths, coalesce=_GAP_BYTES)
    for (row, column), body in zip(wanted, bodies, strict=True):
        yield (row * array.chunk, column * array.chunk), _decoded(bytes(body), array.chunk)


def _decoded(body: bytes, side: int) -> NDArray[np.uint8]:
    try:
        raw = pa.decompress(body, decompressed_size=side * side, codec="zstd", asbytes=True)
        return np.frombuffer(raw, dtype=np.uint8).reshape(side, side)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = "a part of the reply is damaged"
        raise TransientError(reason) from error


def _paste(values: NDArray[np.uint8], chunk: NDArray[np.uint8], row: int, column: int) -> None:
    """Put a chunk into the window, as far as it meets it; its corner may lie before the window's."""
    top, left = max(row, 0), max(column, 0)
    bottom, right = min(row + len(chunk), values.shape[0]), min(column + len(chunk), values.shape[1])
    values[top:bottom, left:right] = chunk[top - row : bottom - row, left - column : right - column]


def _classified(error: Exception) -> AttemptError:
    if isinstance(error, NotFoundError | FileNotFoundError):
        return PermanentError("it is not there (404)", remedy="look for a newer version on the provider's page")
    if isinstance(error, PermissionDeniedError | PermissionError):
        return PermanentError("the server refuses access (403)", remedy="ask the provider")
    text = str(error)
    if status := _STATUS.search(text):
        kind = BusyError if status[1].startswith("429") else TransientError
        return kind(f"the server answers {status[1].strip()}")
    if "kind: Connect" in text:
        return UnreachableError("the connection failed", remedy="check the connection to the Internet")
    return TransientError(f"the server failed ({' '.join(text.splitlines()[0].split(' - ')[-1].split())[:120]})")
