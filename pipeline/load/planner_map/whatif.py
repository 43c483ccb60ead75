"""What the map's what-if slider works on: every building's distance to the nearest hazard of each class, and the edges.

One binary file, planar and deflated, small enough to travel inside the page: 100,000 buildings and ten classes take
about a megabyte. Buildings are numbered in the order of their ids; the same number is the feature id in the tiles. The
edges are there because a tile ends where it ends: the zone of a hazard in the next tile but one would be missing.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipeline.schema.vocabulary import HOMES

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy.typing as npt
    import pandas as pd
    from pyproj import CRS

BEYOND = 65_535
"""Stored where no hazard of the class is within reach of any rule."""
_EDGE_UNITS_PER_DEGREE = 10_000_000
"""A unit is about a centimetre."""
_EDGE_TOLERANCE_M = 0.05
"""By which an edge may be simplified: a tenth of a pixel at the deepest zoom."""
_LONGEST_SIDE_M = 1_000.0
"""A straight line in metres is bent on the map, by 2 cm over this length; a longer side gets points in between."""


@dataclass(frozen=True, slots=True)
class Section:
    """Where a part of the file lies: `key` is ``buildings``, a hazard class, or ``edge/<hazard class>``."""

    key: str
    offset: int
    length: int


def numbered(buildings: pd.DataFrame) -> pd.DataFrame:
    """Return the buildings in the order of their ids, indexed 0, 1, 2 …: a building's number is its index."""
    return buildings.sort_values("building_id", kind="stable").reset_index(drop=True)


def encode(
    buildings: pd.DataFrame, pairs: pd.DataFrame, settlement_ids: pd.Series, hazards: gpd.GeoDataFrame, projected: CRS
) -> tuple[bytes, list[Section]]:
    """Encode the distances of all buildings, and the edges that they are measured from.

    Parameters
    ----------
    buildings
        Table ``buildings``, as `numbered` returns it.
    pairs
        Table ``building_hazards``.
    settlement_ids
        Ids of the settlements in the order in which the page lists them.
    hazards
        Table ``hazards``.
    projected
        The area's CRS, in which the distances were measured.

    Returns
    -------
    tuple
        The file's bytes, and its sections. ``buildings`` holds two arrays of N unsigned 16-bit numbers: the
        settlement's position plus one (0: in none), and the weight (floor area of a home in m², else 0). A class
        holds one: metres to its nearest hazard, rounded up, so that for any whole limit ``distance <= limit`` gives
        the same answer as on the exact distance. An edge is an array of signed 32-bit numbers: how many parts, the
        number of points of each (negative: a ring around land), then all longitudes and all latitudes in 1e-7 degrees,
        each as the difference to the one before. Arrays are stored as planes, from the low bytes to the high ones.
    """
    edges = hazards.sort_values("hazard_id").to_crs(projected)
    planes = {
        "buildings": _planes(_settlement_numbers(buildings, settlement_ids)) + _planes(_weights(buildings)),
        **{str(key): _planes(_distances(buildings, group)) for key, group in pairs.groupby("hazard_class")},
        **{f"edge/{key}": _planes(_edges(group)) for key, group in edges.groupby("hazard_class")},
    }
    parts, sections, offset = [], [], 0
    for key, plane in planes.items():
        packed = zlib.compress(plane, 9)
        sections.append(Section(key, offset, len(packed)))
        parts.append(packed)
        offset += len(packed)
    return b"".join(parts), sections


def _settlement_numbers(buildings: pd.DataFrame, settlement_ids: pd.Series) -> npt.NDArray[np.uint16]:
    positions = {settlement_id: number + 1 for number, settlement_id in enumerate(settlement_ids)}
    return buildings["settlement_id"].map(positions).fillna(0).to_numpy(dtype=np.uint16)


def _weights(buildings: pd.DataFrame) -> npt.NDArray[np.uint16]:
    floor_m2 = buildings["footprint_m2"] * buildings["levels"].fillna(1).clip(lower=1)
    return floor_m2.where(buildings["kind"].isin(HOMES), 0).round().clip(0, BEYOND).to_numpy(dtype=np.uint16)


def _distances(buildings: pd.DataFrame, group: pd.DataFrame) -> npt.NDArray[np.uint16]:
    nearest = group.groupby("building_id")["distance_m"].min()
    metres = buildings["building_id"].map(nearest).to_numpy(dtype=np.float64, na_value=np.inf)
    return np.where(np.isinf(metres), BEYOND, np.minimum(np.ceil(metres), BEYOND - 1)).astype(np.uint16)


def _edges(hazards: gpd.GeoDataFrame) -> npt.NDArray[np.int32]:
    """Encode the edges of one class, given in metres."""
    simpler = shapely.simplify(hazards.geometry.to_numpy(), _EDGE_TOLERANCE_M)
    drawn = hazards.set_geometry(shapely.segmentize(simpler, _LONGEST_SIDE_M)).to_crs("EPSG:4326")
    # With outer rings turning one way and holes the other, one fill of them all is their union.
    lonlat = shapely.orient_polygons(shapely.get_parts(drawn.geometry.to_numpy()))
    polygonal = shapely.get_dimensions(lonlat) == 2
    rings = shapely.get_rings(lonlat[polygonal])
    lines = np.concatenate([lonlat[~polygonal], rings])
    counts = shapely.get_num_coordinates(lines)
    counts[len(lines) - len(rings) :] *= -1
    units = np.round(shapely.get_coordinates(lines) * _EDGE_UNITS_PER_DEGREE).astype(np.int32)
    steps = np.diff(units, axis=0, prepend=0)
    return np.concatenate([[len(lines)], counts, steps[:, 0], steps[:, 1]]).astype(np.int32)


def _planes(values: npt.NDArray[np.uint16 | np.int32]) -> bytes:
    """Low bytes first, high bytes last: neighbours share their high bytes, which deflates to a third less."""
    ordered = values.astype(values.dtype.newbyteorder("<"))
    return ordered.view(np.uint8).reshape(len(values), values.itemsize).T.tobytes()
