"""All areas: computed wherever there are cores, joined, and published whole or not at all."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import FIRST_EXCEPTION, BrokenExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pandas as pd
from rich.markup import escape

from pipeline import __version__
from pipeline.base import scratch, stopping
from pipeline.base.progress import Display, console, summarise
from pipeline.errors import ConfigError, NothingFoundError, NovostroikiError, RunError
from pipeline.extract import area_inputs
from pipeline.load import database, description, parquet, press_kit, public_edition, report, stamp
from pipeline.run import fetching, gate, identity, manifest, publish, workers
from pipeline.run.area import STAGES, process
from pipeline.run.since import LINEAGE, opened
from pipeline.schema import tables
from pipeline.schema.about import SCHEMA_VERSION, About, licence_of
from pipeline.schema.provenance import Notice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from pipeline.config import Area, Config
    from pipeline.extract.live import Fetched
    from pipeline.run.area import AreaResult
    from pipeline.run.since import Since
    from pipeline.schema.provenance import Source

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
    if config.run.sources == "live" and not frozen:
        fetching.check(config)
        fetching.warn(config)
    with (
        opened(since, config) as earlier,
        publish.staging(config.run.out, snapshot=started.date() if snapshot else None) as stage,
        scratch.inside(stage.parent / "scratch"),
    ):
        work = stage / ".work"
        (work / "progress").mkdir(parents=True)
        live = config.run.sources == "live"
        fetched = fetching.fetch(config, stage, frozen=frozen, quiet=quiet) if live else {}
        with (
            Display(work / "progress", names, stages, quiet=quiet),
            _executor(jobs or min(len(names), os.cpu_count() or 1), scheduler) as executor,
        ):
            results, empty = _computed(executor, config, stage, fetched, earlier)
        for message in empty:
            console.print(f"[yellow]novostroiki:[/] {escape(message)} The other areas are published without it.")
        left_out = [Notice("run", "area_left_out", values={"reason": message}) for message in empty]
        _join(stage, config, results, left_out, started=started, since=earlier)
        if not accept_change:
            gate.check(stage, config.run.out)
    if not quiet:
        _summarise(config, results)


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


def _process(
    area: Area, config: Config, stage: Path, fetched: Fetched | None, since: Since | None
) -> AreaResult | NothingFoundError:
    """Do one area; an error travels without its causes, which may not survive the way between processes."""
    try:
        return process(area, config, stage, fetched, since)
    except NothingFoundError as error:
        return NothingFoundError(str(error))
    except NovostroikiError as error:
        refusal = type(error)(str(error))
    raise refusal


def _computed(
    executor: Executor, config: Config, stage: Path, fetched: Mapping[str, Fetched], since: Since | None
) -> tuple[list[AreaResult], list[str]]:
    """Process all areas; return the results, and what is to be said of areas in which nothing was found.

    Raises
    ------
    NothingFoundError
        Nothing was found in any of them.
    """
    every = _compute(executor, config, stage, fetched, since)
    results = [result for result in every if not isinstance(result, NothingFoundError)]
    empty = [result for result in every if isinstance(result, NothingFoundError)]
    if not results:
        raise empty[0]
    return results, [str(error) for error in empty]


def _compute(
    executor: Executor, config: Config, stage: Path, fetched: Mapping[str, Fetched], since: Since | None
) -> list[AreaResult | NothingFoundError]:
    """Process all areas; the first failure stops the rest."""
    futures = [
        executor.submit(_process, area, config, stage, fetched.get(area.area_id), since) for area in config.selected
    ]
    try:
        left: Collection[Future[AreaResult | NothingFoundError]] = futures
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


def _join(  # noqa: PLR0913 - what a run is made of
    stage: Path,
    config: Config,
    results: Sequence[AreaResult],
    left_out: Sequence[Notice],
    *,
    started: datetime,
    since: Since | None,
) -> None:
    """Join the parts of all areas, and make what speaks of the whole run."""
    results = sorted(results, key=lambda result: result.area_id)  # the order of `run.areas` changes no byte
    work, folder = stage / ".work", stage / "tables"
    sources = [source for result in results for source in result.sources]
    notices = [*left_out, *(notice for result in results for notice in result.notices)]
    run_id, parent = since.name(config, sources) if since else (identity.run_id(config, sources), None)
    parts = {name: [work / "parts" / name / f"{r.area_id}.parquet" for r in results] for name in tables.TABLES}
    areas = pd.concat([parquet.read(part, tables.TABLES["areas"], ["inputs_year"]) for part in parts["areas"]])
    runs = tables.conform("runs", _run_row(config, sources, (run_id, parent), areas["inputs_year"]))
    about = About.of(runs)
    for name, frame in {"runs": runs, **description.tables(about)}.items():
        schema = tables.TABLES[name]
        parquet.write(tables.conform(name, frame), folder / f"{name}.parquet", schema, about=about.metadata)
    for name, schema in tables.TABLES.items():
        if name == LINEAGE and since and since.run_id == run_id:
            since.keep_lineage(folder / f"{name}.parquet")
        elif parts[name][0].exists():
            # The rules are the same in every area: they come from the catalogue.
            own = parts[name][:1] if name == "red_zone_rules" else parts[name]
            parquet.merge(own, folder / f"{name}.parquet", schema, about=about.metadata)
    public_edition.build_tables(folder, stage / "public", since=since.release / "tables" if since else None)
    workers.apart(database.build, folder, stage / "novostroiki.duckdb")
    workers.apart(public_edition.build_database, stage / "public")
    for result in results:
        press_kit.build(stage / "public", result.area_id)
    report.build(stage, folder, notices=notices, decomposition={r.area_id: r.decomposition for r in results})
    stamp.stamp_pages(stage, run_id)
    stages = summarise(work / "progress")
    shutil.rmtree(work)
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


def _run_row(config: Config, sources: Sequence[Source], ids: tuple[str, str | None], years: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run_id": [ids[0]],
            "parent_run_id": [ids[1]],
            "version": [__version__],
            "schema_version": [SCHEMA_VERSION],
            "licence": [licence_of(source.licence for source in sources)],
            "data_year": [years.max()],
            "sources": [config.run.sources],
            "seed": [config.run.seed],
            "draws": [config.run.draws],
            "season": [config.run.season],
            "config": [identity.settings(config)],
            "simulated": [any(source.simulated for source in sources)],
        }
    )


def _summarise(config: Config, results: Sequence[AreaResult]) -> None:
    out = config.run.out
    for result in results:
        for notice in result.notices:
            console.print(f"[yellow]{result.area_id}[/] {escape(str(notice))}")
    console.print(f"\nStart     {out / 'index.html'}")
    for result in results:
        console.print(f"Map       {out / 'maps' / result.area_id / 'index.html'}")
    console.print(f"Database  {out / 'novostroiki.duckdb'}")
    console.print(f"Public    {out / 'public'}")
