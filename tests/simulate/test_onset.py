"""When simulated settlements began: the products that the simulator writes, dated as real ones are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from pipeline.config import Area, Names
from pipeline.extract import rasters as reading
from pipeline.extract.wsf import tracker
from pipeline.simulate import city as cities
from pipeline.simulate import rasters, truth
from pipeline.simulate.stress import Stress
from pipeline.transform import growth

if TYPE_CHECKING:
    from pathlib import Path

AREA = Area(area_id="here", country="KG", bbox=(74.4, 42.8, 74.62, 42.96), name=Names(en="Here"))


def test_a_settlement_founded_since_2017_is_dated_to_a_year(tmp_path: Path) -> None:
    city = cities.make(AREA, buildings=8_000, seed=7, stress=Stress())
    rng = np.random.default_rng(11)
    founded = rng.integers(2017, 2024, len(city.places))
    inside = city.buildings.site >= 0
    years = city.buildings.built_year.copy()
    spread = rng.geometric(0.45, len(years)) - 1
    years[inside] = np.minimum(founded[city.buildings.site[inside]] + spread[inside], 2025)
    city = city.__class__(**{**city.__dict__, "buildings": city.buildings.with_(built_year=years.astype(np.int16))})
    right = truth._onset_years(city)
    rasters.write_onset(tmp_path / "onset.tif", city)
    rasters.write_tracker(tmp_path / "tracker.tif", city)
    built = rasters.write_built_up(tmp_path / "built_up", city)
    points = gpd.GeoSeries(shapely.points(city.frame.to_degrees(np.column_stack([city.buildings.x, city.buildings.y]))))
    outlines = [points[city.buildings.site == site].union_all().convex_hull for site in range(len(city.places))]
    settlements = gpd.GeoDataFrame(
        {"settlement_id": [str(site) for site in range(len(outlines))]}, geometry=outlines, crs="EPSG:4326"
    ).to_crs(AREA.projected)
    read = {
        year: reading.read(path, AREA, dataset="ghs_built_s", version="", nodata=65535).data
        for year, path in built.items()
    }
    onset = reading.read(tmp_path / "onset.tif", AREA, dataset="wsf_evolution", version="", nodata=-1).data
    half_years = tracker.read(tmp_path / "tracker.tif", AREA).data

    def within_a_year(**given: object) -> float:
        told = growth.onset_years(settlements, onset, read, **given)  # type: ignore[arg-type]
        off = np.abs(told.astype("Float64").to_numpy(dtype=float, na_value=np.nan) - right)
        return float((off <= 1).mean())

    assert len(right) > 15
    assert within_a_year(tracker=half_years) >= 0.9
    assert within_a_year() < 0.6
