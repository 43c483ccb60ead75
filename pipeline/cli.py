"""The command line: stdout carries data, stderr speaks to people; exit codes 0 done, 1 failed, 2 unusable input."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from datetime import datetime  # noqa: TC003 - Typer reads the annotation
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.base import memory
from pipeline.errors import InputError, NovostroikiError
from pipeline.simulate.stress import HELP as STRESSES
from pipeline.simulate.stress import parse as parse_stress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import Config

# Typer reads annotations at run time; heavy modules are imported inside the commands, so that --help answers at once.
app = typer.Typer(
    name="novostroiki",
    help="Map the new settlements around Bishkek, Osh, Almaty and Astana: outlines, red zones, residents, growth.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Sources(StrEnum):
    """Where a run takes its inputs from."""

    sample = "sample"
    local = "local"
    live = "live"


class Format(StrEnum):
    """How `query` prints."""

    table = "table"
    csv = "csv"
    json = "json"


class LabelFormat(StrEnum):
    """How to print the settlements to label."""

    csv = "csv"
    geojson = "geojson"


ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration file; default: config.toml here, else the one that comes along."),
]
AreaNames = Annotated[list[str] | None, typer.Option("--area", help="Only this area; repeat for several.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of a finished run.")]


_VALIDATION = """
    WITH written AS (
        SELECT *, round(log_ratio, 2) + 0 AS ratio,  -- no minus nought
            [CASE WHEN quantity = 'onset_year' THEN format('{:d}', round(x)::BIGINT)
                  ELSE format('{:,}', round(x)::BIGINT) END
             FOR x IN [reported_low, reported, reported_high, p05, p50, p95]] AS n
        FROM validation
    )
    SELECT area_id AS area, subject, quantity, year,
        CASE WHEN reported IS NOT NULL THEN n[2]
             WHEN reported_low IS NULL THEN 'up to ' || n[3]
             WHEN reported_high IS NULL THEN 'over ' || n[1]
             ELSE n[1] || ' to ' || n[3] END AS reported,
        n[5] AS estimate, n[4] || ' to ' || n[6] AS "90 % interval", ratio AS log_ratio,
        CASE WHEN detectable IS NOT NULL THEN format('{:.1f} times', detectable) END AS "least error it shows",
        verdict, reference
    FROM written
    ORDER BY reference = 'simulated truth', area_id, verdict = 'not comparable', subject, quantity, year
