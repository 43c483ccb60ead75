"""Which settlement each building belongs to: polygons of the map first, then places, then the fabric itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from pipeline.transform.buildings.building_use import HOUSE_MAX_M2
from pipeline.transform.settlements import osm_places
from pipeline.transform.settlements.neighbour_graph import components, dense
from pipeline.transform.settlements.tract_merging import OFF_CENTRE, join, sums_of, tracts
from pipeline.wording.spelling import key

if TYPE_CHECKING:
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
LEAST_SEEDED = 1
"""A named place is a settlement even with the single house that it stands at."""
LEAST_POLYGON = 5
"""A land-use polygon without a name is one from this many on; a named polygon always, even with a single house."""
SNAP_M = 120.0
"""How far from its nearest house the point of a place may stand."""
SPOT_M = 250.0
"""A mere locality this near to a proper place is no settlement of its own."""


@dataclass(slots=True)
class Partition:
    """Settlement of each building, and what each settlement rests on."""

    label: Labels
    """Shape (n,), -1: none."""
    delineation: list[str] = field(default_factory=list)
    """For each settlement ``osm_polygon``, ``seed_point+cluster`` or ``cluster``."""
    objects: list[list[str]] = field(default_factory=list)
    """For each settlement the identifiers of the OSM objects that it rests on; the first one outlines or seeds it."""

    def add(self, which: NDArray[np.int64] | Mask, delineation: str, objects: list[str]) -> None:
        """Make a new settlement of some buildings."""
        self.label[which] = len(self.delineation)
        self.delineation.append(delineation)
        self.objects.append(objects)


def partition(fabric: Fabric, edges: Edges, parted: Mask, found: gpd.GeoDataFrame) -> Partition:
    """Divide buildings into settlements.

    A building inside a polygon of the map (named, or of residential land) belongs to the innermost one. The others
    are clustered by density and links. A cluster with several named places is divided among them along the shortest
    ways from house to house; one without any is a settlement if it has `LEAST_CLUSTER` buildings. A fragment joins
    the settlement that it has most links with, or none.

    Parameters
    ----------
    fabric
        Measures of the n buildings; only main buildings count towards the least numbers.
    edges
        Links between neighbours that no barrier cuts, at most `REACH_M` long, shape (m, 2).
    parted
        Which links a street between quarters crosses, shape (m,).
    found
        The objects of `seeds.objects`.
    """
    buildings, main = fabric.points, fabric.main
    outlines, places = osm_places.polygons(found), osm_places.points(found)
    spots = shapely.get_coordinates(np.asarray(places.geometry.array, dtype=object))
    holder = osm_places.inside(spots, np.asarray(outlines.geometry.array, dtype=object))
    outlines, holder = _without_crowded(outlines, places, holder)
    out = Partition(np.full(len(buildings), -1, dtype=np.int64))
    _by_polygon(out, buildings, main, outlines, places, holder)
    close = dense(buildings, edges, REACH_M, CORE)
    free = (out.label < 0) & (close | _near(buildings, spots[~places["spot"].to_numpy(dtype=bool)]))
    tract = tracts(len(free), edges[~parted], free)
    weight = np.where(fabric.footprint_m2 > HOUSE_MAX_M2, LEAST_POLYGON, 1)
    size = np.where(free, np.bincount(tract[free], weight[free], minlength=1)[tract], 0)
    seed = _seed_nodes(buildings, size, places, spots, holder)
    region = _regions(fabric, edges, tract, spots, seed)
    _by_fabric(out, fabric, edges, region, places["osm_id"].to_numpy(), seed)
    _fragments(out, buildings, edges)
    return out


def _without_crowded(
    outlines: gpd.GeoDataFrame, places: gpd.GeoDataFrame, holder: Labels
) -> tuple[gpd.GeoDataFrame, Labels]:
    """Drop nameless polygons that outline more than a settlement.

    They hold several places of different names, or a place that does not stand in their midst.
    """
    names: dict[int, set[str]] = {}
    held = np.flatnonzero((holder >= 0) & ~places["spot"].to_numpy(dtype=bool))
    for place in held.tolist():
        names.setdefault(int(holder[place]), set()).add(str(key(places["name"].iloc[place])))
    around = np.asarray(outlines.geometry.array, dtype=object)[holder[held]]
    beside = shapely.distance(np.asarray(places.geometry.array, dtype=object)[held], shapely.centroid(around))
    crowded = {int(n) for n in holder[held][beside > OFF_CENTRE * np.sqrt(shapely.area(around) / np.pi)]}
    crowded |= {polygon for polygon, several in names.items() if len(several) > 1}
    keep = np.ones(len(outlines), dtype=bool)
    keep[[polygon for polygon in crowded if outlines["name"].isna()[polygon]]] = False
    # The last entry serves the places that no polygon holds (-1).
    number = np.append(np.where(keep, np.cumsum(keep) - 1, -1), -1)
    return outlines[keep].reset_index(drop=True), number[holder]


def _by_polygon(  # noqa: PLR0913, PLR0917 - the parts of one city
    out: Partition,
    buildings: Points,
    main: Mask,
    outlines: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    holder: Labels,
) -> None:
    """Give each building the innermost polygon that holds it; polygons of one name that meet are one settlement."""
    geometry = np.asarray(outlines.geometry.array, dtype=object)
    inner = osm_places.inside(buildings, geometry)
    group = _same_name(outlines)
    held = inner >= 0
    size = np.bincount(group[inner[held & main]], minlength=len(outlines))
    members = np.bincount(group[inner[held]], minlength=len(outlines))
    of_group = np.full(len(buildings), -1, dtype=np.int64)
    of_group[held] = group[inner[held]]
    proper = ~places["spot"].to_numpy(dtype=bool)
    for number in np.unique(group).tolist():
        rows = np.flatnonzero(group == number)
        named = outlines["name"].iloc[rows].notna().any() or np.isin(holder[proper], rows).any()
        least = 1 if named else LEAST_POLYGON
        if (members if named else size)[number] < least:
            continue
        ids = [*outlines["osm_id"].iloc[rows], *places["osm_id"][np.isin(holder, rows)]]
        out.add(of_group == number, "osm_polygon", ids)


def _same_name(outlines: gpd.GeoDataFrame) -> Labels:
    """Return for each polygon the first one of its name that it touches, over others of that name, or itself."""
    geometry = np.asarray(outlines.geometry.array, dtype=object)
    i, j = shapely.STRtree(geometry).query(geometry, predicate="intersects")
    names = np.array([str(key(name)) if isinstance(name, str) else "" for name in outlines["name"]], dtype=object)
    same = (names[i] == names[j]) & (names[i] != "")
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


def _regions(fabric: Fabric, edges: Edges, tract: Labels, spots: Points, seed: Labels) -> Labels:
    """Return the region of each free building, -1 for the others: tracts between streets, joined where alike.

    A tract with several places counts as one place in their middle: it is divided later.
    """
    free = tract >= 0
    count = int(tract.max(initial=-1)) + 1
    held = tract[seed[seed >= 0]]
    number = np.bincount(held, minlength=count)
    with np.errstate(invalid="ignore"):
        place = np.stack([np.bincount(held, axis, count) / number for axis in spots[seed >= 0].T], axis=1)
    inner = edges[free[edges].all(axis=1)]
    region = join(tract, inner, sums_of(fabric, tract, count), place)
    return np.where(free, region[tract] if count else -1, -1)


def _by_fabric(  # noqa: PLR0913, PLR0917 - the parts of one city
    out: Partition, fabric: Fabric, edges: Edges, region: Labels, identifiers: NDArray[np.object_], seed: Labels
) -> None:
    """Make settlements of regions; one with several places is divided among them."""
    free = region >= 0
    inner = edges[region[edges[:, 0]] == region[edges[:, 1]]]
    rooted = np.flatnonzero(seed >= 0)
    source = _nearest_seed(fabric.points, inner, seed[rooted])
    part = np.where(source >= 0, source, len(rooted) + region)
    numbers, index = np.unique(part[free], return_inverse=True)
    size = np.bincount(index, weights=fabric.main[free]).astype(int)
    order = np.argsort(index, kind="stable")
    groups = np.split(np.flatnonzero(free)[order], np.cumsum(np.bincount(index)))[:-1]
    for number, count, group in zip(numbers.tolist(), size.tolist(), groups, strict=True):
        if number < len(rooted) and len(group) >= LEAST_SEEDED:
            out.add(group, "seed_point+cluster", [identifiers[rooted[number]]])
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


def _fragments(out: Partition, buildings: Points, edges: Edges) -> None:
    """Give what is left to the settlement it has most links with (then the nearest); repeated once for second rows."""
    for _ in range(2):
        left = out.label < 0
        a = np.concatenate([edges[:, 0], edges[:, 1]])
        b = np.concatenate([edges[:, 1], edges[:, 0]])
        reach = np.hypot(*(buildings[a] - buildings[b]).T) <= REACH_M
        joins = left[a] & ~left[b] & reach
        a, target = a[joins], out.label[b[joins]]
        if not len(a):
            return
        code, votes = np.unique(a * len(out.delineation) + target, return_counts=True)
        node, choice = np.divmod(code, len(out.delineation))
        order = np.lexsort((choice, -votes, node))
        node, choice = node[order], choice[order]
        first = np.r_[True, node[1:] != node[:-1]]
        out.label[node[first]] = choice[first]
