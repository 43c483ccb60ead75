"""Live inputs from local servers: the plan, everything at once, frozen, and equal to what files give."""

from __future__ import annotations

import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import rasterio
from geopandas.testing import assert_geodataframe_equal
from numpy.testing import assert_array_equal

from pipeline.config import Area, Config, Live, Names, Run
from pipeline.declared import catalogue
from pipeline.declared.catalogue import Catalogue
from pipeline.errors import InputError, SourceError
from pipeline.extract import inputs, live, osm
from pipeline.extract.ghsl import grid
from pipeline.extract.http import lock
from pipeline.extract.http.cache import Cache
from pipeline.extract.http.lock import Lock, Request
from pipeline.extract.microsoft.quadkeys import quadkeys
from pipeline.extract.osm import overpass_json
from pipeline.extract.raster_tiles import archive, windows
from tests.faults import city
from tests.faults.overpass_server import Database
from tests.faults.servers import Request as HttpRequest
from tests.faults.servers import Server, files, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.extract.http.download import Progress

YEARS = (1990, 2020)


@dataclass
class World:
    """All servers in one, and the catalogue that points there."""

    server: Server
    catalogue: Catalogue
    content: dict[str, bytes]
    osm: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = city.write_osm(tmp_path_factory.mktemp("world") / "town.osm.pbf")
    database = Database.of(path)
    content: dict[str, bytes] = {}

    def answer(request: HttpRequest) -> bytes | None:
        return database.answer(request) if request.method == "POST" else files(content)(request)

    with serving(Server(answer)) as server:
        index = f"Location,QuadKey,Url,Size\nKyrgyzstan,121323201,{server.url}/part.csv.gz,1KB\n"
        content |= {
            "/links.csv": index.encode(),
            "/part.csv.gz": city.footprints(),
            "/wsf_74_42.tif": city.degrees_tile(),
        }
        content |= {f"/ghs_{year}_4_25.zip": city.mollweide_tile(year) for year in YEARS}
        content["/pop_4_25.zip"] = city.people_tile()
        yield World(server, _pointing_to(server.url), content, path)


def _pointing_to(url: str) -> Catalogue:
    whole = catalogue.default()
    changed = {
        "osm": {"url": url + "/api", "mirrors": (), "busy_seconds": 0.3},
        "microsoft_footprints": {"url": url + "/links.csv"},
        "ghs_built_s": {"url": url + "/ghs_{year}_{row}_{column}.zip", "epochs": YEARS},
        "ghs_pop": {"url": url + "/pop_{row}_{column}.zip", "fallback_for": ""},
        "wsf_evolution": {"url": url + "/wsf_{lon}_{lat}.tif", "mirrors": ()},
    }
    sources = {name: whole.sources[name].model_copy(update=update) for name, update in changed.items()}
    return Catalogue(context=whole.context, red_zones=whole.red_zones, sources=sources)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    live_keys = Live(cache=str(tmp_path / "cache"), retry_seconds=30, timeout_seconds=10)
    return Config(run=Run(areas=("town",), out=tmp_path / "out"), areas={"town": city.AREA}, live=live_keys)


def test_the_plan_names_all_that_feeds_an_input_and_asks_nobody(config: Config) -> None:
    whole = catalogue.default()
    astana = Area(area_id="astana", country="KZ", bbox=(71.15, 50.95, 71.80, 51.33), name=Names(en="Astana"))
    planned = {row.spec.id: row for row in live.plan(astana, whole, config)}
    fed = {name: spec for name, spec in whole.sources.items() if spec.feeds}
    restricted = {name for name, spec in fed.items() if spec.restriction}
    assert set(planned) == set(fed) - restricted
    asked = config.model_copy(update={"live": config.live.model_copy(update={"opt_in": tuple(restricted)})})
    assert restricted
    assert {row.spec.id for row in live.plan(astana, whole, asked)} == set(fed)
    assert len(planned["ghs_built_s"].items) == 24, "12 epochs on two tiles"
    assert len(planned["microsoft_footprints"].items) == len(quadkeys(astana.bbox))
    assert all(row.typical_bytes > 0 and row.spec.licence and "." in row.server for row in planned.values())
    assert not Path(config.live.cache).exists()


