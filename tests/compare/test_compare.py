"""The command that compares two outputs: equal ones are equal, and every kind of difference is found and said."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import mapbox_vector_tile
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from pipeline.load import database, parquet
from pipeline.load.planner_map import map_page
from pipeline.schema.tables import TABLES, conform
from tests.compare.__main__ import main
from tests.compare.changes import Options, arrow
from tests.compare.rows import compare_parquet
from tests.compare.tiles import compare_archives
from tests.load import sample_tables

if TYPE_CHECKING:
    from collections.abc import Callable

NO_DATABASE = ("--ignore", "*.duckdb")
SETTLEMENTS = "tables/settlements.parquet"


def archive(path: Path, features: dict[str, list[dict[str, Any]]], tile: tuple[int, int, int] = (8, 1, 2)) -> bytes:
    """Write an archive of one tile, as bytes of their own: its metadata differ from any other's."""
    layers = [{"name": name, "features": rows} for name, rows in features.items()]
    with path.open("wb") as file:
        writer = Writer(file)
        writer.write_tile(zxy_to_tileid(*tile), gzip.compress(mapbox_vector_tile.encode(layers)))
        writer.finalize({"tile_type": TileType.MVT, "tile_compression": Compression.GZIP}, {"name": path.stem})
    return path.read_bytes()


def house(number: int = 0, x: int = 1, **properties: Any) -> dict[str, Any]:
    return {"id": number, "geometry": f"POINT ({x} 1)", "properties": properties}


ROADS = [house(rank=1), house(x=2, rank=1), house(x=3, rank=2)]
HOUSES = [house(1, zone="railway"), house(2, x=5)]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run writes, of one small made-up area; a kit stands for all others."""
    out = tmp_path_factory.mktemp("old")
    sample = sample_tables.make(300)
    for name, frame in sample.tables.items():
        parquet.write(frame, out / "tables" / f"{name}.parquet", TABLES[name])
    database.build(out / "tables", out / "novostroiki.duckdb")
    folder = out / "maps" / "bishkek"
    folder.mkdir(parents=True)
    archive(folder / "bishkek.pmtiles", {"buildings": HOUSES, "roads": ROADS})
    map_page.build(sample.tables, folder / "bishkek.pmtiles", folder)
    kit = out / "public" / "embed" / "bishkek"
    kit.mkdir(parents=True)
    (kit / "graphic.en.png").write_bytes(b"\x89PNG one")
    (kit / "settlements.csv").write_text("id,kind\na,village\nb,dacha\n", encoding="utf-8")
    (kit / "snippet.html").write_text("<iframe></iframe><script>follow(1)</script>", encoding="utf-8")
    (out / "report.html").write_text("<style>b{}</style><h1>Report</h1><p>About 400 people</p>", encoding="utf-8")
    (out / "manifest.json").write_text('{"started": "2026-01-01"}', encoding="utf-8")
    return out


@pytest.fixture
def new(outputs: Path, tmp_path: Path) -> Path:
    """A copy of the outputs, for a test to change."""
    return Path(shutil.copytree(outputs, tmp_path / "new"))


@pytest.fixture
def compared(outputs: Path, new: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Compares the outputs with the changed copy and returns what was said; the exit code must agree with it."""

    def run(*arguments: str) -> str:
        code = main([str(outputs), str(new), *arguments])
        said = capsys.readouterr().out
        assert code == int(" different" in said)
        return said

    return run


