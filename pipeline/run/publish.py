"""Publish or keep the old: a release is built aside, moved into place whole, and pointed to at the very end.

What `out` holds of ours is `releases/<run_id>/` (the last two, what snapshots pin, and what readers hold), the paths
beside the pointer (`stable_paths`) and `release.json`, the pointer, which is replaced last, in one step. A run that
fails or finds the disk full leaves all of it as it was; what a killed one left is put right when the next one starts.
Nothing else in `out` is touched.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from pipeline.base.releases import FOLDER, POINTER, STAGING, Pointer, is_run_id, pinned, unheld
from pipeline.errors import InputError, NovostroikiError, RunError
from pipeline.run import manifest, snapshots, stable_paths
from pipeline.run.stable_paths import Change, Known
from pipeline.run.stage_cache import StageFolders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_LOCK, _STAGES = ".lock", ".stages"
_RESULTS = "results"
"""Part of the staging folder for what the next run may take from this one."""
_BUILT, _READY, _REMOVED = "release", "ready", "removed"
"""Parts of the staging folder: what is built, what is made ready for the stable paths, what goes when all is done."""


@contextmanager
def staging(out: Path, *, snapshot: date | None = None) -> Iterator[Path]:
    """Give a fresh folder to build a release in; publish it in `out` when the block ends, drop it when the block fails.

    The block ends its work with `manifest.write`, which names the release.

    Parameters
    ----------
    out
        The folder of outputs.
    snapshot
        Keep the release as the snapshot of this day.

    Yields
    ------
    Path
        An empty folder on the file system of `out`.

    Raises
    ------
    InputError
        `out` cannot be used: it is a file, cannot be written to, or holds something else than outputs.
    RunError
        Another run is writing to `out`, or the system refused something, such as room on the disk.
    """
    out = out.resolve()
    with _refusals_told(out), _locked(out):
        stage = out / FOLDER / STAGING
        _recover(out)
        try:
            for part in (_BUILT, _READY, _REMOVED):
                (stage / part).mkdir(parents=True)
            yield stage / _BUILT
            with _to_the_end():
                _publish(out, stage, snapshot)
                _keep_results(out, stage)
        finally:
            _remove(stage)


def stage_results(stage: Path) -> StageFolders:
    """Return where results of the last run lie, and where this one, which builds in `stage`, puts its own."""
    return StageFolders(stage.parent.parent / _STAGES, stage.parent / _RESULTS)


def _keep_results(out: Path, stage: Path) -> None:
    """Let results of stages take the place of those of the last run, area by area; they are no part of a release."""
    last = out / FOLDER / _STAGES
    with suppress(OSError):  # the next run makes them again
        for folder in sorted((stage / _RESULTS).glob("*")):
            last.mkdir(exist_ok=True)
            shutil.rmtree(last / folder.name, ignore_errors=True)
            folder.rename(last / folder.name)


def restore(out: Path, within: str) -> None:
    """Put back the stable paths within one folder of the current release, such as ``public/embed/osh/``.

    Raises
    ------
    InputError, RunError
        As `staging` raises them; also where there is no release, or it has nothing there.
    """
    out = out.resolve()
    with _refusals_told(out), _locked(out):
        _recover(out)
        pointer = Pointer.read(out)
        release = None if pointer is None else out / FOLDER / pointer.run_id
        if release is None or not (release / within).is_dir():
            msg = f"The release in {out} holds no {within.rstrip('/')}; run `novostroiki run` for it first."
            raise InputError(msg)
        ready = out / FOLDER / STAGING / _READY
        try:
            change = Change.prepare(release, out, ready, re.compile(re.escape(within) + ".*", re.DOTALL))
            change.apply(Known.of(_releases(out), out))
        finally:
            _remove(ready.parent)


def heal(out: Path) -> None:
    """Put right what a killed run left, unless another one is at work or the system does not let us."""
    out = out.resolve()
    with suppress(NovostroikiError, OSError), _locked(out):
        _recover(out)


def _publish(out: Path, stage: Path, snapshot: date | None) -> None:
    built, ready = stage / _BUILT, stage / _READY
    run_id = manifest.read(built)["run_id"]
    old, new = Pointer.read(out), out / FOLDER / run_id
    _flush(built)
    fresh = not (new.is_dir() and manifest.same_files(built, new))
    try:
        if fresh and new.exists():  # what is left of it is damaged, or was made by another version of a library
            new.rename(stage / _REMOVED / run_id)
        if fresh:
            built.rename(new)
        known = Known.of(_releases(out), out)
        kept = Change.prepare(new, out, ready).apply(known)
        stable_paths.withdraw(_shown(out, old) - stable_paths.shown(new), out, known)
        _flush_folder(out / FOLDER)
        _point(out, stage, Pointer(run_id, old.run_id) if old and old.run_id != run_id else old or Pointer(run_id))
    except BaseException:
        _take_back(out, stage, run_id, fresh=fresh)
        raise
    for path in kept:
        sys.stderr.write(f"novostroiki: a file of yours lay where an output goes; it is kept as {path}.\n")
    try:
        if snapshot is not None:
            snapshots.keep(out, snapshot, ready, known)
    except OSError as error:
        msg = f"The release {run_id} is published, but no snapshot of it could be kept: {error.strerror}."
        raise RunError(msg) from error
    _prune(out, stage)


def _shown(out: Path, pointer: Pointer | None) -> set[str]:
    """Return what the stable paths show; a release that was removed by hand has left its manifest there."""
    if pointer is None:
        return set()
    release = out / FOLDER / pointer.run_id
    with suppress(InputError):
        return stable_paths.shown(release if release.is_dir() else out)
    return set()


def _point(out: Path, stage: Path, pointer: Pointer) -> None:
    fresh = stage / POINTER
    with fresh.open("w", encoding="utf-8") as file:
        file.write(pointer.text())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(out / POINTER)
    with suppress(OSError):  # it is done: no refusal takes it back
        _flush_folder(out)


def _take_back(out: Path, stage: Path, run_id: str, *, fresh: bool) -> None:
    """Undo a publication that could not be finished, as far as the system lets us; the next start does the rest."""
    with suppress(OSError, NovostroikiError):
        new, removed = out / FOLDER / run_id, stage / _REMOVED / run_id
        if removed.exists() and not new.exists():
            removed.rename(new)
            return
        _show_current(out, stage / "again")
        if fresh and not _wanted(out, run_id):
            new.rename(stage / _REMOVED / f"{run_id}.new")


def _show_current(out: Path, ready: Path) -> None:
    """Let the stable paths show the release that is pointed to, and nothing of others."""
    shutil.rmtree(ready, ignore_errors=True)  # of a recovery that was killed too
    pointer = Pointer.read(out)
    known = Known.of(_releases(out), out)
    current = out / FOLDER / pointer.run_id if pointer else None
    names: set[str] = set()
    if current is not None and current.is_dir():
        names = stable_paths.shown(current)
        Change.prepare(current, out, ready).apply(known, only_known=True)
    elif pointer is not None:
        return  # the release was removed by hand: what is shown is all that is left of it
    others = (stable_paths.shown(release) for release in _releases(out) if release != current)
    stable_paths.withdraw(set().union(*others) - names, out, known)


def _recover(out: Path) -> None:
    """Put right what a killed run left: paths that show two releases, a release that nothing points to."""
    stage = out / FOLDER / STAGING
    if not stage.exists():
        return
    for removed in sorted((stage / _REMOVED).glob("*")):
        if is_run_id(removed.name) and not (out / FOLDER / removed.name).exists() and _wanted(out, removed.name):
            removed.rename(out / FOLDER / removed.name)
    with suppress(InputError):  # a release that was damaged by hand
        _show_current(out, stage / "again")
    (stage / _REMOVED).mkdir(exist_ok=True)
    _prune(out, stage)
    shutil.rmtree(stage)


def _releases(out: Path) -> list[Path]:
    return sorted(path for path in (out / FOLDER).iterdir() if is_run_id(path.name) and path.is_dir())


def _wanted(out: Path, run_id: str) -> bool:
    pointer = Pointer.read(out)
    return run_id in {pointer and pointer.run_id, pointer and pointer.previous, *pinned(out)}


def _prune(out: Path, stage: Path) -> None:
    """Remove releases but the last two, what snapshots pin, and what a reader holds."""
    for release in _releases(out):
        if _wanted(out, release.name):
            continue
        # A folder that cannot be moved (on Windows, one that is being read) is left for the next time.
        with unheld(release) as free, suppress(OSError):
            if free:
                release.rename(stage / _REMOVED / f"{release.name}.old")


def _remove(stage: Path) -> None:
    """Remove the staging folder, as far as the system lets us (it may refuse once); the next start tries again."""
    for _ in range(2):
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Hold the lock of `out`; the system releases it when the process ends, however it ends."""
    made = _make(out)
    path = out / FOLDER / _LOCK
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        msg = f"Another run is writing to {out}; wait until it ends, or name another folder with --out."
        raise RunError(msg) from error
    except OSError as error:
        msg = f"{out} cannot be written to ({error.strerror}); name another folder for the outputs."
        raise InputError(msg) from error
    try:
        yield
    finally:
        with suppress(PermissionError):  # Windows keeps an open file, and removes this one as the lock goes
            path.unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):  # not empty, but for the first run that fails
            (out / FOLDER).rmdir()
            for folder in made:
                folder.rmdir()


