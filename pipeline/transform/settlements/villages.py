"""Villages and small towns reach as far as their houses do: over roads, canals and changes of fabric."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from pipeline.transform.settlements.tract_merging import NONE, Sums, contacts, difference, sums_of

if TYPE_CHECKING:
    import geopandas as gpd

    from pipeline.transform.settlements.division import Partition
    from pipeline.transform.settlements.morphology import Fabric
    from pipeline.transform.settlements.neighbour_graph import Edges, Labels, Mask, Points

NAME_M = 150.0
"""What stands this near to the point of a village, and nearer than to any other place, is that village."""
CONTACT = 2
"""So many links and more between houses make a nameless settlement the neighbour of a village."""
VILLAGE_ALIKE = 5.0
"""A village takes in nameless neighbours up to this difference (see `tract_merging.difference`): it has old and new
houses side by side."""
SMALL_SHARE = 0.25
"""A nameless neighbour of no more than this share of a village's buildings is a quarter of it."""
STREWN_M = 250.0
"""Farms and works this near to a village, and in no other settlement, are of it."""


def extend(  # noqa: PLR0913, PLR0917 - the parts of one city
    out: Partition, fabric: Fabric, links: Edges, places: gpd.GeoDataFrame, spots: Points, parcel: Labels
) -> None:
    """Let the villages of a division take in what stands around their points, nameless neighbours, and what is strewn.

    Parameters
    ----------
    out
        The division, changed in place.
    fabric
        The buildings.
    links
        Between neighbours, also across barriers, shape (m, 2).
    places, spots
        `osm_places.points` and their coordinates.
    parcel
        The nameless ground that holds each building together with others, -1: none, shape (n,).
    """
    seed_of = {objects[0]: number for number, objects in enumerate(out.objects) if objects}
    village = {
        place: seed_of[osm_id]
        for place, (osm_id, whole) in enumerate(zip(places["osm_id"], places["whole"], strict=True))
        if whole and osm_id in seed_of
    }
    if not village:
        return
    _take_near(out, fabric, village, places, spots)
    whole = np.zeros(len(out.delineation), dtype=bool)
    whole[list(village.values())] = True
    _take_neighbours(out, fabric, links, whole, parcel)
    _take_strewn(out, fabric, whole)
    out.keep(np.bincount(out.label[out.label >= 0], minlength=len(out.delineation)) > 0)


def _take_near(
    out: Partition, fabric: Fabric, village: dict[int, int], places: gpd.GeoDataFrame, spots: Points
) -> None:
    """Give a village the buildings around its point that no polygon of another name holds."""
    proper = np.flatnonzero(~places["spot"].to_numpy(dtype=bool))
    distance, nearest = cKDTree(spots[proper]).query(fabric.points, distance_upper_bound=NAME_M)
    outlined = np.array([how == "osm_polygon" for how in out.delineation] + [False])[out.label]
    near = np.flatnonzero(np.isfinite(np.asarray(distance)) & ~outlined)
    own = np.array([village.get(place, -1) for place in proper[np.asarray(nearest)[near]].tolist()], dtype=np.int64)
    out.label[near[own >= 0]] = own[own >= 0]


def _take_neighbours(out: Partition, fabric: Fabric, links: Edges, whole: Mask, parcel: Labels) -> None:
    """Join nameless settlements to the village that they have most links with, again and again, until none is left.

    A neighbour on nameless ground joins a village that is but a rest of houses between such grounds; any other one a
    village of which it is no more than a quarter, if it is not built quite differently.
    """
    count = len(out.delineation)
    nameless = np.array([not objects for objects in out.objects], dtype=bool)
    sums = sums_of(fabric, out.label, count)
    held = out.label >= 0
    core = np.bincount(out.label[held], minlength=count)
    grounded = 2 * np.bincount(out.label[held & (parcel >= 0)], minlength=count) > core
    size = core.copy()
    while True:
        meeting = contacts(fabric.heading, out.label, links, np.zeros(len(links), dtype=bool), count)
        a, b = out.label[np.concatenate([links, links[:, ::-1]])].T
        meets = (a >= 0) & (b >= 0) & nameless[a] & whole[b]
        rest = grounded[a] & ~grounded[b] & (core[b] <= SMALL_SHARE * core[a])
        meets &= rest | (core[a] <= SMALL_SHARE * size[b])
        code, times = np.unique(a[meets] * count + b[meets], return_counts=True)
        code, times = code[times >= CONTACT], times[times >= CONTACT]
        order = np.lexsort((code, -times))
        target = np.arange(count)
        for guest, host in zip(*np.divmod(code[order], count), strict=True):
            within = meeting[guest].get(guest, NONE), meeting[host].get(host, NONE)
            own = Sums(*sums[guest].tolist()), Sums(*sums[host].tolist())
            apart = difference(*own, within, meeting[guest][host])
            if target[guest] == guest and (grounded[guest] or apart <= VILLAGE_ALIKE):
                target[guest] = host
        moved = np.flatnonzero(target != np.arange(count))
        if not len(moved):
            return
        np.add.at(sums, target[moved], sums[moved])
        np.add.at(size, target[moved], size[moved])
        nameless[moved] = False
        out.label[held] = target[out.label[held]]


def _take_strewn(out: Partition, fabric: Fabric, whole: Mask) -> None:
    """Give farms, works and lone houses to the village that is the nearest settlement to them."""
    left, held = np.flatnonzero(out.label < 0), np.flatnonzero(out.label >= 0)
    distance, nearest = cKDTree(fabric.points[held]).query(fabric.points[left], distance_upper_bound=STREWN_M)
    reached = np.isfinite(np.asarray(distance))
    left, settlement = left[reached], out.label[held[np.asarray(nearest)[reached]]]
    out.label[left[whole[settlement]]] = settlement[whole[settlement]]
