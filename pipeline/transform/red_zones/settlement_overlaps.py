"""The table `red_zone_overlaps`: what of each settlement lies in each red zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from pipeline.geometry.shared_area import Regions, shared_areas
from pipeline.schema.keys import among, positions

if TYPE_CHECKING:
    import geopandas as gpd

_KEY = ["settlement_id", "rule_id"]
_WEIGHT = {"inside": 1.0, "statutory": 1.0, "proxy": 0.75, "advisory": 0.5}
"""How much of a legal limit each kind of rule is: advisory ones restrict heights or ask for an agreement."""


def overlaps(
    buildings: gpd.GeoDataFrame,
    settlements: gpd.GeoDataFrame,
    hazards: gpd.GeoDataFrame,
    building_hazards: pd.DataFrame,
    zones: gpd.GeoDataFrame,
) -> pd.DataFrame:
    """Return the table `red_zone_overlaps`: a row per settlement and rule whose zone reaches into it.

    Parameters
    ----------
    buildings
        ``building_id``, ``settlement_id`` (None: in no settlement), ``home``, ``geometry``.
    settlements
        ``settlement_id``, ``area_id``, ``geometry``.
    hazards
        The table `hazards` with its working columns: ``hazard_id``, ``rule_id``, ``hazard_class``, ``assumed``,
        ``kind``, ``distance_m``, ``geometry`` (the edge).
    building_hazards
        ``building_id``, ``hazard_id``, ``rule_id``, ``distance_m`` (`distances`).
    zones
        ``rule_id``, ``geometry`` (`zone_polygons`). All geometries are valid, in one projected CRS, in metres.

    Returns
    -------
    DataFrame
        Sorted by settlement and rule. A building counts where its distance is at most the rule's; ``buildings_m2`` is
        the footprint area inside the zone, ``overlap_m2`` the settlement's land inside it, ``overlap_share`` that land
        over all of its land, ``nearest_m`` the least distance of any of its buildings to such a hazard (to the
        outline, where it has none). ``assumed``: any hazard of the rule that lies within its distance is assumed.

    Notes
    -----
    ``severity`` = w · Σ cᵢ / n over all n buildings of the settlement, with the closeness cᵢ = 1 - d / (2 D) of a
    building at distance d ≤ D of the nearest hazard under the rule (1 inside the hazard, 1/2 at the edge of the zone),
    0 beyond, and w = 1 for rules of kind inside and statutory, 3/4 for proxies, 1/2 for advisory ones. So it is 0
    where no building is in the zone, and 1 where all stand inside the hazard itself. Where D = 0, cᵢ is 1 or 0.
    """
    rules = hazards.drop_duplicates("rule_id").set_index("rule_id")[["hazard_class", "kind", "distance_m"]]
    counted = _counts(buildings, building_hazards, rules)
    regions = Regions.of(zones.geometry.to_numpy())
    land = _areas(settlements, "settlement_id", zones, regions, "overlap_m2")
    table = counted.merge(land, on=_KEY, how="outer")
    reached = buildings[among(buildings["settlement_id"], table["settlement_id"])]
    table = table.merge(_areas(reached, "building_id", zones, regions, "buildings_m2"), on=_KEY, how="left")
    table = table.merge(_assumptions(settlements, hazards), on=_KEY, how="left")
    fill = {"buildings": 0, "homes": 0, "buildings_m2": 0.0, "overlap_m2": 0.0, "closeness": 0.0, "assumed": False}
    table = table.fillna(fill).infer_objects()
    table = table[(table["buildings"] > 0) | (table["overlap_m2"] > 0)]
    return _with_nearest(_with_shares(table, buildings, settlements, rules), buildings, settlements, hazards)


def _counts(buildings: gpd.GeoDataFrame, building_hazards: pd.DataFrame, rules: pd.DataFrame) -> pd.DataFrame:
    """Return buildings, homes, closeness and nearest_m for each settlement and rule with a building in reach."""
    buildings = buildings.sort_values("building_id")  # closeness is added up in this order, whatever that of the input
    building = positions(building_hazards["building_id"], buildings["building_id"])
    pairs = building_hazards[["rule_id", "distance_m"]].assign(building=building)[building >= 0]
    # Where no building lies in a settlement, the column has no type of its own.
    pairs["settlement_id"] = buildings["settlement_id"].astype("str").array.take(pairs["building"])
    nearest = pairs.dropna(subset=["settlement_id"]).groupby([*_KEY, "building"], sort=True)["distance_m"].min()
    each = nearest.rename("nearest_m").reset_index()
    limit = each["rule_id"].map(rules["distance_m"]).to_numpy()
    each["within"] = each["nearest_m"] <= limit
    each["home"] = each["within"] & buildings["home"].to_numpy()[each["building"]]
    each["closeness"] = np.where(each["within"], 1 - each["nearest_m"] / np.where(limit > 0, 2 * limit, 1), 0.0)
    return each.groupby(_KEY, sort=True, as_index=False).agg(
        buildings=("within", "sum"),
        homes=("home", "sum"),
        closeness=("closeness", "sum"),
        nearest_m=("nearest_m", "min"),
    )


def _assumptions(settlements: gpd.GeoDataFrame, hazards: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return, for each settlement and rule, whether any hazard whose zone reaches it is assumed."""
    hazard, settlement = shapely.STRtree(settlements.geometry.to_numpy()).query(
        hazards.geometry.to_numpy(), predicate="dwithin", distance=hazards["distance_m"].to_numpy()
    )
    reached = pd.DataFrame(
        {
            "settlement_id": settlements["settlement_id"].array.take(settlement),
            "rule_id": hazards["rule_id"].array.take(hazard),
            "assumed": hazards["assumed"].to_numpy()[hazard],
        }
    )
    return reached.groupby(_KEY, sort=True)[["assumed"]].max().reset_index()


