"""Built-up series, onset years, rates and waves, against rasters whose sums are known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer
from shapely import Polygon, box

from pipeline.declared import facts
from pipeline.geometry import zonal
from pipeline.geometry.raster import Raster
from pipeline.schema import tables
from pipeline.transform import growth
from pipeline.transform.first_seen import first_seen_years

LOCAL = CRS.from_proj4("+proj=tmerc +lat_0=42.9 +lon_0=74.6 +k=1 +datum=WGS84 +units=m +no_defs")
MOLLWEIDE = CRS("ESRI:54009")
CELL = 100.0


def mollweide(values: np.ndarray) -> Raster:
    """A raster of 100 m cells in GHSL's grid whose middle is the origin of the local CRS."""
    x, y = Transformer.from_crs(LOCAL, MOLLWEIDE, always_xy=True).transform(0, 0)
    rows, columns = values.shape
    west, north = (np.floor(v / CELL) * CELL for v in (x - columns * CELL / 2, y + rows * CELL / 2))
    return Raster(values.astype(float), Affine(CELL, 0, west, 0, -CELL, north), MOLLWEIDE)


def places(*outlines: Polygon) -> gpd.GeoDataFrame:
    ids = [f"x/s{n}" for n in range(len(outlines))]
    return gpd.GeoDataFrame({"settlement_id": ids}, geometry=list(outlines), crs=LOCAL).astype({"settlement_id": "str"})


def rows_of(settlements: gpd.GeoDataFrame, rasters: dict[int, Raster], boundary: Polygon) -> pd.DataFrame:
    return growth.series(settlements, boundary, rasters, area_id="x", product="ghs_built_s", modelled=[2025])


BOUNDARY = box(-5000, -5000, 5000, 5000)


def test_settlements_and_rest_add_up_to_the_raster() -> None:
    rng = np.random.default_rng(1)
    rasters = {year: mollweide(rng.uniform(0, 1e4, (160, 160))) for year in (1990, 2000)}
    triangles = places(Polygon([(0, 0), (900, 50), (400, 800)]), box(-2000, -1500, -300, -10), box(4500, 0, 5600, 700))
    rows = rows_of(triangles, rasters, BOUNDARY)
    built = {name: tables.conform(name, frame) for name, frame in growth.built_up_tables(rows).items()}
    sums = [built[name].groupby("year")["built_m2"].sum() for name in ("area_built_up", "settlement_built_up")]
    pd.testing.assert_series_equal(*sums)
    assert built["fixed_outline_built_up"].empty
    for _, epoch in rows.groupby("year"):
        whole = epoch.loc[epoch["settlement_id"].isna(), "built_m2"].item()
        parts = epoch.loc[epoch["settlement_id"].notna(), "built_m2"].sum()
        assert parts == pytest.approx(whole, rel=1e-6)
    direct = zonal.sums(gpd.GeoSeries([shapely.union_all([BOUNDARY, *triangles.geometry])], crs=LOCAL), rasters[1990])
    assert rows.loc[rows["settlement_id"].isna() & (rows["year"] == 1990), "built_m2"].item() == pytest.approx(
        direct[0]
    )


def test_a_uniform_raster_gives_the_true_area_of_a_polygon() -> None:
    """GHSL's CRS is equal-area: built-up m² of fully built cells is the polygon's own area, wherever it lies."""
    polygon = Polygon([(100, 37), (1430, 210), (900, 1711), (-300, 950)])
    measured = zonal.sums(gpd.GeoSeries([polygon], crs=LOCAL), mollweide(np.full((80, 80), CELL**2)))
    geodesic = abs(LOCAL.get_geod().geometry_area_perimeter(gpd.GeoSeries([polygon], crs=LOCAL).to_crs(4326).item())[0])
    # Mollweide is equal-area on its sphere, and GHSL's m² are on the ellipsoid: they differ by up to half a percent
    # here.
    assert measured[0] == pytest.approx(geodesic, rel=5e-3)


def test_missing_cells_count_as_nothing() -> None:
    values = np.full((40, 40), 50.0)
    values[:, :20] = np.nan
    half, whole = (
        zonal.sums(places(box(-1500, -1500, 1500, 1500)).geometry, mollweide(v))
        for v in (values, np.full_like(values, 50.0))
    )
    assert 0.4 < half[0] / whole[0] < 0.6
    assert zonal.sums(places(box(90_000, 0, 91_000, 10)).geometry, mollweide(values))[0] == 0


@settings(max_examples=25, deadline=None)
@given(st.floats(-800, 800), st.floats(-800, 800), st.floats(0, 360))
def test_moving_a_polygon_over_a_uniform_raster_changes_nothing(x: float, y: float, angle: float) -> None:
    raster = mollweide(np.full((80, 80), 7.0))
    shape = shapely.affinity.rotate(box(x, y, x + 400, y + 250), angle)
    still = zonal.sums(places(box(0, 0, 400, 250)).geometry, raster)[0]
    assert zonal.sums(places(shape).geometry, raster)[0] == pytest.approx(still, rel=2e-3)


