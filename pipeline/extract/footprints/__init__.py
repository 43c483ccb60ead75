"""Building footprints seen by satellite: Microsoft's and Overture's files, or any file of polygons."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from pipeline.config import FileDetails
from pipeline.declared import catalogue
from pipeline.errors import InputError
from pipeline.extract import gc_pause, local_files
from pipeline.extract.footprints import fields, geojson_lines
from pipeline.extract.footprints.cleaning import OTHER, PARTS, READABLE, UNREADABLE, clean, single
from pipeline.extract.vector import formats
from pipeline.extract.vector.layers import choose, opened
from pipeline.geometry.bbox import overlaps, touches
from pipeline.schema.provenance import Extract, Notice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.config import Area
    from pipeline.geometry.bbox import Box
    from pipeline.schema.provenance import Source

PURPOSE = "building footprints"
_LAYER_WORDS = (
    "build", "house", "footprint", "zdan", "здан", "stroen", "строен", "dom", "дом", "oks", "окс", "имарат", "ғимарат",
)  # fmt: skip
"""Parts of names of layers with buildings, where a file has several."""
_OTHER_WORDS = (
    "parcel", "plot", "участ", "uchast", "zemel", "земел", "landuse", "land_use", "district", "район", "raion",
    "boundar", "границ",
)  # fmt: skip
"""Parts of names of layers with polygons that are no buildings."""
LOCAL = "local_footprints"
"""Dataset of files of which no provider is known."""
ATLAS = "global_building_atlas"
"""Dataset whose outlines are those of others, and whose heights are its own."""
_DATASETS = {"osm": "osm", "microsoft": "microsoft_footprints"}
"""Origins whose licence the catalogue knows, and where it stands there."""
_MAX_DEGREES = 180
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
    """Numbers into `fields.ORIGINS`."""
    use: NDArray[np.object_]
    """Values of OpenStreetMap's key `building`; None: unknown."""
    problems: Counter[str]
    notices: tuple[Notice, ...] = ()


@gc_pause.paused()
def read(paths: Sequence[Path], area: Area, *, dataset: str = "", origin: str = "") -> Extract[gpd.GeoDataFrame]:
    """Read the footprints that touch an area.

    Parameters
    ----------
    paths
        Files of any form that `vector.formats.FORMATS` lists; other coordinate systems than EPSG:4326 are converted.
    area
        Footprints that touch its bbox are taken, whole.
    dataset, origin
        Dataset of all files and who drew all of their footprints, where the caller knows; else the files tell.

    Returns
    -------
    Extract of GeoDataFrame
        ``footprint_id`` (from the location, so it stays from run to run), ``height_m`` and ``confidence`` (NaN:
        unknown), ``origin`` (``microsoft``, ``osm``, ``google``, ``esri`` or ``unknown``), ``building`` (OSM's value;
        missing: unknown), ``source_id`` and ``geometry`` (valid Polygon or MultiPolygon, EPSG:4326), sorted by
        identifier; no footprint twice.

    Raises
    ------
    InputError
        A file is missing, damaged or of another kind, holds no polygons, has several layers of which it cannot be
        told which one is meant, does not say in which coordinate system it is, or has its coordinates swapped.
    """
    parts, sources = [], []
    notices: list[Notice] = []
    counts: Counter[str] = Counter()
    for path in paths:
        local_files.check_exists(path, "footprints", folders=True)
        found = _read(path, area.bbox, area.inputs.details(path))
        found = found._replace(dataset=dataset or found.dataset)
        if found.problems[OTHER] and shapely.is_missing(found.geometry).all():
            msg = f"{path} holds no polygons within the bbox of {area.area_id}, but points or lines; give {PURPOSE}."
            raise InputError(msg)
        found = _rows(found, touches(found.geometry, area.bbox, found.bounds))
        counts[found.dataset] += 1
        source = local_files.source(
            path, area, dataset=found.dataset, number=counts[found.dataset], version="", features=len(found.geometry)
        )
        source = _with_licence(source, found, area)
        notices += found.notices
        notices += [Notice(path.name, code, n) for code, n in sorted(found.problems.items()) if n and code != READABLE]
        if not len(found.geometry):
            notices.append(Notice(path.name, "no_footprint_here", values={"area": area.area_id}))
        sources.append(source)
        parts.append(found)
    data, repeated = table(parts, [source.source_id for source in sources])
    if repeated:
        notices.append(_repeated(repeated))
    return Extract(data.assign(origin=origin) if origin else data, sources, notices)


def read_heights(paths: Sequence[Path], area: Area, *, dataset: str = "") -> Extract[gpd.GeoDataFrame]:
    """Read the heights of polygons that touch an area, as `read` does; those of which none is known are left out.

    Returns
    -------
    Extract of GeoDataFrame
        ``height_m`` (metres, above 0) and ``geometry`` (EPSG:4326).
    """
    found = read(paths, area, dataset=dataset)
    known = found.data[found.data["height_m"] > 0]
    notices = found.notices
    if known.empty:
        notices = [*notices, Notice(paths[0].name, "no_height_here", values={"area": area.area_id})]
    return Extract(known[["height_m", "geometry"]].reset_index(drop=True), found.sources, notices)