def _areas(shapes: gpd.GeoDataFrame, key: str, zones: gpd.GeoDataFrame, regions: Regions, name: str) -> pd.DataFrame:
    """Return the area that the shapes of each settlement share with each rule's zone."""
    shapes = shapes.sort_values(key)
    shared = shared_areas(shapes.geometry.to_numpy(), regions)
    rows = pd.DataFrame(
        {
            "settlement_id": shapes["settlement_id"].array.take(shared.shape),
            "rule_id": zones["rule_id"].array.take(shared.region),
            name: shared.area,
        }
    )
    return rows.groupby(_KEY, sort=True)[[name]].sum().reset_index()


def _with_shares(
    table: pd.DataFrame, buildings: gpd.GeoDataFrame, settlements: gpd.GeoDataFrame, rules: pd.DataFrame
) -> pd.DataFrame:
    """Add area, class, share and severity."""
    land = settlements.set_index("settlement_id")
    # Columns of a table without rows have no type of their own.
    whole = table["settlement_id"].map(land.geometry.area).astype("float64")
    weight = table["rule_id"].map(rules["kind"]).map(_WEIGHT).astype("float64")
    size = table["settlement_id"].map(buildings["settlement_id"].value_counts())
    # An intersection can exceed the whole by a rounding error.
    overlap = np.minimum(table["overlap_m2"], whole)
    return table.assign(
        area_id=table["settlement_id"].map(land["area_id"]),
        hazard_class=table["rule_id"].map(rules["hazard_class"]),
        buildings=table["buildings"].astype("int64"),
        homes=table["homes"].astype("int64"),
        assumed=table["assumed"].astype(bool),
        overlap_m2=overlap,
        overlap_share=overlap / whole,
        severity=weight * table["closeness"] / size.astype("float64").fillna(1),
    ).drop(columns="closeness")


def _with_nearest(
    table: pd.DataFrame, buildings: gpd.GeoDataFrame, settlements: gpd.GeoDataFrame, hazards: gpd.GeoDataFrame
) -> pd.DataFrame:
    """Add the nearest distances where they lie beyond the reach: the zone covers land, but nears no building."""
    table = table.sort_values(_KEY, ignore_index=True)
    for row in np.flatnonzero(table["nearest_m"].isna()).tolist():
        settlement, rule = table.loc[row, "settlement_id"], table.loc[row, "rule_id"]
        shapes = buildings.geometry.to_numpy()[(buildings["settlement_id"] == settlement).to_numpy()]
        if not len(shapes):
            shapes = settlements.geometry.to_numpy()[(settlements["settlement_id"] == settlement).to_numpy()]
        edges = shapely.STRtree(hazards.geometry.to_numpy()[(hazards["rule_id"] == rule).to_numpy()])
        _, distance = edges.query_nearest(shapes, all_matches=False, return_distance=True)
        table.loc[row, "nearest_m"] = distance.min()
    return table
