"""What stops a command: signals at any moment, streams that are closed or full, a system that refuses."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pytest

from pipeline.base import memory

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and devices")
COMMAND = (sys.executable, "-m", "pipeline")


def signalled(number: int, after_s: float, *arguments: str) -> tuple[int, str]:
    command = [*COMMAND, *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        time.sleep(after_s)
        process.send_signal(number)
        said = process.communicate(timeout=120)[1]
    return process.returncode, said


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("after_s", [0.5, 3.0])
def test_a_signal_is_one_sentence_and_leaves_nothing(name: str, after_s: float, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said = signalled(getattr(signal, name), after_s, "run", "--area", "osh", "--out", str(out), "--quiet")
    assert (code, said) == (1, "novostroiki: stopped; the previous outputs are untouched.\n")
    assert not out.exists()


def test_nohup_is_respected(tmp_path: Path) -> None:
    duckdb.connect(tmp_path / "novostroiki.duckdb").close()
    sql = "SELECT sum(i) AS n FROM range(400000000) AS t(i)"
    command = ["nohup", *COMMAND, "query", sql, "--format", "csv", "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        time.sleep(0.5)
        process.send_signal(signal.SIGHUP)
        assert process.communicate(timeout=120)[0] == b"n\n79999999800000000\n"
    assert process.returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")  # noqa: PTH110
@pytest.mark.parametrize("arguments", [["layers"], ["query", "SELECT range AS x FROM range(9)", "--format", "csv"]])
def test_an_answer_that_finds_no_room_is_said(arguments: list[str], tmp_path: Path) -> None:
    duckdb.connect(tmp_path / "novostroiki.duckdb").close()
    out = ["--out", str(tmp_path)] if arguments[0] == "query" else []
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run([*COMMAND, *arguments, *out], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


def test_a_closed_stream_takes_no_file_s_place(tmp_path: Path) -> None:
    """What is printed to a closed stdout must not land in the first file that is opened: here, the database."""
    duckdb.connect(tmp_path / "novostroiki.duckdb").close()
    before = (tmp_path / "novostroiki.duckdb").read_bytes()
    command = f"'{sys.executable}' -m pipeline query 'SELECT 1' --out '{tmp_path}' >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0
    assert (tmp_path / "novostroiki.duckdb").read_bytes() == before


def test_too_few_files_are_one_sentence(tmp_path: Path) -> None:
    command = f"ulimit -n 24; exec '{sys.executable}' -m pipeline run --area osh --out '{tmp_path / 'out'}' --quiet"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("novostroiki: ")
    assert not (tmp_path / "out").exists()


def test_a_place_that_takes_no_folder_is_one_sentence() -> None:
    done = subprocess.run(
        [*COMMAND, "run", "--area", "osh", "--out", "/proc/x"], stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 2
    assert "cannot be used for the outputs" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("mebibytes", [100, 1000])
def test_a_limit_of_memory_that_is_too_low_is_one_sentence(tmp_path: Path, mebibytes: int) -> None:
    """What OpenBLAS would otherwise wait for without end."""

    import resource  # which Windows lacks

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (mebibytes * 2**20,) * 2)

    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "run", "--out", str(tmp_path / "out")],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"novostroiki: This process may take {mebibytes:,} MiB .*\(ulimit -v\)\.\n", done.stderr)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        ImportError("a.so: failed to map segment from shared object"),
        duckdb.OutOfMemoryException("Out of Memory Error: Allocation failure"),
        pa.ArrowMemoryError("malloc of size 64 failed"),
    ],
)
def test_libraries_say_in_many_ways_that_there_is_no_memory(error: Exception) -> None:
    assert memory.ran_out(error)
    assert not memory.ran_out(ValueError("the file is damaged"))
