"""OpenStreetMap files as JOSM, Overpass, osmium and ogr2osm write them: the same scene, whoever wrote it."""

from __future__ import annotations

import bz2
import gzip
import json
from typing import TYPE_CHECKING, Any

import osmium
import pytest
import shapely

from pipeline.errors import InputError
from pipeline.extract import osm
from tests.extract.osm_files import AREA, LAYERS, Scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def scene() -> Scene:
    """Two houses, a cemetery with a hole, a road."""
    scene = Scene()
    scene.square(0.01, 0.01, building="house")
    scene.square(0.02, 0.01, building="house", name="Мектеп & <школа>")
    outer, hole = scene.square(0.04, 0.04, 0.01), scene.square(0.043, 0.043)
    scene.relation([("w", outer, "outer"), ("w", hole, "inner")], type="multipolygon", landuse="cemetery")
    scene.way([(0, 0), (0.09, 0.09)], highway="primary")
    return scene


def table(extract: Any, layer: str = "buildings") -> list[tuple[str, str]]:
    frame = extract.data[layer]
    shapes = shapely.to_wkt(shapely.normalize(frame.geometry.to_numpy()), rounding_precision=6)
    return sorted(zip(frame["osm_id"].str.replace("/-", "/"), shapes, strict=True))


def read(path: Path) -> Any:
    return osm.read([path], AREA, LAYERS, 0)


def counted(extract: Any) -> dict[str, int]:
    return {notice.what: notice.count for notice in extract.notices}


def xml(scene: Scene, *, sign: str = "", quote: str = '"', places: bool = False, more: str = "") -> str:
    """Return the scene as XML of another maker."""
    where = {node.id: node.location for node in scene.nodes}

    def tags(item: Any) -> str:
        escape = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
        return "".join(f'<tag k="{key}" v="{value.translate(escape)}"/>' for key, value in item.tags.items())

    def nd(ref: int) -> str:
        lon, lat = where[ref]
        return f'<nd ref="{sign}{ref}"' + (f' lat="{lat}" lon="{lon}"' if places else "") + "/>"

    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<osm version="0.6" generator="test">']
    if not places:
        lines += [f'<node id="{sign}{n.id}" lon="{n.location[0]}" lat="{n.location[1]}"/>' for n in scene.nodes]
    for way in scene.ways:
        lines.append(f'<way id="{sign}{way.id}" visible="true">{"".join(map(nd, way.nodes))}{tags(way)}</way>')
    for item in scene.relations:
        members = "".join(f'<member type="way" ref="{sign}{ref}" role="{role}"/>' for _, ref, role in item.members)
        lines.append(f'<relation id="{sign}{item.id}">{members}{tags(item)}</relation>')
    return "\n".join([*lines, more, "</osm>"]).replace('"', quote)


def overpass(scene: Scene, *, geometry: bool = False, **more: Any) -> str:
    where = {node.id: {"lon": node.location[0], "lat": node.location[1]} for node in scene.nodes}
    elements = scene.elements()
    if geometry:
        elements = [item for item in elements if item["type"] != "node"]
        lines = {item["id"]: [where[ref] for ref in item["nodes"]] for item in elements if item["type"] == "way"}
        for item in elements:
            if item["type"] == "way":
                item["geometry"] = lines[item["id"]]
        for item in elements:
            for member in item.get("members", ()):
                member["geometry"] = lines[member["ref"]]
        elements = [item for item in elements if item["type"] == "relation" or item["tags"]]
    return json.dumps({"version": 0.6, "elements": elements, **more}, ensure_ascii=False)


def _negative_pbf(scene: Scene, path: Path) -> None:
    for item in (*scene.nodes, *scene.ways, *scene.relations):
        item.id = -item.id
    for way in scene.ways:
        way.nodes = [-ref for ref in way.nodes]
    for relation in scene.relations:
        relation.members = [(kind, -ref, role) for kind, ref, role in relation.members]
    scene.write(path)


def _with_places_on_ways(scene: Scene, path: Path) -> None:
    plain = scene.write(path.with_name("plain.osm.pbf"))
    file = osmium.io.File(str(path), "pbf,locations_on_ways=true")
    with osmium.SimpleWriter(file, overwrite=True) as writer:
        for item in osmium.FileProcessor(plain).with_locations():
            if not item.is_node():
                writer.add(item)


def _ways_first(scene: Scene, path: Path) -> None:
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for item in scene.ways:
            writer.add_way(item)
        for item in scene.nodes:
            writer.add_node(item)
        for item in scene.relations:
            writer.add_relation(item)


