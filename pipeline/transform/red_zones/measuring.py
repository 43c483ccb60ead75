"""Everything about the red zones of an area, from mapped objects to the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.transform.red_zones.completeness import completeness
from pipeline.transform.red_zones.distances import doubtful, reach
from pipeline.transform.red_zones.home_intervals import home_intervals
from pipeline.transform.red_zones.rules import rules_table
from pipeline.transform.red_zones.settlement_overlaps import overlaps
from pipeline.transform.red_zones.zone_polygons import zone_polygons

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    import numpy as np
    import pandas as pd
    import shapely

    from pipeline.config import Area
    from pipeline.declared.catalogue import RedZone
    from pipeline.transform.red_zones.home_intervals import Detection


@dataclass(frozen=True)
class RedZones:
    """Frames named after the tables they become, and the zones as areas."""

    rules: pd.DataFrame
    hazards: gpd.GeoDataFrame
    pairs: pd.DataFrame
    overlaps: pd.DataFrame
    completeness: pd.DataFrame
    polygons: gpd.GeoDataFrame


def measure(  # noqa: PLR0913, PLR0917 - houses, hazards, and how houses are seen
    found: gpd.GeoDataFrame,
    near: pd.DataFrame,
    buildings: gpd.GeoDataFrame,
    settlements: gpd.GeoDataFrame,
    area: Area,
    zones: Mapping[str, RedZone],
    *,
    boundary: shapely.Polygon,
    detection: Detection,
    rng: np.random.Generator,
) -> RedZones:
    """Measure the red zones of an area.

    Parameters
    ----------
    found
        The hazards (`hazards`), in the area's projected CRS.
    near
        Their distances to buildings (`distances`), up to `MOST_M` beyond the reach of the rules.
    buildings, settlements
        Merged buildings with `settlement_id` and `home`, and settlements, in the same CRS.
    area
        The area.
    zones
        The classes of the catalogue.
    boundary
        The area's outline in the same CRS.
    detection, rng
        How houses are seen, and the random stream of their counts (`home_intervals`).
    """
    limits = reach(zones, area.country)
    near = near.assign(doubtful=doubtful(near, buildings, zones))
    pairs = near[near["distance_m"] <= near["hazard_class"].map(limits).astype("float64")].reset_index(drop=True)
    polygons = zone_polygons(found)
    counted = overlaps(buildings, settlements, found, pairs[~pairs["doubtful"]], polygons)
    intervals = home_intervals(buildings[buildings["home"]], found, near, detection, rng)
    return RedZones(
        rules=rules_table(zones),
        hazards=found,
        pairs=pairs,
        overlaps=counted.merge(intervals, on=["settlement_id", "rule_id"], how="left").fillna(
            dict.fromkeys(("homes_p05", "homes_p50", "homes_p95"), 0)  # no home is near
        ),
        completeness=completeness(found, zones, area.country, area.area_id, boundary),
        polygons=polygons,
    )
