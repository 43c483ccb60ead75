"""The reader of OpenStreetMap files, on small files that osmium wrote."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import osmium
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

from pipeline.errors import InputError, RunError
from pipeline.extract import osm
from pipeline.extract.osm import overpass_json
from tests.extract.osm_files import AREA, LAYERS, Scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import geopandas as gpd

    from pipeline.schema.provenance import Extract

REACH_M = 1000.0


@pytest.fixture
def scene() -> Scene:
    return Scene()


def read(scene: Scene, folder: Path, name: str = "a.osm.pbf") -> Extract[dict[str, gpd.GeoDataFrame]]:
    return osm.read([scene.write(folder / name)], AREA, LAYERS, REACH_M)


def ids(frame: gpd.GeoDataFrame) -> list[str]:
    return frame["osm_id"].tolist()


def notices(extract: Extract[dict[str, gpd.GeoDataFrame]]) -> dict[str, int]:
    return {notice.what: notice.count for notice in extract.notices}


def test_every_layer_has_a_table_with_its_columns_even_if_nothing_is_in_it(scene: Scene, tmp_path: Path) -> None:
    scene.square(0.01, 0.01, building="yes")
    tables = read(scene, tmp_path).data
    assert list(tables) == list(LAYERS)
    names = ["name", "name_en", "name_ru", "name_ky", "name_kk", "other_names"]
    for key, table in tables.items():
        assert table.columns.tolist() == ["osm_id", *names, *LAYERS[key].attributes, "source_id", "geometry"]
        assert table.crs == "EPSG:4326"
        assert len(table) == (key == "buildings")


def test_building_no_and_lifecycle_prefixes_are_no_buildings(scene: Scene, tmp_path: Path) -> None:
    kept = scene.square(0.01, 0.01, building="house")
    scene.square(0.02, 0.01, building="no")
    scene.square(0.03, 0.01, disused__building="yes")
    scene.square(0.04, 0.01, demolished__building="yes", building="no")
    assert ids(read(scene, tmp_path).data["buildings"]) == [f"way/{kept}"]


def test_names_in_all_languages_and_attributes_become_columns(scene: Scene, tmp_path: Path) -> None:
    tags = {"name": "Ак-Жар", "name__ru": "Ак-Жар", "name__ky": "Ак-Жар", "name__kk": "Ақ-Жар", "name__en": "Ak-Jar"}
    scene.node(0.05, 0.05, place="suburb", alt_name="Ak Zhar;Акжар", old_name="Акжар", **tags)
    row = read(scene, tmp_path).data["places"].iloc[0]
    assert (row["name"], row["name_en"], row["name_ky"], row["name_kk"]) == ("Ак-Жар", "Ak-Jar", "Ак-Жар", "Ақ-Жар")
    assert row["other_names"] == "Ak Zhar;Акжар"
    assert row["place"] == "suburb"
    assert row.geometry.equals_exact(shapely.Point(74.05, 42.05), 1e-9)


def test_a_closed_way_is_an_outline_or_a_line_as_layer_and_tags_say(scene: Scene, tmp_path: Path) -> None:
    ring_road = scene.square(0.01, 0.01, highway="residential")
    square = scene.square(0.02, 0.01, highway="residential", area="yes")
    loop = scene.square(0.03, 0.01, man_made="pipeline", substance="gas")
    plant = scene.square(0.04, 0.01, man_made="pipeline", substance="gas", area="yes")
    fence = scene.square(0.05, 0.01, landuse="residential", area="no")
    tables = read(scene, tmp_path).data
    assert ids(tables["roads"]) == [f"way/{ring_road}"]
    assert f"way/{square}" not in ids(tables["roads"])
    assert tables["hazard:gas_trunk"].geom_type.tolist() == ["LineString", "Polygon"]
    assert ids(tables["hazard:gas_trunk"]) == [f"way/{loop}", f"way/{plant}"]
    assert f"way/{fence}" not in ids(tables["landuse"])


def test_an_object_belongs_to_every_layer_that_it_matches(scene: Scene, tmp_path: Path) -> None:
    both = scene.square(0.01, 0.01, landuse="cemetery", building="chapel", highway="residential")
    tables = read(scene, tmp_path).data
    for key in ("landuse", "hazard:cemetery", "buildings", "roads"):
        assert ids(tables[key]) == [f"way/{both}"], key
    assert tables["roads"].geom_type[0] == "LineString"
    assert tables["landuse"].geom_type[0] == "Polygon"


def test_hazards_may_be_points_and_nodes_without_a_place_in_a_layer_are_counted(scene: Scene, tmp_path: Path) -> None:
    grave = scene.node(0.05, 0.05, landuse="cemetery")
    scene.node(0.06, 0.05, building="entrance")
    extract = read(scene, tmp_path)
    assert ids(extract.data["hazard:cemetery"]) == [f"node/{grave}"]
    assert extract.data["landuse"].empty
    assert extract.data["buildings"].empty
    assert notices(extract)["a node stands for what its layers take as an outline or line and was left out"] == 1


def test_a_multipolygon_takes_its_tags_from_the_relation_and_keeps_its_holes(scene: Scene, tmp_path: Path) -> None:
    west = scene.way([(0, 0), (0, 0.01), (0.01, 0.01)])
    start, end = scene.ways[-1].nodes[0], scene.ways[-1].nodes[-1]
    east = scene.way([end, (0.01, 0), start])
    hole = scene.square(0.004, 0.004)
    members = [("w", west, "outer"), ("w", east, "outer"), ("w", hole, "inner")]
    area = scene.relation(members, type="multipolygon", landuse="cemetery", name="Old")
    table = read(scene, tmp_path).data["hazard:cemetery"]
    assert ids(table) == [f"relation/{area}"]
    assert table["name"].tolist() == ["Old"]
    assert shapely.area(table.geometry[0]) == pytest.approx(0.01**2 - 0.001**2)


def test_multipolygons_that_cannot_be_whole_are_repaired_or_dropped_and_counted(scene: Scene, tmp_path: Path) -> None:
    bowtie = scene.way([(0, 0), (0.01, 0.01), (0.01, 0), (0, 0.01)], close=True)
    line = scene.way([(0.02, 0.02), (0.03, 0.03)])
    ring = scene.square(0.05, 0.05)
    crossing = scene.relation([("w", bowtie, "outer")], type="multipolygon", landuse="grass")
    scene.relation([("w", line, "outer")], type="multipolygon", landuse="forest")
    scene.relation([("w", ring, "outer"), ("w", 999, "outer")], type="multipolygon", landuse="forest")
    scene.relation([("w", ring, "perimeter")], type="site", landuse="forest")
    scene.relation([("w", ring, "outer")], type="multipolygon")
    extract = read(scene, tmp_path)
    assert ids(extract.data["landuse"]) == [f"relation/{crossing}"]
    assert extract.data["landuse"].is_valid.all()
    assert notices(extract) == {
        "an outline crosses or touches itself and was repaired": 1,
        "the members of a multipolygon form no ring and it was dropped": 1,
        "a multipolygon has members that are not in the file and was dropped": 1,
        "a relation of a type that has no geometry of its own was left to its members": 1,
    }


def test_broken_ways_are_repaired_or_dropped_and_counted(scene: Scene, tmp_path: Path) -> None:
    bowtie = scene.way([(0, 0), (0.01, 0.01), (0.01, 0), (0, 0.01)], close=True, building="yes")
    scene.way([(0.02, 0), (0.03, 0)], close=True, building="yes")
    flat = scene.way([(0.02, 0), (0.03, 0), (0.04, 0)], close=True, building="yes")
    scene.way([(0.05, 0), (0.06, 0), (0.06, 0.01)], building="yes")
    scene.way([(0.07, 0), (0.08, 0), 999, (0.08, 0.01)], close=True, building="yes")
    point = scene.node(0.02, 0.02)
    scene.way([point, point], building="yes")
    partial = scene.way([(0.05, 0.05), (0.06, 0.05), 999, (0.08, 0.05), (0.09, 0.05)], highway="primary")
    extract = read(scene, tmp_path)
    assert flat
    assert ids(extract.data["buildings"]) == [f"way/{bowtie}"]
    assert extract.data["buildings"].is_valid.all()
    assert shapely.area(extract.data["buildings"].geometry[0]) == pytest.approx(0.01**2 / 2)
    assert ids(extract.data["roads"]) == [f"way/{partial}"]
    assert shapely.length(extract.data["roads"].geometry[0]) == pytest.approx(0.02)
    assert notices(extract) == {
        "an outline crosses or touches itself and was repaired": 1,
        "a closed way has too few points or no area and was dropped": 3,
        "a way that should be an outline does not close and was dropped": 1,
        "a way refers to nodes that are not in the file: an outline was dropped, a line kept in part": 2,
    }


def test_batches_of_any_size_give_the_same_tables(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(5):
        scene.square(0.01 * index, 0.01, building="yes")
    for _ in range(4):
        scene.way([(0.01, 0.05), 999, (0.02, 0.05)], highway="primary")
    for index in range(3):
        scene.square(0.01 * index, 0.02, building="house", name=f"N{index}")
    whole = read(scene, tmp_path).data["buildings"]
    monkeypatch.setattr("pipeline.extract.osm.reader._BLOCK_BYTES", 500)
    assert_geodataframe_equal(read(scene, tmp_path).data["buildings"], whole)
    assert len(whole) == 8


def test_a_large_file_keeps_its_node_locations_on_disk(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.square(0.01, 0.01, building="yes")
    scene.relation([("w", scene.square(0.02, 0.02), "outer")], type="multipolygon", landuse="grass")
    monkeypatch.setattr("pipeline.extract.osm.reader._LARGE_BYTES", 0)
    tables = read(scene, tmp_path).data
    assert (len(tables["buildings"]), len(tables["landuse"])) == (1, 1)


def test_objects_are_whole_and_hazards_are_looked_for_beyond_the_area(scene: Scene, tmp_path: Path) -> None:
    across = scene.square(-0.001, 0.05, size=0.002, landuse="grass")
    around = scene.square(-1, -1, size=2, landuse="forest")
    near = scene.square(-0.005, 0.05, landuse="cemetery")
    far = scene.square(-0.05, 0.05, landuse="cemetery")
    corner = scene.way([(-0.01, 0.095), (0.01, 0.115)], highway="primary")
    passing = scene.way([(-0.02, 0.09), (0.01, 0.125)], highway="primary")
    tables = read(scene, tmp_path).data
    assert ids(tables["landuse"]) == [f"way/{across}", f"way/{around}"]
    assert shapely.area(tables["landuse"].geometry.to_numpy()).tolist() == pytest.approx([0.002**2, 4.0])
    assert ids(tables["hazard:cemetery"]) == [f"way/{near}"]
    assert ids(tables["roads"]) == []
    assert far
    assert corner
    assert passing


def test_overlapping_files_give_each_object_once_in_its_highest_version(tmp_path: Path) -> None:
    old, new = Scene(), Scene()
    for scene in (old, new):
        scene.square(0.01, 0.01, building="yes", name="old" if scene is old else "new")
    new.ways[0].version = 2
    new.square(0.02, 0.01, building="yes")
    paths = [old.write(tmp_path / "old.osm.pbf"), new.write(tmp_path / "new.osm.pbf")]
    first, second = (
        osm.read(order, AREA, LAYERS, REACH_M).data["buildings"].drop(columns="source_id")
        for order in itertools.permutations(paths)
    )
    assert first["name"].tolist()[0] == "new"
    assert ids(first) == ["way/1", "way/2"]
    assert_geodataframe_equal(first, second)


def test_xml_pbf_and_overpass_elements_of_the_same_data_give_equal_tables(scene: Scene, tmp_path: Path) -> None:
    scene.square(0.01, 0.01, building="yes", name="Дом")
    scene.way([(0.02, 0.02), (0.03, 0.03)], highway="primary", surface="asphalt")
    outer = scene.square(0.04, 0.04)
    scene.relation([("w", outer, "outer")], type="multipolygon", landuse="cemetery")
    scene.node(0.05, 0.05, place="village", name="Село")
    scene.way([(0, 0), (0.01, 0.01), (0.01, 0), (0, 0.01)], close=True, building="yes")
    from_pbf = read(scene, tmp_path).data
    from_xml = read(scene, tmp_path, "a.osm").data
    elements = scene.elements()
    bare = [{key: item for key, item in element.items() if key != "tags"} for element in elements]
    reply = tmp_path / "reply.json"
    reply.write_text(json.dumps({"elements": [*bare, *reversed(elements)]}))
    overpass_json.write_pbf([reply], tmp_path / "reply.osm.pbf")
    from_overpass = osm.read([tmp_path / "reply.osm.pbf"], AREA, LAYERS, REACH_M).data
    for key in LAYERS:
        assert_geodataframe_equal(from_pbf[key], from_xml[key])
        assert_geodataframe_equal(from_pbf[key], from_overpass[key])


def test_ways_may_stand_before_their_nodes(scene: Scene, tmp_path: Path) -> None:
    scene.square(0.01, 0.01, building="yes")
    with osmium.SimpleWriter(str(tmp_path / "a.osm")) as writer:
        writer.add_way(scene.ways[0])
        for node in reversed(scene.nodes):
            writer.add_node(node)
    assert ids(osm.read([tmp_path / "a.osm"], AREA, LAYERS, REACH_M).data["buildings"]) == ["way/1"]


def test_the_provenance_tells_the_newest_edit_and_the_number_of_objects(scene: Scene, tmp_path: Path) -> None:
    scene.square(0.01, 0.01, building="yes", highway="residential")
    scene.square(0.02, 0.01, building="yes")
    source = read(scene, tmp_path).sources[0]
    assert (source.source_id, source.dataset, source.url) == ("osm/testtown/1", "osm", "a.osm.pbf")
    assert source.version == "2024-05-03T00:00:00Z"
    assert source.features == 2
    assert source.licence == "ODbL-1.0"
    assert source.retrieved_at is None


def test_simulated_input_is_marked_and_carries_no_time(scene: Scene, tmp_path: Path) -> None:
    scene.square(0.01, 0.01, building="yes")
    area = AREA.model_copy(update={"simulated": True})
    source = osm.read([scene.write(tmp_path / "a.osm.pbf")], area, LAYERS, REACH_M).sources[0]
    assert source.simulated
    assert source.retrieved_at is None


def test_any_one_layer_may_be_asked_for_alone(scene: Scene, tmp_path: Path) -> None:
    house = scene.square(0.01, 0.01, building="yes")
    scene.square(0.02, 0.01, landuse="cemetery")
    path = scene.write(tmp_path / "a.osm.pbf")
    extract = osm.read([path], AREA, {"buildings": LAYERS["buildings"]}, 0)
    assert ids(extract.data["buildings"]) == [f"way/{house}"]
    assert extract.sources[0].features == 1
    with pytest.raises(InputError, match="no object of any layer"):
        osm.read([path], AREA, {"roads": LAYERS["roads"]}, 0)


def test_tags_that_the_text_format_escapes_come_back_as_they_were(scene: Scene, tmp_path: Path) -> None:
    name = 'Дом №5, "Ак=Орго" @ 100% / қала\n\t😀 %20%'
    scene.square(0.01, 0.01, building="yes", name=name)
    table = read(scene, tmp_path).data["buildings"]
    assert table["name"].tolist() == [name]


def test_ways_without_a_single_node_belong_nowhere(scene: Scene, tmp_path: Path) -> None:
    house = scene.square(0.01, 0.01, building="yes")
    scene.way([], building="yes")
    scene.way([998, 999], highway="primary")
    scene.square(0.03, 0.01, building="yes")
    tables = read(scene, tmp_path).data
    assert ids(tables["buildings"])[0] == f"way/{house}"
    assert len(tables["buildings"]) == 2
    assert tables["roads"].empty


def test_too_little_room_for_temporary_files_is_said_before_it_runs_out(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.square(0.01, 0.01, building="yes")
    monkeypatch.setattr("pipeline.extract.osm.reader._COPY_FACTOR", 2**60)
    with pytest.raises(RunError, match=r"no room left on the disk .* make room"):
        read(scene, tmp_path)


def test_an_overlong_name_is_cut_and_counted(scene: Scene, tmp_path: Path) -> None:
    scene.square(0.01, 0.01, building="yes", name="x" * 400)
    extract = read(scene, tmp_path)
    assert extract.data["buildings"]["name"].str.len().tolist() == [255]
    assert notices(extract) == {"a name is longer than 255 characters and was cut": 1}


def test_no_input_files_give_empty_tables() -> None:
    extract = osm.read([], AREA, LAYERS, REACH_M)
    assert all(table.empty for table in extract.data.values())
    assert extract.sources == []


def _truncated(folder: Path) -> Path:
    scene = Scene()
    for index in range(500):
        scene.square(0.0001 * index, 0.01, building="yes")
    path = scene.write(folder / "cut.osm.pbf")
    path.write_bytes(path.read_bytes()[:-100])
    return path


def _empty(folder: Path) -> Path:
    return Scene().write(folder / "empty.osm.pbf")


def _zero_bytes(folder: Path) -> Path:
    path = folder / "zero.osm.pbf"
    path.touch()
    return path


def _page(folder: Path) -> Path:
    path = folder / "page.osm.pbf"
    path.write_text("<!DOCTYPE html><html><body>Not found</body></html>")
    return path


def _page_as_xml(folder: Path) -> Path:
    path = folder / "page.osm"
    path.write_text("<!DOCTYPE html><html><body>Not found</body></html>")
    return path


def _unknown_suffix(folder: Path) -> Path:
    path = folder / "data.docx"
    path.write_bytes(b"PK")
    return path


def _elsewhere(folder: Path) -> Path:
    scene = Scene()
    scene.square(3, 3, building="yes")
    return scene.write(folder / "elsewhere.osm.pbf")


def _history(folder: Path) -> Path:
    path = folder / "history.osh"
    path.write_text('<?xml version="1.0"?><osm version="0.6"><node id="1" version="1" lat="42" lon="74"/></osm>')
    return path


def _endless_name(folder: Path) -> Path:
    scene = Scene()
    scene.square(0.01, 0.01, building="yes")
    path = scene.write(folder / "name.osm")
    path.write_text(path.read_text().replace('v="yes"', f'v="{"x" * 10_000}"'))
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: folder / "none.osm.pbf", "There is no file"),
        (lambda folder: folder, "holds no vector data that is known here"),
        (_truncated, "cannot be read as OpenStreetMap data"),
        (_empty, "without a single object"),
        (_zero_bytes, "cannot be read as OpenStreetMap data"),
        (_page, "cannot be read as OpenStreetMap data"),
        (_page_as_xml, "cannot be read as OpenStreetMap data"),
        (_unknown_suffix, "cannot be read as OpenStreetMap data"),
        (_elsewhere, "no object of any layer lies within the bbox"),
        (_history, "is a history file"),
        (_endless_name, "cannot be read as OpenStreetMap data .OSM tag value is too long"),
    ],
)
def test_an_unusable_file_is_refused_in_one_sentence_that_names_it(
    make: Callable[[Path], Path], reason: str, tmp_path: Path
) -> None:
    path = make(tmp_path)
    with pytest.raises(InputError, match=reason) as caught:
        osm.read([path], AREA, LAYERS, REACH_M)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert caught.value.exit_code == 2


def test_one_file_elsewhere_beside_a_good_one_is_a_notice(scene: Scene, tmp_path: Path) -> None:
    scene.square(0.01, 0.01, building="yes")
    extract = osm.read([scene.write(tmp_path / "a.osm.pbf"), _elsewhere(tmp_path)], AREA, LAYERS, REACH_M)
    assert [(notice.where, notice.what) for notice in extract.notices] == [
        ("elsewhere.osm.pbf", "holds nothing that testtown asks for, near its bbox")
    ]
