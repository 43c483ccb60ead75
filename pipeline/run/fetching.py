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
from pipeline.declared import catalogue
from pipeline.extract import live
from pipeline.extract.http import lock

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
        A source could not be had whole and right.
    InputError
        `frozen`, but there is no lock of an earlier run.
    """
    earlier = lock.read(config.run.out / lock.FILE_NAME) if frozen else None
    with _Downloads(quiet=quiet) as downloads:
        fetched = {
            area.area_id: live.fetch(area, catalogue.default(), config, report=downloads.show, frozen=earlier)
            for area in config.selected
        }
    lock.write(stage / lock.FILE_NAME, (row for area in fetched.values() for row in area.downloads))
    return fetched


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
