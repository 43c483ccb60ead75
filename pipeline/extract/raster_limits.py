"""What a raster may ask of its reader, checked before a cell is read: a header of a kilobyte can ask for gigabytes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import InputError

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_BLOCK_BYTES = 512 * 2**20
_BANDS = 64


def check(raster: DatasetReader, name: object) -> None:
    """Refuse blocks that are too large to be unpacked, which happens whole, and bands without end.

    Raises
    ------
    InputError
        One sentence with the remedy.
    """
    if raster.count > _BANDS:
        msg = f"{name} has {raster.count:,} bands; give the one that is meant alone (gdal_translate -b)."
        raise InputError(msg)
    for shape, kind in zip(raster.block_shapes, raster.dtypes, strict=True):
        size = prod(shape) * np.dtype(kind).itemsize * raster.count
        if size > _BLOCK_BYTES:
            rows, columns = shape
            msg = (
                f"{name} must be read in blocks of {rows:,} × {columns:,} cells, which is too much at once; "
                "write it in tiles (gdal_translate -co TILED=YES)."
            )
            raise InputError(msg)
