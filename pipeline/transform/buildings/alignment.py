"""How far the satellite's footprints lie beside OpenStreetMap's outlines, place by place.

Imagery is georeferenced to a few metres, and a mapper may trace a whole settlement from a picture that lies beside the
one the footprints were made from. The displacement is common to a neighbourhood, so that it can be measured on its
houses and taken off before outlines are compared; otherwise a shed would be paired with the house next to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter
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
COARSE_M = 22.0
"""Imagery lies beside the map by up to 20 m; a plot's front is not much longer, so that more would be guessing."""
SQUARE_M = 1000.0
VOTE_M = 1.0
SIZE_SPREAD = 0.15
"""Standard deviation of ln area between two outlines of one house."""
SEAM = 16
"""So many houses tell which of two pictures a place is in."""
LEAST_VOTERS = 30
"""Fewer houses than this show no common displacement."""
STANDS_OUT = 2.0
STANDARD_ERRORS = 5.0
BETTER = 1.15
LOCALLY_BETTER = 2.0
"""A displacement is believed that has so many times the votes that chance gives, and so many standard errors more; and
so many times the votes that no displacement has, or (locally) that of the whole area."""


def displacement(osm: Outlines, footprints: Outlines) -> Floats:
    """Return by how much each footprint is displaced against OSM, metres, shape (m, 2); zero where nothing tells.

    First by vote, up to `COARSE_M` (see `_coarse`), and at the seams of the imagery by what fits the neighbours best;
    then, of the houses whose centres are nearest to each other and that are alike in size, the median displacement that
    is left of the nearest ones; measured twice, the second time with a shorter reach.
    """
    shift = _at_seams(osm, footprints, _coarse(osm, footprints))
    large_osm, large = np.flatnonzero(osm.area >= HOUSE_M2), np.flatnonzero(footprints.area >= HOUSE_M2)
    for reach in REACH_M:
        there, here = osm.centre[large_osm], footprints.centre[large]
        i, j = _mutual(there, here - shift[large], reach)
        ratio = osm.area[large_osm[i]] / footprints.area[large[j]]
        alike = (ratio < SIMILAR) & (ratio > 1 / SIMILAR)
        i, j = i[alike], j[alike]
        if len(i) < LEAST:
            return np.zeros((len(footprints), 2))
        shift = shift + _around(footprints.centre, here[j], here[j] - shift[large[j]] - there[i])
    return shift


