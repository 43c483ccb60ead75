"""What a building is: by its tags where a mapper said so, else by its size and its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from pipeline.transform.buildings.ground import worked

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

TAGGED = {
    "house": (
        "house detached semidetached_house semi terrace bungalow cabin farm villa dacha allotment_house ger "
        "static_caravan houseboat"
    ),
    "apartments": "apartments dormitory block barracks",
    "outbuilding": (
        "shed garage garages greenhouse glasshouse barn stable sty cowshed farm_auxiliary outbuilding roof carport "
        "hut toilets container slurry_tank storage_tank sauna bathhouse boathouse tent"
    ),
    "non_residential": (
        "commercial industrial retail office school kindergarten university college hospital clinic mosque church "
        "chapel cathedral temple synagogue shrine religious warehouse supermarket kiosk hotel public civic government "
        "service hangar train_station transportation station terminal bus_station parking fire_station police "
        "manufacture factory stadium sports_hall sports_centre grandstand theatre museum library bank shop mall "
        "restaurant cafe military bunker bridge transformer_tower water_tower power substation boiler_house "
        "gas_station fuel market pavilion prison mausoleum tower silo digester works construction ruins ruin collapsed "
        "abandoned under_construction foundation disused damaged destroyed demolished razed"
    ),
}
"""Values of OSM's key `building` for each kind; any other value says nothing."""
KIND_OF_TAG = {value: kind for kind, values in TAGGED.items() for value in values.split()}

SHED_M2 = 25.0
"""A smaller outline is no dwelling (docs/domain.md: outbuildings below 25 to 30 m²)."""
DOUBTFUL_M2 = 60.0
"""Up to here, an outline beside a house twice its size is the shed or greenhouse of that house."""
NEIGHBOUR_M = 22.0
"""How far the centre of a plot's house lies at most from that of its shed: a plot front of 20 to 25 m."""
HOUSE_MAX_M2 = 350.0
"""The largest cottages; a larger outline of unknown height may be anything."""
HALL_M2 = 600.0
ROUND = 0.97
"""A circle's area over that of its perimeter's square is 1, a square's 0.785; what is as round is a tank or a yurt …"""
ROUND_CORNERS = 9
"""… if it is drawn with so many corners."""
YURT_M2 = 60.0
"""… and no yurt is larger."""
STOREY_M = 3.0
FLATS_LEVELS = 3
SLENDER = 4.0
"""What is so many times as high as wide is a tower or a chimney: blocks of flats stay below."""
STRIP_M, STRIP_RATIO = 7.0, 5.0
"""A rectangle narrower than this and so many times as long is a row of garages or sheds, or a greenhouse …"""
STRAIGHT = 0.8
"""… a rectangle being what fills so much of the smallest one around it, which a bent house does not …"""
BED_M, BED_RATIO, BEDS = 10.0, 3.0, 4
"""… and so is each of so many that are up to so wide, so many times as long, and stand side by side …"""
BED_GAP_M = (0.5, 6.0)
"""… this far apart: houses stand wall to wall, or leave room for a yard."""
SLAB_M, SLAB_RATIO = (9.0, 18.0), 2.0
"""A large outline so wide and so many times as long is as probably a block of flats as a hall, a barn or a school."""


