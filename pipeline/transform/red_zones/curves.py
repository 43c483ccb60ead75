"""How many buildings stand within which distance of which class: the curve behind the map's slider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd

_WHOLE = ""
"""Stands for the whole area while grouping; sorts first."""


def distance_curves(
    buildings: gpd.GeoDataFrame, building_hazards: pd.DataFrame, steps_m: Mapping[str, Sequence[float]]
) -> pd.DataFrame:
    """Return the number of buildings within each of some distances of each class, by settlement.

    Parameters
    ----------
    buildings
        ``building_id``, ``settlement_id`` (None: in no settlement).
    building_hazards
        ``building_id``, ``hazard_class``, ``distance_m`` (`distances`).
    steps_m
        Distances of interest for each class, none beyond the reach that `building_hazards` was made with.

    Returns
    -------
    DataFrame
        ``settlement_id, hazard_class, distance_m, buildings``: cumulative, sorted, only settlements with a building
        within reach of the class. ``settlement_id`` None is the whole area, with the buildings in no settlement.
    """
    nearest = building_hazards.groupby(["building_id", "hazard_class"], observed=True)["distance_m"].min().reset_index()
    nearest["settlement_id"] = nearest["building_id"].map(buildings.set_index("building_id")["settlement_id"])
    whole = nearest.assign(settlement_id=_WHOLE)
    nearest = pd.concat([nearest.dropna(subset=["settlement_id"]), whole], ignore_index=True)
    parts = []
    for name, steps in steps_m.items():
        for settlement, group in nearest[nearest["hazard_class"] == name].groupby("settlement_id", sort=True):
            within = np.searchsorted(np.sort(group["distance_m"].to_numpy()), np.asarray(steps, float), side="right")
            parts.append(
                pd.DataFrame(
                    {"settlement_id": settlement, "hazard_class": name, "distance_m": steps, "buildings": within}
                )
            )
    columns = {"settlement_id": "str", "hazard_class": "str", "distance_m": "float64", "buildings": "int64"}
    empty = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in columns.items()})
    table = pd.concat(parts, ignore_index=True).astype(columns) if parts else empty
    table = table.sort_values(["settlement_id", "hazard_class", "distance_m"], ignore_index=True)
    return table.assign(settlement_id=table["settlement_id"].mask(table["settlement_id"] == _WHOLE))
