"""What is here? In a real browser: every rule that reaches a place, as a query over the tables gives them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from pipeline.load.planner_map import whatif
from tests.browser.conftest import READY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from pipeline.load.planner_map.map_page import Page as MapFiles
    from tests.browser.conftest import Watched
    from tests.load import sample_tables

pytestmark = pytest.mark.browser

_SAID = """() => ({
    rules: [...document.querySelectorAll("#content [data-rule]")].map(item => [
        item.dataset.rule,
        [...item.querySelectorAll("[data-hazard]")].map(hit => [hit.dataset.hazard, Number(hit.dataset.metres)]),
    ]),
    settlement: document.getElementById("here-settlement")?.textContent ?? null,
    cell: document.getElementById("here-cell")?.dataset.state ?? null,
})"""


def ask(page: Page, lon: float, lat: float) -> dict[str, Any]:
    """Ask what is at a place by the address; returns what the sheet says, by its data attributes."""
    lon, lat = round(lon, 7), round(lat, 7)
    wanted = f"{lat:.7f},{lon:.7f}"
    page.evaluate("state => { location.hash = state }", f"lang=en&here={wanted}")
    page.wait_for_function(
        """([lat, lon]) => document.querySelector("#here-title[data-ready]")?.textContent === `${lat}, ${lon}`""",
        arg=[f"{lat:.5f}", f"{lon:.5f}"],
    )
    return dict(page.evaluate(_SAID))


def expected(
    place: shapely.Point, hazards: gpd.GeoDataFrame, limits: dict[str, float]
) -> tuple[dict[str, dict[str, float]], bool]:
    """Return the hazards that reach a place with their metres, by rule; and whether it is too near a limit to tell."""
    found: dict[str, dict[str, float]] = {}
    near = False
    for hazard_id, rule_id, edge in hazards[["hazard_id", "rule_id", "geometry"]].itertuples(index=False):
        metres = float(shapely.distance(place, edge))
        limit = limits[rule_id]
        near |= abs(metres - limit) < 0.1 if limit > 0 else float(shapely.distance(place, edge.boundary)) < 0.1
        if metres <= limit:
            found.setdefault(rule_id, {})[hazard_id] = metres
    return found, near


def compare(page: Page, tables: dict[str, Any], projected: Any, count: int) -> tuple[int, int]:
    """Hold the sheet of random places against the tables; returns how many were held, and how many a rule reaches."""
    area = tables["areas"].iloc[0]
    limits = tables["red_zone_rules"].set_index("rule_id")["distance_m"].to_dict()
    hazards = tables["hazards"].to_crs(projected)
    outlines = tables["settlements"].to_crs(projected).geometry.to_numpy()
    rng = np.random.default_rng(15)
    # Half anywhere, half near the objects: most of a city is in no zone.
    anywhere = rng.uniform((area["west"], area["south"]), (area["east"], area["north"]), (count // 2, 2))
    objects = tables["areas"] if tables["hazards"].empty else tables["hazards"]
    edges = shapely.get_coordinates(objects.geometry.to_numpy())
    beside = edges[rng.integers(0, len(edges), count - len(anywhere))] + rng.normal(
        0, 0.001, (count - len(anywhere), 2)
    )
    inside = np.clip(beside, (area["west"], area["south"]), (area["east"], area["north"]))
    places = np.round(np.concatenate([anywhere, inside]), 7)
    points = gpd.GeoSeries(gpd.points_from_xy(*places.T), crs="EPSG:4326").to_crs(projected)
    held = reached = 0
    for (lon, lat), point in zip(places.tolist(), points, strict=True):
        wanted, near = expected(point, hazards, limits)
        if near or (shapely.distance(point, shapely.boundary(outlines)) < 0.1).any():
            continue
        said = ask(page, lon, lat)
        assert {rule for rule, _ in said["rules"]} == set(wanted), (lon, lat)
        for rule, hits in said["rules"]:
            for hazard, metres in hits:
                assert metres == pytest.approx(wanted[rule][hazard], abs=0.1), (lon, lat, rule)
        assert (said["settlement"] is not None) == bool(shapely.contains(outlines, point).any())
        held, reached = held + 1, reached + bool(wanted)
    return held, reached


def test_every_rule_that_reaches_a_place(watched: Watched, sample_map: Path, sample: sample_tables.Sample) -> None:
    page = watched.open(sample_map)
    held, reached = compare(page, sample.tables, sample.projected, 200)
    assert held > 180
    assert reached > 40
    assert watched.errors == []


def test_what_the_inputs_lack_is_said_of_the_place(
    watched: Watched, sample_map: Path, sample: sample_tables.Sample
) -> None:
    page = watched.open(sample_map)
    for cell in sample.tables["coverage"].itertuples():
        place = cell.geometry.centroid
        wanted = (
            "here.cellSatellite" if not cell.osm_mapped else "here.cellMapped" if cell.mapped else "here.cellUnmapped"
        )
        assert ask(page, place.x, place.y)["cell"] == wanted
    assert ask(page, 74.41, 42.79)["cell"] == "here.cellNone"
    assert "That proves nothing" in page.inner_text("#here-cell")


def test_a_place_outside_of_the_area_is_said_to_be_unknown(watched: Watched, sample_map: Path) -> None:
    """The middle of the sea, and beside the area."""
    page = watched.open(sample_map)
    for lon, lat in ((-30.0, 0.0), (74.3, 42.9)):
        page.evaluate("state => { location.hash = state }", f"here={lat},{lon}")
        page.wait_for_selector("#here-beyond")
    assert watched.errors == []


def test_a_click_on_a_house_tells_of_the_house(
    watched: Watched, sample_map: Path, sample: sample_tables.Sample
) -> None:
    houses = whatif.numbered(sample.tables["buildings"])
    pairs = sample.tables["building_hazards"]
    within = pairs[(pairs["hazard_class"] == "landfill") & (pairs["distance_m"] <= 500)]["building_id"]
    house = houses[houses["building_id"].isin(within) & (houses["kind"] == "house")].iloc[0]
    page = watched.open(sample_map, f"map=17/{house['lat']}/{house['lon']}")
    page.wait_for_timeout(1200)
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#here-title[data-ready]")
    said = page.inner_text("#content")
    assert "House" in said
    assert "counts as a home" in said
    assert "within the zones of: Landfill" in said


def test_the_keyboard_asks_and_gets_back(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "tab=table")
    page.focus("#sort-growth")
    page.focus(".folium-map")
    page.keyboard.press("Enter")
    page.wait_for_selector("#here-title[data-ready]")
    assert page.evaluate("document.activeElement.id") == "here-title"
    page.keyboard.press("Tab")
    page.focus(".folium-map")
    page.keyboard.press("Escape")
    page.wait_for_selector("table.ranked")


def test_the_surroundings_of_one_object(watched: Watched, sample_map: Path) -> None:
    """From a place to the what-if of the object that reaches it."""
    page = watched.open(sample_map)
    ask(page, 74.6052, 42.9675)
    page.click("[data-rule='KG.landfill'] [data-hazard] button")
    page.wait_for_selector("#whatif-buildings")
    assert "if=landfill~500~0" in page.url


def test_the_sheet_prints_on_one_a4(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map)
    ask(page, 74.6052, 42.9675)
    page.wait_for_timeout(400)
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page/") + pdf.count(b"/Type/Page/") <= 1
    assert b"/MediaBox [0 0 594" in pdf or b"/MediaBox [0 0 595" in pdf


def test_names_of_ten_thousand_characters(
    watched: Watched, sample: sample_tables.Sample, write_map: Callable[..., MapFiles]
) -> None:
    hazards = sample.tables["hazards"].assign(name="<b>" + "ж" * 10_000)
    page = watched.open(write_map(replace(sample, tables=sample.tables | {"hazards": hazards})).index)
    page.wait_for_function(READY)
    ask(page, 74.6052, 42.9675)
    assert page.evaluate(
        "document.getElementById('content').scrollWidth <= document.getElementById('content').clientWidth + 1"
    )
    assert page.locator("#content b").count() == 0
    assert watched.errors == []
