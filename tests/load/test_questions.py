"""The twenty questions of docs/questions: the file answers each, in at most five lines; the public one too."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "questions" / "README.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"## (\d+)\. ([^\n]+)\n\n```sql\n(.*?)```\n\n([^\n]+)", PAGE, flags=re.DOTALL)
ASKED = [pytest.param(sql, id=number) for number, _, sql, _ in QUESTIONS]
PUBLIC = [pytest.param(sql, id=number) for number, title, sql, _ in QUESTIONS if title.endswith("(public)")]


def test_there_are_twenty_and_none_is_long() -> None:
    assert [int(number) for number, *_ in QUESTIONS] == list(range(1, 21))
    assert max(sql.strip().count("\n") + 1 for _, _, sql, _ in QUESTIONS) <= 5
    assert len(PUBLIC) >= 4


@pytest.mark.parametrize("sql", ASKED)
def test_the_file_answers(editions: Path, sql: str) -> None:
    with duckdb.connect(str(editions / "novostroiki.duckdb"), read_only=True) as con:
        con.execute(sql).fetchall()


@pytest.mark.parametrize("sql", PUBLIC)
def test_the_public_file_answers(editions: Path, sql: str) -> None:
    with duckdb.connect(str(editions / "public" / "novostroiki.duckdb"), read_only=True) as con:
        assert con.execute(sql).fetchall()


def test_the_table_of_a_paper(
    editions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(code.strip().splitlines()) <= 10
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").symlink_to(editions)
    exec(code.replace('table.to_latex(index=False, float_format="%.2f")', "table.to_string()"), {})  # noqa: S102 - ours
    assert "simulated" in capsys.readouterr().out
