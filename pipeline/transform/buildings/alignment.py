"""How far the satellite's footprints lie beside OpenStreetMap's outlines, place by place.

Imagery is georeferenced to a few metres, and a mapper may trace a whole settlement from a picture that lies beside the
one the footprints were made from. The displacement is common to a neighbourhood, so that it can be measured on its
houses and taken off before outlines are compared; otherwise a shed would be paired with the house next to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from pipeline.geometry.arrays import Floats, Ints
    from pipeline.geometry.outline_overlap import Outlines

HOUSE_M2 = 45.0
"""Smaller outlines may stand nearer to a neighbour's footprint than to their own."""
SIMILAR = 1.6
"""Outlines of one house differ in area by less than this factor."""
REACH_M = (7.0, 3.0)
"""How far apart the centres of one house may lie, before and after the first displacement is taken off."""
NEIGHBOURS = 7
"""Pairs whose median displacement holds for a place."""
AROUND_M = 150.0
"""Pairs farther away say nothing of a place: the median of all pairs holds there."""
LEAST = 4
"""Fewer pairs in all than this tell nothing."""


def displacement(osm: Outlines, footprints: Outlines) -> Floats:
    """Return by how much each footprint is displaced against OSM, metres, shape (m, 2); zero where nothing tells.

    Of the houses whose centres are nearest to each other and that are alike in size, the median displacement of the
    nearest ones; measured twice, the second time with the first displacement taken off and a shorter reach.
    """
    shift = np.zeros((len(footprints), 2))
    large_osm, large = np.flatnonzero(osm.area >= HOUSE_M2), np.flatnonzero(footprints.area >= HOUSE_M2)
    for reach in REACH_M:
        there, here = osm.centre[large_osm], footprints.centre[large]
        i, j = _mutual(there, here - shift[large], reach)
        ratio = osm.area[large_osm[i]] / footprints.area[large[j]]
        alike = (ratio < SIMILAR) & (ratio > 1 / SIMILAR)
        i, j = i[alike], j[alike]
        if len(i) < LEAST:
            return np.zeros((len(footprints), 2))
        shift = _around(footprints.centre, here[j], here[j] - there[i])
    return shift


def _mutual(a: Floats, b: Floats, reach: float) -> tuple[Ints, Ints]:
    """Return the pairs of points within a reach: the nearest of `a` for each of `b`, each of `a` once, the closest."""
    if not len(a) or not len(b):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    distance, nearest = cKDTree(a).query(b, distance_upper_bound=reach)
    distance, nearest = np.asarray(distance), np.asarray(nearest)
    closest = np.full(len(a) + 1, np.inf)
    np.minimum.at(closest, nearest, distance)
    j = np.flatnonzero(np.isfinite(distance) & (distance == closest[nearest]))
    return nearest[j], j


def _around(points: Floats, place: Floats, beside: Floats) -> Floats:
    """Return the median displacement around each point: that of the pairs nearest to the pair nearest to it."""
    overall = np.median(beside, axis=0)
    count = min(NEIGHBOURS, len(place))
    tree = cKDTree(place)
    _, index = tree.query(place, k=range(1, count + 1), distance_upper_bound=AROUND_M)
    known = np.concatenate([beside, overall[None]])
    ranked = (np.sort(component[index], axis=1) for component in known.T)
    local = np.stack([(r[:, (count - 1) // 2] + r[:, count // 2]) / 2 for r in ranked], axis=1)
    near, nearest = tree.query(points, distance_upper_bound=AROUND_M)
    within = np.isfinite(np.asarray(near))
    return np.where(within[:, None], local[np.where(within, nearest, 0)], overall)