def kinds(
    buildings: gpd.GeoDataFrame, centre: NDArray[np.float64], landuse: gpd.GeoDataFrame | None = None
) -> NDArray[np.object_]:
    """Return what each building is: one of the codes `building_kind` (schema.vocabulary).

    A tag decides where it says anything; then size, storeys, form and neighbours. Large outlines of unknown height are
    "unknown" between the sizes of cottages and halls, and where their form is that of a block of flats.

    Parameters
    ----------
    buildings
        Geometry in metres, `footprint_m2`, `levels`, `height_m` (NaN unknown), and the OSM tags `building`,
        `building:use`, `amenity`, `shop`, `man_made`, `building:flats` where known.
    centre
        Centres of the outlines, shape (n, 2).
    landuse
        OSM's layer: what stands where people work is no home, unless a tag says so. None: not known.
    """
    tag = _text(buildings, "building").str.lower().str.strip()
    use = _text(buildings, "building:use").str.lower().str.strip()
    kind = tag.map(KIND_OF_TAG).fillna(use.map(KIND_OF_TAG)).to_numpy(dtype=object)
    area = buildings["footprint_m2"].to_numpy()
    storeys = buildings["levels"].fillna(buildings["height_m"] / STOREY_M).to_numpy()
    flats = pd.to_numeric(_text(buildings, "building:flats"), errors="coerce").to_numpy() >= 3
    dwelling = ((tag == "residential") | (use == "residential")).to_numpy()
    busy = (_text(buildings, "amenity").ne("") | _text(buildings, "shop").ne("")).to_numpy()
    works = _text(buildings, "man_made").ne("").to_numpy()
    outlines = np.asarray(buildings.geometry.array, dtype=object)
    tank = _round(outlines) & (area > YURT_M2)
    width, length = _sides(outlines)
    if landuse is not None:
        works = works | worked(centre, landuse)
    slender = storeys * STOREY_M >= SLENDER * np.sqrt(area)
    strip = (width < STRIP_M) & (length >= STRIP_RATIO * width) & (area > DOUBTFUL_M2)
    strip[strip] = area[strip] >= STRAIGHT * shapely.area(shapely.oriented_envelope(outlines[strip]))
    slab = (width >= SLAB_M[0]) & (width <= SLAB_M[1]) & (length >= SLAB_RATIO * width)
    tall = (storeys >= FLATS_LEVELS) & (area > HOUSE_MAX_M2 / 2)
    shed = (area < SHED_M2) | ((area < DOUBTFUL_M2) & _beside_larger(area, centre))
    rules = (
        (flats, "apartments"),
        (dwelling, np.where(tall | (area > HALL_M2), "apartments", "house")),
        (busy | works | tank | slender, "non_residential"),
        (shed, "outbuilding"),
        (tall, "apartments"),
        (strip | _beds(outlines, area, width, length), "outbuilding"),
        (area <= HOUSE_MAX_M2, "house"),
        ((area > HALL_M2) & ~slab, "non_residential"),
    )
    guess = np.select([which for which, _ in rules], [value for _, value in rules], default="unknown").astype(object)
    known = ~pd.isna(kind)
    guess[known] = kind[known]
    return guess


def _sides(outlines: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return width and length of the rectangle that has area and perimeter of each outline (rounder: of a square)."""
    half, area = shapely.length(outlines) / 4, shapely.area(outlines)
    off = np.sqrt(np.maximum(half**2 - area, 0))
    return half - off, half + off


def _beds(
    outlines: NDArray[np.object_], area: NDArray[np.float64], width: NDArray[np.float64], length: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Mark long outlines that stand side by side in numbers, as greenhouses and rows of garages do."""
    beds = np.zeros(len(area), dtype=bool)
    long = np.flatnonzero((width <= BED_M) & (length >= BED_RATIO * width) & (area > DOUBTFUL_M2) & (area <= HALL_M2))
    if len(long) < BEDS:
        return beds
    one, other = shapely.STRtree(outlines[long]).query(outlines[long], predicate="dwithin", distance=BED_GAP_M[1])
    apart = shapely.distance(outlines[long[one]], outlines[long[other]]) >= BED_GAP_M[0]
    links = coo_array((np.ones(int(apart.sum())), (one[apart], other[apart])), shape=(len(long), len(long)))
    _, group = connected_components(links, directed=False)
    beds[long] = np.bincount(group)[group] >= BEDS
    return beds


def _round(outlines: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Mark the outlines that are circles (isoperimetric quotient, Polsby and Popper 1991)."""
    length = shapely.length(outlines)
    quotient = 4 * np.pi * shapely.area(outlines) / np.where(length > 0, length, 1) ** 2
    return np.asarray((quotient >= ROUND) & (shapely.get_num_coordinates(outlines) > ROUND_CORNERS), dtype=np.bool_)


def _text(frame: gpd.GeoDataFrame, column: str) -> pd.Series:
    """Return a column of tags, empty where it is missing."""
    if column not in frame:
        return pd.Series("", index=frame.index, dtype="str")
    text: pd.Series = frame[column].astype("str").fillna("")
    return text


def _beside_larger(area: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark small buildings with one at least twice as large, of a house's size, within `NEIGHBOUR_M`."""
    small, house = np.flatnonzero(area < DOUBTFUL_M2), np.flatnonzero((area >= DOUBTFUL_M2) & (area <= HOUSE_MAX_M2))
    beside = np.zeros(len(area), dtype=bool)
    if not len(small) or not len(house):
        return beside
    distance, nearest = cKDTree(centre[house]).query(centre[small], k=1, distance_upper_bound=NEIGHBOUR_M)
    found = np.isfinite(np.asarray(distance))
    beside[small[found]] = area[house[np.asarray(nearest)[found]]] >= 2 * area[small[found]]
    return beside
