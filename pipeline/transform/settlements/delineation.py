"""Settlements delineated from buildings and from what the map says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.geometry.alpha_complex import mesh
from pipeline.geometry.outline_overlap import Outlines
from pipeline.transform.settlements import osm_places
from pipeline.transform.settlements.assignment import partition
from pipeline.transform.settlements.barriers import barriers, main_streets, streets
from pipeline.transform.settlements.morphology import fabric
from pipeline.transform.settlements.neighbour_graph import crossing
from pipeline.transform.settlements.outlines import outlines

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from pipeline.geometry.arrays import Floats
    from pipeline.transform.settlements.neighbour_graph import Labels, Mask, Points
    from pipeline.wording.spelling import Key

SQUARE_M = 500.0
GAP_M = 100.0
"""A wider gap parts settlements."""
ID_DIGITS, ID_MOST_DIGITS = 3, 7
"""Decimals of the degrees in an identifier: about 100 m, and 1 cm, which no two settlements share."""


@dataclass(frozen=True, slots=True)
class Delineation:
    """Settlements, and the one that each building is in."""

    settlements: gpd.GeoDataFrame
    """settlement_id, area_id, delineation, area_m2, buildings, geometry (metres); also `osm_ids`, the objects that the
    settlement rests on, separated by ";"."""
    membership: pd.Series
    """settlement_id or None, with the index of the buildings given."""
    middles: pd.DataFrame
    """lon and lat (degrees) of the median point of the main buildings, by settlement_id."""


def delineate(
    buildings: gpd.GeoDataFrame,
    layers: Mapping[str, gpd.GeoDataFrame],
    area_id: str,
    listed: Container[Key] = frozenset(),
) -> Delineation:
    """Delineate the settlements of an area.

    See `assignment.partition` for which building belongs where, and `outlines.outlines` for the outlines.

    Parameters
    ----------
    buildings
        Merged buildings, metres; `kind` tells sheds from what counts.
    layers
        OSM layers in the same CRS: places, landuse, roads, railways, waterways.
    area_id
        The area.
    listed
        Names (`spelling.key`) of settlements that are published: one of them counts even with a single building.

    Returns
    -------
    Delineation
        Every building is in one settlement or in none; outlines do not overlap; the order of the inputs' rows changes
        nothing.
    """
    geometry = np.asarray(buildings.geometry.array, dtype=object)
    centres = Outlines.of(geometry).centre
    # Neighbours stand together, which keeps look-ups local.
    order = np.lexsort((*centres.T, *np.floor(centres.T / SQUARE_M)))
    points = centres[order]
    main = buildings["kind"].to_numpy()[order] != "outbuilding"
    area = buildings["footprint_m2"].to_numpy()[order]
    built = fabric(geometry[order], points, area, main)
    found = osm_places.objects(layers, buildings.crs)
    net = mesh(points, GAP_M)
    barred, parted, over = crossing(points, net.links, barriers(layers), streets(layers), main_streets(layers))
    edges, parted, over = net.links[~barred], parted[~barred], over[~barred]
    parts = partition(built, edges, parted, over, net.links, found, listed)
    shapes = outlines(points, net, parts.label, len(parts.delineation), area, main)
    middles = _middles(points, parts.label, main, len(shapes))
    where = gpd.GeoSeries(gpd.points_from_xy(*middles.T), crs=buildings.crs).to_crs("EPSG:4326")
    lat, lon = where.y.to_numpy(), where.x.to_numpy()
    identifiers = _identifiers(lat, lon, area_id)
    settlements = gpd.GeoDataFrame(
        {
            "settlement_id": pd.array(identifiers, dtype="str"),
            "area_id": area_id,
            "delineation": np.array(parts.delineation, dtype=object),
            "osm_ids": [";".join(objects) for objects in parts.objects],
            "area_m2": shapely.area(shapes),
            "buildings": np.bincount(parts.label[parts.label >= 0], minlength=len(shapes)),
        },
        geometry=shapes,
        crs=buildings.crs,
    )
    label = np.empty(len(buildings), dtype=np.int64)
    label[order] = parts.label
    names = np.array([*identifiers, None], dtype=object)
    membership = pd.Series(names[label], index=buildings.index, name="settlement_id", dtype=object)
    at = pd.DataFrame({"lat": lat, "lon": lon}, index=identifiers)
    return Delineation(settlements.sort_values("settlement_id", ignore_index=True), membership, at)


def _middles(points: Points, label: Labels, main: Mask, count: int) -> Points:
    """Return the median point of the main buildings (of all, where there are none) of each settlement."""
    homeless = np.bincount(label[main & (label >= 0)], minlength=count) == 0
    chosen = (label >= 0) & (main | np.append(homeless, False)[label])
    middle = pd.DataFrame(points[chosen]).groupby(label[chosen]).median().reindex(np.arange(count))
    return middle.to_numpy(dtype=float)


def place_id(area_id: str, lat: float, lon: float, digits: int = ID_DIGITS) -> str:
    """Return the identifier that a place (degrees) gives.

    Examples
    --------
    >>> place_id("osh", 40.51432, 72.80009)
    'osh/40.514,72.800'
    """
    return f"{area_id}/{lat:.{digits}f},{lon:.{digits}f}"


def _identifiers(lat: Floats, lon: Floats, area_id: str) -> list[str]:
    """Return the identifier of each settlement: its place in thousandths of a degree, or finer where two are as near.

    It depends on the settlement's own buildings alone, so that the order of the inputs and what changes elsewhere
    leave it as it is.
    """
    out = np.full(len(lat), "", dtype=object)
    left = np.arange(len(lat))
    for digits in range(ID_DIGITS, ID_MOST_DIGITS + 1):
        names = np.array([place_id(area_id, lat[n], lon[n], digits) for n in left.tolist()], dtype=object)
        out[left] = names
        _, first, times = np.unique(names, return_inverse=True, return_counts=True)
        left = left[times[first] > 1] if len(left) else left
    return out.tolist()
