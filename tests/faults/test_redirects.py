"""Where servers may lead a client: never inside, off the web, or from HTTPS to HTTP; and no password goes along.

The canary stands for a service that only this machine can reach. It listens on loopback, as the servers do; a resolver
of the test's own declares these public.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.extract import live
from pipeline.extract.http.retry import RequestPolicy
from pipeline.extract.http.session import addresses
from tests.faults import city, servers
from tests.faults.cases import Case
from tests.faults.conftest import MakeConfig, only
from tests.faults.servers import Handler, Misbehaviour, Server, serving
from tests.faults.test_building_atlas import SOURCE, write_tile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.extract.live import Fetched

ANY = "any"
INSIDE = Case(ANY, "a redirect to an address that only this machine can reach", "it redirects to a private address")
FILE = Case(ANY, "a redirect to a file", "it redirects to file addresses")
OPEN = Case(ANY, "a redirect from HTTPS to HTTP", "it redirects from an encrypted connection to an open one")
ELSEWHERE = Case("S3", "a redirect", "it redirects elsewhere")
SOURCES: dict[str, dict[str, str]] = {
    "osm": {"url": "/api"},
    "microsoft_footprints": {"url": "/links.csv"},
    "wsf_evolution": {"url": "/{lon}_{lat}.tif"},
    "worldpop": {"url": "/{country}.tif"},
    "wsf_tracker": {"url": "/tracker.zarr"},
    SOURCE: {"endpoint": ""},
}
"""One for every client: requests, GDAL, obstore, DuckDB."""


def leading_to(target: str) -> Misbehaviour:
    """Redirect any request."""

    def redirect(handler: Handler, _: bytes | None) -> None:
        handler.reply(302, b"", Location=target)

    return redirect


def public(host: str) -> Sequence[str]:
    """Return the addresses of a host; the servers of this test stand on the Internet under the name ``localhost``."""
    return ["93.184.216.34"] if host == "localhost" else addresses(host)


def fetch(name: str, server: Server, make_config: MakeConfig, url: str = "") -> Fetched:
    """Fetch one source from a server, beside OpenStreetMap from a file."""
    url = url or server.url.replace("127.0.0.1", "localhost")
    keys = {key: url + path for key, path in SOURCES[name].items()}
    config = make_config(opt_in=(SOURCE,) if name == SOURCE else (), timeout_seconds=5)
    area = city.AREA.model_copy(update={"inputs": city.AREA.inputs.model_copy(update={"osm": ("town.osm.pbf",)})})
    policy = replace(RequestPolicy.of(config.live), resolve=public)
    return live.fetch(area, only(**{name: keys}), config, policy=policy)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SOURCES)
def test_no_redirect_leads_inside(name: str, make_config: MakeConfig) -> None:
    with (
        serving(Server(lambda _: b"secret")) as canary,
        serving(Server(lambda _: None, [leading_to(canary.url + "/secret")], forever=True)) as server,
    ):
        fetched = fetch(name, server, make_config)
        assert not canary.requests
        assert server.requests
    assert INSIDE.outcome in fetched.missing[name]


def test_buckets_redirect_nowhere(make_config: MakeConfig) -> None:
    with (
        serving(Server(lambda _: b"other")) as other,
        serving(Server(lambda _: None, [leading_to(other.url.replace("127.0.0.1", "localhost"))], forever=True)) as old,
    ):
        fetched = fetch(SOURCE, old, make_config)
    assert ELSEWHERE.outcome in fetched.missing[SOURCE]


@pytest.mark.parametrize("name", SOURCES)
def test_no_redirect_of_the_file_alone_leads_inside(name: str, make_config: MakeConfig) -> None:
    """A server that answers HEAD soundly, and then leads away whoever comes for the bytes."""
    with serving(Server(lambda _: b"secret")) as canary:
        target = canary.url + "/secret"

        def redirect(handler: Handler, body: bytes | None) -> None:
            handler.reply(200, body or b"") if handler.command == "HEAD" else leading_to(target)(handler, body)

        with serving(Server(lambda _: city.degrees_tile(72, 42, 3, cells=1200), [redirect], forever=True)) as server:
            fetched = fetch(name, server, make_config)
        assert not canary.requests
    assert INSIDE.outcome in fetched.missing[name]


@pytest.mark.parametrize("name", SOURCES)
def test_no_redirect_leads_off_the_web(name: str, make_config: MakeConfig, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s" * 1000)
    with serving(Server(lambda _: None, [leading_to(secret.as_uri())], forever=True)) as server:
        fetched = fetch(name, server, make_config)
    assert FILE.outcome in fetched.missing[name]


@pytest.mark.parametrize("name", [name for name in SOURCES if name != SOURCE])
def test_no_redirect_leads_from_https_to_http(
    name: str, make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Server(lambda _: b"open")) as canary:
        server = Server(lambda _: None, [leading_to(canary.url + "/open")], forever=True)
        url = servers.self_signed(server, tmp_path)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "server.pem"))
        with serving(server):
            fetched = fetch(name, server, make_config, url)
        assert not canary.requests
    assert OPEN.outcome in fetched.missing[name]


def test_a_redirect_among_public_servers_is_followed(make_config: MakeConfig) -> None:
    tile = city.degrees_tile()
    with serving(Server(lambda _: tile)) as new:
        target = new.url.replace("127.0.0.1", "localhost") + "/new.tif"
        with serving(Server(lambda _: None, [leading_to(target)], forever=True)) as old:
            fetched = fetch("wsf_evolution", old, make_config)
    assert not fetched.missing


@pytest.mark.parametrize("name", SOURCES)
def test_no_password_of_the_user_goes_along(
    name: str, make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine localhost login me password secret\nmachine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    tile = write_tile(tmp_path / "tile.parquet")
    raster = city.degrees_tile(72, 42, 3, cells=1200)

    def answer(request: servers.Request) -> bytes:
        return tile if request.path.endswith(".parquet") else raster

    with serving(Server(answer)) as new:
        target = new.url.replace("127.0.0.1", "localhost")

        def elsewhere(handler: Handler, _: bytes | None) -> None:
            handler.reply(302, b"", Location=target + handler.path)

        with serving(Server(answer, [] if name == SOURCE else [elsewhere])) as old:
            fetch(name, old, make_config)
            asked = [*old.requests, *new.requests]
    assert len(asked) > 1
    assert not [request.headers for request in asked if "Authorization" in request.headers]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "::1", "::ffff:10.0.0.1", "169.254.169.254", "10.1.2.3", "0.0.0.0"],  # noqa: S104 - where a server leads
)
def test_many_names_of_inside(host: str, make_config: MakeConfig) -> None:
    location = f"http://{f'[{host}]' if ':' in host else host}/secret"
    with serving(Server(lambda _: None, [leading_to(location)], forever=True)) as server:
        fetched = fetch("wsf_evolution", server, make_config)
    assert INSIDE.outcome in fetched.missing["wsf_evolution"]
