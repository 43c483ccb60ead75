"""Pictures of finished maps, to be looked at: ``python -m tests.browser.screenshots MAPS_DIR PICTURES_DIR``.

For every ``<area>/index.html`` below the first folder: desktop and phone in four languages, details, what-if, table,
growth, and the printed page.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.conftest import FLAGS, READY, chromium_path

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LANGUAGES = ("en", "ru", "ky", "kk")
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
_SETTLE_MS = 1800


def shoot(browser: Browser, index: Path, pictures: Path) -> None:
    """Write the pictures of one map."""
    area = index.parent.name
    for code in LANGUAGES:
        for device, size in (("desktop", DESKTOP), ("phone", PHONE)):
            _picture(browser, index, f"lang={code}", size, pictures / f"{area}-{device}-{code}.png")
        _picture(browser, index, f"lang={code}", DESKTOP, pictures / f"{area}-print-{code}.pdf")
    views = {
        "table": "tab=table&sort=-zones",
        "whatif": "tab=whatif&if=landfill~1000",
        "growth": "year=2005",
        "unregistered": "theme=unregistered",
    }
    for name, state in views.items():
        _picture(browser, index, f"lang=en&{state}", DESKTOP, pictures / f"{area}-{name}.png")
    _details(browser, index, pictures / f"{area}-details.png")


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
    page.goto(f"{index.resolve().as_uri()}#tab=table&sort=-zones")
    page.wait_for_function(READY)
    first = page.locator("tbody button.link")
    if first.count() > 0:
        first.first.click()
        page.wait_for_timeout(_SETTLE_MS)
        page.screenshot(path=target)
    context.close()


def main(maps: Path, pictures: Path) -> None:
    """Picture every map below `maps`."""
    from playwright.sync_api import sync_playwright

    pictures.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        for index in sorted(maps.glob("*/index.html")):
            shoot(browser, index, pictures)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
