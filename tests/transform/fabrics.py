"""Small towns for tests: rows of plots with a house and now and then a shed, in any direction."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import affinity, box

CRS = "EPSG:32643"
EAST, NORTH = 470_000.0, 4_750_000.0
NAMES = ("name", "name_en", "name_ru", "name_ky", "name_kk", "other_names")


def quarter(  # noqa: PLR0913 - a quarter has that many sides
    x: float, y: float, columns: int, rows: int, *, plot: float = 25, size: float = 90, angle: float = 0, seed: int = 0
) -> list[tuple[shapely.Polygon, str]]:
    """Houses of about `size` m² on plots of `plot` metres, with sheds; the lower left corner at x, y."""
    rng = np.random.default_rng([seed, columns, rows])
    out = []
    for column in range(columns):
        for row in range(rows):
            at = x + column * plot + rng.uniform(-1, 1), y + row * plot + rng.uniform(-1, 1)
            side = np.sqrt(size * rng.uniform(0.85, 1.15))
            out.append((box(at[0], at[1], at[0] + side, at[1] + side * 0.9), "house"))
            if rng.random() < 0.4:
                out.append((box(at[0] + side + 2, at[1], at[0] + side + 5, at[1] + 4), "outbuilding"))
    pivot = (x + columns * plot / 2, y + rows * plot / 2)
    return [(affinity.rotate(shape, angle, origin=pivot), kind) for shape, kind in out]


def town(*quarters: list[tuple[shapely.Polygon, str]]) -> gpd.GeoDataFrame:
    """Merged buildings of several quarters, as `transform.buildings.merge` gives them."""
    rows = [row for part in quarters for row in part]
    shapes = [affinity.translate(shape, EAST, NORTH) for shape, _ in rows]
    frame = gpd.GeoDataFrame({"kind": [kind for _, kind in rows]}, geometry=shapes, crs=CRS)
    frame["footprint_m2"] = frame.area
    frame["building_id"] = [f"b{n}" for n in range(len(frame))]
    return frame


def layer(*rows: dict[str, Any], columns: tuple[str, ...]) -> gpd.GeoDataFrame:
    """An OSM layer with name columns; geometries are given relative to the town's origin."""
    data = {column: [row.get(column) for row in rows] for column in ("osm_id", *NAMES, *columns)}
    shapes = [affinity.translate(row["geometry"], EAST, NORTH) for row in rows]
    frame = pd.DataFrame(data).astype("str").where(pd.DataFrame(data).notna(), None)
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS)


def layers(**given: gpd.GeoDataFrame) -> dict[str, gpd.GeoDataFrame]:
    """All layers that settlements look at, the ones not given being empty."""
    columns = {
        "places": ("place",),
        "landuse": ("landuse",),
        "roads": ("highway", "surface", "tunnel"),
        "railways": ("railway", "service", "tunnel"),
        "waterways": ("waterway", "tunnel"),
        "services": ("amenity",),
    }
    return {name: given.get(name, layer(columns=keys)) for name, keys in columns.items()}


def place(osm_id: str, name: str, x: float, y: float, kind: str = "neighbourhood", **names: str) -> dict[str, Any]:
    return {"osm_id": osm_id, "name": name, "place": kind, "geometry": shapely.Point(x, y), **names}


def turned(frame: gpd.GeoDataFrame, angle: float, east: float, north: float) -> gpd.GeoDataFrame:
    """The same frame, rotated about the town's origin and shifted."""
    moved = frame.geometry.rotate(angle, origin=(EAST, NORTH)).translate(east, north)
    return frame.set_geometry(moved)
