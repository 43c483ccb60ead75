"""All areas: computed wherever there are cores, joined, and published whole or not at all."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import FIRST_EXCEPTION, BrokenExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

from rich.markup import escape

from pipeline.base import scratch, stopping
from pipeline.base.progress import Display, console, summarise
from pipeline.errors import ConfigError, NothingFoundError, RunError
from pipeline.extract import area_inputs
from pipeline.run import identity, manifest, publish, tasks, workers
from pipeline.run.stages import STAGES
from pipeline.schema.provenance import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from pipeline.config import Config
    from pipeline.run.area import AreaResult
    from pipeline.run.since import Since

T = TypeVar("T")
_CONNECT_S = 30.0
"""Seconds that a Dask scheduler may take to answer."""
_WATCH_S = 0.5
"""Seconds between two looks at whether the run shall stop."""


def run(  # noqa: PLR0913 - one parameter per option of the command
    config: Config,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    frozen: bool = False,
    snapshot: bool = False,
    since: Path | None = None,
    accept_change: bool = False,
    fresh: bool = False,
    quiet: bool = False,
) -> None:
    """Run all stages for all areas and publish the outputs in ``config.run.out``.

    Parameters
    ----------
    config
        What to run.
    jobs
        Areas computed at a time on this machine; default: one per core.
    scheduler
        Address of a Dask scheduler whose workers see the same folders (docs/cluster.md); default: processes on this
        machine.
    frozen
        With live sources: use what was fetched before, and no network.
    snapshot
        Keep the release under today's date.
    since
        Outputs, snapshot or release whose settlements give their ids to those of this run.
    accept_change
        Publish even where inputs lost much against the release before (`gate`).
    fresh
        Make all anew, also what the last run made from the same.
    quiet
        No progress and no summary.

    Raises
    ------
    NovostroikiError
        An input is unusable, or the run failed; nothing was published, previous outputs are as they were.
    """
    stopping.check()
    started = datetime.now(UTC)
    if scheduler is not None and find_spec("distributed") is None:
        msg = "--scheduler needs Dask, which is not installed; install it with: pip install 'novostroiki[cluster]'"
        raise ConfigError(msg)
    names = {area.area_id: area.name.en for area in config.selected}
    stages = {name: share for name, share in STAGES.items() if name != "simulating" or config.run.sources == "sample"}
    if config.run.sources == "local":
        for area in config.selected:
            area_inputs.check(area)
    live = config.run.sources == "live"
    if live:
        from pipeline.run import fetching

        if not frozen:
            fetching.check(config)
            fetching.warn(config)
    jobs = jobs or min(len(names), os.cpu_count() or 1)
    with (
        _opened(since, config) as earlier,
        publish.staging(config.run.out, snapshot=started.date() if snapshot else None) as stage,
        scratch.inside(stage.parent / "scratch"),
    ):
        work = stage / ".work"
        (work / "progress").mkdir(parents=True)
        fetched = fetching.fetch(config, stage, frozen=frozen, quiet=quiet) if live else {}
        with (
            Display(work / "progress", names, stages, quiet=quiet),
            _executor(jobs, scheduler) as executor,
        ):
            kept = None if fresh else publish.stage_results(stage)
            threads = max(1, (os.cpu_count() or 1) // jobs)
            calls = [
                partial(tasks.area, area, config, stage, fetched.get(area.area_id), earlier, kept, threads)
                for area in config.selected
            ]
            results, empty = _found(_results(_started(executor, calls)))
            for message in empty:
                console.print(f"[yellow]novostroiki:[/] {escape(message)} The other areas are published without it.")
            left_out = [Notice("run", "area_left_out", values={"reason": message}) for message in empty]
            _join(executor, stage, config, results, left_out, started=started, since=earlier)
        if not accept_change:
            from pipeline.run import gate

            gate.check(stage, config.run.out)
    if not quiet:
        _summarise(config, results)


def _opened(since: Path | None, config: Config) -> AbstractContextManager[Since | None]:
    if since is None:
        return nullcontext()
    from pipeline.run.since import opened

    return opened(since, config)


@contextmanager
def _executor(jobs: int, scheduler: str | None) -> Iterator[Executor]:
    """Give what computes the areas: processes of this machine, or the workers of a Dask scheduler."""
    if scheduler is None:
        with workers.processes(jobs) as pool:
            yield pool
        return
    from distributed import Client, KilledWorker

    try:
        client = Client(scheduler, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        msg = f"No Dask scheduler answers at {scheduler} ({error}); start one, or leave --scheduler out."
        raise RunError(msg) from error
    with client, client.get_executor(pure=False) as pool:
        try:
            yield pool
        except KilledWorker as error:
            msg = f"Workers of {scheduler} were ended while they computed an area; give them more memory."
            raise RunError(msg) from error


def _started(executor: Executor, calls: Iterable[Callable[[], T]]) -> list[Future[T]]:
    return [executor.submit(call) for call in calls]


def _results(futures: Sequence[Future[T]]) -> list[T]:
    """Return what calls return; the first failure, or a signal, stops the rest."""
    try:
        left: Collection[Future[T]] = futures
        while left:
            done, left = wait(left, timeout=_WATCH_S, return_when=FIRST_EXCEPTION)
            stopping.check()
            for future in done:
                future.result()
        return [future.result() for future in futures]
    except BrokenExecutor as error:
        msg = "A process that computed an area was ended from outside, perhaps for want of memory; use fewer --jobs."
        raise RunError(msg) from error
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _found(every: Sequence[AreaResult | NothingFoundError]) -> tuple[list[AreaResult], list[str]]:
    """Return the results by area, and what is to be said of areas in which nothing was found.

    Raises
    ------
    NothingFoundError
        Nothing was found in any of them.
    """
    results = [result for result in every if not isinstance(result, NothingFoundError)]
    empty = [result for result in every if isinstance(result, NothingFoundError)]
    if not results:
        raise empty[0]
    # The order of `run.areas` changes no byte.
    return sorted(results, key=lambda result: result.area_id), [str(error) for error in empty]


def _join(  # noqa: PLR0913 - all that the run knows
    executor: Executor,
    stage: Path,
    config: Config,
    results: Sequence[AreaResult],
    left_out: Sequence[Notice],
    *,
    started: datetime,
    since: Since | None,
) -> None:
    """Join the parts of all areas, and make what speaks of the whole run; the executor does the work."""
    sources = [source for result in results for source in result.sources]
    notices = [*left_out, *(notice for result in results for notice in result.notices)]
    run_id, parent = since.name(config, sources) if since else (identity.run_id(config, sources), None)
    _results(_started(executor, [partial(tasks.join, stage, config, results, run_id, parent, since)]))
    reports = _started(executor, [partial(tasks.report, stage, results, notices)])
    # The full database holds what the public edition withheld.
    _results(_started(executor, [partial(tasks.public_tables, stage, since)]))
    kits = [partial(tasks.press_kit, stage, result.area_id) for result in results]
    public = _started(executor, [*kits, partial(tasks.public_tiles, stage)])
    workers.apart(tasks.database, stage)
    workers.apart(tasks.public_database, stage)
    _results([*reports, *public])
    _results(_started(executor, [partial(tasks.stamp, stage, run_id), partial(tasks.catalogues, stage)]))
    stages = summarise(stage / ".work" / "progress")
    shutil.rmtree(stage / ".work")
    manifest.write(
        stage,
        run_id=run_id,
        parent=parent,
        config=config,
        sources=sources,
        notices=notices,
        started=started,
        finished=datetime.now(UTC),
        stages=stages,
    )


def _summarise(config: Config, results: Sequence[AreaResult]) -> None:
    out = config.run.out
    for result in results:
        for remark in result.remarks:
            console.print(f"[yellow]{result.area_id}[/] {escape(remark)}")
        for notice in result.notices:
            console.print(f"[yellow]{result.area_id}[/] {escape(str(notice))}")
    console.print(f"\nStart     {out / 'index.html'}")
    for result in results:
        console.print(f"Map       {out / 'maps' / result.area_id / 'index.html'}")
    console.print(f"Database  {out / 'novostroiki.duckdb'}")
    console.print(f"Public    {out / 'public'}")
