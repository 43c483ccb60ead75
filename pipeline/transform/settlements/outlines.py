"""Outlines of settlements from their buildings: concave, without overlaps, the same however the city is turned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.spatial import cKDTree

from pipeline.geometry.polygon_validity import area_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.geometry.alpha_complex import Mesh
    from pipeline.transform.settlements.neighbour_graph import Edges, Floats, Labels, Mask, Points

SPAN_M = 90.0
"""Longest side of a triangle of neighbours that still is fabric: three plots, an empty one or a street with verges."""
PLOT_SHARE = 0.25
"""The land of a settlement reaches this share of a plot's side beyond the walls of its outermost houses …"""
MARGIN_M = (8.0, 40.0)
"""… but no less and no more than this beyond their centres."""
HOLE_M2 = 5_000.0
"""Smaller holes are squares and gardens (docs/domain.md: holes below 0.5 ha are filled)."""
_TOUCH_M2 = 1e-3


def outlines(  # noqa: PLR0913, PLR0917 - the parts of one city
    points: Points, net: Mesh, labels: Labels, count: int, footprint_m2: Floats, main: Mask
) -> NDArray[np.object_]:
    """Return the outline of each of `count` settlements, shape (count,).

    The triangles of neighbours whose corners are of one settlement and whose sides are short (an alpha shape,
    Edelsbrunner et al. 1983) make its core; what no triangle holds joins by its links. The core is widened by half the
    settlement's usual spacing; where two widened outlines meet, each keeps what is nearer to its own buildings.

    Parameters
    ----------
    points
        Buildings, metres, shape (n, 2).
    net
        Triangles and links of all of them.
    labels
        Settlement of each building, 0 to count - 1; -1: none. Every settlement has at least one.
    count
        How many settlements there are.
    footprint_m2
        Areas of the buildings, shape (n,).
    main
        Which buildings are no sheds, shape (n,).
    """
    if not count:
        return np.empty(0, dtype=object)
    inside = np.flatnonzero(labels >= 0)
    cores = _cores(points, net, labels, count)
    shapes = shapely.buffer(cores, _margins(cores, labels[inside], footprint_m2[inside], main[inside]), quad_segs=4)
    return _without_overlaps(_without_small_holes(shapes), points[inside], labels[inside])


def _cores(points: Points, net: Mesh, labels: Labels, count: int) -> NDArray[np.object_]:
    """Return triangles, links and single points of each settlement as one geometry each."""
    links = net.links[_inner(points, labels, net.links)]
    sides = net.triangles[:, [[0, 1], [1, 2], [0, 2]]]
    sides = sides[_inner(points, labels, sides).all(axis=1)].reshape(-1, 2)
    code, times = np.unique(_code(sides, len(points)), return_counts=True)
    rims = _by_owner(points, labels, np.stack(np.divmod(code[times == 1], len(points)), axis=1))
    bare = _by_owner(points, labels, links[~np.isin(_code(links, len(points)), code, assume_unique=True)])
    lone = labels >= 0
    lone[links] = False
    cores = np.empty(count, dtype=object)
    for number in range(count):
        parts: list[object] = [shapely.build_area(shapely.multilinestrings(rims[number]))] if number in rims else []
        parts += [shapely.multilinestrings(bare[number])] if number in bare else []
        cores[number] = shapely.geometrycollections(np.array(parts, dtype=object))
    for node in np.flatnonzero(lone):
        number = labels[node]
        cores[number] = shapely.geometrycollections([*shapely.get_parts(cores[number]), shapely.points(points[node])])
    return cores


def _inner(points: Points, labels: Labels, pairs: Edges) -> Mask:
    """Mark the pairs of buildings, shape (..., 2), that stand near to each other in one settlement."""
    first, second = pairs[..., 0], pairs[..., 1]
    short = np.hypot(*np.moveaxis(points[first] - points[second], -1, 0)) <= SPAN_M
    return np.asarray(short & (labels[first] == labels[second]) & (labels[first] >= 0), dtype=bool)


