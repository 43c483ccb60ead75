"""What the map reckons with: points, homes and distances of all buildings, edges of hazards, draws of people, coverage.

One binary file, planar and deflated, small enough to travel inside the page: 100,000 buildings take two or three
megabytes. Buildings are numbered in the order of their ids; the same number is the feature id in the tiles. Points and
edges are there because a tile rounds both, and ends where it ends: the zone of a hazard in the next tile but one would
be missing.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from pipeline.schema.draws import KEPT, home_floor_m2
from pipeline.schema.keys import positions
from pipeline.schema.vocabulary import CODES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    import numpy.typing as npt
    import pandas as pd
    from pyproj import CRS

    Ints = npt.NDArray[np.int32]

UNITS_PER_DEGREE = 10_000_000
"""A unit of a coordinate is about a centimetre."""
PEOPLE = ("residents", "unregistered")
"""The quantities whose draws the page has."""
_MOST_FLOOR = 65_535
_EDGE_TOLERANCE_M = 0.05
"""By which an edge may be simplified: a tenth of a pixel at the deepest zoom."""
_LONGEST_SIDE_M = 1_000.0
"""A straight line in metres is bent on the map, by 2 cm over this length; a longer side gets points in between."""


@dataclass(frozen=True, slots=True)
class Section:
    """Where a part of the file lies; `encode` says which keys there are."""

    key: str
    offset: int
    length: int


def numbered(buildings: pd.DataFrame) -> pd.DataFrame:
    """Return the buildings in the order of their ids, indexed 0, 1, 2 …: a building's number is its index."""
    return buildings.sort_values("building_id", kind="stable").reset_index(drop=True)


