from __future__ import annotations

import http.client
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.commands import serve
from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BYTES = bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[serve.Server]:
    top = tmp_path_factory.mktemp("served")
    (top / "secret.txt").write_text("secret")
    root = top / "out"
    (root / "maps" / "osh").mkdir(parents=True)
    (root / "maps" / "osh" / "index.html").write_text("<h1>Ош</h1>", encoding="utf-8")
    (root / "a.pmtiles").write_bytes(BYTES)
    (root / "empty.csv").touch()
    (root / "leak.txt").symlink_to(top / "secret.txt")
    with serve.open_server(root, 0) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def _get(
    server: serve.Server, path: str, method: str = "GET", **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(serve.HOST, server.server_port, timeout=10)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("bytes=0-0", BYTES[:1]),
        ("bytes=100-199", BYTES[100:200]),
        ("bytes=255999-", BYTES[-1:]),
        ("bytes=-10", BYTES[-10:]),
        ("bytes=-999999999", BYTES),
        ("bytes=255000-999999999", BYTES[255000:]),
    ],
)
def test_a_range_is_sent_as_such(server: serve.Server, wanted: str, expected: bytes) -> None:
    status, headers, body = _get(server, "/a.pmtiles", Range=wanted)
    assert (status, body) == (206, expected)
    start = len(BYTES) - len(expected) if expected.endswith(BYTES[-1:]) and wanted != "bytes=0-0" else None
    if start is not None:
        assert headers["Content-Range"] == f"bytes {start}-{len(BYTES) - 1}/{len(BYTES)}"
    assert headers["Content-Type"] == "application/vnd.pmtiles"


@pytest.mark.parametrize("wanted", ["bytes=256000-", "bytes=999999-1000000", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(server: serve.Server, wanted: str) -> None:
    status, headers, body = _get(server, "/a.pmtiles", Range=wanted)
    assert (status, headers["Content-Range"], body) == (416, f"bytes */{len(BYTES)}", b"")


@pytest.mark.parametrize("wanted", ["bytes=5-4", "bytes=0-1,4-5", "lines=1-2", "bytes=-", "bytes=a-b", ""])
def test_a_range_that_means_nothing_gets_the_whole(server: serve.Server, wanted: str) -> None:
    status, headers, body = _get(server, "/a.pmtiles", Range=wanted)
    assert (status, body) == (200, BYTES)
    assert headers["Accept-Ranges"] == "bytes"


def test_if_range_holds_only_for_the_same_file(server: serve.Server) -> None:
    tag = _get(server, "/a.pmtiles", "HEAD")[1]["ETag"]
    assert _get(server, "/a.pmtiles", Range="bytes=0-9", If_Range=tag)[0] == 206
    assert _get(server, "/a.pmtiles", Range="bytes=0-9", If_Range='"other"')[0] == 200


def test_pages_head_and_empty_files(server: serve.Server) -> None:
    status, headers, body = _get(server, "/maps/osh/?lang=ky")
    assert (status, headers["Content-Type"], body.decode()) == (200, "text/html; charset=utf-8", "<h1>Ош</h1>")
    assert _get(server, "/a.pmtiles", "HEAD")[2] == b""
    assert _get(server, "/empty.csv")[2] == b""
    assert _get(server, "/empty.csv", Range="bytes=0-0")[0] == 416


def test_a_folder_without_slash_is_sent_on(server: serve.Server) -> None:
    status, headers, _ = _get(server, "/maps/osh?lang=ky")
    assert (status, headers["Location"]) == (301, "./osh/?lang=ky")
    assert _get(server, "//maps/osh")[1]["Location"] == "./osh/"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/maps/../../secret.txt",
        "/....//secret.txt",
        "/leak.txt",
        "/maps/",
        "/absent",
        "/a.pmtiles/",
        "/%00",
    ],
)
def test_nothing_outside_the_folder_is_served(server: serve.Server, path: str) -> None:
    status, _, body = _get(server, path)
    assert status == 404
    assert b"secret" not in body.replace(b"secret.txt", b"")


def test_only_reading_is_allowed(server: serve.Server) -> None:
    assert _get(server, "/a.pmtiles", "DELETE")[0] == 501


def test_many_readers_at_once(server: serve.Server) -> None:
    wrong: list[int] = []

    def read(number: int) -> None:
        start = number * 997
        _, _, body = _get(server, "/a.pmtiles", Range=f"bytes={start}-{start + 999}")
        if body != BYTES[start : start + 1000]:
            wrong.append(number)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_taken_port_or_a_missing_folder_is_one_sentence(server: serve.Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name another with --port"):
        serve.open_server(tmp_path, server.server_port)
    with pytest.raises(InputError, match="cannot be used"):
        serve.open_server(tmp_path, 99_999)
    with pytest.raises(InputError, match="run `novostroiki run` first"):
        serve.open_server(tmp_path / "absent", 0)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", ""])
def test_a_request_to_another_host_is_misdirected(server: serve.Server, host: str) -> None:
    assert _get(server, "/a.pmtiles", Host=host)[0] == 421
    assert _get(server, "/a.pmtiles", Host=f"localhost:{server.server_port}")[0] == 200


def test_endless_paths_and_headers_are_refused(server: serve.Server) -> None:
    assert _get(server, "/" + "a" * 3000)[0] == 414
    assert _get(server, "/a.pmtiles", X_Long="a" * 20_000)[0] == 431


def test_only_what_is_made_to_be_embedded_may_be_framed(server: serve.Server) -> None:
    assert _get(server, "/maps/osh/")[1]["Content-Security-Policy"] == "frame-ancestors 'self'"
    folder = server.root / "public" / "embed" / "osh"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").touch()
    assert _get(server, "/public/embed/osh/")[1]["Content-Security-Policy"] is None


def test_silent_clients_keep_nobody_waiting(server: serve.Server) -> None:
    silent = [socket.create_connection((serve.HOST, server.server_port), timeout=10) for _ in range(100)]
    try:
        for client in silent:
            client.sendall(b"GET /a.pm")
        assert _get(server, "/a.pmtiles", Range="bytes=0-9")[2] == BYTES[:10]
    finally:
        for client in silent:
            client.close()
