"""Bing quadkeys: which tiles of a web-Mercator pyramid cover a bbox, by plain arithmetic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pipeline.geometry.bbox import spanned

if TYPE_CHECKING:
    from pipeline.geometry.bbox import Box

ZOOM = 9


def quadkeys(bbox: Box, zoom: int = ZOOM) -> list[str]:
    """Return the Bing quadkeys of the tiles that share area with a bbox, in order.

    See https://learn.microsoft.com/bingmaps/articles/bing-maps-tile-system.
    """
    west, south, east, north = bbox
    count = 2**zoom

    def down(lat: float) -> float:
        return (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2

    rows = spanned(down(north), down(south), 1 / count)
    columns = spanned((west + 180) / 360, (east + 180) / 360, 1 / count)
    return [quadkey(column, row, zoom) for row in rows for column in columns]


def quadkey(column: int, row: int, zoom: int) -> str:
    """Return the quadkey of a tile, counted from the north-west."""
    return "".join(str((column >> bit & 1) + 2 * (row >> bit & 1)) for bit in range(zoom - 1, -1, -1))
