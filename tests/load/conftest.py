from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.load import catalogues, database, description, parquet, public_edition
from pipeline.schema.about import About
from pipeline.schema.public_tables import PUBLIC_TABLES
from pipeline.schema.tables import TABLES
from tests.load import sample_tables
from tests.load.test_report import full_tables

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def sample() -> sample_tables.Sample:
    return sample_tables.make(3000)


@pytest.fixture(scope="session")
def outputs(sample: sample_tables.Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `tables/` and `novostroiki.duckdb` of the sample; tests only read it."""
    out = tmp_path_factory.mktemp("outputs")
    for name, frame in sample.tables.items():
        parquet.write(frame, out / "tables" / f"{name}.parquet", TABLES[name])
    database.build(out / "tables", out / "novostroiki.duckdb")
    return out


@pytest.fixture(scope="session")
def editions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both editions with every table, database and catalogue, as a run leaves them; tests only read them."""
    out = tmp_path_factory.mktemp("editions")
    frames = full_tables(sample_tables.make(1000))
    about = About.of(frames["runs"])
    for name, frame in {**frames, **description.tables(about)}.items():
        parquet.write(frame, out / "tables" / f"{name}.parquet", TABLES[name], about=about.metadata)
    public_edition.build(out / "tables", out / "public")
    database.build(out / "tables", out / "novostroiki.duckdb")
    catalogues.write(out, TABLES)
    catalogues.write(out / "public", PUBLIC_TABLES)
    return out
