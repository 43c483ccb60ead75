"""Dated snapshots: releases that stay. `out/snapshots/<date>/` points to its release, which no later run removes.

Beside its pointer a snapshot shows the tables and the database of its release, so that whatever reads outputs reads
snapshots too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.base.releases import FOLDER, POINTER, SNAPSHOTS, Pointer
from pipeline.errors import InputError
from pipeline.run import stable_paths
from pipeline.run.stable_paths import Change

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pipeline.run.stable_paths import Known

_SHOWN = re.compile(r"novostroiki\.duckdb|tables/.*")


def keep(out: Path, day: date, work: Path, known: Known) -> Path:
    """Keep the current release as the snapshot of a day; a later one of the same day replaces it.

    Parameters
    ----------
    out
        The folder of outputs.
    day
        The day.
    work
        A folder on the same file system to make it in.
    known
        The releases whose files may be replaced.
    """
    pointer = Pointer.read(out)
    if pointer is None:
        msg = f"{out} holds no release to keep; run first."
        raise InputError(msg)
    release, target = out / FOLDER / pointer.run_id, out / SNAPSHOTS / day.isoformat()
    Change.prepare(release, target, work, _SHOWN).apply(known)
    if before := Pointer.read(target):
        gone = stable_paths.shown(out / FOLDER / before.run_id) - stable_paths.shown(release)
        stable_paths.withdraw(filter(_SHOWN.fullmatch, gone), target, known)
    fresh = work / POINTER
    fresh.write_text(Pointer(pointer.run_id).text(), encoding="utf-8")
    target.mkdir(parents=True, exist_ok=True)
    fresh.replace(target / POINTER)
    return target
