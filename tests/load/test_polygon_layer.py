"""Polygons in tiles, read back by a decoder that is not ours: nothing is lost, nothing moves by more than a unit."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import mapbox_vector_tile
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pmtiles.reader import MmapSource, Reader, all_tiles
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer
from shapely import affinity

from pipeline.load.planner_map import archive
from pipeline.load.planner_map.polygon_layer import EXTENT, MAX_ZOOM, PolygonLayer, TileLayer, _varints

if TYPE_CHECKING:
    from pathlib import Path

BISHKEK = (74.59, 42.87)
DEGREE_PER_UNIT = 360 / 2**14 / EXTENT


def _layer(polygons: list[Any], **columns: list[str | None]) -> PolygonLayer:
    shapes = np.array(polygons, dtype=object)
    return PolygonLayer("buildings", shapes, np.arange(1, len(shapes) + 1), pd.DataFrame(columns, range(len(shapes))))


def _features(layer: PolygonLayer, zoom: int) -> list[tuple[tuple[int, int], dict[str, Any]]]:
    return [(tile, feature) for tile, made in layer.tiles(zoom).items() for feature in _decode(made)["features"]]


def _decode(made: TileLayer, keep: int | None = None) -> dict[str, Any]:
    decoded = mapbox_vector_tile.decode(made.message(keep), default_options={"y_coord_down": True})
    layer = decoded["buildings"]
    assert (layer["extent"], layer["version"]) == (EXTENT, 2)
    return dict(layer)


def _on_grid(shape: shapely.Geometry, zoom: int) -> shapely.Geometry:
    """Project as the textbook does (EPSG:3857), in units of the grid."""
    scale = EXTENT * 2**zoom
    lon, lat = shapely.get_coordinates(shape).T
    x = (lon + 180) / 360 * scale
    y = (1 - np.log(np.tan(np.pi / 4 + np.radians(lat) / 2)) / np.pi) / 2 * scale
    return shapely.set_coordinates(affinity.translate(shape), np.column_stack([x, y]))


def _drawn(tile: tuple[int, int], feature: dict[str, Any]) -> shapely.Geometry:
    return affinity.translate(shapely.geometry.shape(feature["geometry"]), tile[0] * EXTENT, tile[1] * EXTENT)


@st.composite
def houses(draw: st.DrawFn) -> shapely.Geometry:
    """A turned rectangle of 1 to 200 units, perhaps with a courtyard, perhaps in two parts, wherever it falls."""
    lon, lat = BISHKEK[0] + draw(st.floats(-0.05, 0.05)), BISHKEK[1] + draw(st.floats(-0.05, 0.05))
    wide = draw(st.floats(1, 200))
    tall = wide * draw(st.floats(0.3, 1))
    shape: shapely.Geometry = shapely.box(0, 0, wide, tall)
    if draw(st.booleans()):
        shape = shape.difference(shapely.box(wide / 3, tall / 3, wide / 2, tall / 2))
    if draw(st.booleans()):
        shape = shapely.MultiPolygon([shape, affinity.translate(shape, wide * 1.5, 3)])
    if draw(st.booleans()):
        shape = shape.reverse()
    turned = affinity.rotate(shape, draw(st.floats(0, 90)), origin=(0, 0))
    return affinity.translate(affinity.scale(turned, DEGREE_PER_UNIT, DEGREE_PER_UNIT, origin=(0, 0)), lon, lat)


@settings(max_examples=60, deadline=None)
@given(st.lists(houses(), min_size=1, max_size=12), st.integers(12, 15))
def test_what_is_decoded_is_what_was_given(shapes: list[shapely.Geometry], zoom: int) -> None:
    zones = [("landfill", "Кладбище", None)[number % 3] for number in range(len(shapes))]
    kinds = [None if number % 2 else "house" for number in range(len(shapes))]
    layer = _layer(shapes, zone=zones, kind=kinds)
    seen: dict[int, set[tuple[int, int]]] = {number: set() for number in range(1, len(shapes) + 1)}
    for tile, feature in _features(layer, zoom):
        number = feature["id"] - 1
        seen[feature["id"]].add(tile)
        told = {"zone": zones[number], "kind": kinds[number]}
        assert feature["properties"] == {key: value for key, value in told.items() if value is not None}
        expected = _on_grid(shapes[number], zoom)
        moved = shapely.make_valid(_drawn(tile, feature)).symmetric_difference(expected)
        assert moved.area < expected.length + 2, "an edge moved by more than a unit"
    for number, shape in enumerate(shapes, start=1):
        west, north, east, south = np.array(_on_grid(shape, zoom).bounds) // EXTENT
        met = {(x, y) for x in range(int(west), int(east) + 1) for y in range(int(north), int(south) + 1)}
        assert met <= seen[number]


@settings(max_examples=60, deadline=None)
@given(houses())
def test_outer_rings_turn_one_way_and_holes_the_other(shape: shapely.Geometry) -> None:
    """As the format asks; it is how a reader tells a courtyard from a second part."""
    for _, feature in _features(_layer([shape]), 15):
        for polygon in shapely.get_parts(shapely.geometry.shape(feature["geometry"])):
            signs = [shapely.is_ccw(ring) for ring in shapely.get_rings(polygon)]
            assert signs == [True] + [False] * (len(signs) - 1)


def test_what_is_smaller_than_the_grid_is_still_there() -> None:
    speck = affinity.scale(shapely.Point(BISHKEK).buffer(1, quad_segs=2), 1e-8, 1e-8)
    sliver = shapely.box(BISHKEK[0], BISHKEK[1], BISHKEK[0] + 1e-3, BISHKEK[1] + 1e-9)
    drawn = {feature["id"]: _drawn(tile, feature) for tile, feature in _features(_layer([speck, sliver]), 14)}
    assert drawn.keys() == {1, 2}
    assert all(shape.area == 1 for shape in drawn.values())


def test_what_is_larger_than_a_tile_is_cut_to_the_tiles_that_it_meets() -> None:
    ring = shapely.Point(BISHKEK).buffer(0.08).difference(shapely.Point(BISHKEK).buffer(0.05))
    layer = _layer([shapely.box(*BISHKEK, BISHKEK[0] + 1e-4, BISHKEK[1] + 1e-4), ring], zone=["landfill", "railway"])
    pieces = [(tile, _drawn(tile, feature)) for tile, feature in _features(layer, 14) if feature["id"] == 2]
    for (x, y), piece in pieces:
        room = shapely.box(x * EXTENT, y * EXTENT, (x + 1) * EXTENT, (y + 1) * EXTENT).buffer(81, join_style="mitre")
        assert room.covers(piece)
    whole = shapely.union_all([piece.buffer(1) for _, piece in pieces])
    expected = _on_grid(ring, 14)
    assert whole.symmetric_difference(expected).area < 3 * expected.length
    assert (12000, 6000) not in dict(pieces)


def test_missing_and_empty_shapes_are_left_out() -> None:
    house = shapely.box(*BISHKEK, BISHKEK[0] + 1e-4, BISHKEK[1] + 1e-4)
    layer = _layer([None, house, shapely.Polygon()], zone=["a", "b", "c"])
    assert [(f["id"], f["properties"]) for _, f in _features(layer, 14)] == [(2, {"zone": "b"})]
    assert _layer([], zone=[]).tiles(14) == {}


def test_many_values_and_no_columns() -> None:
    house = shapely.box(*BISHKEK, BISHKEK[0] + 1e-4, BISHKEK[1] + 1e-4)
    many = [f"value {number}" for number in range(300)]
    told = {f["id"]: f["properties"]["zone"] for _, f in _features(_layer([house] * 300, zone=many), 14)}
    assert told == dict(enumerate(many, start=1))
    assert [f["properties"] for _, f in _features(_layer([house]), 14)] == [{}]


@given(st.lists(st.integers(0, 2**35 - 1)))
def test_varints_by_the_rule(values: list[int]) -> None:
    stream, widths = _varints(np.array(values, dtype=np.int64))
    data, read = stream.tobytes(), []
    for width in widths:
        own, data = data[:width], data[width:]
        assert [byte >> 7 for byte in own] == [1] * (width - 1) + [0]
        read.append(sum((byte & 127) << 7 * rank for rank, byte in enumerate(own)))
    assert (read, data) == (values, b"")


def _empty_archive(path: Path, deepest: int) -> Path:
    """Write an archive of one tile with nothing in it, as tippecanoe would."""
    with path.open("wb") as file:
        writer = Writer(file)
        writer.write_tile(zxy_to_tileid(deepest, 0, 0), gzip.compress(b"", mtime=0))
        bounds = dict.fromkeys(["min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7", "center_lon_e7"], 0)
        header = {"tile_type": TileType.MVT, "tile_compression": Compression.GZIP, "center_zoom": 0, "center_lat_e7": 0}
        writer.finalize(header | bounds, {"vector_layers": []})
    return path


def _crowd(count: int, spread: float) -> PolygonLayer:
    rng = np.random.default_rng(1)
    corner = np.array(BISHKEK) + rng.uniform(0, spread, (count, 2))
    far = corner + rng.uniform(5e-5, 2e-4, (count, 2))
    return _layer(list(shapely.box(*corner.T, *far.T)))


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> int:
    """A limit that a crowd of 6,000 reaches, as 60,000 do the real one."""
    monkeypatch.setattr(archive, "MAX_TILE_BYTES", 20_000)
    return 20_000


def test_a_crowded_tile_shows_its_largest_and_the_deepest_zoom_all(tmp_path: Path, limit: int) -> None:
    layer = _crowd(6_000, 0.06)
    assert archive.join(_empty_archive(tmp_path / "o", 14), layer, 12, tmp_path / "out") is None
    found: dict[int, set[int]] = {}
    with (tmp_path / "out").open("rb") as file:
        for (zoom, _, _), data in all_tiles(MmapSource(file)):
            assert len(data) <= limit
            for feature in mapbox_vector_tile.decode(gzip.decompress(data)).get("buildings", {}).get("features", []):
                found.setdefault(zoom, set()).add(feature["id"])
        metadata = Reader(MmapSource(file)).metadata()
    assert found[14] == set(range(1, 6_001))
    assert 3_000 < len(found[12]) < 6_000
    assert metadata["vector_layers"] == [{"id": "buildings", "minzoom": 12, "maxzoom": 14, "fields": {}}]
    sizes = {
        number: size for made in layer.tiles(14).values() for number, size in zip(_ids(made), made.sizes, strict=True)
    }
    assert np.mean([sizes[number] for number in found[12]]) > np.mean(list(sizes.values()))


def _ids(made: TileLayer) -> list[int]:
    return [feature["id"] for feature in _decode(made)["features"]]


def test_a_tile_too_large_at_the_deepest_zoom_asks_for_a_deeper_one(tmp_path: Path, limit: int) -> None:
    layer = _crowd(6_000, 0.005)
    assert archive.join(_empty_archive(tmp_path / "o", 14), layer, 12, tmp_path / "out") == 15, limit
    assert archive.join(_empty_archive(tmp_path / "o", MAX_ZOOM), layer, 12, tmp_path / "out") is None


def test_one_of_many_is_kept_by_size() -> None:
    small = shapely.box(*BISHKEK, BISHKEK[0] + 1e-4, BISHKEK[1] + 1e-4)
    large = shapely.box(*BISHKEK, BISHKEK[0] + 2e-4, BISHKEK[1] + 2e-4)
    (made,) = _layer([small, large, small], zone=["a", "b", "a"]).tiles(14).values()
    assert [f["id"] for f in _decode(made, keep=1)["features"]] == [2]
    assert [f["id"] for f in _decode(made, keep=2)["features"]] == [1, 2]
