"""Outlines of an earlier date: what is read, and what is refused in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pytest
import shapely

from pipeline.config import Area, Names
from pipeline.errors import InputError
from pipeline.extract import outlines

if TYPE_CHECKING:
    from pathlib import Path

AREA = Area(area_id="osh", country="KG", bbox=(72.7, 40.5, 72.9, 40.6), name=Names(en="Osh"))


def write(path: Path, ids: list[str], boxes: list[shapely.Geometry], **columns: list[str]) -> Path:
    frame = gpd.GeoDataFrame({"settlement_id": ids, **columns}, geometry=boxes, crs="EPSG:4326")
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_file(path)
    return path


@pytest.mark.parametrize("name", ["old.parquet", "old.gpkg", "old.geojson"])
def test_outlines_of_the_area_are_read_in_order(tmp_path: Path, name: str) -> None:
    here, far = shapely.box(72.75, 40.52, 72.76, 40.53), shapely.box(10, 10, 11, 11)
    path = write(tmp_path / name, ["b", "a", "c"], [here, shapely.box(72.8, 40.52, 72.81, 40.53), far])
    read = outlines.read(path, AREA)
    assert read.data["settlement_id"].tolist() == ["a", "b"]
    assert read.sources[0].features == 2


def test_rows_of_other_areas_are_left_out(tmp_path: Path) -> None:
    box = shapely.box(72.75, 40.52, 72.76, 40.53)
    path = write(tmp_path / "old.parquet", ["a", "b"], [box, box], area_id=["osh", "almaty"])
    assert outlines.read(path, AREA).data["settlement_id"].tolist() == ["a"]


@pytest.mark.parametrize(
    ("ids", "shapes", "fragment"),
    [
        (["a", "a"], [shapely.box(72.75, 40.52, 72.76, 40.53)] * 2, "twice"),
        (["a"], [shapely.box(0, 0, 1, 1)], "no outline of osh"),
    ],
)
def test_unusable_outlines_are_refused(
    tmp_path: Path, ids: list[str], shapes: list[shapely.Geometry], fragment: str
) -> None:
    with pytest.raises(InputError, match=fragment):
        outlines.read(write(tmp_path / "old.gpkg", ids, shapes), AREA)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    for name in ("old.parquet", "old.gpkg"):
        (tmp_path / name).write_text("nothing", encoding="utf-8")
        with pytest.raises(InputError, match=name):
            outlines.read(tmp_path / name, AREA)
    with pytest.raises(InputError, match=r"absent\.gpkg"):
        outlines.read(tmp_path / "absent.gpkg", AREA)


def test_a_row_without_an_id_or_a_column_of_them_is_refused(tmp_path: Path) -> None:
    box = shapely.box(72.75, 40.52, 72.76, 40.53)
    with pytest.raises(InputError, match="1 outlines without a settlement_id"):
        outlines.read(write(tmp_path / "a.geojson", ["a", None], [box, box]), AREA)  # type: ignore[list-item]
    (tmp_path / "a.csv").write_text("settlement_id,name\na,b\n", encoding="utf-8")
    with pytest.raises(InputError, match="no column of geometries"):
        outlines.read(tmp_path / "a.csv", AREA)


def test_outlines_that_overlap_are_told(tmp_path: Path) -> None:
    boxes = [shapely.box(72.75, 40.52, 72.76, 40.53), shapely.box(72.755, 40.52, 72.765, 40.53)]
    read = outlines.read(write(tmp_path / "a.gpkg", ["a", "b"], boxes), AREA)
    assert any("overlap by 47" in notice.what for notice in read.notices), read.notices
