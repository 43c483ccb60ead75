"""The command line: exit codes, one sentence on stderr, data on stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest
from typer.testing import CliRunner

from pipeline.cli import app

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = ("run", "simulate", "query", "serve", "embed", "validate", "diff", "layers", "check")
HEAVY = {
    "dask", "distributed", "duckdb", "exactextract", "folium", "geopandas", "numpy", "osmium", "osmnx", "pandas",
    "pandera", "pyarrow", "pyogrio", "pyproj", "rasterio", "requests", "scipy", "shapely",
}  # fmt: skip
runner = CliRunner()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout


@pytest.mark.parametrize("arguments", [["--help"], *([command, "--help"] for command in COMMANDS)])
def test_help_loads_nothing_that_takes_long(arguments: list[str]) -> None:
    """Of a second that it may take, pandas alone would take half."""
    code = f"""
import sys
from pipeline.cli import app
try:
    app({arguments!r})
except SystemExit as end:
    assert end.code == 0, end.code
print(*sorted({{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "Usage" in done.stdout
    assert not HEAVY & set(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["run", "--config", "absent.toml"], "absent.toml"),
        (["run", "--area", "atlantis"], "atlantis"),
        (["query", "SELECT 1", "--out", "nowhere"], "nowhere"),
        (["serve", "--out", "nowhere"], "nowhere"),
        (["embed", "bishkek", "--out", "nowhere"], "nowhere"),
        (["validate", "--out", "nowhere"], "nowhere"),
        (["diff", "nowhere", "elsewhere"], "nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence_with_exit_code_2(
    arguments: list[str], fragment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, arguments)
    assert result.exit_code == 2
    assert fragment in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir()), "a refused command leaves nothing behind"


def test_wrong_usage_is_exit_code_2() -> None:
    assert runner.invoke(app, ["run", "--no-such-option"]).exit_code == 2
    assert runner.invoke(app, ["no-such-command"]).exit_code == 2


def test_check_reads_configuration_layers_and_facts() -> None:
    result = runner.invoke(app, ["check"])
    assert result.exit_code == 0
    assert "4 areas" in result.stderr
    assert result.stdout == ""


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pipeline", *arguments]
    return subprocess.run(command, check=False, capture_output=True, env={**os.environ, **environment})


def test_what_goes_into_a_pipe_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    folder = tmp_path / "Мои"
    folder.mkdir()
    duckdb.connect(folder / "novostroiki.duckdb").close()
    plain = {"PYTHONIOENCODING": "cp1251", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = python("query", "SELECT 'Жаңы Өмүр' AS x", "--format", "csv", "--out", str(folder), **plain)
    assert (done.returncode, done.stdout.decode()) == (0, "x\nЖаңы Өмүр\n"), done.stderr.decode()


def test_sql_may_begin_with_a_comment(tmp_path: Path) -> None:
    duckdb.connect(tmp_path / "novostroiki.duckdb").close()
    result = runner.invoke(app, ["query", "-- a = b\nSELECT 1 AS x", "--format", "csv", "--out", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (0, "x\n1\n")


def test_json_keeps_columns_of_one_name_apart_and_knows_no_nan(tmp_path: Path) -> None:
    duckdb.connect(tmp_path / "novostroiki.duckdb").close()
    sql = "SELECT 1 AS x, 2 AS x, [1.0, 'nan'::DOUBLE] AS y, {'a': 'inf'::DOUBLE} AS z, 3 AS x_2"
    result = runner.invoke(app, ["query", sql, "--format", "json", "--out", str(tmp_path)])
    assert json.loads(result.stdout, parse_constant=pytest.fail) == [
        {"x": 1, "x_3": 2, "y": [1.0, None], "z": {"a": None}, "x_2": 3}
    ]
