"""OpenStreetMap and satellite footprints merged into one layer, no house counted twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from pipeline.geometry.outline_overlap import Outlines
from pipeline.schema.draws import is_home
from pipeline.schema.provenance import Notice
from pipeline.transform.buildings.building_use import STOREY_M, kinds
from pipeline.transform.buildings.capture_recapture import completeness
from pipeline.transform.buildings.cleaning import clean
from pipeline.transform.buildings.height_lending import lend
from pipeline.transform.buildings.matching import match, repeats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.transform.population import Prior

TAGS = (
    "building",
    "building:levels",
    "building:flats",
    "building:use",
    "amenity",
    "shop",
    "man_made",
    "addr:housenumber",
)
MAX_LEVELS = 200.0
SQUARE_M = 500.0
COPY_IOU = 0.96
"""Outlines that two hands drew never agree so well; such a pair was imported from one source into the other."""
_MICRODEGREES = 1_000_000


@dataclass(frozen=True, slots=True)
class MergedBuildings:
    """Buildings of an area, how their outlines were paired, and what is known of those that neither source saw."""

    buildings: gpd.GeoDataFrame
    """Columns of the table `buildings` but settlement_id, lon and lat; also `height_m`, `footprint_id` (of those that
    only the satellite saw) and the OSM tags. Metres."""
    matches: pd.DataFrame
    """Pairs of outlines of one house: osm_id, footprint_id, overlap_m2, osm_share, footprint_share, iou; by place."""
    capture: pd.DataFrame
    """Rows of the table `completeness`."""
    notices: list[Notice]


def merge(  # noqa: PLR0913 - what is known of buildings, by source
    osm: gpd.GeoDataFrame,
    footprints: gpd.GeoDataFrame,
    area_id: str,
    precision: Prior,
    landuse: gpd.GeoDataFrame | None = None,
    *,
    heights: gpd.GeoDataFrame | None = None,
) -> MergedBuildings:
    """Merge the OSM buildings and the satellite footprints of an area into one layer.

    Every OSM outline that is no repeat of another stays; a footprint stays if it is not the same house as an OSM
    outline (see `matching.match`), else what it shows beside (see `residual_footprints.rests`), moved by as much as
    the imagery lies beside the map there. The outline of a house that both have
    is the one of OSM: a person drew it.

    Parameters
    ----------
    osm
        Layer ``buildings`` of `extract.osm`, in the area's projected CRS (metres); `source_id` where known.
    footprints
        As `extract.footprints` gives them, in the same CRS.
    area_id
        The area.
    precision
        Share of the footprints that are buildings: the prior of this area.
    landuse
        OSM's layer, in the same CRS; None: not known.
    heights
        Polygons with `height_m` that lend it to buildings of which neither storeys nor a height is known.

    Returns
    -------
    MergedBuildings
        The order of the inputs' rows changes nothing: rows are ordered by their identifier, which is made from the
        location.
    """
    cleaned_osm, outlines_osm, notices_osm = _prepare(osm, "buildings of OpenStreetMap", "osm_id")
    cleaned_fp, outlines_fp, notices_fp = _prepare(footprints, "satellite footprints", "footprint_id")
    found = match(outlines_osm, outlines_fp)
    own, other = found.pairs["osm"].to_numpy(), found.pairs["footprint"].to_numpy()
    seen = np.full(len(cleaned_osm), "osm", dtype=object)
    seen[own] = "both"
    copied = np.zeros(len(cleaned_osm), dtype=bool)
    copied[own[found.pairs["iou"].to_numpy() >= COPY_IOU]] = True
    alone = np.ones(len(cleaned_fp), dtype=bool)
    alone[other] = False
    alone &= ~found.doubtful
    matched_m = cleaned_fp["height_m"].take(other).groupby(own).max()
    rests = Outlines.of(found.rests.geometry)
    lone = np.flatnonzero(alone)
    parts = [
        _from_osm(cleaned_osm, area_id, seen, matched_m),
        _from_satellite(cleaned_fp.iloc[lone], found.placed.shapes(lone), found.placed.area[lone]),
        _from_satellite(cleaned_fp.iloc[found.rests.footprint], rests.geometry, rests.area),
    ]
    buildings = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=osm.crs)
    buildings["area_id"] = area_id
    if heights is not None:
        lend(heights, buildings)
    centres = np.concatenate([outlines_osm.centre, found.placed.centre[lone], rests.centre])
    buildings["kind"] = kinds(buildings, centres, landuse)
    buildings["levels"] = buildings["levels"].fillna(_storeys(buildings["height_m"]))
    size = (buildings[column].to_numpy(dtype=float) for column in ("footprint_m2", "levels"))
    buildings["home"] = is_home(buildings["kind"].to_numpy(dtype=str), *size)
    mean, deviation = precision.moments
    rows = completeness(
        area_id,
        buildings["seen_by"].to_numpy(dtype=object),
        centres,
        buildings["footprint_m2"].to_numpy(),
        (1 - mean, deviation),
        np.append(copied, np.zeros(len(buildings) - len(copied), dtype=bool)),
    )
    matches = found.pairs.drop(columns=["osm", "footprint"])
    matches.insert(0, "osm_id", cleaned_osm["osm_id"].take(own).array)
    matches.insert(1, "footprint_id", cleaned_fp["footprint_id"].take(other).array)
    notices = [*notices_osm, *notices_fp, *_odd_levels(cleaned_osm)]
    if found.doubtful.any():
        notices.append(Notice("satellite footprints", "house_doubtful", int(found.doubtful.sum())))
    if len(rests):
        notices.append(Notice("satellite footprints", "house_within_footprint", len(rests)))
    return MergedBuildings(_identified(buildings, centres, area_id), matches, rows, notices)


def _prepare(frame: gpd.GeoDataFrame, where: str, identifier: str) -> tuple[gpd.GeoDataFrame, Outlines, list[Notice]]:
    """Put one source in an order that depends on the place alone, clean it, and drop its repeats."""
    rows, outlines, notices = clean(frame.iloc[_by_place(frame, identifier)], where)
    found = repeats(outlines)
    counted = (
        (found.nested, "outline_repeats"),
        (found.compound, "outline_encloses"),
    )
    notices += [Notice(where, code, int(which.sum())) for which, code in counted if which.any()]
    kept = np.flatnonzero(~(found.nested | found.compound))
    if len(kept) < len(outlines):
        rows, outlines = rows.iloc[kept].reset_index(drop=True), outlines.take(kept)
    return rows, outlines, notices


def _by_place(frame: gpd.GeoDataFrame, identifier: str) -> NDArray[np.int64]:
    """Return an order in which neighbours stand together, which makes every later look-up local and so fast.

    By squares, then by the corners of the box around each outline; what lies alike, by its identifier.
    """
    box = np.nan_to_num(shapely.bounds(np.asarray(frame.geometry.array, dtype=object)), posinf=0, neginf=0)
    column, row = np.floor(box[:, :2] / SQUARE_M).astype(np.int64).T
    square = column * (1 << 32) + row
    west = box[:, 0]
    order = np.lexsort((west, square))
    again = (np.diff(square[order]) == 0) & (np.diff(west[order]) == 0)
    first = ~np.append(False, again)[: len(order)]
    tied = np.flatnonzero(~first | np.append(again, False)[: len(order)])
    rows = order[tied]
    keys = (frame[identifier].iloc[rows].astype("str"), *box[rows, 1:].T)
    order[tied] = rows[np.lexsort((*keys, np.cumsum(first)[tied]))]
    return order


def _levels(tags: pd.Series) -> pd.Series:
    """Return the number of storeys that a tag such as "2", "1.5" or "5;9" states (the highest); NaN if none."""
    highest = tags.astype("str").str.replace(",", ".").str.findall(r"\d+(?:\.\d+)?").map(_highest, na_action="ignore")
    return highest.astype("float64")


def _storeys(height_m: pd.Series) -> pd.Series:
    """Return the number of storeys that a height holds; NaN where it is unknown or that of no building."""
    storeys = (height_m / STOREY_M).round().clip(lower=1)
    return storeys.where((height_m > 0) & (storeys <= MAX_LEVELS))


def _highest(numbers: list[str]) -> float:
    values = [value for value in map(float, numbers) if value <= MAX_LEVELS]
    return max(values, default=float("nan"))


def _odd_levels(osm: gpd.GeoDataFrame) -> list[Notice]:
    """Count the storeys that a tag gives and nobody can read."""
    if "building:levels" not in osm:
        return []
    tags = osm["building:levels"].dropna()
    odd = int(_levels(tags).isna().sum())
    return [Notice("buildings of OpenStreetMap", "levels_unreadable", odd)] * (odd > 0)


def _from_osm(osm: gpd.GeoDataFrame, area_id: str, seen: NDArray[np.object_], heights: pd.Series) -> gpd.GeoDataFrame:
    """Return the buildings whose outline OSM gives; a matched footprint lends its height."""
    out = osm[["osm_id", "footprint_m2", *(tag for tag in TAGS if tag in osm), "geometry"]].copy()
    out["source_id"] = osm.get("source_id", f"osm/{area_id}/1")
    out["seen_by"] = seen
    out["levels"] = _levels(osm["building:levels"]) if "building:levels" in osm else np.nan
    out["height_m"] = heights.reindex(out.index)
    return out


def _from_satellite(
    footprints: gpd.GeoDataFrame, outlines: NDArray[np.object_], area: NDArray[np.float64]
) -> gpd.GeoDataFrame:
    """Return the buildings that only the satellite saw, with outlines that stand right beside those of OSM."""
    columns = ["footprint_id", "source_id", "height_m", "building"]
    out = footprints[[column for column in columns if column in footprints]].copy()
    out["footprint_m2"] = area
    out["osm_id"] = None
    out["seen_by"] = "satellite"
    out["levels"] = np.nan
    return gpd.GeoDataFrame(out, geometry=outlines, crs=footprints.crs)


def _identified(buildings: gpd.GeoDataFrame, centres: NDArray[np.float64], area_id: str) -> gpd.GeoDataFrame:
    """Return the buildings with `building_id`, in its order.

    It is ``<area>/b/<digits>``: longitude and latitude of the centre in millionths of a degree, nine digits each.
    Buildings with one centre (a house in the court of another) are told apart by a running number of two digits, in
    the order of their size.
    """
    east, north = Transformer.from_crs(buildings.crs, "EPSG:4326", always_xy=True).transform(*centres.T)
    lon = np.rint((np.asarray(east) + 180) * _MICRODEGREES).astype(np.int64)
    lat = np.rint((np.asarray(north) + 90) * _MICRODEGREES).astype(np.int64)
    code = lon * 10**9 + lat
    order = np.lexsort((buildings["footprint_m2"].to_numpy(), code))
    code = code[order]
    start = np.flatnonzero(np.diff(code, prepend=-1))
    rank = np.arange(len(code)) - np.repeat(start, np.diff(start, append=len(code)))
    out = buildings.iloc[order].reset_index(drop=True)
    out["building_id"] = [
        f"{area_id}/b/{c:018d}" + (f"{r:02d}" if r else "") for c, r in zip(code.tolist(), rank.tolist(), strict=True)
    ]
    return out
