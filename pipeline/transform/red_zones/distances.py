"""Distances from buildings to hazards: all pairs within reach, exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.geometry.distance import pair_distances
from pipeline.schema.keys import among

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from pipeline.declared.catalogue import RedZone
    from pipeline.geometry.arrays import Ints


def reach(zones: Mapping[str, RedZone], country: str) -> dict[str, float]:
    """Return for each class the largest distance that any of its rules asks about in a country, in metres."""
    return {name: zone.reach_m(country) for name, zone in zones.items()}


def distances(buildings: gpd.GeoDataFrame, hazards: gpd.GeoDataFrame, reach: Mapping[str, float]) -> pd.DataFrame:
    """Return the table `building_hazards`: every pair of building and hazard within the reach of the hazard's class.

    Parameters
    ----------
    buildings
        ``building_id``, ``geometry`` (valid polygons, metres).
    hazards
        ``hazard_id``, ``area_id``, ``hazard_class``, ``rule_id``, ``geometry`` (the edge) in the same CRS.
    reach
        Largest distance worth storing for each class, in metres (`reach`).

    Returns
    -------
    DataFrame
        ``area_id, building_id, hazard_id, hazard_class, rule_id, distance_m``, sorted by building and hazard;
        distances are planar, in the CRS given, 0 where footprint and hazard touch or overlap.
    """
    limits = hazards["hazard_class"].map(reach).to_numpy(dtype=np.float64)
    pairs = pair_distances(buildings.geometry.to_numpy(), hazards.geometry.to_numpy(), limits)
    order = np.lexsort((_ranks(hazards["hazard_id"])[pairs.edge], _ranks(buildings["building_id"])[pairs.polygon]))
    building, hazard = pairs.polygon[order], pairs.edge[order]
    columns = {"area_id": hazards, "building_id": buildings, "hazard_id": hazards, "hazard_class": hazards}
    taken = {
        name: frame[name].astype("str").array.take(building if frame is buildings else hazard)
        for name, frame in {**columns, "rule_id": hazards}.items()
    }
    return pd.DataFrame({**taken, "distance_m": pairs.distance[order]})


def _ranks(labels: pd.Series[str]) -> Ints:
    """Return the place of each label in sorted order."""
    ranks = np.arange(len(labels))
    if not labels.is_monotonic_increasing:
        ranks[labels.argsort(kind="stable").to_numpy()] = np.arange(len(labels))
    return ranks


def doubtful(pairs: pd.DataFrame, buildings: gpd.GeoDataFrame, zones: Mapping[str, RedZone]) -> NDArray[np.bool_]:
    """Mark the pairs of a building that may be none: only a satellite shows it, on ground where nobody lives.

    A dump's heaps and an army's shelters look like roofs, and no mapper has said that they are.

    Parameters
    ----------
    pairs
        As `distances` gives them.
    buildings
        ``building_id``, ``seen_by``.
    zones
        The classes of the catalogue; `RedZone.closed_ground` tells such ground.
    """
    closed = [name for name, zone in zones.items() if zone.closed_ground]
    alone = buildings.loc[buildings["seen_by"] == "satellite", "building_id"]
    on_it = (pairs["distance_m"] == 0).to_numpy() & among(pairs["hazard_class"], closed)
    on_it[on_it] = among(pairs["building_id"][on_it], alone)
    return on_it
