from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import shapely

from pipeline.commands import query
from pipeline.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def _run(outputs: Path, sql: str, fmt: query.Format) -> str:
    stream = io.StringIO()
    query.run(outputs / "novostroiki.duckdb", sql, fmt, stream)
    return stream.getvalue()


ODD = "SELECT 1 AS n, NULL AS gone, 'a,\"b\"\n' AS t, 'NaN'::DOUBLE AS x, DATE '2020-02-03' AS d, true AS yes"


def test_csv(outputs: Path) -> None:
    rows = list(csv.reader(io.StringIO(_run(outputs, ODD, "csv"))))
    assert rows == [["n", "gone", "t", "x", "d", "yes"], ["1", "", 'a,"b"\n', "nan", "2020-02-03", "true"]]


def test_json(outputs: Path) -> None:
    assert json.loads(_run(outputs, ODD, "json")) == [
        {"n": 1, "gone": None, "t": 'a,"b"\n', "x": None, "d": "2020-02-03", "yes": True}
    ]
    assert json.loads(_run(outputs, "SELECT 1 AS a WHERE false", "json")) == []


def test_table_shows_names_and_numbers_without_markup(outputs: Path) -> None:
    text = _run(outputs, "SELECT '[red]x' AS name, 12345.678 AS p50, 0.25 AS share", "table")
    assert "[red]x" in text
    assert "12,346" in text
    assert "0.25" in text


def test_geometry_is_written_as_text(outputs: Path) -> None:
    rows = json.loads(_run(outputs, "SELECT geometry FROM settlements ORDER BY ALL LIMIT 2", "json"))
    assert all(shapely.from_wkt(row["geometry"]).is_valid for row in rows)
    assert json.loads(_run(outputs, "SELECT NULL::GEOMETRY AS g", "json")) == [{"g": None}]


def test_spatial_functions_are_there(outputs: Path) -> None:
    assert _run(outputs, "SELECT round(ST_Distance(ST_Point(0, 0), ST_Point(3, 4))) AS d", "csv") == "d\n5.0\n"


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("", "empty"),
        ("SELEKT 1", "syntax error"),
        ("SELECT nam FROM settlements", 'Candidate bindings: "name"'),
        ("DROP TABLE areas", "read-only"),
        ("INSERT INTO runs SELECT * FROM runs", "read-only"),
        ("COPY areas TO 'stolen.csv'", "disabled by configuration"),
        ("SELECT * FROM read_csv('/etc/passwd')", "disabled by configuration"),
        ("ATTACH 'other.duckdb'", "disabled by configuration"),
        ("INSTALL nothing_like_this", "cannot be run"),
        ("SET enable_external_access = true", "locked"),
    ],
)
def test_what_is_refused_is_one_sentence(outputs: Path, sql: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        _run(outputs, sql, "csv")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_reader_that_stops_reading_is_no_error(outputs: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pipeline.commands import query\n"
        f"query.run(Path({str(outputs / 'novostroiki.duckdb')!r}), 'FROM range(1000000)', 'csv', sys.stdout)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


BOMBS = {
    "endless": "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t",
    "exploding": "SELECT count(*) FROM buildings a, buildings b, buildings c, buildings d WHERE a.lon + b.lat > c.lon",
}


@pytest.mark.parametrize("sql", BOMBS.values(), ids=BOMBS)
def test_what_does_not_end_is_stopped_with_a_sentence(outputs: Path, sql: str) -> None:
    with pytest.raises(InputError, match=r"ran for more than 0\.5 s and was stopped") as caught:
        query.run(outputs / "novostroiki.duckdb", sql, "csv", io.StringIO(), timeout_s=0.5)
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_is_refused_with_a_sentence(outputs: Path) -> None:
    sql = "SELECT list(a.building_id || b.building_id || c.building_id) FROM buildings a, buildings b, buildings c"
    with pytest.raises(InputError, match=r"cannot be run|was stopped"):
        query.run(outputs / "novostroiki.duckdb", sql, "json", io.StringIO(), timeout_s=20)


def test_a_terminal_obeys_no_name_and_a_spreadsheet_runs_none(outputs: Path) -> None:
    sql = "SELECT chr(27) || '[2J' AS a, '=cmd|1' AS b, -5 AS c, '🏠' AS d, chr(27) AS \"x\x1b\""
    table = _run(outputs, sql, "table")
    assert "\x1b" not in table
    assert "\\x1b[2J" in table
    (_, row) = csv.reader(io.StringIO(_run(outputs, sql, "csv")))
    assert row[1:4] == ["'=cmd|1", "-5", "🏠"]


@pytest.mark.parametrize("fmt", ["csv", "json", "table"])
def test_columns_of_equal_names_are_kept_apart(outputs: Path, fmt: query.Format) -> None:
    text = _run(outputs, "SELECT 1 AS n, 2 AS n, 3 AS n_2", fmt)
    assert "n_3" in text
    assert all(figure in text for figure in "123")
