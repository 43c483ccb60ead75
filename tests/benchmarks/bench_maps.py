"""The planner's map beside folium.GeoJson in one run: size, first tiles, pan, what-if, a plan, a place, memory.

``python tests/benchmarks/bench_maps.py [BUILDINGS] [--served] [--no-peer]``: 100,000 buildings by default. With
--served the map is read over HTTP Range from `novostroiki serve`'s server, as a million buildings need it. Prints one
JSON object; beside seconds on the clock, those for which the page's own thread held a processor (``busy``), which other
processes on the machine change little.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import Page, sync_playwright
from pmtiles.reader import MmapSource, all_tiles

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline.commands.serve import open_server
from pipeline.load.planner_map import map_page, tiles
from tests.browser.conftest import FLAGS, chromium_path
from tests.browser.test_area import geojson, homes_in, star
from tests.load import sample_tables

_PAN = """async () => {
    const map = window.MAP, times = [];
    let last = performance.now();
    for (let i = 0; i < 120; i++) {
        map.panBy([i % 40 < 20 ? 24 : -24, 6 * Math.sign(Math.sin(i))], { animate: false });
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        times.push(now - last);
        last = now;
    }
    return times;
}"""
_FIRST = "() => [...document.querySelectorAll('canvas.leaflet-tile')].some(tile => tile.width > 0)"
_FULL = """() => { const tiles = [...document.querySelectorAll('.leaflet-tile')];
    return tiles.length > 0 && tiles.every(tile => tile.classList.contains('leaflet-tile-loaded')); }"""
_WHATIF = """async (limit) => {
    const slider = document.getElementById('whatif-limit');
    const before = performance.now();
    const canvas = [...document.querySelectorAll('canvas.leaflet-tile')];
    const painted = new Promise(resolve => {
        const original = CanvasRenderingContext2D.prototype.clearRect;
        let left = canvas.length;
        CanvasRenderingContext2D.prototype.clearRect = function (...args) {
            original.apply(this, args);
            if (--left === 0) { CanvasRenderingContext2D.prototype.clearRect = original; setTimeout(resolve); }
        };
    });
    slider.value = limit;
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    await painted;
    return performance.now() - before;
}"""


_PLAN = """async text => {
    const data = new DataTransfer();
    data.items.add(new File([text], "plan.geojson"));
    const before = performance.now();
    document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
    const cell = () => document.querySelector("#area-figures [data-figure='homes'] td")?.textContent ?? "…";
    while (cell() === "…") await new Promise(resolve => setTimeout(resolve));
    return [performance.now() - before, Number(cell().replace(/[^0-9]/g, ""))];
}"""
_HERE = """async () => {
    const before = performance.now();
    map_planner.fire("click", { latlng: map_planner.getCenter() });
    while (!document.querySelector("#here-title[data-ready]")) await new Promise(resolve => setTimeout(resolve));
    return performance.now() - before;
}"""


class Clock:
    """Seconds for which the thread that draws and reckons held a processor."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def seconds(self) -> float:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def _plans(page: Page, tables: dict[str, Any], centre: tuple[float, float], clock: Clock) -> dict[str, Any]:
    """Ask for three plans of 500 vertices, and what is at a place: the first plan waits for what is read once."""
    times, busy = [], []
    for reach in (0.03, 0.05, 0.08):
        plan = star(centre[1], centre[0], 500, reach)
        before = clock.seconds()
        took, homes = page.evaluate(_PLAN, geojson(plan))
        busy.append(round(1000 * (clock.seconds() - before)))
        if homes != len(homes_in(tables, plan)):
            msg = f"the page counts {homes} homes, the tables {len(homes_in(tables, plan))}"
            raise AssertionError(msg)
        times.append(round(took))
        page.click("#area-remove-0")
    page.evaluate("() => { location.hash = 'tab=key' }")
    page.wait_for_timeout(500)
    return {"plan_ms": times, "plan_busy_ms": busy, "here_ms": round(page.evaluate(_HERE))}


def _since(page: Page, condition: str, start: float) -> float:
    page.wait_for_function(condition, timeout=120_000, polling=20)
    return round(time.perf_counter() - start, 2)


def _heap_mb(page: Page) -> float:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    # Array buffers (the archive, distances) and the DOM's own objects lie outside the script's heap proper.
    parts = ("usedSize", "embedderHeapUsedSize", "backingStorageSize")
    return round(sum(usage.get(part, 0) for part in parts) / 1e6, 1)