def change(path: Path, alter: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Rewrite a Parquet file; columns keep their types, geometries are the WKB that they are stored as."""
    table = pq.read_table(path)
    frame = alter(table.to_pandas(types_mapper=pd.ArrowDtype))
    geo = {key: value for key, value in table.schema.metadata.items() if key == b"geo"}
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(geo), path)


def replace(path: Path, pattern: str, text: str) -> None:
    before = path.read_text(encoding="utf-8")
    after = re.sub(pattern, lambda _: text, before, count=1, flags=re.DOTALL)
    assert after != before
    path.write_text(after, encoding="utf-8")


def test_equal_outputs_are_equal(new: Path, compared: Callable[..., str]) -> None:
    with duckdb.connect(str(new / "novostroiki.duckdb"), read_only=True) as con:
        ((kept,),) = con.execute("SELECT count(*) FROM information_schema.tables").fetchall()
    assert compared().splitlines() == [
        f"tables: {len(list((new / 'tables').iterdir()))} equal",
        f"tables and views of databases: {kept} equal",
        "tiles: 1 equal",
        "pages: 4 equal",
        "files of kits: 2 equal",
        "other files: 1 equal",
    ]


def test_what_makes_no_difference(new: Path, compared: Callable[..., str]) -> None:
    (new / "manifest.json").write_text('{"started": "2027-01-01"}', encoding="utf-8")
    kept = new / "snapshots" / "2026-01-01" / "novostroiki.duckdb"
    kept.parent.mkdir(parents=True)
    kept.touch()
    change(new / SETTLEMENTS, lambda rows: rows.iloc[::-1])
    change(
        new / "tables" / "sources.parquet", lambda rows: rows.assign(retrieved_at=pd.Timestamp("2026-01-01", tz="UTC"))
    )
    with duckdb.connect(str(new / "novostroiki.duckdb")) as con:
        con.execute("COMMENT ON COLUMN settlements.kind IS 'What it is.'")
        con.execute("UPDATE sources SET retrieved_at = TIMESTAMP '2026-01-01'")
    page = new / "maps" / "bishkek" / "index.html"
    replace(page, r"<style>.*?</style>", "<style>p { color: red }</style>")
    replace(page, r"<script>/\*!.*?</script>", "<script>if (1 < 2) document.write('</b>')</script>")
    replace(page, r"'sha256-[^']*'", "'sha256-another='")
    assert "different" not in compared()


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (lambda rows: rows[1:], ["rows only in old: 1", "  {first}"]),
        (
            lambda rows: pd.concat([rows, rows[:1].assign(settlement_id="bishkek/9")]),
            ["rows only in new: 1", "  bishkek/9"],
        ),
        (
            lambda rows: rows.assign(buildings=rows["buildings"] + [7, *[0] * (len(rows) - 1)]),
            ["cells of buildings changed by up to 7: 1", "  {first}: "],
        ),
        (lambda rows: rows.assign(name_evidence="by hand"), ["cells of name_evidence changed: ", " → by hand"]),
        (
            lambda rows: rows.assign(status_year=None),
            ["type of status_year: BIGINT → ", "cells of status_year changed: "],
        ),
        (
            lambda rows: rows.assign(
                geometry=[shapely.to_wkb(shapely.reverse(shapely.from_wkb(g))) for g in rows["geometry"]]
            ),
            ["cells of geometry changed: 2\n"],
        ),
        (lambda rows: rows.drop(columns=["status", "kind"]), ["columns only in old: kind, status\n"]),
        (lambda rows: rows.assign(colour="red"), ["columns only in new: colour"]),
        # Without its key, a table is compared by all columns.
        (
            lambda rows: rows.drop(columns="settlement_id")[1:],
            ["columns only in old: settlement_id", "rows only in old: 1"],
        ),
        (lambda rows: pd.concat([rows, rows[:1]]), ["rows only in new: 1", "  {first}"]),
    ],
)
def test_rows(outputs: Path, tmp_path: Path, alter: Callable[[pd.DataFrame], pd.DataFrame], said: list[str]) -> None:
    altered = tmp_path / "settlements.parquet"
    shutil.copyfile(outputs / SETTLEMENTS, altered)
    change(altered, alter)
    ((place, tally),) = compare_parquet(SETTLEMENTS, outputs / SETTLEMENTS, altered, Options())
    assert place == SETTLEMENTS
    first = pq.read_table(outputs / SETTLEMENTS)["settlement_id"][0].as_py()
    for text in said:
        assert text.replace("{first}", first) in "\n".join([*tally.lines(), ""])


def test_null_is_a_value_of_a_key(tmp_path: Path) -> None:
    row = dict.fromkeys(("p05", "p25", "p50", "p75", "p95", "mean"), 5.0) | {"area_id": "osh", "homes": 3}
    rows = pd.DataFrame([{**row, "rule_id": rule, "since": None} for rule in ("KG.landfill", None)])
    for name, frame in (("old", rows), ("new", rows.assign(p50=[5.0, 7.0]).iloc[::-1])):
        parquet.write(
            conform("area_exposure", frame), tmp_path / name / "area_exposure.parquet", TABLES["area_exposure"]
        )
    place = "tables/area_exposure.parquet"
    ((_, tally),) = compare_parquet(
        place, tmp_path / "old" / "area_exposure.parquet", tmp_path / "new" / "area_exposure.parquet", Options()
    )
    found = "\n".join(tally.lines())
    assert "cells of p50 changed by up to 2: 1" in found
    assert "  osh | NULL | NULL: " in found
    assert "rows only" not in found


def test_a_renamed_column_is_the_same_column(new: Path, compared: Callable[..., str]) -> None:
    change(new / SETTLEMENTS, lambda rows: rows.rename(columns={"kind": "use"}))
    assert "columns only in old: kind\n  columns only in new: use" in compared(*NO_DATABASE)
    assert "different" not in compared(*NO_DATABASE, "--rename", "settlements.kind=use")


@pytest.mark.parametrize("glob", ["settlements.kind", "*.kind", SETTLEMENTS, "tables/*", "settlements.*"])
def test_what_is_ignored_makes_no_difference(new: Path, compared: Callable[..., str], glob: str) -> None:
    change(new / SETTLEMENTS, lambda rows: rows.assign(kind="dacha"))
    assert "cells of kind changed" in compared(*NO_DATABASE, "--ignore", "settlements.name*")
    assert "different" not in compared(*NO_DATABASE, "--ignore", glob)


def test_files_on_one_side(new: Path, compared: Callable[..., str]) -> None:
    (new / SETTLEMENTS).rename(new / "tables" / "places.parquet")
    found = compared(*NO_DATABASE)
    assert f"{SETTLEMENTS}\n  only in old\n" in found
    assert "tables/places.parquet\n  only in new\n" in found


def test_databases(new: Path, compared: Callable[..., str]) -> None:
    with duckdb.connect(str(new / "novostroiki.duckdb")) as con:
        con.execute("UPDATE area_built_up SET built_m2 = built_m2 + 1 WHERE year = 1975")
        con.execute("DROP VIEW red_zone_summary; CREATE TABLE red_zone_summary (area_id VARCHAR)")
        con.execute("DROP VIEW buildings_by_distance; CREATE VIEW homes AS FROM buildings")
        con.execute("CREATE OR REPLACE VIEW unregistered_summary AS SELECT 'osh' AS area_id, NULL AS settlement_id")
    found = compared()
    assert "novostroiki.duckdb/area_built_up\n  cells of built_m2 changed by up to 1: 1\n    bishkek | 1975" in found
    assert "novostroiki.duckdb/area_growth\n  cells of built_m2 changed by up to 1: 1" in found
    assert "novostroiki.duckdb/red_zone_summary\n  VIEW → BASE TABLE" in found
    assert "novostroiki.duckdb/buildings_by_distance\n  only in old" in found
    assert "novostroiki.duckdb/homes\n  only in new" in found
    assert "novostroiki.duckdb/unregistered_summary\n  columns only in old: " in found
    assert re.search(r"tables and views of databases: \d+ equal, 6 different", found)


@pytest.mark.parametrize(
    ("buildings", "roads", "said"),
    [
        (HOUSES[::-1], ROADS[::-1], []),
        (HOUSES[1:], ROADS, ["features of buildings at zoom 8 only in old: 1"]),
        ([], ROADS, ["features of buildings at zoom 8 only in old: 2"]),
        ([*HOUSES, house(3)], ROADS, ["features of buildings at zoom 8 only in new: 1"]),
        (
            [house(1, zone="landfill"), HOUSES[1]],
            ROADS,
            ["zone of buildings at zoom 8 changed: 1", "  8/1/2 #1: railway → landfill"],
        ),
        ([house(1), HOUSES[1]], ROADS, ["zone of buildings at zoom 8 only in old: 1", "  8/1/2 #1: railway"]),
        ([HOUSES[0], house(2, x=6)], ROADS, ["geometry of buildings at zoom 8 changed: 1"]),
        # Without an id, a feature is known by its properties, else by its place.
        (HOUSES, [house(x=9, rank=1), *ROADS[1:]], ["geometry of roads at zoom 8 changed: 1"]),
        (HOUSES, [*ROADS[:2], house(x=3, rank=4)], ["rank of roads at zoom 8 changed: 1", "  8/1/2: 2 → 4"]),
        (HOUSES, [*ROADS, ROADS[0]], ["features of roads at zoom 8 only in new: 1"]),
        (HOUSES, [house(rank=True), *ROADS[1:]], ["rank of roads at zoom 8 changed: 1", "  8/1/2: 1 → True"]),
    ],
)
def test_tiles(tmp_path: Path, buildings: list[Any], roads: list[Any], said: list[str]) -> None:
    old = archive(tmp_path / "old", {"buildings": HOUSES, "roads": ROADS})
    new = archive(tmp_path / "new", {"buildings": buildings, "roads": roads})
    assert old != new
    lines = compare_archives(old, new, Options()).lines()
    assert lines[: len(said)] == said if said else lines == []


def test_tiles_on_one_side_and_options(tmp_path: Path) -> None:
    old = archive(tmp_path / "old", {"roads": ROADS})
    moved = archive(tmp_path / "moved", {"roads": ROADS}, tile=(8, 1, 3))
    lines = compare_archives(old, moved, Options()).lines()
    assert {"features of roads at zoom 8 only in old: 3", "features of roads at zoom 8 only in new: 3"} <= set(lines)
    renamed = archive(
        tmp_path / "new", {"roads": [house(x=7, importance=2), house(importance=1), house(x=2, importance=1)]}
    )
    options = Options(("roads.geometry",), {("roads", "rank"): "importance"})
    assert compare_archives(old, renamed, options).lines() == []


def test_pages(new: Path, compared: Callable[..., str]) -> None:
    page = new / "maps" / "bishkek" / "served.html"
    document = re.search(r'id="novostroiki-data">(.*?)</script>', page.read_text(encoding="utf-8"))
    assert document
    data = json.loads(document[1])
    data["settlements"][1]["kind"] = "another"
    data["rules"].append({"id": "KG.new"})
    data["area"]["bbox"][0] = 1.5
    data["settlements"][0]["extra"] = True
    data["population"].pop("registered")
    data["classes"].reverse()
    replace(page, re.escape(document[1]), json.dumps(data))
    replace(page, "<noscript>", "<noscript>Please. ")
    replace(page, '<section id="growth">', '<section id="history">')
    replace(page, r'novostroiki\.layer\("context"\)', 'novostroiki.layer("ground")')
    replace(new / "report.html", "About 400", "About 500")
    found = compared(*NO_DATABASE)
    for text in (
        "served.html#text\n  lines only in new: 1\n    Please.",
        'served.html#tags\n  lines changed: 1\n    <section id="growth"> → <section id="history">',
        "served.html#calls\n  lines changed: 1",
        "values of novostroiki-data.settlements.*.kind changed: 1\n    bishkek/0002: ",
        "values of novostroiki-data.settlements.*.extra only in new: 1\n    bishkek/0001: true",
        'values of novostroiki-data.rules.* only in new: 1\n    KG.new: {"id": "KG.new"}',
        "values of novostroiki-data.area.bbox changed: 1\n    [74.4, ",
        "values of novostroiki-data.population.registered only in old: 1",
        "orders of novostroiki-data.classes changed: 1\n    ",
        "report.html#text\n  lines changed: 1\n    About 400 people → About 500 people",
        "pages: 2 equal, 2 different",
    ):
        assert text in found
    assert "different" not in compared(*NO_DATABASE, "--ignore", "report.html", "--ignore", "*/served.html#*")
    assert "#novostroiki-data" not in compared(*NO_DATABASE, "--ignore", "novostroiki-data.*")


def test_what_several_files_hold_is_told_once(new: Path, compared: Callable[..., str]) -> None:
    folder = new / "maps" / "bishkek"
    sample = sample_tables.make(300)
    sample.tables["buildings"] = sample.tables["buildings"][1:]
    pairs, kept = sample.tables["building_hazards"], sample.tables["buildings"]["building_id"]
    sample.tables["building_hazards"] = pairs[pairs["building_id"].isin(kept)]
    archive(folder / "bishkek.pmtiles", {"buildings": HOUSES[1:], "roads": ROADS[1:]})
    map_page.build(sample.tables, folder / "bishkek.pmtiles", folder)
    found = compared(*NO_DATABASE)
    assert "bishkek.pmtiles\n  features of buildings at zoom 8 only in old: 1\n" in found
    assert "index.html#novostroiki-tiles\n  the same as in maps/bishkek/bishkek.pmtiles\n" in found
    assert re.search(r"bishkek\.whatif\n  bytes changed \([\d,]+ → [\d,]+\)\n", found)
    assert "values of novostroiki-data.whatif.buildings changed: 1" in found
    assert "served.html#novostroiki-data\n  the same as in maps/bishkek/index.html#novostroiki-data" in found


def test_kits(new: Path, compared: Callable[..., str]) -> None:
    kit = new / "public" / "embed" / "bishkek"
    (kit / "graphic.en.png").write_bytes(b"\x89PNG other")
    (kit / "settlements.csv").write_text("id,kind\na,formal\nb,dacha\nc,other\n", encoding="utf-8")
    replace(kit / "snippet.html", "1", "2")
    found = compared(*NO_DATABASE)
    assert "snippet.html\n  lines changed: 1\n" in found
    assert "graphic.en.png\n  bytes changed (8 → 10)" in found
    assert "settlements.csv\n  lines changed: 1\n    a,village → a,formal\n  lines only in new: 1\n    c,other" in found
    assert "files of kits: 0 equal, 2 different" in found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required"),
        (["{old}", "/nowhere"], "/nowhere is no folder of outputs: it has no manifest.json."),
        (["{old}", "{old}", "--rename", "kind=use"], "A new name is written --rename table.old=new."),
        (["{old}", "{old}", "--nothing"], "unrecognized arguments"),
    ],
)
def test_bad_usage(outputs: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([argument.replace("{old}", str(outputs)) for argument in arguments])
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_long_texts_are_cut_to_where_they_differ() -> None:
    same = "x" * 500
    assert arrow("one", "two") == "one → two"
    assert arrow(f"{same}1", f"{same}2") == f"…{'x' * 15}1 → …{'x' * 15}2"
