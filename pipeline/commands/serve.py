"""A loopback web server for the maps: static files with HTTP Range, which tiled maps need and `http.server` lacks."""

from __future__ import annotations

import re
from contextlib import suppress
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, BinaryIO

from pipeline.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"
_HOSTS = {HOST, "localhost"}
"""What a browser may call this server."""
_HTTP_PORT = 80
_BLOCK = 1 << 16
_LONGEST_PATH, _LONGEST_HEADERS = 2048, 16_384
_FRAMED = "embed"
"""Folder of the pages that are made to stand in other people's pages."""
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".csv": "text/csv; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".pmtiles": "application/vnd.pmtiles",
    ".parquet": "application/vnd.apache.parquet",
    ".duckdb": "application/octet-stream",
    ".pbf": "application/octet-stream",
}


class Server(ThreadingHTTPServer):
    """Serves one folder to this machine only; one thread per connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, root: Path, port: int) -> None:
        self.root = root.resolve()
        super().__init__((HOST, port), partial(_Handler, directory=str(self.root)))

    @property
    def url(self) -> str:
        """Address of the folder's top."""
        return f"http://{HOST}:{self.server_port}/"


def open_server(root: Path, port: int = 8000) -> Server:
    """Return a server of the folder `root`, bound to the loopback address but not yet answering.

    Call ``serve_forever()`` on it; Ctrl-C ends that with KeyboardInterrupt, leaving the block of ``with`` closes it.

    Parameters
    ----------
    root
        The folder.
    port
        Port; 0 takes a free one.

    Raises
    ------
    InputError
        There is no such folder, or the port is taken or not allowed.
    """
    if not root.is_dir():
        msg = f"There is no folder {root}; run `novostroiki run` first, or name it with --out."
        raise InputError(msg)
    try:
        return Server(root, port)
    except (OSError, OverflowError) as error:
        msg = f"Port {port} cannot be used ({error}); name another with --port."
        raise InputError(msg) from error


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "novostroiki"
    sys_version = ""
    server: Server

    timeout = 30
    """Seconds that a client may keep silent."""

    def parse_request(self) -> bool:
        """Refuse what is endless, or meant for another host: a page elsewhere whose name was bent to this machine."""
        if not super().parse_request():
            return False
        hosts = {f"{host}:{self.server.server_port}" for host in _HOSTS}
        if self.server.server_port == _HTTP_PORT:
            hosts |= _HOSTS
        if self.headers.get_all("Host", []) not in ([host] for host in hosts):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
        elif len(self.path) > _LONGEST_PATH:
            self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
        elif sum(map(len, self.headers.values())) > _LONGEST_HEADERS:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            return True
        self.close_connection = True
        return False

    def send_head(self) -> BinaryIO | None:
        """Answer GET and HEAD; return the open file, at the first byte to send, or None when all is said."""
        self._left = 0
        path = self._file()
        if path is None:
            return None
        try:
            file = path.open("rb")
        except OSError:
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        status = path.stat()
        tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
        wanted = self._range(status.st_size, tag)
        if wanted is None:
            file.close()
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{status.st_size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        start, stop, partial_content = wanted
        self.send_response(HTTPStatus.PARTIAL_CONTENT if partial_content else HTTPStatus.OK)
        if partial_content:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{status.st_size}")
        self.send_header("Content-Type", _TYPES.get(path.suffix.lower(), "application/octet-stream"))
        self.send_header("Content-Length", str(stop - start))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", tag)
        self.send_header("Last-Modified", formatdate(status.st_mtime, usegmt=True))
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        if _FRAMED not in path.parts:
            self.send_header("Content-Security-Policy", "frame-ancestors 'self'")
        self.end_headers()
        file.seek(start)
        self._left = stop - start
        return file

    def handle(self) -> None:
        """Answer until the reader leaves, which may be at any moment."""
        with suppress(ConnectionResetError, BrokenPipeError):
            super().handle()

    def copyfile(self, source: BinaryIO, outputfile: BinaryIO) -> None:  # type: ignore[override]
        """Send the bytes that were promised; a reader that leaves (a map that was panned away) is no error."""
        try:
            while self._left and (block := source.read(min(_BLOCK, self._left))):
                outputfile.write(block)
                self._left -= len(block)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        """Say nothing: stderr is for people, and a map asks hundreds of times."""

    def _file(self) -> Path | None:
        """Return the file that the address means, or None after having answered otherwise."""
        folder = self.server.root
        path = folder.joinpath(self.translate_path(self.path))
        bare, question, query = self.path.partition("?")
        if path.is_dir() and not bare.endswith("/"):
            # Only the last name, relative: "//host" at the start of a path would lead to another server.
            self.send_response(HTTPStatus.MOVED_PERMANENTLY)
            self.send_header("Location", f"./{bare.rsplit('/', 1)[1]}/{question}{query}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        if bare.endswith("/"):
            path = path / "index.html"
        # A link inside the folder must not lead out of it either.
        if not path.is_file() or not path.resolve().is_relative_to(folder):
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return path

    def _range(self, size: int, tag: str) -> tuple[int, int, bool] | None:
        """Return first byte, byte after the last and whether that is a part; None: no such bytes (RFC 9110, 14)."""
        header = self.headers.get("Range", "")
        unless = self.headers.get("If-Range")
        match = re.fullmatch(r"\s*bytes=(\d*)-(\d*)\s*", header)
        # Several ranges, another unit or another version of the file: the whole is a right answer.
        if match is None or match[0].strip() == "bytes=-" or (unless is not None and unless != tag):
            return 0, size, False
        first, last = match[1], match[2]
        if not first:
            length = min(int(last), size)
            return (size - length, size, True) if length else None
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return 0, size, False
        return (start, stop, True) if start < size else None
