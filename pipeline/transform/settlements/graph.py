"""Buildings as a graph of neighbours: density labels, Delaunay links, and what cuts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, QhullError, cKDTree

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


def density_labels(points: Points, reach_m: float, least: int) -> Labels:
    """Label clusters of points as DBSCAN does (Ester et al. 1996); -1: in none.

    A point with at least `least` points within `reach_m` (itself included) is a core; cores within reach of each other
    are one cluster, and any other point joins the cluster of the nearest core within reach (DBSCAN leaves that to the
    order of the input). Pairs from a k-d tree and connected components do it in O(n log n).
    """
    pairs = cKDTree(points).query_pairs(reach_m, output_type="ndarray")
    degree = np.bincount(pairs.ravel(), minlength=len(points)) + 1
    core = degree >= least
    both = core[pairs].all(axis=1)
    found = components(len(points), pairs[both])
    labels = np.where(core, found, -1)
    mixed = pairs[core[pairs].sum(axis=1) == 1]
    border = np.where(core[mixed[:, 0]], mixed[:, 1], mixed[:, 0])
    anchor = np.where(core[mixed[:, 0]], mixed[:, 0], mixed[:, 1])
    distance = np.hypot(*(points[border] - points[anchor]).T)
    order = np.lexsort((*points[anchor].T, distance))[::-1]
    labels[border[order]] = found[anchor[order]]
    return labels


def neighbours(points: Points, limit_m: float) -> Edges:
    """Return the Delaunay links of at most `limit_m` between points, shape (m, 2), each once, ordered.

    Points that fall on one place, which a triangulation leaves out, are linked to the one that it kept.
    """
    if len(points) < 2:
        return np.empty((0, 2), dtype=np.int64)
    shifted = points - points.mean(axis=0)
    try:
        mesh = Delaunay(shifted)
    except QhullError:  # fewer than three points, or all on a line: each is linked to the next two
        return _along_a_line(points, limit_m)
    corners = mesh.simplices.astype(np.int64)
    edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]], mesh.coplanar[:, [0, 2]]])
    edges.sort(axis=1)
    length = np.hypot(*(points[edges[:, 0]] - points[edges[:, 1]]).T)
    edges = edges[length <= limit_m]
    code = np.sort(edges[:, 0] * len(points) + edges[:, 1])
    code = code[np.diff(code, prepend=-1) > 0]
    return np.stack(np.divmod(code, len(points)), axis=1)


def _along_a_line(points: Points, limit_m: float) -> Edges:
    order = np.lexsort(points.T)
    edges = np.sort(np.stack([order[:-1], order[1:]], axis=1), axis=1)
    length = np.hypot(*(points[edges[:, 0]] - points[edges[:, 1]]).T)
    return np.asarray(edges[length <= limit_m], dtype=np.int64)


def crossing(points: Points, edges: Edges, lines: Sequence[shapely.Geometry] | NDArray[np.object_]) -> Mask:
    """Mark the links that a line crosses, shape (m,).

    Only links near a line are tested: both ends lie within the longest link of it.
    """
    lines = np.asarray(lines, dtype=object)
    marked = np.zeros(len(edges), dtype=bool)
    if not len(lines) or not len(edges):
        return marked
    longest = np.hypot(*(points[edges[:, 0]] - points[edges[:, 1]]).T).max()
    stations = shapely.get_coordinates(shapely.segmentize(lines, _STEP_M))
    distance, _ = cKDTree(stations).query(points, distance_upper_bound=longest + _STEP_M)
    near = np.flatnonzero(np.isfinite(np.asarray(distance))[edges].all(axis=1))
    links = shapely.linestrings(points[edges[near]])
    tree = shapely.STRtree(_segments(lines))
    marked[near[np.unique(tree.query(links, predicate="intersects")[0])]] = True
    return marked


def _segments(lines: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the straight pieces of lines: small boxes make a tree sharp."""
    coordinates, owner = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
    joined = owner[1:] == owner[:-1]
    return np.asarray(shapely.linestrings(np.stack([coordinates[:-1][joined], coordinates[1:][joined]], axis=1)))
