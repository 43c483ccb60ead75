"""The process that reads: it loads the readers once, and answers each request from a copy of itself where it can.

A request is the name of a function and its arguments. What comes back is a line of JSON for each thing that happens: a
file is being read, the answer lies ready, or the reading failed; and that it has ended, whatever its end. The process
itself ends when the one that started it does.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import signal
import sys
import tempfile
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pipeline.errors import NovostroikiError
from pipeline.extract.sandbox import being_read, drivers, handover

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH_BYTES = 8
CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"
"""Where a process can copy itself safely, with all that it has loaded; elsewhere it answers itself, and is replaced."""
_TOLD = 300


def main(scratch: str, memory_bytes: int, *, more_drivers: tuple[str, str] = ("", ""), again: bool = True) -> None:
    """Serve requests from stdin until it ends.

    Parameters
    ----------
    scratch
        Folder for answers and for all that reading unpacks.
    memory_bytes
        Address space that reading may take, where the system can tell; 0: any.
    more_drivers
        Drivers to leave out beside the known ones; found by the process itself, which then starts anew.
    """
    replies = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no reply
    tempfile.tempdir = scratch
    drivers.load(*more_drivers)
    if again and any(found := drivers.unwanted()):
        os.dup2(replies, 1)
        code = f"from pipeline.extract.sandbox.child import main; main({scratch!r}, {memory_bytes}, "
        code += f"more_drivers={found!r}, again=False)"
        os.execv(sys.executable, [sys.executable, "-X", "utf8", "-c", code])  # noqa: S606 - itself again
    _load_readers()
    serve = _from_copies if CAN_FORK else _from_itself
    requests = os.fdopen(0, "rb", buffering=0)
    while body := _next(requests):
        serve(partial(_answer, body, Path(scratch), memory_bytes, replies), replies)


def _load_readers() -> None:
    """Import what any reading needs, before the first request."""
    import_module("pipeline.extract.inputs")
    from pipeline.declared import catalogue

    catalogue.default()


def _next(requests: BinaryIO) -> bytes:
    """Return the next request; empty: there will be none."""
    length = _exactly(requests, LENGTH_BYTES)
    return _exactly(requests, int.from_bytes(length, "little")) if length else b""


def _exactly(stream: BinaryIO, size: int) -> bytes:
    content = bytearray()
    while len(content) < size:
        block = stream.read(size - len(content))
        if not block:
            return b""
        content += block
    return bytes(content)


def _from_copies(answer: Callable[[], None], replies: int) -> None:
    """Let a copy of this process answer; it dies with the one that asks."""
    alive, held = os.pipe()
    copy = os.fork()
    if not copy:
        os.close(alive)
        answer()
        os._exit(0)
    os.close(held)
    ready, _, _ = select.select([0, alive], [], [])
    os.close(alive)
    if 0 in ready:
        os.kill(copy, signal.SIGKILL)
    _, status = os.waitpid(copy, 0)
    _tell(replies, ended=os.waitstatus_to_exitcode(status))


def _from_itself(answer: Callable[[], None], replies: int) -> None:
    answer()
    _tell(replies, ended=0)


def _answer(body: bytes, scratch: Path, memory_bytes: int, replies: int) -> None:
    """Call what was asked for, and leave the answer in the scratch folder."""
    _limit(memory_bytes)
    being_read.watcher.set(lambda path: _tell(replies, reading=str(path)))
    try:
        module, name, args = pickle.loads(body)  # noqa: S301 - from the process that started this one
        result: tuple[bool, Any] = (True, getattr(import_module(module), name)(*args))
    except Exception as error:  # noqa: BLE001 - whatever a file does to its reader becomes one sentence
        if not _is_told(error):
            _tell(replies, failed=_in_words(error))
            return
        error.__cause__ = error.__context__ = None
        result = (False, error)
    try:
        path = scratch / "answer"
        handover.write(path, result)
    except OSError as error:
        _tell(replies, full=f"{error.strerror}")
        return
    _tell(replies, answer=str(path))


def _is_told(error: Exception) -> bool:
    """Return whether an error is one of the project's own, which says everything."""
    return isinstance(error, NovostroikiError) or type(error).__module__.startswith("pipeline.")


def _in_words(error: Exception) -> str:
    text = " ".join(str(error).split())[:_TOLD].rstrip(".")
    if isinstance(error, MemoryError):
        return "it takes more memory than reading a file may"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _limit(memory_bytes: int) -> None:
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if memory_bytes and (most == resource.RLIM_INFINITY or memory_bytes < most):
        with suppress(ValueError, OSError):  # systems that know the limit and do not hold it
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _tell(replies: int, **what: object) -> None:
    os.write(replies, json.dumps(what).encode() + b"\n")
