"""Footprints from every form of file, sound and broken."""

from __future__ import annotations

import gzip
import json
import zipfile
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import Inputs
from pipeline.errors import InputError
from pipeline.extract import footprints
from tests.extract.osm_files import AREA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COLUMNS = ["footprint_id", "height_m", "confidence", "origin", "building", "source_id", "geometry"]


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
    assert len(extract.data) == 4  # the parts of the multipolygon are two
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
    houses().to_crs("EPSG:32643").set_crs(None, allow_override=True).to_file(folder / "none.gpkg")
    return folder / "none.gpkg"


def _virtual(folder: Path) -> Path:
    houses().to_file(folder / "houses.gpkg")
    path = folder / "innocent.gpkg"
    path.write_text(
        f'<OGRVRTDataSource><OGRVRTLayer name="houses"><SrcDataSource>{folder}/houses.gpkg</SrcDataSource>'
        "</OGRVRTLayer></OGRVRTDataSource>"
    )
    return path


def _swapped(folder: Path) -> Path:
    table = houses()
    table.geometry = shapely.transform(table.geometry.to_numpy(), lambda points: points[:, ::-1])
    table.to_file(folder / "swapped.gpkg")
    return folder / "swapped.gpkg"


def _local_metres(folder: Path) -> Path:
    path = folder / "metres.geojsonl"
    path.write_text(feature(shapely.box(5000, 7000, 5010, 7010), height=3.0), encoding="utf-8")
    return path


def _points(folder: Path) -> Path:
    houses().set_geometry(houses().representative_point()).to_file(folder / "points.gpkg")
    return folder / "points.gpkg"


def _points_in_lines(folder: Path) -> Path:
    path = folder / "points.geojsonl"
    path.write_text("\n".join(feature(shape.centroid) for shape in houses().geometry), encoding="utf-8")
    return path


def _plots_and_something(folder: Path) -> Path:
    for layer in ("a", "b"):
        houses().drop(columns="height").to_file(folder / "two.gpkg", layer=layer)
    return folder / "two.gpkg"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: folder / "none.parquet", "There is no file"),
        (_cut_gzip, "cannot be unpacked"),
        (lambda folder: _page(folder, "page.csv.gz"), "it is a web page"),
        (lambda folder: _page(folder, "page.parquet"), "it is a web page"),
        (lambda folder: _page(folder, "page.geojson"), "it is a web page"),
        (lambda folder: _page(folder, "page.gpkg"), "it is a web page"),
        (_virtual, "its form is not known"),
        (_table, "no column of geometries"),
        (_no_crs, "does not say in which coordinate system"),
        (_swapped, "latitude and longitude swapped"),
        (_local_metres, "should be in degrees"),
        (_points, "holds no polygons but"),
        (_points_in_lines, "holds no polygons"),
        (_plots_and_something, "several layers"),
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


def known_houses() -> gpd.GeoDataFrame:
    """Two houses, a garage, one that is gone; all near the area."""
    shapes = [square(0.01, 0.01), square(0.02, 0.02), square(0.03, 0.03), square(0.04, 0.04)]
    uses = ["house", "yes", "garage", "demolished"]
    columns = {"osm_id": list("1234"), "building": uses, "building:levels": ["2", None, "1", None]}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")


def _zipped(folder: Path, name: str, files: list[Path]) -> Path:
    with zipfile.ZipFile(folder / name, "w") as archive:
        for file in files:
            archive.write(file, file.name)
    return folder / name


def _written(folder: Path, name: str, table: gpd.GeoDataFrame, **options: Any) -> Path:
    table.to_file(folder / name, **options)
    return folder / name


def _shapefile(folder: Path, table: gpd.GeoDataFrame, name: str = "houses") -> list[Path]:
    inner = folder / "shapes"
    inner.mkdir(exist_ok=True)
    table.to_file(inner / f"{name}.shp", encoding="utf-8")
    return sorted(inner.iterdir())


def _layers(folder: Path, table: gpd.GeoDataFrame) -> Path:
    path = folder / "cadastre.gpkg"
    table.set_geometry(table.representative_point()).to_file(path, layer="points")
    table.set_geometry(table.scale(3, 3)).drop(columns="height").to_file(path, layer="uchastki")
    table.to_file(path, layer="zdaniya")
    return path


def _parts(folder: Path, table: gpd.GeoDataFrame) -> Path:
    target = folder / "parts"
    target.mkdir()
    for number, rows in enumerate((table[:1], table[1:])):
        rows.to_parquet(target / f"part-{number}.parquet")
    return target


