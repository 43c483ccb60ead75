"""The live inputs of an area: what a run would fetch, and fetching it, source by source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.extract import registry
from pipeline.extract.http.cache import Cache
from pipeline.extract.http.retry import RequestPolicy
from pipeline.extract.source import Fetching

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.config import Area, Config
    from pipeline.declared.catalogue import Catalogue
    from pipeline.extract.http.download import Report
    from pipeline.extract.http.lock import Download
    from pipeline.extract.source import FetchedFile
    from pipeline.schema.provenance import Notice


@dataclass(frozen=True)
class Planned:
    """What a live run would fetch from one source for one area."""

    area_id: str
    dataset: str
    title: str
    provider: str
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
    files
        By source, with their provenance; `registry.sources` has what reads them.
    downloads
        For `lock.write`.
    notices
        What was noticed on the way.
    """

    files: dict[str, list[FetchedFile]]
    downloads: list[Download]
    notices: list[Notice]

    def paths(self, source_id: str) -> list[Path]:
        """Return the files of a source."""
        return [file.path for file in self.files[source_id]]


def plan(area: Area, catalogue: Catalogue, config: Config) -> list[Planned]:
    """Return what `fetch` would ask for, without asking anybody.

    Raises
    ------
    InputError
        A source does not cover the country of the area.
    """
    planned = []
    for source in registry.sources(catalogue).values():
        spec = source.spec
        if spec.feeds:
            server = urlsplit(spec.endpoint or spec.url).netloc
            files = len(source.plan(area, config.live))
            size = files * spec.typical_bytes
            planned.append(Planned(area.area_id, spec.id, spec.title, spec.provider, server, files, size, spec.licence))
    return planned


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
    fetching = Fetching(area, config.live, cache, RequestPolicy.of(config.live), report)
    sources = registry.sources(catalogue)
    files = {name: source.fetch(fetching) for name, source in sources.items() if source.spec.feeds}
    cache.trim()
    return Fetched(files, list(cache.used.values()), fetching.notices)
