"""The live side of a run: fetch what every area needs, or take exactly what an earlier run had fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from pipeline.base.progress import console
from pipeline.base.releases import resolve
from pipeline.declared import catalogue
from pipeline.errors import InputError
from pipeline.extract import live
from pipeline.extract.http import lock
from pipeline.extract.http.retry import RequestPolicy
from pipeline.extract.sandbox import process

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Config
    from pipeline.extract.http import download
    from pipeline.extract.live import Fetched


def fetch(config: Config, stage: Path, *, frozen: bool, quiet: bool) -> dict[str, Fetched]:
    """Fetch the inputs of all selected areas and write `sources.lock` into the stage.

    Parameters
    ----------
    config
        A live configuration.
    stage
        The folder that will be published.
    frozen
        Use what the lock of the previous outputs names, from the cache, and no network.
    quiet
        No progress.

    Raises
    ------
    SourceError
        An area has neither OpenStreetMap nor footprints, or a frozen run lacks what the lock names.
    InputError
        `frozen`, but there is no lock of an earlier run.
    """
    earlier = lock.read(resolve(config.run.out) / lock.FILE_NAME) if frozen else None
    scratch = stage / ".work" / "fetching"
    with _Downloads(quiet=quiet) as downloads, process.started(scratch, network=not frozen) as reader:
        policy, layers = RequestPolicy.of(config.live), catalogue.default()
        fetched = {
            area.area_id: live.fetch(
                area, layers, config, report=downloads.show, frozen=earlier, policy=policy, reader=reader
            )
            for area in config.selected
        }
    missing = (
        lock.Missing(area=area_id, dataset=dataset, reason=reason)
        for area_id, area in fetched.items()
        for dataset, reason in area.missing.items()
    )
    lock.write(stage / lock.FILE_NAME, (row for area in fetched.values() for row in area.downloads), missing)
    return fetched


def check(config: Config) -> None:
    """Ask who fetches, before the first request: public servers refuse those who do not say.

    Raises
    ------
    InputError
        The configuration names nobody.
    """
    if not config.live.contact.strip():
        msg = (
            "live.contact is empty, and public servers refuse requests that do not say who sends them (406); write an "
            "address at which you can be reached there. `novostroiki run --plan` shows what would be asked for."
        )
        raise InputError(msg)


def warn(config: Config) -> None:
    """Say, before the first request, what the licences of sources that were asked for forbid."""
    for source in live.feeding(catalogue.default(), config.live):
        if (spec := source.spec).restriction:
            console.print(
                f"[yellow]novostroiki:[/] {spec.title} is under {spec.licence}: {spec.restriction}, neither of "
                "it nor of any output of this run. Every output says so."
            )


class _Downloads(Progress):
    """A bar per download: bytes, rate, time left."""

    def __init__(self, *, quiet: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        super().__init__(*columns, TimeRemainingColumn(), console=console, disable=quiet)
        self._known: dict[str, TaskID] = {}

    def show(self, progress: download.Progress) -> None:
        """Update the bar of a download."""
        if progress.what not in self._known:
            self._known[progress.what] = self.add_task(progress.what, total=progress.total)
        self.update(self._known[progress.what], completed=progress.done, total=progress.total)
