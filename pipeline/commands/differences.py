"""Two outputs or snapshots compared, settlement by settlement; what differs is never called growth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from pyproj import CRS

from pipeline.errors import InputError
from pipeline.load import parquet
from pipeline.schema.tables import TABLES
from pipeline.transform import diff

if TYPE_CHECKING:
    from pathlib import Path

_COLUMNS = ("building_id", "area_id", "settlement_id", "footprint_m2", "geometry")


def between(old: Path, new: Path) -> pd.DataFrame:
    """Return for each settlement how many buildings appeared, vanished, were re-mapped or stayed.

    Parameters
    ----------
    old, new
        Folders of outputs or snapshots.

    Raises
    ------
    InputError
        A folder holds no outputs, or the two share no area.
    """
    areas = parquet.read(new / "tables" / "areas.parquet", TABLES["areas"]).set_index("area_id")["crs"]
    older, newer = (
        parquet.read(folder / "tables" / "buildings.parquet", TABLES["buildings"], _COLUMNS) for folder in (old, new)
    )
    shared = sorted(set(older["area_id"]) & set(newer["area_id"]))
    if not shared:
        msg = f"{old} and {new} have no area in common, so there is nothing to compare."
        raise InputError(msg)
    return pd.concat(
        [
            diff.compare(
                older[older["area_id"] == area].to_crs(CRS(areas[area])),
                newer[newer["area_id"] == area].to_crs(CRS(areas[area])),
            ).settlements.assign(area_id=area)
            for area in shared
        ],
        ignore_index=True,
    )
