"""GHSL as sources: built-up surface by epoch, and population."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.extract.ghsl import grid
from pipeline.extract.raster_tiles.tiled import EpochRasters, TiledRaster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import Area


def _places(area: Area) -> Iterator[dict[str, object]]:
    for row, column in grid.tiles(area.bbox):
        yield {"row": row, "column": column}


class GhsBuiltS(EpochRasters):
    """Built-up m² per cell of 100 m, every five years."""

    fills = frozenset({"year", "row", "column"})

    def places(self, area: Area) -> Iterator[dict[str, object]]:
        """Give row and column of each tile."""
        return _places(area)


class GhsPop(TiledRaster):
    """People per cell of 100 m."""

    feeds = frozenset({"population"})
    fills = frozenset({"year", "row", "column"})

    def places(self, area: Area) -> Iterator[dict[str, object]]:
        """Give row and column of each tile."""
        return _places(area)


SOURCES = {"ghs_built_s": GhsBuiltS, "ghs_pop": GhsPop}