MAKERS: dict[str, Callable[[Scene, Path], object]] = {
    "josm.osm": lambda scene, path: path.write_text(xml(scene, sign="-", quote="'"), encoding="utf-8"),
    "josm.osm.gz": lambda scene, path: path.write_bytes(gzip.compress(xml(scene, sign="-").encode())),
    "josm.osm.bz2": lambda scene, path: path.write_bytes(bz2.compress(xml(scene, sign="-").encode())),
    "geom.osm": lambda scene, path: path.write_text(xml(scene, places=True), encoding="utf-8"),
    "export.json": lambda scene, path: path.write_text(overpass(scene), encoding="utf-8"),
    "geom.json": lambda scene, path: path.write_text(overpass(scene, geometry=True), encoding="utf-8-sig"),
    "negative.osm.pbf": _negative_pbf,
    "places.osm.pbf": _with_places_on_ways,
    "ways_first.osm": _ways_first,
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_scene_is_the_same_whoever_wrote_it(name: str, scene: Scene, tmp_path: Path) -> None:
    expected = read(scene.write(tmp_path / "reference.osm.pbf"))
    MAKERS[name](scene, tmp_path / name)
    extract = read(tmp_path / name)
    for layer in ("buildings", "roads", "landuse", "hazard:cemetery"):
        assert table(extract, layer) == table(expected, layer), layer
    assert extract.data["buildings"]["name"].dropna().tolist() == ["Мектеп & <школа>"]


@pytest.mark.parametrize("mark", ['action="delete"', "action='delete'", 'visible="false"'])
def test_what_is_deleted_is_not_there(mark: str, scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "a.osm"
    path.write_text(xml(scene).replace('<way id="1" visible="true"', f'<way id="1" {mark}'), encoding="utf-8")
    assert read(path).data["buildings"]["osm_id"].tolist() == ["way/2"]


@pytest.mark.parametrize("suffix", ["osm", "json"])
def test_a_reply_that_was_cut_by_its_server_is_refused(suffix: str, scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    remark = 'runtime error: Query timed out in "recurse" at line 5 after 26 seconds.'
    text = xml(scene, more=f"<remark> {remark} </remark>") if suffix == "osm" else overpass(scene, remark=remark)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"gave up in the middle.*timed out"):
        read(path)


def test_ways_without_any_node_are_refused_or_counted(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "a.osm"
    whole = xml(scene)
    path.write_text("\n".join(line for line in whole.splitlines() if "<node" not in line), encoding="utf-8")
    with pytest.raises(InputError, match=r"3 ways .* none of them a node"):
        read(path)
    first = {f'<node id="{node.id}"' for node in scene.nodes[:4]}
    kept = (line for line in whole.splitlines() if not any(line.startswith(node) for node in first))
    path.write_text("\n".join(kept), encoding="utf-8")
    extract = read(path)
    assert extract.data["buildings"]["osm_id"].tolist() == ["way/2"]
    lacking = "a way refers to nodes that are not in the file: an outline was dropped, a line kept in part"
    assert counted(extract)[lacking] == 1


def test_json_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"type": "Topology"}', encoding="utf-8")
    with pytest.raises(InputError, match="without elements"):
        read(path)


@pytest.mark.parametrize("style", ["repeated", "old"])
def test_houses_in_the_hole_of_a_multipolygon_are_outside(style: str, tmp_path: Path) -> None:
    scene = Scene()
    outer, hole = scene.square(0.01, 0.01, 0.02, landuse="cemetery"), scene.square(0.015, 0.015, 0.01)
    own = {"landuse": "cemetery"} if style == "repeated" else {"created_by": "Potlatch"}
    scene.relation([("w", outer, "outer"), ("w", hole, "inner")], type="multipolygon", **own)
    house = scene.square(0.019, 0.019, building="house")
    extract = read(scene.write(tmp_path / "a.osm.pbf"))
    graves, houses = extract.data["hazard:cemetery"], extract.data["buildings"]
    assert graves["osm_id"].tolist() == ["relation/1"]
    assert houses["osm_id"].tolist() == [f"way/{house}"]
    assert not graves.geometry[0].intersects(houses.geometry[0])
    assert shapely.area(graves.geometry[0]) == pytest.approx(0.02**2 - 0.01**2)


def test_an_outer_way_with_a_name_of_its_own_stays_a_place_of_its_own(tmp_path: Path) -> None:
    scene = Scene()
    outer = scene.square(0.01, 0.01, 0.02, landuse="grass", name="Old")
    scene.relation([("w", outer, "outer")], type="multipolygon", landuse="forest", name="Wood")
    extract = read(scene.write(tmp_path / "a.osm.pbf"))
    assert extract.data["landuse"]["osm_id"].tolist() == ["way/1", "relation/1"]


def test_a_file_that_says_to_cover_less_is_noticed(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "a.osm"
    bounds = '<bounds minlat="42.0" minlon="74.0" maxlat="42.1" maxlon="74.05"/>'
    path.write_text(xml(scene).replace('generator="test">', f'generator="test">{bounds}'), encoding="utf-8")
    assert any("cover 50%" in what for what in counted(read(path)))
