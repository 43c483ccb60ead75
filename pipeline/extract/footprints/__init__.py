"""Building footprints seen by satellite: Microsoft's and Overture's files, or any file of polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

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
_ID_DECIMALS = 7
"""Decimals of a degree in an identifier: about a centimetre."""


class _Read(NamedTuple):
    """Polygons of a file as they were read."""

    dataset: str
    geometry: NDArray[np.object_]
    height_m: NDArray[np.float64]
    confidence: NDArray[np.float64]
    origin: NDArray[np.object_]
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
    parts, sources, notices = [_empty()], [], []
    counts: dict[str, int] = {}
    for path in paths:
        local.check_exists(path, "footprints")
        found = _read(path, area.bbox)
        number = counts[found.dataset] = counts.get(found.dataset, 0) + 1
        part, problems = clean(found, area.bbox, local.source_id(found.dataset, area, number))
        sources.append(
            local.source(path, area, dataset=found.dataset, number=number, version="", features=len(part))
        )
        notices += [Notice(path.name, what, count) for what, count in problems.items() if count]
        if part.empty:
            notices.append(Notice(path.name, f"holds no footprint within the bbox of {area.area_id}"))
        parts.append(part)
    table, repeated = _united(parts)
    if repeated:
        notices.append(Notice("footprints", "the same footprint came twice and was taken once", repeated))
    return Extract(table, sources, notices)


def _read(path: Path, box: Box) -> _Read:
    """Read a file by its suffix."""
    name = path.name.lower()
    if name.endswith(LINES):
        found = lines.read(path, box)
        geometry = np.concatenate([np.empty(0, dtype=object), *found.geometry])
        origin = np.full(len(geometry), _LINE_ORIGIN, dtype=object)
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
        _origins(frame["sources"]) if overture else np.full(len(frame), "unknown", dtype=object),
    )


def _measure(frame: gpd.GeoDataFrame, column: str) -> NDArray[np.float64]:
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(values < 0, np.nan, values)


def _origins(sources: pd.Series) -> NDArray[np.object_]:
    """Return the dataset of the first source of each row, which Overture gives for the geometry."""
    names = (str(entry[0].get("dataset", "")).lower() if entry is not None and len(entry) else "" for entry in sources)
    return np.array([ORIGINS.get(name, "unknown") for name in names], dtype=object)


def clean(found: _Read, box: Box, source_id: str) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Return valid polygons that touch the box, as a table; and counts of what was dropped or repaired."""
    areal = np.isin(shapely.get_type_id(found.geometry), (-1, 3, 6))
    geometry, repaired, dropped = valid_areas(found.geometry)
    problems = {
        "a line is no GeoJSON feature and was passed over": found.unreadable,
        "a footprint crosses or touches itself and was repaired": repaired,
        "a footprint is no polygon and was dropped": int(np.count_nonzero(~areal)),
        "a footprint is empty, has too few points or no area and was dropped": dropped
        - int(np.count_nonzero(~areal)),
    }
    kept = np.flatnonzero(touches(geometry, box))
    table = gpd.GeoDataFrame(
        {
            "footprint_id": pd.array([""] * len(kept), dtype="str"),
            "height_m": found.height_m[kept],
            "confidence": found.confidence[kept],
            "origin": pd.array(found.origin[kept], dtype="str"),
            "source_id": pd.array([source_id] * len(kept), dtype="str"),
        },
        geometry=geometry[kept],
        crs="EPSG:4326",
    )
    return table, problems


def _empty() -> gpd.GeoDataFrame:
    nothing = np.empty(0, dtype=object)
    return clean(_Read("", nothing, np.empty(0), np.empty(0), nothing), (0, 0, 0, 0), "")[0]


def _united(parts: Sequence[gpd.GeoDataFrame]) -> tuple[gpd.GeoDataFrame, int]:
    """Put the tables together, name the rows by their location, and drop repeated footprints."""
    table = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs="EPSG:4326")
    key = identifiers(table.geometry.to_numpy())
    order = np.lexsort((table["source_id"].to_numpy(), key))
    table = table.assign(footprint_id=pd.array(key, dtype="str")).iloc[order]
    repeated = table["footprint_id"].duplicated()
    return table[~repeated].reset_index(drop=True), int(repeated.sum())


def identifiers(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return an identifier for each polygon from its bounds: the same outline has the same one in every run."""
    bounds = np.round(shapely.bounds(geometry) * 10**_ID_DECIMALS).astype(np.int64)
    centre = bounds[:, :2]
    size = bounds[:, 2:] - centre
    columns = (*centre.T.tolist(), *size.T.tolist())
    return np.array([f"{x}_{y}_{width}_{height}" for x, y, width, height in zip(*columns, strict=True)], dtype=object)
