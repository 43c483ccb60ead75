"""WSF Evolution as a source: tiles of two degrees, named by their lower left corner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.extract.raster_tiles.tiled import TiledRaster
from pipeline.geometry.bbox import spanned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import Area
    from pipeline.geometry.bbox import Box

_TILE_DEG = 2


def corners(bbox: Box, size: int = _TILE_DEG) -> list[tuple[int, int]]:
    """Return (lon, lat) of the lower left corners of the tiles of `size` whole degrees that share area with a bbox."""
    west, south, east, north = bbox
    return [(lon * size, lat * size) for lat in spanned(south, north, size) for lon in spanned(west, east, size)]


class WsfEvolution(TiledRaster):
    """The first year in which a cell of 30 m was built up, 1985 to 2015; 0: not until 2015."""

    feeds = frozenset({"onset"})
    fills = frozenset({"lon", "lat"})

    def places(self, area: Area) -> Iterator[dict[str, object]]:
        """Give the corner of each tile."""
        for lon, lat in corners(area.bbox):
            yield {"lon": lon, "lat": lat}


SOURCES = {"wsf_evolution": WsfEvolution}
