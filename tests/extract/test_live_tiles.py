"""Tile arithmetic, against tiles that are known from published file lists and from the projection itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from pipeline.config import Area, Live, Names
from pipeline.declared import catalogue
from pipeline.extract import registry
from pipeline.extract.ghsl import grid
from pipeline.extract.microsoft.quadkeys import quadkey, quadkeys
from pipeline.extract.raster_tiles.tiled import RasterTiles
from pipeline.extract.source import NotCoveredError
from pipeline.extract.wsf.source import corners
from pipeline.geometry.bbox import split

BISHKEK = (74.30, 42.70, 74.85, 43.10)
OSH = (72.66, 40.43, 72.94, 40.66)
ALMATY = (76.70, 43.10, 77.14, 43.46)
ASTANA = (71.15, 50.95, 71.80, 51.33)


def _area(bbox: tuple[float, float, float, float], country: str = "KG") -> Area:
    return Area(area_id="here", country=country, bbox=bbox, name=Names(en="Here"))


def test_ghsl_tiles_of_the_four_cities() -> None:
    assert grid.tiles(BISHKEK) == [(4, 25)]
    assert grid.tiles(ALMATY) == [(4, 25)]
    assert grid.tiles(OSH) == [(5, 25)]
    assert grid.tiles(ASTANA) == [(3, 24), (4, 24)]


def test_ghsl_tiles_known_from_published_names() -> None:
    assert grid.tiles((-51.85, 3.83, -51.80, 3.87)) == [(9, 13)]
    assert (7, 12) not in grid.tiles((-51.85, 3.83, -51.80, 3.87))


def test_astana_changes_the_tile_at_its_edge() -> None:
    assert grid.tiles((71.3, 51.0, 71.5, 51.2)) == [(4, 24)]
    assert grid.tiles((71.3, 51.23, 71.5, 51.3)) == [(3, 24)]


def test_corners_and_their_edges() -> None:
    assert corners(BISHKEK, 2) == [(74, 42)]
    assert corners((74.0, 42.0, 76.0, 44.0), 2) == [(74, 42)]
    assert corners((-0.5, -0.5, 0.5, 0.5), 2) == [(-2, -2), (0, -2), (-2, 0), (0, 0)]


def test_quadkeys_follow_the_published_example() -> None:
    # Tile (3, 5) of zoom 3 is quadkey 213, says the description of the tile system.
    assert quadkey(3, 5, 3) == "213"


def test_quadkeys_of_a_city() -> None:
    keys = quadkeys(BISHKEK)
    assert len(keys) == len(set(keys))
    assert all(len(key) == 9 and key.startswith("121323") for key in keys)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-170, 170),
    st.floats(-70, 70),
    st.floats(0.01, 2.9),
    st.floats(0.01, 2.9),
    st.sampled_from([0.15, 0.4, 1]),
)
def test_parts_fill_the_bbox_without_overlap(
    west: float, south: float, width: float, height: float, size: float
) -> None:
    bbox = (west, south, west + width, south + height)
    parts = [box(*part) for part in split(bbox, size)]
    assert sum(part.area for part in parts) == pytest.approx(box(*bbox).area)
    assert all(part.bounds[2] - part.bounds[0] <= size * 1.000001 for part in parts)


@settings(max_examples=60, deadline=None)
@given(st.floats(-170, 170), st.floats(-70, 70), st.floats(0.01, 2.9), st.floats(0.01, 2.9))
def test_tiles_of_whole_degrees_cover_the_bbox(west: float, south: float, width: float, height: float) -> None:
    bbox = (west, south, west + width, south + height)
    covered = [box(lon, lat, lon + 2, lat + 2) for lon, lat in corners(bbox, 2)]
    assert sum(tile.intersection(box(*bbox)).area for tile in covered) == pytest.approx(box(*bbox).area)


SOURCES = registry.sources(catalogue.default())


@pytest.mark.parametrize("name", [name for name, source in SOURCES.items() if isinstance(source, RasterTiles)])
def test_addresses_are_complete(name: str) -> None:
    source = SOURCES[name]
    assert isinstance(source, RasterTiles)
    for year in source.epochs:
        for mirrors in source.addresses(_area(ASTANA, "KZ"), year):
            assert all(url.startswith("https://") and "{" not in url and "None" not in url for url in mirrors)


def test_addresses_as_published() -> None:
    built_up, onset = SOURCES["ghs_built_s"], SOURCES["wsf_evolution"]
    assert isinstance(built_up, RasterTiles)
    assert isinstance(onset, RasterTiles)
    (first, _) = built_up.addresses(_area(ASTANA), 1990)
    assert first[0].endswith("/V1-0/tiles/GHS_BUILT_S_E1990_GLOBE_R2023A_54009_100_V1_0_R3_C24.zip")
    (wsf,) = onset.addresses(_area(OSH))
    assert wsf[0].endswith("/WSFevolution_v1_72_40/WSFevolution_v1_72_40.tif")
    assert wsf[1].endswith("/files/WSFevolution_v1_72_40.tif")


def test_a_country_that_is_not_covered_is_refused() -> None:
    with pytest.raises(NotCoveredError, match="no file for country FR"):
        SOURCES["worldpop"].plan(_area(BISHKEK, "FR"), Live())
