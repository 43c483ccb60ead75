"""Spellings, and the match between the map's names and the settlements of the literature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shapely import box

from pipeline.declared import facts
from pipeline.errors import ConfigError
from pipeline.schema import tables
from pipeline.transform.settlements import delineate, listed_names, resolve_names
from pipeline.wording.spelling import edits, is_street, key, within_one_edit
from tests.transform.fabrics import layer, layers, place, quarter, town

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

SAME = [
    ("Ак-Жар", "Ak-Jar", "Ak-Zhar", "жилмассив Ак-Жар", "ж/м «Ак-Жар»", "Ак Жар конушу", "AK JAR"),
    ("Құрылысшы", "Курылысшы", "Kurilisshy", "Kurylysshy", "Құрылысшы шағын ауданы"),
    ("Өндіріс", "Ондирис", "Ondiris"),
    ("Қоянды", "Коянды", "Koyandy", "село Коянды"),
    ("Ала-Тоо", "Ala-Too", "новостройка Ала-Тоо"),
    ("ТЭЦ-2", "TEC-2", "мкр ТЭЦ-2"),
    ("Бугу-Эне", "Bugu-Ene", "дачи Бугу-Эне"),
    ("Алга-Элим", "Alga Elim"),
    ("Кирпичный", "Kirpichny"),
]


@pytest.mark.parametrize("spellings", SAME)
def test_spellings_of_one_name_have_one_key(spellings: tuple[str, ...]) -> None:
    assert len({key(name) for name in spellings}) == 1


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("Ак-Ордо", "Ак-Орго", 1),
        ("Ак-Жар", "Ак-Бата", None),
        ("Анар", "Анаш", None),
        ("Дордой-1", "Дордой-2", None),
        ("Дордой-1", "Дордой", None),
        ("Шанырак", "Шаңырақ-2", 0),
        ("Кирпичный", "Кирпечный", 1),
    ],
)
def test_how_many_letters_differ(a: str, b: str, expected: int | None) -> None:
    assert edits(key(a), key(b)) == expected


def test_one_edit() -> None:
    assert within_one_edit("abc", "abc")
    assert within_one_edit("abc", "axc")
    assert within_one_edit("abc", "xabc")
    assert not within_one_edit("abc", "acb")
    assert not within_one_edit("abcd", "xbcy")


def test_odd_names() -> None:
    assert key("").base == ""
    assert key("ж/м").base != ""
    assert len(key("ы" * 10_000 + "а" * 10_000).base) <= 200
    assert is_street("пер. Коянды")
    assert is_street("Коянды көшесі")
    assert not is_street("Коянды")


def gazetteer(**changes: object) -> pd.DataFrame:
    """The shipped rows of Bishkek, their hints replaced by the town's place."""
    rows = facts.settlements()
    rows = rows[rows["area_id"] == "bishkek"].copy()
    rows[["hint_lon", "hint_lat"]] = rows[["hint_lon", "hint_lat"]].where(rows["hint_lon"].isna(), 0.0)
    lon, lat = 74.637, 42.902
    rows["hint_lon"] = rows["hint_lon"].where(rows["hint_lon"].isna(), lon)
    rows["hint_lat"] = rows["hint_lat"].where(rows["hint_lat"].isna(), lat)
    return rows.assign(**changes)


