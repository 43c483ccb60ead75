"""Readers that do to their process what a hostile file may do."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

from pipeline.errors import InputError
from pipeline.extract.sandbox.being_read import announce


def ends(path: Path) -> None:
    """Die as a library does that reads beyond its memory, with something unpacked."""
    announce(path)
    Path(tempfile.mkdtemp(), "unpacked").write_bytes(b"x" * 1000)
    os.kill(os.getpid(), signal.SIGSEGV)


def hangs(path: Path) -> None:
    """Never return."""
    announce(path)
    time.sleep(600)


def swells(path: Path) -> bytes:
    """Take more memory than a reader may."""
    announce(path)
    return b"x" * (8 * 2**30)


def fails(path: Path) -> None:
    """Raise what nobody foresaw."""
    announce(path)
    msg = "division\nby zero"
    raise ZeroDivisionError(msg)


def refuses(path: Path) -> None:
    """Say what is wrong."""
    announce(path)
    msg = f"{path} is no good; write another."
    raise InputError(msg)


def evil() -> object:
    """Return what calls a function when it is unpacked."""
    return _Evil()


class _Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("true",)


def answer(value: int) -> int:
    """Return the value, as a sound reader does."""
    return value