def _pan(page: Page, map_name: str) -> dict[str, float]:
    page.evaluate(f"() => {{ window.MAP = {map_name} }}")
    times = page.evaluate(_PAN)
    return {"p50_ms": round(median(times), 1), "p95_ms": round(quantiles(times, n=20)[18], 1)}


def measure(page: Page, address: str, tables: dict[str, Any], centre: tuple[float, float]) -> dict[str, Any]:
    """Load times, pan, what-if repaint and heap of one page of ours."""
    requests: list[str] = []
    page.on("request", lambda request: request.url.startswith("data:") or requests.append(request.url))
    clock = Clock(page)
    start = time.perf_counter()
    page.goto(f"{address}#map=13/{centre[0]}/{centre[1]}&tab=whatif&if=railway~100")
    result: dict[str, Any] = {"first_tiles_s": _since(page, _FIRST, start), "full_view_s": _since(page, _FULL, start)}
    result["busy_s"] = round(clock.seconds(), 2)
    result["requests"] = len(requests)
    page.wait_for_selector("#whatif-buildings")
    page.wait_for_timeout(500)
    result["heap_loaded_mb"] = _heap_mb(page)
    repaints = []
    for limit in (20, 60, 120, 180, 40):
        repaints.append(page.evaluate(_WHATIF, limit))
        page.wait_for_timeout(300)
    result["whatif_ms"] = round(median(repaints), 0)
    result["pan"] = _pan(page, "map_planner")
    result |= _plans(page, tables, centre, clock)
    page.wait_for_timeout(1000)
    result["heap_used_mb"] = _heap_mb(page)
    return result


def peer(page: Page, sample: sample_tables.Sample, folder: Path, centre: tuple[float, float]) -> dict[str, Any]:
    """folium.GeoJson with the same buildings and attributes, its libraries taken from the client's folder."""
    import folium

    frame = sample.tables["buildings"][["building_id", "kind", "footprint_m2", "geometry"]]
    chart = folium.Map(centre, zoom_start=13, tiles=None, prefer_canvas=True)
    chart.default_js, chart.default_css = [], []
    folium.GeoJson(frame.to_json()).add_to(chart)
    text = chart.get_root().render()
    leaflet = Path(__file__).parents[2] / "maps" / "client" / "node_modules" / "leaflet" / "dist"
    library = (leaflet / "leaflet.js").read_text(encoding="utf-8")
    style = (leaflet / "leaflet.css").read_text(encoding="utf-8")
    text = text.replace("</head>", f"<style>{style}</style><script>{library}</script></head>", 1)
    path = folder / "peer.html"
    path.write_text(text, encoding="utf-8")
    start = time.perf_counter()
    page.goto(path.as_uri())
    drawn = _since(page, "() => document.querySelectorAll('canvas.leaflet-zoom-animated').length > 0", start)
    return {
        "html_mb": round(path.stat().st_size / 1e6, 1),
        "first_s": drawn,
        "pan": _pan(page, chart.get_name()),
        "heap_mb": _heap_mb(page),
    }


def main(buildings: int, *, served: bool, with_peer: bool) -> dict[str, Any]:
    """Build and measure one map."""
    sample = sample_tables.make(buildings)
    rows = sample.tables["settlements"]
    largest = rows.loc[rows["buildings"].idxmax()].geometry.centroid
    centre = (largest.y, largest.x)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        start = time.perf_counter()
        tiles.build(sample.tables, sample.zones, sample.context, folder / "bishkek.pmtiles")
        built = time.perf_counter()
        files = map_page.build(sample.tables, folder / "bishkek.pmtiles", folder)
        with files.tiles.open("rb") as archive:
            largest_tile = max(len(data) for _, data in all_tiles(MmapSource(archive)))
        result: dict[str, Any] = {
            "buildings": len(sample.tables["buildings"]),
            "tiles_s": round(built - start, 1),
            "page_s": round(time.perf_counter() - built, 1),
            "html_mb": round(files.index.stat().st_size / 1e6, 2),
            "largest_tile_kb": round(largest_tile / 1e3),
        }
        server = open_server(folder, 0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"{server.url}served.html" if served else files.index.as_uri()
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            result["ours"] = measure(page, address, sample.tables, centre)
            page.close()
            if with_peer:
                result["folium_geojson"] = peer(browser.new_page(), sample, folder, centre)
            browser.close()
        server.shutdown()
        server.server_close()
    return result


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    outcome = main(
        numbers[0] if numbers else 100_000, served="--served" in sys.argv, with_peer="--no-peer" not in sys.argv
    )
    sys.stdout.write(json.dumps(outcome, indent=2) + "\n")
