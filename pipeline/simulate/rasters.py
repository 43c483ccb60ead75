"""Built-up, onset and population rasters of a simulated city in the grids, types and nodata of the real products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from pyproj import Transformer
from rasterio.transform import Affine, from_origin

from pipeline.simulate.structures import OUTBUILDING

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.geometry.convex import Array
    from pipeline.simulate.city import City
    from pipeline.simulate.people import People

EPOCHS = tuple(range(1975, 2021, 5))
"""Observed epochs of GHS-BUILT-S R2023A."""

_GHSL_ORIGIN = (-18_041_000.0, 9_000_000.0)
_GHSL_CELL_M = 100.0
_GHSL_NODATA = 65_535
_GHSL_FULL_M2 = 10_000
_ONSET_CELL_DEG = 0.00026949459
"""Cell of WSF Evolution: 30 m at the equator."""
_ONSET_YEARS = (1985, 2015)
_TRACKER_WEST, _TRACKER_NORTH, _TRACKER_CELL_DEG = -180.00001488697754, 78.0100585990529, 8.983152841195216e-05
"""Grid of the WSF Tracker."""
_TRACKER_YEAR, _TRACKER_CODES = 2016, 20
"""Its first year, and its last code: the second half of 2025."""
_POPULATION_CELL_DEG = 3 / 3600
_POPULATION_NODATA = -99_999.0
_CHUNK = 50_000
"""Buildings at a time: bounds the memory of their sample points."""
_SAMPLES = (np.arange(4) + 0.5) / 4 - 0.5
"""A footprint is spread over cells by 4 x 4 points, in shares of its sides."""


def _points(city: City, chosen: slice) -> tuple[Array, Array]:
    """Return sample points of footprints in degrees, shape (n, 16, 2), and the area (m²) that each stands for."""
    part = city.buildings.take(chosen)
    along, across = (grid.ravel() for grid in np.meshgrid(_SAMPLES, _SAMPLES))
    cos, sin = np.cos(part.angle)[:, None], np.sin(part.angle)[:, None]
    u, v = along * part.width[:, None], across * part.depth[:, None]
    points = np.stack([part.x[:, None] + u * cos - v * sin, part.y[:, None] + u * sin + v * cos], axis=-1)
    degrees = city.frame.to_degrees(points.reshape(-1, 2)).reshape(points.shape)
    return degrees, part.area_m2 / len(along)


def _chunks(count: int) -> list[slice]:
    return [slice(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]


def _write(path: Path, values: NDArray[Any], transform: Affine, crs: str, nodata: float | None) -> None:
    profile = {
        "driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": values.dtype,
        "crs": crs, "transform": transform, "nodata": nodata, "compress": "deflate", "tiled": True,
        "blockxsize": 256, "blockysize": 256,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(values, 1)


def write_built_up(directory: Path, city: City) -> dict[int, Path]:
    """Write built-up area per 100 m cell (m², GHSL's global Mollweide grid) for every epoch, as the product sees it.

    The product's noise is a factor of its own for each cell, the same in all epochs, so that no cell ever shrinks.
    """
    directory.mkdir(parents=True, exist_ok=True)
    forward = Transformer.from_crs("EPSG:4326", "ESRI:54009", always_xy=True)
    west, south, east, north = city.frame.bbox
    lon = np.concatenate([np.linspace(west, east, 30)] * 2 + [np.full(30, west), np.full(30, east)])
    lat = np.concatenate([np.full(30, south), np.full(30, north)] + [np.linspace(south, north, 30)] * 2)
    x, y = forward.transform(lon, lat)
    left, top = (
        int((x.min() - _GHSL_ORIGIN[0]) // _GHSL_CELL_M) - 1,
        int((_GHSL_ORIGIN[1] - y.max()) // _GHSL_CELL_M) - 1,
    )
    width = int((x.max() - _GHSL_ORIGIN[0]) // _GHSL_CELL_M) + 2 - left
    height = int((_GHSL_ORIGIN[1] - y.min()) // _GHSL_CELL_M) + 2 - top
    sums = np.zeros((len(EPOCHS), height * width))
    first_epoch = np.searchsorted(EPOCHS, city.buildings.built_year)
    for chunk in _chunks(len(city.buildings)):
        points, share = _points(city, chunk)
        px, py = forward.transform(points[..., 0].ravel(), points[..., 1].ravel())
        column = ((px - _GHSL_ORIGIN[0]) // _GHSL_CELL_M).astype(np.int64) - left
        row = ((_GHSL_ORIGIN[1] - py) // _GHSL_CELL_M).astype(np.int64) - top
        epoch = np.repeat(first_epoch[chunk], points.shape[1])
        inside = (epoch < len(EPOCHS)) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
        flat = epoch[inside] * height * width + row[inside] * width + column[inside]
        weights = np.repeat(share, points.shape[1])[inside]
        np.add.at(sums.reshape(-1), flat, weights)
    spread = city.truth.built_up_noise
    noise = city.stream("built_up").lognormal(-(spread**2) / 2, spread, height * width)
    seen = np.minimum(np.round(np.cumsum(sums, axis=0) * noise), _GHSL_FULL_M2).astype(np.uint16)
    origin = (_GHSL_ORIGIN[0] + left * _GHSL_CELL_M, _GHSL_ORIGIN[1] - top * _GHSL_CELL_M)
    transform = from_origin(*origin, _GHSL_CELL_M, _GHSL_CELL_M)
    paths = {}
    for year, layer in zip(EPOCHS, seen.reshape(-1, height, width), strict=True):
        paths[year] = directory / f"E{year}.tif"
        _write(paths[year], layer, transform, "ESRI:54009", _GHSL_NODATA)
    return paths


def write_onset(path: Path, city: City) -> None:
    """Write the first built-up year per 30 m cell (uint16, 0: none until 2015), late by a year or two, with gaps."""
    west, south, east, north = city.frame.bbox
    cell = _ONSET_CELL_DEG
    left, top = np.floor(west / cell) * cell, np.ceil(north / cell) * cell
    width, height = int(np.ceil((east - left) / cell)), int(np.ceil((top - south) / cell))
    first = np.full(height * width, np.iinfo(np.uint16).max, np.uint16)
    rng = city.stream("onset")
    for chunk in _chunks(len(city.buildings)):
        lit = np.flatnonzero(city.buildings.kind[chunk] != OUTBUILDING)
        points, _ = _points(city, chunk)
        year = np.maximum(city.buildings.built_year[chunk][lit], _ONSET_YEARS[0]).astype(np.uint16)
        row = ((top - points[lit, :, 1]) / cell).astype(np.int64)
        column = ((points[lit, :, 0] - left) / cell).astype(np.int64)
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        years = np.broadcast_to(year[:, None], row.shape)
        np.minimum.at(first, (row * width + column)[inside], years[inside])
    delay = rng.poisson(city.truth.onset_delay_years, first.shape)
    missed = rng.random(first.shape) < city.truth.onset_omission
    known = first < np.iinfo(np.uint16).max
    late = np.where(first > _ONSET_YEARS[0], first.astype(np.int64) + delay, first)
    values = np.where(known & ~missed & (late <= _ONSET_YEARS[1]), late, 0).astype(np.uint16)
    _write(path, values.reshape(height, width), from_origin(left, top, cell, cell), "EPSG:4326", None)


def write_tracker(path: Path, city: City) -> None:
    """Write the half-year of the first building per 10 m cell (uint8), as the WSF Tracker codes it, late and with gaps.

    Code 1 is what stood by mid-2016, code k ≥ 2 the half-year k − 1 after; 0: none yet.
    """
    west, south, east, north = city.frame.bbox
    left, top, cell = _TRACKER_WEST, _TRACKER_NORTH, _TRACKER_CELL_DEG
    first_column, first_row = int((west - left) // cell), int((top - north) // cell)
    width, height = int((east - left) // cell) + 1 - first_column, int((top - south) // cell) + 1 - first_row
    built = np.full(height * width, np.iinfo(np.int32).max, np.int32)
    rng = city.stream("tracker")
    half = 2 * (city.buildings.built_year.astype(np.int32) - _TRACKER_YEAR) + rng.integers(0, 2, len(city.buildings))
    for chunk in _chunks(len(city.buildings)):
        lit = np.flatnonzero(city.buildings.kind[chunk] != OUTBUILDING)
        points, _ = _points(city, chunk)
        row = ((top - points[lit, :, 1]) // cell).astype(np.int64) - first_row
        column = ((points[lit, :, 0] - left) // cell).astype(np.int64) - first_column
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        halves = np.broadcast_to(half[chunk][lit][:, None], row.shape)
        np.minimum.at(built, (row * width + column)[inside], halves[inside])
    # Half-year 0 of 2016 is before the first map; each later one is seen in its own map or one or two after it.
    known = np.flatnonzero(built < np.iinfo(np.int32).max)
    delay = rng.poisson(city.truth.onset_delay_years / 2, len(known))
    missed = rng.random(len(known)) < city.truth.onset_omission
    code = np.where(built[known] <= 0, 1, built[known] + 1 + delay)
    values = np.zeros(built.shape, np.uint8)
    values[known] = np.where(missed | (code > _TRACKER_CODES), 0, code)
    origin = from_origin(left + first_column * cell, top - first_row * cell, cell, cell)
    _write(path, values.reshape(height, width), origin, "EPSG:4326", None)


def write_population(path: Path, city: City, people: People) -> None:
    """Write people per 3 arc-second cell: an official total spread over roofs, blind to who is missing from it."""
    west, south, east, north = city.frame.bbox
    cell = _POPULATION_CELL_DEG
    left, top = np.floor(west / cell) * cell, np.ceil(north / cell) * cell
    width, height = int(np.ceil((east - left) / cell)), int(np.ceil((top - south) / cell))
    buildings = city.buildings
    weight = buildings.area_m2 * np.sqrt(buildings.levels) * (buildings.area_m2 > 25)
    corners = np.column_stack([buildings.x, buildings.y])
    degrees = city.frame.to_degrees(corners)
    row, column = ((top - degrees[:, 1]) / cell).astype(np.int64), ((degrees[:, 0] - left) / cell).astype(np.int64)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    roofs = np.bincount((row * width + column)[inside], weights=weight[inside], minlength=height * width)
    spread = roofs * city.stream("population").lognormal(0, 0.35, roofs.shape)
    total = city.truth.raster_official_share * float(people.registered.sum())
    values = np.where(spread > 0, spread * total / max(spread.sum(), 1.0), _POPULATION_NODATA).astype(np.float32)
    _write(path, values.reshape(height, width), from_origin(left, top, cell, cell), "EPSG:4326", _POPULATION_NODATA)