def _coarse(osm: Outlines, footprints: Outlines) -> Floats:
    """Return how far the footprints of each neighbourhood lie beside the map, by vote; metres, shape (m, 2).

    Every pair of houses of nearly one size within `COARSE_M` votes for the way between them. Pairs of different houses
    spread their votes over all ways, pairs of one house put theirs into one place. A row of equal houses on equal plots
    gathers votes at every plot's length too, but fewer: its ends have no partner there, and sizes do differ. The whole
    area votes first; a square of `SQUARE_M` follows it unless its own votes say clearly something else.
    """
    square = np.floor(footprints.centre / SQUARE_M).astype(np.int64)
    _, square = np.unique(square, axis=0, return_inverse=True)
    shift = np.zeros((len(footprints), 2))
    there, here = np.flatnonzero(osm.area >= HOUSE_M2), np.flatnonzero(footprints.area >= HOUSE_M2)
    if min(len(there), len(here)) < LEAST_VOTERS:
        return shift
    trees = cKDTree(footprints.centre[here]), cKDTree(osm.centre[there])
    pairs = trees[0].sparse_distance_matrix(trees[1], COARSE_M, output_type="coo_matrix")
    j, i = here[pairs.row], there[pairs.col]
    unlike = np.log(footprints.area[j] / osm.area[i]) / SIZE_SPREAD
    close = np.flatnonzero(np.abs(unlike) < 2)
    weight = np.exp(-(unlike[close] ** 2) / 2)
    cell = np.floor((footprints.centre[j[close]] - osm.centre[i[close]] + COARSE_M) / VOTE_M).astype(np.int64)
    side = int(2 * COARSE_M / VOTE_M)
    own = square[j[close]]
    flat = (own * side + np.minimum(cell[:, 0], side - 1)) * side + np.minimum(cell[:, 1], side - 1)
    squares = int(square.max()) + 1
    votes: Floats = np.bincount(flat, weight, squares * side * side).reshape(squares, side, side).astype(np.float64)
    together = _winner(votes.sum(axis=0, keepdims=True), (side // 2, side // 2), BETTER)[0]
    voters = np.minimum(np.bincount(square[here], minlength=squares), np.bincount(own, minlength=squares))
    local = _winner(votes, tuple(together), LOCALLY_BETTER)
    local[voters < LEAST_VOTERS] = together
    shift[:] = ((local - side // 2) * VOTE_M)[square]
    return shift


def _at_seams(osm: Outlines, footprints: Outlines, shift: Floats) -> Floats:
    """Return for each footprint the displacement, of those of its square and of the squares around, that fits best.

    Pictures meet anywhere within a square. A displacement fits a place as well as it brings the `SEAM` houses that are
    nearest to it onto houses of nearly their size.
    """
    ways, way = np.unique(shift, axis=0, return_inverse=True)
    large_osm, large = np.flatnonzero(osm.area >= HOUSE_M2), np.flatnonzero(footprints.area >= HOUSE_M2)
    if len(ways) == 1 or min(len(large), len(large_osm)) < SEAM:
        return shift
    square = np.floor(footprints.centre[large] / SQUARE_M).astype(np.int64)
    points, homes = footprints.centre[large], cKDTree(osm.centre[large_osm])
    near = np.asarray(cKDTree(points).query(points, k=SEAM)[1])
    around = np.array([[x, y] for x in (-1, 0, 1) for y in (-1, 0, 1)])
    most, best = np.full(len(large), -1.0), way[large].copy()
    for number, by in enumerate(ways):
        own = way[large] == number
        reached = (np.unique(square[own], axis=0)[:, None] + around).reshape(-1, 2)
        chosen = np.flatnonzero(np.isin(_code(square), _code(reached)))
        found = homes.query(points[chosen] - by, distance_upper_bound=REACH_M[1] + VOTE_M)
        distance, home = (np.asarray(values) for values in found)
        hit = np.zeros(len(large))
        met = np.isfinite(distance)
        ratio = footprints.area[large[chosen[met]]] / osm.area[large_osm[home[met]]]
        hit[chosen[met]] = (ratio < SIMILAR) & (ratio > 1 / SIMILAR)
        # Where two fit equally well, that of its own square holds.
        share = np.where(np.isin(np.arange(len(large)), chosen), hit[near].mean(axis=1) + own / (2 * SEAM), -1.0)
        better = share > most
        most[better], best[better] = share[better], number
    nearest = np.asarray(cKDTree(points).query(footprints.centre)[1])
    return np.asarray(ways[best[nearest]], dtype=np.float64)


def _code(square: Ints) -> Ints:
    """Return one number for each pair."""
    return np.asarray(square[:, 0] * (1 << 32) + square[:, 1], dtype=np.int64)


def _winner(votes: Floats, held: tuple[int, int], better: float) -> Ints:
    """Return the cell with most votes in each of n squares, shape (n, 2); `held` where it does not stand out."""
    count, side, _ = votes.shape
    around = 9 * uniform_filter(votes, size=(1, 3, 3), mode="constant")
    best = around.reshape(count, -1).argmax(axis=1)
    winner = np.stack(np.divmod(best, side), axis=1)
    most = around.max(axis=(1, 2))
    chance = 9 * votes.sum(axis=(1, 2)) * VOTE_M**2 / (np.pi * COARSE_M**2)
    clear = most >= STANDS_OUT * chance + STANDARD_ERRORS * np.sqrt(chance)
    clear &= most >= better * around[:, held[0], held[1]]
    return np.where(clear[:, None], winner, held)


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
