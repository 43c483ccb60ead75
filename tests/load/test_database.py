from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pytest
import shapely

from pipeline.base import connection
from pipeline.errors import InputError, RunError
from pipeline.load import database, parquet, public_edition
from pipeline.run import workers
from pipeline.schema import vocabulary
from pipeline.schema.draws import HOME_FLOOR_SQL
from pipeline.schema.tables import TABLES
from pipeline.transform.red_zones import in_binding_zones

if TYPE_CHECKING:
    from pathlib import Path

    from tests.load import sample_tables

VIEWS = (
    "area_growth",
    "buildings_in_zones",
    "settlement_growth",
    "red_zone_summary",
    "unregistered_summary",
    "buildings_by_distance",
)


@pytest.fixture
def con(outputs: Path) -> duckdb.DuckDBPyConnection:
    return connection.connect(outputs / "novostroiki.duckdb", read_only=True)


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[object, ...]:
    row = con.execute(sql).fetchone()
    assert row is not None
    return row


def test_every_table_exists_with_its_columns(con: duckdb.DuckDBPyConnection) -> None:
    for name, table in TABLES.items():
        columns = [row[0] for row in con.execute(f"DESCRIBE {name}").fetchall()]
        assert columns[: len(table.columns)] == list(table.columns)


@pytest.mark.parametrize("edition", [".", "public"])
def test_every_table_view_and_column_has_a_comment(editions: Path, edition: str) -> None:
    with connection.connect(editions / edition / "novostroiki.duckdb", read_only=True) as con:
        bare = con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE comment IS NULL "
            "UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal AND comment IS NULL "
            "UNION ALL SELECT table_name || '.' || column_name FROM duckdb_columns() "
            "WHERE NOT internal AND comment IS NULL"
        ).fetchall()
    assert bare == []


@pytest.mark.parametrize("view", VIEWS)
def test_views_answer(con: duckdb.DuckDBPyConnection, view: str) -> None:
    assert _one(con, f"SELECT count(*) > 0 FROM {view}") == (True,)


def test_rows_are_those_of_the_tables(con: duckdb.DuckDBPyConnection, sample: sample_tables.Sample) -> None:
    for name, frame in sample.tables.items():
        assert _one(con, f"SELECT count(*) FROM {name}") == (len(frame),)


def test_geometry_is_readable_three_ways(con: duckdb.DuckDBPyConnection, sample: sample_tables.Sample) -> None:
    wkb, text, lon, lat = _one(
        con, "SELECT geometry_wkb, ST_AsText(geometry), lon, lat FROM settlements ORDER BY settlement_id LIMIT 1"
    )
    expected = sample.tables["settlements"].sort_values("settlement_id").geometry.iloc[0]
    assert shapely.from_wkb(wkb) == expected
    assert shapely.from_wkt(text).equals_exact(expected, 1e-9)
    assert expected.covers(shapely.Point(lon, lat))


def test_distance_curve_agrees_with_the_pairs(con: duckdb.DuckDBPyConnection, sample: sample_tables.Sample) -> None:
    pairs = sample.tables["building_hazards"].merge(sample.tables["buildings"][["building_id", "settlement_id"]])
    near = pairs[(pairs["hazard_class"] == "railway") & (pairs["distance_m"] <= 150)].dropna(subset=["settlement_id"])
    counts = near.groupby("settlement_id")["building_id"].nunique()
    rows = con.execute(
        "SELECT settlement_id, max(buildings) FROM buildings_by_distance "
        "WHERE hazard_class = 'railway' AND distance_m <= 150 AND settlement_id IS NOT NULL GROUP BY ALL"
    ).fetchall()
    assert dict(rows) == counts.to_dict()
    assert len(rows) > 0


def test_growth_rate_is_compound(con: duckdb.DuckDBPyConnection) -> None:
    before, after, rate = _one(
        con,
        "SELECT lag(built_m2) OVER (ORDER BY year), built_m2, rate_per_year FROM area_growth "
        "ORDER BY year LIMIT 1 OFFSET 3",
    )
    assert float(str(before)) * (1 + float(str(rate))) ** 5 == pytest.approx(after)


def test_works_with_an_empty_home_and_leaves_it_empty(outputs: Path, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from pipeline.base import connection\n"
        f"con = connection.connect(Path({str(outputs / 'novostroiki.duckdb')!r}), read_only=True, spatial=True)\n"
        "print(con.execute('SELECT count(*) FROM settlements WHERE ST_Area(geometry) > 0').fetchone()[0])"
    )
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code], env={"HOME": str(home)}, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 0
    assert list(home.iterdir()) == []


