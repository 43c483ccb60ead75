"""Where libraries put what they need for a while: private, under a name that nobody can guess, gone afterwards."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Let this process, and those that it starts meanwhile, put temporary files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    variable, before = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable


def own() -> str:
    """Return a folder that only this user can read, and that goes when the process ends."""
    return _own(tempfile.gettempdir())


@cache
def _own(_parent: str) -> str:
    folder = tempfile.mkdtemp(prefix="novostroiki-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
