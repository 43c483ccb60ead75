"""Where the inputs are silent: cells of the map that must not be read as "nothing here"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    import numpy.typing as npt

_CELL_M = 500.0
_METRES_PER_DEGREE = 111_320.0
_SAMPLE_M = 50.0
_STREETS = ("residential", "living_street", "unclassified", "service")
_MIN_BUILDINGS = 5
"""Fewer buildings in a cell may by chance be unknown to OpenStreetMap."""
_MIN_STREET_M = 400.0
"""Less street than this may well have no house."""


def cells(buildings: gpd.GeoDataFrame, roads: gpd.GeoDataFrame, bbox: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    """Return the cells of about 500 m in which the inputs contradict or miss each other.

    Parameters
    ----------
    buildings
        Table ``buildings`` (``seen_by``, ``lon``, ``lat``).
    roads
        Context layer ``roads`` (EPSG:4326, ``highway``).
    bbox
        West, south, east, north in degrees.

    Returns
    -------
    GeoDataFrame
        ``reason`` and square ``geometry`` (EPSG:4326). ``osm_missing``: satellites see at least five buildings, and
        OpenStreetMap none, so hazards may be missing there as well; ``buildings_missing``: streets of houses are
        mapped, and no source has a building.
    """
    west, south, east, north = bbox
    step_lat = _CELL_M / _METRES_PER_DEGREE
    step_lon = step_lat / np.cos(np.radians((south + north) / 2))
    shape = (int(np.ceil((north - south) / step_lat)), int(np.ceil((east - west) / step_lon)))

    def count(lon: npt.ArrayLike, lat: npt.ArrayLike) -> npt.NDArray[np.int64]:
        column = np.floor((np.asarray(lon, dtype=float) - west) / step_lon).astype(int)
        row = np.floor((np.asarray(lat, dtype=float) - south) / step_lat).astype(int)
        inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
        flat = np.bincount(row[inside] * shape[1] + column[inside], minlength=shape[0] * shape[1])
        return flat.reshape(shape)

    everything = count(buildings["lon"], buildings["lat"])
    in_osm = buildings[buildings["seen_by"] != "satellite"]
    osm = count(in_osm["lon"], in_osm["lat"])
    streets = count(*_samples(roads).T) * _SAMPLE_M
    reasons = {
        "buildings_missing": (everything == 0) & (streets >= _MIN_STREET_M),
        "osm_missing": (everything >= _MIN_BUILDINGS) & (osm == 0),
    }
    frames = [_squares(np.argwhere(mask), reason, (west, south), (step_lon, step_lat)) for reason, mask in reasons.items()]
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs="EPSG:4326")


def _samples(roads: gpd.GeoDataFrame) -> npt.NDArray[np.float64]:
    """Points about every 50 m along streets of houses, as (n, 2) lon, lat."""
    lines = roads.geometry[roads["highway"].isin(_STREETS)]
    if lines.empty:
        return np.empty((0, 2))
    step = _SAMPLE_M / _METRES_PER_DEGREE
    pieces = shapely.get_parts(lines.to_numpy())
    lengths = shapely.length(pieces)
    counts = np.maximum(1, np.round(lengths / step)).astype(int)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    along = (within + 0.5) / np.repeat(counts, counts)
    return shapely.get_coordinates(shapely.line_interpolate_point(np.repeat(pieces, counts), along, normalized=True))


def _squares(
    where: npt.NDArray[np.intp], reason: str, origin: tuple[float, float], step: tuple[float, float]
) -> gpd.GeoDataFrame:
    west = origin[0] + where[:, 1] * step[0]
    south = origin[1] + where[:, 0] * step[1]
    return gpd.GeoDataFrame(
        {"reason": [reason] * len(where)},
        geometry=shapely.box(west, south, west + step[0], south + step[1]),
        crs="EPSG:4326",
    )
