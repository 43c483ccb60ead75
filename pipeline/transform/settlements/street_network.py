"""How the streets of a settlement are laid out: blocks, dead ends, straightness, connectedness, from an OSMnx graph.

Boeing (2025), "Modeling and analyzing urban networks and amenities with OSMnx", Geographical Analysis 57 (4), has the
terms: a street segment runs from one junction or dead end to the next, and is one edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import osmnx as ox
import pandas as pd
import shapely

from pipeline.transform.settlements.barriers import HIGHWAYS, STREETS, lines_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import networkx as nx
    from numpy.typing import NDArray

    from pipeline.transform.settlements.neighbour_graph import Floats, Labels

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
    network = graph(lines, settlements.crs)
    nodes, streets = ox.convert.graph_to_gdfs(network, fill_edge_geometry=False)
    meeting = pd.Series(ox.stats.count_streets_per_node(network)).reindex(nodes.index).to_numpy()
    outlines = np.asarray(settlements.geometry.array, dtype=object)
    node, owner = _held(outlines, np.asarray(nodes.geometry.array, dtype=object))
    held = np.bincount(owner, minlength=count)
    shapes = np.asarray(streets.geometry.array, dtype=object)
    street, holder = _held(outlines, shapely.line_interpolate_point(shapes, 0.5, normalized=True))
    straight = shapely.distance(shapely.get_point(shapes, 0), shapely.get_point(shapes, -1))
    blocks = np.asarray(shapely.get_parts(shapely.polygonize(shapes)), dtype=object)
    block, around = _held(outlines, shapely.point_on_surface(blocks))
    size = pd.Series(shapely.area(blocks[block]) / 10_000).groupby(around)
    known = held >= LEAST_NODES
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "block_ha": size.median().where(size.size() >= LEAST_BLOCKS).reindex(np.arange(count)).to_numpy(),
                "dead_end_share": np.where(known, _sum(owner, meeting[node] == 1, count) / held, np.nan),
                "straightness": np.where(
                    known,
                    _sum(holder, straight[street], count)
                    / _sum(holder, streets["length"].to_numpy()[street], count),
                    np.nan,
                ),
                "streets_per_node": np.where(known, _sum(owner, meeting[node], count) / held, np.nan),
            },
            index=settlements.index,
        )[list(COLUMNS)]


def graph(lines: NDArray[np.object_], crs: object) -> nx.MultiDiGraph:
    """Return streets as an OSMnx graph: an edge for each segment, a node where other than two segments meet.

    Parameters
    ----------
    lines
        Streets as mapped, in metres: they meet where they have a vertex in common, as in OpenStreetMap.
    crs
        Their CRS.
    """
    points, line = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
    _, vertex, times = np.unique(
        np.rint(points * _MILLIMETRES).astype(np.int64), axis=0, return_inverse=True, return_counts=True
    )
    vertex = vertex.ravel()
    cut = times[vertex] > 1
    # A vertex at which streets meet ends one piece and begins the next.
    piece = np.repeat(np.arange(len(points)), 1 + cut)
    second = np.append(False, piece[1:] == piece[:-1])
    number = np.cumsum(second | np.append(False, np.diff(line[piece]) != 0))
    long_enough = np.bincount(number)[number] > 1
    piece, number = piece[long_enough], np.unique(number[long_enough], return_inverse=True)[1]
    merged = shapely.line_merge(shapely.multilinestrings(shapely.linestrings(points[piece], indices=number)))
    segments = np.asarray(shapely.get_parts(merged), dtype=object)
    ends = shapely.get_coordinates(np.stack([shapely.get_point(segments, 0), shapely.get_point(segments, -1)], axis=1))
    _, first, node = np.unique(
        np.rint(ends * _MILLIMETRES).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    u, v = node.reshape(-1, 2).T
    edges = gpd.GeoDataFrame({"u": u, "v": v, "length": shapely.length(segments)}, geometry=segments, crs=crs)
    edges["key"] = edges.groupby(["u", "v"]).cumcount()
    nodes = gpd.GeoDataFrame(dict(zip("xy", ends[first].T, strict=True)), geometry=shapely.points(ends[first]), crs=crs)
    return ox.convert.graph_from_gdfs(nodes, edges.set_index(["u", "v", "key"]))


def _held(outlines: NDArray[np.object_], points: NDArray[np.object_]) -> tuple[Labels, Labels]:
    """Return points and the outlines that hold them, as pairs of positions."""
    point, owner = shapely.STRtree(outlines).query(points, predicate="intersects")
    return np.asarray(point, dtype=np.int64), np.asarray(owner, dtype=np.int64)


def _sum(owner: Labels, values: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(owner, weights=values, minlength=count), dtype=np.float64)
