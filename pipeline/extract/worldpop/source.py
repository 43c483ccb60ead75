"""WorldPop as a source: one file per country, of which only the area's window is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.extract.raster_tiles.tiled import TiledRaster
from pipeline.extract.source import NotCoveredError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import Area


class WorldPop(TiledRaster):
    """People per cell of 3 arc seconds."""

    feeds = frozenset({"population"})
    fills = frozenset({"country", "country_lower", "year"})
    needs = (*TiledRaster.needs, "countries")
    windowed = True

    def places(self, area: Area) -> Iterator[dict[str, object]]:
        """Give the country as the dataset writes it."""
        if area.country not in self.spec.countries:
            msg = (
                f"{self.spec.title} has no file for country {area.country}; "
                "give a local file, or name it under countries."
            )
            raise NotCoveredError(msg)
        code = self.spec.countries[area.country]
        yield {"country": code, "country_lower": code.lower()}


SOURCES = {"worldpop": WorldPop}
