"""Buildings counted by settlement and stratum: all that the estimate needs to know of single buildings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

REST = ""
"""The key of the buildings that lie in no settlement."""

HOUSE_M2 = (25.0, 600.0)
"""Footprints of this size may be houses: below are sheds, above are halls and blocks (DOMAIN: residential share)."""

_MM2_PER_M2 = 1e6


def aggregate(buildings: pd.DataFrame) -> pd.DataFrame:
    """Count candidate houses and add up floor area per settlement.

    Parameters
    ----------
    buildings
        Columns settlement_id (missing: in none), kind, seen_by, footprint_m2 and levels (NaN: unknown).

    Returns
    -------
    pandas.DataFrame
        Index settlement_id in ascending order, `REST` for those in none. Columns: `both`, `osm`, `satellite` (candidate
        houses by the sources that saw them), `blocks` (apartment blocks), and the sums of footprint × levels where
        levels are known, of footprint where they are not: `house_floor_m2`, `house_footprint_m2`, `block_floor_m2`,
        `block_footprint_m2`.
    """
    owner = buildings["settlement_id"].fillna(REST)
    codes, keys = pd.factorize(owner, sort=True)
    footprint = buildings["footprint_m2"].to_numpy(dtype=float)
    levels = buildings["levels"].to_numpy(dtype=float)
    known = levels >= 1
    house = buildings["kind"].isin(("house", "unknown")).to_numpy() & (footprint >= HOUSE_M2[0])
    house &= footprint <= HOUSE_M2[1]
    block = (buildings["kind"] == "apartments").to_numpy()
    floor = footprint * np.where(known, levels, 1.0)
    seen_by = buildings["seen_by"]

    def total(members: NDArray[np.bool_], values: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        # Whole square millimetres add up to the same sum in any order, floats do not.
        weights = None if values is None else np.round(values[members] * _MM2_PER_M2)
        sums = np.bincount(codes[members], weights=weights, minlength=len(keys)).astype(float)
        return sums if values is None else sums / _MM2_PER_M2

    return pd.DataFrame(
        {
            **{source: total(house & (seen_by == source).to_numpy()) for source in ("both", "osm", "satellite")},
            "blocks": total(block),
            "house_floor_m2": total(house & known, floor),
            "house_footprint_m2": total(house & ~known, footprint),
            "block_floor_m2": total(block & known, floor),
            "block_footprint_m2": total(block & ~known, footprint),
        },
        index=pd.Index(keys, dtype="str", name="settlement_id"),
    )
