"""What the map says about each hazard class, and what it therefore cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import shapely

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    import numpy as np

    from pipeline.declared.catalogue import RedZone


def completeness(
    hazards: gpd.GeoDataFrame, zones: Mapping[str, RedZone], country: str, area_id: str, boundary: shapely.Geometry
) -> pd.DataFrame:
    """Return rows of the table `completeness`: for every class, how many objects are mapped and how many are assumed.

    Parameters
    ----------
    hazards
        The table `hazards` of the area, in a projected CRS.
    zones
        The classes of the catalogue; one that has no rule in the country is passed over.
    country, area_id
        Of the area.
    boundary
        The area's outline in the CRS of `hazards`.

    Returns
    -------
    DataFrame
        ``area_id, layer, measure, value, verdict``. Measures: ``objects_inside``, ``objects_around`` (outside the
        area, reaching in) and ``share_assumed``. No class is ever called complete: that nothing is missing cannot
        be seen in a map.
    """
    inside = shapely.intersects(hazards.geometry.to_numpy(), boundary)
    rows = [
        row
        for name, zone in zones.items()
        if zone.rules_for(country)
        for row in _of_class(hazards[(hazards["hazard_class"] == name).to_numpy()], zone, inside)
    ]
    return pd.DataFrame([{"area_id": area_id, **row} for row in rows])


def _of_class(found: gpd.GeoDataFrame, zone: RedZone, inside: np.ndarray) -> list[dict[str, object]]:
    within = int(inside[found.index].sum())
    around = len(found) - within
    verdict = "unknown" if len(found) else "missing"
    rows: list[dict[str, object]] = [
        {"layer": zone.id, "measure": "objects_inside", "value": float(within), "verdict": verdict},
        {"layer": zone.id, "measure": "objects_around", "value": float(around), "verdict": verdict},
    ]
    if len(found):
        share = float(found["assumed"].mean())
        verdict = "partial" if share > 0 else "unknown"
        rows.append({"layer": zone.id, "measure": "share_assumed", "value": share, "verdict": verdict})
    return rows
