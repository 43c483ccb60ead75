"""A grid of values with its place on the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from affine import Affine
    from pyproj import CRS

    from pipeline.geometry.arrays import Floats


@dataclass(frozen=True)
class Raster:
    """A window of a raster.

    Attributes
    ----------
    values
        (rows, columns), float64, NaN where there is no data.
    transform
        From (column, row) to the coordinates of `crs`; north up.
    crs
        As in the file.
    """

    values: Floats
    transform: Affine
    crs: CRS