"""


@app.callback()
def _main() -> None:
    """Let file names be UTF-8 whatever the locale says, and what goes into a file or pipe too."""
    if sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - itself again
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8")


@app.command()
def run(  # noqa: PLR0913 - one parameter per option
    *,
    config: ConfigFile = None,
    area: AreaNames = None,
    sources: Annotated[Sources | None, typer.Option(help="sample: simulated | local: files | live: servers.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to publish.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Areas at a time; default: one per core.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="A Dask scheduler to work on: docs/cluster.md.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what a live run would fetch.")] = False,
    frozen: Annotated[bool, typer.Option("--frozen", help="Live, from what was fetched before: no network.")] = False,
    since: Annotated[
        Path | None, typer.Option(help="Outputs or snapshot whose settlements give their ids to these.")
    ] = None,
    snapshot: Annotated[bool, typer.Option("--snapshot", help="Keep this release under today's date.")] = False,
    accept_change: Annotated[
        bool, typer.Option("--accept-change", help="Publish even where inputs lost much since the release before.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Take nothing from the last run.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary; only errors.")] = False,
) -> None:
    """Do everything: read, delineate, measure, estimate, and publish tables and maps."""
    with _speaking():
        memory.check(memory.TO_RUN)
        settings = _load(config, areas=tuple(area) if area else None, sources=sources and sources.value, out=out)
        if plan:
            from pipeline.commands import fetch_plan

            typer.echo(fetch_plan.listing(settings), nl=False)
            return
        from pipeline import run

        run.run(
            settings,
            jobs=jobs,
            scheduler=scheduler,
            frozen=frozen,
            snapshot=snapshot,
            since=since,
            accept_change=accept_change,
            fresh=fresh,
            quiet=quiet,
        )


@app.command()
def simulate(  # noqa: PLR0913 - one parameter per option
    directory: Annotated[Path, typer.Argument(help="Folder for the input files, their truth, and a config.toml.")],
    *,
    config: ConfigFile = None,
    area: AreaNames = None,
    buildings: Annotated[int | None, typer.Option(min=2000, help="Buildings of each city, at least.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the simulation.")] = None,
    stress: Annotated[
        list[str] | None, typer.Option("--stress", metavar="NAME=VALUE,…", help=f"What is made hard. {STRESSES}.")
    ] = None,
) -> None:
    """Write simulated cities with known truth, in the formats of the real sources."""
    from pipeline import simulate as simulation

    with _speaking():
        settings = _load(config, areas=tuple(area) if area else None, seed=seed)
        path = simulation.write(
            settings.selected,
            directory,
            buildings=buildings or settings.simulate.buildings,
            seed=settings.run.seed,
            stress=parse_stress(stress or []),
        )
        typer.echo(path)


@app.command(context_settings={"ignore_unknown_options": True})  # a SQL comment begins as an option does
def query(  # noqa: PLR0913 - one parameter per option
    sql: Annotated[str, typer.Argument(help="A SELECT over the tables and views.")],
    *,
    out: Out = Path("out"),
    output_format: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
    public: Annotated[bool, typer.Option("--public", help="Ask the public edition.")] = False,
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Ask the snapshot of that day or before.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds after which it gives up.")] = 60.0,
) -> None:
    """Ask the database (read-only); the answer goes to stdout."""
    from pipeline.base import releases
    from pipeline.commands import query as queries

    with _speaking():
        if public and as_of:
            msg = "Snapshots hold the full edition only; leave --public or --as-of out."
            raise InputError(msg)
        with _published(releases.as_of(out, as_of.date()) if as_of else out) as release:
            folder = release / "public" if public else release
            queries.run(folder / "novostroiki.duckdb", sql, output_format.value, sys.stdout, timeout_s=timeout)


@app.command()
def estimate(
    *,
    where: Annotated[str, typer.Option(help="Condition on columns of settlements, such as kind = 'novostroika'.")] = "",
    polygon: Annotated[Path | None, typer.Option(help="GeoJSON file: only the people inside its polygons.")] = None,
    ratio: Annotated[str, typer.Option(help="Also a ratio, such as unregistered/residents.")] = "",
    out: Out = Path("out"),
) -> None:
    """Print the people of any group of settlements or of a polygon, with their intervals, from the kept draws."""
    from pipeline.commands import estimate as estimates

    with _speaking(), _published(out) as release:
        answer = estimates.answer(release / "novostroiki.duckdb", where=where, polygon=polygon, ratio=ratio)
        for notice in answer.notices:
            typer.echo(f"novostroiki: {notice}", err=True)
        typer.echo(answer.text)


@app.command()
def serve(
    *,
    out: Out = Path("out"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any free one.")] = 8000,
) -> None:
    """Serve the maps over loopback, with HTTP Range."""
    from pipeline.commands import serve as server

    with _speaking(), _published(out) as release, server.open_server(release, port) as running:
        typer.echo(f"{running.url}  (Ctrl-C stops)", err=True)
        running.serve_forever()


@app.command()
def embed(
    area: Annotated[str, typer.Argument(help="Area, such as bishkek.")],
    *,
    out: Out = Path("out"),
) -> None:
    """Write the journalist's kit of an area, from the public edition only; print its folder."""
    from pipeline.commands import press_kit

    with _speaking():
        typer.echo(press_kit.publish(out, area))


