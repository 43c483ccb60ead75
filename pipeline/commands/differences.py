"""Two outputs or snapshots compared, settlement by settlement; what differs is never called growth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import pandas as pd
import shapely
from pyproj import CRS

from pipeline.errors import InputError
from pipeline.load import parquet
from pipeline.run import manifest
from pipeline.schema.provenance import Notice
from pipeline.schema.tables import TABLES
from pipeline.transform import diff, settlements

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd

_COLUMNS = ("building_id", "area_id", "settlement_id", "footprint_m2", "geometry")
_PLACES = ("settlement_id", "area_id", "name", "geometry")


def between(old: Path, new: Path) -> tuple[pd.DataFrame, list[Notice]]:
    """Return what became of each settlement, and how many of its buildings appeared, vanished or stayed.

    Settlements are followed along the lineage of `new` where it names `old` as its parent, else by the ground, the name
    and the place that they share. A building that vanished is counted where its settlement went to.

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
        descent = newer.descent(older, area, crs)
        before = before.assign(settlement_id=before["settlement_id"].replace(_heirs(descent)))
        left_out = older.count(area) + newer.count(area) - len(before) - len(after)
        if left_out:
            notices.append(Notice(area, "extents_differ", left_out))
        counts = diff.compare(before.to_crs(crs), after.to_crs(crs)).settlements
        tables.append(_told(counts, descent).assign(area_id=area))
    return pd.concat(tables, ignore_index=True), notices


def _heirs(descent: pd.DataFrame) -> dict[str, str]:
    """Return where buildings of each old settlement are counted: in the new one that shares the most ground with it."""
    pairs = descent.dropna(subset=["old_id", "new_id"])
    ranked = pairs.sort_values(["overlap", "new_id"], ascending=[False, True]).drop_duplicates("old_id")
    return dict(zip(ranked["old_id"], ranked["new_id"], strict=True))


def _told(counts: pd.DataFrame, descent: pd.DataFrame) -> pd.DataFrame:
    """Put beside the counts of each settlement what became of it, and of which it came."""
    ids = descent["new_id"].fillna(descent["old_id"])
    became = descent.groupby(ids).agg(
        relation=("relation", "first"), old_ids=("old_id", lambda names: ";".join(sorted(names.dropna())))
    )
    return counts.join(became, on="settlement_id")


@dataclass(frozen=True)
class _Output:
    folder: Path
    areas: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame
    settlements: gpd.GeoDataFrame

    @classmethod
    def read(cls, folder: Path) -> Self:
        tables = folder / "tables"
        areas = parquet.read(tables / "areas.parquet", TABLES["areas"]).set_index("area_id")
        buildings = parquet.read(tables / "buildings.parquet", TABLES["buildings"], _COLUMNS)
        return cls(
            folder, areas, buildings, parquet.read(tables / "settlements.parquet", TABLES["settlements"], _PLACES)
        )

    def descent(self, older: Self, area: str, crs: CRS) -> pd.DataFrame:
        """Return which settlements of an older output those of an area come from."""
        if (self.folder / manifest.NAME).is_file() and (older.folder / manifest.NAME).is_file():
            parent, run_id = manifest.read(self.folder)["parent"], manifest.read(older.folder)["run_id"]
            if parent == run_id:
                path = self.folder / "tables" / "settlement_lineage.parquet"
                told: pd.DataFrame = parquet.read(path, TABLES["settlement_lineage"])
                return told[told["area_id"] == area]
        new, old = (output.settlements[output.settlements["area_id"] == area].to_crs(crs) for output in (self, older))
        return settlements.follow(new, old, area)

    def count(self, area: str) -> int:
        return int((self.buildings["area_id"] == area).sum())

    def within(self, area: str, ground: shapely.Geometry) -> gpd.GeoDataFrame:
        """Return the buildings of an area that touch some ground, as reading takes those that touch a bbox."""
        rows = self.buildings[self.buildings["area_id"] == area]
        return rows[rows.intersects(ground)]
