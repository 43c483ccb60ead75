"""Releases as their readers meet them: immutable folders `out/releases/<run_id>`, and a pointer to the current one.

A command resolves the pointer once and reads everything from one folder, so that it never sees two releases mixed,
however many are published meanwhile. `out/novostroiki.duckdb` and the other paths beside the pointer are for readers
who know nothing of it: whole files, each naming its release.
"""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

POINTER = "release.json"
FOLDER = "releases"
STAGING = ".staging"
"""Within `FOLDER`: where a run is at work, or one was that was killed."""
SNAPSHOTS = "snapshots"
MANIFEST = "manifest.json"
_RUN_ID = re.compile(r"[0-9a-f]{16}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TRIES = 100
"""How often a reader looks again when the release that it was led to is gone: two newer ones came in between."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """What `release.json` says: the current release, and the one before it, which is kept too."""

    run_id: str
    previous: str | None = None

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the pointer in a folder of outputs or a snapshot; None where there is none.

        Raises
        ------
        InputError
            The file is no pointer of novostroiki.
        """
        path = folder / POINTER
        try:
            told = json.loads(path.read_bytes())
            run_id, previous = told["run_id"], told.get("previous")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            msg = f"{path} cannot be read as a pointer to a release ({error}); name another folder."
            raise InputError(msg) from error
        # A name from a file becomes part of a path: nothing but a digest may.
        if not is_run_id(run_id) or not (previous is None or is_run_id(previous)):
            msg = f"{path} does not name a release of novostroiki; name another folder."
            raise InputError(msg)
        return cls(run_id, previous)

    def text(self) -> str:
        """Return the pointer as it is stored."""
        told = {"run_id": self.run_id, "folder": f"{FOLDER}/{self.run_id}", "previous": self.previous}
        return json.dumps(told, indent=1) + "\n"


def is_run_id(name: object) -> bool:
    """Tell whether something is the identifier of a release."""
    return isinstance(name, str) and _RUN_ID.fullmatch(name) is not None


def resolve(folder: Path) -> Path:
    """Return the folder of the release that outputs or a snapshot point to.

    Parameters
    ----------
    folder
        Outputs (with `release.json`), a snapshot of theirs, or a release itself, which is returned as it is.

    Raises
    ------
    InputError
        The pointer cannot be read, or the release that it names is not there.
    """
    pointer = Pointer.read(folder)
    if pointer is None:
        return folder
    top = folder.absolute()
    # A snapshot's release lies beside all others of its outputs.
    outputs = top.parent.parent if top.parent.name == SNAPSHOTS else folder
    release = outputs / FOLDER / pointer.run_id
    if not (release / MANIFEST).is_file():
        msg = f"{folder / POINTER} names the release {pointer.run_id}, but {release} is not there; run again."
        raise InputError(msg)
    return release


@contextmanager
def held(folder: Path) -> Iterator[Path]:
    """Resolve a folder of outputs once, and keep the release from being removed for as long as the block runs.

    Yields
    ------
    Path
        As `resolve` returns it.

    Raises
    ------
    InputError
        As `resolve` raises it.
    """
    for _ in range(_TRIES):
        try:
            release = resolve(folder)
            descriptor = os.open(release / MANIFEST, os.O_RDONLY)
        except (OSError, InputError):
            # Bare tables have no manifest and are never removed; a release may have gone since the pointer was read.
            if Pointer.read(folder) is None:
                yield folder
                return
            continue
        try:
            _share(descriptor)
            if not (release / MANIFEST).is_file():
                continue
            yield release
            return
        finally:
            os.close(descriptor)
    yield resolve(folder)


def _share(descriptor: int) -> None:
    """Share the lock that `unheld` asks for; on Windows a file that is open cannot be removed anyway."""
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        except OSError:
            return  # some network file systems lock nothing: the last two releases are kept in any case


@contextmanager
def unheld(release: Path) -> Iterator[bool]:
    """Tell whether no reader holds a release; none can begin to while the block runs."""
    if sys.platform == "win32":
        yield True  # a folder with an open file cannot be moved there
        return
    import fcntl

    try:
        file = (release / MANIFEST).open("rb")
    except OSError:
        yield True
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            free = False
        except OSError:
            free = True
        else:
            free = True
        yield free


def days(out: Path) -> list[date]:
    """Return the days of which `out` holds a snapshot, the oldest first."""
    folder, found = out / SNAPSHOTS, []
    for entry in folder.iterdir() if folder.is_dir() else ():
        with suppress(ValueError):  # not a day: something of the user's
            found += [date.fromisoformat(entry.name)] if _DAY.fullmatch(entry.name) else []
    return sorted(found)


def pinned(out: Path) -> set[str]:
    """Return the releases that snapshots keep."""
    pointers = (Pointer.read(out / SNAPSHOTS / day.isoformat()) for day in days(out))
    return {pointer.run_id for pointer in pointers if pointer is not None}


def as_of(out: Path, day: date) -> Path:
    """Return the folder of the latest snapshot that is not younger than `day`.

    Raises
    ------
    InputError
        There is no snapshot of that day or before.
    """
    known = days(out)
    if fitting := [kept for kept in known if kept <= day]:
        return out / SNAPSHOTS / fitting[-1].isoformat()
    oldest = f"the oldest is of {known[0]}" if known else "there is none; keep one with `novostroiki run --snapshot`"
    msg = f"{out} holds no snapshot of {day} or before ({oldest})."
    raise InputError(msg)
