"""The reader's process, as its callers see it: it answers, refuses, or is replaced."""

from __future__ import annotations

import json
import os
import pickle
import queue
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pipeline.errors import InputError, RunError
from pipeline.extract.sandbox import handover

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY_BYTES = 4 * 2**30
"""Address space of a reader: no file that describes a city needs more."""
SECONDS = 45.0
"""How long reading a small file may take, on a machine that is busy with other things."""
_BYTES_PER_SECOND = 400_000
"""Larger files have more time: a country's extract of 200 MB has nine minutes."""
_LENGTH_BYTES = 8
_NOWHERE = "http://127.0.0.1:9"
"""A proxy that is none, for whatever a library would fetch: a GeoJSON may link to its `crs`."""
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy")


class UnreadableFileError(InputError):
    """A file that harmed its reader, or made it fail in a way that nobody foresaw."""

    reason = ""
    """What happened, without the file and the remedy."""


@contextmanager
def started(
    scratch: Path, *, network: bool = False, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES
) -> Iterator[Reader]:
    """Give a reader whose process starts at once, and loads what it needs while the caller goes on.

    Parameters
    ----------
    scratch
        Folder for what reading unpacks and hands over; made, and gone in the end.
    network
        Let it reach the network: for what is read on servers.
    seconds
        Time for a small file.
    memory_bytes
        Address space that reading may take, where the system can limit that (Linux; elsewhere it is not limited).
    """
    scratch.mkdir(parents=True, exist_ok=True)
    reader = Reader(scratch, seconds, memory_bytes, network=network)
    try:
        yield reader
    finally:
        reader.close()
        shutil.rmtree(scratch, ignore_errors=True)


class Reader:
    """Calls functions in a process that may die of what they read; use `started`."""

    def __init__(self, scratch: Path, seconds: float, memory_bytes: int, *, network: bool) -> None:
        self._scratch = scratch.resolve()
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._network = network
        self._start()

    def call(self, module: str, function: str, *args: object, about: Path | None = None) -> Any:  # noqa: ANN401
        """Return what a function of a module returns, called in the reader's process.

        Each file that it announces (`being_read`) has its own time, by its size; `about` is the first.

        Raises
        ------
        UnreadableFileError
            A file took too long or too much memory, ended its reader, or made it fail in a way that nobody foresaw.
        Exception
            What the function raises, if it is an error of this project.
        """
        body = pickle.dumps((module, function, args), protocol=5)
        with suppress(BrokenPipeError):  # its end is told below
            self._requests.write(len(body).to_bytes(_LENGTH_BYTES, "little") + body)
            self._requests.flush()
        path, seconds, outcome = about, self._time(about), dict[str, str]()
        while True:
            try:
                told = self._replies.get(timeout=seconds)
            except queue.Empty:
                self._replace()
                raise _unreadable(path, f"it takes longer than {seconds:,.0f} s") from None
            if told is None:
                self._replace()
                raise _unreadable(path, "it ended the process that read it")
            if "ended" in told:
                return self._outcome(outcome, int(told["ended"]), path)
            if "reading" in told:
                path = Path(told["reading"])
                seconds = self._time(path)
            else:
                outcome = told

    def _time(self, path: Path | None) -> float:
        return self._seconds + (_bytes(path) / _BYTES_PER_SECOND if path else 0.0)

    def _outcome(self, told: dict[str, str], code: int, path: Path | None) -> Any:  # noqa: ANN401 - as above
        """Return the answer that lies ready, or raise what there is instead."""
        if code:
            self._clear()
            raise _unreadable(path, _end(code))
        if "failed" in told:
            raise _unreadable(path, told["failed"])
        if "full" in told:
            msg = f"What was read could not be handed over in {self._scratch}: {told['full']}; make room there."
            raise RunError(msg)
        answer = Path(told["answer"])
        try:
            returned, value = handover.read(answer)
        except pickle.UnpicklingError as error:
            raise _unreadable(path, f"it answers with something else than data ({error})") from error
        finally:
            answer.unlink()
        if returned:
            return value
        raise value

    def close(self) -> None:
        """End the process, whatever it does; one that has ended stays so."""
        if self._process.returncode is not None:
            return
        with suppress(OSError, ValueError):
            self._requests.close()
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def _start(self) -> None:
        root = str(Path(__file__).parents[3])
        code = (
            f"import sys; sys.path.insert(0, {root!r}); from pipeline.extract.sandbox.child import main; "
            f"main({str(self._scratch)!r}, {self._memory_bytes})"
        )
        self._errors = (self._scratch / "stderr").open("wb")
        self._process = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-X", "utf8", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(network=self._network),
            start_new_session=True,
        )
        self._errors.close()
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101, PT018 - for mypy
        self._requests: IO[bytes] = self._process.stdin
        self._replies: queue.Queue[dict[str, str] | None] = queue.Queue()
        threading.Thread(target=_listen, args=(self._process.stdout, self._replies), daemon=True).start()

    def _replace(self) -> None:
        """Put a new process in the place of one that hangs or has ended, and remove what that one left."""
        self.close()
        self._clear()
        self._start()

    def _clear(self) -> None:
        """Remove what a process that ended too early has unpacked."""
        for left in self._scratch.iterdir():
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)


def _listen(stream: IO[bytes], replies: queue.Queue[dict[str, str] | None]) -> None:
    """Pass on what the process tells; None: it has ended."""
    with stream:
        for line in stream:
            replies.put(json.loads(line))
    replies.put(None)


def _environment(*, network: bool) -> dict[str, str]:
    """Return the environment of a process that starts no more threads than it needs, and may reach no network."""
    few = {"OPENBLAS_NUM_THREADS": "1"}
    if network:
        return dict(os.environ) | few
    kept = {name: value for name, value in os.environ.items() if name.lower() not in _PROXIES}
    dead = dict.fromkeys(("GDAL_HTTP_PROXY", "http_proxy", "https_proxy", "all_proxy"), _NOWHERE)
    return kept | dead | few | {"GDAL_HTTP_MAX_RETRY": "0", "PROJ_NETWORK": "OFF"}


def _bytes(path: Path) -> int:
    """Return the size of a file or folder; 0: there is none."""
    try:
        files = path.rglob("*") if path.is_dir() else [path]
        return sum(file.stat().st_size for file in files)
    except OSError:
        return 0


def _end(code: int) -> str:
    try:
        return f"it ended the process that read it ({signal.Signals(-code).name})"
    except ValueError:
        return "it ended the process that read it"


def _unreadable(path: Path | None, reason: str) -> InputError | RunError:
    if path is None:
        return RunError(f"The process that reads files failed ({reason}); report this as a bug.")
    msg = f"{path} cannot be read: {reason}; it is damaged or of an unknown kind: fetch or save it again."
    error = UnreadableFileError(msg)
    error.reason = reason
    return error
