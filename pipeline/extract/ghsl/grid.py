"""The tiles of GHSL: 1,000 km in Mollweide, counted from the north-west corner of the world."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from pyproj import Transformer
from shapely import Polygon, box, get_coordinates, segmentize

from pipeline.geometry.bbox import spanned

if TYPE_CHECKING:
    from pipeline.geometry.bbox import Box

_WEST_M, _NORTH_M, _TILE_M = -18_041_000.0, 9_000_000.0, 1_000_000.0
"""Seen in the headers of published tiles (R4_C19, R10_C13, R10_C14, R5_C31)."""
_EDGE_STEP_DEG = 0.01
"""Edges of a bbox curve in Mollweide: this often a point is set on them."""


@cache
def _to_mollweide() -> Transformer:
    return Transformer.from_crs("EPSG:4326", "ESRI:54009", always_xy=True)


def outline(bbox: Box) -> Polygon:
    """Return a bbox as a polygon in ESRI:54009 (metres), with its edges curved as the projection curves them."""
    edges = get_coordinates(segmentize(box(*bbox), _EDGE_STEP_DEG))
    return Polygon(np.column_stack(_to_mollweide().transform(*edges.T)))


def tiles(bbox: Box) -> list[tuple[int, int]]:
    """Return (row, column) of the tiles that share area with a bbox (EPSG:4326), both counted from 1."""
    area = outline(bbox)
    west, south, east, north = area.bounds
    found = []
    for row in spanned(_NORTH_M - north, _NORTH_M - south, _TILE_M):
        for column in spanned(west - _WEST_M, east - _WEST_M, _TILE_M):
            left, top = _WEST_M + column * _TILE_M, _NORTH_M - row * _TILE_M
            if area.intersects(box(left, top - _TILE_M, left + _TILE_M, top)):
                found.append((row + 1, column + 1))
    return found
