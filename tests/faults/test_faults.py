"""Every fault of the table, played by a server on loopback: out comes the right answer, or a refusal that helps."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.declared import catalogue as catalogue_of_sources
from pipeline.declared.catalogue import Catalogue
from pipeline.errors import SourceError
from pipeline.extract import live
from pipeline.extract.http import lock
from pipeline.extract.http.retry import RequestPolicy
from pipeline.extract.microsoft import files as microsoft_files
from pipeline.extract.raster_tiles import archive
from tests.faults import cases, city, servers
from tests.faults.cases import RECOVERS, Case
from tests.faults.conftest import MakeConfig, only
from tests.faults.servers import Server, files, serving

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.extract.live import Fetched
    from tests.faults.overpass_server import Database

MARGIN = 1.5
"""Seconds beyond live.retry_seconds that a busy machine may take."""
TILE = city.degrees_tile()
GZIP = city.footprints()


def overpass_at(url: str, *mirrors: str, busy_seconds: float = 0.3) -> Catalogue:
    """Return a catalogue whose only source is an Overpass server that is left alone for a short time when busy."""
    return only(osm={"url": url, "mirrors": mirrors, "busy_seconds": busy_seconds})


def onset(url: str, **changed: object) -> Catalogue:
    """Return a catalogue whose only source is one file per two degrees."""
    return only(wsf_evolution={"url": url + "/wsf_{lon}_{lat}.tif", **changed})


def microsoft(url: str) -> tuple[Catalogue, dict[str, bytes]]:
    """Return a catalogue whose only source is Microsoft's, and its files."""
    index = (
        "Location,QuadKey,Url,Size,UploadDate\n"
        f"Kyrgyzstan,121323201,{url}/part.csv.gz,1KB,2026-02-03\n"
        f"Chile,033333333,{url}/chile.csv.gz,1KB,2026-02-03\n"
    )
    catalogue = only(microsoft_footprints={"url": url + "/dataset-links.csv"})
    return catalogue, {"/dataset-links.csv": index.encode(), "/part.csv.gz": GZIP}


def refused(config: Config, catalogue: Catalogue, source: str) -> str:
    """Fetch in vain; return what is said of it: by the error that ends the run, or of what the run goes on without."""
    if catalogue.sources[source].feeds in live.REQUIRED:
        with pytest.raises(SourceError) as caught:
            live.fetch(city.AREA, catalogue, config)
        return str(caught.value)
    fetched = live.fetch(city.AREA, catalogue, config)
    assert not fetched.files
    assert [str(notice) for notice in fetched.notices] == [f"{source}: missing: {fetched.missing[source]}"]
    return fetched.missing[source]


def check_refusal(message: str, config: Config, source: str, reason: str, address: str) -> None:
    """Assert that a refusal names source, address, reason and remedy, and that the cache holds nothing wrong."""
    assert message.startswith(source), message
    assert reason in message, message
    assert address in message, message
    remedy = message.rsplit(";", 1)[1]
    assert len(remedy) > 15, message
    assert message.endswith("."), message
    check_cache(config)


