"""What the inputs of an area hold, as digests: results of stages are found again by them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.schema.provenance import sha256

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipeline.config import Area
    from pipeline.extract.live import Fetched

_REGISTERS = ("registered", "survey")
_TABLES = (*_REGISTERS, "labels", "truth")


@dataclass(frozen=True)
class InputDigests:
    """What the inputs of an area hold: all of them, those that show the ground, the registers, the labels."""

    all: str
    ground: str
    registers: str
    labels: str

    @classmethod
    def of(cls, area: Area, fetched: Fetched | None) -> InputDigests:
        """Read every input file of an area once."""
        given = {key: _paths(value) for key, value in area.inputs.model_dump().items()}
        named = {path for paths in given.values() for path in paths}
        told = {key: [_told(area, path, named) for path in paths] for key, paths in given.items()}
        years = [str(year) for year, tiles in area.inputs.built_up.items() for _ in tiles]
        live = [
            [name, str(file.epoch), str(file.origin), sha256(file.path)]
            for name, files in sorted((fetched.files if fetched else {}).items())
            for file in files
        ]
        ground = [{key: value for key, value in told.items() if key not in _TABLES}, years, live]
        return cls(
            all=_digest([told, years, live]),
            ground=_digest(ground),
            registers=_digest([told[key] for key in _REGISTERS]),
            labels=_digest(told["labels"]),
        )


def _told(area: Area, path: Path, named: Collection[Path]) -> list[str]:
    """Tell a file's name, what the configuration says of it, and its contents.

    What lies beside it under the same name, such as the .dbf and .prj of a shapefile, belongs to it.
    """
    beside = [other for other in path.parent.glob("*") if other.name.startswith(f"{path.stem}.") and other.is_file()]
    files = {path, *(set(beside) - set(named))}
    contents = [f"{file.name} {_contents(file)}" for file in sorted(files)]
    return [path.name, area.inputs.details(path).model_dump_json(), *contents]


def _contents(path: Path) -> str:
    """Return the SHA-256 of a file or folder; empty where it cannot be had, of which the reader will tell."""
    try:
        return sha256(path)
    except OSError:
        return ""


def _paths(value: object) -> list[Path]:
    """Return the paths that an input names, in whatever it holds them."""
    if isinstance(value, Path):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    return [path for item in value for path in _paths(item)] if isinstance(value, tuple | list) else []


def _digest(told: object) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
