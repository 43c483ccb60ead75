"""Coordinate systems as files say them: known, and with a place on Earth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from pipeline.errors import InputError

if TYPE_CHECKING:
    from typing import Any


def known_crs(crs: Any, path: Path | str) -> CRS:  # noqa: ANN401 - text, PROJJSON, an EPSG code, rasterio's
    """Return a CRS that PROJ knows; an InputError names the file."""
    try:
        return CRS.from_user_input(crs)
    except CRSError as error:
        msg = f"{path}: {str(crs)[:80]!r} is no coordinate system that PROJ knows; write another beside the path."
        raise InputError(msg) from error


def check_has_place(crs: CRS, path: Path | str) -> Transformer:
    """Return the way from longitude and latitude into a CRS; an InputError says that there is none."""
    try:
        return Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    except ProjError as error:
        msg = (
            f"{path} is in a local coordinate system ({crs.name}) that has no place on Earth; write the right one "
            f'beside the path: {{ path = "{Path(path).name}", crs = "EPSG:…" }}.'
        )
        raise InputError(msg) from error