def in_order(hazards: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the hazards as the page lists them, class by class in the order of their ids."""
    return hazards.sort_values(["hazard_class", "hazard_id"], kind="stable").reset_index(drop=True)


def encode(tables: Mapping[str, Any], rule_ids: Sequence[str], projected: CRS) -> tuple[bytes, list[Section]]:
    """Encode everything that the page reckons with.

    Parameters
    ----------
    tables
        The area's rows of ``buildings``, ``building_hazards``, ``settlements``, ``hazards``, ``red_zone_rules``,
        ``population_draws`` and ``coverage``, EPSG:4326.
    rule_ids
        The rules in the order in which the page lists them.
    projected
        The area's CRS, in which the distances were measured.

    Returns
    -------
    tuple
        The file's bytes, and its sections, each of them signed 32-bit numbers:

        ``buildings``
            Four arrays of N numbers: the settlement's position plus one (0: in none), floor area of homes in m²
            (`home_floor_m2`), position of the kind in the vocabulary, and the footprint in m².
        ``first_seen``
            The year in which rasters first show the place of each building built up; 0: none does.
        ``points``
            N longitudes and N latitudes in 1e-7 degrees, each as the difference to the one before.
        ``rules``
            For each rule as many numbers as N bits need; bit k of number j: building 32 j + k is within its distance.
        ``pairs/<class>``
            How many hazards, the number of pairs of each, the buildings of all pairs, ascending for each hazard, as
            the difference to the one before, and their distances in metres, rounded up, so that for any whole limit
            ``distance <= limit`` gives the same answer as on the exact distance.
        ``edge/<class>``
            How many hazards, the number of parts of each, the number of points of each part (negative: a ring around
            land), then all longitudes and all latitudes as in ``points``.
        ``outlines``
            The settlements in the order of their ids, as if each were a hazard of a class ``edge``.
        ``draws``
            How many places, then for each quantity of `PEOPLE` and each place its draws; -1 where there are none. The
            places are the settlements in the order of their ids, and the houses in none.
        ``cells``
            The cells of the table ``coverage``, as if each were a hazard of a class ``edge``.
        ``coverage``
            For each of them 1 (inhabited) + 2 (mapped) + 4 (known to OpenStreetMap).

        Numbers are stored as planes, from the low bytes to the high ones: neighbours share their high bytes.
    """
    buildings = numbered(tables["buildings"])
    settlement_ids = tables["settlements"]["settlement_id"].sort_values().tolist()
    # What may be no building stands nowhere (transform/red_zones/binding.py).
    pairs = tables["building_hazards"].query("~doubtful")
    pairs = pairs.assign(number=positions(pairs["building_id"], buildings["building_id"]))
    hazards = in_order(tables["hazards"])
    cells = tables["coverage"].sort_values("cell_id")
    by_class = dict(iter(hazards.to_crs(projected).groupby("hazard_class")))
    near = dict(iter(pairs.groupby("hazard_class")))
    arrays: dict[str, Ints] = {
        "buildings": _homes(buildings, settlement_ids),
        "first_seen": buildings["first_seen_year"].to_numpy(dtype=np.int32, na_value=0),
        "points": _deltas(_units(buildings[["lon", "lat"]].to_numpy())),
        "rules": _within(pairs, tables["red_zone_rules"], rule_ids, len(buildings)),
        **{f"pairs/{key}": _pairs(near.get(key, pairs[:0]), group["hazard_id"]) for key, group in by_class.items()},
        **{f"edge/{key}": _edges(group) for key, group in by_class.items()},
        "outlines": _edges(tables["settlements"].sort_values("settlement_id").to_crs(projected)),
        "draws": _draws(tables["population_draws"], settlement_ids),
        "cells": _edges(cells.to_crs(projected)),
        "coverage": _flags(cells),
    }
    parts, sections, offset = [], [], 0
    for key, values in arrays.items():
        packed = zlib.compress(_planes(values), 7)  # 9 takes six times as long for half a percent
        sections.append(Section(key, offset, len(packed)))
        parts.append(packed)
        offset += len(packed)
    return b"".join(parts), sections


def _homes(buildings: pd.DataFrame, settlement_ids: Sequence[str]) -> Ints:
    positions = {settlement_id: number + 1 for number, settlement_id in enumerate(settlement_ids)}
    settlement = buildings["settlement_id"].map(positions).fillna(0).to_numpy(dtype=np.int32)
    footprint = buildings["footprint_m2"].to_numpy(dtype=np.float64)
    levels = buildings["levels"].to_numpy(dtype=np.float64, na_value=np.nan)
    floor = home_floor_m2(buildings["kind"].to_numpy(dtype=str), footprint, levels)
    kinds = {kind: number for number, kind in enumerate(CODES["building_kind"])}
    # A home has at least a square metre, so that none is lost.
    floor = np.where(floor > 0, np.clip(np.round(floor), 1, _MOST_FLOOR), 0)
    kind = buildings["kind"].map(kinds).to_numpy(dtype=np.int32)
    return np.concatenate([settlement, floor, kind, np.round(footprint)]).astype(np.int32)


def _units(lonlat: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.round(lonlat * UNITS_PER_DEGREE).astype(np.int64)


def _deltas(units: npt.NDArray[np.int64]) -> Ints:
    return np.diff(units, axis=0, prepend=0).T.ravel().astype(np.int32)


def _within(pairs: pd.DataFrame, rules: pd.DataFrame, rule_ids: Sequence[str], count: int) -> Ints:
    """Return a bit for each rule and building."""
    rule = positions(pairs["rule_id"], rules["rule_id"])
    limits = rules["distance_m"].to_numpy(dtype=float)[rule]
    rows = positions(pairs["rule_id"], rule_ids)
    near = (pairs["distance_m"].to_numpy() <= limits) & (rows >= 0) & (rule >= 0)
    words = -(-count // 32)
    bits = np.zeros((len(rule_ids), words * 32), dtype=bool)
    bits[rows[near], pairs["number"].to_numpy()[near]] = True
    return np.packbits(bits, axis=1, bitorder="little").reshape(-1).view("<i4").astype(np.int32)


def _pairs(pairs: pd.DataFrame, hazard_ids: pd.Series) -> Ints:
    known = pairs.assign(place=positions(pairs["hazard_id"], hazard_ids)).sort_values(
        ["place", "number"], kind="stable"
    )
    counts = np.bincount(known["place"].to_numpy(), minlength=len(hazard_ids))
    steps = np.diff(known["number"].to_numpy(), prepend=0)
    metres = np.ceil(known["distance_m"].to_numpy(dtype=np.float64))
    return np.concatenate([[len(hazard_ids)], counts, steps, metres]).astype(np.int32)


def _edges(hazards: gpd.GeoDataFrame) -> Ints:
    """Encode the edges of one class, given in metres."""
    simpler = shapely.simplify(hazards.geometry.to_numpy(), _EDGE_TOLERANCE_M)
    drawn = hazards.set_geometry(shapely.segmentize(simpler, _LONGEST_SIDE_M)).to_crs("EPSG:4326")
    parts, hazard = shapely.get_parts(drawn.geometry.to_numpy(), return_index=True)
    # With outer rings turning one way and holes the other, one fill of them all is their union.
    lonlat = shapely.orient_polygons(parts)
    polygonal = shapely.get_dimensions(lonlat) == 2
    rings, polygon = shapely.get_rings(lonlat[polygonal], return_index=True)
    lines = np.concatenate([lonlat[~polygonal], rings])
    owner = np.concatenate([hazard[~polygonal], hazard[polygonal][polygon]]).astype(np.int64)
    counts = shapely.get_num_coordinates(lines)
    counts[len(lines) - len(rings) :] *= -1
    order = np.argsort(owner, kind="stable")
    of_each = np.bincount(owner, minlength=len(hazards))
    steps = _deltas(_units(shapely.get_coordinates(lines[order])))
    return np.concatenate([[len(hazards)], of_each, counts[order], steps]).astype(np.int32)


def _draws(draws: pd.DataFrame, settlement_ids: Sequence[str]) -> Ints:
    places = {settlement_id: number for number, settlement_id in enumerate(settlement_ids)}
    table = np.full((len(PEOPLE), len(settlement_ids) + 1, KEPT), -1, dtype=np.int32)
    for settlement_id, quantity, values in draws[["settlement_id", "quantity", "draws"]].itertuples(index=False):
        place = places.get(settlement_id, len(settlement_ids))
        if quantity in PEOPLE:
            table[PEOPLE.index(quantity), place] = values
    return np.concatenate([[len(settlement_ids) + 1], table.ravel()]).astype(np.int32)


def _flags(cells: gpd.GeoDataFrame) -> Ints:
    flags = cells["inhabited"] + 2 * cells["mapped"].astype(int) + 4 * cells["osm_mapped"].astype(int)
    return np.asarray(flags, dtype=np.int32)


def _planes(values: Ints) -> bytes:
    ordered = values.astype(values.dtype.newbyteorder("<"))
    return ordered.view(np.uint8).reshape(len(values), values.itemsize).T.tobytes()
