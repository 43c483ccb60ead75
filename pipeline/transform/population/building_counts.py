"""Buildings counted by settlement and stratum: all that the estimate needs to know of single buildings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.schema.draws import HOUSE_M2

if TYPE_CHECKING:
    from numpy.typing import NDArray

REST = ""
"""The key of the buildings that lie in no settlement."""

LARGE_M2 = 350.0
"""Larger outlines are no cottages: flats or something else, and only a tag or a height tells which."""

_SAYS_NOTHING = ("", "yes", "residential")
"""Values of OSM's `building` that leave a large outline's use open (most blocks are drawn as no more than "yes")."""

_MM2_PER_M2 = 1e6


def aggregate(buildings: pd.DataFrame) -> pd.DataFrame:
    """Count candidate houses and add up floor area per settlement.

    Parameters
    ----------
    buildings
        Columns settlement_id (missing: in none), kind, seen_by, footprint_m2, levels (NaN: unknown), and OSM's tags
        building, amenity and shop (missing: no tag, or not in OSM).

    Returns
    -------
    pandas.DataFrame
        Index settlement_id in ascending order, `REST` for those in none. Columns: `both`, `osm`, `satellite` (candidate
        houses by the sources that saw them), `blocks` (apartment blocks), and the sums of footprint × levels where
        levels are known, of footprint where they are not: `house_floor_m2`, `house_footprint_m2`, `block_floor_m2`,
        `block_footprint_m2`; `large_footprint_m2` and `large_untold` (their number) of large outlines whose use nobody
        has told, and `large_flats`, `large_other`, how many large outlines are known to hold flats or something else.
        `levels_blocks` and `levels_footprint_m2`: blocks whose levels are known, and their footprint.
    """
    owner = buildings["settlement_id"].fillna(REST)
    codes, keys = pd.factorize(owner, sort=True)
    footprint = buildings["footprint_m2"].to_numpy(dtype=float)
    levels = buildings["levels"].to_numpy(dtype=float)
    known = levels >= 1
    house = buildings["kind"].isin(("house", "unknown")).to_numpy() & (footprint >= HOUSE_M2[0])
    block = (buildings["kind"] == "apartments").to_numpy()
    told = _use_is_told(buildings)
    large = footprint > LARGE_M2
    open_use = large & ~block & ~told & ~known
    house &= (footprint <= HOUSE_M2[1]) & ~open_use
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
            "levels_blocks": total(block & known),
            "levels_footprint_m2": total(block & known, footprint),
            "large_footprint_m2": total(open_use, footprint),
            "large_untold": total(open_use),
            "large_flats": total(large & block),
            "large_other": total(large & ~block & told),
        },
        index=pd.Index(keys, dtype="str", name="settlement_id"),
    )


def _use_is_told(buildings: pd.DataFrame) -> NDArray[np.bool_]:
    """Return for which buildings a mapper said what they are used for."""
    tag = buildings["building"].fillna("").str.lower()
    busy = buildings["amenity"].notna() | buildings["shop"].notna()
    return np.asarray(~tag.isin(_SAYS_NOTHING) | busy)
