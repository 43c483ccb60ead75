"""Kills, readers, rebuilds, crowds, little memory: what no suite has the time for. With `bench_mutations`, all bars."""

from __future__ import annotations

import http.client
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
import tomli_w

from pipeline.base import releases
from pipeline.commands import serve
from pipeline.run import manifest
from tests.load import test_publish
from tests.load.test_publish import publish_word, readers_through, state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.benchmarks.conftest import Record

KILLS = 200
READERS, PUBLICATIONS = 8, 500
REBUILDS = int(os.environ.get("BENCH_REBUILDS", "20"))
CLIENTS, REQUESTS, SLOW = 200, 50, 600
LIMITS_MIB = (64, 256, 1024, 2048, 2560, 3072, 4096, 6144)
CONFIG = {
    "run": {"areas": ["osh"], "draws": 1000},
    "simulate": {"buildings": 2000},
    "areas": {"osh": {"country": "KG", "bbox": [72.66, 40.43, 72.94, 40.66], "name": {"en": "Osh"}}},
}
out = test_publish.out


def test_killed_at_any_time(out: Path, bar: Record) -> None:
    rng, lost, mixed = random.Random(16), 0, 0  # noqa: S311 - no secret
    publish_word(out, "0")
    known = {"0": state(releases.resolve(out))}
    for number in range(1, KILLS + 1):
        child = os.fork()
        if child == 0:
            turn = 0
            while True:
                turn += 1
                publish_word(out, f"{number}.{turn}")
        time.sleep(rng.uniform(0.0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with releases.held(out) as release:
            words = {(release / name).read_text().split()[0] for name in test_publish.NAMES}
        lost += bool(manifest.verify(out))
        mixed += len(words) != 1
    publish_word(out, "0")
    assert state(releases.resolve(out)) == known["0"]
    bar("real kills after which an output was lost or damaged", lost, at_most=0)
    bar("real kills after which a release was mixed", mixed, at_most=0)


def test_readers_through_publications(out: Path, bar: Record) -> None:
    ends = readers_through(out, READERS, PUBLICATIONS)
    bar("readers that failed or saw two releases mixed", sum(map(bool, ends)), at_most=0)


def run(folder: Path, name: str, limit_mib: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command for a small city, with no more memory than that."""
    path = folder / "config.toml"
    path.write_text(tomli_w.dumps(CONFIG), encoding="utf-8")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if limit_mib is not None:
            resource.setrlimit(resource.RLIMIT_AS, (limit_mib * 2**20,) * 2)

    return subprocess.run(
        [sys.executable, "-m", "pipeline", "run", "--config", str(path), "--out", str(folder / name), "--quiet"],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )


def test_rebuilds(tmp_path: Path, bar: Record) -> None:
    seen: dict[str, set[str]] = {}
    for number in range(REBUILDS):
        assert run(tmp_path, f"out{number}").returncode == 0
        for path, digest in state(releases.resolve(tmp_path / f"out{number}")).items():
            seen.setdefault(path, set()).add(digest)
    varied = sorted(path for path, digests in seen.items() if len(digests) > 1 and path != manifest.NAME)
    bar(f"files that differ among {REBUILDS} rebuilds {', '.join(varied)}".strip(), len(varied), at_most=0)


def test_little_memory(tmp_path: Path, bar: Record) -> None:
    wrong = []
    for limit in LIMITS_MIB:
        done = run(tmp_path, f"limit{limit}", limit)
        told = done.returncode == 1 and re.fullmatch(r"novostroiki: .*\.\n", done.stderr, re.DOTALL)
        if "Traceback" in done.stderr or not (told or (done.returncode, done.stderr) == (0, "")):
            wrong.append((limit, done.returncode, done.stderr[-500:]))
    bar("limits of memory under which a run ended in no sentence", len(wrong), at_most=0)
    assert not wrong, wrong


@pytest.fixture
def served(tmp_path: Path) -> Iterator[int]:
    """Serve a folder as the command does, in a process of its own; return the port."""
    (tmp_path / "a.pmtiles").write_bytes(bytes(range(256)) * 4000)
    code = (
        "import sys; from pathlib import Path; from pipeline.commands import serve\n"
        "with serve.open_server(Path(sys.argv[1]), 0) as server:\n"
        "    print(server.server_port, flush=True)\n"
        "    server.serve_forever()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


def ask(connection: http.client.HTTPConnection, start: int) -> bool:
    """Ask for a thousand bytes; return whether they came."""
    connection.request("GET", "/a.pmtiles", headers={"Range": f"bytes={start}-{start + 999}"})
    answer = connection.getresponse()
    return answer.status == 206 and len(answer.read()) == 1000


def test_a_crowd(served: int, bar: Record) -> None:
    failures: list[object] = []

    def client(number: int) -> None:
        try:
            connection = http.client.HTTPConnection(serve.HOST, served, timeout=60)
            failures.extend(turn for turn in range(REQUESTS) if not ask(connection, number * 997 + turn))
            connection.close()
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bar(f"failures of {CLIENTS} clients with {REQUESTS} requests each", len(failures), at_most=0)


def test_slow_clients(served: int, bar: Record) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    slow = []
    try:
        for _ in range(SLOW):
            slow.append(socket.create_connection((serve.HOST, served), timeout=30))
            slow[-1].sendall(b"GET /a.pm")
        took = []
        for turn in range(20):
            began = time.perf_counter()
            assert ask(http.client.HTTPConnection(serve.HOST, served, timeout=60), turn)
            took.append(time.perf_counter() - began)
        bar(f"a normal request while {SLOW} slow clients hold on, slowest of 20", max(took), at_most=1, unit="s")
    finally:
        for connection in slow:
            connection.close()
