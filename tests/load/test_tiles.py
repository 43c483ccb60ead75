"""The tiles: complete at the deepest zoom, small, deterministic, and silent about the machine."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import mapbox_vector_tile
import pandas as pd
import pytest
import shapely
from pmtiles.reader import MmapSource, Reader, all_tiles

from pipeline.load import parquet
from pipeline.load.planner_map import tiles, whatif
from pipeline.load.planner_map.archive import zoom_range
from pipeline.load.public_edition import tiles as public_tiles
from pipeline.schema.public_tables import PUBLIC_TABLES
from tests.load import sample_tables

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def sample() -> sample_tables.Sample:
    return sample_tables.make(2000)


@pytest.fixture(scope="module")
def archive(sample: sample_tables.Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiles") / "bishkek.pmtiles"
    tiles.build(sample.tables, sample.zones, sample.context, path)
    return path


def _decoded(archive: Path, zoom: int) -> list[dict[str, Any]]:
    with archive.open("rb") as file:
        return [
            mapbox_vector_tile.decode(gzip.decompress(data))
            for (z, _, _), data in all_tiles(MmapSource(file))
            if z == zoom
        ]


def _features(archive: Path, zoom: int, layer: str) -> list[dict[str, Any]]:
    return [feature for tile in _decoded(archive, zoom) for feature in tile.get(layer, {}).get("features", [])]


def test_every_building_is_at_every_building_zoom(archive: Path, sample: sample_tables.Sample) -> None:
    numbers = set(range(1, len(sample.tables["buildings"]) + 1))
    for zoom in range(tiles.BUILDING_ZOOM, tiles.MAX_ZOOM + 1):
        assert {feature["id"] for feature in _features(archive, zoom, "buildings")} == numbers
    assert _features(archive, tiles.BUILDING_ZOOM - 1, "buildings") == []


def test_colours_follow_the_nearest_binding_zone(archive: Path, sample: sample_tables.Sample) -> None:
    buildings = whatif.numbered(sample.tables["buildings"])
    zone = tiles.zone_of_buildings(buildings, sample.tables["building_hazards"], sample.tables["red_zone_rules"])
    drawn = {f["id"]: f["properties"].get("zone") for f in _features(archive, tiles.MAX_ZOOM, "buildings")}
    assert drawn == {number + 1: (None if value != value else value) for number, value in zone.items()}  # noqa: PLR0124
    assert {"landfill", "railway"} <= set(zone.dropna())
    assert "aerodrome" not in set(zone), "its rule is advice"


def test_residents_come_before_administrative_limits() -> None:
    buildings = pd.DataFrame({"building_id": ["b"]})
    pairs = pd.DataFrame(
        {
            "building_id": "b",
            "rule_id": ["admin", "advice", "law"],
            "hazard_class": ["military", "fault", "landfill"],
            "distance_m": [0.0, 1.0, 90.0],
            "doubtful": False,
        }
    )
    rules = pd.DataFrame(
        {
            "rule_id": ["admin", "advice", "law"],
            "kind": ["inside", "advisory", "statutory"],
            "concern": ["administrative", "residents", "residents"],
            "distance_m": [0.0, 50.0, 100.0],
        }
    )
    assert list(tiles.zone_of_buildings(buildings, pairs, rules)) == ["landfill"]


def test_no_tile_is_large_and_metadata_are_clean(archive: Path) -> None:
    with archive.open("rb") as file:
        assert max(len(data) for _, data in all_tiles(MmapSource(file))) < 500_000
        metadata = str(Reader(MmapSource(file)).metadata())
    assert "/tmp" not in metadata  # noqa: S108 - the very thing that must not be there
    assert "site-packages" not in metadata
    assert zoom_range(archive) == (tiles.MIN_ZOOM, tiles.MAX_ZOOM)


def test_one_label_for_each_settlement(archive: Path, sample: sample_tables.Sample) -> None:
    labels = {feature["id"] for feature in _features(archive, tiles.MAX_ZOOM, "settlement_labels")}
    assert labels == set(range(1, len(sample.tables["settlements"]) + 1))


def test_silent_cells_are_hatched(archive: Path) -> None:
    found = _features(archive, tiles.MAX_ZOOM, "unmapped")
    assert {feature["properties"]["osm_mapped"] for feature in found} == {True, False}
    assert all(not (feature["properties"]["mapped"] and feature["properties"]["osm_mapped"]) for feature in found)


def test_hostile_names_and_broken_shapes_pass(sample: sample_tables.Sample, tmp_path: Path) -> None:
    places = sample.context["places"].copy()
    places["name"] = ["</script><script>", "\x00", "x" * 10_000, '"\\', "\u202e"] + ["ok"] * (len(places) - 5)
    shapes = [shapely.Polygon(), shapely.Polygon([(74.5, 42.9)] * 4)]
    green = gpd.GeoDataFrame({"leisure": ["park", "park"]}, geometry=shapes, crs="EPSG:4326")
    context = sample.context | {"places": places, "green": green}
    path = tmp_path / "x.pmtiles"
    tiles.build(sample.tables, sample.zones, context, path)
    names = {f["properties"].get("name", "") for f in _features(path, tiles.MAX_ZOOM, "places")}
    assert "</script><script>" in names
    assert max(map(len, names)) == 80


def test_an_area_with_nothing_in_it_shows_its_bounds(tmp_path: Path) -> None:
    area = sample_tables.empty()
    path = tmp_path / "x.pmtiles"
    tiles.build(area.tables, area.zones, area.context, path)
    assert {layer for tile in _decoded(path, tiles.MIN_ZOOM) for layer in tile} == {"area"}


def test_public_tiles_hold_the_rows_of_the_public_tables_and_nothing_else(editions: Path) -> None:
    path = editions / "public" / "novostroiki.pmtiles"
    for name, key in (("grid", "cell_id"), ("settlements", "settlement_id"), ("areas", "area_id")):
        rows = parquet.read(editions / "public" / "tables" / f"{name}.parquet", PUBLIC_TABLES[name])
        shown = rows[rows.geometry.notna()].drop(columns="geometry").set_index(key)
        told = {f["properties"][key]: f["properties"] for f in _features(path, public_tiles.DEEPEST, name)}
        assert told.keys() == set(shown.index) != set()
        for unit, properties in told.items():
            row = shown.loc[unit].dropna()
            assert properties == {key: unit, **row.to_dict()}
    with path.open("rb") as file:
        metadata = Reader(MmapSource(file)).metadata()
    assert {layer["id"] for layer in metadata["vector_layers"]} == set(public_tiles.LAYERS)
    assert "simulated" in metadata["name"]
