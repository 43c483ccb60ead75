"""Footprints made valid or dropped, and counted in the words of a notice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from shapely import GeometryType

from pipeline.geometry.polygon_validity import valid_areas

if TYPE_CHECKING:
    from numpy.typing import NDArray

READABLE: Final = ""
"""Counts features that could be read: no problem, so it is no notice."""
UNREADABLE: Final = "a line is no GeoJSON feature and was passed over"
REPAIRED: Final = "a footprint crosses or touches itself and was repaired"
OTHER: Final = "a footprint is no polygon and was dropped"
EMPTY: Final = "a footprint is empty, has too few points or no area and was dropped"
_MISSING = -1
"""Type that shapely gives for no geometry."""


def clean(
    geometry: NDArray[np.object_], sound: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.object_], Counter[str]]:
    """Return valid polygons and multipolygons, None for what was dropped; and counts of problems.

    `sound` marks what is known to be valid already.
    """
    kinds = shapely.get_type_id(geometry)
    other = ~np.isin(kinds, (_MISSING, GeometryType.POLYGON, GeometryType.MULTIPOLYGON))
    polygons = geometry.copy()
    polygons[other] = None
    shapes, repaired, dropped = valid_areas(polygons, sound)
    others = int(other.sum())
    return shapes, Counter({REPAIRED: repaired, OTHER: others, EMPTY: dropped - others})
