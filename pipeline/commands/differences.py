"""Two outputs or snapshots compared, settlement by settlement; what differs is never called growth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import pandas as pd
import shapely
from pyproj import CRS

from pipeline.errors import InputError
from pipeline.load import parquet
from pipeline.schema.provenance import Notice
from pipeline.schema.tables import TABLES
from pipeline.transform import diff

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd

_COLUMNS = ("building_id", "area_id", "settlement_id", "footprint_m2", "geometry")


def between(old: Path, new: Path) -> tuple[pd.DataFrame, list[Notice]]:
    """Return for each settlement how many buildings appeared, vanished, were re-mapped or stayed.

    Only the ground that both outputs cover is compared: what lies beyond the smaller extent neither appeared nor
    vanished. A notice says how much was left out.

    Parameters
    ----------
    old, new
        Folders of outputs or snapshots.

    Raises
    ------
    InputError
        A folder holds no outputs, or the two share no area, or none of the ground of one.
    """
    older, newer = (_Output.read(folder) for folder in (old, new))
    shared = sorted(set(older.areas.index) & set(newer.areas.index))
    if not shared:
        msg = f"{old} and {new} have no area in common, so there is nothing to compare."
        raise InputError(msg)
    tables, notices = [], []
    for area in shared:
        ground = shapely.intersection(older.areas.geometry[area], newer.areas.geometry[area])
        if shapely.area(ground) == 0:
            msg = f"{area} of {old} and {area} of {new} lie apart, so there is nothing to compare."
            raise InputError(msg)
        crs = CRS(newer.areas["crs"][area])
        before, after = (output.within(area, ground) for output in (older, newer))
        left_out = older.count(area) + newer.count(area) - len(before) - len(after)
        if left_out:
            notices.append(Notice(area, "extents_differ", left_out))
        tables.append(diff.compare(before.to_crs(crs), after.to_crs(crs)).settlements.assign(area_id=area))
    return pd.concat(tables, ignore_index=True), notices


@dataclass(frozen=True)
class _Output:
    areas: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame

    @classmethod
    def read(cls, folder: Path) -> Self:
        tables = folder / "tables"
        areas = parquet.read(tables / "areas.parquet", TABLES["areas"]).set_index("area_id")
        return cls(areas, parquet.read(tables / "buildings.parquet", TABLES["buildings"], _COLUMNS))

    def count(self, area: str) -> int:
        return int((self.buildings["area_id"] == area).sum())

    def within(self, area: str, ground: shapely.Geometry) -> gpd.GeoDataFrame:
        """Return the buildings of an area that touch some ground, as reading takes those that touch a bbox."""
        rows = self.buildings[self.buildings["area_id"] == area]
        return rows[rows.intersects(ground)]
