"""The README does what it says: its questions run, its links lead somewhere, its configuration is one."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from pipeline import config
from pipeline.commands import query
from pipeline.load import database, parquet
from pipeline.schema.tables import TABLES
from tests.load import sample_tables

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_links_and_pictures_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), f"{target} is not there"


def test_the_configuration_of_the_readme_is_valid(tmp_path: Path) -> None:
    (example,) = blocks("toml")
    path = tmp_path / "my.toml"
    path.write_text(example, encoding="utf-8")
    assert config.load(path).selected[0].inputs.osm


@pytest.fixture(scope="module")
def database_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    for name, frame in sample_tables.make(500).tables.items():
        parquet.write(frame, folder / "tables" / f"{name}.parquet", TABLES[name])
    database.build(folder / "tables", folder / "novostroiki.duckdb")
    return folder / "novostroiki.duckdb"


@pytest.mark.parametrize("sql", blocks("sql"))
def test_the_questions_can_be_asked(sql: str, database_file: Path) -> None:
    query.run(database_file, sql, "csv", io.StringIO())


def test_there_are_five_questions_with_their_answers() -> None:
    assert len(blocks("sql")) >= 5
    assert len(blocks("text")) == len(blocks("sql"))
