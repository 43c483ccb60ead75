"""What the inputs of an area hold, as digests: results of stages are found again by them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.schema.provenance import sha256

if TYPE_CHECKING:
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
        given = area.inputs.model_dump()
        told = {key: [_told(area, path) for path in _paths(value)] for key, value in given.items()}
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


def _told(area: Area, path: Path) -> list[str]:
    return [path.name, area.inputs.details(path).model_dump_json(), sha256(path)]


def _paths(value: object) -> list[Path]:
    """Return the paths that an input names, in whatever it holds them."""
    if isinstance(value, Path):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    return [path for item in value for path in _paths(item)] if isinstance(value, tuple | list) else []


def _digest(told: object) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
