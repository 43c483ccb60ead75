"""The plan of a live run, and its fetching, dataset by dataset."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.extract.http.cache import Cache
from pipeline.extract.http.download import Part, Wanted, download
from pipeline.extract.http.lock import Download, Request
from pipeline.extract.http.quota import Etiquette
from pipeline.extract.http.retry import Manners
from pipeline.extract.live import archive, microsoft, overpass, overture, tiles, windows
from pipeline.geometry.bbox import widened
from pipeline.schema import provenance
from pipeline.schema.provenance import Notice, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pipeline.config import Area, Config, Inputs
    from pipeline.declared.catalogue import Catalogue, SourceSpec
    from pipeline.extract.http.download import Report
    from pipeline.extract.live.overpass import Query


@dataclass(frozen=True)
class Planned:
    """What a live run would fetch from one source for one area."""

    area_id: str
    dataset: str
    title: str
    server: str
    files: int
    """Files, tiles or queries."""
    typical_bytes: int
    """Of all of them, as such files usually are."""
    licence: str


@dataclass(frozen=True)
class Fetched:
    """What was fetched for one area.

    Attributes
    ----------
    inputs
        Local files, to be read like any other; what the configuration names itself (registered, survey) is kept.
    downloads
        For `lock.write`.
    notices
        What was noticed on the way.
    origins
        SHA-256 of a local file to the provenance that its reader cannot know; see `describe`.
    """

    inputs: Inputs
    downloads: list[Download]
    notices: list[Notice]
    origins: dict[str, Source]


def plan(area: Area, catalogue: Catalogue, config: Config) -> list[Planned]:
    """Return what `fetch` would ask for, without asking anybody.

    Raises
    ------
    InputError
        A source does not cover the country of the area.
    """
    planned = []
    for spec in catalogue.sources.values():
        if spec.feeds:
            server = urlsplit(spec.endpoint or spec.url).netloc
            files = _count(spec, area, catalogue, config)
            size = files * spec.typical_bytes
            planned.append(Planned(area.area_id, spec.id, spec.title, server, files, size, spec.licence))
    return planned


def _count(spec: SourceSpec, area: Area, catalogue: Catalogue, config: Config) -> int:
    if spec.feeds == "osm":
        return len(_queries(area, catalogue, config))
    if spec.kind == "raster":
        return len(tiles.addresses(spec, area, 0)) * max(1, len(spec.epochs))
    return len(tiles.quadkeys(area.bbox)) if spec.grid == "quadkey9" else 1


def _queries(area: Area, catalogue: Catalogue, config: Config) -> list[Query]:
    reach = widened(area.bbox, catalogue.reach_m)
    return overpass.queries(catalogue.osm_layers, area.bbox, reach, config.live.osm_date)


def fetch(
    area: Area,
    catalogue: Catalogue,
    config: Config,
    *,
    report: Report | None = None,
    frozen: Mapping[str, Download] | None = None,
) -> Fetched:
    """Fetch everything that feeds an input of the area, or take it from the cache.

    Parameters
    ----------
    catalogue
        Its sources say where to; those without `feeds` are left alone.
    report
        Called with the progress of each download.
    frozen
        Downloads by key, from `lock.read`: exactly these are used, and no server is asked.

    Raises
    ------
    SourceError
        A source could not be had, whole and right; nothing partial is passed on.
    """
    cache = Cache.of(config.live, frozen)
    fetching = _Fetching(area, catalogue, config, cache, Manners.of(config.live), report)
    inputs = area.inputs.model_copy(update=fetching.inputs())
    cache.trim()
    return Fetched(inputs, list(cache.used.values()), fetching.notices, fetching.origins)


def describe(sources: Iterable[Source], fetched: Fetched) -> list[Source]:
    """Give the sources that local readers report the provenance of what was fetched; others stay as they are."""
    return [_described(source, fetched.origins.get(source.sha256)) for source in sources]


def _described(source: Source, origin: Source | None) -> Source:
    if origin is None:
        return source
    year = source.observed_year if origin.observed_year is None else origin.observed_year
    return replace(origin, source_id=source.source_id, bytes=source.bytes, features=source.features, observed_year=year)


@dataclass
class _Fetching:
    """One area being fetched."""

    area: Area
    catalogue: Catalogue
    config: Config
    cache: Cache
    manners: Manners
    report: Report | None
    notices: list[Notice] = field(default_factory=list)
    origins: dict[str, Source] = field(default_factory=dict)

    def inputs(self) -> dict[str, object]:
        """Return the inputs that the sources feed, by key."""
        found: dict[str, object] = {}
        footprints: list[Path] = []
        for spec in self.catalogue.sources.values():
            if spec.feeds == "osm":
                found["osm"] = (self.osm(spec),)
            elif spec.feeds == "footprints":
                footprints += self.microsoft(spec) if spec.grid == "quadkey9" else [self.overture(spec)]
            elif spec.feeds == "built_up":
                found["built_up"] = {year: self.raster(spec, year) for year in spec.epochs}
            elif spec.feeds:
                found[spec.feeds] = self.raster(spec, spec.epochs[-1] if spec.epochs else None)
        return {**found, "footprints": tuple(footprints)}

    def osm(self, spec: SourceSpec) -> Path:
        """Fetch all layers from the Overpass servers; return them as one ``.osm.pbf``."""
        day = self.config.live.osm_date
        version = str(day) if day else "current"
        refresh = None if day else spec.refresh_hours
        queries = _queries(self.area, self.catalogue, self.config)
        replies = [self._reply(spec, query, version, refresh) for query in queries]
        counts, moments = zip(*map(overpass.state, replies), strict=True)
        if empty := counts.count(0):
            self.notices.append(Notice("osm", "a tile without a single object, as a second reply confirmed", empty))
        name = f"{self.area.area_id}.osm.pbf"
        path = self.cache.derived(replies, "pbf", name, lambda target: overpass.write_pbf(replies, target))
        state = str(day or max(moments))
        return self._made(path, spec, state, replies, observed_year=provenance.year_of(state))

    def _reply(self, spec: SourceSpec, query: Query, version: str, refresh: float | None) -> Path:
        request = Request(dataset=spec.id, version=version, url=spec.url, query=str(query), licence=spec.licence)
        etiquette = Etiquette(self.cache.root / "usage.json", self.config.live)

        def ask(part: Part) -> str:
            servers = (spec.url, *spec.mirrors)
            return overpass.fetch(
                query,
                part,
                urls=servers,
                source=spec.id,
                manners=self.manners,
                admit=etiquette.admit,
                report=self.report,
            )

        return self.cache.get(request, "overpass.json", ask, refresh_hours=refresh)

    def microsoft(self, spec: SourceSpec) -> list[Path]:
        """Fetch the index and the files that it names for the area."""
        wanted = Wanted(spec.id, [spec.url], microsoft.check_index, microsoft.MAX_INDEX)
        index = self._file(spec, "index", "dataset-links.csv", wanted, spec.refresh_hours)
        links = microsoft.links(index, tiles.quadkeys(self.area.bbox))
        if not links:
            self.notices.append(Notice(spec.id, f"its index names no file for {self.area.area_id}"))
        paths = []
        for link in links:
            version = link.uploaded or "undated"
            wanted = Wanted(spec.id, [link.url], microsoft.check_file, microsoft.MAX_FILE)
            path = self._file(spec, version, link.name, wanted)
            paths.append(self._made(path, spec, version, [path]))
        return paths

    def overture(self, spec: SourceSpec) -> Path:
        """Fetch the buildings of a release; return those that are not read from their own providers."""
        wanted = Wanted(spec.id, [overture.list_url(spec)], overture.check_list, overture.MAX_LIST)
        offered = self._file(spec, "list", "releases.xml", wanted, spec.refresh_hours)
        release = overture.choose(spec, overture.releases(offered))
        whole = self.cache.get(
            self._window_request(spec, release, spec.url),
            "buildings.parquet",
            lambda part: overture.fetch(spec, release, self.area, part, self.manners),
        )
        path = self.cache.derived(
            [whole], "not read elsewhere", "overture.parquet", lambda target: overture.not_read_elsewhere(whole, target)
        )
        if left_out := overture.rows(whole) - overture.rows(path):
            self.notices.append(Notice(spec.id, "a footprint is OpenStreetMap's or Microsoft's, read there", left_out))
        return self._made(path, spec, release, [whole])

    def raster(self, spec: SourceSpec, year: int | None) -> Path:
        """Fetch the tiles of a raster dataset, or the area's window of them; return what covers the area."""
        addresses = tiles.addresses(spec, self.area, year)
        version = f"{spec.version} {year}" if year else spec.version
        name = f"{spec.id}-{year}.tif" if year else f"{spec.id}.tif"
        if spec.windowed:
            request = self._window_request(spec, version, " ".join(urls[0] for urls in addresses))
            path = self.cache.get(
                request, name, lambda part: windows.over_http(addresses, self.area, spec, part, self.manners)
            )
            return self._made(path, spec, version, [path])
        files = [self._tile(spec, version, urls) for urls in addresses]
        path = self.cache.derived(
            files, f"window {self._bbox}", name, lambda target: windows.from_files(files, self.area, spec, target)
        )
        return self._made(path, spec, version, files)

    def _tile(self, spec: SourceSpec, version: str, urls: Sequence[str]) -> Path:
        wanted = Wanted(spec.id, urls, lambda path: archive.check(path, spec), archive.MAX_FILE)
        return self._file(spec, version, urls[0].rsplit("/", 1)[-1], wanted)

    def _window_request(self, spec: SourceSpec, version: str, url: str) -> Request:
        return Request(dataset=spec.id, version=version, url=url, query=f"bbox {self._bbox}", licence=spec.licence)

    @property
    def _bbox(self) -> str:
        return ",".join(f"{value:.6f}" for value in self.area.bbox)

    def _file(
        self, spec: SourceSpec, version: str, name: str, wanted: Wanted, refresh_hours: float | None = None
    ) -> Path:
        """Return a file that is served as such."""
        request = Request(dataset=spec.id, version=version, url=wanted.urls[0], licence=spec.licence)
        return self.cache.get(
            request,
            name,
            lambda part: download(wanted, part, self.manners, self.report),
            refresh_hours=refresh_hours,
        )

    def _made(
        self,
        path: Path,
        spec: SourceSpec,
        version: str,
        inputs: Sequence[Path],
        observed_year: int | None = None,
    ) -> Path:
        """Note where a file comes from; return its path."""
        digest = provenance.sha256(path)
        used = {self.cache.path(download): download for download in self.cache.used.values()}
        downloads = [used[item] for item in inputs]
        self.origins[digest] = Source(
            source_id="",
            area_id=self.area.area_id,
            dataset=spec.id,
            version=version,
            licence=spec.licence,
            attribution=spec.attribution,
            url=downloads[0].fetched_from,
            retrieved_at=max(download.retrieved_at for download in downloads),
            sha256=digest,
            bytes=path.stat().st_size,
            features=0,
            observed_year=observed_year,
        )
        return path
