"""Where a simulated city lies: a flat frame in metres around the middle of its bbox, and the way back to degrees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from pyproj import Transformer

if TYPE_CHECKING:
    from pipeline.geometry.convex import Array

Bbox = tuple[float, float, float, float]


@dataclass(frozen=True)
class Frame:
    """A transverse Mercator centred on a bbox (west, south, east, north, degrees), scale 1; metres, x east, y north."""

    bbox: Bbox

    @property
    def proj(self) -> str:
        """The projection as a PROJ string."""
        west, south, east, north = self.bbox
        return (
            f"+proj=tmerc +lat_0={(south + north) / 2:.6f} +lon_0={(west + east) / 2:.6f} +k=1 +x_0=0 +y_0=0 "
            "+datum=WGS84 +units=m +no_defs"
        )

    @cached_property
    def _forward(self) -> Transformer:
        return Transformer.from_crs("EPSG:4326", self.proj, always_xy=True)

    def to_metres(self, lon: float, lat: float) -> tuple[float, float]:
        """Return the metres of a point in degrees."""
        x, y = self._forward.transform(lon, lat)
        return float(x), float(y)

    def to_degrees(self, points: Array) -> Array:
        """Return longitudes and latitudes, rounded to OSM's 1e-7 degrees, of points of shape (n, 2) in metres."""
        lon, lat = self._forward.transform(points[:, 0], points[:, 1], direction="INVERSE")
        return np.round(np.column_stack([lon, lat]), 7)

    @cached_property
    def extent(self) -> Bbox:
        """The largest upright rectangle in metres that lies within the bbox: west, south, east, north."""
        west, south, east, north = self.bbox
        lon, lat = np.linspace(west, east, 21), np.linspace(south, north, 21)
        _, bottom = self._forward.transform(lon, np.full(21, south))
        _, top = self._forward.transform(lon, np.full(21, north))
        left, _ = self._forward.transform(np.full(21, west), lat)
        right, _ = self._forward.transform(np.full(21, east), lat)
        return float(left.max()), float(bottom.max()), float(right.min()), float(top.min())

    def widened(self, factor: float) -> Frame:
        """Return the frame of a bbox `factor` times as wide and as high, around the same middle."""
        west, south, east, north = self.bbox
        half_width, half_height = (east - west) / 2 * factor, (north - south) / 2 * factor
        middle = (west + east) / 2, (south + north) / 2
        bbox = (middle[0] - half_width, middle[1] - half_height, middle[0] + half_width, middle[1] + half_height)
        return Frame(tuple(round(value, 6) for value in bbox))  # type: ignore[arg-type]
