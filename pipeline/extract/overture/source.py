"""Overture's buildings as a source: the list of releases, the area's rows of one, and their reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.extract import footprints
from pipeline.extract.http.download import DownloadSpec
from pipeline.extract.overture import releases
from pipeline.extract.source import DataSource, FetchedFile, Fetching, with_origin
from pipeline.schema.provenance import Extract, Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

    from pipeline.config import Area, Live


class OvertureBuildings(DataSource["gpd.GeoDataFrame"]):
    """Buildings of a release, but for those that are read from their own providers."""

    feeds = frozenset({"footprints"})
    fills = frozenset({"release", "file"})
    needs = ("url", "index", "endpoint", "version")

    def plan(self, area: Area, live: Live) -> list[str]:  # noqa: ARG002 - what a source is asked
        """Return the one question that is asked for an area."""
        return [f"bbox {area.bbox}"]

    def probe(self, area: Area, live: Live) -> str:  # noqa: ARG002 - what a source is asked
        """Return the address of the list of releases."""
        return releases.list_url(self.spec)

    def fetch(self, fetching: Fetching) -> list[FetchedFile]:
        """Fetch the buildings of a release; return those that are not read from their own providers."""
        spec = self.spec
        wanted = DownloadSpec(
            spec.id, [releases.list_url(spec)], fetching.check(releases.__name__, "check_list"), releases.MAX_LIST
        )
        offered = fetching.file(spec, "list", "releases.xml", wanted, refresh_hours=spec.refresh_hours)
        release = releases.choose(spec, releases.releases(offered))
        address = spec.index.format(release=release)
        check = fetching.check(releases.__name__, "check_index")
        wanted = DownloadSpec(spec.id, [address], check, releases.MAX_INDEX)
        index = fetching.file(spec, release, "collections.parquet", wanted)
        files = fetching.call(releases.__name__, "files", index, fetching.area.bbox, about=index)
        if not files:
            fetching.notices.append(Notice(spec.id, "index_without_area", values={"area": fetching.area.area_id}))
            return []
        whole = fetching.cache.get(
            fetching.window_request(spec, release, spec.url),
            "buildings.parquet",
            lambda part: releases.fetch(spec, release, files, fetching.area, part, fetching.policy),
        )
        path = fetching.cache.derived(
            [whole],
            "not read elsewhere",
            "overture.parquet",
            lambda target: fetching.call(releases.__name__, "not_read_elsewhere", whole, target, about=whole),
        )
        if missing := fetching.call(releases.__name__, "left_out", whole, path, about=whole):
            fetching.notices.append(Notice(spec.id, "footprint_read_elsewhere", missing))
        return [fetching.fetched(path, spec, release, [whole])]

    def read(self, files: Sequence[FetchedFile], area: Area) -> Extract[gpd.GeoDataFrame]:
        """Read the footprints, each with the origin that the release names."""
        read = footprints.read([file.path for file in files], area, dataset=self.spec.id)
        return with_origin(read, files)


SOURCES = {"overture_buildings": OvertureBuildings}
