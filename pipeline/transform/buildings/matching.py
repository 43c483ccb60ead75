"""Which outline is which: duplicates within one source, and the same house in two sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.transform.buildings.overlaps import Floats, Ints, Outlines, overlaps, overlaps_within
from pipeline.transform.buildings.registration import displacement

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAME_SHARE = 0.5
"""Two outlines are of one house if they share at least half of the smaller one."""
SAME_IOU = 0.1
"""… or if each is the best partner of the other, and they share at least a tenth of what both cover: enough for the
few metres by which imagery is displaced, more than neighbours in a row ever share."""
NESTED_SHARE = 0.8
"""Within one source: an outline of which this share lies in another is drawn twice, or is a part of it."""
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


def match(osm: Outlines, footprints: Outlines) -> pd.DataFrame:
    """Pair OSM outlines with satellite footprints of the same house, by the share of area that they have in common.

    The footprints are first moved onto OSM's outlines, neighbourhood by neighbourhood (see `registration`). A pair
    matches if it shares `SAME_SHARE` of the smaller outline (so one blob over two houses matches both, and the
    reverse), or if each is the other's best partner and their intersection over union is at least `SAME_IOU`.

    Parameters
    ----------
    osm, footprints
        Outlines in metres, each set free of repeats.

    Returns
    -------
    pandas.DataFrame
        One row per matching pair: `osm`, `footprint` (positions), `overlap_m2`, `osm_share`, `footprint_share`
        (of the outline's own area), `iou`.
    """
    found = overlaps(osm, footprints.moved(-displacement(osm, footprints)))
    area_osm, area_footprint = osm.area[found.left], footprints.area[found.right]
    pairs = pd.DataFrame(
        {
            "osm": found.left,
            "footprint": found.right,
            "overlap_m2": found.area_m2,
            "osm_share": found.area_m2 / area_osm,
            "footprint_share": found.area_m2 / area_footprint,
            "iou": found.area_m2 / (area_osm + area_footprint - found.area_m2),
        }
    )
    iou = pairs["iou"].to_numpy()
    mutual = _is_best(found.left, iou) & _is_best(found.right, iou)
    same = np.maximum(pairs["osm_share"], pairs["footprint_share"]) >= SAME_SHARE
    return pairs[same | (mutual & (pairs["iou"] >= SAME_IOU))].reset_index(drop=True)


def _is_best(group: Ints, score: Floats) -> NDArray[np.bool_]:
    """Mark the row with the highest score of each group (ties: all of them)."""
    best = np.zeros(group.max(initial=0) + 1)
    np.maximum.at(best, group, score)
    return np.asarray(score == best[group], dtype=bool)
