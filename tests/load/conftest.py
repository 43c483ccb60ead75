from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.load import database, parquet
from pipeline.schema.tables import TABLES
from tests.load import sample_tables

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
