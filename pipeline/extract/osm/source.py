"""OpenStreetMap as a source: asked of Overpass servers tile by tile, kept and read as one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.extract import osm
from pipeline.extract.http.lock import Request
from pipeline.extract.http.quota import Quota
from pipeline.extract.osm import overpass, overpass_json
from pipeline.extract.source import DataSource, FetchedFile, Fetching, with_origin
from pipeline.geometry.bbox import widened
from pipeline.schema.provenance import Extract, Notice, year_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import geopandas as gpd

    from pipeline.config import Area, Live
    from pipeline.extract.http.download import PartialFile
    from pipeline.extract.osm.overpass import Query


class OpenStreetMap(DataSource["dict[str, gpd.GeoDataFrame]"]):
    """The objects of all layers."""

    feeds = frozenset({"osm"})
    needs = ("url",)

    def _queries(self, area: Area, live: Live) -> list[Query]:
        reach = widened(area.bbox, self.catalogue.reach_m)
        return overpass.queries(self.catalogue.osm_layers, area.bbox, reach, live.osm_date)

    def plan(self, area: Area, live: Live) -> list[str]:
        """Return the questions."""
        return [str(query) for query in self._queries(area, live)]

    def probe(self, area: Area, live: Live) -> str:  # noqa: ARG002 - what a source is asked
        """Return the page on which a server tells how busy it is."""
        return self.spec.url.rstrip("/") + "/status"

    def fetch(self, fetching: Fetching) -> list[FetchedFile]:
        """Fetch all layers from the Overpass servers; return them as one ``.osm.pbf``."""
        day = fetching.live.osm_date
        replies = [self._reply(fetching, query) for query in self._queries(fetching.area, fetching.live)]
        states = [fetching.call(overpass_json.__name__, "state", path, about=path) for path in replies]
        counts, moments = zip(*states, strict=True)
        if empty := counts.count(0):
            fetching.notices.append(Notice(self.spec.id, "tile_empty", empty))
        name = f"{fetching.area.area_id}.osm.pbf"

        def make(target: Path) -> None:
            fetching.call(overpass_json.__name__, "write_pbf", replies, target, about=replies[0])

        path = fetching.cache.derived(replies, "pbf", name, make)
        state = str(day or max(moments))
        return [fetching.fetched(path, self.spec, state, replies, observed_year=year_of(state))]

    def _reply(self, fetching: Fetching, query: Query) -> Path:
        spec, day = self.spec, fetching.live.osm_date
        version = str(day) if day else "current"
        request = Request(dataset=spec.id, version=version, url=spec.url, query=str(query), licence=spec.licence)
        quota = Quota(fetching.cache.root / "usage.json", fetching.live)

        def ask(part: PartialFile) -> str:
            return overpass.fetch(
                query,
                part,
                spec=spec,
                policy=fetching.policy,
                admit=quota.admit,
                report=fetching.report,
            )

        refresh = None if day else spec.refresh_hours
        return fetching.cache.get(request, "overpass.json", ask, refresh_hours=refresh)

    def read(self, files: Sequence[FetchedFile], area: Area) -> Extract[dict[str, gpd.GeoDataFrame]]:
        """Read every layer."""
        layers, reach = self.catalogue.osm_layers, self.catalogue.reach_m
        return with_origin(osm.read([file.path for file in files], area, layers, reach), files)


SOURCES = {"osm": OpenStreetMap}
