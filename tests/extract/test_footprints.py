"""Footprints from every form of file, sound and broken."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.extract import footprints
from tests.extract.osm_files import AREA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COLUMNS = ["footprint_id", "height_m", "confidence", "origin", "source_id", "geometry"]


def square(x: float, y: float, size: float = 0.001) -> shapely.Polygon:
    return shapely.box(74 + x, 42 + y, 74 + x + size, 42 + y + size)


def feature(shape: shapely.Geometry | None, **properties: Any) -> str:
    geometry = None if shape is None else json.loads(shapely.to_geojson(shape))
    return json.dumps({"type": "Feature", "properties": properties, "geometry": geometry})


def microsoft(path: Path, lines: list[str]) -> Path:
    path.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))
    return path


def houses() -> gpd.GeoDataFrame:
    shapes = [square(0.01, 0.01), square(0.02, 0.02), square(-0.0005, 0.05), square(0.5, 0.5)]
    return gpd.GeoDataFrame({"height": [3.0, -1.0, 4.0, 5.0]}, geometry=shapes, crs="EPSG:4326")


def counts(extract: Any) -> dict[str, int]:
    return {notice.what: notice.count for notice in extract.notices}


def test_microsoft_lines_are_read_whole_and_only_near_the_area(tmp_path: Path) -> None:
    lines = [
        feature(square(0.01, 0.01), height=4.5, confidence=0.9),
        feature(square(0.02, 0.02), height=-1.0, confidence=-1.0),
        feature(square(-0.0005, 0.05), height=-1.0, confidence=-1.0),
        feature(square(0.5, 0.5), height=-1.0, confidence=-1.0),
    ]
    extract = footprints.read([microsoft(tmp_path / "123.csv.gz", lines)], AREA)
    table = extract.data
    assert table.columns.tolist() == COLUMNS
    assert table.crs == "EPSG:4326"
    assert len(table) == 3
    assert sorted(table["height_m"].dropna()) == [4.5]
    assert sorted(table["confidence"].dropna()) == [0.9]
    assert set(table["origin"]) == {"microsoft"}
    assert table["footprint_id"].is_unique
    assert shapely.area(table.geometry.to_numpy()).tolist() == pytest.approx([1e-6] * 3)
    assert extract.notices == []
    source = extract.sources[0]
    assert (source.source_id, source.features) == ("microsoft_footprints/testtown/1", 3)
    assert set(table["source_id"]) == {source.source_id}


@pytest.mark.parametrize(
    "suffix", ["gpkg", "fgb", "geojson", "parquet", "geojsonl", "gpkg:EPSG:32643", "parquet:EPSG:32643"]
)
def test_every_format_and_coordinate_system_gives_the_same_houses(suffix: str, tmp_path: Path) -> None:
    suffix, _, crs = suffix.partition(":")
    frame = houses().to_crs(crs) if crs else houses()
    path = tmp_path / f"houses.{suffix}"
    if suffix == "parquet":
        frame.to_parquet(path, write_covering_bbox=True)
    elif suffix == "geojsonl":
        path.write_text("\n".join(feature(row.geometry, height=row.height) for row in frame.itertuples()))
    else:
        frame.to_file(path)
    table = footprints.read([path], AREA).data
    assert len(table) == 3
    expected = gpd.GeoSeries([square(-0.0005, 0.05), square(0.01, 0.01), square(0.02, 0.02)], crs="EPSG:4326")
    assert table.geometry.geom_equals_exact(expected, 1e-8, align=False).all()
    assert table["height_m"].tolist()[:2] == [4.0, 3.0]
    assert np.isnan(table["height_m"][2])


def test_identifiers_follow_from_the_location_and_not_from_order_or_file(tmp_path: Path) -> None:
    lines = [feature(square(0.01 * index, 0.01), height=-1.0, confidence=-1.0) for index in range(1, 8)]
    first = footprints.read([microsoft(tmp_path / "a.csv.gz", lines)], AREA).data
    parts = [microsoft(tmp_path / "b.csv.gz", lines[4:][::-1]), microsoft(tmp_path / "c.csv.gz", lines[:5])]
    extract = footprints.read(parts, AREA)
    assert_geodataframe_equal(first.drop(columns="source_id"), extract.data.drop(columns="source_id"))
    assert counts(extract) == {"the same footprint came twice and was taken once": 1}


def test_overture_rows_keep_the_dataset_that_drew_them(tmp_path: Path) -> None:
    sources = [
        [{"dataset": "OpenStreetMap", "record_id": "w1"}],
        [{"dataset": "Microsoft ML Buildings", "record_id": "x"}],
        [],
        [{"dataset": "Something new", "record_id": "y"}],
    ]
    frame = houses().assign(sources=sources, geometry=[square(0.01 * index, 0.01) for index in range(1, 5)])
    frame.to_parquet(tmp_path / "overture.parquet")
    extract = footprints.read([tmp_path / "overture.parquet"], AREA)
    assert extract.data["origin"].tolist() == ["osm", "microsoft", "unknown", "unknown"]
    assert extract.sources[0].dataset == "overture_buildings"


def test_broken_footprints_are_repaired_or_dropped_and_counted(tmp_path: Path) -> None:
    good = feature(square(0.01, 0.01), height=-1.0, confidence=-1.0)
    bowtie = feature(shapely.Polygon([(74.02, 42), (74.03, 42.01), (74.03, 42), (74.02, 42.01)]))
    several = feature(shapely.MultiPolygon([square(0.04, 0.01), square(0.05, 0.01)]))
    lines = [
        good,
        bowtie,
        several,
        feature(shapely.Point(74.05, 42.05)),
        feature(None),
        '{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[]}}',
        '{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[74.05,42.05],[NaN,42.06],[74.06,42.06],[74.05,42.05]]]}}',
        '{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[74.05,42.05],[74.05,42.05]]]}}',
        "not json at all",
        "",
        '{"cut": ',
    ]
    extract = footprints.read([microsoft(tmp_path / "a.csv.gz", lines)], AREA)
    assert len(extract.data) == 3
    assert extract.data.is_valid.all()
    assert counts(extract)["a footprint crosses or touches itself and was repaired"] == 1
    dropped = sum(count for what, count in counts(extract).items() if "dropped" in what or "passed over" in what)
    assert dropped == 7


def test_no_files_give_an_empty_table() -> None:
    extract = footprints.read([], AREA)
    assert extract.data.columns.tolist() == COLUMNS
    assert extract.data.empty
    assert extract.data.crs == "EPSG:4326"


def test_a_file_elsewhere_is_a_notice(tmp_path: Path) -> None:
    extract = footprints.read([microsoft(tmp_path / "a.csv.gz", [feature(square(2, 2), height=-1.0)])], AREA)
    assert extract.data.empty
    assert counts(extract) == {"holds no footprint within the bbox of testtown": 1}


def _cut_gzip(folder: Path) -> Path:
    path = microsoft(folder / "cut.csv.gz", [feature(square(0.01, 0.001 * index)) for index in range(90)])
    path.write_bytes(path.read_bytes()[:-20])
    return path


def _page(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("<!DOCTYPE html>\n<html><body>Not found</body></html>")
    return path


def _table(folder: Path) -> Path:
    pd.DataFrame({"a": [1]}).to_parquet(folder / "table.parquet")
    return folder / "table.parquet"


def _no_crs(folder: Path) -> Path:
    houses().set_crs(None, allow_override=True).to_file(folder / "none.gpkg")
    return folder / "none.gpkg"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: folder / "none.parquet", "There is no file"),
        (_cut_gzip, "cannot be unpacked"),
        (lambda folder: _page(folder, "page.csv.gz"), "holds no line that is a GeoJSON feature"),
        (lambda folder: _page(folder, "page.parquet"), "cannot be read as footprints"),
        (lambda folder: _page(folder, "page.geojson"), "cannot be read as footprints"),
        (lambda folder: _page(folder, "page.gpkg"), "cannot be read as footprints"),
        (_table, "cannot be read as footprints"),
        (_no_crs, "does not say in which coordinate system"),
    ],
)
@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_an_unusable_file_is_refused_in_one_sentence_that_names_it(
    make: Callable[[Path], Path], reason: str, tmp_path: Path
) -> None:
    path = make(tmp_path)
    with pytest.raises(InputError, match=reason) as caught:
        footprints.read([path], AREA)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


ring = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=0, max_size=7)


@settings(max_examples=60, deadline=None)
@given(rings=st.lists(ring, max_size=6))
def test_any_rings_give_valid_polygons_or_are_counted(
    rings: list[list[tuple[int, int]]], tmp_path_factory: Any
) -> None:
    lines = []
    for corners in rings:
        points = [[74 + x / 100, 42 + y / 100] for x, y in corners]
        geometry = {"type": "Polygon", "coordinates": [points + points[:1]]}
        lines.append(json.dumps({"type": "Feature", "properties": {"height": 1}, "geometry": geometry}))
    path = microsoft(tmp_path_factory.mktemp("rings") / "a.csv.gz", lines)
    if not lines:
        return
    try:
        extract = footprints.read([path], AREA)
    except InputError:
        assert all(len(corners) < 2 for corners in rings)
        return
    shapes = extract.data.geometry.to_numpy()
    assert shapely.is_valid(shapes).all()
    assert (shapely.area(shapes) > 0).all()
    lost = sum(n for what, n in counts(extract).items() if "repaired" not in what and "holds no" not in what)
    assert len(extract.data) + lost == len(rings)
