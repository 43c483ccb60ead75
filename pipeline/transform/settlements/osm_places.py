"""What OpenStreetMap itself says of settlements: land-use and place polygons, and named places as seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.transform.buildings.ground import DWELT, WORKED
from pipeline.transform.settlements.kind_words import names_no_place
from pipeline.wording.spelling import is_street, key

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME_COLUMNS = ("name", "name_en", "name_ru", "name_ky", "name_kk", "other_names")
WHOLE_PLACES = ("town", "village", "hamlet")
"""Kinds of place that are all of what stands together there, whatever its fabric and the roads through it."""
SETTLEMENT_PLACES = ("suburb", "quarter", "neighbourhood", "village", "hamlet", "allotments", "isolated_dwelling")
"""Kinds of place that are one settlement; a city is more than one, and so is the polygon of a town."""
SPOTS = ("locality",)
"""Any named spot: a settlement only where nothing better is known."""
LARGEST_M2 = 25e6
"""A polygon above 25 km² is a district of many settlements."""
_COLUMNS = ("osm_id", *NAME_COLUMNS, "tag")


def objects(layers: Mapping[str, gpd.GeoDataFrame], crs: object) -> gpd.GeoDataFrame:
    """Return places, and land use that outlines settlements, with `tag` (such as ``place=village``).

    Empty geometries and repeats of one object are left out; rows are ordered by their identifier. A name that is a
    street's, that of works, shops, schools or buildings, or has no letter, is dropped, and so is any name of ground
    where people work.
    """
    wanted = (("places", "place", None), ("landuse", "landuse", DWELT + WORKED))
    frames = [_layer(layers[layer], tag, values) for layer, tag, values in wanted if layer in layers]
    frames = [frame for frame in frames if not frame.empty]
    if not frames:
        empty = {column: pd.Series(dtype="str") for column in _COLUMNS}
        return gpd.GeoDataFrame(empty, geometry=gpd.GeoSeries([], crs=crs))
    found = gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), geometry="geometry", crs=crs)
    geometry = np.asarray(found.geometry.array, dtype=object)
    usable = ~shapely.is_missing(geometry) & ~shapely.is_empty(geometry) & np.isfinite(shapely.bounds(geometry)).all(1)
    found = found[usable].sort_values(["osm_id", "tag"]).drop_duplicates("osm_id").reset_index(drop=True)
    no_place = np.array([pd.isna(name) or not _names_settlement(name) for name in found["name"]], dtype=bool)
    no_place |= found["tag"].isin([f"landuse={value}" for value in WORKED]).to_numpy(dtype=bool)
    found.loc[no_place, list(NAME_COLUMNS)] = None
    return found


def _names_settlement(name: str) -> bool:
    return bool(key(name).base) and not is_street(name) and not names_no_place(name)


def _layer(frame: gpd.GeoDataFrame, tag: str, values: tuple[str, ...] | None) -> gpd.GeoDataFrame:
    rows = frame[frame[tag].notna() if values is None else frame[tag].isin(values)]
    out = rows.reindex(columns=["osm_id", *NAME_COLUMNS, "geometry"])
    return out.assign(tag=f"{tag}=" + rows[tag].astype("str"))


def polygons(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the named polygons that each outline one settlement, smallest first, so that the innermost one wins."""
    tags = [*(f"landuse={value}" for value in DWELT), *(f"place={value}" for value in SETTLEMENT_PLACES + SPOTS)]
    return _smallest_first(found[found["tag"].isin(tags) & found["name"].notna()])


def parcels(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the nameless grounds where people live or work, smallest first; `worked` tells which."""
    chosen = _smallest_first(found[found["tag"].str.startswith("landuse=") & found["name"].isna()])
    return chosen.assign(worked=chosen["tag"].isin([f"landuse={value}" for value in WORKED]))


def _smallest_first(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    area = found.area
    chosen = found[(area > 0) & (area <= LARGEST_M2)]
    return chosen.iloc[np.lexsort((chosen["osm_id"], chosen.area))].reset_index(drop=True)


def points(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the named points that each stand for one settlement.

    `spot` marks the ones that may be anything, `whole` the `WHOLE_PLACES`.
    """
    is_point = shapely.get_type_id(np.asarray(found.geometry.array, dtype=object)) == 0
    tags = {f"place={value}" for value in SETTLEMENT_PLACES + SPOTS + WHOLE_PLACES}
    chosen = found[is_point & found["tag"].isin(tags) & found["name"].notna()].reset_index(drop=True)
    return chosen.assign(
        spot=chosen["tag"].isin([f"place={value}" for value in SPOTS]),
        whole=chosen["tag"].isin([f"place={value}" for value in WHOLE_PLACES]),
    )
