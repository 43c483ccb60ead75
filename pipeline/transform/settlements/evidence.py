"""What the kind of a settlement is judged by: each measure only as far as the inputs of the city show it at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from pipeline.transform.settlements.barriers import rows_of
from pipeline.transform.settlements.kind_words import kind_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from pipeline.transform.settlements.neighbour_graph import Floats, Labels

HOME_STREETS = frozenset({"residential", "unclassified", "living_street"})
"""Streets that houses stand along: what is a track or a drive is unpaved in any settlement."""
PAVED = frozenset(
    {"asphalt", "paved", "concrete", "paving_stones", "sett", "concrete:plates", "concrete:lanes", "chipseal"}
)
UNPAVED = frozenset(
    {"unpaved", "ground", "dirt", "earth", "gravel", "fine_gravel", "compacted", "sand", "mud", "pebblestone", "grass"}
)
LEAST_STATED_M = 150.0
"""The paving of a settlement is known from this length of streets on …"""
LEAST_STATED_SHARE = 0.1
"""… and from this share of their length."""
BOTH_SHARE = 0.05
"""A city shows paving if this share at least of what is stated is paved, and as much is not."""
LEAST_SERVICES = 10
"""A city shows services from this many within its settlements on."""
LEAST_EXPECTED = 1.0
"""A settlement's services are judged where the city's average lets expect one at least."""
LEAST_HOMES = 8
"""The houses of a settlement have a usual size from this many on."""
LEAST_PLOTS = 50
"""Plots are laid out alike where there are many: the land per building tells something from this many houses on."""
ONE_YEAR_SHARE = 0.95
LEAST_DATED = 5
"""Where so many settlements and more are dated, and this share of them to one year, the raster tells no ages."""
TAGS = {
    "place=village": "village",
    "place=hamlet": "village",
    "place=town": "village",
    "place=isolated_dwelling": "village",
    "place=allotments": "allotments",
    "landuse=allotments": "allotments",
    "place=suburb": "quarter",
    "place=quarter": "quarter",
    "place=neighbourhood": "quarter",
}
"""What a tag of the map says outright; the first of these that an object of the settlement has counts."""
QUARTERS_TELL_IN = frozenset({"KG", "KZ", "TJ", "TM", "UZ"})
"""Countries whose cities grow as those that the weights are fitted on: a quarter is a district of blocks, a village of
old, or a new settlement. Elsewhere it may be a suburb as any other, and its tag tells no kind."""
LISTED = {
    "novostroika": "novostroika",
    "dacha": "dacha",
    "village": "village",
    "dormitory": "blocks",
    "blocks": "blocks",
}
"""What a published list says by the kind of its row; any other kind says nothing."""
COLUMNS = (
    "name_word", "map_tag", "listed", "onset", "unpaved_share", "services_ratio", "flats_share", "home_m2", "plot_m2",
)  # fmt: skip


def gather(
    settlements: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    layers: Mapping[str, gpd.GeoDataFrame],
    onset_year: pd.Series,
    country: str,
) -> pd.DataFrame:
    """Return the evidence for the kind of each settlement, in their order; missing: not observed.

    Parameters
    ----------
    settlements
        As `resolve_names` gives them, metres: `settlement_id`, `map_names`, `map_tags`, `listed_kind`.
    buildings
        With `settlement_id`, `kind`, `footprint_m2`.
    layers
        OSM layers roads and services, in the same CRS.
    onset_year
        First year with a tenth of today's built-up area, by settlement_id; missing where unknown.
    country
        Of the city, two letters: see `QUARTERS_TELL_IN`.

    Returns
    -------
    pandas.DataFrame
        name_word (see `kind_words`), map_tag (of `TAGS`), listed (of `LISTED`); onset (year); unpaved_share (of the
        length of streets with a stated surface); services_ratio (ln of schools, clinics and the like over what the
        city's average per main building lets expect); flats_share (of main buildings); home_m2 (median footprint of
        houses); plot_m2 (land per main building).
    """
    count = len(settlements)
    number = pd.Series(np.arange(count), index=settlements["settlement_id"])
    label = buildings["settlement_id"].map(number).fillna(-1).to_numpy().astype(np.int64)
    kind = buildings["kind"].to_numpy()
    main = (label >= 0) & (kind != "outbuilding")
    mains = np.bincount(label[main], minlength=count).astype(float)
    flats = np.bincount(label[main & (kind == "apartments")], minlength=count)
    home = main & np.isin(kind, ("house", "unknown"))
    homes = np.bincount(label[home], minlength=count)
    size = pd.Series(buildings["footprint_m2"].to_numpy()[home]).groupby(label[home]).median().reindex(np.arange(count))
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "name_word": [kind_word(names.split(";")) for names in settlements["map_names"]],
                "map_tag": [_told(tags.split(";"), country) for tags in settlements["map_tags"]],
                "listed": settlements["listed_kind"].map(LISTED).to_numpy(dtype=object),
                "onset": _onset(
                    onset_year.reindex(settlements["settlement_id"]).to_numpy(dtype=float, na_value=np.nan)
                ),
                "unpaved_share": _unpaved(settlements, layers),
                "services_ratio": _services(settlements, layers, mains),
                "flats_share": flats / np.maximum(mains, 1) if flats.any() else np.nan,
                "home_m2": np.where(homes >= LEAST_HOMES, size.to_numpy(dtype=float), np.nan),
                "plot_m2": np.where(homes >= LEAST_PLOTS, settlements.area.to_numpy() / np.maximum(mains, 1), np.nan),
            },
            index=settlements.index,
        )[list(COLUMNS)]


def _told(tags: list[str], country: str) -> str | None:
    told = next((told for tag, told in TAGS.items() if tag in tags), None)
    return None if told == "quarter" and country not in QUARTERS_TELL_IN else told


def _sum(label: Labels, values: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(label, weights=values, minlength=count), dtype=np.float64)


def _onset(years: Floats) -> Floats:
    """Return the years, or none where one year holds for all: a raster that dates everything alike tells no ages."""
    dated = years[np.isfinite(years)]
    if len(dated) >= LEAST_DATED and np.unique(dated, return_counts=True)[1].max() >= ONE_YEAR_SHARE * len(dated):
        return np.full(len(years), np.nan)
    return years


def _unpaved(settlements: gpd.GeoDataFrame, layers: Mapping[str, gpd.GeoDataFrame]) -> Floats:
    """Return the share of unpaved streets among those of stated paving, by the settlement that holds their middle."""
    count = len(settlements)
    unknown = np.full(count, np.nan)
    roads = rows_of(layers, "roads", "highway", HOME_STREETS)
    if roads is None or roads.empty or "surface" not in roads:
        return unknown
    lines = np.asarray(roads.geometry.array, dtype=object)
    surface = np.array(roads["surface"].astype("str").str.lower(), dtype=object)
    middle = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    line, owner = _held(settlements, middle)
    length = shapely.length(lines)[line]
    total = _sum(owner, length, count)
    paved = _sum(owner, length * np.isin(surface[line], list(PAVED)), count)
    unpaved = _sum(owner, length * np.isin(surface[line], list(UNPAVED)), count)
    stated = paved + unpaved
    if min(paved.sum(), unpaved.sum()) < BOTH_SHARE * stated.sum() or not stated.any():
        return unknown
    known = (stated >= LEAST_STATED_M) & (stated >= LEAST_STATED_SHARE * total)
    return np.where(known, unpaved / stated, np.nan)


def _services(settlements: gpd.GeoDataFrame, layers: Mapping[str, gpd.GeoDataFrame], mains: Floats) -> Floats:
    """Return ln((services + ½) / (expected + ½))."""
    unknown = np.full(len(settlements), np.nan)
    frame = layers.get("services")
    if frame is None or frame.empty:
        return unknown
    places = shapely.point_on_surface(np.asarray(frame.geometry.array, dtype=object))
    services = np.bincount(_held(settlements, places)[1], minlength=len(settlements))
    if services.sum() < LEAST_SERVICES:
        return unknown
    expected = services.sum() * mains / mains.sum()
    return np.where(expected >= LEAST_EXPECTED, np.log((services + 0.5) / (expected + 0.5)), np.nan)


def _held(settlements: gpd.GeoDataFrame, points: NDArray[np.object_]) -> tuple[Labels, Labels]:
    """Return points and the settlements that hold them, as pairs of positions."""
    outlines = np.asarray(settlements.geometry.array, dtype=object)
    point, owner = shapely.STRtree(outlines).query(points, predicate="intersects")
    return np.asarray(point, dtype=np.int64), np.asarray(owner, dtype=np.int64)
