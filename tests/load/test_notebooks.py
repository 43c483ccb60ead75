"""The notebooks of docs/notebooks run, cell after cell, on a release as a run leaves it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"
PYTHON = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))


@pytest.fixture
def beside(editions: Path, tmp_path: Path) -> Path:
    """A folder that holds `out`."""
    (tmp_path / "out").symlink_to(editions)
    return tmp_path


@pytest.mark.parametrize("name", PYTHON)
def test_a_notebook_runs(beside: Path, name: str) -> None:
    notebook = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = notebook["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert not any(cell.get("outputs") for cell in cells), "outputs are of somebody's run; leave them out"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(code)], cwd=beside, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "simulated" in done.stdout


def test_there_is_one_for_each_library() -> None:
    assert PYTHON == ["duckdb.ipynb", "geopandas.ipynb"]


def test_the_notebook_of_r_runs(beside: Path) -> None:
    program = shutil.which("Rscript")
    needs = 'quit(status = !all(c("DBI", "duckdb") %in% rownames(installed.packages())))'
    if program is None or subprocess.run([program, "-e", needs], check=False).returncode:
        pytest.skip("R with the packages DBI and duckdb is not installed here.")
    page = (NOTEBOOKS / "questions.Rmd").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```\{r\}\n(.*?)```", page, flags=re.DOTALL))
    done = subprocess.run([program, "-e", code], cwd=beside, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_the_notebook_of_r_asks_is_answered(editions: Path) -> None:
    """Where R is missing, its questions at least are put to the file."""
    import duckdb

    page = (NOTEBOOKS / "questions.Rmd").read_text(encoding="utf-8")
    asked = re.findall(r'dbGetQuery\(con, "(.*?)"\)', page, flags=re.DOTALL)
    assert len(asked) == 5
    with duckdb.connect(str(editions / "novostroiki.duckdb"), read_only=True) as con:
        for sql in asked:
            assert con.execute(sql).fetchall()
