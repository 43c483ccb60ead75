"""The planner's map on small, zoomed and forbidding devices: what must be in view together is, and nothing breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.load import theme
from tests.browser.conftest import READY

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SMALL = {
    "phone": {"width": 360, "height": 740},
    "phone on its side": {"width": 740, "height": 360},
    "200 %": {"width": 640, "height": 400},
    "narrow": {"width": 320, "height": 568},
}
"""Windows in CSS pixels; a screen of 1280 x 800 has 640 x 400 of them at 200 %."""

_SEEN = """ids => ids.map(id => {
    const box = document.getElementById(id).getBoundingClientRect();
    const panel = document.getElementById("content").getBoundingClientRect();
    return box.height > 0 && box.top >= panel.top - 1 && box.bottom <= Math.min(panel.bottom, window.innerHeight) + 1
        && box.left >= -1 && box.right <= window.innerWidth + 1;
})"""


def opened(browser: Browser, path: Path, state: str, **options: Any) -> Page:
    page = browser.new_context(locale="en-US", **options).new_page()
    page.goto(f"{path.as_uri()}#{state}")
    page.wait_for_function(READY)
    page.wait_for_timeout(300)
    return page


@pytest.mark.parametrize("device", SMALL)
@pytest.mark.parametrize("code", ["en", "kk"])
def test_slider_and_figures_are_in_view_together(browser: Browser, sample_map: Path, device: str, code: str) -> None:
    page = opened(browser, sample_map, f"lang={code}&tab=whatif&if=landfill~700", viewport=SMALL[device])
    page.wait_for_selector("#whatif-residents")
    assert page.evaluate(_SEEN, ["whatif-limit", "whatif-metres", "whatif-buildings", "whatif-residents"]) == [True] * 4
    share = page.evaluate(
        """() => { const { width, height } = document.getElementById("panel").getBoundingClientRect();
            return width * height / (innerWidth * innerHeight); }"""
    )
    assert share > 0.4, "the panel can take about half"
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.context.close()


def test_the_sheet_has_three_stops(browser: Browser, sample_map: Path) -> None:
    page = opened(browser, sample_map, "tab=table", viewport=SMALL["phone"], has_touch=True, is_mobile=True)
    heights = []
    for _ in range(3):
        heights.append(page.evaluate("() => document.getElementById('panel').getBoundingClientRect().height"))
        page.focus("#sheet")
        page.keyboard.press("Enter")
        page.wait_for_timeout(100)
    half, full, low = heights
    assert low < 120
    assert 300 < half < full
    assert full > 0.75 * 740
    assert "Size of the panel" in (page.get_attribute("#sheet", "aria-label") or "")
    page.context.close()


@pytest.mark.parametrize("device", SMALL)
def test_no_state_is_wider_than_its_window(browser: Browser, sample_map: Path, device: str) -> None:
    page = opened(browser, sample_map, "lang=kk", viewport=SMALL[device])
    for state in ("tab=key", "tab=area&areas=s~bishkek/0001;s~bishkek/0002", "at=bishkek/0001", "here=42.9675,74.6052"):
        page.evaluate("state => { location.hash = state }", f"lang=kk&{state}")
        page.wait_for_timeout(250)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), state
        assert (
            page.evaluate(
                "() => { const c = document.getElementById('content'); return c.scrollWidth - c.clientWidth }"
            )
            <= 1
        ), state
    page.context.close()


def _contrast(page: Page, selector: str) -> bool:
    """Whether what is chosen looks different from what is not, in the colours that the system forces."""
    return bool(
        page.evaluate(
            """([chosen, other]) => {
                const look = selector => {
                    const { color, backgroundColor } = getComputedStyle(document.querySelector(selector));
                    return `${color} ${backgroundColor}`;
                };
                return look(chosen) !== look(other);
            }""",
            selector.split(" vs "),
        )
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_show_what_is_chosen(browser: Browser, sample_map: Path, scheme: Any) -> None:
    page = opened(browser, sample_map, "lang=en", forced_colors="active", color_scheme=scheme)
    assert _contrast(page, "#tab-key vs #tab-table")
    assert _contrast(page, "#lang-en vs #lang-ru")
    drawn = page.evaluate("() => document.querySelector('.swatch rect').getAttribute('fill')")
    shown = page.evaluate("() => getComputedStyle(document.querySelector('.swatch rect')).fill")
    prefix = "dark-" if scheme == "dark" else ""
    assert drawn == theme.colour(f"{prefix}kind-novostroika"), "a swatch keeps the colour that is on the map"
    assert shown == f"rgb({', '.join(str(int(drawn[i : i + 2], 16)) for i in (1, 3, 5))})"
    page.context.close()


def test_axe_finds_nothing_in_forced_colours(browser: Browser, sample_map: Path, axe: str) -> None:
    page = opened(browser, sample_map, "lang=en", forced_colors="active", bypass_csp=True)
    page.evaluate(axe)
    for state in ("tab=key", "tab=area", "tab=whatif&if=landfill~700", "here=42.9675,74.6052"):
        page.evaluate("state => { location.hash = state }", state)
        page.wait_for_timeout(300)
        found = page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        )
        assert [violation["id"] for violation in found["violations"]] == [], state
    page.context.close()


DARK_STATES = (
    "tab=key",
    "tab=area&areas=s~bishkek/0001",
    "tab=whatif&if=landfill~700",
    "tab=table",
    "tab=about",
    "here=42.9675,74.6052",
    "at=bishkek/0001",
    "swipe=1990",
)


def _theme(page: Page, name: str) -> str:
    return str(page.evaluate("name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()", name))


@pytest.mark.parametrize("code", ["en", "ky"])
def test_axe_finds_nothing_on_dark_ground(browser: Browser, sample_map: Path, axe: str, code: str) -> None:
    page = opened(browser, sample_map, f"lang={code}", color_scheme="dark", bypass_csp=True)
    assert _theme(page, "--paper") == theme.colour("dark-paper")
    page.evaluate(axe)
    for state in DARK_STATES:
        page.evaluate("state => { location.hash = state }", f"lang={code}&{state}")
        page.wait_for_timeout(400)
        found = page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        )
        told = [
            [violation["id"], [node["html"][:90] for node in violation["nodes"]]] for violation in found["violations"]
        ]
        assert told == [], state
    page.context.close()


_GROUND = """() => {
    const tile = [...document.querySelectorAll("canvas.leaflet-tile")].find(canvas => canvas.width > 0);
    const [red, green, blue] = tile.getContext("2d").getImageData(1, 1, 1, 1).data;
    return (red + green + blue) / 3;
}"""


def test_the_ground_is_switched_and_the_choice_travels(browser: Browser, sample_map: Path) -> None:
    """The reader's choice beats the system's, map and page turn together, and the address holds it."""
    page = opened(browser, sample_map, "lang=en", color_scheme="dark")
    page.wait_for_timeout(800)
    assert page.evaluate(_GROUND) < 80
    page.click("#tool-ground")
    page.wait_for_timeout(800)
    assert page.evaluate(_GROUND) > 200
    assert _theme(page, "--paper") == theme.colour("paper")
    assert "ground=light" in page.url
    page.reload()
    page.wait_for_function(READY)
    assert _theme(page, "--paper") == theme.colour("paper")
    page.context.close()


def test_a_print_is_light(browser: Browser, sample_map: Path) -> None:
    """What a print takes is drawn before it: the browser waits neither for a frame nor for a timer."""
    page = opened(browser, sample_map, "lang=en", color_scheme="dark")
    page.wait_for_timeout(1500)
    taken = page.evaluate(
        f"""() => {{
            window.dispatchEvent(new Event("beforeprint"));
            return Promise.resolve().then(async () => {{
                for (let turn = 0; turn < 400; turn++) await null;
                return [({_GROUND})(), getComputedStyle(document.body).color];
            }});
        }}"""
    )
    assert taken[0] > 200
    assert taken[1] == "rgb(31, 29, 26)"
    page.evaluate("() => { window.dispatchEvent(new Event('afterprint')) }")
    page.wait_for_timeout(800)
    assert page.evaluate(_GROUND) < 80
    page.context.close()


def test_without_javascript_there_are_summary_and_table(browser: Browser, sample_map: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(sample_map.as_uri())
    said = page.inner_text("body")
    for words in ("New settlements of Bishkek", "Новые поселения", "Жаңы конуштар", "Жаңа қоныстар", "Simulated city."):
        assert words in said
    assert page.locator("tbody tr").count() > 10
    assert page.locator("#map").is_hidden()
    page.context.close()


def test_without_webgl_and_storage_and_fonts(browser: Browser, sample_map: Path) -> None:
    context = browser.new_context()
    context.add_init_script(
        """const original = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
            return /webgl/.test(kind) ? null : original.call(this, kind, ...rest);
        };
        const refuse = () => { throw new DOMException("denied", "SecurityError"); };
        Object.defineProperty(window, "localStorage", { get: refuse });"""
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(sample_map.as_uri())
    page.wait_for_function(READY)
    page.wait_for_timeout(500)
    page.click("#tour-close")
    assert page.locator("#tour").is_hidden()
    assert page.evaluate("() => document.querySelectorAll('canvas.leaflet-tile').length") > 0
    assert errors == []
    context.close()


def test_the_tour_is_closed_for_good(browser: Browser, sample_map: Path) -> None:
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.goto(sample_map.as_uri())
    page.wait_for_function(READY)
    for _ in range(3):
        page.click("#tour-next")
    assert page.locator("#tour").is_hidden()
    again = context.new_page()
    again.goto(sample_map.as_uri())
    again.wait_for_function(READY)
    assert again.locator("#tour").is_hidden()
    context.close()


def test_a_settlement_prints_with_its_figures(browser: Browser, sample_map: Path) -> None:
    """What was asked about is on the sheet: people, growth and zones, below the map; buttons are not."""
    page = opened(browser, sample_map, "lang=en&at=bishkek/0001")
    page.emulate_media(media="print")
    assert page.locator("#content .estimate").first.is_visible()
    assert page.locator("#details-since-2016").is_visible()
    assert page.locator("#map").is_visible()
    assert not page.locator("#close-details").is_visible()
    assert not page.locator("#print").is_visible()
    page.context.close()
