"""WSF as sources: Evolution, in tiles of two degrees named by their lower left corner, and the Tracker."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from obstore.store import HTTPStore

from pipeline.extract.http.retry import retry_call
from pipeline.extract.raster_tiles.tiled import TiledRaster
from pipeline.extract.source import DataSource, FetchedFile, Fetching, with_origin
from pipeline.extract.wsf import tracker
from pipeline.geometry.bbox import spanned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from obstore.store import ClientConfig

    from pipeline.config import Area, Live
    from pipeline.extract.http.download import PartialFile
    from pipeline.extract.http.retry import Deadline
    from pipeline.geometry.bbox import Box
    from pipeline.geometry.raster import Raster
    from pipeline.schema.provenance import Extract

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


class WsfTracker(DataSource["Raster"]):
    """The half-year in which a cell of 10 m was first seen built, since mid-2016; see `tracker`."""

    feeds = frozenset({"tracker"})
    needs = ("url", "version")

    def plan(self, area: Area, live: Live) -> list[str]:  # noqa: ARG002 - what a source is asked
        """Return the one window."""
        return [f"bbox {area.bbox}"]

    def probe(self, area: Area, live: Live) -> str:  # noqa: ARG002 - what a source is asked
        """Return the address of the array's description."""
        return f"{self.spec.url}/{tracker.ARRAY}/zarr.json"

    def fetch(self, fetching: Fetching) -> list[FetchedFile]:
        """Fetch the codes that cover the area, and keep them as a GeoTIFF."""
        spec, area = self.spec, fetching.area
        urls = (spec.url, *spec.mirrors)

        def ask(part: PartialFile) -> str:
            def attempt(turn: int, deadline: Deadline) -> str:
                url = urls[turn % len(urls)]
                description = f"/{tracker.ARRAY}/zarr.json"
                landed = fetching.policy.landing(url + description, deadline).removesuffix(description)
                options: ClientConfig = {
                    "timeout": timedelta(seconds=deadline.timeout(fetching.policy)),
                    "user_agent": fetching.policy.user_agent,
                    "allow_http": urlsplit(landed).scheme == "http",
                }
                # Attempts are counted here.
                store = HTTPStore(landed, client_options=options, retry_config={"max_retries": 0})
                tracker.write_window(store, area, part.path)
                return url

            return retry_call(
                attempt, source=spec.id, urls=urls, policy=fetching.policy, busy_seconds=spec.busy_seconds
            )

        request = fetching.window_request(spec, spec.version, spec.url)
        path = fetching.cache.get(request, f"{spec.id}.tif", ask)
        return [fetching.fetched(path, spec, spec.version, [path])]

    def read(self, files: Sequence[FetchedFile], area: Area) -> Extract[Raster]:
        """Read the codes."""
        (file,) = files
        return with_origin(tracker.read(file.path, area), files)


SOURCES = {"wsf_evolution": WsfEvolution, "wsf_tracker": WsfTracker}
