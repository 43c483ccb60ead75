"""Windows of large rasters, read by HTTP ranges through GDAL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio

from pipeline.extract import live
from tests.faults import cases, city, servers
from tests.faults.cases import RECOVERS, Case
from tests.faults.conftest import MakeConfig, only
from tests.faults.servers import Server, files, serving

if TYPE_CHECKING:
    from pipeline.declared.catalogue import Catalogue
    from pipeline.extract.live import Fetched

PEOPLE = city.degrees_tile(72, 42, 3, cells=1200)
PATH = "/pop_KGZ.tif"

RANGES = "HTTP ranges"
CASES = [
    Case(RANGES, "503", RECOVERS, [None, servers.status(503)], how="asked again"),
    Case(
        RANGES,
        "503 without end",
        "the server answers 503",
        [servers.status(503)],
        forever=True,
        live=cases.IMPATIENT,
    ),
    Case(
        RANGES, "HTML instead of the file", RECOVERS, [None, servers.body(servers.HTML)], how="found wrong, asked again"
    ),
    Case(RANGES, "body cut in the middle", RECOVERS, [None, servers.cut], how="asked again"),
]
CHANGED = Case(RANGES, "the file changes between two ranges", RECOVERS, how="read anew, all of the new one")


def people(url: str) -> Catalogue:
    return only(worldpop={"url": url + "/pop_{country}.tif", "feeds": "population"})


def fetch(case: Case, make_config: MakeConfig, url: str) -> Fetched:
    return live.fetch(city.AREA, people(url), make_config(timeout_seconds=1.0, **case.live))


def check(fetched: Fetched, right: bytes) -> None:
    (path,) = fetched.paths("worldpop")
    with rasterio.MemoryFile(right) as memory, memory.open() as whole, rasterio.open(path) as part:
        values = part.read(1)
        rows, columns = part.shape
        west, north = part.transform.c, part.transform.f
        row, column = whole.index(west + whole.res[0] / 2, north - whole.res[1] / 2)
        expected = whole.read(1, window=((row, row + rows), (column, column + columns)))
        assert part.bounds.left <= city.AREA.bbox[0] < city.AREA.bbox[2] <= part.bounds.right
        assert part.bounds.bottom <= city.AREA.bbox[1] < city.AREA.bbox[3] <= part.bounds.top
        assert part.shape[0] * part.shape[1] < 2000
    np.testing.assert_array_equal(values, expected)


def test_only_the_window_is_fetched(make_config: MakeConfig) -> None:
    with serving(Server(files({PATH: PEOPLE}))) as server:
        fetched = fetch(CASES[0], make_config, server.url)
    check(fetched, PEOPLE)
    ranges = [request.headers["Range"] for request in server.requests if "Range" in request.headers]
    asked = sum(int(last) - int(first) for first, last in (item.removeprefix("bytes=").split("-") for item in ranges))
    assert 0 < asked < len(PEOPLE) / 2
    assert all("me@here" in request.headers["User-Agent"] for request in server.requests)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_faults(case: Case, make_config: MakeConfig) -> None:
    with serving(Server(files({PATH: PEOPLE}), list(case.script), forever=case.forever)) as server:
        if case.outcome == RECOVERS:
            check(fetch(case, make_config, server.url), PEOPLE)
        else:
            message = fetch(case, make_config, server.url).missing["worldpop"]
            assert case.outcome in message
            assert server.url + PATH in message


def test_change_while_reading(make_config: MakeConfig) -> None:
    content = {PATH: PEOPLE}
    newer = city.degrees_tile(72, 42, 3, cells=900)

    def change(handler: servers.Handler, _: bytes | None) -> None:
        handler.well(servers.Request("GET", PATH, dict(handler.headers), b""))
        content[PATH] = newer

    with serving(Server(files(content), [change])) as server:
        fetched = fetch(CHANGED, make_config, server.url)
    check(fetched, newer)


def test_missing_file(make_config: MakeConfig) -> None:
    with serving(Server(files({}))) as server:
        assert "it is not there (404)" in fetch(CASES[0], make_config, server.url).missing["worldpop"]