def test_everything_at_once(world: World, config: Config) -> None:
    seen: list[Progress] = []
    fetched = live.fetch(city.AREA, world.catalogue, config, report=seen.append)
    read = inputs.read(city.AREA, world.catalogue, fetched).data
    assert len(read.layers["buildings"]) == 6 * 8 + 2
    assert len(read.footprints) == 400
    assert set(read.footprints["origin"]) == {"microsoft"}
    assert set(read.built_up) == set(YEARS)
    assert read.built_up[1990].values.max() < 10_000
    assert read.onset is not None
    assert read.population is not None
    assert set(read.missing) == {"tracker", "registered"}
    assert {progress.what for progress in seen} == set(world.catalogue.sources)
    assert all(0 < progress.done <= (progress.total or progress.done) and progress.rate > 0 for progress in seen)
    assert set(world.catalogue.sources) == {download.request.dataset for download in fetched.downloads}


def test_overpass_and_file_give_equal_tables(world: World, config: Config) -> None:
    only_osm = Catalogue(world.catalogue.context, world.catalogue.red_zones, {"osm": world.catalogue.sources["osm"]})
    fetched = live.fetch(city.AREA, only_osm, config)
    layers, reach = only_osm.osm_layers, only_osm.reach_m
    from_server = osm.read(fetched.paths("osm"), city.AREA, layers, reach)
    from_file = osm.read([world.osm], city.AREA, layers, reach)
    assert from_server.data.keys() == from_file.data.keys() == layers.keys()
    for name, table in from_file.data.items():
        assert_geodataframe_equal(from_server.data[name], table)
    filled = {name for name, table in from_file.data.items() if len(table)}
    assert {"buildings", "landuse", "places", "roads", "services"} <= filled
    assert {
        "hazard:cemetery",
        "hazard:landfill",
        "hazard:power_line",
        "hazard:gas_trunk",
        "hazard:substation",
    } <= filled
    assert fetched.notices, "most of the wide surroundings is empty, and said to be"


def test_frozen_needs_no_server_and_gives_the_same_bytes(world: World, config: Config, tmp_path: Path) -> None:
    first = live.fetch(city.AREA, world.catalogue, config)
    path = tmp_path / lock.FILE_NAME
    lock.write(path, first.downloads)
    asked = len(world.server.requests)
    shutil.rmtree(Path(config.live.cache) / "derived")
    again = live.fetch(city.AREA, world.catalogue, config, frozen=lock.read(path))
    assert len(world.server.requests) == asked
    for name in world.catalogue.sources:
        for old, new in zip(first.paths(name), again.paths(name), strict=True):
            assert old.read_bytes() == new.read_bytes()
            assert old.stat().st_mtime == new.stat().st_mtime
    assert first.files == again.files
    text = path.read_text()
    lock.write(path, reversed(again.downloads))
    assert path.read_text() == text


def test_frozen_refuses_what_is_not_locked_or_no_longer_held(world: World, config: Config) -> None:
    with pytest.raises(SourceError, match="the lock does not name"):
        live.fetch(city.AREA, world.catalogue, config, frozen=Lock({}, {}))
    fetched = live.fetch(city.AREA, world.catalogue, config)
    locked = {download.request.key: download for download in fetched.downloads}
    shutil.rmtree(Path(config.live.cache) / "objects")
    with pytest.raises(SourceError, match="no longer holds the bytes"):
        live.fetch(city.AREA, world.catalogue, config, frozen=Lock(locked, {}))