def grown(share_by_year: dict[int, float]) -> dict[int, Raster]:
    return {year: mollweide(np.full((60, 60), 1e4 * share)) for year, share in share_by_year.items()}


def onset_raster(years: np.ndarray) -> Raster:
    """A yearly raster of 30 m cells in degrees over the origin of the local CRS."""
    size = 1 / 3600
    rows, columns = years.shape
    return Raster(
        years.astype(float), Affine(size, 0, 74.6 - columns * size / 2, 0, -size, 42.9 + rows * size / 2), CRS(4326)
    )


def test_onset_from_yearly_raster_is_the_year_of_the_first_tenth() -> None:
    years = np.zeros((120, 120))
    years[:, :5], years[:, 5:30], years[:, 30:] = 1990, 2004, 2010
    settlement = places(box(-1200, -1200, 1200, 1200))
    # 5 of the some 107 columns inside are of 1990: less than a tenth; with those of 2004 it is more.
    assert growth.onset_years(settlement, onset_raster(years), {}).tolist() == [2004]


def test_what_stood_in_the_first_year_is_older_and_the_epochs_tell() -> None:
    years = np.full((120, 120), 1985)
    years[0, 0] = 1986
    settlement = places(box(-900, -900, 900, 900))
    assert growth.onset_years(settlement, onset_raster(years), grown({1975: 0.4, 1990: 0.5})).tolist() == [1975]
    assert growth.onset_years(settlement, onset_raster(years), {}).tolist() == [1985]


def test_onset_after_the_yearly_raster_comes_from_the_epochs() -> None:
    epochs = grown({2000: 0, 2010: 0, 2015: 0.004, 2020: 0.4})
    years = np.zeros((120, 120))
    years[60, 60] = 2015
    result = growth.onset_years(places(box(-900, -900, 900, 900)), onset_raster(years), epochs)
    assert result.tolist() == [2015 + round(5 * 0.036 / 0.396)]


def test_onset_without_a_yearly_raster_is_interpolated_between_epochs() -> None:
    epochs = grown({1975: 0, 1990: 0, 2000: 0.2, 2020: 1.0})
    assert growth.onset_years(places(box(-900, -900, 900, 900)), None, epochs).tolist() == [1995]
    modelled = growth.onset_years(places(box(-900, -900, 900, 900)), None, epochs, modelled=[2020])
    assert modelled.tolist() == [1991]


def test_onset_of_nothing_is_unknown() -> None:
    settlement = places(box(-900, -900, 900, 900))
    assert growth.onset_years(settlement, None, {}).isna().all()
    assert growth.onset_years(settlement, onset_raster(np.zeros((120, 120))), grown({2000: 0, 2020: 0})).isna().all()
    assert growth.onset_years(places(), None, grown({2000: 0.5})).empty


def test_the_order_of_epochs_changes_nothing() -> None:
    epochs = grown({1990: 0.1, 2000: 0.2, 2020: 1.0})
    backwards = dict(reversed(epochs.items()))
    settlement = places(box(-900, -900, 900, 900))
    assert rows_of(settlement, epochs, BOUNDARY).equals(rows_of(settlement, backwards, BOUNDARY))


def test_zeros_and_shrinking_are_noticed() -> None:
    settlement = places(box(-900, -900, 900, 900))
    assert not growth.notices(rows_of(settlement, grown({2000: 0.1, 2010: 0.2}), BOUNDARY))
    found = [
        notice.what for notice in growth.notices(rows_of(settlement, grown({1990: 0, 2000: 0.3, 2010: 0.1}), BOUNDARY))
    ]
    assert len(found) == 2
    assert "1990" in found[0]
    assert "falls" in found[1]


def test_no_rasters_make_no_rows() -> None:
    rows = rows_of(places(box(0, 0, 10, 10)), {}, BOUNDARY)
    assert rows.empty
    assert not growth.notices(rows)
    for name, frame in growth.built_up_tables(rows).items():
        assert tables.conform(name, frame).empty


def test_outlines_of_another_date_have_a_table_of_their_own() -> None:
    rasters = {2000: mollweide(np.full((160, 160), 1e4))}
    now, then = (
        growth.series(
            places(outline), BOUNDARY, rasters, area_id="x", product="ghs_built_s", modelled=[], outline=outline_of
        )
        for outline, outline_of in ((box(0, 0, 900, 900), "current"), (box(0, 0, 300, 900), "fixed"))
    )
    built = growth.built_up_tables(pd.concat([now, then], ignore_index=True))
    assert {name: len(frame) for name, frame in built.items()} == {
        "area_built_up": 1,
        "settlement_built_up": 2,
        "fixed_outline_built_up": 2,
    }
    assert built["settlement_built_up"]["settlement_id"].isna().sum() == 1
    assert built["area_built_up"]["built_m2"].sum() == pytest.approx(built["settlement_built_up"]["built_m2"].sum())


def test_waves_are_those_of_the_literature() -> None:
    onset = pd.Series([1989, 1993, 1998, 2005, 2010, pd.NA], dtype="Int64")
    waves = growth.wave_of(onset, facts.waves())
    assert waves.fillna("").tolist() == ["1989", "", "late-1990s", "2005", "2010", ""]


