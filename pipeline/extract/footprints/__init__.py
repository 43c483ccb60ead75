"""Building footprints seen by satellite: Microsoft's and Overture's files, or any file of polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from shapely import GeometryType

from pipeline.extract import local
from pipeline.extract.areas import valid_areas
from pipeline.extract.footprints import files, lines
from pipeline.extract.selection import touches
from pipeline.provenance import Extract, Notice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.config import Area
    from pipeline.extract.selection import Box

LINES = ("geojsonl", "geojsonl.gz", "geojsons", "csv.gz", "ndjson", "ndjson.gz", "jsonl", "jsonl.gz")
"""Suffixes of GeoJSON lines; Microsoft names them .csv.gz."""
ORIGINS = {
    "openstreetmap": "osm",
    "microsoft ml buildings": "microsoft",
    "google open buildings": "google",
    "esri community maps": "esri",
}
"""Names of datasets, as Overture's column `sources` spells them (lower case), to origins."""
_LINE_ORIGIN = "microsoft"
_MISSING = -1
"""Type that shapely gives for no geometry."""
_ID_DECIMALS = 7
"""Decimals of a degree in an identifier: about a centimetre."""
_LOWEST = -180 * 10**_ID_DECIMALS
"""Least value of a coordinate in those units; counted from it, every coordinate fits into 32 bits."""


class _Read(NamedTuple):
    """Polygons of a file as they were read."""

    dataset: str
    geometry: NDArray[np.object_]
    height_m: NDArray[np.float64]
    confidence: NDArray[np.float64]
    origin: pd.api.extensions.ExtensionArray
    unreadable: int = 0


def read(paths: Sequence[Path], area: Area) -> Extract[gpd.GeoDataFrame]:
    """Read the footprints that touch an area.

    Parameters
    ----------
    paths
        GeoJSON lines (packed or not), GeoJSON, GeoParquet, GeoPackage or FlatGeobuf; other coordinate systems than
        EPSG:4326 are converted.
    area
        Footprints that touch its bbox are taken, whole.

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
    parts: list[gpd.GeoDataFrame] = []
    sources, notices = [], []
    counts: dict[str, int] = {}
    for path in paths:
        local.check_exists(path, "footprints")
        found = _read(path, area.bbox)
        number = counts[found.dataset] = counts.get(found.dataset, 0) + 1
        part, problems = clean(found, area.bbox, local.source_id(found.dataset, area, number))
        sources.append(local.source(path, area, dataset=found.dataset, number=number, version="", features=len(part)))
        notices += [Notice(path.name, what, count) for what, count in problems.items() if count]
        if part.empty:
            notices.append(Notice(path.name, f"holds no footprint within the bbox of {area.area_id}"))
        parts.append(part)
    table, repeated = _united(parts or [_empty()])
    if repeated:
        notices.append(Notice("footprints", "the same footprint came twice and was taken once", repeated))
    return Extract(table, sources, notices)


def _read(path: Path, box: Box) -> _Read:
    """Read a file by its suffix."""
    name = path.name.lower()
    if name.endswith(LINES):
        found = lines.read(path, box)
        geometry = np.concatenate([np.empty(0, dtype=object), *found.geometry])
        origin = _repeated(_LINE_ORIGIN, len(geometry))
        height, confidence = (np.concatenate([np.empty(0), *part]) for part in (found.height, found.confidence))
        return _Read("microsoft_footprints", geometry, height, confidence, origin, found.unreadable)
    frame = (files.read_parquet if name.endswith("parquet") else files.read_vector)(path, box)
    return from_frame(frame)


def from_frame(frame: gpd.GeoDataFrame) -> _Read:
    """Return what is known of polygons in a table; Overture's columns are understood, others are left aside."""
    overture = "sources" in frame.columns
    height = "height" if "height" in frame.columns else "height_m"
    return _Read(
        "overture_buildings" if overture else "local_footprints",
        frame.geometry.to_numpy(),
        _measure(frame, height),
        _measure(frame, "confidence"),
        _origins(frame["sources"]) if overture else _repeated("unknown", len(frame)),
    )


def _measure(frame: gpd.GeoDataFrame, column: str) -> NDArray[np.float64]:
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(values < 0, np.nan, values)


def _origins(sources: pd.Series) -> pd.api.extensions.ExtensionArray:
    """Return the dataset of the first source of each row, which Overture gives for the geometry."""
    names = (str(entry[0].get("dataset", "")).lower() if entry is not None and len(entry) else "" for entry in sources)
    return pd.array([ORIGINS.get(name, "unknown") for name in names], dtype="str")


def clean(found: _Read, box: Box, source_id: str) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Return valid polygons that touch the box, as a table; and counts of what was dropped or repaired."""
    other = ~np.isin(shapely.get_type_id(found.geometry), (_MISSING, GeometryType.POLYGON, GeometryType.MULTIPOLYGON))
    geometry, repaired, dropped = valid_areas(np.where(other, None, found.geometry))
    problems = {
        "a line is no GeoJSON feature and was passed over": found.unreadable,
        "a footprint crosses or touches itself and was repaired": repaired,
        "a footprint is no polygon and was dropped": int(other.sum()),
        "a footprint is empty, has too few points or no area and was dropped": dropped - int(other.sum()),
    }
    kept = np.flatnonzero(touches(geometry, box))
    table = gpd.GeoDataFrame(
        {
            "footprint_id": _repeated("", len(kept)),
            "height_m": found.height_m[kept],
            "confidence": found.confidence[kept],
            "origin": found.origin.take(kept),
            "source_id": _repeated(source_id, len(kept)),
        },
        geometry=geometry[kept],
        crs="EPSG:4326",
    )
    return table, problems


def _empty() -> gpd.GeoDataFrame:
    nothing = _Read("", np.empty(0, dtype=object), np.empty(0), np.empty(0), _repeated("", 0))
    return clean(nothing, (0, 0, 0, 0), "")[0]


def _repeated(text: str, times: int) -> pd.api.extensions.ExtensionArray:
    """Return a text column of one value."""
    return pd.array(pa.repeat(pa.scalar(text), times), dtype="str")


def _united(parts: Sequence[gpd.GeoDataFrame]) -> tuple[gpd.GeoDataFrame, int]:
    """Put the tables together, name the rows by their location, and drop repeated footprints."""
    table = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs="EPSG:4326")
    place = _place(table.geometry.to_numpy())
    # Two columns of 32 bits each make one key: a quarter of the time of sorting by four.
    keys = [(place[:, index] - _LOWEST << 32) | place[:, index + 1] - _LOWEST for index in (0, 2)]
    order = np.lexsort(keys[::-1])
    repeated = np.zeros(len(order), dtype=bool)
    repeated[1:] = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in keys])
    kept = order[~repeated]
    columns = [pc.cast(pa.array(column), pa.string()) for column in place[kept].T]
    labels = pd.array(pc.binary_join_element_wise(*columns, "_"), dtype="str")
    return table.iloc[kept].reset_index(drop=True).assign(footprint_id=labels), int(repeated.sum())


def _place(geometry: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return west, south, width and height in 1e-7 degrees: the same outline has the same four in every run."""
    bounds = np.round(shapely.bounds(geometry) * 10**_ID_DECIMALS).astype(np.int64)
    return np.hstack((bounds[:, :2], bounds[:, 2:] - bounds[:, :2]))
