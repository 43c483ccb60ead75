"""What a source is: an object that plans, fetches and reads one dataset, with its provenance all the way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from importlib import import_module
from string import Formatter
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pipeline.errors import ConfigError, SourceError
from pipeline.extract.http.download import download
from pipeline.extract.http.lock import Request
from pipeline.extract.http.retry import TransientError
from pipeline.extract.sandbox.process import UnreadableFileError
from pipeline.schema import provenance
from pipeline.schema.provenance import Extract, Notice, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pipeline.config import Area, Live
    from pipeline.declared.catalogue import Catalogue, SourceSpec
    from pipeline.extract.http.cache import Cache
    from pipeline.extract.http.download import DownloadSpec, Report
    from pipeline.extract.http.lock import Download
    from pipeline.extract.http.retry import RequestPolicy
    from pipeline.extract.sandbox.process import Reader

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class NotCoveredError(SourceError):
    """A source has nothing for an area."""


@dataclass(frozen=True)
class FetchedFile:
    """A file that a source has fetched and will read, with what the file itself cannot say of its origin."""

    path: Path
    origin: Source
    """Its provenance; `source_id` and `features` are the reader's to fill in."""
    epoch: int | None = None
    """The year that it shows, of a dataset that has a file for each of several."""


class DataSource(ABC, Generic[T_co]):
    """One dataset on a server: what of it an area needs, how that is fetched, and how it is read.

    A folder of `pipeline.extract` holds a module ``source`` whose ``SOURCES`` maps identifiers to such classes; see
    `registry`. What can be said without code (address, licence, units) stands in the dataset's TOML in layers/sources.
    """

    feeds: ClassVar[frozenset[str]]
    """The inputs of an area that such a source can fill."""
    fills: ClassVar[frozenset[str]] = frozenset()
    """The placeholders of `url` that it fills in."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Further keys that its TOML must give."""

    def __init__(self, spec: SourceSpec, catalogue: Catalogue) -> None:
        self.spec = spec
        self.catalogue = catalogue
        self._check()

    @abstractmethod
    def plan(self, area: Area, live: Live) -> list[str]:
        """Return what would be asked for, a text for each file or query, without asking anybody.

        What two areas share has the same text in both.

        Raises
        ------
        NotCoveredError
            The source has nothing for the area.
        """

    def probe(self, area: Area, live: Live) -> str:
        """Return an address of which a byte tells whether the server is there, and still has the dataset."""
        return self.plan(area, live)[0]

    @abstractmethod
    def fetch(self, fetching: Fetching) -> list[FetchedFile]:
        """Fetch what the area needs, or take it from the cache.

        Raises
        ------
        SourceError
            It could not be had, whole and right.
        """

    @abstractmethod
    def read(self, files: Sequence[FetchedFile], area: Area) -> Extract[T_co]:
        """Read what `fetch` returned, as a reader of local files would, under the provenance of the files."""

    def _check(self) -> None:
        """Refuse a TOML that does not say what this source must know."""
        spec, where = self.spec, f"layers/sources/{self.spec.id}.toml"
        if absent := [key for key in self.needs if not getattr(spec, key)]:
            msg = f"{where}: {absent[0]} is empty, which this source cannot do without."
            raise ConfigError(msg)
        if spec.feeds and spec.feeds not in self.feeds:
            msg = f"{where}: feeds = {spec.feeds!r} is not what this source gives ({', '.join(sorted(self.feeds))})."
            raise ConfigError(msg)
        for url in (spec.url, *spec.mirrors):
            named = {name for _, name, _, _ in Formatter().parse(url) if name}
            if named - self.fills:
                known = ", ".join(f"{{{name}}}" for name in sorted(self.fills)) or "none"
                msg = f"{where}: nothing fills in {{{min(named - self.fills)}}} of {url} (known: {known})."
                raise ConfigError(msg)


@dataclass
class Fetching:
    """The fetch of one area: with which cache, how servers are asked, and what was noticed on the way."""

    area: Area
    live: Live
    cache: Cache
    policy: RequestPolicy
    report: Report | None = None
    reader: Reader | None = None
    """In whose process the replies are read; None: in this one."""
    notices: list[Notice] = field(default_factory=list)

    @property
    def bbox(self) -> str:
        """The bbox of the area, as it stands in requests for a window."""
        return ",".join(f"{value:.6f}" for value in self.area.bbox)

    def call(self, module: str, function: str, *args: object, about: Path | None = None) -> Any:  # noqa: ANN401
        """Return what a function returns that reads what came from a server, called where that can do no harm.

        Raises
        ------
        TransientError
            It ended its reader, or made it fail in a way that nobody foresaw.
        """
        if self.reader is None:
            return getattr(import_module(module), function)(*args)
        try:
            return self.reader.call(module, function, *args, about=about)
        except UnreadableFileError as error:
            reason = f"the reply cannot be read ({error.reason})"
            raise TransientError(reason) from error

    def check(self, module: str, function: str, *more: object) -> Callable[[Path], None]:
        """Return a check of a reply, for a `DownloadSpec`, that takes the file and `more`."""
        return lambda path: self.call(module, function, path, *more, about=path)

    def file(
        self, spec: SourceSpec, version: str, name: str, file: DownloadSpec, *, refresh_hours: float | None = None
    ) -> Path:
        """Return a file that is served as such."""
        request = Request(dataset=spec.id, version=version, url=file.urls[0], licence=spec.licence)
        return self.cache.get(
            request,
            name,
            lambda part: download(file, part, self.policy, self.report, busy_seconds=spec.busy_seconds),
            refresh_hours=refresh_hours,
        )

    def window_request(self, spec: SourceSpec, version: str, url: str) -> Request:
        """Return the request for the part of a dataset that covers the area."""
        return Request(dataset=spec.id, version=version, url=url, query=f"bbox {self.bbox}", licence=spec.licence)

    def downloads(self, paths: Sequence[Path]) -> list[Download]:
        """Return what is known of files of the cache that this fetch was given."""
        used = {self.cache.path(download): download for download in self.cache.used.values()}
        return [used[path] for path in paths]

    def fetched(  # noqa: PLR0913 - what is known of a file
        self,
        path: Path,
        spec: SourceSpec,
        version: str,
        downloads: Sequence[Path],
        *,
        epoch: int | None = None,
        observed_year: int | None = None,
    ) -> FetchedFile:
        """Return a file with its provenance; `downloads` are the files of the cache that it was made from."""
        made_from = self.downloads(downloads)
        origin = Source(
            source_id="",
            area_id=self.area.area_id,
            dataset=spec.id,
            version=version,
            licence=spec.licence,
            attribution=spec.attribution,
            url=made_from[0].fetched_from,
            retrieved_at=max(download.retrieved_at for download in made_from),
            sha256=provenance.sha256(path),
            bytes=path.stat().st_size,
            features=0,
            observed_year=observed_year,
        )
        return FetchedFile(path, origin, epoch)


def with_origin(read: Extract[T], files: Sequence[FetchedFile]) -> Extract[T]:
    """Give what a reader of local files returned, one source for each file in order, the provenance of the files."""
    sources = []
    for file, source in zip(files, read.sources, strict=True):
        year = source.observed_year if file.origin.observed_year is None else file.origin.observed_year
        read_from = replace(file.origin, source_id=source.source_id, features=source.features, observed_year=year)
        sources.append(read_from)
    return Extract(read.data, sources, read.notices)
