"""Microsoft's footprints as a source: the index, the files that it names for an area, and their reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import SourceError
from pipeline.extract import footprints
from pipeline.extract.http.download import DownloadSpec
from pipeline.extract.microsoft import files
from pipeline.extract.microsoft.quadkeys import quadkeys
from pipeline.extract.source import DataSource, FetchedFile, Fetching, with_origin
from pipeline.schema.provenance import Extract, Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

    from pipeline.config import Area, Live


class MicrosoftFootprints(DataSource["gpd.GeoDataFrame"]):
    """An index of files by country and quadkey; those of the area's quadkeys are fetched whole."""

    feeds = frozenset({"footprints"})
    needs = ("url",)

    def plan(self, area: Area, live: Live) -> list[str]:  # noqa: ARG002 - what a source is asked
        """Return the area's quadkeys."""
        return quadkeys(area.bbox)

    def probe(self, area: Area, live: Live) -> str:  # noqa: ARG002 - what a source is asked
        """Return the address of the index."""
        return self.spec.url

    def fetch(self, fetching: Fetching) -> list[FetchedFile]:
        """Fetch the index and the files that it names for the area."""
        spec, area = self.spec, fetching.area
        wanted = DownloadSpec(
            spec.id, [spec.url, *spec.mirrors], fetching.check(files.__name__, "check_index"), files.MAX_INDEX
        )
        index = fetching.file(spec, "index", "dataset-links.csv", wanted, refresh_hours=spec.refresh_hours)
        links = fetching.call(files.__name__, "links", index, quadkeys(area.bbox), about=index)
        if not links:
            fetching.notices.append(Notice(spec.id, "index_without_area", values={"area": area.area_id}))
        try:
            return [self._file(fetching, link) for link in links]
        except SourceError:
            fetching.cache.forget(fetching.downloads([index]))  # it may name what is not there
            raise

    def _file(self, fetching: Fetching, link: files.Link) -> FetchedFile:
        version = link.uploaded or "undated"
        wanted = DownloadSpec(
            self.spec.id,
            link.addresses,
            fetching.check(files.__name__, "check_file", fetching.area.bbox),
            files.MAX_FILE,
        )
        path = fetching.file(self.spec, version, link.name, wanted)
        return fetching.fetched(path, self.spec, version, [path])

    def read(self, files: Sequence[FetchedFile], area: Area) -> Extract[gpd.GeoDataFrame]:
        """Read the footprints of all files."""
        read = footprints.read([file.path for file in files], area, dataset=self.spec.id, origin="microsoft")
        return with_origin(read, files)


SOURCES = {"microsoft_footprints": MicrosoftFootprints}
