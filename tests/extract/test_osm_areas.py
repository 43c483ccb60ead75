"""The reader of OpenStreetMap files against pyosmium's own areas: on a real extract, and on rings of any shape."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import osmium
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import Area
from pipeline.declared import catalogue
from pipeline.extract import osm
from pipeline.geometry.polygon_validity import convex_rings, valid_areas
from tests.extract.osm_files import AREA, LAYERS, Scene

REAL = Path(__file__).parents[3] / "shared" / "data" / "almaty_2012-03.osm.pbf"
needs_real = pytest.mark.skipif(not REAL.is_file(), reason="the real extract of Almaty is not here (../shared/data)")
ALMATY = Area(area_id="almaty", country="KZ", bbox=(76.575, 43.057, 77.223, 43.549), name={"en": "Almaty"})
EVERYWHERE = ALMATY.model_copy(update={"bbox": (75.5, 42.0, 78.2, 44.5)})


def areas_of_pyosmium(path: Path, *keys: str) -> dict[str, tuple[dict[str, str], shapely.Geometry]]:
    """Return tags and geometry of every area that libosmium builds, by object."""
    wkb = osmium.geom.WKBFactory()
    found = {}
    processor = osmium.FileProcessor(path).with_areas().with_filter(osmium.filter.KeyFilter(*keys))
    for item in processor:
        if item.is_area() and item.num_rings()[0]:
            kind = "way" if item.from_way() else "relation"
            shape = shapely.from_wkb(wkb.create_multipolygon(item))
            found[f"{kind}/{item.orig_id()}"] = (dict(item.tags), shape)
    return found


@needs_real
@pytest.mark.parametrize("key", ["buildings", "landuse", "green", "water", "hazard:cemetery", "hazard:landfill"])
def test_the_real_extract_equals_the_areas_of_pyosmium_object_by_object(key: str) -> None:
    layers = catalogue.default().osm_layers
    extract = osm.read([REAL], EVERYWHERE, layers, 0)
    table = extract.data[key].set_index("osm_id")
    expected = {
        osm_id: (tags, shape)
        for osm_id, (tags, shape) in areas_of_pyosmium(REAL, "building", "landuse", "natural", "leisure").items()
        if layers[key].matches(tags) and tags.get("area") != "no"
    }
    repaired = set(table.index) - set(expected)
    # libosmium reads an outer way that repeats its relation's tags twice, and relations without tags not at all.
    left_to_relations = set(expected) - set(table.index)
    for osm_id in left_to_relations:
        assert osm_id.startswith("way/")
        over = table.geometry[table.index.str.startswith("relation/")]
        ring = expected[osm_id][1].boundary
        assert over.boundary.covers(ring).any() or over.boundary.union_all().covers(ring), osm_id
        del expected[osm_id]
    assert len(left_to_relations) <= sum(notice.count for notice in extract.notices if "repeats" in notice.what)
    repaired -= {osm_id for osm_id in repaired if osm_id.startswith("relation/")}
    assert len(repaired) <= sum(notice.count for notice in extract.notices if "repaired" in notice.what)
    assert expected
    for osm_id, (tags, shape) in expected.items():
        row = table.loc[osm_id]
        assert shapely.equals(row.geometry, shape), osm_id
        assert len(shapely.get_coordinates(row.geometry)) == len(shapely.get_coordinates(shape)), osm_id
        for attribute in layers[key].attributes:
            value = row[attribute]
            assert (value if isinstance(value, str) else None) == tags.get(attribute)
        assert (row["name"] if isinstance(row["name"], str) else None) == tags.get("name")


@needs_real
def test_the_real_extract_holds_what_its_description_says() -> None:
    extract = osm.read([REAL], ALMATY, catalogue.default().osm_layers, catalogue.default().reach_m)
    assert len(extract.data["buildings"]) == 8201  # and ten nodes, which have no outline
    assert len(extract.data["hazard:landfill"]) == 1
    assert len(extract.data["hazard:cemetery"]) == 6
    assert len(extract.data["hazard:runway_strip"]) >= 1
    assert extract.sources[0].version.startswith("2012-03-13")
    counted = {notice.what: notice.count for notice in extract.notices}
    assert counted["an outline crosses or touches itself and was repaired"] == 2
    for table in extract.data.values():
        assert table.is_valid.all()
        assert not table.is_empty.any()
        assert table["osm_id"].is_unique


coordinates = st.integers(0, 6).map(lambda step: 0.02 + step / 100)
rings = st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=9)


@settings(max_examples=50, deadline=None)
@given(st.lists(rings, min_size=1, max_size=8))
def test_rings_of_any_shape_are_as_pyosmium_builds_them_or_repaired_or_dropped(shapes: list[list]) -> None:
    scene = Scene()
    scene.square(0.09, 0.09, building="yes")
    for ring in shapes:
        scene.way(list(ring), close=True, building="yes")
    with tempfile.TemporaryDirectory() as folder:
        path = scene.write(Path(folder) / "a.osm.pbf")
        extract = osm.read([path], AREA, LAYERS, 0)
        expected = areas_of_pyosmium(path, "building")
    table = extract.data["buildings"].set_index("osm_id")
    assert shapely.is_valid(table.geometry.to_numpy()).all()
    assert (shapely.area(table.geometry.to_numpy()) > 0).all()
    dropped = sum(notice.count for notice in extract.notices if "dropped" in notice.what)
    assert len(table) + dropped == len(shapes) + 1
    plain = [
        osm_id for osm_id, (_, shape) in expected.items() if len(shape.geoms) == 1 and not shape.geoms[0].interiors
    ]
    for osm_id in plain:
        ring = scene.ways[int(osm_id.split("/")[1]) - 1].nodes
        if shapely.is_valid(shapely.Polygon([scene.nodes[ref - 1].location for ref in ring])):
            assert shapely.equals(table.geometry[osm_id], expected[osm_id][1])


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=4, max_size=4))
def test_the_shortcut_for_houses_never_passes_an_invalid_polygon(corners: list[tuple[float, float]]) -> None:
    ring = np.array([*corners, corners[0]])
    polygon = shapely.Polygon(ring)
    result, _, _ = valid_areas(np.array([polygon], dtype=object), convex_rings(ring, np.array([0, len(ring)])))
    assert result[0] is None or shapely.is_valid(result[0])
