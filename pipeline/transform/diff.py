"""Two layers of buildings compared: what appeared, vanished, or was only drawn anew.

None of it is growth. A release may show better imagery, another algorithm, a mapper's week-end; when a house was built
is told by rasters with a date of their own (`transform.growth`), never by the difference of two releases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from pipeline.geometry.outline_overlap import Outlines, overlaps

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

CHANGES = ("unchanged", "re-mapped", "appeared", "vanished")

SAME_OUTLINE = 0.95
"""Intersection over union from which two outlines are the same drawing."""

SAME_PLACE = 0.3
"""Share of the smaller outline that must be covered for two outlines to show the same building: adjoining houses of a
row overlap less, even where one layer is displaced by some metres."""


@dataclass(frozen=True)
class Difference:
    """What `compare` returns.

    Attributes
    ----------
    buildings
        A row per building of either layer: change (`CHANGES`), old_id, new_id (the one that overlaps most),
        settlement_id, footprint_m2 (of the new outline, of the old where it vanished).
    settlements
        A row per settlement (missing: in none): settlement_id, number of buildings by change, and buildings_old,
        buildings_new.
    """

    buildings: pd.DataFrame
    settlements: pd.DataFrame


def compare(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> Difference:
    """Compare two layers of buildings.

    Parameters
    ----------
    old, new
        Polygons with building_id, settlement_id and footprint_m2, both in the same CRS in metres.

    Returns
    -------
    Difference
        A building that was split or merged is re-mapped, not vanished and appeared. A building belongs to the
        settlement that the newer layer puts it in; where it vanished, to the older one's.
    """
    pairs = _pairs(old.geometry.to_numpy(), new.geometry.to_numpy())
    best_new = pairs.sort_values(["iou", "new"], ascending=[False, True]).drop_duplicates("new").set_index("new")
    matched_old = np.isin(np.arange(len(old)), pairs["old"])
    iou = best_new["iou"].reindex(range(len(new))).to_numpy(dtype=float)
    partner = best_new["old"].reindex(range(len(new)))
    change = np.select([np.isnan(iou), iou >= SAME_OUTLINE], ["appeared", "unchanged"], "re-mapped")
    old_ids = old["building_id"].reset_index(drop=True)
    present = pd.DataFrame(
        {
            "change": change,
            "old_id": partner.map(old_ids).to_numpy(),
            "new_id": new["building_id"].to_numpy(),
            "settlement_id": new["settlement_id"].to_numpy(),
            "footprint_m2": new["footprint_m2"].to_numpy(),
        }
    )
    gone = old[~matched_old]
    vanished = pd.DataFrame(
        {
            "change": "vanished",
            "old_id": gone["building_id"].to_numpy(),
            "new_id": None,
            "settlement_id": gone["settlement_id"].to_numpy(),
            "footprint_m2": gone["footprint_m2"].to_numpy(),
        }
    )
    texts = dict.fromkeys(("change", "old_id", "new_id", "settlement_id"), "str")
    rows = pd.concat([present.astype(texts), vanished.astype(texts)], ignore_index=True)
    rows = rows.sort_values(["settlement_id", "change", "new_id", "old_id"], ignore_index=True)
    return Difference(rows, _by_settlement(rows, old, new))


def _pairs(old: NDArray[np.object_], new: NDArray[np.object_]) -> pd.DataFrame:
    """Return the pairs of outlines that show the same building, with their intersection over union."""
    found = overlaps(Outlines.of(old), Outlines.of(new))
    area_old, area_new = shapely.area(old)[found.left], shapely.area(new)[found.right]
    iou = found.area_m2 / (area_old + area_new - found.area_m2)
    same = found.area_m2 >= SAME_PLACE * np.minimum(area_old, area_new)
    return pd.DataFrame({"old": found.left[same], "new": found.right[same], "iou": iou[same]})


def _by_settlement(rows: pd.DataFrame, old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> pd.DataFrame:
    place = rows["settlement_id"]
    counts = pd.DataFrame({change: (rows["change"] == change).groupby(place, dropna=False).sum() for change in CHANGES})
    for name, frame in (("buildings_old", old), ("buildings_new", new)):
        counts[name] = frame.groupby(frame["settlement_id"].astype("str"), dropna=False).size()
    return counts.fillna(0).astype("int64").reset_index().sort_values("settlement_id", ignore_index=True)