@app.command()
def validate(*, out: Out = Path("out")) -> None:
    """Print published figures (and the truth, where simulated) beside the estimates."""
    from pipeline.base.connection import connect
    from pipeline.commands import query as queries
    from pipeline.commands.about_areas import about

    with _speaking(), _published(out) as release:
        queries.run(release / "novostroiki.duckdb", _VALIDATION, "table", sys.stdout)
        with connect(release / "novostroiki.duckdb", read_only=True) as con:
            for line in about(con):
                typer.echo(line, err=True)


@app.command()
def label(
    *,
    label_format: Annotated[
        LabelFormat, typer.Option("--format", help="A table, or outlines to fill in with any program of maps.")
    ] = LabelFormat.csv,
    out: Out = Path("out"),
) -> None:
    """Print the settlements whose kind would teach most, to fill in and give as the input `labels`."""
    from pipeline.commands import label as labels

    with _speaking(), _published(out) as release:
        labels.write(release, label_format.value, sys.stdout)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="An output folder or snapshot.")],
    new: Annotated[Path, typer.Argument(help="A later one.")],
) -> None:
    """Compare two outputs settlement by settlement: appeared, vanished, re-mapped. Never a measure of growth."""
    from pipeline.commands import differences

    with _speaking(), _published(old) as older, _published(new) as newer:
        table, notices = differences.between(older, newer)
        for notice in notices:
            typer.echo(f"novostroiki: {notice}", err=True)
        typer.echo(table.to_string(index=False))


@app.command()
def layers() -> None:
    """List the catalogue: layer, source, licence, verified."""
    from pipeline.commands import layer_listing

    with _speaking():
        typer.echo(layer_listing.listing(), nl=False)


@app.command()
def check(
    *,
    config: ConfigFile = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask each server of a live run once; at most 15 seconds.")
    ] = False,
) -> None:
    """Check configuration, layers and facts, without running."""
    from pipeline.declared import catalogue, facts
    from pipeline.extract import registry

    with _speaking():
        settings = _load(config)
        loaded = catalogue.default()
        registry.check(loaded)
        facts.check()
        if live:
            from pipeline.commands import server_check
            from pipeline.run import fetching

            fetching.check(settings)
            typer.echo(server_check.listing(settings), nl=False)
        typer.echo(
            f"{len(settings.areas)} areas, {len(loaded.osm_layers)} layers, {len(loaded.sources)} sources: all sound.",
            err=True,
        )


def _load(path: Path | None, **overrides: object) -> Config:
    from pipeline import config
    from pipeline.base.resources import resource

    if path is None:
        here = Path("config.toml")
        if here.exists():
            path = here
        else:
            path = resource("config.toml")
            overrides["out"] = overrides.get("out") or Path("out")
    if isinstance(out := overrides.get("out"), Path):
        overrides["out"] = str(out.resolve())  # an option is relative to where the user stands, a key to its file
    return config.load(path, **overrides)


@contextmanager
def _published(out: Path) -> Iterator[Path]:
    """Give the release that outputs point to, and put right beside it what a killed run left."""
    from pipeline.base import releases

    if (out / releases.FOLDER / releases.STAGING).is_dir():
        from pipeline.run import publish

        publish.heal(out)
    with releases.held(out) as release:
        yield release


@contextmanager
def _speaking() -> Iterator[None]:
    """Turn expected errors into one sentence on stderr and an exit code."""
    try:
        yield
    except NovostroikiError as error:
        typer.echo(f"novostroiki: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        typer.echo("novostroiki: stopped; the previous outputs are untouched.", err=True)
        raise typer.Exit(1) from error
    except BrokenPipeError:  # the reader of stdout has seen enough, as in `novostroiki query … | head`
        sys.stderr.close()
        raise typer.Exit(0) from None
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        typer.echo(f"novostroiki: the system refuses to go on: {error.strerror or error}{where}.", err=True)
        raise typer.Exit(1) from error
    except Exception as error:
        if not memory.ran_out(error):
            raise
        remedy = "free some, raise its limit (ulimit -v), or use fewer --jobs"
        typer.echo(f"novostroiki: there is too little memory for this; {remedy}.", err=True)
        raise typer.Exit(1) from error
