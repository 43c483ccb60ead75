"""The live inputs of an area: what a run would fetch, and fetching it, source by source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipeline.errors import ConfigError, InputError, SourceError
from pipeline.extract import registry
from pipeline.extract.http.cache import Cache
from pipeline.extract.http.retry import AttemptError, RequestPolicy, failed
from pipeline.extract.source import Fetching, NotCoveredError
from pipeline.schema.provenance import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pipeline.config import Area, Config, Live
    from pipeline.declared.catalogue import Catalogue, SourceSpec
    from pipeline.extract.http.download import Report
    from pipeline.extract.http.lock import Download, Lock
    from pipeline.extract.sandbox.process import Reader
    from pipeline.extract.source import DataSource, FetchedFile

REQUIRED = ("osm", "footprints")
"""Inputs of which a run needs one: without either there are no buildings to work on."""


@dataclass(frozen=True)
class Planned:
    """What a live run would fetch from one source for one area."""

    area_id: str
    spec: SourceSpec
    items: Sequence[str]
    """A text for each file, tile or query; what two areas share has the same text in both."""
    uncovered: str = ""
    """Why the source has nothing for the area; empty: it has."""

    @property
    def server(self) -> str:
        """The server that is asked first."""
        return urlsplit(self.spec.endpoint or self.spec.url).netloc

    @property
    def typical_bytes(self) -> int:
        """Size of all of them, as such files usually are."""
        return len(self.items) * self.spec.typical_bytes


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
    missing
        Sources that could not be had, with the reason.
    """

    files: dict[str, list[FetchedFile]]
    downloads: list[Download]
    notices: list[Notice]
    missing: dict[str, str] = field(default_factory=dict)

    def paths(self, source_id: str) -> list[Path]:
        """Return the files of a source."""
        return [file.path for file in self.files[source_id]]


def plan(area: Area, catalogue: Catalogue, config: Config) -> list[Planned]:
    """Return what `fetch` would ask for, without asking anybody; a source that has nothing for the area says so."""
    planned = []
    for source in feeding(catalogue, config.live):
        try:
            planned.append(Planned(area.area_id, source.spec, source.plan(area, config.live)))
        except NotCoveredError as error:
            planned.append(Planned(area.area_id, source.spec, (), str(error)))
    return planned


def feeding(catalogue: Catalogue, live: Live) -> list[DataSource[Any]]:
    """Return the sources that fill an input: those whose licence forbids something only where somebody asked for them.

    Raises
    ------
    ConfigError
        `live.opt_in` names what is no such source.
    """
    restricted = [spec.id for spec in catalogue.sources.values() if spec.restriction]
    if unknown := [name for name in live.opt_in if name not in restricted]:
        known = ", ".join(restricted) or "none"
        msg = f"live.opt_in names {unknown[0]!r}, which is no source that must be asked for (known: {known})."
        raise ConfigError(msg)
    left_out = set(restricted) - set(live.opt_in)
    return [
        source for name, source in registry.sources(catalogue).items() if source.spec.feeds and name not in left_out
    ]


def total(planned: Iterable[Planned]) -> tuple[int, int]:
    """Return files and bytes of a plan for several areas: what two of them share is fetched once."""
    sizes = {(row.spec.id, item): row.spec.typical_bytes for row in planned for item in row.items}
    return len(sizes), sum(sizes.values())


def fetch(  # noqa: PLR0913 - what to fetch, and how
    area: Area,
    catalogue: Catalogue,
    config: Config,
    *,
    report: Report | None = None,
    frozen: Lock | None = None,
    policy: RequestPolicy | None = None,
    reader: Reader | None = None,
) -> Fetched:
    """Fetch everything that feeds an input of the area, or take it from the cache.

    A source that cannot be had, whole and right, is missing, and the run goes on without it; nothing partial of it is
    passed on.

    Parameters
    ----------
    catalogue
        Its sources say where to; those without `feeds` are left alone.
    report
        Called with the progress of each download.
    frozen
        From `lock.read`: exactly these downloads are used, what was missing then is missing now, and no server is
        asked.
    policy
        How servers are asked; one for several areas remembers which of them do not answer.
    reader
        In whose process what they answer is read; None: in this one.

    Raises
    ------
    SourceError
        Neither OpenStreetMap nor any footprints could be had; or `frozen`, and the cache does not hold what it names.
    """
    cache = Cache.of(config.live, frozen.downloads if frozen else None)
    fetching = Fetching(area, config.live, cache, policy or RequestPolicy.of(config.live), report, reader)
    files: dict[str, list[FetchedFile]] = {}
    missing: dict[str, str] = {}

    def collect(sources: Sequence[DataSource[Any]]) -> None:
        for source in sources:
            name = source.spec.id
            if frozen and (reason := frozen.missing.get((area.area_id, name))):
                missing[name] = reason
            elif source.spec.fallback_for not in files:
                before = set(cache.used)
                try:
                    had = source.fetch(fetching)
                    if cache.fetched - before:
                        _try(fetching, catalogue, name, had)
                    files[name] = had
                except InputError as error:
                    cache.forget(cache.used[key] for key in set(cache.used) - before)
                    missing[name] = f"{name}: what was fetched is of no use ({str(error).rstrip('.')}); it was removed."
                except SourceError as error:
                    if frozen:
                        raise
                    missing[name] = str(error)
                except AttemptError as error:
                    missing[name] = str(failed(name, source.spec.url, error.reason, error.remedy))

    wanted = feeding(catalogue, config.live)
    collect([source for source in wanted if source.spec.feeds in REQUIRED])
    _check_required(area, catalogue, files, missing)
    others = [source for source in wanted if source.spec.feeds not in REQUIRED]
    collect(sorted(others, key=lambda source: bool(source.spec.fallback_for)))
    cache.trim()
    notices = [Notice(name, "source_missing", values={"reason": reason}) for name, reason in missing.items()]
    return Fetched(files, list(cache.used.values()), [*notices, *fetching.notices], missing)


def _try(fetching: Fetching, catalogue: Catalogue, name: str, files: Sequence[FetchedFile]) -> None:
    """Read what is new in the cache once: what cannot be read must not stay there, and the run goes on without it.

    Raises
    ------
    InputError
        It cannot be read.
    """
    try:
        fetching.call(
            __name__, "read_once", fetching.area, catalogue, name, files, about=files[0].path if files else None
        )
    except AttemptError as error:
        raise InputError(error.reason) from error


def read_once(area: Area, catalogue: Catalogue, name: str, files: Sequence[FetchedFile]) -> None:
    """Read the files of a source, for the sake of its errors."""
    if files:
        registry.sources(catalogue)[name].read(files, area)


def _check_required(
    area: Area, catalogue: Catalogue, files: Mapping[str, list[FetchedFile]], missing: Mapping[str, str]
) -> None:
    """Raise the errors of the sources of buildings if none of them could be had, and no file stands in for them."""
    filled = {catalogue.sources[name].feeds for name, had in files.items() if had}
    given = {key for key in REQUIRED if getattr(area.inputs, key)}
    wanted = [reason for name, reason in missing.items() if catalogue.sources[name].feeds in REQUIRED]
    if wanted and not (filled | given) & set(REQUIRED):
        raise SourceError(" ".join(wanted))
