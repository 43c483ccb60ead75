"""Houses in what a footprint shows beside the outlines that OSM has in it.

A detector draws houses of a row as one. Where a mapper drew some of them, the footprint is theirs, and the others stand
in what is left of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.geometry.arrays import Geometries, Ints
    from pipeline.geometry.outline_overlap import Outlines, Overlaps

LEAST_M2 = 80.0
WIDTH_M = 5.0
COMPACT = 0.04
"""What is left is a house if it is this large, this wide, and this compact (area by perimeter squared: a rectangle of
one to four); else the mapper drew the same house smaller, or a little aside."""
_GRID_M = 1e-3
"""A mitred buffer fails, once in a while, on a polygon whose corners lie closer together than this."""


@dataclass(frozen=True, slots=True)
class Rests:
    """k houses, each the part of a footprint that no outline of OSM covers."""

    footprint: Ints
    """Positions, shape (k,), ascending."""
    geometry: Geometries
    """Polygons in metres, placed among OSM's outlines, shape (k,)."""


def rests(osm: Outlines, placed: Outlines, found: Overlaps, matched: NDArray[np.bool_]) -> Rests:
    """Return the houses that OSM lacks in the matched footprints.

    Parameters
    ----------
    osm
        Outlines of OSM.
    placed
        The m footprints, moved to where OSM has them.
    found
        Which of both overlap.
    matched
        Which footprints are of a house that OSM has, shape (m,).

    Returns
    -------
    Rests
        What is left of each footprint outside the smallest rectangles around OSM's outlines (detectors fill the
        notches that mappers draw), less what is narrower than `WIDTH_M`.
    """
    beside = placed.area - np.bincount(found.right, found.area_m2, len(placed))
    pair = np.flatnonzero((matched & (beside >= LEAST_M2))[found.right])
    pair = pair[np.argsort(found.right[pair], kind="stable")]
    if not len(pair):
        return Rests(np.empty(0, dtype=np.int64), np.empty(0, dtype=object))
    which, first = np.unique(found.right[pair], return_index=True)
    drawn = shapely.oriented_envelope(osm.shapes(found.left[pair]))
    cover = np.array([shapely.union_all(group) for group in np.split(drawn, first[1:])], dtype=object)
    left = shapely.set_precision(shapely.difference(placed.shapes(which), cover), _GRID_M)
    core = shapely.set_precision(shapely.buffer(left, -WIDTH_M / 2, join_style="mitre"), _GRID_M)
    # Mitres reach a little beyond sharp corners.
    wide = shapely.intersection(left, shapely.buffer(core, WIDTH_M / 2, join_style="mitre"))
    parts, owner = shapely.get_parts(wide, return_index=True)
    area = shapely.area(parts)
    houses = (area >= LEAST_M2) & (area >= COMPACT * shapely.length(parts) ** 2)
    # Without the grid, which would stay with the geometries and round whatever is cut out of them later.
    return Rests(which[owner[houses]], np.asarray(shapely.set_precision(parts[houses], 0), dtype=object))