def resolved(*places: dict[str, object], named: pd.DataFrame | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    buildings = town(quarter(0, 0, 8, 6), quarter(600, 0, 8, 6, seed=1), quarter(1200, 0, 8, 6, seed=2))
    given = layers(places=layer(*places, columns=("place",)))
    found = delineate(buildings, given, "bishkek")
    rows = gazetteer() if named is None else named
    settlements, table = resolve_names(found.settlements, given, rows, "bishkek")
    tables.conform("named_settlements", table)
    assert set(table["named_id"]) == set(rows.loc[rows["area_id"] == "bishkek", "named_id"])
    return settlements, table.set_index("named_id")


def test_a_settlement_is_found_named_in_all_languages_and_gets_its_status() -> None:
    settlements, table = resolved(place("node/1", "жилмассив Ак-Жар", 90, 70, name_kk="Ақ-Жар"))
    row = table.loc["bishkek/ak-jar"]
    assert row["outcome"] == "found"
    assert row["distance_m"] < 8_000
    assert "node/1" in row["evidence"]
    named = settlements.set_index("settlement_id").loc[row["settlement_id"]]
    assert (named["name_en"], named["name_kk"], named["status"], named["status_year"]) == (
        "Ak-Jar",
        "Ақ-Жар",
        "unresolved",
        2013,
    )
    others = settlements[settlements["settlement_id"] != row["settlement_id"]]
    assert others["name"].isna().all()
    assert others["status"].eq("unknown").all()


def test_false_friends_streets_and_far_places_are_no_match() -> None:
    _, table = resolved(
        place("node/1", "Ак-Орго", 90, 70),
        place("node/2", "переулок Ак-Жар", 690, 70),
        place("node/3", "Келечек", 20_000, 70),
    )
    assert table.loc["bishkek/ak-ordo", "outcome"] == "not found"
    assert table.loc["bishkek/ak-jar", "outcome"] == "not found"
    assert table.loc["bishkek/kelechek", "outcome"] == "not found"


def test_a_name_without_houses_is_not_mapped_and_nothing_named_is_not_mapped() -> None:
    _, table = resolved(place("node/1", "Ак-Жар", 3_000, 3_000))
    assert table.loc["bishkek/ak-jar", "outcome"] == "not mapped"
    assert "not mapped" in table.loc["bishkek/ak-jar", "evidence"]
    assert table.loc["bishkek/tynchtyk", "outcome"] == "not mapped"


def test_of_two_places_of_one_name_the_one_with_houses_is_meant() -> None:
    _, table = resolved(place("node/1", "Анар-Бак", 5_000, 5_000, "locality"), place("node/2", "Anar-Bak", 690, 70))
    assert table.loc["bishkek/anar-bak", "outcome"] == "found"
    assert "node/2" in table.loc["bishkek/anar-bak", "evidence"]


def test_each_settlement_and_each_row_is_matched_once() -> None:
    settlements, table = resolved(
        place("node/1", "Ак-Жар", 90, 70), place("node/2", "Ак-Жар", 690, 70), place("node/3", "Келечек", 1290, 70)
    )
    found = table[table["outcome"] == "found"]
    assert found["settlement_id"].is_unique
    assert settlements["name"].notna().sum() == 3
    assert (settlements["status"] != "unknown").sum() == 2


def test_a_large_settlement_is_no_dormitory() -> None:
    _, table = resolved(place("node/1", "Общежитие у мясокомбината", 90, 70))
    assert table.loc["bishkek/meat-factory-dormitory", "outcome"] == "not mapped"


def test_a_locality_at_the_edge_of_a_settlement_does_not_name_it_in_the_literature() -> None:
    _, edge = resolved(place("node/1", "Ак-Жар", 5, 5, "locality"))
    assert edge.loc["bishkek/ak-jar", "outcome"] == "not mapped"
    _, midst = resolved(place("node/1", "Ак-Жар", 90, 70, "locality"))
    assert midst.loc["bishkek/ak-jar", "outcome"] == "found"


def test_a_kiosk_at_the_point_is_no_dormitory() -> None:
    for size, outcome in ((10.0, "not mapped"), (900.0, "found")):
        given = layers(places=layer(place("node/1", "Общежитие у мясокомбината", 0, 0), columns=("place",)))
        listed = listed_names(facts.settlements(), "bishkek")
        found = delineate(town([(box(0, 0, size / 10, 10), "non_residential")]), given, "bishkek", listed)
        _, table = resolve_names(found.settlements, given, gazetteer(), "bishkek")
        assert table.set_index("named_id").loc["bishkek/meat-factory-dormitory", "outcome"] == outcome


def test_polygon_and_point_of_one_name_name_one_settlement() -> None:
    land = {"osm_id": "way/5", "name": "Ак-Жар", "landuse": "residential", "geometry": box(-20, -20, 220, 170)}
    given = layers(
        landuse=layer(land, columns=("landuse",)),
        places=layer(place("node/1", "Ак-Жар", 90, 70, name_en="Ak-Zhar"), columns=("place",)),
    )
    found = delineate(town(quarter(0, 0, 8, 6)), given, "bishkek")
    settlements, _ = resolve_names(found.settlements, given, gazetteer(), "bishkek")
    assert len(settlements) == 1
    assert settlements["name_en"][0] == "Ak-Zhar"
    assert {"way/5", "node/1"} <= set(settlements["osm_ids"][0].split(";"))


def test_another_area_and_an_empty_one() -> None:
    empty = delineate(town(), layers(), "elsewhere")
    settlements, table = resolve_names(empty.settlements, layers(), facts.settlements(), "elsewhere")
    assert settlements.empty
    assert table.empty
    _, table = resolve_names(empty.settlements, layers(), facts.settlements(), "osh")
    assert table["outcome"].eq("not mapped").all()


def test_the_gazetteer_is_valid_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    rows = facts.settlements()
    assert len(rows) > 50
    assert set(rows["area_id"]) == {"bishkek", "osh", "almaty", "astana"}
    rows.loc[0, "status"] = "odd"
    path = tmp_path / "settlements.csv"
    rows.to_csv(path, index=False)
    with pytest.raises(ConfigError, match="status"):
        facts.read(path, facts.SETTLEMENTS)
