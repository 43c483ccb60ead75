"""Building footprints seen by satellite: Microsoft's and Overture's files, or any file of polygons."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from pipeline.extract import collector, local
from pipeline.extract.footprints import files, lines
from pipeline.extract.footprints.cleaning import READABLE, clean
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
_LOWEST = -180 * 10**_ID_DECIMALS
"""Least value of a coordinate in those units; counted from it, every coordinate fits into 32 bits."""


class Footprints(NamedTuple):
    """Polygons as they were read, made valid; None where one was dropped and counted."""

    dataset: str
    geometry: NDArray[np.object_]
    height_m: NDArray[np.float64]
    confidence: NDArray[np.float64]
    origin: NDArray[np.object_]
    problems: Counter[str]


@collector.paused()
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
    parts, sources, notices = [], [], []
    counts: Counter[str] = Counter()
    for path in paths:
        local.check_exists(path, "footprints")
        found = _read(path, area.bbox)
        found = _rows(found, touches(found.geometry, area.bbox))
        counts[found.dataset] += 1
        source = local.source(
            path, area, dataset=found.dataset, number=counts[found.dataset], version="", features=len(found.geometry)
        )
        notices += [Notice(path.name, what, n) for what, n in sorted(found.problems.items()) if n and what != READABLE]
        if not len(found.geometry):
            notices.append(Notice(path.name, f"holds no footprint within the bbox of {area.area_id}"))
        sources.append(source)
        parts.append(found)
    data, repeated = table(parts, [source.source_id for source in sources])
    if repeated:
        notices.append(Notice("footprints", "the same footprint came twice and was taken once", repeated))
    return Extract(data, sources, notices)


def _read(path: Path, box: Box) -> Footprints:
    """Read a file by its suffix."""
    name = path.name.lower()
    if name.endswith(LINES):
        parts = lines.read(path, box)
        geometry, height, confidence = (np.concatenate([part[column] for part in parts]) for column in range(3))
        origin = np.full(len(geometry), _LINE_ORIGIN, dtype=object)
        problems = sum((part.problems for part in parts), Counter())
        return Footprints("microsoft_footprints", geometry, height, confidence, origin, problems)
    return from_frame((files.read_parquet if name.endswith("parquet") else files.read_vector)(path, box))


def from_frame(frame: gpd.GeoDataFrame) -> Footprints:
    """Return what is known of polygons in a table (EPSG:4326); of columns, Overture's names are understood."""
    overture = "sources" in frame.columns
    geometry, problems = clean(frame.geometry.to_numpy())
    return Footprints(
        "overture_buildings" if overture else "local_footprints",
        geometry,
        _measure(frame, "height" if "height" in frame.columns else "height_m"),
        _measure(frame, "confidence"),
        _origins(frame["sources"]) if overture else np.full(len(frame), "unknown", dtype=object),
        problems,
    )


def _rows(found: Footprints, chosen: NDArray[np.bool_]) -> Footprints:
    rows = np.flatnonzero(chosen)
    columns = (found.geometry[rows], found.height_m[rows], found.confidence[rows], found.origin[rows])
    return Footprints(found.dataset, *columns, found.problems)


def _measure(frame: gpd.GeoDataFrame, column: str) -> NDArray[np.float64]:
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(values < 0, np.nan, values)


def _origins(sources: pd.Series) -> NDArray[np.object_]:
    """Return the dataset of the first source of each row, which Overture gives for the geometry."""
    names = (str(entry[0].get("dataset", "")).lower() if entry is not None and len(entry) else "" for entry in sources)
    return np.array([ORIGINS.get(name, "unknown") for name in names], dtype=object)


def table(parts: Sequence[Footprints], source_ids: Sequence[str]) -> tuple[gpd.GeoDataFrame, int]:
    """Put footprints together, name them by their location, and drop repeated ones; return also how many those were.

    Parameters
    ----------
    parts
        Valid polygons; of a repeated one the copy in the first part is kept.
    source_ids
        Identifier of the input of each part.
    """
    geometry, height, confidence, origin = (
        np.concatenate([np.empty(0, dtype=dtype), *(part[column] for part in parts)])
        for column, dtype in enumerate((object, float, float, object), start=1)
    )
    place = _place(geometry)
    # Two columns of 32 bits each make one key: a quarter of the time of sorting by four.
    keys = [(place[:, index] - _LOWEST << 32) | place[:, index + 1] - _LOWEST for index in (0, 2)]
    order = np.lexsort(keys[::-1])
    repeated = np.zeros(len(order), dtype=bool)
    repeated[1:] = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in keys])
    rows = order[~repeated]
    labels = [pc.cast(pa.array(column), pa.string()) for column in place[rows].T]
    number = np.repeat(np.arange(len(parts)), [len(part.geometry) for part in parts])[rows]
    data = gpd.GeoDataFrame(
        {
            "footprint_id": pd.array(pc.binary_join_element_wise(*labels, "_"), dtype="str"),
            "height_m": height[rows],
            "confidence": confidence[rows],
            "origin": _text(origin[rows]),
            "source_id": pd.array(pa.array(source_ids, pa.string()).take(pa.array(number)), dtype="str"),
        },
        geometry=geometry[rows],
        crs="EPSG:4326",
    )
    return data, int(repeated.sum())


def _text(values: NDArray[np.object_]) -> pd.api.extensions.ExtensionArray:
    column: pd.api.extensions.ExtensionArray = pd.array(pa.array(values, pa.string()), dtype="str")
    return column


def _place(geometry: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return west, south, width and height in 1e-7 degrees: the same outline has the same four in every run."""
    bounds = np.round(shapely.bounds(geometry) * 10**_ID_DECIMALS).astype(np.int64)
    return np.hstack((bounds[:, :2], bounds[:, 2:] - bounds[:, :2]))