def _code(pairs: Edges, count: int) -> Labels:
    """Return one number for each pair, whichever way round."""
    code: Labels = np.minimum(pairs[:, 0], pairs[:, 1]) * count + np.maximum(pairs[:, 0], pairs[:, 1])
    return code


def _by_owner(points: Points, labels: Labels, sides: Edges) -> dict[int, NDArray[np.object_]]:
    """Return sides as lines, by settlement."""
    owner = labels[sides[:, 0]]
    order = np.argsort(owner, kind="stable")
    lines = np.asarray(shapely.linestrings(points[sides[order]]), dtype=object)
    numbers, start = np.unique(owner[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(lines, start[1:]), strict=True)) if len(numbers) else {}


def _margins(cores: NDArray[np.object_], labels: Labels, footprint_m2: Floats, main: Mask) -> Floats:
    """Return how far beyond the centres of its outermost buildings the land of each settlement reaches.

    The radius of its usual building (by area) and a quarter of the side of its usual plot, core area per main building.
    """
    count = len(cores)
    main_count = np.maximum(np.bincount(labels[main], minlength=count), 1)
    footprint = np.bincount(labels[main], weights=footprint_m2[main], minlength=count) / main_count
    plot = shapely.area(cores) / main_count
    return np.clip(np.sqrt(footprint / np.pi) + PLOT_SHARE * np.sqrt(plot), *MARGIN_M)


def _without_small_holes(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    parts, owner = shapely.get_parts(shapes, return_index=True)
    filled = [
        shapely.Polygon(part.exterior, [ring for ring in part.interiors if shapely.Polygon(ring).area >= HOLE_M2])
        for part in parts
    ]
    out = np.empty(len(shapes), dtype=object)
    start = np.searchsorted(owner, np.arange(len(shapes)))
    for number, group in enumerate(np.split(np.array(filled, dtype=object), start[1:])):
        out[number] = group[0] if len(group) == 1 else shapely.multipolygons(group)
    return out


def _without_overlaps(shapes: NDArray[np.object_], points: Points, labels: Labels) -> NDArray[np.object_]:
    """Share out what two outlines both claim: each keeps the part that is nearest to a building of its own."""
    shapes = shapes.copy()
    i, j = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    tree = cKDTree(points)
    for a, b in sorted(zip(i[i < j].tolist(), j[i < j].tolist(), strict=True)):
        shared = shapely.intersection(shapes[a], shapes[b])
        if shapely.area(shared) <= _TOUCH_M2:
            continue
        of_a, of_b = _nearer(shared, points, labels, tree, (a, b))
        # Lines and points that a difference leaves are no land.
        shapes[a] = area_of(shapely.difference(shapes[a], of_b)) or shapely.Polygon()
        shapes[b] = area_of(shapely.difference(shapes[b], shapely.union(of_a, shapes[a]))) or shapely.Polygon()
    return shapes


def _nearer(
    shared: shapely.Geometry, points: Points, labels: Labels, tree: cKDTree, pair: tuple[int, int]
) -> tuple[shapely.Geometry, shapely.Geometry]:
    """Split an area between two settlements by the Voronoi cells of their buildings around it."""
    centre = shapely.get_coordinates(shapely.segmentize(shared, MARGIN_M[0]))
    around = np.concatenate(tree.query_ball_point(np.unique(centre, axis=0), 2 * SPAN_M)).astype(np.int64)
    near = np.unique(around)
    near = near[np.isin(labels[near], pair)]
    near = near[np.unique(points[near], axis=0, return_index=True)[1]]
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(points[near]), extend_to=shared, ordered=True)
    )
    owner = labels[near]
    a, b = (shapely.intersection(shared, shapely.union_all(cells[owner == number])) for number in pair)
    return a, b