def _make(out: Path) -> list[Path]:
    """Make the folder of outputs, or refuse it; return the folders that were made for it, the lowest first."""
    if out.exists() and not out.is_dir():
        msg = f"{out} is a file; name a folder for the outputs."
        raise InputError(msg)
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        if Pointer.read(out) is None and (strangers := _strangers(out)):
            msg = f"{out} holds files that are not outputs of novostroiki ({strangers[0]}); name an empty folder."
            raise InputError(msg)
        (out / FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{out} cannot be used for the outputs ({error.strerror}); name another folder with --out."
        raise InputError(msg) from error
    return made


def _strangers(out: Path) -> list[str]:
    """Return what lies in a folder without a pointer that no run of ours can have put there."""
    if not out.exists() or (out / FOLDER / STAGING).is_dir():  # a first run that was killed while it published
        return []
    own = out / FOLDER
    inside = sorted(own.iterdir()) if own.is_dir() and not own.is_symlink() else []
    within = [path.name for path in inside if path.name != _LOCK and not is_run_id(path.name)]
    return [*within, *sorted(path.name for path in out.iterdir() if path.name != FOLDER or not path.is_dir())]


@contextmanager
def _refusals_told(out: Path) -> Iterator[None]:
    """Turn what the system refuses, from whichever library it is reported, into one sentence."""
    try:
        yield
    except NovostroikiError:
        raise
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else None
        if number in _NO_ROOM or "No space left on device" in str(error):
            msg = f"There is no room left on the disk of {out}; the previous outputs are unchanged."
        elif isinstance(error, OSError) and number is not None:
            where = f" ({error.filename})" if error.filename else ""
            msg = f"The system refuses to go on: {os.strerror(number)}{where}; the previous outputs are unchanged."
        else:
            raise
        raise RunError(msg) from error


@contextmanager
def _to_the_end() -> Iterator[None]:
    """Let no signal end the short time in which a release is swapped in; one that comes then comes too late."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _flush(stage: Path) -> None:
    """Force everything that was built to the disk, so that a power cut cannot leave a half behind the pointer."""
    for folder, _, names in os.walk(stage):
        for name in names:
            descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)  # noqa: PTH118 - hot loop over os.walk
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        _flush_folder(folder)


def _flush_folder(folder: Path | str) -> None:
    if sys.platform != "win32":  # which has no such thing
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
