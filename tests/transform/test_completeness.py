"""Where people live and nothing is mapped must be said, never taken for empty land."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS

from pipeline.geometry.grid import Grid
from pipeline.geometry.raster import Raster
from pipeline.schema import tables
from pipeline.transform import completeness

if TYPE_CHECKING:
    from collections.abc import Sequence

GRID = Grid.of("town", (74.5, 42.8, 74.7, 43.0))
METRES = CRS.from_proj4("+proj=tmerc +lat_0=42.9 +lon_0=74.6 +k=1 +datum=WGS84 +units=m +no_defs")
BOUNDARY = shapely.box(-5000, -5000, 5000, 5000)


def houses(x: Sequence[float], y: Sequence[float], seen_by: str = "both") -> gpd.GeoDataFrame:
    geometry = [shapely.box(a - 5, b - 5, a + 5, b + 5) for a, b in zip(x, y, strict=True)]
    columns = {"footprint_m2": 100.0, "seen_by": seen_by, "home": True, "settlement_id": None}
    points = gpd.GeoSeries(gpd.points_from_xy(x, y), crs=METRES).to_crs("EPSG:4326")
    frame = gpd.GeoDataFrame(geometry=geometry, crs=METRES).assign(**columns)
    return frame.assign(lon=points.x, lat=points.y)


def layers(
    streets: Sequence[shapely.LineString] = (), residential: Sequence[shapely.Polygon] = ()
) -> dict[str, gpd.GeoDataFrame]:
    def of(key: str, shapes: Sequence[shapely.Geometry]) -> gpd.GeoDataFrame:
        return gpd.GeoDataFrame({key: ["residential"] * len(shapes)}, geometry=list(shapes), crs=METRES)

    return {"roads": of("highway", streets), "landuse": of("landuse", residential)}


def cover(
    buildings: gpd.GeoDataFrame, given: dict[str, gpd.GeoDataFrame], population: Raster | None = None
) -> gpd.GeoDataFrame:
    return completeness.coverage(
        GRID, BOUNDARY, crs=METRES, buildings=buildings, layers=given, population=population, built_up=None
    )


def test_a_street_without_houses_is_inhabited_and_not_mapped() -> None:
    street = shapely.LineString([(100, 100), (100, 480), (300, 480), (300, 100)])
    cells = cover(houses([], []), layers([street]))
    assert cells["inhabited"].all()
    assert not cells["mapped"].any()
    assert cells["streets_m"].sum() == pytest.approx(street.length)


def test_people_let_expect_roofs() -> None:
    raster = Raster(np.full((100, 100), 4.0), Affine(100, 0, -5000, 0, -100, 5000), METRES)
    few = cover(houses([-1000, 1200], [-1000, 1200]), layers(), raster)
    assert few["people"].sum() == pytest.approx(40_000)
    assert not few["mapped"].any(), "100 m² of roof do not house 100 people"
    x, y = np.meshgrid(np.arange(-4950, 5000, 100.0), np.arange(-4950, 5000, 100.0))
    many = cover(houses(x.ravel().tolist(), y.ravel().tolist()), layers(), raster)
    assert many["mapped"].all()


def test_the_outskirts_are_judged_apart_from_the_centre() -> None:
    land = shapely.Point(0, 0).buffer(4500)
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(-4450, 4500, 100.0), np.arange(-4450, 4500, 100.0)))
    near = np.hypot(x, y) < 3400
    cells = cover(houses(x[near].tolist(), y[near].tolist()), layers(residential=[land]))
    rows = completeness.buildings_mapped("town", cells).set_index("measure")
    assert rows.loc["inhabited_mapped_centre", "verdict"] == "complete"
    assert rows.loc["inhabited_mapped_outskirts", "verdict"] == "sparse"
    tables.conform("completeness", rows.reset_index())


def test_every_building_is_in_one_cell_that_says_whose_it_is() -> None:
    """Cells at the edge are told too, but nobody can judge what lies in them beyond the area."""
    raster = Raster(np.full((120, 120), 400.0), Affine(100, 0, -6000, 0, -100, 6000), METRES)
    seen = houses([0, 10, 4995, 5004], [0, 10, 4000, 0]).assign(
        settlement_id=["town/1", None, "town/1", "town/2"], home=[True, False, True, True]
    )
    cells, places = cover(seen, layers(), raster), completeness.cell_settlements(GRID, seen)
    assert cells["buildings"].sum() == places["buildings"].sum() == len(seen)
    assert cells["homes"].sum() == places["homes"].sum() == 3
    assert set(places["cell_id"]) <= set(cells["cell_id"])
    assert set(places["place_id"]) == {"town/1", "town/2", "town/rest"}
    beyond = cells["people"].isna()
    assert beyond.any()
    assert not cells.loc[beyond, "inhabited"].any()
    tables.conform("cell_settlements", places)


def test_buildings_that_only_satellites_see_mark_land_that_nobody_mapped() -> None:
    seen = houses([10, 30, 50, 70, 90], [10] * 5, "satellite")
    assert not cover(seen, layers())["osm_mapped"].any()


def test_without_any_sign_nothing_is_claimed() -> None:
    rows = completeness.buildings_mapped("town", cover(houses([], []), layers()))
    assert rows["verdict"].tolist() == ["unknown"]
    assert rows["value"].isna().all()


def test_missing_inputs_are_rows() -> None:
    rows = completeness.missing_inputs("town", ["built_up"])
    assert tables.conform("completeness", rows)["verdict"].tolist() == ["missing"]
    assert completeness.missing_inputs("town", []).empty
