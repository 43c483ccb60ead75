"""My area in a real browser: homes as the database counts them, people as `estimate` tells them, any file survived."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.load.planner_map import whatif
from pipeline.schema.draws import home_floor_m2
from pipeline.schema.rounding import round_people
from tests.browser.hostile import STRINGS
from tests.load import sample_tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from pipeline.load.planner_map.map_page import Page as MapFiles
    from tests.browser.conftest import Watched

pytestmark = pytest.mark.browser


def star(lon: float, lat: float, vertices: int, reach: float) -> shapely.Polygon:
    """Return a plan with many corners, to the centimetre."""
    turns = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    radius = reach * (0.75 + 0.25 * np.sin(7 * turns))
    return shapely.Polygon(
        np.round(np.column_stack([lon + radius * np.cos(turns), lat + 0.73 * radius * np.sin(turns)]), 7)
    )


def drop(page: Page, name: str, content: str | int) -> None:
    """Drop a file onto the page, as a hand does; a number is that many bytes."""
    page.evaluate(
        """([name, content]) => {
            const data = new DataTransfer();
            data.items.add(new File([typeof content === "number" ? new Uint8Array(content) : content], name));
            for (const kind of ["dragover", "drop"])
                document.body.dispatchEvent(
                    new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
        }""",
        [name, content],
    )


def geojson(*shapes: shapely.Geometry, **properties: object) -> str:
    features = [{"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(s)} for s in shapes]
    return json.dumps({"type": "FeatureCollection", "features": features})


def figure(page: Page, name: str, column: int = 0) -> str:
    """Return what the table of areas says, once it is reckoned."""
    cell = f"#area-figures [data-figure='{name}'] td >> nth={column}"
    page.wait_for_function(
        "([name, column]) => !['…', undefined].includes("
        "document.querySelectorAll(`#area-figures [data-figure='${name}'] td`)[column]?.textContent)",
        arg=[name, column],
    )
    return page.inner_text(cell)


def number(text: str) -> int:
    return int(re.sub(r"\D", "", text.split("\n", maxsplit=1)[0]))


def homes_in(tables: dict[str, Any], plan: shapely.Geometry) -> set[str]:
    """Return the homes of a plan, as SQL on the database finds them."""
    buildings = tables["buildings"]
    floor = home_floor_m2(
        buildings["kind"].to_numpy(dtype=str), buildings["footprint_m2"].to_numpy(), buildings["levels"].to_numpy(float)
    )
    lon, lat = (buildings[name].round(7).to_numpy() for name in ("lon", "lat"))
    return set(buildings["building_id"][(floor > 0) & shapely.contains_xy(plan, lon, lat)])


def test_a_dropped_plan_is_counted_as_the_tables_count(
    watched: Watched, sample_map: Path, sample: sample_tables.Sample
) -> None:
    tables = sample.tables
    page = watched.open(sample_map, "lang=en")
    limits = tables["red_zone_rules"].set_index("rule_id")["distance_m"]
    pairs = tables["building_hazards"]
    near = pairs[pairs["distance_m"] <= pairs["rule_id"].map(limits)]
    for place, reach in (((74.603, 42.96), 0.02), ((74.56, 42.9), 0.12)):
        plan = star(*place, 500, reach)
        drop(page, "plan.geojson", geojson(plan, name="Plan A"))
        page.wait_for_function("() => document.querySelectorAll('#area-figures thead th').length === 1")
        homes = homes_in(tables, plan)
        assert len(homes) > 100
        assert number(figure(page, "homes")) == len(homes)
        metres = gpd.GeoSeries([plan], crs="EPSG:4326").to_crs(sample.projected).area.iloc[0]
        assert number(figure(page, "land").replace(",", "")) == pytest.approx(metres / 1e4, rel=0.01)
        for name in ("landfill", "railway", "cemetery"):
            within = len(homes & set(near.loc[near["hazard_class"] == name, "building_id"]))
            if within:
                assert number(figure(page, f"zone-{name}")) == within
        assert "Plan A" in page.inner_text("#area-figures thead")
        page.click("#area-remove-0")
    assert watched.errors == []
    assert [url for url in watched.requests if not url.startswith(("data:", "blob:", "file:"))] == []


def test_the_land_of_zones_in_a_plan(watched: Watched, sample_map: Path, sample: sample_tables.Sample) -> None:
    plan = star(74.605, 42.967, 80, 0.02)
    page = watched.open(sample_map, "lang=en")
    drop(page, "plan.geojson", geojson(plan))
    shown = re.search(r"(\d+)% of the land", figure(page, "zone-landfill"))
    assert shown
    ground = gpd.GeoSeries([plan], crs="EPSG:4326").to_crs(sample.projected).iloc[0]
    hazards = sample.tables["hazards"].to_crs(sample.projected)
    zone = hazards[hazards["hazard_class"] == "landfill"].geometry.iloc[0].buffer(500, quad_segs=90)
    assert int(shown[1]) == pytest.approx(100 * ground.intersection(zone).area / ground.area, abs=0.6)


def test_people_of_a_plan_are_those_of_the_draws(
    watched: Watched, sample_map: Path, sample: sample_tables.Sample
) -> None:
    """A plan around whole settlements: their draws, added up; as rounded everywhere."""
    homes = sample.tables["buildings"].set_index("building_id")["settlement_id"]
    around = {
        row.settlement_id: shapely.buffer(row.geometry, 0.0002) for row in sample.tables["settlements"].itertuples()
    }
    alone = [name for name, plan in around.items() if set(homes[list(homes_in(sample.tables, plan))]) == {name}][:3]
    assert len(alone) == 3
    draws = sample.tables["population_draws"].set_index(["settlement_id", "quantity"])["draws"]
    page = watched.open(sample_map, "lang=en")
    drop(page, "plan.geojson", geojson(*(around[name] for name in alone)))
    for quantity in ("residents", "unregistered"):
        total = np.sum([draws[name, quantity] for name in alone], axis=0)
        names = ("p05", "p50", "p95")
        quantiles = pd.DataFrame([dict(zip(names, np.quantile(total, (0.05, 0.5, 0.95)), strict=True))])
        wanted = round_people(quantiles).iloc[0]
        low, high = (number(part) for part in figure(page, quantity).split("\n")[0].split("–"))
        assert (low, high) == (wanted["p05"], wanted["p95"])


def test_a_plan_is_drawn_with_the_mouse_and_lives_in_the_address(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "tab=area&map=13/42.958/74.6")
    page.click("#area-draw")
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    for x, y in ((150, 150), (500, 150), (500, 450), (150, 450)):
        page.mouse.click(box["x"] + x, box["y"] + y)
        page.wait_for_timeout(300)
    assert "around" in page.inner_text("#area-measured")
    page.click("#draw-done")
    homes = figure(page, "homes")
    assert number(homes) > 0
    assert "here=" not in page.url
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    assert figure(page, "homes") == homes


def test_a_plan_is_drawn_with_the_keyboard(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "tab=area&map=13/42.958/74.6")
    page.focus("#area-draw")
    page.keyboard.press("Enter")
    page.wait_for_selector("#draw-done")
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press("Enter")
        page.keyboard.press(key)
        page.wait_for_timeout(500)
    page.focus("#draw-done")
    page.keyboard.press("Enter")
    page.wait_for_selector("#area-figures")


def test_a_line_is_measured(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "tab=area&map=14/42.958/74.6")
    page.click("#area-measure")
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    for x in (100, 300):
        page.mouse.click(box["x"] + x, box["y"] + 300)
        page.wait_for_timeout(300)
    metres = number(page.inner_text("#area-measured"))
    assert metres == pytest.approx(200 * 156_543 * np.cos(np.radians(42.958)) / 2**14, rel=0.01)
    page.keyboard.press("Escape")
    assert page.locator("#draw-cancel").count() == 0


def test_settlements_and_plans_stand_side_by_side_and_can_be_taken_along(
    watched: Watched, sample_map: Path, sample: sample_tables.Sample
) -> None:
    page = watched.open(sample_map, "lang=en&tab=area&areas=s~bishkek/0001;s~bishkek/0002;s~nothing;p~broken")
    drop(page, "plan.geojson", geojson(star(74.603, 42.96, 40, 0.02)))
    page.wait_for_timeout(300)
    first = sample.tables["settlements"].iloc[1]
    page.click("#area-remove-2")
    page.click("#area-remove-1")
    assert number(figure(page, "homes", 0)) > 0
    assert first["name_en"] is None or first["name_en"] in page.inner_text("#area-figures thead")
    with page.expect_download() as download:
        page.click("#area-geojson")
    told = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert [feature["geometry"] is None for feature in told["features"]] == [True, False]
    shape = shapely.geometry.shape(told["features"][1]["geometry"])
    assert told["features"][1]["properties"]["homes"] == len(homes_in(sample.tables, shape))
    with page.expect_download() as download:
        page.click("#area-csv")
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("name,settlement_id,area_m2,homes")
    assert watched.errors == []


BIG = '{"type":"Polygon","coordinates":[[' + ",".join(f"[74.{i % 1000:03},42.9]" for i in range(1_000_000)) + "]]}"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("plan.geojson", "not json", "no readable"),
        ("plan.geojson", "[" * 200_000, "no readable"),
        ("plan.geojson", '{"type":"Point","coordinates":[74.6,42.9]}', "no polygon"),
        (
            "plan.geojson",
            '{"type":"Polygon","coordinates":[[[600000,4700000],[600100,4700000],[600000,4700100]]]}',
            "EPSG:4326",
        ),
        ("plan.geojson", '{"type":"Polygon","coordinates":[[[0,0],[1,0],[0,1]]]}', "outside of this map"),
        ("plan.geojson", BIG, "1,000,000 points"),
        ("plan.geojson", 100_000_000, "100 MB"),
        ("plan.kml", "<kml><Placemark>", "no readable"),
        ("plan.gpx", '<gpx><wpt lat="42.9" lon="74.6"/></gpx>', "no polygon"),
        ("plan.kml", '<!DOCTYPE k [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><kml>&b;</kml>', ""),
    ],
    ids=["text", "nested", "point", "metres", "elsewhere", "million", "100MB", "broken", "waypoint", "entities"],
)
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(
    watched: Watched, sample_map: Path, name: str, content: str | int, says: str
) -> None:
    page = watched.open(sample_map, "lang=en&tab=area")
    drop(page, name, content)
    page.wait_for_selector("#area-said .wrong")
    assert says in page.inner_text("#area-said")
    assert "areas=" not in page.url
    assert watched.errors == []


def test_kml_and_gpx_are_read_and_their_scripts_are_not_run(
    watched: Watched, sample_map: Path, sample: sample_tables.Sample
) -> None:
    plan = shapely.box(74.59, 42.95, 74.62, 42.98)
    corners = shapely.get_coordinates(plan).tolist()
    wanted = len(homes_in(sample.tables, plan))
    kml = (
        '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark>'
        "<name>&lt;img src=x onerror=window.pwned=1&gt;</name>"
        '<script xmlns="http://www.w3.org/1999/xhtml">window.pwned=1</script>'
        '<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=1"/>'
        "<description><![CDATA[<script>window.pwned=1</script><img src=https://evil.example/x>]]></description>"
        "<Polygon><outerBoundaryIs><LinearRing><coordinates>"
        + " ".join(f"{x},{y},0" for x, y in corners)
        + "</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></Document></kml>"
    )
    track = "".join(f'<trkpt lat="{y}" lon="{x}"/>' for x, y in corners)
    gpx = f'<gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>{track}</trkseg></trk></gpx>'
    page = watched.open(sample_map, "lang=en&tab=area")
    for name, content in (("plan.kml", kml), ("walk.gpx", gpx)):
        drop(page, name, content)
        page.wait_for_selector("#area-figures")
        assert number(figure(page, "homes")) == wanted
        assert page.evaluate("window.pwned") is None
        page.click("#area-remove-0")
    # The policy of the page refuses even to look at a handler in a document that is only parsed.
    assert [error for error in watched.errors if "inline event handler" not in error] == []
    assert [url for url in watched.requests if not url.startswith(("data:", "blob:", "file:"))] == []


def test_a_hostile_geojson_is_inert(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "lang=en&tab=area")
    for text in STRINGS:
        drop(
            page,
            f"{text[:60].replace('/', '-')}.geojson",
            geojson(star(74.603, 42.96, 12, 0.02), name=text, __proto__=text),
        )
        page.wait_for_timeout(60)
        page.wait_for_selector("#area-figures")
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("({}).polluted") is None
    assert watched.errors == []
    assert [url for url in watched.requests if not url.startswith(("data:", "blob:", "file:"))] == []


@pytest.fixture(scope="session")
def large(write_map: Callable[..., MapFiles]) -> tuple[sample_tables.Sample, Path]:
    area = sample_tables.make(100_000)
    return area, write_map(area).index


def test_a_plan_of_500_vertices_among_100_000_buildings(
    watched: Watched, large: tuple[sample_tables.Sample, Path]
) -> None:
    """Homes are exact; how long it took is said, and judged by the benchmark of the maps."""
    area, index = large
    largest = area.tables["settlements"].sort_values("buildings").iloc[-1].geometry.centroid
    plan = star(largest.x, largest.y, 500, 0.05)
    page = watched.open(index, "lang=en&tab=area")
    drop(page, "plan.geojson", geojson(plan))
    assert number(figure(page, "homes")) == len(homes_in(area.tables, plan)) > 2_000
    assert whatif.numbered(area.tables["buildings"]).shape[0] > 100_000
