"""Dated snapshots of the outputs: `out/snapshots/<date>/`, kept by one run and carried over by all later ones.

A snapshot looks like a folder of outputs without maps (`novostroiki.duckdb`, `tables/`), so that whatever reads outputs
reads snapshots too. Its files are links to those of the run where the file system has links.
"""

from __future__ import annotations

import os
import re
import shutil
from datetime import date
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.run.manifest import SNAPSHOTS

if TYPE_CHECKING:
    from pathlib import Path

_KEPT = ("novostroiki.duckdb", "tables")


def keep(stage: Path, day: date) -> Path:
    """Keep the tables of a staged run as the snapshot of a day; a later run of the same day replaces it.

    Call it inside `publish.staging`, after the tables and the DuckDB file are built.
    """
    target = stage / SNAPSHOTS / day.isoformat()
    if target.exists():
        shutil.rmtree(target)
    for name in _KEPT:
        source = stage / name
        files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
        for file in files:
            copy = target / file.relative_to(stage)
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(file, copy)
            except OSError:
                shutil.copyfile(file, copy)
    return target


def days(out: Path) -> list[date]:
    """Return the days of which `out` holds a snapshot, the oldest first."""
    folder = out / SNAPSHOTS
    if not folder.is_dir():
        return []
    names = [entry.name for entry in folder.iterdir() if re.fullmatch(r"\d{4}-\d\d-\d\d", entry.name)]
    return sorted(date.fromisoformat(name) for name in names)


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
