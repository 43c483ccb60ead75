"""Labels as planners write them: tables and maps; what is wrong is named by its row, what lies elsewhere is counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.extract import labels
from tests.extract.osm_files import AREA

if TYPE_CHECKING:
    from pathlib import Path

WEST, SOUTH, EAST, NORTH = AREA.bbox
LAT, LON = (SOUTH + NORTH) / 2, (WEST + EAST) / 2


def table(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def feature(geometry: dict[str, object] | None, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def drawing(folder: Path, *features: dict[str, object]) -> Path:
    path = folder / "labels.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def test_a_table_names_places_or_gives_coordinates(tmp_path: Path) -> None:
    text = f"place,lat,lon,kind,source\nАк-Жар,,,novostroika,me\n,{LAT},{LON},Село,me\nсело,,,,\n"
    read = labels.read(table(tmp_path, text), AREA)
    assert read.data[["place", "kind"]].to_numpy().tolist() == [["Ак-Жар", "novostroika"], ["", "village"]]
    assert read.data.geometry.iloc[0] is None
    assert (read.data.geometry.iloc[1].x, read.data.geometry.iloc[1].y) == pytest.approx((LON, LAT))
    assert read.sources[0].features == 2


def test_offices_write_in_their_own_words(tmp_path: Path) -> None:
    text = f"Название;Широта;Долгота;Вид;Источник\nАк-Жар;{LAT:.4f}".replace(".", ",") + f";{LON};новостройка;обход\n"
    read = labels.read(table(tmp_path, text), AREA).data
    assert read[["place", "kind", "source"]].iloc[0].tolist() == ["Ак-Жар", "novostroika", "обход"]


def test_a_map_of_points_and_polygons_is_read(tmp_path: Path) -> None:
    ring = [[LON, LAT], [LON + 1e-3, LAT], [LON, LAT + 1e-3], [LON, LAT]]
    path = drawing(
        tmp_path,
        feature({"type": "Point", "coordinates": [LON, LAT]}, kind="dacha", source="me"),
        feature({"type": "Polygon", "coordinates": [ring]}, kind="Formal district", place="a/1"),
        feature({"type": "Point", "coordinates": [LON, LAT]}, kind=None),
        feature(None, kind="village", place="Ак-Жар"),
    )
    read = labels.read(path, AREA).data
    assert read["kind"].tolist() == ["dacha", "formal", "village"]
    assert read["place"].tolist() == ["", "a/1", "Ак-Жар"]
    assert [None if shape is None else shape.geom_type for shape in read.geometry] == ["Point", "Polygon", None]


def test_what_lies_off_the_map_is_counted(tmp_path: Path) -> None:
    text = f"lat,lon,kind,source\n{LAT},{LON},dacha,me\n{LON},{LAT},dacha,me\n{NORTH + 1},{LON},dacha,me\n"
    read = labels.read(table(tmp_path, text), AREA)
    assert len(read.data) == 1
    assert [(notice.code, notice.count) for notice in read.notices] == [("labels_off_map", 2)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("place,kind\nАк-Жар,slum\n", "row 2: kind = 'slum' must be one of novostroika, village.* or empty"),
        ("place,kind\nАк-Жар,undetermined\n", "row 2: kind = 'undetermined' must be one of"),
        ("place,lat,lon,kind\n,,,dacha\n", "row 2: names no place; give its name or settlement_id as place, or lat"),
        ("place,lat,lon,kind\n,95,10,dacha\n", "row 2: lat = '95' and lon = '10' are no place on Earth"),
        ("place,lat,lon,kind\n,42,,dacha\n", "row 2: lat = '42' and lon = '' are no place on Earth"),
        ("place,lat,lon,kind\n,nan,10,dacha\n", "are no place on Earth"),
        ("place,what\nАк-Жар,dacha\n", "the header must be 'kind'"),
    ],
)
def test_a_wrong_table_is_refused_by_row(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        labels.read(table(tmp_path, text), AREA)
    assert "\n" not in str(caught.value)


def test_a_map_without_kinds_is_refused(tmp_path: Path) -> None:
    path = drawing(tmp_path, feature({"type": "Point", "coordinates": [LON, LAT]}, colour="red"))
    with pytest.raises(InputError, match="one layer with a property kind"):
        labels.read(path, AREA)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file .*inputs.labels"):
        labels.read(tmp_path / "none.csv", AREA)


@settings(deadline=None)
@given(st.text(max_size=120))
def test_any_text_is_a_table_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "labels.csv"
    path.write_bytes(("place,lat,lon,kind\n" + text).encode("utf-8", "replace"))
    try:
        read = labels.read(path, AREA).data
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert read["kind"].ne("").all()
