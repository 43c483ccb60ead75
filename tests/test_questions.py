"""The twenty questions of docs/questions: the file answers each, in at most five lines; the public one too."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from pipeline.load import database, description, parquet, public_edition
from pipeline.schema.about import About
from pipeline.schema.tables import TABLES
from tests.load import sample_tables
from tests.load.test_report import full_tables

PAGE = (Path(__file__).parent.parent / "docs" / "questions" / "README.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"## (\d+)\. ([^\n]+)\n\n```sql\n(.*?)```\n\n([^\n]+)", PAGE, flags=re.DOTALL)
ASKED = [pytest.param(sql, id=number) for number, _, sql, _ in QUESTIONS]
PUBLIC = [pytest.param(sql, id=number) for number, title, sql, _ in QUESTIONS if title.endswith("(public)")]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("questions")
    frames = full_tables(sample_tables.make(1000))
    for name, frame in {**frames, **description.tables(About.of(frames["runs"]))}.items():
        parquet.write(frame, folder / "tables" / f"{name}.parquet", TABLES[name])
    public_edition.build(folder / "tables", folder / "public")
    database.build(folder / "tables", folder / "novostroiki.duckdb")
    return folder


def test_there_are_twenty_and_none_is_long() -> None:
    assert [int(number) for number, *_ in QUESTIONS] == list(range(1, 21))
    assert max(sql.strip().count("\n") + 1 for _, _, sql, _ in QUESTIONS) <= 5
    assert len(PUBLIC) >= 4


@pytest.mark.parametrize("sql", ASKED)
def test_the_file_answers(out: Path, sql: str) -> None:
    with duckdb.connect(str(out / "novostroiki.duckdb"), read_only=True) as con:
        con.execute(sql).fetchall()


@pytest.mark.parametrize("sql", PUBLIC)
def test_the_public_file_answers(out: Path, sql: str) -> None:
    with duckdb.connect(str(out / "public" / "novostroiki.duckdb"), read_only=True) as con:
        assert con.execute(sql).fetchall()


def test_the_table_of_a_paper(out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(code.strip().splitlines()) <= 10
    monkeypatch.chdir(out.parent)
    (out.parent / "out").symlink_to(out)
    exec(code.replace('table.to_latex(index=False, float_format="%.2f")', "table.to_string()"), {})  # noqa: S102 - ours
    assert "simulated" in capsys.readouterr().out
