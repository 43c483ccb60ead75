"""manifest.json: every file of the outputs with its SHA-256, and what made them; the only output with clock times."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from datetime import date
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pipeline.base.releases import MANIFEST, is_run_id, resolve
from pipeline.errors import InputError
from pipeline.run import identity
from pipeline.schema.provenance import sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from pipeline.config import Config
    from pipeline.schema.provenance import Notice, Source

NAME = MANIFEST
_PRIVATE = ("contact", "cache", "out")
"""Keys of the configuration that tell of the user and the machine."""


def write(  # noqa: PLR0913 - each is a section of the file
    root: Path,
    *,
    run_id: str,
    parent: str | None = None,
    config: Config,
    sources: Sequence[Source],
    notices: Sequence[Notice],
    started: datetime,
    finished: datetime,
    stages: Mapping[str, Mapping[str, float]],
) -> Path:
    """Write `<root>/manifest.json` over everything that lies below `root`; call it last.

    Parameters
    ----------
    root
        The folder to be published.
    run_id, parent
        Identifiers of the release, and of the one that `--since` named.
    config
        The configuration of the run.
    sources, notices
        What was read, and what was noticed while reading.
    started, finished
        Clock times of the run (UTC).
    stages
        Seconds of each stage, by area.
    """
    document = {
        "run_id": run_id,
        "parent": parent,
        "started": started.isoformat(timespec="seconds"),
        "finished": finished.isoformat(timespec="seconds"),
        "seconds": {area_id: dict(seconds) for area_id, seconds in stages.items()},
        "simulated": any(source.simulated for source in sources),
        "seed": config.run.seed,
        "versions": _versions(),
        "config": _public(config.model_dump()),
        "sources": [_plain(asdict(source)) for source in sources],
        "notices": [asdict(notice) | {"what": notice.what} for notice in notices],
        "files": list_files(root),
    }
    path = root / NAME
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def list_files(root: Path) -> list[dict[str, Any]]:
    """Return path (relative, with slashes), size and SHA-256 of every output below `root`, in order of the paths."""
    paths = sorted(path for path in root.rglob("*") if path.is_file() and path != root / NAME)
    return [
        {"path": path.relative_to(root).as_posix(), "bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in paths
    ]


def read(root: Path) -> dict[str, Any]:
    """Return the manifest of published outputs.

    Raises
    ------
    InputError
        The file is missing or is no manifest.
    """
    try:
        document: dict[str, Any] = json.loads((root / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{root / NAME} cannot be read as a manifest: {error}."
        raise InputError(msg) from error
    if not isinstance(document, dict) or not is_run_id(document.get("run_id")) or not _sound(document.get("files")):
        msg = f"{root / NAME} is not a manifest of novostroiki."
        raise InputError(msg)
    return document


def _sound(files: object) -> bool:
    """Tell whether this lists files as `list_files` does; paths that lead out of the folder are none."""
    return isinstance(files, list) and all(
        isinstance(entry, dict)
        and isinstance(path := entry.get("path"), str)
        and not {"", ".", ".."} & set(path.split("/"))
        and "\\" not in path
        and isinstance(entry.get("bytes"), int)
        and isinstance(entry.get("sha256"), str)
        for entry in files
    )


def same_files(built: Path, kept: Path) -> bool:
    """Tell whether a release that was kept still holds, byte for byte, what was built now; clock times aside."""
    try:
        read(kept)
    except InputError:
        return False
    return bool(list_files(kept) == read(built)["files"])


def verify(root: Path) -> list[str]:
    """Return a sentence for each difference between a release, or what points to it, and its manifest."""
    root = resolve(root)
    recorded = {entry["path"]: entry for entry in read(root)["files"]}
    present = {entry["path"]: entry for entry in list_files(root)}
    return [
        *(f"{path} is missing." for path in sorted(recorded.keys() - present.keys())),
        *(f"{path} is not in the manifest." for path in sorted(present.keys() - recorded.keys())),
        *(
            f"{path} has changed since the run."
            for path in sorted(recorded.keys() & present.keys())
            if recorded[path] != present[path]
        ),
    ]


def _versions() -> dict[str, str]:
    libraries = {name: identity.installed(name) for name in ("novostroiki", *identity.LIBRARIES)}
    return {"python": platform.python_version(), **{name: told for name, told in libraries.items() if told}}


def _public(value: Any) -> Any:  # noqa: ANN401 - a part of a configuration
    """Return a configuration as it may be handed on: names of files without their folders, nobody's address."""
    if isinstance(value, dict):
        return {str(key): _public(item) for key, item in value.items() if key not in _PRIVATE}
    if isinstance(value, list | tuple):
        return [_public(item) for item in value]
    return value.name if isinstance(value, PurePath) else str(value) if isinstance(value, date) else value


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    at = row["retrieved_at"]
    return {**row, "retrieved_at": None if at is None else at.isoformat()}
