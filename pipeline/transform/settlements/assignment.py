"""Which settlement each building belongs to: polygons of the map first, then places, then the fabric itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from pipeline.transform.buildings.building_use import HOUSE_MAX_M2
from pipeline.transform.buildings.ground import innermost
from pipeline.transform.settlements import osm_places, villages
from pipeline.transform.settlements.division import Partition
from pipeline.transform.settlements.neighbour_graph import components, dense
from pipeline.transform.settlements.tract_merging import OFF_CENTRE, join, tracts
from pipeline.wording.spelling import Key, key

if TYPE_CHECKING:
    from collections.abc import Container

    import geopandas as gpd
    from numpy.typing import NDArray

    from pipeline.transform.settlements.morphology import Fabric
    from pipeline.transform.settlements.neighbour_graph import Edges, Labels, Mask, Points

REACH_M = 100.0
"""Houses within this distance are of one fabric …"""
CORE = 3
"""… where so many, the house itself included, stand together; what is sparser belongs to no cluster."""
LEAST_CLUSTER = 20
"""A cluster without a name is a settlement from this many buildings on (docs/domain.md)."""
LEAST_NAMED = 3
"""A named place or polygon is a settlement from this many buildings on; with less only if a published list names it."""
LEAST_POLYGON = 5
"""A block of flats is as much company for the point of a place as so many houses."""
OUTLINE_M2 = 50_000.0
"""Nameless ground of this size and more outlines a settlement, if not all of it; smaller ground is a parcel of one."""
CITY_SHARE = 0.3
"""A nameless polygon around this share of all buildings is drawn around the city, and outlines nothing …"""
CITY_LEAST = 2000
"""… if there are so many."""
SEVERAL = 2
"""A polygon that holds so many places of other names than its own is a district of settlements."""
SNAP_M = 120.0
"""How far from its nearest house the point of a place may stand."""
SPOT_M = 250.0
"""A mere locality this near to a proper place is no settlement of its own."""


def partition(  # noqa: PLR0913, PLR0917 - the parts of one city
    fabric: Fabric,
    edges: Edges,
    parted: Mask,
    over: Mask,
    links: Edges,
    found: gpd.GeoDataFrame,
    listed: Container[Key] = frozenset(),
) -> Partition:
    """Divide buildings into settlements.

    A building inside a named polygon of the map belongs to the innermost one; one on ground where people work to none.
    The others are clustered by density and links; nameless ground where people live holds together what stands on it.
    A cluster with several named places is divided among them along the shortest ways from house to house; one without
    any is a settlement if it has `LEAST_CLUSTER` buildings. A fragment joins the settlement that it has most links
    with, or none. At last a village takes in what stands around its point, and its nameless neighbours.

    Parameters
    ----------
    fabric
        Measures of the n buildings; only main buildings count towards the least numbers.
    edges
        Links between neighbours that no barrier cuts, at most `REACH_M` long, shape (m, 2).
    parted, over
        Which links a street between quarters crosses, and which a secondary or tertiary one, shape (m,).
    links
        All of them, also those that a barrier cuts, shape (l, 2): a village lies on both sides.
    found
        The objects of `osm_places.objects`.
    listed
        Names (`spelling.key`) that a published list knows.
    """
    buildings = fabric.points
    outlines, places = osm_places.polygons(found), osm_places.points(found)
    spots = shapely.get_coordinates(np.asarray(places.geometry.array, dtype=object))
    outlines = _without_districts(outlines, places, spots)
    holder = innermost(spots, np.asarray(outlines.geometry.array, dtype=object))
    out = Partition(np.full(len(buildings), -1, dtype=np.int64))
    _by_polygon(out, fabric, outlines, places, holder, listed)
    grounds = osm_places.parcels(found)
    parcel, worked = _grounds(buildings, outlines, grounds, places, spots)
    close = dense(buildings, edges, REACH_M, CORE)
    free = (out.label < 0) & ~worked & (close | _near(buildings, spots[~places["spot"].to_numpy(dtype=bool)]))
    streets = bool(parted.any())
    tract = tracts(fabric, edges[~parted], free, parcel, streets=streets)
    weight = np.where(fabric.footprint_m2 > HOUSE_MAX_M2, LEAST_POLYGON, 1)
    size = np.where(free, np.bincount(tract[free], weight[free], minlength=1)[tract], 0)
    seed = _seed_nodes(buildings, size, places, spots, holder)
    ground = _own_ground(parcel, tract, grounds)
    region = _regions(fabric, edges, over, tract, spots, seed, ground, streets=streets)
    _by_fabric(out, fabric, edges, region, places, seed, listed)
    _fragments(out, buildings, edges, ~worked)
    villages.extend(out, fabric, links, places, spots, parcel)
    _keep_peopled(out, fabric.main, found, listed)
    _rest_on_grounds(out, parcel, grounds)
    return out


def _keep_peopled(out: Partition, main: Mask, found: gpd.GeoDataFrame, listed: Container[Key]) -> None:
    """Drop what is left of settlements that gave their houses to others; a few sheds are none."""
    mains = np.bincount(out.label[main & (out.label >= 0)], minlength=len(out.delineation))
    known = {
        osm_id
        for osm_id, name in zip(found["osm_id"], found["name"], strict=True)
        if isinstance(name, str) and key(name) in listed
    }
    out.keep((mains >= LEAST_NAMED) | np.array([not known.isdisjoint(ids) for ids in out.objects], dtype=bool))


def _rest_on_grounds(out: Partition, parcel: Labels, grounds: gpd.GeoDataFrame) -> None:
    """Add to the objects of a settlement the nameless ground that most of its buildings stand on."""
    count = max(len(out.delineation), 1)
    held = (out.label >= 0) & (parcel >= 0)
    code, times = np.unique(parcel[held] * count + out.label[held], return_counts=True)
    ground, settlement = np.divmod(code, count)
    most = 2 * times > np.bincount(out.label[out.label >= 0], minlength=count)[settlement]
    for number, identifier in zip(settlement[most].tolist(), grounds["osm_id"].iloc[ground[most]], strict=True):
        out.objects[number].append(identifier)


def _without_districts(outlines: gpd.GeoDataFrame, places: gpd.GeoDataFrame, spots: Points) -> gpd.GeoDataFrame:
    """Drop the polygons that hold several proper places of other names than their own."""
    proper = ~places["spot"].to_numpy(dtype=bool)
    names = [key(name) for name in places["name"][proper]]
    own = [key(name) for name in outlines["name"]]
    polygon, place = shapely.STRtree(np.asarray(shapely.points(spots[proper]))).query(
        np.asarray(outlines.geometry.array, dtype=object), predicate="intersects"
    )
    others: dict[int, set[Key]] = {}
    for n, p in zip(polygon.tolist(), place.tolist(), strict=True):
        if names[p].base != own[n].base:
            others.setdefault(n, set()).add(names[p])
    keep = np.array([len(others.get(n, ())) < SEVERAL for n in range(len(outlines))], dtype=bool)
    return outlines[keep].reset_index(drop=True)


def _grounds(
    buildings: Points, outlines: gpd.GeoDataFrame, parcels: gpd.GeoDataFrame, places: gpd.GeoDataFrame, spots: Points
) -> tuple[Labels, Mask]:
    """Return the nameless ground that holds each building together with others, -1: none; and what stands on works.

    Ground that holds places of several names, or the city, or one whose place stands off its middle, holds nothing
    together.
    """
    geometry = np.asarray(parcels.geometry.array, dtype=object)
    inner = innermost(buildings, geometry)
    works = parcels["worked"].to_numpy(dtype=bool)
    area = np.append(shapely.area(geometry), np.inf)
    named = innermost(buildings, np.asarray(outlines.geometry.array, dtype=object))
    named_area = np.append(outlines.area.to_numpy(), np.inf)
    worked = np.append(works, False)[inner] & (area[inner] < named_area[named])
    proper = ~places["spot"].to_numpy(dtype=bool)
    place, holder = _held(spots[proper], geometry)
    names: dict[int, set[Key]] = {}
    for name, ground in zip(places["name"][proper].iloc[place], holder.tolist(), strict=True):
        names.setdefault(ground, set()).add(key(name))
    beside = np.hypot(*(spots[proper][place] - shapely.get_coordinates(shapely.centroid(geometry))[holder]).T)
    loose = works.copy()
    loose[holder[beside > OFF_CENTRE * np.sqrt(area[holder] / np.pi)]] = True
    loose[[ground for ground, several in names.items() if len(several) > 1]] = True
    held = np.bincount(inner[inner >= 0], minlength=len(parcels))
    loose |= (held > CITY_SHARE * len(buildings)) & (held >= CITY_LEAST)
    return np.where(np.append(loose, True)[inner], -1, inner), worked


def _held(spots: Points, grounds: NDArray[np.object_]) -> tuple[Labels, Labels]:
    """Return the places that stand on some ground, and the innermost ground of each."""
    ground = innermost(spots, grounds)
    place = np.flatnonzero(ground >= 0)
    return place, ground[place]


def _by_polygon(  # noqa: PLR0913, PLR0917 - the parts of one city
    out: Partition,
    fabric: Fabric,
    outlines: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    holder: Labels,
    listed: Container[Key],
) -> None:
    """Give each building the innermost polygon that holds it; polygons of one name that meet are one settlement."""
    inner = innermost(fabric.points, np.asarray(outlines.geometry.array, dtype=object))
    group = _same_name(outlines)
    held = inner >= 0
    members = np.bincount(group[inner[held & fabric.main]], minlength=len(outlines))
    of_group = np.full(len(inner), -1, dtype=np.int64)
    of_group[held] = group[inner[held]]
    for number in np.unique(group).tolist():
        rows = np.flatnonzero(group == number)
        known = any(key(name) in listed for name in outlines["name"].iloc[rows])
        if members[number] < (1 if known else LEAST_NAMED):
            continue
        ids = [*outlines["osm_id"].iloc[rows], *places["osm_id"][np.isin(holder, rows)]]
        out.add(of_group == number, "osm_polygon", ids)


def _same_name(outlines: gpd.GeoDataFrame) -> Labels:
    """Return for each polygon the first one of its name that it touches, over others of that name, or itself."""
    geometry = np.asarray(outlines.geometry.array, dtype=object)
    i, j = shapely.STRtree(geometry).query(geometry, predicate="intersects")
    names = np.array([str(key(name)) for name in outlines["name"]], dtype=object)
    same = names[i] == names[j]
    group = components(len(outlines), np.stack([i[same], j[same]], axis=1))
    first = np.full(len(outlines), len(outlines), dtype=np.int64)
    np.minimum.at(first, group, np.arange(len(outlines)))
    return first[group]


def _near(buildings: Points, spots: Points) -> Mask:
    """Mark the buildings that a place may stand at."""
    if not len(spots):
        return np.zeros(len(buildings), dtype=bool)
    distance, _ = cKDTree(spots).query(buildings, distance_upper_bound=SNAP_M)
    return np.asarray(np.isfinite(distance), dtype=bool)


def _seed_nodes(
    buildings: Points, tract_size: Labels, places: gpd.GeoDataFrame, spots: Points, holder: Labels
) -> Labels:
    """Return the free building at which each place stands, -1: none (far from any, or in a polygon).

    The nearest one in company (a block of flats is company enough), else a lone one. A locality near a proper place is
    none; of several places at one building the first of the list stays.
    """
    node = np.full(len(places), -1, dtype=np.int64)
    wanted = holder < 0
    is_spot = places["spot"].to_numpy(dtype=bool)
    if is_spot.any() and (~is_spot).any():
        near, _ = cKDTree(spots[~is_spot]).query(spots, distance_upper_bound=SPOT_M)
        wanted &= ~(is_spot & np.isfinite(near))
    for least in (LEAST_POLYGON, 1):
        candidates = np.flatnonzero(tract_size >= least)
        left = np.flatnonzero(wanted & (node < 0))
        if not len(candidates) or not len(left):
            continue
        distance, index = cKDTree(buildings[candidates]).query(spots[left], distance_upper_bound=SNAP_M)
        reached = np.isfinite(np.asarray(distance))
        node[left[reached]] = candidates[np.asarray(index)[reached]]
    _, first = np.unique(node, return_index=True)
    again = np.ones(len(node), dtype=bool)
    again[first] = False
    node[again] = -1
    return node


def _own_ground(parcel: Labels, tract: Labels, grounds: gpd.GeoDataFrame) -> Labels:
    """Return for each tract the nameless ground that outlines a settlement by its size, -1: none."""
    large = np.append(grounds.area.to_numpy() >= OUTLINE_M2, False)
    held = (tract >= 0) & large[parcel]
    out = np.full(int(tract.max(initial=-1)) + 1, -1, dtype=np.int64)
    out[tract[held]] = parcel[held]
    return out


def _regions(  # noqa: PLR0913, PLR0917 - the parts of one city
    fabric: Fabric,
    edges: Edges,
    over: Mask,
    tract: Labels,
    spots: Points,
    seed: Labels,
    ground: Labels,
    *,
    streets: bool,
) -> Labels:
    """Return the region of each free building, -1 for the others: tracts between streets, joined where alike.

    A tract with several places counts as one place in their middle: it is divided later.
    """
    free = tract >= 0
    count = int(tract.max(initial=-1)) + 1
    held = tract[seed[seed >= 0]]
    number = np.bincount(held, minlength=count)
    with np.errstate(invalid="ignore"):
        place = np.stack([np.bincount(held, axis, count) / number for axis in spots[seed >= 0].T], axis=1)
    inner = free[edges].all(axis=1)
    region = join(fabric, tract, edges[inner], over[inner], place, ground, streets=streets)
    return np.where(free, region[tract] if count else -1, -1)


def _by_fabric(  # noqa: PLR0913, PLR0917 - the parts of one city
    out: Partition,
    fabric: Fabric,
    edges: Edges,
    region: Labels,
    places: gpd.GeoDataFrame,
    seed: Labels,
    listed: Container[Key],
) -> None:
    """Make settlements of regions; one with several places is divided among them."""
    free = region >= 0
    inner = edges[region[edges[:, 0]] == region[edges[:, 1]]]
    rooted = np.flatnonzero(seed >= 0)
    source = _nearest_seed(fabric.points, inner, seed[rooted])
    # What no link leads to, over a canal on its own ground, goes with the place of its region, if that has but one.
    places_of = np.bincount(region[seed[rooted]], minlength=int(region.max(initial=0)) + 1)
    only = np.full(len(places_of) + 1, -1, dtype=np.int64)
    only[region[seed[rooted]]] = np.arange(len(rooted))
    only[:-1][places_of != 1] = -1
    source = np.where(source >= 0, source, only[region])
    part = np.where(source >= 0, source, len(rooted) + region)
    numbers, index = np.unique(part[free], return_inverse=True)
    size = np.bincount(index, weights=fabric.main[free]).astype(int)
    order = np.argsort(index, kind="stable")
    groups = np.split(np.flatnonzero(free)[order], np.cumsum(np.bincount(index)))[:-1]
    for number, count, group in zip(numbers.tolist(), size.tolist(), groups, strict=True):
        place = places.iloc[rooted[number]] if number < len(rooted) else None
        if place is not None and (count >= LEAST_NAMED or key(place["name"]) in listed):
            out.add(group, "seed_point+cluster", [place["osm_id"]])
        elif count >= LEAST_CLUSTER:
            out.add(group, "cluster", [])


def _nearest_seed(buildings: Points, edges: Edges, roots: Labels) -> Labels:
    """Return for each building the root with the shortest way along the links, -1: none leads there."""
    if not len(roots):
        return np.full(len(buildings), -1, dtype=np.int64)
    length = np.hypot(*(buildings[edges[:, 0]] - buildings[edges[:, 1]]).T)
    count = len(buildings)
    ways = coo_array((np.maximum(length, 1e-6), (edges[:, 0], edges[:, 1])), shape=(count, count)).tocsr()
    _, _, source = dijkstra(ways, directed=False, indices=roots, return_predecessors=True, min_only=True)
    number = np.full(count + 1, -1, dtype=np.int64)
    number[roots] = np.arange(len(roots))
    return np.where(source >= 0, number[np.maximum(source, 0)], -1)


def _fragments(out: Partition, buildings: Points, edges: Edges, may_join: Mask) -> None:
    """Give what is left to the settlement it has most links with (then the nearest); repeated once for second rows."""
    for _ in range(2):
        left = (out.label < 0) & may_join
        a = np.concatenate([edges[:, 0], edges[:, 1]])
        b = np.concatenate([edges[:, 1], edges[:, 0]])
        reach = np.hypot(*(buildings[a] - buildings[b]).T) <= REACH_M
        joins = left[a] & (out.label[b] >= 0) & reach
        a, target = a[joins], out.label[b[joins]]
        if not len(a):
            return
        code, votes = np.unique(a * len(out.delineation) + target, return_counts=True)
        node, choice = np.divmod(code, len(out.delineation))
        order = np.lexsort((choice, -votes, node))
        node, choice = node[order], choice[order]
        first = np.r_[True, node[1:] != node[:-1]]
        out.label[node[first]] = choice[first]