def check_cache(config: Config, *right: bytes) -> None:
    """Assert that what is kept is what the index says, and what is under way is the beginning of something right."""
    root = Path(config.live.cache)
    for index in root.glob("requests/*.json"):
        entry = json.loads(index.read_text())
        content = (root / "objects" / entry["sha256"] / entry["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert len(content) == entry["bytes"]
    named = {json.loads(index.read_text())["sha256"] for index in root.glob("requests/*.json")}
    assert {folder.name for folder in root.glob("objects/*")} == named
    for part in root.glob("incoming/*.part"):
        assert any(content.startswith(part.read_bytes()) for content in right or (TILE, GZIP))


def run(case: Case, config: Config, catalogue: Catalogue, source: str, address: str) -> Fetched | None:
    """Fetch; return what came if the case is one that recovers, assert the refusal otherwise."""
    began = time.monotonic()
    try:
        if case.outcome == RECOVERS:
            fetched = live.fetch(city.AREA, catalogue, config)
            assert not fetched.missing
            return fetched
        check_refusal(refused(config, catalogue, source), config, source, case.outcome, address)
        return None
    finally:
        assert time.monotonic() - began < config.live.retry_seconds + config.live.timeout_seconds + MARGIN


@pytest.mark.parametrize("case", cases.FILES, ids=lambda case: case.name)
def test_file(case: Case, make_config: MakeConfig) -> None:
    config = make_config(**case.live)
    with serving(Server(files({"/wsf_74_42.tif": TILE}), list(case.script), forever=case.forever)) as server:
        fetched = run(case, config, onset(server.url), "wsf_evolution", f"{server.url}/wsf_74_42.tif")
    if fetched:
        assert fetched.downloads[0].sha256 == hashlib.sha256(TILE).hexdigest()
        check_cache(config)
        resumed = any("Range" in request.headers for request in server.requests)
        assert resumed or "resumed" not in case.how
    assert all("me@here" in request.headers["User-Agent"] for request in server.requests)


@pytest.mark.parametrize("case", cases.GZIPS, ids=lambda case: case.name)
def test_gzip(case: Case, make_config: MakeConfig) -> None:
    config = make_config(**case.live)
    content: dict[str, bytes] = {}
    with serving(Server(files(content), list(case.script), forever=case.forever)) as server:
        catalogue, wanted = microsoft(server.url)
        content.update(wanted)
        fetched = run(case, config, catalogue, "microsoft_footprints", server.url)
    if fetched:
        assert [path.read_bytes() for path in fetched.paths("microsoft_footprints")] == [GZIP]
        check_cache(config)


@pytest.mark.parametrize("case", cases.OVERPASSES, ids=lambda case: case.name)
def test_overpass(case: Case, make_config: MakeConfig, overpass: Database) -> None:
    config = make_config(**case.live)
    with serving(Server(overpass.answer, list(case.script), forever=case.forever)) as server:
        fetched = run(case, config, overpass_at(server.url + "/api"), "osm", server.url + "/api")
    if fetched:
        right = [overpass.answer(request) or b"" for request in server.requests]
        assert {item.sha256 for item in fetched.downloads} == {hashlib.sha256(body).hexdigest() for body in right}
        check_cache(config)
    assert all("me@here" in request.headers["User-Agent"] for request in server.requests)


# Faults below HTTP, and of content: each has its own stage.

REFUSED = Case("any", "refused connection", "the connection failed", live=cases.IMPATIENT)
UNRESOLVED = Case("any", "DNS failure", "the name of the server cannot be resolved", live=cases.IMPATIENT)
CONNECT = Case("any", "connect time-out", "the server stays silent", live=cases.IMPATIENT)
UNTRUSTED = Case("any", "TLS error", "the encrypted connection could not be trusted")


@pytest.fixture(params=["file", "Overpass"])
def at(request: pytest.FixtureRequest) -> Callable[[str], tuple[Catalogue, str, str]]:
    """Return a function from a server's address to catalogue, source and address asked."""
    if request.param == "file":
        return lambda url: (onset(url), "wsf_evolution", f"{url}/wsf_74_42.tif")
    return lambda url: (overpass_at(url + "/api"), "osm", url + "/api")


At = Callable[[str], tuple[Catalogue, str, str]]


def test_refused_connection(make_config: MakeConfig, at: At) -> None:
    run(REFUSED, make_config(**REFUSED.live), *at(servers.refused()))


def test_dns_failure(make_config: MakeConfig, at: At) -> None:
    run(UNRESOLVED, make_config(**UNRESOLVED.live), *at("http://no-such-host.invalid"))


def test_connect_timeout(make_config: MakeConfig, at: At) -> None:
    with servers.unreachable() as url:
        run(CONNECT, make_config(**CONNECT.live), *at(url))


def test_tls_error(make_config: MakeConfig, at: At, tmp_path: Path) -> None:
    server = Server(files({"/wsf_74_42.tif": TILE}))
    url = servers.self_signed(server, tmp_path)
    with serving(server):
        run(UNTRUSTED, make_config(), *at(url))


MIRROR = Case("any", "one server dead, its mirror sound", RECOVERS, how="the mirror was asked")


def test_mirror_of_a_file(make_config: MakeConfig) -> None:
    with serving(Server(files({"/flat/wsf_74_42.tif": TILE}))) as server:
        catalogue = onset(server.url, mirrors=(server.url + "/flat/wsf_{lon}_{lat}.tif",))
        fetched = run(MIRROR, make_config(), catalogue, "", "")
    assert fetched
    assert fetched.downloads[0].fetched_from == server.url + "/flat/wsf_74_42.tif"


def test_mirror_of_overpass(make_config: MakeConfig, overpass: Database) -> None:
    with serving(Server(overpass.answer)) as server:
        catalogue = overpass_at(servers.refused(), server.url)
        fetched = run(MIRROR, make_config(), catalogue, "", "")
    assert fetched
    assert fetched.downloads[0].fetched_from == server.url


def test_a_busy_server_is_left_alone_and_keeps_the_turn(make_config: MakeConfig, overpass: Database) -> None:
    pause, moments = 0.7, []

    def answer(request: servers.Request) -> bytes | None:
        moments.append(time.monotonic())
        return overpass.answer(request)

    with serving(Server(answer, [servers.status(429)])) as server, serving(Server(overpass.answer)) as mirror:
        fetched = live.fetch(city.AREA, overpass_at(server.url, mirror.url, busy_seconds=pause), make_config())
    assert not mirror.requests
    assert {download.fetched_from for download in fetched.downloads} == {server.url}
    assert moments[1] - moments[0] >= pause
    assert catalogue_of_sources.default().sources["osm"].busy_seconds >= 30


def test_a_busy_server_is_left_alone_by_the_next_area_too(make_config: MakeConfig) -> None:
    config = make_config(retry_seconds=1.0)
    policy = RequestPolicy.of(config.live)
    with serving(Server(lambda _: b"", [servers.status(429)], forever=True)) as server:
        catalogue = overpass_at(server.url, busy_seconds=30)
        for reason in ("the server answers 429", "the server has asked for fewer requests, and is left alone for"):
            with pytest.raises(SourceError, match=reason):
                live.fetch(city.AREA, catalogue, config, policy=policy)
        assert len(server.requests) == 1


def test_a_busy_server_is_left_alone_by_the_next_start_too(make_config: MakeConfig) -> None:
    """What a file asks for as much as what Overpass does; nothing of this process is left to the second start."""
    config = make_config(retry_seconds=1.0)
    with serving(Server(lambda _: b"", [servers.status(429)], forever=True)) as server:
        for catalogue in (overpass_at(server.url, busy_seconds=30), onset(server.url, busy_seconds=30)):
            fetched = [_reasons(config, catalogue) for _ in range(2)]
            assert "is left alone for" in fetched[1]
        assert len(server.requests) == 1


def _reasons(config: Config, catalogue: Catalogue) -> str:
    try:
        return " ".join(live.fetch(city.AREA, catalogue, config).missing.values())
    except SourceError as error:
        return str(error)


def test_a_server_that_is_out_of_reach_is_asked_for_one_source_only(make_config: MakeConfig) -> None:
    dead = servers.refused()
    catalogue = only(wsf_evolution={"url": dead + "/{lon}_{lat}"}, ghs_pop={"url": dead + "/{row}_{column}"})
    config = make_config(**cases.IMPATIENT)
    began = time.monotonic()
    fetched = live.fetch(city.AREA, catalogue, config)
    assert fetched.missing.keys() == {"wsf_evolution", "ghs_pop"}
    assert "as earlier in this run" in fetched.missing["ghs_pop"]
    assert time.monotonic() - began < config.live.retry_seconds + MARGIN


def test_what_stands_in_for_a_source_is_fetched_only_in_need(make_config: MakeConfig) -> None:
    people = {"url": "", "fallback_for": "worldpop"}
    content = {"/pop_KGZ.tif": city.degrees_tile(), "/ghs_4_25.zip": city.people_tile()}
    with serving(Server(files(content))) as server:
        people["url"] = server.url + "/ghs_{row}_{column}.zip"
        sound = only(ghs_pop=people, worldpop={"url": server.url + "/pop_{country}.tif"})
        assert live.fetch(city.AREA, sound, make_config(timeout_seconds=5)).files.keys() == {"worldpop"}
        gone = only(ghs_pop=people, worldpop={"url": server.url + "/gone_{country}.tif"})
        fetched = live.fetch(city.AREA, gone, make_config())
        assert (fetched.files.keys(), fetched.missing.keys()) == ({"ghs_pop"}, {"worldpop"})
        elsewhere = city.AREA.model_copy(update={"country": "FR"})
        assert live.fetch(elsewhere, sound, make_config()).files.keys() == {"ghs_pop"}


def test_a_frozen_run_misses_what_was_missing(make_config: MakeConfig, overpass: Database, tmp_path: Path) -> None:
    catalogue = only(osm={}, wsf_evolution={"url": servers.refused() + "/{lon}_{lat}"})
    with serving(Server(overpass.answer)) as server:
        catalogue.sources["osm"] = overpass_at(server.url).sources["osm"]
        first = live.fetch(city.AREA, catalogue, make_config(**cases.IMPATIENT))
    missing = [lock.Missing(area="town", dataset=name, reason=reason) for name, reason in first.missing.items()]
    lock.write(tmp_path / lock.FILE_NAME, first.downloads, missing)
    again = live.fetch(city.AREA, catalogue, make_config(), frozen=lock.read(tmp_path / lock.FILE_NAME))
    assert again == first
    lock.write(tmp_path / lock.FILE_NAME, first.downloads)
    with pytest.raises(SourceError, match="the lock does not name"):
        live.fetch(city.AREA, catalogue, make_config(), frozen=lock.read(tmp_path / lock.FILE_NAME))


def test_the_index_may_begin_with_a_byte_order_mark(make_config: MakeConfig) -> None:
    content: dict[str, bytes] = {}
    with serving(Server(files(content))) as server:
        catalogue, wanted = microsoft(server.url)
        content |= wanted | {"/dataset-links.csv": b"\xef\xbb\xbf" + wanted["/dataset-links.csv"]}
        fetched = live.fetch(city.AREA, catalogue, make_config())
    assert [path.read_bytes() for path in fetched.paths("microsoft_footprints")] == [GZIP]


def test_a_static_site_is_asked_through_its_account_first() -> None:
    link = microsoft_files.Link(
        "121323201", "Kyrgyzstan", "https://bfppub.z5.web.core.windows.net/2026-08-13/a.csv.gz", ""
    )
    account = "https://bfppub.blob.core.windows.net/%24web/2026-08-13/a.csv.gz"
    assert link.addresses == [account, link.url]
    elsewhere = microsoft_files.Link("121323201", "Kyrgyzstan", "https://example.org/a.csv.gz", "")
    assert elsewhere.addresses == [elsewhere.url]


EMPTY = Case("Overpass", "an empty reply, twice", "without a single object")


def test_empty_reply_is_believed_the_second_time_and_refused(make_config: MakeConfig) -> None:
    nothing = b'{"osm3s": {"timestamp_osm_base": "2026-11-20T10:00:00Z"}, "elements": []}'
    with serving(Server(lambda _: nothing)) as server, serving(Server(lambda _: nothing)) as mirror:
        catalogue = only(osm={"url": server.url, "mirrors": (mirror.url,)})
        with pytest.raises(SourceError, match=EMPTY.outcome):
            live.fetch(city.AREA, catalogue, make_config())
        assert len(server.requests) == len(mirror.requests) == 2, "two questions, each asked twice"
    check_cache(make_config())


UNCONFIRMED = Case(
    "Overpass", "an empty reply, and nobody to confirm it", "could not be fetched from", live=cases.IMPATIENT
)


def test_empty_reply_alone_is_not_believed(make_config: MakeConfig) -> None:
    nothing = servers.body(b'{"elements": []}')
    dead = servers.refused()
    with serving(Server(lambda _: None, [nothing, servers.status(503)], forever=True)) as server:
        catalogue = only(osm={"url": server.url, "mirrors": (dead,)})
        with pytest.raises(SourceError, match=UNCONFIRMED.outcome):
            live.fetch(city.AREA, catalogue, make_config(**UNCONFIRMED.live))
    check_cache(make_config())


CHANGED = Case("file", "the file changes between two ranges", RECOVERS, how="fetched anew, all of the new one")


@pytest.mark.parametrize("honest", [True, False], ids=["If-Range honoured", "If-Range ignored"])
def test_file_changes_between_ranges(make_config: MakeConfig, *, honest: bool) -> None:
    content = {"/wsf_74_42.tif": TILE}
    newer = city.degrees_tile(cells=600)

    def cut_then_change(handler: servers.Handler, right: bytes | None) -> None:
        servers.cut(handler, right)
        content["/wsf_74_42.tif"] = newer

    def ignore_if_range(handler: servers.Handler, right: bytes | None) -> None:
        start = int(handler.headers["Range"].removeprefix("bytes=").rstrip("-"))
        rest = (right or b"")[start:]
        span = f"bytes {start}-{start + len(rest) - 1}/{start + len(rest)}"
        handler.reply(206, rest, Content_Range=span, ETag=f'"{hash(right)}"')

    script = [cut_then_change, None if honest else ignore_if_range]
    with serving(Server(files(content), script)) as server:
        fetched = run(CHANGED, make_config(), onset(server.url), "", "")
    assert fetched
    assert fetched.downloads[0].sha256 == hashlib.sha256(newer).hexdigest()


RESUMED = Case("any", "the run is stopped in the middle of a download", RECOVERS, how="the next run resumes by Range")


def test_the_next_run_resumes(make_config: MakeConfig) -> None:
    with serving(Server(files({"/wsf_74_42.tif": TILE}), [servers.cut, servers.status(403)])) as server:
        assert "refuses access" in refused(make_config(), onset(server.url), "wsf_evolution")
        check_cache(make_config())
        assert run(RESUMED, make_config(), onset(server.url), "", "")
    assert server.requests[-1].headers["Range"].startswith("bytes=")


TOO_LARGE = Case("file", "a file larger than is plausible", "bytes or more, but not over 1,000 are plausible")


def test_file_too_large(make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_FILE", 1000)
    with serving(Server(files({"/wsf_74_42.tif": TILE}))) as server:
        run(TOO_LARGE, make_config(), onset(server.url), "wsf_evolution", server.url)


FULL = Case("any", "full disk", "the disk is full")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk(make_config: MakeConfig, small_disk: Path, at: At, overpass: Database) -> None:
    def answer(request: servers.Request) -> bytes | None:
        if request.method == "GET":
            return TILE
        reply = json.loads(overpass.answer(request) or b"{}")
        return json.dumps({**reply, "note": "x" * 400_000}).encode()

    config = make_config(cache=str(small_disk / "cache"))
    with serving(Server(answer)) as server:
        catalogue, source, _ = at(server.url)
        message = refused(config, catalogue, source)
    check_refusal(message, config, source, FULL.outcome, str(small_disk))
    assert not list((small_disk / "cache").rglob("*.part")), "the room is given back"


BOMB = Case("zip file", "zip bomb", "bytes, more than the 50,000,000 that are plausible")
CLIMBER = Case("zip file", "zip with ../", "the zip names a file outside its own folder")
WRONG_CRS = Case(
    "zip file", "tile of the wrong CRS", "its coordinate system is EPSG:32643 where ESRI:54009 is expected"
)
NO_RASTER = Case("zip file", "zip without a raster", "the zip holds 0 rasters", live=cases.IMPATIENT)
DAMAGED = Case("zip file", "damaged zip", RECOVERS, how="found damaged, asked again")
ZIPS: dict[Case, Callable[[], bytes]] = {
    BOMB: lambda: city.zipped({"tile.tif": bytes(60_000_000)}),
    CLIMBER: lambda: city.zipped({"../../etc/tile.tif": TILE}),
    WRONG_CRS: lambda: city.mollweide_tile(crs="EPSG:32643"),
    NO_RASTER: lambda: city.zipped({"readme.txt": b"nothing here"}),
}


def built_up(url: str) -> Catalogue:
    """Return a catalogue whose only source is a zipped tile of one epoch."""
    return only(ghs_built_s={"url": url + "/E{year}_R{row}_C{column}.zip", "epochs": (1990,)})


@pytest.mark.parametrize("case", ZIPS, ids=lambda case: case.fault)
def test_zip(case: Case, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED", 50_000_000)
    with serving(Server(files({"/E1990_R4_C25.zip": ZIPS[case]()}))) as server:
        run(case, make_config(**case.live), built_up(server.url), "ghs_built_s", server.url + "/E1990_R4_C25.zip")
    assert not (tmp_path.parent / "etc").exists()


def test_damaged_zip(make_config: MakeConfig) -> None:
    right = city.mollweide_tile()
    damaged = right[:3000] + bytes(100) + right[3100:]
    with serving(Server(files({"/E1990_R4_C25.zip": right}), [servers.body(damaged)])) as server:
        fetched = run(DAMAGED, make_config(), built_up(server.url), "", "")
    assert fetched
    assert fetched.downloads[0].sha256 == hashlib.sha256(right).hexdigest()


LIMIT = Case("Overpass", "the day's limit is used up", "today's limit for this server is used up")


@pytest.mark.parametrize("limits", [{"daily_requests": 1}, {"daily_bytes": 1}], ids=str)
def test_daily_limits(make_config: MakeConfig, overpass: Database, limits: dict[str, Any]) -> None:
    with serving(Server(overpass.answer)) as server:
        catalogue = only(osm={"url": server.url})
        run(LIMIT, make_config(**limits), catalogue, "osm", server.url)
    assert len(server.requests) == 1
