"""OpenStreetMap in GIS formats: columns of Geofabrik, HOT, QuickOSM, Overpass Turbo and ogr2ogr become tags again."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pytest
import shapely

from pipeline.declared import catalogue
from pipeline.errors import InputError
from pipeline.extract import osm
from tests.extract.osm_files import AREA

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = catalogue.default().osm_layers


def square(x: float, y: float, size: float = 0.001) -> shapely.Polygon:
    return shapely.box(74 + x, 42 + y, 74 + x + size, 42 + y + size)


def table(columns: dict[str, Any], shapes: list[shapely.Geometry]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")


HOUSES = [square(0.01, 0.01), square(0.02, 0.01)]
GRAVES = [square(0.05, 0.05, 0.01)]
ROAD = [shapely.LineString([(74.0, 42.0), (74.09, 42.09)])]


def geofabrik(folder: Path) -> Path:
    inner = folder / "kyrgyzstan"
    inner.mkdir()
    code = {"osm_id": ["11", "12"], "code": 1500, "fclass": "building", "name": ["Мектеп", None]}
    table({**code, "type": ["school", None]}, HOUSES).to_file(
        inner / "gis_osm_buildings_a_free_1.shp", encoding="utf-8"
    )
    graves = {"osm_id": ["21"], "fclass": ["cemetery"]}
    table(graves, GRAVES).to_file(inner / "gis_osm_landuse_a_free_1.shp", encoding="utf-8")
    roads = {"osm_id": ["31"], "fclass": ["primary"]}
    table(roads, ROAD).to_file(inner / "gis_osm_roads_free_1.shp", encoding="utf-8")
    with zipfile.ZipFile(folder / "kyrgyzstan.shp.zip", "w") as archive:
        for file in inner.iterdir():
            archive.write(file, file.name)
    return folder / "kyrgyzstan.shp.zip"


def hot(folder: Path) -> Path:
    path = folder / "export.gpkg"
    point = {"osm_id": [41], "place": ["village"], "name": ["Ак-Жар"]}
    table(point, [shapely.Point(74.03, 42.03)]).to_file(path, layer="points")
    table({"osm_id": [31], "highway": ["primary"]}, ROAD).to_file(path, layer="lines")
    columns = {"osm_id": [11, 12, 21], "building": ["school", "yes", None], "landuse": [None, None, "cemetery"]}
    names = {"name": ["Мектеп", None, None]}
    table({**columns, **names}, [*HOUSES, *GRAVES]).to_file(path, layer="polygons")
    return path


def quickosm(folder: Path) -> Path:
    path = folder / "quick.geojson"
    columns = {
        "full_id": ["w11", "w12", "w21", "w31"],
        "building": ["school", "yes", None, None],
        "landuse": [None, None, "cemetery", None],
        "highway": [None, None, None, "primary"],
        "name": ["Мектеп", None, None, None],
    }
    table(columns, [*HOUSES, *GRAVES, *ROAD]).to_file(path)
    return path


def overpass_turbo(folder: Path) -> Path:
    path = quickosm(folder)
    text = path.read_text(encoding="utf-8").replace('"full_id": "w', '"@id": "way/')
    path.write_text(text, encoding="utf-8")
    return path


def ogr2ogr(folder: Path) -> Path:
    path = folder / "ogr.gpkg"
    ids = {"osm_id": [None, None, None], "osm_way_id": ["11", "12", "21"], "name": ["Мектеп", None, None]}
    tags = ['"building"=>"school"', '"building"=>"yes","a"=>"b"', '"landuse"=>"cemetery"']
    table({**ids, "other_tags": tags}, [*HOUSES, *GRAVES]).to_file(path, layer="multipolygons")
    table({"osm_id": ["31"], "highway": ["primary"]}, ROAD).to_file(path, layer="lines")
    return path


@pytest.mark.parametrize("make", [geofabrik, hot, quickosm, overpass_turbo, ogr2ogr])
def test_tags_come_back_from_the_columns(make: Any, tmp_path: Path) -> None:
    extract = osm.read([make(tmp_path)], AREA, LAYERS, 3000)
    houses = extract.data["buildings"]
    assert houses["osm_id"].tolist() == ["way/11", "way/12"]
    assert houses["building"].tolist() == ["school", "yes"]
    assert houses["name"].tolist()[0] == "Мектеп"
    assert shapely.hausdorff_distance(houses.geometry.to_numpy(), HOUSES).max() < 1e-6
    assert extract.data["hazard:cemetery"]["osm_id"].tolist() == ["way/21"]
    roads = next(frame for name, frame in extract.data.items() if "road" in name or ("barrier" in name and len(frame)))
    assert roads["osm_id"].tolist() == ["way/31"]
    assert extract.sources[0].licence == "ODbL-1.0"


def test_features_without_ids_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    for layer in ("a", "b"):
        shift = 0.0 if layer == "a" else 0.01
        table({"building": ["yes"] * 2}, [square(x, 0.01 + shift) for x in (0.01, 0.02)]).to_file(path, layer=layer)
    assert len(osm.read([path], AREA, LAYERS, 0).data["buildings"]) == 4


def test_a_file_without_any_column_of_openstreetmap_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plots.gpkg"
    table({"kadastr": ["1"]}, GRAVES).to_file(path)
    with pytest.raises(InputError, match=r"plots \(Polygon\).* no columns of OpenStreetMap"):
        osm.read([path], AREA, LAYERS, 0)
