"""Which outline is which: duplicates within one source, and the same house in two sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from pipeline.geometry.outline_overlap import Outlines, overlaps, overlaps_within
from pipeline.transform.buildings.alignment import HOUSE_M2, SIMILAR, SQUARE_M, displacement
from pipeline.transform.buildings.residual_footprints import Rests, rests

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.geometry.arrays import Floats, Ints

SAME_SHARE = 0.5
"""Two outlines are of one house if they share at least half of the smaller one."""
SAME_IOU = 0.1
"""… or if each is the best partner of the other, and they share at least a tenth of what both cover: enough for the
few metres by which imagery is displaced, more than neighbours in a row ever share."""
SMALL_M2 = 40.0
"""Outlines up to this size lie beside each other by as much as they measure themselves, and still are one shed."""
NESTED_SHARE = 0.8
"""Within one source: an outline of which this share lies in another is drawn twice, or is a part of it."""
BESIDE_M = 15.0
"""Centres of one house of two sources are at most so far apart where their displacement could not be found out …"""
LEAST_POOR = 10
POOR_SHARE = 0.75
"""… and so many houses of a square, and this share of them, have such a partner without overlapping it."""
COMPOUND = 3
"""An outline that holds this many others encloses a yard with its buildings and is none itself."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows of one source that repeat another row, and rows that only enclose others; boolean, shape (n,)."""

    nested: NDArray[np.bool_]
    compound: NDArray[np.bool_]


def repeats(outlines: Outlines) -> Repeats:
    """Find outlines of one source that are drawn twice, lie within another, or enclose several others.

    The larger outline of a pair stays (of two equal ones the earlier), so that no area is counted twice; an outline
    that holds `COMPOUND` others or more is dropped instead of them.
    """
    found = overlaps_within(outlines, least_share=NESTED_SHARE)
    i, j, shared = found.left, found.right, found.area_m2
    area = outlines.area
    inside = shared >= NESTED_SHARE * np.minimum(area[i], area[j])
    i, j = i[inside], j[inside]
    j_inner = area[i] >= area[j]
    outer, inner = np.where(j_inner, i, j), np.where(j_inner, j, i)
    twice = area[inner] >= NESTED_SHARE * area[outer]
    compound = np.bincount(outer[~twice], minlength=len(outlines)) >= COMPOUND
    nested = np.zeros(len(outlines), dtype=bool)
    nested[inner[~compound[outer]]] = True
    return Repeats(nested & ~compound, compound)


@dataclass(frozen=True, slots=True)
class Matches:
    """Which outline of OSM and which footprint are of one house, and what more the footprints show."""

    pairs: pd.DataFrame
    """One row per matching pair, ordered: `osm`, `footprint` (positions), `overlap_m2`, `osm_share`, `footprint_share`
    (of the outline's own area), `iou`."""
    rests: Rests
    """Houses that OSM lacks in what else matched footprints show."""
    placed: Outlines
    """The m footprints where OSM has what stands around them."""
    doubtful: NDArray[np.bool_]
    """Footprints without a partner that may yet be houses of OSM, where the two sources fit badly, shape (m,)."""


def match(osm: Outlines, footprints: Outlines) -> Matches:
    """Pair OSM outlines with satellite footprints of the same house, by the share of area that they have in common.

    The footprints are first moved onto OSM's outlines, neighbourhood by neighbourhood (see `alignment`). A pair
    matches if it shares `SAME_SHARE` of the smaller outline (so one blob over two houses matches both, and the
    reverse), or if each is the other's best partner and their intersection over union is at least `SAME_IOU`; for
    sheds, that they meet at all is enough where neither has another partner.

    Parameters
    ----------
    osm, footprints
        Outlines in metres, each set free of repeats.
    """
    placed = footprints.moved(-displacement(osm, footprints))
    found = overlaps(osm, placed)
    area_osm, area_footprint = osm.area[found.left], placed.area[found.right]
    share = found.area_m2 / np.minimum(area_osm, area_footprint)
    iou = found.area_m2 / (area_osm + area_footprint - found.area_m2)
    same = (share >= SAME_SHARE) | (_mutual(found.left, found.right, iou) & (iou >= SAME_IOU))
    left_over = ~_marked(found.left, same, len(osm))[found.left] & ~_marked(found.right, same, len(placed))[found.right]
    rows = np.flatnonzero(left_over & (np.minimum(area_osm, area_footprint) < SMALL_M2))
    same[rows[_mutual(found.left[rows], found.right[rows], iou[rows])]] = True
    pairs = pd.DataFrame(
        {
            "osm": found.left,
            "footprint": found.right,
            "overlap_m2": found.area_m2,
            "osm_share": found.area_m2 / area_osm,
            "footprint_share": found.area_m2 / area_footprint,
            "iou": iou,
        }
    )
    matched = _marked(found.right, same, len(placed))
    known = _marked(found.left, same, len(osm))
    doubtful = _doubtful(osm, placed, known, matched) | _doubtful(osm, footprints, known, matched)
    return Matches(pairs[same].reset_index(drop=True), rests(osm, placed, found, matched), placed, doubtful)


def _doubtful(
    osm: Outlines, placed: Outlines, known: NDArray[np.bool_], matched: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Mark the houses without a partner that have a lone house of OSM beside them, where such are many.

    Here and there a mapper and a detector miss different houses of one row. Where hardly any house of a square has a
    partner and most have a lone one beside them, the two are rather the same houses, displaced by more than could be
    found out.
    """
    doubtful = np.zeros(len(placed), dtype=bool)
    lone_osm = np.flatnonzero(~known & (osm.area >= HOUSE_M2))
    lone = np.flatnonzero(~matched & (placed.area >= HOUSE_M2))
    if not len(lone_osm) or not len(lone):
        return doubtful
    distance, nearest = cKDTree(osm.centre[lone_osm]).query(placed.centre[lone], distance_upper_bound=BESIDE_M)
    near = np.isfinite(np.asarray(distance))
    lone, partner = lone[near], lone_osm[np.asarray(nearest)[near]]
    ratio = placed.area[lone] / osm.area[partner]
    lone = lone[(ratio < SIMILAR) & (ratio > 1 / SIMILAR)]
    _, square = np.unique(np.floor(placed.centre / SQUARE_M).astype(np.int64), axis=0, return_inverse=True)
    beside = np.bincount(square[lone], minlength=square.max() + 1)
    fitting = np.bincount(square[matched & (placed.area >= HOUSE_M2)], minlength=square.max() + 1)
    poor = (beside >= LEAST_POOR) & (beside >= POOR_SHARE * (beside + fitting))
    doubtful[lone[poor[square[lone]]]] = True
    return doubtful


def _marked(member: Ints, which: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Mark those of `count` outlines that are members of at least one of the chosen pairs."""
    marked = np.zeros(count, dtype=bool)
    marked[member[which]] = True
    return marked


def _mutual(left: Ints, right: Ints, score: Floats) -> NDArray[np.bool_]:
    """Mark the pairs of which each side is the other's best partner (ties: all of them)."""
    best = np.ones(len(score), dtype=bool)
    for group in (left, right):
        highest = np.zeros(group.max(initial=0) + 1)
        np.maximum.at(highest, group, score)
        best &= score == highest[group]
    return best
