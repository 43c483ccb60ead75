"""Which files of a tiled dataset cover an area: plain arithmetic, without a request.

Functions take a bbox (west, south, east, north; EPSG:4326) and return the tiles that share area with it, in order.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from pyproj import Transformer
from shapely import Polygon, box, get_coordinates, segmentize

from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import Area
    from pipeline.declared.catalogue import SourceSpec

Bbox = tuple[float, float, float, float]

_GHSL_WEST_M, _GHSL_NORTH_M, _GHSL_TILE_M = -18_041_000.0, 9_000_000.0, 1_000_000.0
_QUADKEY_ZOOM = 9
_EDGE_STEP_DEG = 0.01
"""Edges of a bbox curve in Mollweide: this often a point is set on them."""


def _spanned(low: float, high: float, size: float) -> range:
    """Return the cells of a regular axis that an interval shares more than a point with."""
    first = math.floor(low / size)
    return range(first, max(first + 1, math.ceil(high / size)))


@cache
def _to_mollweide() -> Transformer:
    return Transformer.from_crs("EPSG:4326", "ESRI:54009", always_xy=True)


def outline(bbox: Bbox) -> Polygon:
    """Return a bbox as a polygon in ESRI:54009 (metres), with its edges curved as the projection curves them."""
    edges = get_coordinates(segmentize(box(*bbox), _EDGE_STEP_DEG))
    return Polygon(np.column_stack(_to_mollweide().transform(*edges.T)))


def ghsl(bbox: Bbox) -> list[tuple[int, int]]:
    """Return (row, column) of the GHSL tiles of 1,000 km in ESRI:54009, both counted from 1 at the north-west."""
    area = outline(bbox)
    west, south, east, north = area.bounds
    found = []
    for row in _spanned(_GHSL_NORTH_M - north, _GHSL_NORTH_M - south, _GHSL_TILE_M):
        for column in _spanned(west - _GHSL_WEST_M, east - _GHSL_WEST_M, _GHSL_TILE_M):
            left, top = _GHSL_WEST_M + column * _GHSL_TILE_M, _GHSL_NORTH_M - row * _GHSL_TILE_M
            if area.intersects(box(left, top - _GHSL_TILE_M, left + _GHSL_TILE_M, top)):
                found.append((row + 1, column + 1))
    return found


def corners(bbox: Bbox, size: int) -> list[tuple[int, int]]:
    """Return (lon, lat) of the lower left corners of tiles of `size` whole degrees."""
    west, south, east, north = bbox
    return [(lon * size, lat * size) for lat in _spanned(south, north, size) for lon in _spanned(west, east, size)]


def corner_name(lon: int, lat: int) -> str:
    """Return a corner as WorldCover writes it, such as ``N42E072``."""
    return f"{'S' if lat < 0 else 'N'}{abs(lat):02d}{'W' if lon < 0 else 'E'}{abs(lon):03d}"


def quadkeys(bbox: Bbox, zoom: int = _QUADKEY_ZOOM) -> list[str]:
    """Return the Bing quadkeys of web-Mercator tiles (https://learn.microsoft.com/bingmaps/articles/bing-maps-tile-system)."""
    west, south, east, north = bbox
    count = 2**zoom

    def down(lat: float) -> float:
        return (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2

    rows = _spanned(down(north), down(south), 1 / count)
    columns = _spanned((west + 180) / 360, (east + 180) / 360, 1 / count)
    return [_quadkey(column, row, zoom) for row in rows for column in columns]


def _quadkey(column: int, row: int, zoom: int) -> str:
    return "".join(str((column >> bit & 1) + 2 * (row >> bit & 1)) for bit in range(zoom - 1, -1, -1))


def split(bbox: Bbox, size_deg: float) -> list[Bbox]:
    """Cut a bbox into equal parts of at most `size_deg` degrees, rows from the south."""
    west, south, east, north = bbox
    columns, rows = (max(1, math.ceil(span / size_deg - 1e-9)) for span in (east - west, north - south))
    xs = [west + (east - west) * i / columns for i in range(columns)] + [east]
    ys = [south + (north - south) * i / rows for i in range(rows)] + [north]
    return [(xs[i], ys[j], xs[i + 1], ys[j + 1]) for j in range(rows) for i in range(columns)]


def _places(spec: SourceSpec, area: Area) -> Iterator[dict[str, object]]:
    if spec.grid == "ghsl":
        for row, column in ghsl(area.bbox):
            yield {"row": row, "column": column}
    elif spec.grid in ("degrees2", "degrees3"):
        for lon, lat in corners(area.bbox, int(spec.grid[-1])):
            yield {"lon": lon, "lat": lat, "corner": corner_name(lon, lat)}
    elif spec.grid == "country":
        if area.country not in spec.countries:
            msg = f"{spec.title} has no file for country {area.country}; give a local file, or name it under countries."
            raise InputError(msg)
        code = spec.countries[area.country]
        yield {"country": code, "country_lower": code.lower()}
    else:
        yield {}


def addresses(spec: SourceSpec, area: Area, year: int | None = None) -> list[list[str]]:
    """Return the files of a dataset that cover an area; for each the address, then those of its mirrors.

    Raises
    ------
    InputError
        The dataset comes by country and does not cover this one.
    """
    patterns = (spec.url, *spec.mirrors)
    return [[pattern.format(year=year, **place) for pattern in patterns] for place in _places(spec, area)]
