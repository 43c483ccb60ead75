"""Other years in a real browser: a line between two of them, and since when the homes of an area can be seen."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import shapely

from pipeline.schema.tables import conform
from tests.browser.test_area import drop, figure, geojson, homes_in, number, star

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from pipeline.load.planner_map.map_page import Page as MapFiles
    from tests.browser.conftest import Watched
    from tests.load import sample_tables

pytestmark = pytest.mark.browser

_PIXELS = """([left, colour]) => {
    // Pixels of a colour in what is drawn on one side of the map: the tiles of the earlier year, or the others.
    const tiles = [...document.querySelectorAll(`.leaflet-${left ? "earlier" : "tile"}-pane canvas.leaflet-tile`)];
    return tiles.reduce((sum, tile) => {
        const { data } = tile.getContext("2d").getImageData(0, 0, tile.width, tile.height);
        let found = 0;
        for (let i = 0; i < data.length; i += 4)
            if (colour.every((value, part) => Math.abs(data[i + part] - value) < 3)) found++;
        return sum + found;
    }, 0);
}"""


def built_pixels(page: Page, *, left: bool) -> int:
    """Return how many pixels of one side have the colour of what stood."""
    colour = page.evaluate("() => getComputedStyle(document.documentElement).getPropertyValue('--built').trim()")
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int(page.evaluate(_PIXELS, [left, parts]))


def _line(page: Page) -> float:
    """Return where the line stands, as a share of the width of the map."""
    value = page.get_attribute("#swipe", "aria-valuenow")
    assert value is not None
    return int(value) / 100


def _largest(sample: sample_tables.Sample) -> str:
    place = sample.tables["settlements"].sort_values("buildings").iloc[-1].geometry.centroid
    return f"map=15/{place.y:.5f}/{place.x:.5f}"


def test_two_years_side_by_side(watched: Watched, sample_map: Path, sample: sample_tables.Sample) -> None:
    """The left shows the houses first seen by its year, the right all: as many more pixels as there are houses."""
    page = watched.open(sample_map, f"lang=en&{_largest(sample)}&swipe=1990")
    page.wait_for_timeout(1500)
    seen = sample.tables["buildings"]["first_seen_year"].dropna()
    share = built_pixels(page, left=True) / built_pixels(page, left=False)
    assert share == pytest.approx((seen <= 1990).mean(), abs=0.12)
    assert "1990" in page.inner_text("#swipe .before")
    assert page.inner_text("#swipe .after") == "today"
    note = page.inner_text("#past-note")
    assert "Left of the line: 1990; right of it: today." in note
    assert "GHS-BUILT-S" in note
    page.select_option("#swipe-swipe", "2020")
    page.wait_for_timeout(800)
    assert built_pixels(page, left=True) / built_pixels(page, left=False) > share + 0.2
    # Chromium advises against reading a canvas as often as this test does.
    assert [error for error in watched.errors if "getImageData" not in error] == []
    assert [url for url in watched.requests if not url.startswith(("data:", "blob:", "file:"))] == []


def test_the_line_is_moved_by_hand_and_by_keyboard(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "lang=en")
    page.click("#swipe-begin")
    page.wait_for_selector("#swipe")
    assert "swipe=" in page.url
    assert page.evaluate("document.activeElement.id") == "swipe"
    page.keyboard.press("ArrowRight")
    assert _line(page) == pytest.approx(0.52)
    page.keyboard.press("Home")
    assert _line(page) == 0
    page.keyboard.press("Shift+ArrowRight")
    assert _line(page) == pytest.approx(0.1)
    box, grip = page.locator(".folium-map").bounding_box(), page.locator("#swipe .grip").bounding_box()
    assert box is not None
    assert grip is not None
    assert min(grip["width"], grip["height"]) >= 44
    page.mouse.move(grip["x"] + 22, grip["y"] + 22)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], grip["y"] + 22, steps=4)
    page.mouse.up()
    assert _line(page) == pytest.approx(0.7, abs=0.02)
    assert "here=" not in page.url
    page.keyboard.press("Escape")
    page.wait_for_selector("#swipe", state="hidden")
    assert "swipe=" not in page.url
    assert watched.errors == []


def test_the_line_is_moved_by_a_finger(watched_phone: Watched, sample_map: Path) -> None:
    page = watched_phone.open(sample_map, "lang=en&swipe=1990")
    grip = page.locator("#swipe .grip").bounding_box()
    assert grip is not None
    session = page.context.new_cdp_session(page)
    x, y = grip["x"] + 22, grip["y"] + 22
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 6):
        point = {"x": x - 18 * step, "y": y}
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(200)
    assert _line(page) == pytest.approx(0.25, abs=0.03)
    assert watched_phone.errors == []


def test_homes_of_a_plan_by_the_year_in_which_they_were_first_seen(
    watched: Watched, sample_map: Path, sample: sample_tables.Sample
) -> None:
    plan = star(74.56, 42.9, 500, 0.12)
    page = watched.open(sample_map, "lang=en")
    drop(page, "plan.geojson", geojson(plan))
    buildings = sample.tables["buildings"].set_index("building_id")
    seen = buildings.loc[sorted(homes_in(sample.tables, plan)), "first_seen_year"]
    assert number(figure(page, "seen-unknown")) == seen.isna().sum() > 10
    rows = page.evaluate("() => [...document.querySelectorAll('[data-figure^=seen-]')].map(row => row.dataset.figure)")
    years = [int(row.removeprefix("seen-")) for row in rows if row != "seen-unknown"]
    assert len(years) >= 4
    assert max(years) == seen.max()
    for year in years:
        assert number(figure(page, f"seen-{year}")) == (seen.dropna() <= year).sum()
    with page.expect_download() as download:
        page.click("#area-csv")
    head, line = (
        text.split(",") for text in download.value.path().read_text(encoding="utf-8-sig").strip().splitlines()
    )
    told = dict(zip(head, line, strict=True))
    assert int(told["homes_first_seen_by_1990"]) == (seen.dropna() <= 1990).sum()


def test_without_years_nothing_is_invented(
    watched: Watched, sample: sample_tables.Sample, write_map: Callable[..., MapFiles]
) -> None:
    """No raster at all: no slider, no line, and the area says why."""
    tables: dict[str, Any] = sample.tables | {
        "buildings": sample.tables["buildings"].assign(first_seen_year=None),
        "settlement_built_up": conform("settlement_built_up", sample.tables["settlement_built_up"].iloc[:0]),
    }
    page = watched.open(write_map(replace(sample, tables=tables)).index, "lang=en&swipe=1990&year=2000")
    assert page.locator("#swipe").is_hidden()
    assert "growth is not shown" in page.inner_text("#growth")
    drop(page, "plan.geojson", geojson(shapely.box(74.59, 42.95, 74.62, 42.98)))
    assert number(figure(page, "homes")) > 0
    assert page.locator("[data-figure^=seen-]").count() == 0
    assert "No raster tells" in page.inner_text("#area-seen-note")
    assert watched.errors == []


def test_years_of_buildings_alone_are_enough(
    watched: Watched, sample: sample_tables.Sample, write_map: Callable[..., MapFiles]
) -> None:
    """A yearly raster without epochs: settlements are told by their buildings."""
    none = conform("settlement_built_up", sample.tables["settlement_built_up"].iloc[:0])
    tables: dict[str, Any] = sample.tables | {"settlement_built_up": none}
    page = watched.open(write_map(replace(sample, tables=tables)).index, f"lang=en&{_largest(sample)}&year=1990")
    page.wait_for_timeout(1000)
    assert page.inner_text("#growth .year") == "1990"
    assert built_pixels(page, left=False) > 500
    assert "of its buildings" in page.inner_text("#content")
    assert [error for error in watched.errors if "getImageData" not in error] == []


def test_the_years_since_2016_stand_beside_the_epochs(
    watched: Watched, sample_map: Path, sample: sample_tables.Sample
) -> None:
    settlement = sample.tables["settlements"].sort_values("settlement_id").iloc[0]
    page = watched.open(sample_map, f"lang=en&at={settlement['settlement_id']}")
    said = page.inner_text("#details-since-2016")
    found = re.search(r"([\d.,]+) ha built on by the end of 2025, ([\d.,]+) ha of it", said)
    assert found
    built, more = (float(text.replace(",", "")) * 1e4 for text in found.groups())
    assert built == pytest.approx(0.75 * settlement["area_m2"], rel=0.01, abs=600)
    assert more == pytest.approx(0.25 * settlement["area_m2"], rel=0.01, abs=600)
    assert page.locator("#content .sparkline").count() == 2
