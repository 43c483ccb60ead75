"""The WSF Tracker: half-years read from a sharded Zarr as the provider lays it out, by few requests."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
import zarr
from affine import Affine
from numpy.testing import assert_array_equal

from pipeline.config import Area, Inputs, Names
from pipeline.errors import InputError
from pipeline.extract import inputs, live
from pipeline.extract.wsf import tracker
from tests.faults import cases, city, servers
from tests.faults.cases import RECOVERS, Case
from tests.faults.conftest import MakeConfig, only
from tests.faults.servers import Request, Server, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.declared.catalogue import Catalogue
    from pipeline.extract.area_inputs import AreaInputs

BISHKEK = Area(area_id="bishkek", country="KG", bbox=(74.30, 42.70, 74.85, 43.10), name=Names(en="Bishkek"))
WEST, NORTH, CELL = -180.00001488697754, 78.0100585990529, 8.983152841195216e-05
SHAPE = (1_540_000, 4_007_500)
SHARD, CHUNK = 8192, 256
ROOT = "/World_WSF.zarr"


def cells(area: Area) -> tuple[slice, slice]:
    """Return rows and columns of the cells that an area lies in."""
    west, south, east, north = area.bbox
    columns = slice(int((west - WEST) / CELL), int((east - WEST) / CELL) + 1)
    return slice(int((NORTH - north) / CELL), int((NORTH - south) / CELL) + 1), columns


def make_twin(folder: Path, area: Area) -> np.ndarray:
    """Write a Zarr of the provider's grid and layout whose shards around an area are dense; return the area's codes.

    A city of blocks that were built in different half-years, with gardens between its houses, is about as hard to
    compress as the product itself.
    """
    rng = np.random.default_rng(3)
    rows, columns = cells(area)
    group = zarr.open_group(folder, mode="w", zarr_format=3)
    array = group.create_array(
        "0/wsf_tracker",
        shape=SHAPE,
        shards=(SHARD, SHARD),
        chunks=(CHUNK, CHUNK),
        dtype="int8",
        fill_value=0,
        compressors=zarr.codecs.ZstdCodec(level=3),
    )
    first = columns.start // SHARD * SHARD
    last = (columns.stop - 1) // SHARD * SHARD + SHARD
    top = rows.start // SHARD * SHARD
    blocks = rng.integers(0, 21, (SHARD // 32, (last - first) // 32)).astype(np.int8)
    codes = np.kron(blocks, np.ones((32, 32), dtype=np.int8))
    codes[rng.random(codes.shape) < 0.02] = 0
    array[top : top + SHARD, first:last] = codes
    return codes[rows.start - top : rows.stop - top, columns.start - first : columns.stop - first]


def answering(folder: Path) -> Callable[[Request], bytes | None]:
    """Serve a Zarr as files below `ROOT`."""

    def answer(request: Request) -> bytes | None:
        path = folder / request.path.removeprefix(ROOT + "/")
        return path.read_bytes() if request.path.startswith(ROOT) and path.is_file() else None

    return answer


def pointing(url: str, *mirrors: str) -> Catalogue:
    return only(wsf_tracker={"url": url + ROOT, "mirrors": tuple(mirror + ROOT for mirror in mirrors)})


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    folder = tmp_path_factory.mktemp("tracker") / "twin.zarr"
    return folder, make_twin(folder, BISHKEK)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    folder = tmp_path_factory.mktemp("tracker") / "town.zarr"
    return folder, make_twin(folder, city.AREA)


def test_a_city_takes_few_requests_and_few_bytes(twin: tuple[Path, np.ndarray], make_config: MakeConfig) -> None:
    folder, codes = twin
    sent: list[int] = []

    with serving(Server(answering(folder))) as server:
        catalogue = pointing(server.url)
        fetched = live.fetch(BISHKEK, catalogue, make_config(timeout_seconds=20, retry_seconds=60))
        for request in server.requests:
            first, _, last = request.headers.get("Range", "bytes=0-0").removeprefix("bytes=").partition("-")
            sent.append(int(last) - int(first or 0) + 1 if first else int(last))
    assert not fetched.missing
    assert {request.method for request in server.requests} == {"GET"}
    assert len(server.requests) <= 40
    assert sum(sent) <= 15_000_000
    raster = inputs._read_fetched(BISHKEK, catalogue, fetched)["tracker"][0].data
    rows, columns = cells(BISHKEK)
    left = round((WEST + columns.start * CELL - raster.transform.c) / CELL)
    top = round((raster.transform.f - NORTH + rows.start * CELL) / CELL)
    assert_array_equal(raster.values[top : top + codes.shape[0], left : left + codes.shape[1]], codes)


def test_a_copy_on_disk_gives_the_same(small: tuple[Path, np.ndarray], make_config: MakeConfig, tmp_path: Path) -> None:
    folder, _ = small
    with serving(Server(answering(folder))) as server:
        fetched = live.fetch(city.AREA, pointing(server.url), make_config(timeout_seconds=20))
    (path,) = fetched.paths("wsf_tracker")
    from_server, from_disk = tracker.read(path, city.AREA), tracker.read(folder, city.AREA)
    assert_array_equal(from_server.data.values, from_disk.data.values[1:-1, 1:-1])
    assert from_disk.data.values.max() == 20
    assert from_disk.sources[0].dataset == "wsf_tracker"
    empty = shutil.copytree(folder, tmp_path / "empty.zarr", ignore=shutil.ignore_patterns("c"))
    assert not tracker.read(empty, city.AREA).data.values.any(), "what was not written was never built"
    with pytest.raises(InputError, match="cannot be read as the WSF Tracker"):
        tracker.read(tmp_path, city.AREA)


TRACKER = "sharded Zarr"
FAULTS = [
    Case(TRACKER, "503", RECOVERS, [None, servers.status(503)], how="asked again"),
    Case(
        TRACKER,
        "503 without end",
        "the server answers 503 Service Unavailable",
        [None, servers.status(503)],
        forever=True,
        live=cases.IMPATIENT,
    ),
    Case(TRACKER, "404", "it is not there (404)", [None, servers.status(404)]),
    Case(TRACKER, "body cut in the middle", RECOVERS, [None, None, servers.cut], how="asked again"),
    Case(TRACKER, "HTML instead of the description", RECOVERS, [None, servers.body(servers.HTML)], how="asked again"),
    Case(
        TRACKER,
        "HTML instead of a shard's index",
        RECOVERS,
        [None, None, servers.body(servers.HTML)],
        how="asked again",
    ),
]


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case.name)
def test_faults(case: Case, small: tuple[Path, np.ndarray], make_config: MakeConfig) -> None:
    folder, codes = small
    with serving(Server(answering(folder), list(case.script), forever=case.forever)) as server:
        fetched = live.fetch(city.AREA, pointing(server.url), make_config(timeout_seconds=5, **case.live))
    if case.outcome == RECOVERS:
        with rasterio.open(fetched.paths("wsf_tracker")[0]) as raster:
            assert (raster.read(1) > 0).sum() >= (codes > 0).sum()
    else:
        assert case.outcome in fetched.missing["wsf_tracker"]


OUT_OF_REACH = Case(TRACKER, "refused connection", "the connection failed", live=cases.IMPATIENT)


def test_refused_connection(make_config: MakeConfig) -> None:
    fetched = live.fetch(city.AREA, pointing(servers.refused()), make_config(**OUT_OF_REACH.live))
    assert OUT_OF_REACH.outcome in fetched.missing["wsf_tracker"]


DEAD = Case(TRACKER, "one server dead, its mirror sound", RECOVERS, how="the mirror was asked")


def test_the_mirror_is_asked(small: tuple[Path, np.ndarray], make_config: MakeConfig) -> None:
    with serving(Server(answering(small[0]))) as server:
        catalogue = pointing(servers.refused(), server.url)
        fetched = live.fetch(city.AREA, catalogue, make_config(timeout_seconds=5))
    assert fetched.downloads[0].fetched_from == server.url + ROOT


def write_codes(path: Path, values: np.ndarray) -> Path:
    west, _, _, north = city.AREA.bbox
    transform = Affine(CELL, 0, west - 5 * CELL, 0, -CELL, north + 5 * CELL)
    path.write_bytes(city.geotiff(values.astype(np.uint8 if values.max() < 256 else np.uint16), transform, "EPSG:4326"))
    return path


def test_half_years_given_as_years_are_refused_by_name_and_the_reverse(tmp_path: Path) -> None:
    shape = (400, 480)
    half_years = write_codes(tmp_path / "tracker.tif", np.random.default_rng(1).integers(0, 21, shape))
    years = write_codes(tmp_path / "onset.tif", np.random.default_rng(1).integers(1985, 2016, shape))
    osm = city.write_osm(tmp_path / "town.osm.pbf")
    catalogue = only(osm={}, wsf_evolution={}, wsf_tracker={})

    def read(**given: Path) -> AreaInputs:
        area = city.AREA.model_copy(update={"inputs": Inputs.model_validate({"osm": (osm,), **given})})
        return inputs.read(area, catalogue).data

    found = read(onset=years, tracker=half_years)
    assert found.onset is not None
    assert found.tracker is not None
    assert "tracker" not in found.missing
    with pytest.raises(
        InputError,
        match=r"tracker\.tif holds half-years, as the WSF Tracker does, not years; name it under inputs\.tracker",
    ):
        read(onset=half_years)
    with pytest.raises(InputError, match="no half-year of the WSF Tracker"):
        read(tracker=years)