def test_sources_say_where_the_data_came_from(world: World, config: Config) -> None:
    fetched = live.fetch(city.AREA, world.catalogue, config)
    read = inputs.read(city.AREA, world.catalogue, fetched)
    told = {source.source_id: source for source in read.sources}
    assert told["microsoft_footprints/town/1"].url == world.server.url + "/part.csv.gz"
    assert told["microsoft_footprints/town/1"].features == 400
    assert told["osm/town/1"].url == world.server.url + "/api"
    assert told["osm/town/1"].version == "2026-11-20T10:00:00Z"
    assert told["ghs_built_s/town/2"].version == f"R2023A {YEARS[1]}"
    for source in told.values():
        spec = world.catalogue.sources[source.dataset]
        assert (source.licence, source.attribution) == (spec.licence, spec.attribution)
        assert source.retrieved_at
    assert set(read.data.footprints["source_id"]) <= set(told)
    assert set(read.data.layers["buildings"]["source_id"]) <= set(told)


def test_a_second_run_asks_only_for_what_may_have_changed(world: World, config: Config) -> None:
    live.fetch(city.AREA, world.catalogue, config)
    asked = len(world.server.requests)
    live.fetch(city.AREA, world.catalogue, config)
    assert len(world.server.requests) == asked
    hasty = {
        name: spec.model_copy(update={"refresh_hours": spec.refresh_hours and 0})
        for name, spec in world.catalogue.sources.items()
    }
    live.fetch(city.AREA, Catalogue(world.catalogue.context, world.catalogue.red_zones, hasty), config)
    again = {request.path for request in world.server.requests[asked:]}
    assert again == {"/api/interpreter", "/links.csv"}


def test_a_damaged_object_is_fetched_again(world: World, config: Config) -> None:
    fetched = live.fetch(city.AREA, world.catalogue, config)
    (path,) = fetched.paths("microsoft_footprints")
    path.write_bytes(b"rotten")
    (repaired,) = live.fetch(city.AREA, world.catalogue, config).paths("microsoft_footprints")
    assert repaired == path
    assert repaired.read_bytes() == world.content["/part.csv.gz"]


def test_a_past_day_is_asked_for(world: World, config: Config) -> None:
    dated = config.model_copy(update={"live": config.live.model_copy(update={"osm_date": date(2015, 1, 1)})})
    only_osm = Catalogue(
        {"buildings": world.catalogue.context["buildings"]}, {}, {"osm": world.catalogue.sources["osm"]}
    )
    fetched = live.fetch(city.AREA, only_osm, dated)
    assert b"2015-01-01T00%3A00%3A00Z" in world.server.requests[-1].body
    assert fetched.files["osm"][0].origin.version == "2015-01-01"


def test_an_object_that_changed_between_replies_is_kept_as_the_later_one_has_it(tmp_path: Path) -> None:
    replies = []
    for hour, value in (("12", "new"), ("10", "old")):
        node = {"type": "node", "id": 7, "lat": 42.91, "lon": 74.51, "tags": {"place": "suburb", "name": value}}
        head = {"timestamp_osm_base": f"2026-11-20T{hour}:00:00Z"}
        replies.append(tmp_path / f"{hour}.json")
        replies[-1].write_text(json.dumps({"osm3s": head, "elements": [node]}))
    overpass_json.write_pbf(replies, tmp_path / "all.osm.pbf")
    layers = {"places": catalogue.default().context["places"]}
    assert list(osm.read([tmp_path / "all.osm.pbf"], city.AREA, layers, 0.0).data["places"]["name"]) == ["new"]


def test_tiles_are_joined_cell_by_cell(tmp_path: Path) -> None:
    spec = catalogue.default().sources["ghs_built_s"]
    whole = tmp_path / "whole.zip"
    whole.write_bytes(city.mollweide_tile(1990))
    windows.from_files([whole], city.AREA, spec, tmp_path / "whole.tif")
    halves = _halves(whole, tmp_path)
    windows.from_files(halves, city.AREA, spec, tmp_path / "joined.tif")
    with rasterio.open(tmp_path / "whole.tif") as one, rasterio.open(tmp_path / "joined.tif") as joined:
        assert_array_equal(one.read(1), joined.read(1))
        assert one.transform == joined.transform
        assert one.nodata == joined.nodata == 65535


