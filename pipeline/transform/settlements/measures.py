"""What the kind of a settlement is judged by: measures of its fabric, streets, services, age and place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from pipeline.transform.settlements.barriers import rows_of
from pipeline.transform.settlements.morphology import headings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from pipeline.transform.settlements.neighbour_graph import Floats, Labels

LOCAL_STREETS = frozenset({"residential", "unclassified", "living_street", "service", "track", "road"})
PAVED = frozenset({"asphalt", "paved", "concrete", "paving_stones", "sett", "concrete:plates"})
LARGE_M2 = 350.0
"""No cottage is larger (as in buildings.kinds)."""
DESCRIPTIONS = {
    "footprint": "ln of the median footprint of main buildings, m²",
    "spread": "standard deviation of ln footprint of main buildings",
    "spacing": "ln of the median distance between neighbouring main buildings, m (momepy: mean_interbuilding_distance)",
    "plot": "ln of the land per main building, m²",
    "coverage": "share of the land under roofs (momepy: coverage area ratio)",
    "alignment": "length of the mean heading of walls modulo 90°: 1 one grid, 0 every direction",
    "sheds": "sheds per building",
    "large": "share of main buildings that are flats, no dwellings, or above 350 m²",
    "straightness": "length-weighted chord over length of local streets (momepy: linearity)",
    "paved": "share of the length of local streets with a stated paving, less half: known paved minus known unpaved",
    "services": "ln(1 + schools, clinics and shops per 1,000 main buildings)",
    "onset": "years between 1985 and the first year with a tenth of today's built-up area, in decades",
    "distance": "ln of the distance to the middle of the city's flats and public buildings, km",
}


def measure(
    settlements: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    layers: Mapping[str, gpd.GeoDataFrame],
    onset_year: pd.Series,
) -> pd.DataFrame:
    """Return the measures named in `DESCRIPTIONS`, one row per settlement in their order; NaN: unknown.

    Parameters
    ----------
    settlements
        With `settlement_id`, outlines in metres.
    buildings
        With `settlement_id`, `kind`, `footprint_m2`.
    layers
        OSM layers roads and services, in the same CRS.
    onset_year
        By settlement_id, NaN or missing where unknown.
    """
    identifiers = settlements["settlement_id"]
    number = pd.Series(np.arange(len(identifiers)), index=identifiers)
    label = buildings["settlement_id"].map(number).fillna(-1).to_numpy().astype(np.int64)
    count = len(identifiers)
    inside = label >= 0
    outlines = np.asarray(buildings.geometry.array, dtype=object)
    points = shapely.get_coordinates(shapely.centroid(outlines))
    kind = buildings["kind"].to_numpy()
    area = buildings["footprint_m2"].to_numpy()
    main = inside & (kind != "outbuilding")
    mains = np.maximum(np.bincount(label[main], minlength=count), 1)
    land = settlements.area.to_numpy()
    size = pd.Series(np.log(area[main])).groupby(label[main])
    large = main & (np.isin(kind, ("apartments", "non_residential")) | (area > LARGE_M2))
    heading = headings(outlines[main])
    mean = (_sum(label[main], heading.real, count) + 1j * _sum(label[main], heading.imag, count)) / mains
    every = np.arange(count)
    return pd.DataFrame(
        {
            "footprint": size.median().reindex(every).to_numpy(),
            "spread": size.std().reindex(every).to_numpy(),
            "spacing": _spacing(points[main], label[main], count),
            "plot": np.log(land / mains),
            "coverage": np.clip(_sum(label[inside], area[inside], count) / land, 0, 1),
            "alignment": np.abs(mean),
            "sheds": 1 - mains / np.maximum(np.bincount(label[inside], minlength=count), 1),
            "large": np.bincount(label[large], minlength=count) / mains,
            **_streets(settlements, layers),
            "services": np.log1p(1000 * _services(settlements, layers) / mains),
            "onset": (onset_year.reindex(identifiers).to_numpy(dtype=float) - 1985) / 10,
            "distance": _distance(settlements, points, large),
        },
        index=settlements.index,
    )[list(DESCRIPTIONS)]


def _sum(label: Labels, values: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(label, weights=values, minlength=count), dtype=np.float64)


def _spacing(points: Floats, label: Labels, count: int) -> Floats:
    """Return ln of the median distance to the nearest main building of the same settlement."""
    if len(points) < 2:
        return np.full(count, np.nan)
    distance = np.asarray(cKDTree(points).query(points, k=2)[0])[:, 1]
    median = pd.Series(distance).groupby(label).median().reindex(np.arange(count)).to_numpy(dtype=float)
    return np.asarray(np.log(np.maximum(median, 1.0)), dtype=np.float64)


def _streets(settlements: gpd.GeoDataFrame, layers: Mapping[str, gpd.GeoDataFrame]) -> dict[str, Floats]:
    """Return straightness and paving of the local streets whose middle lies in each settlement."""
    count = len(settlements)
    unknown = np.full(count, np.nan)
    roads = rows_of(layers, "roads", "highway", LOCAL_STREETS)
    if roads is None or roads.empty:
        return {"straightness": unknown, "paved": unknown}
    lines = np.asarray(roads.geometry.array, dtype=object)
    surface = roads["surface"] if "surface" in roads else pd.Series(None, index=roads.index, dtype="str")
    stated = np.array(surface, dtype=object)
    middle = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    line, owner = shapely.STRtree(np.asarray(settlements.geometry.array, dtype=object)).query(
        middle, predicate="intersects"
    )
    length = shapely.length(lines)[line]
    chord = shapely.distance(shapely.get_point(lines, 0), shapely.get_point(lines, -1))[line]
    total = _sum(owner, length, count)
    known = np.array([isinstance(value, str) for value in stated[line]], dtype=bool)
    sign = np.where(known, np.where(np.isin(stated[line].astype(str), list(PAVED)), 0.5, -0.5), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "straightness": np.where(total > 0, _sum(owner, chord, count) / total, np.nan),
            "paved": np.where(total > 0, _sum(owner, length * sign, count) / total, np.nan),
        }


def _services(settlements: gpd.GeoDataFrame, layers: Mapping[str, gpd.GeoDataFrame]) -> NDArray[np.int64]:
    frame = layers.get("services")
    if frame is None or frame.empty:
        return np.zeros(len(settlements), dtype=np.int64)
    places = shapely.point_on_surface(np.asarray(frame.geometry.array, dtype=object))
    tree = shapely.STRtree(np.asarray(settlements.geometry.array, dtype=object))
    return np.bincount(tree.query(places, predicate="intersects")[1], minlength=len(settlements))


def _distance(settlements: gpd.GeoDataFrame, points: Floats, large: NDArray[np.bool_]) -> Floats:
    """Return ln of 1 + km to the median place of the city's large buildings (of all buildings, if it has none)."""
    centre = np.median(points[large] if large.any() else points, axis=0) if len(points) else np.zeros(2)
    middle = shapely.get_coordinates(shapely.centroid(np.asarray(settlements.geometry.array, dtype=object)))
    return np.asarray(np.log1p(np.hypot(*(middle - centre).T) / 1000), dtype=np.float64)
