"""The planner's map in a real browser: opens alone, answers what-if rightly, works by keyboard and on phones."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.config import Basemap
from pipeline.schema import vocabulary
from pipeline.schema.draws import KEPT, home_floor_m2, inside
from pipeline.schema.rounding import round_people
from pipeline.schema.tables import conform
from tests.browser.conftest import READY
from tests.load import sample_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from pipeline.load.planner_map.map_page import Page as MapFiles
    from tests.browser.conftest import Watched

pytestmark = pytest.mark.browser
LANGUAGES = tuple(vocabulary.LANGUAGES)
TABS = ("key", "area", "whatif", "table", "about")
STATES = [
    *(f"tab={tab}" for tab in TABS),
    "tab=whatif&if=landfill~700",
    "at=bishkek/0001",
    "year=2005",
    "here=42.9675,74.6052",
    "tab=area&areas=s~bishkek/0001;s~bishkek/0002;s~bishkek/0003;s~bishkek/0004",
]


def test_opens_from_a_file_without_any_request(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map)
    for state in STATES:
        page.evaluate("state => { location.hash = state }", state)
        page.wait_for_timeout(150)
    assert watched.errors == []
    assert [url for url in watched.requests if not url.startswith(("data:", sample_map.as_uri()))] == []


def test_draws_land_and_houses(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "map=14/42.958/74.6")
    page.wait_for_timeout(1500)
    colours = page.evaluate(
        """() => {
            const seen = new Set();
            for (const tile of document.querySelectorAll("canvas.leaflet-tile")) {
                const { data } = tile.getContext("2d").getImageData(0, 0, tile.width, tile.height);
                for (let i = 0; i < data.length; i += 4) seen.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
            }
            return [...seen];
        }"""
    )
    assert "168,30,34" in colours  # a house in a zone that binds
    assert len(colours) > 50


@pytest.mark.parametrize("limit", [0, 100, 500, 777])
@pytest.mark.parametrize("hazard_class", ["landfill", "railway"])
def test_what_if_equals_a_direct_computation(
    watched: Watched, sample_map: Path, sample: sample_tables.Sample, hazard_class: str, limit: int
) -> None:
    page = watched.open(sample_map, f"tab=whatif&if={hazard_class}~{limit}")
    page.wait_for_selector("#whatif-buildings")
    limit = min(limit, int(page.get_attribute("#whatif-limit", "max") or 0))
    homes, people, counts = _expected(sample.tables, hazard_class, limit)
    assert _number(page.inner_text("#whatif-buildings")) == homes
    shown = [_number(part) for part in page.inner_text("#whatif-residents").split("–")]
    if homes == 0:
        assert shown == [0]
    else:
        # Other random numbers split the settlements that the limit cuts: the ends differ by some per cent of the width.
        low, high = np.quantile(people, (0.05, 0.95))
        rounded = round_people(pd.DataFrame({"p05": [low], "p50": [np.median(people)], "p95": [high]})).iloc[0]
        step = rounded["p95"] - high + low - rounded["p05"] + 50
        assert shown == pytest.approx([rounded["p05"], rounded["p95"]], abs=step + 0.08 * (high - low))
    rows = page.eval_on_selector_all(
        ".result tbody tr", "rows => rows.map(row => [row.querySelector('button').id, row.cells[1].textContent])"
    )
    assert {name.removeprefix("whatif-"): _number(count) for name, count in rows} == counts


def _expected(tables: dict[str, Any], hazard_class: str, limit: float) -> tuple[int, Any, dict[str, int]]:
    """Homes, draws of their residents, and homes by settlement: as `novostroiki estimate` splits a cut settlement."""
    pairs = tables["building_hazards"]
    near = pairs[(pairs["hazard_class"] == hazard_class) & (pairs["distance_m"] <= limit)]["building_id"].unique()
    buildings = tables["buildings"]
    floor = home_floor_m2(
        buildings["kind"].to_numpy(dtype=str), buildings["footprint_m2"].to_numpy(), buildings["levels"].to_numpy(float)
    )
    homes = buildings.assign(floor=floor)[floor > 0]
    within = homes[homes["building_id"].isin(near)]
    draws = tables["population_draws"].query("quantity == 'residents'").set_index("settlement_id")["draws"]
    rng = np.random.default_rng(3)
    people = np.zeros(KEPT)
    for settlement_id, inside_it in within.groupby("settlement_id"):
        whole = homes.loc[homes["settlement_id"] == settlement_id, "floor"]
        share = min(1.0, inside_it["floor"].sum() / whole.sum())
        part = inside(share, whole.sum() ** 2 / (whole**2).sum(), rng)
        people += np.rint(np.asarray(draws[settlement_id]) * part)
    return len(within), people, within.dropna(subset="settlement_id").groupby("settlement_id").size().to_dict()


def _number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def test_the_slider_moves_the_figures_at_once(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "tab=whatif&if=landfill~100")
    page.wait_for_selector("#whatif-buildings")
    before = _number(page.inner_text("#whatif-buildings"))
    page.focus("#whatif-limit")
    page.keyboard.press("End")
    assert _number(page.inner_text("#whatif-buildings")) > before
    assert "landfill~" in page.url
    assert page.evaluate("document.activeElement.id") == "whatif-limit"


# For places (longitude, latitude), whether the map shows anything but paper there; None: outside the view.
_DRAWN = """async places => {
    const view = document.querySelector(".folium-map").getBoundingClientRect();
    const tiles = [...document.querySelectorAll("canvas.leaflet-tile")].map(tile => {
        const { left, top } = tile.getBoundingClientRect();
        const { data } = tile.getContext("2d").getImageData(0, 0, tile.width, tile.height);
        return { left: left - view.left, top: top - view.top, data };
    });
    return places.map(place => {
        const { x, y } = map_planner.latLngToContainerPoint([place[1], place[0]]);
        const tile = tiles.find(({ left, top }) => x >= left && x < left + 256 && y >= top && y < top + 256);
        if (!tile) return null;
        const first = 4 * (256 * Math.floor(y - tile.top) + Math.floor(x - tile.left));
        return [245, 242, 235].some((level, i) => tile.data[first + i] !== level);
    });
}"""


@pytest.mark.parametrize(
    ("hazard_class", "limit", "zoom"),
    [
        ("landfill", 777, 12),
        ("landfill", 1000, 17),
        ("railway", 160, 16),
        ("power_line", 35, 18),
        ("aerodrome", 2000, 15),
        ("military", 0, 14),
    ],
)
def test_the_zone_that_is_drawn_follows_the_slider(  # noqa: PLR0913, PLR0917 - a view and what to ask of it
    watched: Watched, sample_map: Path, sample: sample_tables.Sample, hazard_class: str, limit: int, zoom: int
) -> None:
    """Of random places and of the nearest points of houses, just those within the limit lie in the zone."""
    hazards = sample.tables["hazards"].to_crs(sample.projected)
    edge = hazards[hazards["hazard_class"] == hazard_class].geometry.iloc[0]
    outline = edge.buffer(limit, quad_segs=90).exterior
    spot = outline.interpolate(0.2, normalized=True)
    centre = gpd.GeoSeries([spot], crs=sample.projected).to_crs("EPSG:4326").iloc[0]
    page = watched.open(
        sample_map,
        f"tab=whatif&if={hazard_class}~{limit}&map={zoom}/{centre.y:.5f}/{centre.x:.5f}"
        "&hide=buildings.context.hazards.names.settlements.unmapped",
    )
    page.wait_for_selector("#whatif-buildings")
    page.wait_for_timeout(1000)

    pixel_m = 156_543 * np.cos(np.radians(centre.y)) / 2**zoom
    rng = np.random.default_rng(7)
    random = shapely.points((spot.x, spot.y) + rng.uniform(-1, 1, (600, 2)) * np.array([450, 350]) * pixel_m)
    houses = sample.tables["buildings"].to_crs(sample.projected).geometry.to_numpy()
    nearest = shapely.get_point(shapely.shortest_line(houses, edge), 0)
    places = np.concatenate([random, nearest])
    places = places[shapely.distance(places, outline) > 2 * pixel_m]
    within = shapely.distance(places, edge) <= limit
    lonlat = gpd.GeoSeries(places, crs=sample.projected).to_crs("EPSG:4326")
    drawn = page.evaluate(_DRAWN, np.column_stack([lonlat.x, lonlat.y]).tolist())
    seen = np.array([value is not None for value in drawn])
    assert seen.sum() > 500
    assert 10 < within[seen].sum() < seen.sum() - 10
    assert np.array(drawn)[seen].astype(bool).tolist() == within[seen].tolist()
    assert watched.errors == []


def test_a_zone_without_distance_has_no_slider(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "tab=whatif&if=military~300")
    page.wait_for_selector("#whatif-buildings")
    assert page.locator("#whatif-limit").count() == 0
    assert "set no distance" in page.inner_text("#content")
    page.click("#whatif-end")
    assert "if=" not in page.url


def test_back_and_forward(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map)
    page.click("#tab-table")
    page.click("tbody button.link >> nth=0")
    assert page.inner_text("#content h2")
    page.go_back()
    page.wait_for_selector("table.ranked")
    page.go_back()
    page.wait_for_selector("#theme")
    page.go_forward()
    page.wait_for_selector("table.ranked")
    assert watched.errors == []


def test_a_click_on_the_map_opens_the_settlement_and_marks_its_row(
    watched: Watched, sample_map: Path, sample: sample_tables.Sample
) -> None:
    place = sample.tables["settlements"].iloc[0].geometry.representative_point()
    page = watched.open(sample_map, f"tab=table&map=15/{place.y}/{place.x}")
    page.wait_for_timeout(1200)
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.click("#here-settlement")
    page.wait_for_selector("#details-title")
    assert "at=bishkek/0001" in page.url
    page.click("#close-details")
    page.click("#close-here")
    page.wait_for_selector("table.ranked")


def test_without_an_english_name_the_mapped_one_is_spelled_in_latin_letters(
    watched: Watched, sample: sample_tables.Sample, write_map: Callable[..., MapFiles]
) -> None:
    settlements = sample.tables["settlements"]
    nameless = settlements.assign(name_en=None, name="жилмассив «Құрылысшы»")
    area = replace(sample, tables=sample.tables | {"settlements": conform("settlements", nameless)})
    page = watched.open(write_map(area).index, "at=bishkek/0001")
    assert page.inner_text("#details-title") == "Qurylysshy"
    assert "Mapped as “жилмассив «Құрылысшы»”" in page.inner_text("#content")
    page.click("#lang-ru")
    assert page.inner_text("#details-title") == settlements["name_ru"].iloc[0]


def test_what_is_missing_is_said_in_the_language_of_the_page(
    watched: Watched, sample: sample_tables.Sample, write_map: Callable[..., MapFiles]
) -> None:
    """A measure that the catalogue has no words for is called what it is."""
    tables = sample.tables
    rules = tables["red_zone_rules"].set_index("rule_id", drop=False)
    rules.loc["KG.cemetery", ["rule_id", "condition"]] = (
        "KG.cemetery.under_10ha",
        '{"ranges": {"area_ha": [null, 10]}, "or_unknown": true}',
    )
    rules.loc["KG.railway", "condition"] = '{"ranges": {"gauge": [1520, null]}}'
    renamed = {
        name: tables[name].replace({"rule_id": {"KG.cemetery": "KG.cemetery.under_10ha"}})
        for name in ("hazards", "building_hazards", "red_zone_overlaps")
    }
    area = replace(sample, tables=tables | renamed | {"red_zone_rules": rules.reset_index(drop=True)})
    overlaps = renamed["red_zone_overlaps"]
    at = {
        name: overlaps.loc[overlaps["hazard_class"] == name, "settlement_id"].iloc[0]
        for name in ("cemetery", "railway")
    }
    page = watched.open(write_map(area).index, "lang=ru&tab=about")
    said = page.inner_text("#content")
    assert "Здесь нанесён 1 объект; сколько не нанесено, узнать нельзя." in said
    assert "Без признака или контура, нужного правилу: 1 из 4." in said
    assert "Из 3\u00a0000 зданий в обоих источниках 1\u00a0800" in said
    assert "около 4,1\u00a0% зданий (от 3\u00a0% до 6\u00a0%)" in said
    assert "Реестр жителей" in said
    page.evaluate("at => { location.hash = `lang=ru&at=${at}` }", at["cemetery"])
    page.wait_for_selector("#details-title")
    assert "площадь, га: меньше 10, или неизвестно" in page.inner_text("#content")
    page.evaluate("at => { location.hash = `lang=en&at=${at}` }", at["railway"])
    page.wait_for_function("() => document.documentElement.lang === 'en'")
    assert "gauge: 1,520 and more" in page.inner_text("#content")


def test_everything_by_keyboard(watched: Watched, sample_map: Path, sample: sample_tables.Sample) -> None:
    settlement = sample.tables["settlements"].iloc[0]
    page = watched.open(sample_map)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Tab")
    page.keyboard.type(str(settlement["name_en"]))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#details-title")
    page.keyboard.press("Escape")
    page.focus("#tab-key")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-area"
    page.focus("#growth-year")
    page.keyboard.press("ArrowLeft")
    assert "year=" in page.url
    place = settlement.geometry.representative_point()
    page.evaluate("state => { location.hash = state }", f"map=15/{place.y}/{place.x}")
    page.wait_for_timeout(1200)
    page.focus(".folium-map")
    page.keyboard.press("Enter")
    page.wait_for_selector("#here-settlement")
    page.focus("#here-settlement")
    page.keyboard.press("Enter")
    page.wait_for_selector("#details-title")
    reached = _tab_through(page)
    assert {"search", "lang-ru", "growth-play", "growth-year", "tab-key", "close-details"} <= reached


def _tab_through(page: Any) -> set[str]:
    page.focus("#skip")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    return reached


def test_the_csv_holds_every_settlement(watched: Watched, sample_map: Path, sample: sample_tables.Sample) -> None:
    page = watched.open(sample_map, "tab=table")
    with page.expect_download() as download:
        page.click("#csv")
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + len(sample.tables["settlements"])
    assert lines[0].startswith("settlement_id,name,")
    assert lines[1].endswith("true")


@pytest.mark.parametrize("code", LANGUAGES)
def test_language(watched_phone: Watched, sample_map: Path, code: str) -> None:
    """Nothing overflows a phone, no text is left out, and the page says its language."""
    for state in STATES:
        page = watched_phone.open(sample_map, f"lang={code}&{state}")
        page.wait_for_timeout(100)
        assert page.get_attribute("html", "lang") == code
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert (
            page.evaluate(
                "document.getElementById('content').scrollWidth - document.getElementById('content').clientWidth"
            )
            <= 1
        )
        assert not re.search(r"\b[a-z]+\.[a-zA-Z]+\b", page.inner_text("#content").replace("area.osm.pbf", ""))
        page.goto("about:blank")
    assert watched_phone.errors == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_axe_finds_nothing(browser: Browser, sample_map: Path, axe: str, code: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, bypass_csp=True)
    page = context.new_page()
    found = []
    for state in STATES:
        page.goto("about:blank")
        page.goto(f"{sample_map.as_uri()}#lang={code}&{state}")
        page.wait_for_selector("canvas.leaflet-tile", state="attached")
        page.wait_for_timeout(200)
        page.evaluate(axe)
        result = page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        )
        found += [(state, v["id"], [node["html"][:120] for node in v["nodes"]]) for v in result["violations"]]
    context.close()
    assert found == []


@pytest.mark.parametrize(
    ("state", "pages"), [("tab=key", 1), ("tab=whatif&if=landfill~700", 1), ("at=bishkek/0001", 2)]
)
def test_prints_on_few_pages(watched: Watched, sample_map: Path, state: str, pages: int) -> None:
    page = watched.open(sample_map, state)
    page.wait_for_timeout(500)
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) <= pages


def test_a_print_says_what_was_asked(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "tab=whatif&if=landfill~700&map=15/42.967/74.605")
    page.wait_for_selector("#whatif-buildings")
    homes, people = page.inner_text("#whatif-buildings"), page.inner_text("#whatif-residents")
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    said = page.inner_text("#print")
    assert homes in said
    assert people in said
    assert "Landfill" in said
    assert "Airport" not in said, "a class that is not in view"
    imprint = page.inner_text("#imprint")
    assert "about 1 : " in imprint
    assert "if=landfill~700" in imprint


def test_a_table_prints_as_a_table(watched: Watched, sample_map: Path, sample: sample_tables.Sample) -> None:
    page = watched.open(sample_map, "tab=table")
    page.emulate_media(media="print")
    assert page.locator("#map").is_hidden()
    assert page.locator("tbody tr:visible").count() == len(sample.tables["settlements"])
    assert page.locator("#csv").is_hidden()


def test_a_number_beyond_the_slider_is_said(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "tab=whatif&if=landfill~100")
    page.wait_for_selector("#whatif-buildings")
    page.fill("#whatif-metres", "1500")
    page.keyboard.press("Enter")
    assert page.input_value("#whatif-metres") == "1000"
    assert "known up to 1,000 m" in page.inner_text("#whatif-beyond")
    assert "landfill~1000" in page.url
    assert page.get_attribute("#whatif-limit", "aria-valuetext") == "1,000 m"
    page.wait_for_timeout(700)
    assert re.fullmatch(
        r"Within 1,000 m: \d+ homes, [\d,]+ to [\d,]+ residents\.", page.inner_text(".asked [role=status].hidden")
    )


def test_a_year_that_is_none_is_the_nearest(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "year=1999")
    assert page.inner_text("#growth .year") == "2000"


def test_no_cross_after_a_drag(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map)
    cross = "() => getComputedStyle(document.querySelector('.folium-map'), '::after').content"
    page.focus(".folium-map")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(cross) != "none"
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 200, steps=5)
    page.mouse.up()
    assert page.evaluate(cross) == "none"


def test_the_picture_has_200_dpi_and_the_map(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "map=15/42.967/74.605&here=42.9675,74.6052")
    page.wait_for_timeout(800)
    with page.expect_download() as download:
        page.click("#tool-picture")
    png = download.value.path().read_bytes()
    assert png.startswith(b"\x89PNG")
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    assert width == round(277 / 25.4 * 200)
    assert 0.6 * width < height < 1.6 * width
    assert watched.errors == []
    assert [url for url in watched.requests if not url.startswith(("data:", "blob:", "file:"))] == []


def test_places_hazards_and_coordinates_are_found(
    watched: Watched, sample: sample_tables.Sample, write_map: Callable[..., MapFiles]
) -> None:
    context = sample.context
    places = context["places"].assign(name=[f"Восток-{number}" for number in range(len(context["places"]))])
    page = watched.open(write_map(sample, places=places).index)
    page.fill("#search", "vostok-5")
    assert "Vostok" in page.inner_text("#search-list") or "Восток-5" in page.inner_text("#search-list")
    page.fill("#search", "42.9675, 74.6052")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-rule='KG.landfill']")
    page.fill("#search", "cemetery")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1500)
    lat, lon = page.evaluate("() => { const { lat, lng } = map_planner.getCenter(); return [lat, lng] }")
    cemetery = sample.tables["hazards"].query("hazard_class == 'cemetery'").geometry.iloc[0].centroid
    assert (lat, lon) == pytest.approx((cemetery.y, cemetery.x), abs=0.005)


def test_kinds_and_classes_can_be_left_out(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "lang=en&map=15/42.967/74.605")
    page.wait_for_timeout(500)
    assert page.locator("#class-landfill").count() == 1
    assert page.locator("#class-aerodrome").count() == 0
    page.click("#zones-more")
    assert page.locator("#class-aerodrome").count() == 1
    page.click("#solo-railway")
    assert "nozone=" in page.url
    assert not page.is_checked("#class-landfill")
    assert page.is_checked("#class-railway")
    page.click("#zones-all")
    assert "nozone" not in page.url
    page.uncheck("#filter-novostroika")
    assert "nokind=novostroika" in page.url
    page.click("#filter-none")
    assert "nokind" not in page.url


def test_a_detail_gives_back_scroll_and_focus(watched: Watched, sample_map: Path) -> None:
    page = watched.open(sample_map, "tab=table")
    last = page.locator("tbody button.link").last
    last.scroll_into_view_if_needed()
    name = last.get_attribute("id")
    top = page.evaluate("() => document.getElementById('content').scrollTop")
    assert top > 100
    last.click()
    page.wait_for_selector("#details-title")
    page.click("#close-details")
    page.wait_for_selector("table.ranked")
    assert page.evaluate("() => document.activeElement.id") == name
    assert page.evaluate("() => document.getElementById('content').scrollTop") == pytest.approx(top, abs=30)


class _RangeHandler(SimpleHTTPRequestHandler):
    """Serves files with HTTP Range, as the served page needs."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked:
            first, last = int(asked[1]), min(int(asked[2]), len(data) - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            data = data[first : last + 1]
        else:
            self.send_response(200)
        self.send_header("Content-Type", "text/html" if path.suffix == ".html" else "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server(sample_map: Path) -> Iterator[str]:
    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(_RangeHandler, directory=str(sample_map.parent)))
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def test_served_page_reads_tiles_by_range(watched: Watched, server: str) -> None:
    statuses: list[int] = []
    watched.page.on("response", lambda response: response.url.endswith(".html") or statuses.append(response.status))
    watched.page.goto(f"{server}/served.html#tab=whatif&if=landfill~500&map=14/42.958/74.6")
    watched.page.wait_for_selector("#whatif-buildings")
    watched.page.wait_for_timeout(800)
    assert watched.errors == []
    assert set(statuses) == {206}
    assert len(statuses) <= 20


def test_an_area_without_anything(watched: Watched, write_map: Callable[..., MapFiles]) -> None:
    bare = sample_tables.make(50)
    nothing = sample_tables.empty()
    page = watched.open(
        write_map(sample_tables.Sample(nothing.tables, bare.context, nothing.zones, bare.projected)).index
    )
    for tab in TABS:
        page.click(f"#tab-{tab}")
        assert page.inner_text("#content")
    assert "no building" in page.inner_text("#notice")
    assert watched.errors == []


def test_an_area_with_nothing_at_all(watched: Watched, write_map: Callable[..., MapFiles]) -> None:
    page = watched.open(write_map(sample_tables.empty()).index, "lang=ru")
    assert "нет ни одного здания" in page.inner_text("#notice")
    assert watched.errors == []


def test_an_online_basemap_is_asked_only_when_switched_on(
    watched: Watched, sample: sample_tables.Sample, write_map: Callable[..., MapFiles]
) -> None:
    basemap = Basemap(url="https://tile.invalid/{z}/{x}/{y}.png", attribution="© Example")
    page = watched.open(write_map(sample, basemap=basemap).index)
    page.wait_for_timeout(300)
    assert [url for url in watched.requests if "tile.invalid" in url] == []
    page.check("#basemap")
    page.wait_for_timeout(300)
    assert any(url.startswith("https://tile.invalid/") for url in watched.requests)
    assert "© Example" in page.inner_text(".leaflet-control-attribution")
    assert not any("Content Security Policy" in error for error in watched.errors)


@pytest.mark.parametrize("spelling", ["Ak-Zhar", "Ак Жар", "ak jar", "Ақ-Жар", "акжар"])
def test_search_by_any_spelling(
    watched: Watched, sample_map: Path, sample: sample_tables.Sample, spelling: str
) -> None:
    page = watched.open(sample_map)
    page.fill("#search", spelling)
    page.keyboard.press("Enter")
    page.wait_for_selector("#details-title")
    assert f"at={sample.tables['settlements']['settlement_id'].min()}" in page.url


def test_too_many_buildings_for_one_file(
    watched: Watched, sample: sample_tables.Sample, write_map: Callable[..., MapFiles]
) -> None:
    files = write_map(sample, embed_limit=1000)
    assert not files.embedded
    watched.page.goto(files.index.as_uri())
    watched.page.wait_for_function(READY)
    assert "novostroiki serve" in watched.page.inner_text("#notice")
    watched.page.click("#tab-table")
    assert watched.page.locator("tbody tr").count() == len(sample.tables["settlements"])
    assert watched.errors == []


def test_the_page_data_is_what_the_tables_say(sample_map: Path, sample: sample_tables.Sample) -> None:
    text = sample_map.read_text(encoding="utf-8")
    found = re.search(r'id="novostroiki-data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert [s["id"] for s in data["settlements"]] == sorted(sample.tables["settlements"]["settlement_id"])
    assert data["whatif"]["buildings"] == len(sample.tables["buildings"])
    assert data["area"]["simulated"] is True