def _halves(whole: Path, folder: Path) -> list[Path]:
    """Cut a tile in two, through the middle of the area."""
    from affine import Affine
    from rasterio.io import MemoryFile

    with archive.unpacked(whole) as path, rasterio.open(path) as raster:
        values, transform = raster.read(1), raster.transform
    row = int((transform.f - grid.outline(city.AREA.bbox).centroid.y) / 100)
    parts = []
    for name, part, north in (("a", values[:row], transform.f), ("b", values[row:], transform.f - 100 * row)):
        content = city.geotiff(part, Affine(100, 0, transform.c, 0, -100, north), "ESRI:54009", nodata=65535)
        with MemoryFile(content) as memory, memory.open() as check:
            assert check.height == len(part)
        parts.append(folder / f"{name}.tif")
        parts[-1].write_bytes(content)
    return parts


def _request(number: int) -> Request:
    return Request(dataset="any", version="1", url=f"http://localhost/{number}", licence="none")


def test_the_cache_stays_within_its_size(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit_bytes=2_500)

    def keep(number: int) -> Path:
        def write(part: object) -> str:
            part.path.write_bytes(bytes([number]) * 1000)  # type: ignore[attr-defined]
            return "http://localhost"

        return cache.get(_request(number), "thing", write)

    paths = [keep(number) for number in range(4)]
    cache = Cache(tmp_path, limit_bytes=2_500)
    keep(3)
    derived = cache.derived([paths[3]], "copy", "thing", lambda target: target.write_bytes(paths[3].read_bytes()))
    assert cache.trim() == 3_000
    assert [path.exists() for path in paths] == [False, False, False, True], "what this run uses stays"
    assert derived.exists()
    assert cache.trim() == 0


def test_two_runs_at_once_fetch_once(world: World, config: Config) -> None:
    asked = len(world.server.requests)
    one = Catalogue({}, {}, {"wsf_evolution": world.catalogue.sources["wsf_evolution"]})
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: live.fetch(city.AREA, one, config).paths("wsf_evolution")[0], range(4)))
    assert len(set(results)) == 1
    assert len(world.server.requests) == asked + 1


def test_a_request_is_answered_while_it_is_current(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit_bytes=10**9)

    def write(part: object) -> str:
        part.path.write_bytes(b"x")  # type: ignore[attr-defined]
        return "http://localhost"

    cache.get(_request(1), "thing", write)
    index = next(tmp_path.glob("requests/*.json"))
    aged = json.loads(index.read_text())
    aged["retrieved_at"] = (datetime.now(UTC) - timedelta(hours=3)).isoformat()
    index.write_text(json.dumps(aged))
    assert cache.held(_request(1))
    assert cache.held(_request(1), refresh_hours=4)
    assert cache.held(_request(1), refresh_hours=2) is None
    index.write_text("{")
    assert cache.held(_request(1)) is None


def test_a_lock_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run without --frozen first"):
        lock.read(tmp_path / lock.FILE_NAME)
    path = tmp_path / lock.FILE_NAME
    path.write_text("[[download]]\nname = 3\n")
    with pytest.raises(InputError, match=str(path)):
        lock.read(path)
    path.write_text("not toml [")
    with pytest.raises(InputError, match="cannot be read as TOML"):
        lock.read(path)


def test_keys_of_requests_differ_by_all_that_matters() -> None:
    base = _request(1)
    others = [base.model_copy(update={key: "other"}) for key in ("dataset", "version", "url", "query")]
    assert len({base.key, *(other.key for other in others)}) == 5
    assert base.model_copy(update={"licence": "other"}).key == base.key
    assert len(base.key) == len(hashlib.sha256().hexdigest())
