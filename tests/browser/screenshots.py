"""Pictures of a run's outputs, to be looked at: ``python -m tests.browser.screenshots OUT PICTURES``.

For every map of the run: desktop and phone in four languages, details, what-if, table, growth, two years side by side,
dark ground, and the printed page.
With ``--docs`` as a third argument instead the six pictures of README and docs, of Bishkek:
``python -m tests.browser.screenshots out docs/images --docs``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.schema import vocabulary
from tests.browser.conftest import FLAGS, READY, chromium_path

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LANGUAGES = tuple(vocabulary.LANGUAGES)
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
EMBED = {"width": 800, "height": 900}
DEVICES = {
    "desktop": DESKTOP,
    "phone": PHONE,
    "side": {"width": 740, "height": 360},
    "zoomed": {"width": 640, "height": 400},  # 1280 x 800 at 200 %
}
_SETTLE_MS = 1800


def shoot(browser: Browser, index: Path, pictures: Path) -> None:
    """Write the pictures of one map."""
    area = index.parent.name
    west, south, east, north = _bounds(browser, index)
    middle = f"here={(south + north) / 2:.5f},{(west + east) / 2:.5f}"
    views = {
        "first": "",
        "key": "tab=key",
        "here": middle,
        "area": "tab=area",
        "whatif": "tab=whatif&if=landfill~1000",
        "table": "tab=table&sort=-zones",
        "about": "tab=about",
        "growth": "year=2005",
        "swipe": "swipe=1995",
        "dark": "tab=key&ground=dark",
        "unregistered": "theme=unregistered",
    }
    for code in LANGUAGES:
        for name, state in views.items():
            for device, size in DEVICES.items():
                _picture(
                    browser,
                    index,
                    f"lang={code}&{state}".rstrip("&"),
                    size,
                    pictures / f"{area}-{name}-{device}-{code}.png",
                )
        for name in ("key", "here", "whatif", "table"):
            _picture(
                browser, index, f"lang={code}&{views[name]}", DESKTOP, pictures / f"{area}-print-{name}-{code}.pdf"
            )
    _details(browser, index, pictures / f"{area}-details.png")


def _bounds(browser: Browser, index: Path) -> list[float]:
    """Return what the first view of a map shows (west, south, east, north)."""
    page = browser.new_context(viewport=DESKTOP).new_page()  # type: ignore[arg-type]
    page.goto(index.resolve().as_uri())
    page.wait_for_function(READY)
    bounds = page.evaluate("() => map_planner.getBounds().toBBoxString().split(',').map(Number)")
    page.context.close()
    return list(bounds)


def _picture(browser: Browser, index: Path, state: str, size: dict[str, int], target: Path) -> None:
    context = browser.new_context(viewport=size, device_scale_factor=1)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{index.resolve().as_uri()}#{state}")
    page.wait_for_function(READY)
    page.wait_for_timeout(_SETTLE_MS)
    if target.suffix == ".pdf":
        page.pdf(path=target, prefer_css_page_size=True, print_background=True)
    else:
        page.screenshot(path=target)
    context.close()


def _details(browser: Browser, index: Path, target: Path) -> None:
    """The settlement that the table ranks first by red zones."""
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{index.resolve().as_uri()}#lang=en&tab=table&sort=-zones")
    page.wait_for_function(READY)
    first = page.locator("tbody button.link")
    if first.count() > 0:
        first.first.click()
        page.wait_for_timeout(_SETTLE_MS)
        page.screenshot(path=target)
    context.close()


def _search(browser: Browser, index: Path, name: str, target: Path) -> None:
    """The settlement that the search finds first."""
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{index.resolve().as_uri()}#lang=en&tab=key")
    page.wait_for_function(READY)
    page.fill("#search", name)
    page.keyboard.press("Enter")
    page.wait_for_timeout(_SETTLE_MS)
    page.screenshot(path=target)
    context.close()


def _plain(browser: Browser, path: Path, size: dict[str, int], target: Path) -> None:
    """The top of a page that is not a map of the planner."""
    context = browser.new_context(viewport=size, locale="en-GB")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(path.resolve().as_uri())
    page.wait_for_timeout(_SETTLE_MS)
    page.screenshot(path=target)
    context.close()


def shoot_docs(browser: Browser, out: Path, pictures: Path) -> None:
    """Write the pictures of README and docs."""
    index = out / "maps" / "bishkek" / "index.html"
    _picture(browser, index, "lang=en&tab=key", DESKTOP, pictures / "map.png")
    _picture(browser, index, "lang=en&tab=whatif&if=landfill~1000", DESKTOP, pictures / "whatif.png")
    _picture(browser, index, "lang=ru&tab=key", PHONE, pictures / "phone.png")
    _search(browser, index, "Ak-Jar", pictures / "details.png")
    _plain(browser, out / "public" / "embed" / "bishkek" / "index.html", EMBED, pictures / "embed.png")
    _plain(browser, out / "report.html", DESKTOP, pictures / "report.png")


def main(out: Path, pictures: Path, *, docs: bool) -> None:
    """Picture the maps of a run, or what the documentation shows of it."""
    from playwright.sync_api import sync_playwright

    pictures.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        if docs:
            shoot_docs(browser, out, pictures)
        else:
            for index in sorted((out / "maps").glob("*/index.html")):
                shoot(browser, index, pictures)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), docs="--docs" in sys.argv)
