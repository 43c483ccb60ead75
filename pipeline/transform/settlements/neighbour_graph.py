"""Buildings as a graph of neighbours: what stands close enough together, and what cuts the links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]
Points = Floats
Edges = NDArray[np.int64]
Labels = NDArray[np.int64]
Mask = NDArray[np.bool_]

_STEP_M = 25.0
"""Spacing of the points that stand for a barrier while the links near it are sought."""


def components(count: int, edges: Edges) -> Labels:
    """Return the connected component of each of `count` nodes, numbered by the first node of each."""
    ones = np.ones(len(edges), dtype=bool)
    matrix = coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(count, count))
    labels = connected_components(matrix, directed=False)[1]
    return np.asarray(labels, dtype=np.int64)


def dense(points: Points, links: Edges, reach_m: float, least: int) -> Mask:
    """Mark the points that DBSCAN (Ester et al. 1996) puts into a cluster, shape (n,).

    These are the cores, with at least `least` points within `reach_m` (themselves included), and what has a core within
    reach.

    Parameters
    ----------
    points
        Metres, shape (n, 2).
    links
        Pairs of points within reach of each other, each once, not necessarily all; they spare most look-ups.
    reach_m, least
        What makes a core.
    """
    core = np.bincount(links.ravel(), minlength=len(points)) >= least - 1
    doubtful = np.flatnonzero(~core)
    if len(points) >= least and len(doubtful):
        distance, _ = cKDTree(points).query(points[doubtful], k=[least])
        core[doubtful] = np.asarray(distance)[:, 0] <= reach_m
    rest = doubtful[~core[doubtful]]
    if core.any() and len(rest):
        distance, _ = cKDTree(points[core]).query(points[rest])
        core[rest] = np.asarray(distance) <= reach_m
    return np.asarray(core, dtype=bool)


def crossing(points: Points, edges: Edges, *groups: Sequence[shapely.Geometry] | NDArray[np.object_]) -> list[Mask]:
    """Mark for each group of lines the links that one of them crosses, each of shape (m,).

    Only links near a line are tested: both ends lie within the longest link of it.
    """
    longest = np.hypot(*(points[edges[:, 0]] - points[edges[:, 1]]).T).max(initial=0)
    marks = [np.zeros(len(edges), dtype=bool) for _ in groups]
    links = np.full(len(edges), None, dtype=object)
    for marked, lines in zip(marks, (np.asarray(group, dtype=object) for group in groups), strict=True):
        if not len(lines) or not len(edges):
            continue
        stations = shapely.get_coordinates(shapely.segmentize(lines, _STEP_M))
        distance, _ = cKDTree(stations).query(points, distance_upper_bound=longest + _STEP_M)
        near = np.flatnonzero(np.isfinite(np.asarray(distance))[edges].all(axis=1))
        # Most links are near lines of several groups: making a line of each takes longer than all the rest.
        fresh = near[shapely.is_missing(links[near])]
        links[fresh] = shapely.linestrings(points[edges[fresh]])
        tree = shapely.STRtree(_segments(lines))
        marked[near[np.unique(tree.query(links[near], predicate="intersects")[0])]] = True
    return marks


def _segments(lines: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the straight pieces of lines: small boxes make a tree sharp."""
    coordinates, owner = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
    joined = owner[1:] == owner[:-1]
    return np.asarray(shapely.linestrings(np.stack([coordinates[:-1][joined], coordinates[1:][joined]], axis=1)))
