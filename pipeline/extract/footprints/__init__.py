"""Building footprints seen by satellite: Microsoft's and Overture's files, or any file of polygons."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from pipeline.extract import gc_pause, local_files
from pipeline.extract.footprints import geojson_lines, gis_files
from pipeline.extract.footprints.cleaning import READABLE, clean
from pipeline.geometry.bbox import touches
from pipeline.schema.provenance import Extract, Notice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.config import Area
    from pipeline.geometry.bbox import Box

LINES = ("geojsonl", "geojsonl.gz", "geojsons", "csv.gz", "ndjson", "ndjson.gz", "jsonl", "jsonl.gz")
"""Suffixes of GeoJSON lines; Microsoft names them .csv.gz."""
ORIGINS = {
    "openstreetmap": "osm",
    "microsoft ml buildings": "microsoft",
    "google open buildings": "google",
    "esri community maps": "esri",
}
"""Names of datasets, as Overture's column `sources` spells them (lower case), to origins."""
_NAMES = ("unknown", "microsoft", *sorted(set(ORIGINS.values()) - {"microsoft"}))
"""The origins, by the number that stands for each while a million rows are read."""
_UNKNOWN, _MICROSOFT = 0, 1
_ID_DECIMALS = 7
"""Decimals of a degree in an identifier: about a centimetre."""
_LOWEST = -180 * 10**_ID_DECIMALS
"""Least value of a coordinate in those units; counted from it, every coordinate fits into 32 bits."""
_HALF_BITS = 32
_DIGITS = 32
"""Length of an identifier."""


class Footprints(NamedTuple):
    """Polygons as they were read, made valid; None where one was dropped and counted."""

    dataset: str
    geometry: NDArray[np.object_]
    bounds: NDArray[np.float64]
    height_m: NDArray[np.float64]
    confidence: NDArray[np.float64]
    origin: NDArray[np.int8]
    """Numbers into `_NAMES`."""
    problems: Counter[str]


@gc_pause.paused()
def read(paths: Sequence[Path], area: Area, *, dataset: str = "", origin: str = "") -> Extract[gpd.GeoDataFrame]:
    """Read the footprints that touch an area.

    Parameters
    ----------
    paths
        GeoJSON lines (packed or not), GeoJSON, GeoParquet, GeoPackage or FlatGeobuf; other coordinate systems than
        EPSG:4326 are converted.
    area
        Footprints that touch its bbox are taken, whole.
    dataset, origin
        Dataset of all files and who drew all of their footprints, where the caller knows; else the files tell.

    Returns
    -------
    Extract of GeoDataFrame
        ``footprint_id`` (from the location, so it stays from run to run), ``height_m`` and ``confidence`` (NaN:
        unknown), ``origin`` (``microsoft``, ``osm``, ``google``, ``esri`` or ``unknown``), ``source_id`` and
        ``geometry`` (valid Polygon or MultiPolygon, EPSG:4326), sorted by identifier; no footprint twice.

    Raises
    ------
    InputError
        A file is missing, damaged, of another kind, or does not say in which coordinate system it is.
    """
    parts, sources, notices = [], [], []
    counts: Counter[str] = Counter()
    for path in paths:
        local_files.check_exists(path, "footprints")
        found = _read(path, area.bbox)
        found = found._replace(dataset=dataset or found.dataset)
        found = _rows(found, touches(found.geometry, area.bbox, found.bounds))
        counts[found.dataset] += 1
        source = local_files.source(
            path, area, dataset=found.dataset, number=counts[found.dataset], version="", features=len(found.geometry)
        )
        notices += [Notice(path.name, what, n) for what, n in sorted(found.problems.items()) if n and what != READABLE]
        if not len(found.geometry):
            notices.append(Notice(path.name, f"holds no footprint within the bbox of {area.area_id}"))
        sources.append(source)
        parts.append(found)
    data, repeated = table(parts, [source.source_id for source in sources])
    if repeated:
        notices.append(_repeated(repeated))
    return Extract(data.assign(origin=origin) if origin else data, sources, notices)


def _repeated(count: int) -> Notice:
    return Notice("footprints", "the same footprint came twice and was taken once", count)


def together(reads: Sequence[Extract[gpd.GeoDataFrame]]) -> Extract[gpd.GeoDataFrame]:
    """Put the footprints of several sources together; of one that several have, the first source's copy is kept."""
    if len(reads) == 1:
        return reads[0]
    sources = [source for read in reads for source in read.sources]
    notices = [notice for read in reads for notice in read.notices]
    every = pd.concat([read.data for read in reads], ignore_index=True)
    data = every.drop_duplicates("footprint_id").sort_values("footprint_id", ignore_index=True)
    if repeated := len(every) - len(data):
        notices.append(_repeated(repeated))
    return Extract(data, sources, notices)