def test_onset_stands_beside_the_founding_of_the_literature() -> None:
    places = pd.DataFrame(
        {
            "settlement_id": ["x/1", "x/2", "x/3", "x/4"],
            "area_id": "x",
            "onset_year": pd.array([2006, 1990, 2011, pd.NA], dtype="Int64"),
        }
    )
    named = pd.DataFrame({"named_id": ["a", "b", "c", "d", "e"], "settlement_id": ["x/1", "x/2", "x/2", "x/4", None]})
    literature = pd.DataFrame(
        {
            "named_id": ["a", "b", "c", "d", "e"],
            "founded_low": [2000, None, 2005, 1989, 1989],
            "founded_high": [2002, None, None, 1989, 1989],
        }
    )
    rows = growth.beside_literature(places, named, literature, facts.waves(), "KG")
    assert rows["founding"].tolist() == ["agrees", "onset earlier", "not comparable", "not comparable"]
    assert rows["wave"].fillna("").tolist() == ["2005", "1989", "2010", ""]
    assert rows["named_id"].fillna("").tolist() == ["a", "c", "", "d"]
    assert tables.conform("settlement_waves", rows)["founded_high"].fillna(0).tolist() == [2002, 2005, 0, 1989]
    assert growth.beside_literature(places, named, literature, facts.waves(), "KZ")["wave"].isna().all()
    assert growth.beside_literature(places.iloc[:0], named, literature, facts.waves(), "KG").empty


def tracker(codes: np.ndarray) -> Raster:
    """A raster of cells of about 10 m in degrees around the origin of the local CRS."""
    lon, lat = Transformer.from_crs(LOCAL, "EPSG:4326", always_xy=True).transform(0, 0)
    step = 1e-4
    rows, columns = codes.shape
    grid = Affine(step, 0, lon - step * columns / 2, 0, -step, lat + step * rows / 2)
    return Raster(codes.astype(float), grid, CRS("EPSG:4326"))


def test_the_tracker_s_own_series_adds_up_and_goes_beyond_2020() -> None:
    codes = np.zeros((120, 120))
    codes[:, :40], codes[:, 40:80], codes[:60, 80:] = 1, 4, 17  # by mid-2016, late 2017, early 2024
    two = places(box(-300, -300, -50, 300), box(100, -300, 400, 300))
    boundary = box(-400, -500, 400, 500)
    found = growth.since_2016(two, boundary, tracker(codes), area_id="x", product="wsf_tracker")
    built = {name: tables.conform(name, frame) for name, frame in found.items()}
    area = built["area_built_up_since_2016"].set_index("year")["built_m2"]
    assert list(area.index) == list(range(2016, 2025))
    assert (area.diff().dropna() >= 0).all()
    by_year = built["settlement_built_up_since_2016"].groupby("year")["built_m2"].sum()
    pd.testing.assert_series_equal(area, by_year)
    one = built["settlement_built_up_since_2016"].query("settlement_id == 'x/s0'").set_index("year")["built_m2"]
    west = Transformer.from_crs("EPSG:4326", LOCAL, always_xy=True).transform(74.6 - 20e-4, 42.9)[0]
    assert one[2016] == pytest.approx((west + 300) * 600, rel=0.02)
    assert one[2017] == pytest.approx(250 * 600, rel=0.001)
    assert growth.since_2016(two, boundary, None, area_id="x", product="p")["area_built_up_since_2016"].empty


def test_a_building_is_first_seen_when_a_raster_first_shows_its_place() -> None:
    """The earlier of the yearly products; epochs where those begin too late, or tell nothing."""
    years = np.full((120, 120), 0.0)
    years[:, :40], years[:, 40:80] = 1985, 2003
    codes = np.zeros((120, 120))
    codes[:, :80], codes[:, 80:100] = 1, 12
    epochs = {1975: mollweide(np.full((20, 20), 600.0)), 2020: mollweide(np.full((20, 20), 1000.0))}
    lon, lat = Transformer.from_crs(LOCAL, "EPSG:4326", always_xy=True).transform(0, 0)
    x, y = Transformer.from_crs("EPSG:4326", LOCAL, always_xy=True).transform(
        lon + np.array([-40, 0, 30, 50]) * 1e-4, [lat] * 4
    )
    houses = gpd.GeoDataFrame(geometry=shapely.buffer(shapely.points(x, y), 2), crs=LOCAL)
    options = {"onset": tracker(years), "tracker": tracker(codes)}
    assert first_seen_years(houses, built_up=epochs, **options).tolist() == [1975, 2003, 2021, 1975]
    alone = first_seen_years(houses, built_up={}, **options)
    assert alone.iloc[:3].tolist() == [1985, 2003, 2021]
    assert alone.isna().tolist() == [False, False, False, True]
    assert first_seen_years(houses, built_up=epochs, onset=None, tracker=None, modelled=[1975]).tolist() == [2020] * 4
    assert first_seen_years(houses, built_up={}, onset=None, tracker=None).isna().all()
