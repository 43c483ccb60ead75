"""The numbers behind the map's what-if slider: for every building the distance to the nearest hazard of each class.

One binary file, planar and deflated, small enough to travel inside the page: 100,000 buildings and ten classes take
about a megabyte. Buildings are numbered in the order of their ids; the same number is the feature id in the tiles.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

BEYOND = 65_535
"""Stored where no hazard of the class is within reach of any rule."""
DWELLINGS = ("house", "apartments", "unknown")
"""Kinds of building that people may live in; the others carry no weight."""


@dataclass(frozen=True, slots=True)
class Section:
    """Where a part of the file lies: `key` is ``buildings`` or a hazard class."""

    key: str
    offset: int
    length: int


def numbered(buildings: pd.DataFrame) -> pd.DataFrame:
    """Return the buildings in the order of their ids, indexed 0, 1, 2 …: a building's number is its index."""
    return buildings.sort_values("building_id", kind="stable").reset_index(drop=True)


def encode(buildings: pd.DataFrame, pairs: pd.DataFrame, settlement_ids: pd.Series) -> tuple[bytes, list[Section]]:
    """Encode the distances of all buildings.

    Parameters
    ----------
    buildings
        Table ``buildings``, as `numbered` returns it.
    pairs
        Table ``building_hazards``.
    settlement_ids
        Ids of the settlements in the order in which the page lists them.

    Returns
    -------
    tuple
        The file's bytes, and its sections. ``buildings`` holds two arrays of N unsigned 16-bit numbers: the
        settlement's position plus one (0: in none), and the weight (floor area of a dwelling in m², else 0). A class
        holds one: metres to its nearest hazard, rounded up, so that for any whole limit ``distance <= limit`` gives
        the same answer as on the exact distance. Arrays are stored as a plane of low and a plane of high bytes.
    """
    planes = {
        "buildings": _planes(_settlement_numbers(buildings, settlement_ids)) + _planes(_weights(buildings)),
        **{str(key): _planes(_distances(buildings, group)) for key, group in pairs.groupby("hazard_class")},
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
    dwelling = buildings["kind"].isin(DWELLINGS)
    return floor_m2.where(dwelling, 0).round().clip(0, BEYOND).to_numpy(dtype=np.uint16)


def _distances(buildings: pd.DataFrame, group: pd.DataFrame) -> npt.NDArray[np.uint16]:
    nearest = group.groupby("building_id")["distance_m"].min()
    metres = buildings["building_id"].map(nearest).to_numpy(dtype=np.float64, na_value=np.inf)
    return np.where(np.isinf(metres), BEYOND, np.minimum(np.ceil(metres), BEYOND - 1)).astype(np.uint16)


def _planes(values: npt.NDArray[np.uint16]) -> bytes:
    """Low bytes, then high bytes: neighbours share their high bytes, which deflates to a third less."""
    return (values & 0xFF).astype(np.uint8).tobytes() + (values >> 8).astype(np.uint8).tobytes()
