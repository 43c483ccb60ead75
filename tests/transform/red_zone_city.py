"""A random town for the tests of red zones: houses, settlements and hazards of every kind of geometry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

METRIC = CRS.from_proj4("+proj=tmerc +lat_0=42.9 +lon_0=74.6 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs")
_CLASSES = {"cemetery": (100.0, "statutory"), "railway": (100.0, "statutory"), "wetland": (0.0, "inside")}


@dataclass(frozen=True)
class Town:
    """Inputs of `distances` and `overlaps`, in one projected CRS."""

    buildings: gpd.GeoDataFrame
    settlements: gpd.GeoDataFrame
    hazards: gpd.GeoDataFrame

    def moved(self, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Town:
        """Return the town with all coordinates changed."""
        frames = {
            name: frame.set_geometry(shapely.transform(frame.geometry.to_numpy(), change), crs=frame.crs)
            for name, frame in vars(self).items()
        }
        return replace(self, **frames)

    def shuffled(self, rng: np.random.Generator) -> Town:
        """Return the town with the rows of every table in another order."""
        return replace(self, **{name: frame.iloc[rng.permutation(len(frame))] for name, frame in vars(self).items()})


def rectangles(
    rng: np.random.Generator, centre: NDArray[np.float64], low: float = 6.0, high: float = 16.0
) -> NDArray[np.object_]:
    """Return one turned rectangle around each point."""
    half = rng.uniform(low, high, (len(centre), 2)) / 2
    angle = rng.uniform(0, np.pi, len(centre))
    corner = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    x, y = (half[:, None, :] * corner).transpose(2, 0, 1)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return shapely.polygons(centre[:, None, :] + np.stack([x * cos - y * sin, x * sin + y * cos], axis=2))


def blob(rng: np.random.Generator, centre: NDArray[np.float64], radius: float, corners: int) -> shapely.Polygon:
    """Return a star-shaped polygon with dents."""
    angle = (np.arange(corners) + rng.uniform(0, 0.8, corners)) * 2 * np.pi / corners
    arm = radius * rng.uniform(0.5, 1, corners)
    return shapely.Polygon(centre + np.column_stack([arm * np.cos(angle), arm * np.sin(angle)]))


def winding(rng: np.random.Generator, start: NDArray[np.float64], corners: int, step: float) -> shapely.LineString:
    """Return a line that winds."""
    angle = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.3, corners))
    return shapely.LineString(start + np.cumsum(step * np.column_stack([np.cos(angle), np.sin(angle)]), axis=0))


def town(seed: int, *, houses: int = 400, size_m: float = 3000.0) -> Town:
    """Return a random town; the same seed gives the same town."""
    rng = np.random.default_rng(seed)
    footprints = rectangles(rng, rng.uniform(0, size_m, (houses, 2)))
    buildings = gpd.GeoDataFrame(
        {"building_id": [f"t/b/{row:06d}" for row in range(houses)], "home": np.arange(houses) % 3 > 0},
        geometry=footprints,
        crs=METRIC,
    )
    quarter = size_m / 3
    outlines = [
        shapely.box(column * quarter + 20, row * quarter + 20, (column + 1) * quarter, (row + 1) * quarter)
        for row in range(3)
        for column in range(3)
    ]
    settlements = gpd.GeoDataFrame(
        {"settlement_id": [f"t/{row}" for row in range(9)], "area_id": "t"}, geometry=outlines, crs=METRIC
    )
    house, place = settlements.sindex.query(buildings.geometry, predicate="intersects")
    buildings["settlement_id"] = (
        pd.Series(settlements["settlement_id"].to_numpy()[place], index=house).groupby(level=0).first()
    )
    edges = {
        "cemetery": [
            blob(rng, rng.uniform(0, size_m, 2), rng.uniform(20, 200), int(rng.integers(4, 40))) for _ in range(6)
        ]
        + [shapely.Point(rng.uniform(0, size_m, 2))],
        "railway": [winding(rng, rng.uniform(0, size_m, 2), int(rng.integers(2, 60)), 40) for _ in range(4)],
        "wetland": [blob(rng, rng.uniform(0, size_m, 2), rng.uniform(50, 400), 12) for _ in range(3)],
    }
    rows = [
        {
            "hazard_id": f"t/{name}/way/{row}",
            "area_id": "t",
            "hazard_class": name,
            "rule_id": f"KG.{name}",
            "kind": _CLASSES[name][1],
            "distance_m": _CLASSES[name][0],
            "assumed": row == 0,
            "geometry": shape,
        }
        for name, shapes in edges.items()
        for row, shape in enumerate(shapes)
    ]
    return Town(buildings, settlements, gpd.GeoDataFrame(rows, crs=METRIC))
