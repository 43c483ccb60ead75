"""How the streets of a settlement are laid out: blocks, dead ends, straightness, connectedness, from an OSMnx graph.

Boeing (2025), "Modeling and analyzing urban networks and amenities with OSMnx", Geographical Analysis 57 (4), has the
terms: a street segment runs from one junction or dead end to the next, and is one edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import osmnx as ox
import pandas as pd
import shapely

from pipeline.transform.settlements.barriers import HIGHWAYS, STREETS, lines_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from pipeline.transform.settlements.neighbour_graph import Floats, Labels, Points

COLUMNS = ("block_ha", "dead_end_share", "straightness", "streets_per_node")
LEAST_NODES = 6
"""Junctions and dead ends from which on a settlement has a layout."""
LEAST_BLOCKS = 3
"""Blocks from which on they have a usual size."""
_MILLIMETRES = 1000.0


def measure(settlements: gpd.GeoDataFrame, layers: Mapping[str, gpd.GeoDataFrame]) -> pd.DataFrame:
    """Return how the streets of each settlement are laid out, in their order; NaN: too few streets are mapped.

    Parameters
    ----------
    settlements
        Outlines in metres.
    layers
        OSM layer roads, in the same CRS.

    Returns
    -------
    pandas.DataFrame
        block_ha (median area of the blocks that streets close, whose middle lies in it), dead_end_share (of its
        junctions and dead ends), straightness (distance between the ends of its streets over their length: 1 over
        OSMnx's circuity), streets_per_node (mean number of streets that meet at a junction or dead end).
    """
    count = len(settlements)
    lines = lines_of(layers, "roads", "highway", HIGHWAYS | STREETS)
    if not len(lines):
        return pd.DataFrame(np.nan, index=settlements.index, columns=list(COLUMNS))
    shapes, ends, points = segments(lines)
    network = graph(ends, shapely.length(shapes), points, settlements.crs)
    meeting = pd.Series(ox.stats.count_streets_per_node(network)).reindex(np.arange(len(points))).to_numpy()
    outlines = np.asarray(settlements.geometry.array, dtype=object)
    node, owner = _held(outlines, np.asarray(shapely.points(points), dtype=object))
    held = np.bincount(owner, minlength=count)
    street, holder = _held(outlines, shapely.line_interpolate_point(shapes, 0.5, normalized=True))
    straight = np.hypot(*(points[ends[:, 0]] - points[ends[:, 1]]).T)
    blocks = np.asarray(shapely.get_parts(shapely.polygonize(shapes)), dtype=object)
    block, around = _held(outlines, shapely.point_on_surface(blocks))
    size = pd.Series(shapely.area(blocks[block]) / 10_000).groupby(around)
    known = held >= LEAST_NODES
    dead_ends = _sum(owner, (meeting[node] == 1).astype(float), count)
    walked = _sum(holder, shapely.length(shapes)[street], count)
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "block_ha": size.median().where(size.size() >= LEAST_BLOCKS).reindex(np.arange(count)).to_numpy(),
                "dead_end_share": np.where(known, dead_ends / held, np.nan),
                "straightness": np.where(known, _sum(holder, straight[street], count) / walked, np.nan),
                "streets_per_node": np.where(known, _sum(owner, meeting[node].astype(float), count) / held, np.nan),
            },
            index=settlements.index,
        )[list(COLUMNS)]


def segments(lines: NDArray[np.object_]) -> tuple[NDArray[np.object_], Labels, Points]:
    """Return the street segments between junctions and dead ends, the nodes at their ends, and where those are.

    Parameters
    ----------
    lines
        Streets as mapped, in metres: they meet where they have a vertex in common, as in OpenStreetMap.

    Returns
    -------
    segments
        Lines, shape (n,).
    ends
        Node at either end, shape (n, 2).
    points
        Coordinates of the nodes, shape (m, 2).
    """
    points, line = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
    _, vertex, times = np.unique(_whole(points), return_inverse=True, return_counts=True)
    cut = times[vertex] > 1
    # A vertex at which streets meet ends one piece and begins the next.
    piece = np.repeat(np.arange(len(points)), 1 + cut)
    second = np.append(False, piece[1:] == piece[:-1])
    number = np.cumsum(second | np.append(False, np.diff(line[piece]) != 0))
    long_enough = np.bincount(number)[number] > 1
    piece, number = piece[long_enough], np.unique(number[long_enough], return_inverse=True)[1]
    merged = shapely.line_merge(shapely.multilinestrings(shapely.linestrings(points[piece], indices=number)))
    parts = np.asarray(shapely.get_parts(merged), dtype=object)
    ends = shapely.get_coordinates(np.stack([shapely.get_point(parts, 0), shapely.get_point(parts, -1)], axis=1))
    _, first, node = np.unique(_whole(ends), return_index=True, return_inverse=True)
    return parts, node.reshape(-1, 2), ends[first]


def graph(ends: Labels, length_m: Floats, points: Points, crs: object) -> nx.MultiDiGraph:
    """Return `segments` as an OSMnx graph: an edge for each, a node where other than two meet."""
    network = nx.MultiDiGraph(crs=crs)
    network.add_nodes_from((node, {"x": x, "y": y}) for node, (x, y) in enumerate(points.tolist()))
    network.add_edges_from(
        (u, v, {"length": metres}) for (u, v), metres in zip(ends.tolist(), length_m.tolist(), strict=True)
    )
    return network


def _whole(points: Points) -> NDArray[np.complex128]:
    """Return places in whole millimetres, each one number, so that equal ones are told fast."""
    whole = np.rint(points * _MILLIMETRES)
    return np.asarray(whole[:, 0] + 1j * whole[:, 1], dtype=np.complex128)


def _held(outlines: NDArray[np.object_], points: NDArray[np.object_]) -> tuple[Labels, Labels]:
    """Return points and the outlines that hold them, as pairs of positions."""
    point, owner = shapely.STRtree(outlines).query(points, predicate="intersects")
    return np.asarray(point, dtype=np.int64), np.asarray(owner, dtype=np.int64)


def _sum(owner: Labels, values: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(owner, weights=values, minlength=count), dtype=np.float64)