def _csv(folder: Path, table: gpd.GeoDataFrame, column: str, shapes: Any, **options: Any) -> Path:
    rows = pd.DataFrame({column: shapes, "height": table["height"]})
    rows.to_csv(folder / "houses.csv", index=False, **options)
    return folder / "houses.csv"


def _bare_parquet(folder: Path, table: gpd.GeoDataFrame, column: str, shapes: Any) -> Path:
    pd.DataFrame({column: shapes, "height": table["height"]}).to_parquet(folder / "bare.parquet")
    return folder / "bare.parquet"


def _lines(folder: Path, name: str, table: gpd.GeoDataFrame, start: str = "", indent: int | None = None) -> Path:
    rows = (feature(row.geometry, height=row.height) for row in table.itertuples())
    text = "".join(f"{start}{json.dumps(json.loads(row), indent=indent)}\n" for row in rows)
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def _packed(path: Path) -> Path:
    target = path.with_name(f"{path.name}.gz")
    target.write_bytes(gzip.compress(path.read_bytes()))
    return target


WKT = shapely.to_wkt
FORMS: dict[str, Callable[[Path, gpd.GeoDataFrame], Path]] = {
    "one layer of several": _layers,
    ".gpkg.zip": lambda folder, table: _zipped(folder, "a.gpkg.zip", [_written(folder, "a.gpkg", table)]),
    ".shp": lambda folder, table: next(file for file in _shapefile(folder, table) if file.suffix == ".shp"),
    ".shp.zip": lambda folder, table: _zipped(folder, "a.shp.zip", _shapefile(folder, table)),
    "shapefile without .prj": lambda folder, table: _zipped(
        folder, "a.zip", [file for file in _shapefile(folder, table) if file.suffix != ".prj"]
    ),
    "folder of a shapefile": lambda folder, table: _shapefile(folder, table)[0].parent,
    ".gdb": lambda folder, table: _written(folder, "a.gdb", table, driver="OpenFileGDB"),
    ".geojson.gz": lambda folder, table: _packed(_written(folder, "a.geojson", table)),
    "FeatureCollection in .geojsonl": lambda folder, table: _written(folder, "a.geojsonl", table, driver="GeoJSON"),
    "record separators": lambda folder, table: _lines(folder, "a.geojsons", table, "\x1e"),
    "record separators, indented": lambda folder, table: _lines(folder, "a.geojsons", table, "\x1e", 2),
    "Microsoft's part, unpacked": lambda folder, table: _lines(folder, "part-00105.csv", table),
    "lines under any name": lambda folder, table: _lines(folder, "houses.txt.gz", table),
    ".kml": lambda folder, table: _written(folder, "a.kml", table, driver="KML"),
    ".kmz": lambda folder, table: _zipped(folder, "a.kmz", [_written(folder, "doc.kml", table, driver="KML")]),
    ".tab": lambda folder, table: _written(folder, "a.tab", table, driver="MapInfo File"),
    "partitioned Parquet": _parts,
    "Parquet with WKB": lambda folder, table: _bare_parquet(folder, table, "geom", shapely.to_wkb(table.geometry)),
    "Parquet with WKT": lambda folder, table: _bare_parquet(folder, table, "wkt", WKT(table.geometry)),
    "CSV with WKT": lambda folder, table: _csv(folder, table, "WKT", WKT(table.geometry)),
    "CSV with EWKT": lambda folder, table: _csv(
        folder, table, "geometry", [f"SRID=4326;{text}" for text in WKT(table.geometry)]
    ),
    "CSV with hexadecimal WKB": lambda folder, table: _csv(
        folder, table, "the_geom", shapely.to_wkb(table.geometry, hex=True), sep=";", decimal=","
    ),
    "CSV with .geo": lambda folder, table: _csv(folder, table, ".geo", shapely.to_geojson(table.geometry)),
    "collections": lambda folder, table: _written(
        folder,
        "a.gpkg",
        table.set_geometry([shapely.GeometryCollection([shape, shape.centroid]) for shape in table.geometry]),
    ),
    "one dissolved feature": lambda folder, table: _written(
        folder, "a.gpkg", gpd.GeoDataFrame(geometry=[table.union_all()], crs=table.crs)
    ),
}


@pytest.mark.filterwarnings("ignore:'crs' was not provided", "ignore:Geometry is in a geographic CRS")
@pytest.mark.parametrize("form", FORMS)
def test_every_form_that_people_have_gives_the_same_houses(form: str, tmp_path: Path) -> None:
    table = houses()[:3].assign(height=[3.0, 4.5, 6.0])
    extract = footprints.read([FORMS[form](tmp_path, table)], AREA)
    expected = shapely.normalize(table.geometry.to_numpy())
    found = shapely.normalize(extract.data.geometry.to_numpy())
    distance = shapely.hausdorff_distance(found, expected[[2, 0, 1]])
    assert len(found) == len(expected)
    assert distance.max() < 1e-6
    if form not in {".kml", ".kmz", "one dissolved feature"}:  # GDAL puts KML's attributes into a description
        assert sorted(extract.data["height_m"]) == [3.0, 4.5, 6.0]