def test_a_file_that_is_missing_or_no_database_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run `novostroiki run` first"):
        connection.connect(tmp_path / "absent.duckdb", read_only=True)
    (tmp_path / "text.duckdb").write_text("hello " * 1000)
    with pytest.raises(InputError, match="cannot be opened as a DuckDB file"):
        connection.connect(tmp_path / "text.duckdb", read_only=True)


def test_an_extension_that_is_not_installed_says_which_package() -> None:
    with connection.connect() as con, pytest.raises(RunError, match="install duckdb-extension-lance"):
        connection.load_extension(con, "lance")


def test_sql_and_frames_agree_on_who_stands_in_a_binding_zone(
    con: duckdb.DuckDBPyConnection, sample: sample_tables.Sample
) -> None:
    pairs, rules = sample.tables["building_hazards"], sample.tables["red_zone_rules"]
    framed = in_binding_zones(pairs, rules)[["building_id", "rule_id"]].drop_duplicates()
    rows = con.execute("SELECT building_id, rule_id FROM buildings_in_zones").fetchall()
    assert set(rows) == set(framed.itertuples(index=False, name=None))
    assert len(rows) == len(framed) > 0
    kinds = dict(con.execute("SELECT rule_id, kind FROM red_zone_rules").fetchall())
    assert {kinds[rule] for _, rule in rows} <= set(vocabulary.BINDING)
    near = pairs.merge(rules[["rule_id", "kind", "distance_m"]], on="rule_id", suffixes=("", "_limit"))
    advised = near[(near["distance_m"] <= near["distance_m_limit"]) & (near["kind"] == "advisory")]
    assert len(advised), "the sample has buildings in advisory zones, which must not count"


def test_a_home_has_floor_in_which_people_may_live(con: duckdb.DuckDBPyConnection) -> None:
    apart = _one(con, f"SELECT count(*) FROM buildings WHERE home <> (({HOME_FLOOR_SQL}) > 0)")
    assert apart == (0,)
    assert _one(con, "SELECT bool_or(home), bool_or(NOT home) FROM buildings") == (True, True)


def test_two_builds_of_a_database_are_equal_byte_for_byte(outputs: Path, tmp_path: Path) -> None:
    """Each by a process of its own, as in a run; the same name, which DuckDB keeps in the file."""
    files = []
    for name in ("one", "other"):
        full = tmp_path / name / "novostroiki.duckdb"
        public_edition.build_tables(outputs / "tables", tmp_path / name / "public")
        workers.apart(database.build, outputs / "tables", full)
        workers.apart(public_edition.build_database, tmp_path / name / "public")
        files.append((full.read_bytes(), (tmp_path / name / "public" / "novostroiki.duckdb").read_bytes()))
    assert files[0] == files[1]


def test_nothing_large_is_stored_as_it_is(con: duckdb.DuckDBPyConnection) -> None:
    """Texts, shapes and draws took 3.6 times their Parquet once, since nothing but lists of codes was packed."""
    for table, columns in {
        "buildings": ("building_id", "source_id", "kind", "geometry_wkb"),
        "building_hazards": ("building_id", "hazard_id", "rule_id"),
    }.items():
        plain = con.execute(
            f"SELECT DISTINCT column_name FROM pragma_storage_info('{table}') "
            "WHERE compression = 'Uncompressed' AND segment_type <> 'VALIDITY'"
        ).fetchall()
        assert not {name for (name,) in plain} & set(columns)


def test_keys_that_others_refer_to_are_kept_and_hold(outputs: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes((outputs / "novostroiki.duckdb").read_bytes())
    with connection.connect(copy) as con:
        kept = con.execute(
            "SELECT table_name FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY' ORDER BY ALL"
        ).fetchall()
        assert [name for (name,) in kept] == ["areas", "hazards", "red_zone_rules", "settlements", "sources"]
        with pytest.raises(duckdb.ConstraintException):
            con.execute("INSERT INTO sources SELECT * FROM sources")


def test_a_key_that_repeats_and_a_reference_to_nothing_are_refused(outputs: Path, tmp_path: Path) -> None:
    pairs = parquet.read(outputs / "tables" / "building_hazards.parquet", TABLES["building_hazards"])
    lost = pairs.assign(hazard_id=pairs["hazard_id"].where(pairs.index > 0, "osh/none/way/1"))
    faults = {"repeats its key": pd.concat([pairs, pairs[:1]]), "names a row that hazards lacks": lost}
    for fault, rows in faults.items():
        folder = tmp_path / fault
        folder.mkdir()
        for path in (outputs / "tables").glob("*.parquet"):
            shutil.copy(path, folder)
        parquet.write(rows, folder / "building_hazards.parquet", TABLES["building_hazards"])
        with pytest.raises(RunError, match=f"building_hazards {fault}"):
            database.build(folder, folder / "novostroiki.duckdb")
