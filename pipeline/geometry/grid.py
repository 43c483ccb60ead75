"""A grid of square cells of equal area, laid out afresh for each bounding box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pyproj import CRS, Transformer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.geometry.arrays import Floats

CELL_M = 500.0


@dataclass(frozen=True)
class Grid:
    """Squares of `CELL_M` in a Lambert azimuthal equal-area projection centred on a bounding box.

    Near its centre that projection keeps shapes too, so that cells look square on the ground; a cylindrical
    equal-area grid such as EPSG:6933 would make them 360 m by 690 m at a latitude of 51°.

    Attributes
    ----------
    name
        Begins the identifiers of the cells.
    crs
        The projection, metres; edges of cells lie at multiples of `CELL_M`.
    """

    name: str
    crs: CRS

    @classmethod
    def of(cls, name: str, bbox: tuple[float, float, float, float]) -> Grid:
        """Return the grid of a bounding box (west, south, east, north in degrees)."""
        west, south, east, north = bbox
        centre = f"+lat_0={(south + north) / 2:.4f} +lon_0={(west + east) / 2:.4f}"
        return cls(name, CRS.from_proj4(f"+proj=laea {centre} +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"))

    def project(self, x: Floats, y: Floats, crs: CRS | str = "EPSG:4326") -> tuple[Floats, Floats]:
        """Return points of another CRS (default: longitude, latitude) as x and y in metres."""
        return Transformer.from_crs(crs, self.crs, always_xy=True).transform(x, y)

    def cell_ids(self, lon: Floats, lat: Floats) -> NDArray[np.str_]:
        """Return the identifier of the cell that holds each point (degrees)."""
        column_row = np.floor(np.column_stack(self.project(lon, lat)) / CELL_M).astype(int)
        # Names are made once per cell, not once per point.
        cells, which = np.unique(column_row, axis=0, return_inverse=True)
        return self.names(cells)[which]

    def names(self, columns_rows: NDArray[np.int64]) -> NDArray[np.str_]:
        """Return the identifiers of cells given as columns and rows, shape (n, 2)."""
        return np.array([f"{self.name}/c{column:+d}r{row:+d}" for column, row in columns_rows], dtype=str)

    def columns_rows(self, cell_ids: NDArray[np.str_]) -> NDArray[np.int64]:
        """Return column and row of cells, shape (n, 2); rows count northwards."""
        numbers = [name.rsplit("/c", 1)[1].split("r") for name in cell_ids]
        return np.array(numbers, dtype=np.int64).reshape(-1, 2)

    def squares(self, cell_ids: NDArray[np.str_]) -> NDArray[Any]:
        """Return the cells as polygons in EPSG:4326."""
        low = self.columns_rows(cell_ids) * CELL_M
        boxes = shapely.box(low[:, 0], low[:, 1], low[:, 0] + CELL_M, low[:, 1] + CELL_M)
        back: Any = Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True).transform
        return np.asarray(shapely.transform(boxes, back, interleaved=False))
