"""How readers are told of a settlement that has no name: by a number and the named settlement nearest to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    import geopandas as gpd

KNOWN_HOMES = 100
"""A settlement must have so many buildings for others to be told by its name: readers know it, and it is published."""


def tell_apart(settlements: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give each settlement without a name a named neighbour and a number.

    Parameters
    ----------
    settlements
        Of one area, with `settlement_id`, `name`, `buildings` and outlines in metres.

    Returns
    -------
    geopandas.GeoDataFrame
        `settlements` with `near_id`, the nearest named settlement of at least `KNOWN_HOMES` buildings, and
        `near_number`, 1, 2, … among those without a name that have the same neighbour, in the order of their ids; both
        empty for a settlement with a name, and `near_id` where there is no such neighbour.
    """
    unnamed = settlements["name"].isna().to_numpy()
    known = settlements[~unnamed & (settlements["buildings"] >= KNOWN_HOMES).to_numpy()]
    near = pd.Series(None, index=settlements.index, dtype="object")
    if len(known) and unnamed.any():
        tree = shapely.STRtree(np.asarray(known.geometry.array, dtype=object))
        asked = np.asarray(settlements.geometry.array, dtype=object)[unnamed]
        # Of several at the same distance (touching ones), the first in the order of ids.
        pairs = pd.DataFrame(tree.query_nearest(asked).T, columns=["asked", "known"])
        first = pairs.assign(id=known["settlement_id"].to_numpy()[pairs["known"]]).groupby("asked")["id"].min()
        near[unnamed] = first.sort_index().to_numpy()
    ranked = settlements.assign(near_id=near)[unnamed].sort_values("settlement_id")
    number = ranked.groupby(ranked["near_id"].fillna(""), sort=False).cumcount() + 1
    return settlements.assign(near_id=near, near_number=number.reindex(settlements.index).astype("Int64"))
