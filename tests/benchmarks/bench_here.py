"""What the map of every city of a run says, beside queries over its database: 200 places, and a plan of 500 vertices.

``BENCH_OUT`` names the run's output; without it, ``out`` is taken.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import geopandas as gpd
import pytest
import shapely
from pyproj import CRS

from tests.browser.test_area import drop, figure, geojson, number, star
from tests.browser.test_here import compare

if TYPE_CHECKING:
    import pandas as pd

    from tests.benchmarks.conftest import Record
    from tests.browser.conftest import Watched

OUT = Path(os.environ.get("BENCH_OUT", "out"))
AREAS = sorted(folder.name for folder in (OUT / "maps").glob("*") if (folder / "index.html").is_file())
PLACES = 200

pytest_plugins = ("tests.browser.conftest",)


def _read(con: duckdb.DuckDBPyConnection, table: str, area_id: str) -> gpd.GeoDataFrame:
    rows = con.execute(f"SELECT * EXCLUDE geometry FROM {table} WHERE area_id = ?", [area_id]).df()
    shapes = shapely.from_wkb(rows.pop("geometry_wkb").map(bytes).to_numpy())
    return gpd.GeoDataFrame(rows, geometry=shapes, crs="EPSG:4326")


@pytest.mark.parametrize("area_id", AREAS or [pytest.param("", marks=pytest.mark.skip(reason=f"{OUT} holds no maps"))])
def test_the_map_says_what_queries_say(area_id: str, watched: Watched, bar: Record) -> None:
    con = duckdb.connect(OUT / "novostroiki.duckdb", read_only=True)
    tables: dict[str, Any] = {name: _read(con, name, area_id) for name in ("areas", "hazards", "settlements")}
    tables["red_zone_rules"] = con.execute("SELECT * FROM red_zone_rules").df()
    page = watched.open(OUT.resolve() / "maps" / area_id / "index.html", "lang=en")
    held, reached = compare(page, tables, CRS.from_user_input(tables["areas"]["crs"].iloc[0]), PLACES)
    bar(f"{area_id}: places told as a query tells them", held, at_least=0.75 * PLACES)
    bar(f"{area_id}: of these reached by a rule", reached, at_least=min(1, len(tables["hazards"])))

    homes: pd.DataFrame = con.execute(
        "SELECT lon, lat, first_seen_year FROM buildings WHERE home AND area_id = ?", [area_id]
    ).df()
    middle = homes[["lon", "lat"]].median()
    plan = star(middle["lon"], middle["lat"], 500, 0.05)
    seen = homes["first_seen_year"][shapely.contains_xy(plan, homes["lon"], homes["lat"])]
    drop(page, "plan.geojson", geojson(plan))
    assert number(figure(page, "homes")) == len(seen)
    rows = page.evaluate("() => [...document.querySelectorAll('[data-figure^=seen-]')].map(row => row.dataset.figure)")
    for row in rows:
        wanted = seen.isna().sum() if row == "seen-unknown" else (seen <= int(row.removeprefix("seen-"))).sum()
        assert number(figure(page, row)) == wanted, row
    bar(f"{area_id}: homes of a plan, equal to a query", len(seen), at_least=1)
    assert watched.errors == []
