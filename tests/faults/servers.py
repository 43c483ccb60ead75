"""Servers on loopback that misbehave on purpose: a file server with Range, and addresses where nobody answers."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

HTML = b"<!DOCTYPE html><html><body>The service is under maintenance.</body></html>"
LONG = 30.0
"""Seconds: longer than any test waits."""


class Handler(BaseHTTPRequestHandler):
    """Answers with the server's `answer`, unless the next misbehaviour of its script comes first."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        """Send a whole reply; a header `Content_Length` given here wins over the true one."""
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self) -> None:
        """Answer one request."""
        length = int(self.headers.get("Content-Length", 0))
        request = Request(
            self.command,
            self.path,
            {name.title(): value for name, value in self.headers.items()},
            self.rfile.read(length),
        )
        with self.server.lock:
            self.server.requests.append(request)
            misbehaviour = self.server.next_misbehaviour(request)
        try:
            if misbehaviour:
                misbehaviour(self, self.server.answer(request))
            else:
                self.well(request)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_HEAD = handle_any  # noqa: N815 - the names that http.server calls

    def well(self, request: Request) -> None:
        """Answer as a sound server does, Range and If-Range included (RFC 9110, 14.2 and 13.1.5)."""
        body, tag = self.server.answer(request), self.server.tag(request)
        if body is None:
            self.reply(404, b"")
            return
        headers = {"ETag": tag, "Accept_Ranges": "bytes"}
        wanted = request.headers.get("Range", "")
        unchanged = request.headers.get("If-Range", tag) == tag
        if not (wanted.startswith("bytes=") and unchanged):
            self.reply(200, body, **headers)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first) if first else len(body) - int(last)
        end = min(int(last), len(body) - 1) if first and last else len(body) - 1
        if start >= len(body):
            self.reply(416, b"", Content_Range=f"bytes */{len(body)}")
            return
        headers["Content_Range"] = f"bytes {start}-{end}/{len(body)}"
        self.reply(206, body[start : end + 1], **headers)


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Misbehaviour = Callable[[Handler, bytes | None], None]


@dataclass(eq=False)
class Server(ThreadingHTTPServer):
    """A server on a free port of loopback."""

    answers: Callable[[Request], bytes | None]
    script: list[Misbehaviour | None] = field(default_factory=list)
    """What to do instead of answering, request by request; None: answer this one well."""
    forever: bool = False
    """True: the last misbehaviour of the script never ends."""
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.daemon_threads = True
        self.block_on_close = False
        self.request_queue_size = 32
        super().__init__(("127.0.0.1", 0), Handler)

    def next_misbehaviour(self, request: Request) -> Misbehaviour | None:
        """Return what the script says for a request; HEAD is answered well unless the misbehaviour never ends."""
        if not self.script or (request.method == "HEAD" and not self.forever):
            return None
        return self.script[0] if self.forever and len(self.script) == 1 else self.script.pop(0)

    def answer(self, request: Request) -> bytes | None:
        """Return the right body; None: there is none."""
        return self.answers(request)

    def tag(self, request: Request) -> str:
        """Return an ETag that changes with the body."""
        return f'"{hash(self.answer(request))}"'

    def handle_error(self, *args: Any) -> None:
        """Clients that hang up are part of the tests."""

    @property
    def url(self) -> str:
        """Address without a path."""
        return f"http://127.0.0.1:{self.server_address[1]}"


def files(content: dict[str, bytes]) -> Callable[[Request], bytes | None]:
    """Answer with the files of a mapping from path to bytes, which may change meanwhile."""
    return lambda request: content.get(unquote(urlsplit(request.path).path))


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Run a server while the block lasts."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def status(code: int, **headers: str) -> Misbehaviour:
    """Answer with a status."""
    return lambda handler, _: handler.reply(code, b"busy", **headers)


def retry_at(seconds: float) -> Misbehaviour:
    """Answer 429 with the date of the next attempt."""

    def answer(handler: Handler, _: bytes | None) -> None:
        moment = datetime.now(UTC) + timedelta(seconds=seconds)
        handler.reply(429, b"", Retry_After=moment.strftime("%a, %d %b %Y %H:%M:%S GMT"))

    return answer


def body(content: bytes, **headers: str) -> Misbehaviour:
    """Answer 200 with something else."""
    return lambda handler, _: handler.reply(200, content, **headers)


def _half(handler: Handler, right: bytes | None, *, claimed: int | None = None) -> None:
    right = right or b""
    handler.send_response(200)
    handler.send_header("Content-Length", str(claimed or len(right)))
    handler.send_header("ETag", f'"{hash(right)}"')
    handler.end_headers()
    handler.wfile.write(right[: len(right) // 2])
    handler.wfile.flush()


def cut(handler: Handler, right: bytes | None) -> None:
    """Hang up in the middle of the body."""
    _half(handler, right)
    handler.close_connection = True


def stalled(handler: Handler, right: bytes | None) -> None:
    """Stop sending in the middle of the body, and keep the connection."""
    _half(handler, right)
    _wait(handler)


def dripping(handler: Handler, right: bytes | None) -> None:
    """Send a byte now and then, each in time, and never come to an end."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(right or b"") + 1_000_000))
    handler.end_headers()
    for _ in range(int(LONG / 0.1)):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


def silent(handler: Handler, _: bytes | None) -> None:
    """Take the request and say nothing."""
    _wait(handler)


def _wait(handler: Handler) -> None:
    """Hold the connection until the client gives up."""
    handler.connection.settimeout(LONG)
    with suppress(OSError):
        handler.connection.recv(1)
    handler.close_connection = True


def too_long(handler: Handler, right: bytes | None) -> None:
    """Announce more bytes than come."""
    handler.reply(200, right or b"", Content_Length=str(len(right or b"") + 100))
    handler.close_connection = True


def too_short(handler: Handler, right: bytes | None) -> None:
    """Announce, and send, fewer bytes than the file has."""
    short = (right or b"")[:-20]
    handler.reply(200, short)


def not_compressed(handler: Handler, _: bytes | None) -> None:
    """Claim a compression that is none."""
    handler.reply(200, b"no gzip at all", Content_Encoding="gzip")


def redirecting(handler: Handler, _: bytes | None) -> None:
    """Send the client to where it already is."""
    handler.reply(302, b"", Location=handler.path)


def refused() -> str:
    """Return an address where no one listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def unreachable() -> Iterator[str]:
    """Give out an address whose queue of connections is full: a further one is never accepted nor refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = []
        try:
            for _ in range(4):
                client = socket.socket()
                client.settimeout(0.05)
                waiting.append(client)
                try:
                    client.connect(address)
                except TimeoutError:
                    break
            yield f"http://127.0.0.1:{address[1]}"
        finally:
            for client in waiting:
                client.close()


def self_signed(server: Server, folder: Path) -> str:
    """Put a server behind a certificate that nobody has signed; return its https address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server.url.replace("http:", "https:")
