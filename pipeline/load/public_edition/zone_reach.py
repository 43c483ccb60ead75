"""How red zones lie to the cells of the public grid: what anybody can see who lays the hazards' outlines beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.load.public_edition.disclosure import Reach
from pipeline.schema.vocabulary import BINDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST_HOUSE_M = 100.0
"""A home is inside a zone that its outline touches, and in the cell that holds its middle: at most so far apart."""


def of_concern(
    squares: gpd.GeoSeries, hazards: gpd.GeoDataFrame, rules: pd.DataFrame, concern: str, crs: str
) -> NDArray[np.int64]:
    """Return how the binding zones of a concern, taken together, lie to each cell.

    Parameters
    ----------
    squares
        Cells.
    hazards, rules
        Tables `hazards` (of the area) and `red_zone_rules`.
    concern
        Whom the zones are about.
    crs
        Projected CRS of the area, in which distances hold.

    Returns
    -------
    array
        `Reach` of each cell.
    """
    binding = rules[rules["kind"].isin(BINDING) & (rules["concern"] == concern)]
    edges = hazards.merge(binding[["rule_id", "distance_m"]], on="rule_id")
    zone = shapely.union_all(shapely.buffer(_metres(edges.geometry, crs), edges["distance_m"].to_numpy()))
    cells = _metres(squares, crs)
    shapely.prepare(zone)
    near = shapely.dwithin(zone, cells, _LARGEST_HOUSE_M)
    return np.where(shapely.covers(zone, cells), Reach.COVERS, np.where(near, Reach.PART, Reach.NONE))


def rules_near(shapes: gpd.GeoSeries, hazards: gpd.GeoDataFrame, rules: pd.DataFrame, crs: str) -> pd.DataFrame:
    """Return which rules' zones reach the shapes: settlement_id (their index), rule_id, assumed (any such hazard)."""
    edges = hazards.merge(rules[["rule_id", "distance_m"]], on="rule_id")
    hazard, shape = shapely.STRtree(_metres(shapes, crs)).query(
        _metres(edges.geometry, crs), predicate="dwithin", distance=edges["distance_m"].to_numpy(dtype=float)
    )
    pairs = pd.DataFrame(
        {
            "settlement_id": shapes.index.to_numpy(dtype=object)[shape],
            "rule_id": edges["rule_id"].to_numpy(dtype=object)[hazard],
            "assumed": edges["assumed"].to_numpy()[hazard],
        }
    ).astype({"settlement_id": "str", "rule_id": "str"})
    return pairs.groupby(["settlement_id", "rule_id"])[["assumed"]].max().reset_index()


def _metres(shapes: gpd.GeoSeries, crs: str) -> NDArray[np.object_]:
    return np.asarray(gpd.GeoSeries(shapes, crs="EPSG:4326").to_crs(crs).array, dtype=object)
