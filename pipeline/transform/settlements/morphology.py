"""Measures of the built fabric, building by building, in vectorised form and free of any grid.

Where momepy (Fleischmann 2019, JOSS 4(43):1807) has the measure its definition is used, as the functions say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.transform.settlements.neighbour_graph import Floats, Mask, Points

RANK = 4
"""The distance to the fourth neighbour tells the density: one on each side of a plot."""


@dataclass(frozen=True, slots=True)
class Fabric:
    """Measures of n buildings."""

    points: Points
    """Centres, metres."""
    footprint_m2: Floats
    main: Mask
    """No shed."""
    heading: NDArray[np.complex128]
    """Direction of the walls, see `headings`."""
    spacing_m: Floats
    """Distance from a main building's centre to that of the `RANK`-th nearest main building; NaN for sheds."""


def fabric(outlines: NDArray[np.object_], points: Points, footprint_m2: Floats, main: Mask) -> Fabric:
    """Measure buildings; shapes (n,), metres."""
    return Fabric(points, footprint_m2, main, headings(outlines), _spacing(points, main))


def headings(outlines: NDArray[np.object_]) -> NDArray[np.complex128]:
    """Return the direction of each building's walls as a unit complex number of four times its angle; 0: none.

    Walls a quarter turn apart point the same way (as in momepy's `orientation`, taken modulo 90°); longer walls weigh
    more, so that an L-shaped house counts as the rectangle that it bends.
    """
    points, owner = shapely.get_coordinates(outlines, return_index=True)
    same = owner[1:] == owner[:-1]
    wall = (points[1:] - points[:-1])[same]
    length, angle = np.hypot(*wall.T), np.arctan2(wall[:, 1], wall[:, 0])
    turns = length * np.exp(4j * angle)
    owner = owner[1:][same]
    total = np.bincount(owner, turns.real, len(outlines)) + 1j * np.bincount(owner, turns.imag, len(outlines))
    size = np.abs(total)
    return np.where(size > 0, total / np.where(size > 0, size, 1), 0)


def _spacing(points: Points, main: Mask) -> Floats:
    out = np.full(len(points), np.nan)
    chosen = np.flatnonzero(main)
    if len(chosen) > 1:
        rank = min(RANK, len(chosen) - 1)
        distance, _ = cKDTree(points[chosen]).query(points[chosen], k=[rank + 1])
        out[chosen] = np.asarray(distance)[:, 0]
    return out