def _repeated(count: int) -> Notice:
    return Notice("footprints", "footprint_twice", count)


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


def _with_licence(source: Source, found: Footprints, area: Area) -> Source:
    """Return the provenance of a user's own file with the licences of those who drew what it holds."""
    if found.dataset not in {LOCAL, ATLAS} or area.simulated:
        return source
    known = catalogue.default().sources
    drawn_by = [fields.ORIGINS[number] for number in np.unique(found.origin)]
    specs = [known[_DATASETS[name]] for name in drawn_by if name in _DATASETS]
    if found.dataset == ATLAS:
        specs.insert(0, known[ATLAS])
    if not specs:
        return source
    return replace(
        source,
        licence="; ".join(dict.fromkeys(spec.licence for spec in specs)),
        attribution="; ".join(dict.fromkeys(spec.attribution for spec in specs)),
    )


def _read(path: Path, box: Box, details: FileDetails) -> Footprints:
    """Read a file by what it holds."""
    is_lines = not path.is_dir() and formats.form(path) == formats.LINES and not formats.is_sequence(path)
    if is_lines and details == FileDetails():
        if fields.of_buildings(geojson_lines.properties(path)):
            frame, unreadable = geojson_lines.read_features(path)
            found = from_frame(frame)
            found.problems[UNREADABLE] += unreadable
            _check_place(path, frame.total_bounds, box)
            return found
        parts = geojson_lines.read(path, box)
        geometry, bounds, height, confidence = (np.concatenate([part[column] for part in parts]) for column in range(4))
        origin = np.full(len(geometry), fields.MICROSOFT, dtype=np.int8)
        problems = sum((part.problems for part in parts), Counter())
        extents = np.array([part.extent for part in parts])
        _check_place(path, np.concatenate((_least(extents[:, :2]), -_least(-extents[:, 2:]))), box)
        unknown = np.full(len(geometry), None, dtype=object)
        return Footprints("microsoft_footprints", geometry, bounds, height, confidence, origin, unknown, problems)
    with opened(path) as dataset:
        layer = choose(dataset, _LAYER_WORDS, PURPOSE, details, _OTHER_WORDS)
        frame = layer.read(box, details)
        if frame.empty:
            _check_place(path, layer.extent(details), box)
        found = from_frame(frame)
        return found._replace(notices=tuple(layer.notices))


def _least(values: NDArray[np.float64]) -> NDArray[np.float64]:
    least: NDArray[np.float64] = np.fmin.reduce(values, axis=0)
    return least


def _check_place(path: Path, extent: NDArray[np.float64], box: Box) -> None:
    """Refuse coordinates that are no degrees, or whose order is latitude, longitude."""
    if not np.isfinite(extent).all() or overlaps(extent[None, :], box)[0]:
        return
    west, south, east, north = extent
    if overlaps(np.array([[south, west, north, east]]), box)[0]:
        msg = (
            f"{path} has latitude and longitude swapped (lon, lat was expected; its bounds are "
            f"{[round(float(value), 3) for value in extent]}); swap them and try again."
        )
        raise InputError(msg)
    if np.abs(extent).max() > _MAX_DEGREES:
        msg = (
            f"{path} should be in degrees, but its bounds are {[round(float(value)) for value in extent]}; write its "
            f'coordinate system beside the path: {{ path = "{path.name}", crs = "EPSG:…" }}.'
        )
        raise InputError(msg)


def from_frame(frame: gpd.GeoDataFrame) -> Footprints:
    """Return what is known of polygons in a table (EPSG:4326), as far as its columns are understood (`fields`)."""
    use = fields.uses(frame)
    gone = fields.gone(use)
    frame, use = frame[~gone], use[~gone]
    shapes, rows, split = single(frame.geometry.to_numpy())
    geometry, problems = clean(shapes)
    problems.update({PARTS: split, fields.GONE: int(np.count_nonzero(gone))})
    return Footprints(
        "overture_buildings" if "sources" in frame.columns else ATLAS if fields.of_atlas(frame) else LOCAL,
        geometry,
        shapely.bounds(geometry),
        fields.heights(frame)[rows],
        fields.confidences(frame)[rows],
        fields.origins(frame)[rows],
        use[rows],
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
        use=found.use[rows],
    )


def table(parts: Sequence[Footprints], source_ids: Sequence[str]) -> tuple[gpd.GeoDataFrame, int]:
    """Put footprints together, name them by their location, and drop repeated ones; return also how many those were.

    Parameters
    ----------
    parts
        Valid polygons; of a repeated one the copy in the first part is kept.
    source_ids
        Identifier of the input of each part.
    """
    empty = (np.empty(0, object), np.empty((0, 4)), np.empty(0), np.empty(0), np.empty(0, np.int8), np.empty(0, object))
    geometry, bounds, height, confidence, origin, use = (
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
            "origin": _chosen(fields.ORIGINS, origin[rows]),
            "building": pd.array(pa.array(use[rows], pa.string()), dtype="str"),
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
