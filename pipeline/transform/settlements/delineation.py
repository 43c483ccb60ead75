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
from pipeline.transform.settlements.barriers import barriers, streets
from pipeline.transform.settlements.morphology import fabric
from pipeline.transform.settlements.neighbour_graph import crossing
from pipeline.transform.settlements.outlines import outlines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.transform.settlements.neighbour_graph import Labels

SQUARE_M = 500.0
GAP_M = 100.0
"""A wider gap parts settlements."""


@dataclass(frozen=True, slots=True)
class Delineation:
    """Settlements, and the one that each building is in."""

    settlements: gpd.GeoDataFrame
    """settlement_id, area_id, delineation, area_m2, buildings, geometry (metres); also `osm_ids`, the objects that the
    settlement rests on, separated by ";"."""
    membership: pd.Series
    """settlement_id or None, with the index of the buildings given."""


def delineate(buildings: gpd.GeoDataFrame, layers: Mapping[str, gpd.GeoDataFrame], area_id: str) -> Delineation:
    """Delineate the settlements of an area.

    See `partition.partition` for which building belongs where, and `outlines.outlines` for the outlines.

    Parameters
    ----------
    buildings
        Merged buildings, metres; `kind` tells sheds from what counts.
    layers
        OSM layers in the same CRS: places, landuse, roads, railways, waterways.
    area_id
        The area.

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
    edges = net.links[~crossing(points, net.links, barriers(layers))]
    parts = partition(built, edges, crossing(points, edges, streets(layers)), found)
    shapes = outlines(points, net, parts.label, len(parts.delineation), area, main)
    rank, identifiers = _numbered(shapes, area_id)
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
    return Delineation(settlements.iloc[rank].reset_index(drop=True), membership)


def _numbered(shapes: NDArray[np.object_], area_id: str) -> tuple[Labels, list[str]]:
    """Return the order from north-west to south-east, and the identifier of each settlement."""
    x, y = shapely.get_coordinates(shapely.centroid(shapes)).T
    rank = np.lexsort((x, -y, np.round(x - y, 3)))
    number = np.empty(len(shapes), dtype=np.int64)
    number[rank] = np.arange(1, len(shapes) + 1)
    return rank, [f"{area_id}/s{n:04d}" for n in number.tolist()]