def test_a_drawing_of_closed_polylines_is_read_with_its_crs(tmp_path: Path) -> None:
    rings = houses()[:2].to_crs("EPSG:28413")
    path = _written(tmp_path, "plan.dxf", rings.set_geometry(rings.boundary)[["geometry"]], driver="DXF")
    with pytest.raises(InputError, match="does not say in which coordinate system"):
        footprints.read([path], AREA)
    inputs = Inputs(footprints=[{"path": path, "crs": "EPSG:28413"}])
    extract = footprints.read([path], AREA.model_copy(update={"inputs": inputs}))
    assert len(extract.data) == 2
    assert shapely.area(extract.data.geometry.to_numpy()) == pytest.approx(1e-6, rel=1e-3)


def test_a_layer_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "two.gpkg"
    houses()[:2].to_file(path, layer="zdaniya")
    houses()[:1].to_file(path, layer="x")
    named = {"x": 1, "zdaniya": 2}
    for layer, count in named.items():
        inputs = Inputs(footprints=[{"path": path, "layer": layer}])
        assert len(footprints.read([path], AREA.model_copy(update={"inputs": inputs})).data) == count
    inputs = Inputs(footprints=[{"path": path, "layer": "houses"}])
    with pytest.raises(InputError, match=r"no layer 'houses'; it has x \(Polygon\), zdaniya \(Polygon\)|zdaniya .*x"):
        footprints.read([path], AREA.model_copy(update={"inputs": inputs}))


@pytest.mark.parametrize(
    ("columns", "origin"),
    [
        ({"full_id": "w1"}, "osm"),
        ({"fclass": "building"}, "osm"),
        ({"@id": "way/1", "source": "Bing"}, "osm"),
        ({"bf_source": "microsoft"}, "microsoft"),
        ({"bf_source": "google"}, "google"),
        ({"source": "ms"}, "microsoft"),
        ({"full_plus_code": "8J", "area_in_meters": 90.0}, "google"),
        ({"sources": '[{"property": "", "dataset": "Microsoft ML Buildings"}]'}, "microsoft"),
        ({"sources": "no JSON"}, "unknown"),
        ({"source": "survey of 2019"}, "unknown"),
        ({}, "unknown"),
    ],
)
@pytest.mark.parametrize("suffix", ["gpkg", "geojsonl"])
def test_who_drew_a_footprint_and_under_which_licence_is_told_by_its_columns(
    columns: dict[str, Any], origin: str, suffix: str, tmp_path: Path
) -> None:
    table = houses()[:2].drop(columns="height").assign(number=1, **columns)
    path = tmp_path / f"a.{suffix}"
    if suffix == "gpkg":
        table.to_file(path)
    else:
        path.write_text("\n".join(feature(shape, number=1, **columns) for shape in table.geometry), encoding="utf-8")
    extract = footprints.read([path], AREA)
    assert set(extract.data["origin"]) == {origin}
    source = extract.sources[0]
    if source.dataset == footprints.LOCAL:
        assert ("OpenStreetMap" in source.attribution) == (origin == "osm")
        assert ("Microsoft" in source.attribution) == (origin == "microsoft")


def test_what_openstreetmap_calls_a_building_counts_in_footprints_too(tmp_path: Path) -> None:
    extract = footprints.read([_written(tmp_path, "a.gpkg", known_houses())], AREA)
    assert sorted(extract.data["building"]) == ["garage", "house", "yes"]
    assert extract.data.set_index("building").loc[["house", "garage"], "height_m"].tolist() == [6.0, 3.0]
    assert counts(extract)["a footprint is tagged as planned, gone or no building and was left out"] == 1


@pytest.mark.parametrize(
    ("value", "metres"), [("3 m", 3.0), ("3,5", 3.5), ("12 м", 12.0), ("tall", None), (None, None)]
)
def test_a_height_that_cannot_be_read_never_costs_the_house(
    value: str | None, metres: float | None, tmp_path: Path
) -> None:
    lines = [feature(square(0.01, 0.01), height=value), feature(square(0.02, 0.02), height=7)]
    extract = footprints.read([microsoft(tmp_path / "a.csv.gz", lines)], AREA)
    found = extract.data["height_m"].tolist()
    assert found[1] == 7
    assert np.isnan(found[0]) if metres is None else found[0] == metres
