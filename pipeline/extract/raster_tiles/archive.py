"""Rasters as they are served, plain or in a zip; guarded against files that are not what they should be."""

from __future__ import annotations

import shutil
import warnings
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from pyproj import CRS, Transformer
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from pipeline.errors import InputError
from pipeline.extract import raster_limits
from pipeline.extract.http.retry import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.declared.catalogue import SourceSpec

MAX_FILE = 1 * 2**30
"""Bytes of a tile as served."""
MAX_UNPACKED = 2 * 2**30
"""Bytes of a tile unpacked; the largest, of 10,000 by 10,000 cells of 8 bytes, has 800 MB."""
NOT_WHOLE = "the reply is no whole GeoTIFF"
_SAME_M, _SAME_DEG = 1.0, 1e-5
_REPORT = "do not use it, and tell the provider"


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give out the GeoTIFF in a file: the file itself, or the only ``.tif`` in a zip, unpacked while the block runs.

    Raises
    ------
    AttemptError
        The zip is damaged, would unpack to an implausible size, names files outside its folder, or has not one raster.
    """
    if not zipfile.is_zipfile(path):
        yield path
        return
    with TemporaryDirectory() as scratch:
        target = Path(scratch, "tile.tif")
        try:
            with zipfile.ZipFile(path) as archive:
                member = _only_raster(archive)
                with archive.open(member) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            reason = "the reply is no whole zip file"
            raise TransientError(reason) from error
        yield target


def _only_raster(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    size = sum(member.file_size for member in members)
    if size > MAX_UNPACKED:
        reason = f"the zip would unpack to {size:,} bytes, more than the {MAX_UNPACKED:,} that are plausible"
        raise PermanentError(reason, remedy=_REPORT)
    for member in members:
        place = PurePosixPath(member.filename.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts:
            reason = f"the zip names a file outside its own folder ({member.filename!r})"
            raise PermanentError(reason, remedy=_REPORT)
    rasters = [member for member in members if member.filename.lower().endswith(".tif")]
    if len(rasters) != 1:
        reason = f"the zip holds {len(rasters)} rasters where one is expected"
        raise TransientError(reason)
    return rasters[0]


def check(path: Path, spec: SourceSpec) -> None:
    """Raise an AttemptError unless a file holds one readable GeoTIFF in the CRS that its dataset states."""
    with unpacked(path) as tile:
        check_raster(str(tile), spec, whole=True)


def check_raster(name: str, spec: SourceSpec, *, whole: bool) -> None:
    """Raise an AttemptError unless GDAL opens `name` as a raster in the CRS that its dataset states.

    Of a `whole` one every cell is read, for a damaged block shows only then.
    """
    try:
        with warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning), rasterio.open(name) as raster:
            crs, bounds = raster.crs, raster.bounds
            raster_limits.check(raster, name)
            if whole:
                for _, window in raster.block_windows(1):
                    raster.read(1, window=window)
            else:
                raster.read(1, window=((raster.height - 1, raster.height), (raster.width - 1, raster.width)))
    except (RasterioError, InputError) as error:
        raise TransientError(NOT_WHOLE) from error
    if crs is None or not _same_places(CRS.from_user_input(crs), CRS.from_user_input(spec.crs), bounds):
        found = crs.to_string()[:60] if crs else "none"
        reason = f"its coordinate system is {found} where {spec.crs} is expected"
        raise PermanentError(reason, remedy="look at the provider's page for what has changed")


def _same_places(found: CRS, expected: CRS, bounds: tuple[float, float, float, float]) -> bool:
    """Return whether two systems give the corners of a raster the same coordinates, whatever they are called."""
    west, south, east, north = bounds
    x, y = np.array([west, east, west, east]), np.array([south, south, north, north])
    moved = Transformer.from_crs(found, expected, always_xy=True).transform(x, y)
    tolerance = _SAME_M if expected.is_projected else _SAME_DEG
    return found.is_projected == expected.is_projected and bool(np.allclose(moved, (x, y), rtol=0, atol=tolerance))