def _read(path: Path, box: Box) -> Footprints:
    """Read a file by its suffix."""
    name = path.name.lower()
    if name.endswith(LINES):
        parts = geojson_lines.read(path, box)
        geometry, bounds, height, confidence = (np.concatenate([part[column] for part in parts]) for column in range(4))
        origin = np.full(len(geometry), _MICROSOFT, dtype=np.int8)
        problems = sum((part.problems for part in parts), Counter())
        return Footprints("microsoft_footprints", geometry, bounds, height, confidence, origin, problems)
    return from_frame((gis_files.read_parquet if name.endswith("parquet") else gis_files.read_vector)(path, box))


def from_frame(frame: gpd.GeoDataFrame) -> Footprints:
    """Return what is known of polygons in a table (EPSG:4326); of columns, Overture's names are understood."""
    overture = "sources" in frame.columns
    geometry, problems = clean(frame.geometry.to_numpy())
    return Footprints(
        "overture_buildings" if overture else "local_footprints",
        geometry,
        shapely.bounds(geometry),
        _measure(frame, "height" if "height" in frame.columns else "height_m"),
        _measure(frame, "confidence"),
        _origins(frame["sources"]) if overture else np.full(len(frame), _UNKNOWN, dtype=np.int8),
        problems,
    )


def _rows(found: Footprints, chosen: NDArray[np.bool_]) -> Footprints:
    rows = np.flatnonzero(chosen)
    return found._replace(
        geometry=found.geometry[rows],
        bounds=found.bounds[rows],
        height_m=found.height_m[rows],
        confidence=found.confidence[rows],
        origin=found.origin[rows],
    )


def _measure(frame: gpd.GeoDataFrame, column: str) -> NDArray[np.float64]:
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(values < 0, np.nan, values)


def _origins(sources: pd.Series) -> NDArray[np.int8]:
    """Return the dataset of the first source of each row, which Overture gives for the geometry."""
    names = (str(entry[0].get("dataset", "")).lower() if entry is not None and len(entry) else "" for entry in sources)
    return np.array([_NAMES.index(ORIGINS.get(name, "unknown")) for name in names], dtype=np.int8)


def table(parts: Sequence[Footprints], source_ids: Sequence[str]) -> tuple[gpd.GeoDataFrame, int]:
    """Put footprints together, name them by their location, and drop repeated ones; return also how many those were.

    Parameters
    ----------
    parts
        Valid polygons; of a repeated one the copy in the first part is kept.
    source_ids
        Identifier of the input of each part.
    """
    empty = (np.empty(0, object), np.empty((0, 4)), np.empty(0), np.empty(0), np.empty(0, np.int8))
    geometry, bounds, height, confidence, origin = (
        np.concatenate([none, *(part[column] for part in parts)]) for column, none in enumerate(empty, start=1)
    )
    keys = _keys(bounds)
    order = _order(keys)
    repeated = _as_before(keys[0][order]) & _as_before(keys[1][order])
    rows = order[~repeated]
    number = np.repeat(np.arange(len(parts)), [len(part.geometry) for part in parts])[rows]
    data = gpd.GeoDataFrame(
        {
            "footprint_id": pd.array(_digits(keys[:, rows]), dtype="str"),
            "height_m": height[rows],
            "confidence": confidence[rows],
            "origin": _chosen(_NAMES, origin[rows]),
            "source_id": _chosen(source_ids, number),
        },
        geometry=geometry[rows],
        crs="EPSG:4326",
    )
    return data, int(repeated.sum())


def _chosen(names: Sequence[str], numbers: NDArray[np.integer]) -> pd.api.extensions.ExtensionArray:
    column: pd.api.extensions.ExtensionArray = pd.array(
        pa.array(names, pa.string()).take(pa.array(numbers)), dtype="str"
    )
    return column


def _keys(bounds: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return the place and the size of each envelope, in units of 1e-7 degrees, as two rows of 64 bits.

    West and south, counted from -180 degrees, share the first; width and height the second. The same outline has the
    same two in every run.
    """
    west, south, east, north = np.rint(bounds.T * 10**_ID_DECIMALS).astype(np.int64)
    halves = np.stack((west - _LOWEST, east - west)), np.stack((south - _LOWEST, north - south))
    first, second = (half.astype(np.uint64) for half in halves)
    return first << np.uint64(_HALF_BITS) | second


def _order(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the rows by their two keys; equal ones as they came.

    Sorting by the first key alone, and then the few rows that share it, takes a tenth of the time of sorting by both.
    """
    order = np.argsort(keys[0])
    tied = _as_before(keys[0][order])
    tied[:-1] |= tied[1:]
    rows = order[tied]
    order[tied] = rows[np.lexsort((rows, keys[1][rows], keys[0][rows]))]
    return order


def _as_before(values: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return which values equal the one before them."""
    same = np.zeros(len(values), dtype=bool)
    same[1:] = values[1:] == values[:-1]
    return same


def _digits(keys: NDArray[np.uint64]) -> pa.LargeStringArray:
    """Return both keys of each row as 32 hexadecimal digits, which sort as the keys do."""
    digits = keys.T.astype(">u8").tobytes().hex().encode()
    ends = np.arange(keys.shape[1] + 1, dtype=np.int64) * _DIGITS
    return pa.LargeStringArray.from_buffers(keys.shape[1], pa.py_buffer(ends), pa.py_buffer(digits))
