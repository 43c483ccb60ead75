"""Publish or keep the old: outputs are built aside and swapped in, whole, at the very end.

A run that fails, is killed, or finds the disk full leaves the previous outputs as they were, byte for byte. On Linux
the swap is one atomic system call (renameat2 with RENAME_EXCHANGE); elsewhere it is two renames, and a run that was
killed between them is put right when the next one starts.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from pipeline.errors import InputError, RunError
from pipeline.run import manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
_TRY_OTHERWISE = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})
"""What the kernel answers where it, or the file system, cannot exchange two names."""


@contextmanager
def staging(out: Path, *, marker: str = manifest.NAME) -> Iterator[Path]:
    """Give a fresh folder to build in; publish it as `out` when the block ends, drop it when the block fails.

    Entries at the top of `out` that no run made (snapshots, a user's notes) are carried over.

    Parameters
    ----------
    out
        The folder to publish.
    marker
        A file whose presence says that `out` was made by this program and may be replaced.

    Yields
    ------
    Path
        An empty folder beside `out`, on the same file system.

    Raises
    ------
    InputError
        `out` cannot be replaced: it is a file, a mount point, or holds something else than outputs.
    RunError
        Another run is writing to `out`, or there is no room left on the disk.
    """
    out = out.resolve()
    _check(out, marker)
    stage, previous = _beside(out, "staging"), _beside(out, "previous")
    with _room_on(out), _locked(out):
        _recover(out, stage, previous)
        stage.mkdir()
        try:
            yield stage
            _carry_over(out, stage, marker)
            _flush(stage)
            _swap(stage, out, previous)
        finally:
            # After a swap the folder holds the outputs before it; after a failure, the unfinished ones.
            shutil.rmtree(stage, ignore_errors=True)


def _beside(out: Path, role: str) -> Path:
    return out.with_name(f".{out.name}.{role}")


def _check(out: Path, marker: str) -> None:
    if out.exists() and not out.is_dir():
        msg = f"{out} is a file; name a folder for the outputs."
        raise InputError(msg)
    if out == out.parent or os.path.ismount(out):
        msg = f"{out} is the top of a file system and cannot be swapped; name a folder inside it."
        raise InputError(msg)
    if out.exists() and any(out.iterdir()) and not (out / marker).is_file():
        msg = f"{out} holds files that are not outputs of novostroiki (it has no {marker}); name an empty folder."
        raise InputError(msg)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{out} cannot be made: {error.strerror}."
        raise InputError(msg) from error
    if not os.access(out.parent, os.W_OK | os.X_OK):
        msg = f"{out.parent} cannot be written to; name another folder for the outputs."
        raise InputError(msg)


@contextmanager
def _room_on(out: Path) -> Iterator[None]:
    """Turn a full disk, from whichever library it is reported, into one sentence."""
    try:
        yield
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in _NO_ROOM
        if not (full or "No space left on device" in str(error)):
            raise
        msg = f"There is no room left on the disk of {out.parent}; the previous outputs are unchanged."
        raise RunError(msg) from error


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Hold the lock of `out`; the system releases it when the process ends, however it ends."""
    path = _beside(out, "lock")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        msg = f"Another run is writing to {out}; wait until it ends, or name another folder with --out."
        raise RunError(msg) from error
    except OSError as error:
        msg = f"{out.parent} cannot be written to ({error.strerror}); name another folder for the outputs."
        raise InputError(msg) from error
    try:
        yield
    finally:
        with suppress(PermissionError):  # Windows keeps an open file, and removes this one as the lock goes
            path.unlink(missing_ok=True)
        lock.release()


def _recover(out: Path, stage: Path, previous: Path) -> None:
    """Put right what a killed run left: an interrupted swap, an unfinished build."""
    if previous.exists():
        if out.exists():
            shutil.rmtree(previous)
        else:
            previous.rename(out)
    if stage.exists():
        shutil.rmtree(stage)


def _carry_over(out: Path, stage: Path, marker: str) -> None:
    """Link into `stage` what lies at the top of `out` without being an output of the run before."""
    if not (out / marker).is_file():
        return
    made = manifest.top_entries(out) if marker == manifest.NAME else {entry.name for entry in out.iterdir()}
    for entry in sorted(out.iterdir()):
        if entry.name not in made:
            _link_tree(entry, stage / entry.name)


def _link_tree(source: Path, target: Path) -> None:
    """Link a file, or all files below a folder, where the target does not have them yet."""
    if source.is_dir() and not source.is_symlink():
        target.mkdir(exist_ok=True)
        for entry in sorted(source.iterdir()):
            _link_tree(entry, target / entry.name)
    elif not target.exists():
        _link(source, target)


def _link(source: Path, target: Path) -> None:
    """Link a file under a second name where the file system can, else copy it."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _flush(stage: Path) -> None:
    """Force everything that was built to the disk, so that a power cut cannot leave a swapped-in half."""
    for folder, _, names in os.walk(stage):
        for path in (*(os.path.join(folder, name) for name in names), folder):  # noqa: PTH118 - hot loop over os.walk
            if os.path.islink(path) or (sys.platform == "win32" and path == folder):  # noqa: PTH114
                continue
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _swap(stage: Path, out: Path, previous: Path) -> None:
    if not out.exists():
        stage.rename(out)
    elif not _exchange(stage, out):
        out.rename(previous)
        stage.rename(out)
        shutil.rmtree(previous)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one atomic step; False where the system cannot (see renameat2(2))."""
    if not sys.platform.startswith("linux"):
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _TRY_OTHERWISE:
        return False
    raise OSError(number, os.strerror(number), str(other))
