"""What the processes of a run are given to do.

The libraries that this takes are imported there: the process that hands out the work has no use for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline import __version__
from pipeline.errors import NothingFoundError, NovostroikiError
from pipeline.run import identity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.config import Area, Config
    from pipeline.extract.live import Fetched
    from pipeline.run.area import AreaResult
    from pipeline.run.since import Since
    from pipeline.run.stage_cache import StageFolders
    from pipeline.schema.provenance import Notice


def area(  # noqa: PLR0913, PLR0917 - what a run hands to each of its areas
    given: Area,
    config: Config,
    stage: Path,
    fetched: Fetched | None,
    since: Since | None,
    results: StageFolders | None,
    threads: int,
) -> AreaResult | NothingFoundError:
    """Do one area; an error travels without its causes, which may not survive the way between processes."""
    from pipeline.run.area import process

    try:
        return process(given, config, stage, fetched, since, results, threads)
    except NothingFoundError as error:
        return NothingFoundError(str(error))
    except NovostroikiError as error:
        refusal = type(error)(str(error))
    raise refusal


def join(  # noqa: PLR0913, PLR0917 - all that a run is told by
    stage: Path,
    config: Config,
    results: Sequence[AreaResult],
    run_id: str,
    parent: str | None,
    since: Since | None,
) -> None:
    """Join the parts that areas wrote of each table."""
    import pandas as pd

    from pipeline.load import description, parquet
    from pipeline.run.since import LINEAGE
    from pipeline.schema import tables
    from pipeline.schema.about import SCHEMA_VERSION, About, licence_of

    folder = stage / "tables"
    parts = {
        name: [stage / ".work" / "parts" / name / f"{result.area_id}.parquet" for result in results]
        for name in tables.TABLES
    }
    areas = pd.concat([parquet.read(part, tables.TABLES["areas"], ["inputs_year"]) for part in parts["areas"]])
    row = {
        "run_id": run_id,
        "parent_run_id": parent,
        "version": __version__,
        "schema_version": SCHEMA_VERSION,
        "licence": licence_of(source.licence for result in results for source in result.sources),
        "data_year": areas["inputs_year"].max(),
        "sources": config.run.sources,
        "seed": config.run.seed,
        "draws": config.run.draws,
        "season": config.run.season,
        "config": identity.settings(config),
        "simulated": any(source.simulated for result in results for source in result.sources),
    }
    runs = tables.conform("runs", pd.DataFrame({name: [value] for name, value in row.items()}))
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


def database(stage: Path) -> None:
    """Build the database."""
    from pipeline.load import database

    database.build(stage / "tables", stage / "novostroiki.duckdb")


def public_tables(stage: Path, since: Since | None) -> None:
    """Build the tables of the public edition."""
    from pipeline.load import public_edition

    before = since.release / "tables" if since else None
    public_edition.build_tables(stage / "tables", stage / "public", since=before)


def public_database(stage: Path) -> None:
    """Build the database of the public edition."""
    from pipeline.load import public_edition

    public_edition.build_database(stage / "public")


def public_tiles(stage: Path) -> None:
    """Build the tiles of the public edition."""
    from pipeline.load.public_edition import tiles

    tiles.build(stage / "public")


def press_kit(stage: Path, area_id: str) -> None:
    """Build the kit of an area."""
    from pipeline.load import press_kit

    press_kit.build(stage / "public", area_id)


def report(stage: Path, results: Sequence[AreaResult], notices: Sequence[Notice]) -> None:
    """Build the report."""
    import pandas as pd

    from pipeline.load import report

    report.build(
        stage,
        stage / "tables",
        notices=notices,
        decomposition={result.area_id: pd.DataFrame(result.decomposition) for result in results},
    )


def catalogues(stage: Path) -> None:
    """Describe both editions for the catalogues of others."""
    from pipeline.load import catalogues
    from pipeline.schema.public_tables import PUBLIC_TABLES
    from pipeline.schema.tables import TABLES

    catalogues.write(stage, TABLES)
    catalogues.write(stage / "public", PUBLIC_TABLES)


def stamp(stage: Path, run_id: str) -> None:
    """Let every page name its release."""
    from pipeline.load import stamp

    stamp.stamp_pages(stage, run_id)
