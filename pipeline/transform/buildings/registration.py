"""How far the satellite's footprints lie beside OpenStreetMap's outlines, place by place.

Imagery is georeferenced to a few metres, and a mapper may trace a whole settlement from a picture that lies beside the
one the footprints were made from. The displacement is common to a neighbourhood, so that it can be measured on its
houses and taken off before outlines are compared; otherwise a shed would be paired with the house next to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.spatial import cKDTree

from pipeline.transform.buildings.overlaps import overlaps

if TYPE_CHECKING:
    from pipeline.transform.buildings.overlaps import Floats, Geometries

HOUSE_M2 = 45.0
"""Smaller outlines may overlap their neighbour's footprint instead of their own."""
SIMILAR = 1.6
"""Outlines of one house differ in area by less than this factor."""
NEIGHBOURS = 15
"""Pairs whose median displacement holds for a place."""
REACH_M = 400.0
"""Pairs farther away say nothing of a place."""
LEAST = 4
"""Fewer pairs around a place than this: the median of all pairs holds."""
_ROUNDS = 2


def displacement(osm: Geometries, footprints: Geometries) -> Floats:
    """Return by how much each footprint is displaced against OSM, metres, shape (m, 2); zero where nothing tells.

    Of the pairs that overlap and are alike in size, the median displacement of the nearest ones; measured twice, the
    second time with the first displacement taken off.
    """
    shift = np.zeros((len(footprints), 2))
    large_osm = osm[shapely.area(osm) >= HOUSE_M2]
    large = np.flatnonzero(shapely.area(footprints) >= HOUSE_M2)
    if not len(large) or not len(large_osm):
        return shift
    centre = shapely.get_coordinates(shapely.centroid(footprints))
    for _ in range(_ROUNDS):
        place, beside = _pairs(large_osm, moved(footprints[large], -shift[large]), centre[large])
        if len(place) < LEAST:
            return np.zeros((len(footprints), 2))
        shift = _around(centre, place, beside)
    return shift


def moved(outlines: Geometries, by: Floats) -> Geometries:
    """Return outlines moved by a vector each, shape (n, 2)."""
    points, owner = shapely.get_coordinates(outlines, return_index=True)
    return np.asarray(shapely.set_coordinates(outlines.copy(), points + by[owner]), dtype=object)


def _pairs(osm: Geometries, footprints: Geometries, centre: Floats) -> tuple[Floats, Floats]:
    """Return place and displacement of the pairs that are each other's best partner and alike in size."""
    found = overlaps(osm, footprints, least_share=0.3)
    i, j = found.left, found.right
    best = (found.area_m2 >= _largest(i, found.area_m2)) & (found.area_m2 >= _largest(j, found.area_m2))
    ratio = shapely.area(osm)[i] / shapely.area(footprints)[j]
    alike = best & (ratio < SIMILAR) & (ratio > 1 / SIMILAR)
    i, j = i[alike], j[alike]
    return centre[j], centre[j] - shapely.get_coordinates(shapely.centroid(osm[i]))


def _largest(group: np.ndarray[tuple[int], np.dtype[np.int64]], value: Floats) -> Floats:
    """Return for each row the largest value of its group."""
    largest = np.zeros(group.max(initial=0) + 1)
    np.maximum.at(largest, group, value)
    return largest[group]


def _around(points: Floats, place: Floats, beside: Floats) -> Floats:
    """Return the median displacement around each point: that of the pairs nearest to the pair nearest to it."""
    tree = cKDTree(place)
    count = min(NEIGHBOURS, len(place))
    distance, index = tree.query(place, k=range(1, count + 1), distance_upper_bound=REACH_M)
    reached = np.isfinite(distance)
    values = np.where(reached[..., None], beside[np.where(reached, index, 0)], np.nan)
    local = np.nanmedian(values, axis=1)
    overall = np.median(beside, axis=0)
    local[reached.sum(axis=1) < min(LEAST, count)] = overall
    near, nearest = tree.query(points, distance_upper_bound=REACH_M)
    known = np.isfinite(np.asarray(near))
    return np.where(known[:, None], local[np.where(known, nearest, 0)], overall)
