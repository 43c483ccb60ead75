"""Windows of rasters: built-up surface, onset years, people per cell; one file or several tiles of one grid."""

from __future__ import annotations

import hashlib
import math
import warnings
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from affine import Affine
from pyproj import CRS, Geod
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from pipeline.declared import catalogue
from pipeline.errors import InputError, SourceError
from pipeline.extract import local_files, raster_limits
from pipeline.extract.coordinates import check_has_place, known_crs
from pipeline.extract.local_files import Format
from pipeline.geometry.raster import Raster
from pipeline.schema.provenance import UNSTATED, Extract, Notice, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from rasterio.io import DatasetReader

    from pipeline.config import Area

FORMATS = (
    Format("GeoTIFF, also in its .zip or .gz", '"population.tif"', "masks, alpha bands and nodata are heeded"),
    Format("tiles of one grid, such as two of GHSL", '["R4_C24.zip", "R3_C24.zip"]', "laid together"),
    Format("a raster that does not say its coordinate system", '{ path = "population.tif", crs = "EPSG:32643" }'),
)
"""What the keys of rasters take."""
_MARGIN_CELLS = 1
_DENSIFY_POINTS = 101
"""Points set on each edge of the bbox when it is projected: straight edges curve in another CRS."""
_GRID_TOLERANCE = 1e-3
"""Share of a cell by which coordinates may be off, from rounding in headers and in projections."""
_MAX_CELLS = 100_000_000
"""A window larger than this (a city of 100 km at 10 m, 0.8 GB as float64) is a mistake in the file or the bbox."""
_MAX_VALUE = 1e9
"""No cell holds as many people, square metres or years: such a number stands for "no data" and is not declared so."""


def read(path: Path | str, area: Area, *, dataset: str, version: str, nodata: float | None = None) -> Extract[Raster]:
    """Read the part of a raster that covers an area, and one cell more on each side.

    Parameters
    ----------
    path
        A local file, or as text any path that GDAL opens, such as ``/vsizip/tile.zip/tile.tif`` or ``/vsicurl/https…``.
    area
        Its bbox is projected into the raster's CRS, whichever that is.
    dataset
        Identifier in the catalogue of sources.
    version
        Version, epoch or date for the provenance.
    nodata
        Value that stands for "no data", beside the one that the file itself declares. Where neither is known, every
        value is taken as data except negative ones, which no quantity of this project can have; a notice says so.
        Negative cells beside a known value are none either, and are counted.

    Raises
    ------
    InputError
        The file is missing or no raster, has no usable CRS, is rotated, holds numbers that no cell can have, or has no
        data in the area.
    SourceError
        A remote file cannot be read.
    """
    return read_mosaic([path], area, dataset=dataset, version=version, nodata=nodata)


def read_mosaic(
    paths: Sequence[Path | str], area: Area, *, dataset: str, version: str, nodata: float | None = None
) -> Extract[Raster]:
    """Read several tiles of one grid as one window; parameters and errors as in `read`.

    Tiles that do not meet the area are passed over, as long as one does. Where tiles overlap, the first by name wins.
    All must share CRS, cell size and alignment.
    """
    if not paths:
        msg = f"No raster file is given for {dataset} of {area.area_id}; name one under inputs."
        raise InputError(msg)
    windows = [_read_window(path, area, nodata) for path in sorted(paths, key=str)]
    tiles = [window for window in windows if window is not None]
    if not tiles:
        names = ", ".join(str(path) for path in paths)
        msg = f"{names} does not overlap the bbox {list(area.bbox)} of {area.area_id}; give a raster that covers it."
        raise InputError(msg)
    raster = tiles[0].raster if len(tiles) == 1 else _mosaic(tiles)
    if np.isnan(raster.values).all():
        names = ", ".join(str(tile.path) for tile in tiles)
        msg = f"{names} holds nothing but nodata within the bbox of {area.area_id}; give a raster that covers it."
        raise InputError(msg)
    sources = [_source(tile, area, dataset, version, number) for number, tile in enumerate(tiles, start=1)]
    notices = [notice for tile in tiles for notice in tile.notices]
    spec = catalogue.default().sources.get(dataset)
    if spec is not None and not area.simulated:
        notices += _check_unit(raster, spec.unit, ", ".join(Path(tile.path).name for tile in tiles))
    if not _covers(raster, area):
        notices.append(Notice(dataset, "raster_partial", values={"area": area.area_id}))
    return Extract(raster, sources, notices)


_DATASET_MASKS = {MaskFlags.per_dataset, MaskFlags.alpha}
"""Masks that are no nodata value: a band of its own, a .msk beside the file, an alpha band."""
_WITH_ALPHA = {2, 4}
"""Bands of an image with an alpha band: one or three, and it."""
_PERHAPS_ALPHA = {ColorInterp.alpha, ColorInterp.undefined}
_OPAQUE = 255
_SUFFIXES = (".tif", ".tiff")
_SENTINELS = {999.0, 9999.0, 32767.0, 65535.0, 99999.0, 999999.0, 2147483647.0, 4294967295.0}
_OFTEN = 0.01
_LAST_HALF_YEAR = 40
"""No code of the WSF Tracker is larger until 2036."""
_YEARS = (1900, 2100)
_CELL_SLACK = 1.02
_PERCENT = 100


@dataclass(frozen=True)
class _Tile:
    path: Path | str
    raster: Raster
    notices: list[Notice]


@contextmanager
def _opened(path: Path | str) -> Iterator[DatasetReader]:
    """Open a raster; what GDAL says goes into one sentence."""
    if isinstance(path, Path):
        local_files.check_exists(path, "…")
    try:
        with warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning):
            source = rasterio.open(_within_archive(path))
        with source:
            yield source
    except RasterioError as error:
        reason = str(error.__cause__ or error).rstrip(".")
        msg = (
            f"{path} cannot be read as a raster ({reason}); it is damaged, cut off or of another kind: fetch it again."
        )
        raise (InputError if _is_local(path) else SourceError)(msg) from error


def _within_archive(path: Path | str) -> Path | str:
    """Return the raster in a zip, as GHSL's tiles come, or in a gzip; any other path as it is."""
    if not isinstance(path, Path):
        return path
    with path.open("rb") as file:
        magic = file.read(4)
    if magic[:2] == b"\x1f\x8b":
        return f"/vsigzip/{path}"
    if magic != b"PK\x03\x04":
        return path
    try:
        names = [name for name in zipfile.ZipFile(path).namelist() if name.lower().endswith(_SUFFIXES)]
    except zipfile.BadZipFile as error:
        msg = f"{path} cannot be unpacked ({error}); it is damaged or cut off: fetch it again."
        raise InputError(msg) from error
    if len(names) != 1:
        msg = f"{path} holds {len(names)} rasters ({', '.join(names[:5])}); unpack it and name the one that is meant."
        raise InputError(msg)
    return f"/vsizip/{{{path}}}/{names[0]}"


def _is_local(path: Path | str) -> bool:
    return isinstance(path, Path) or not any(mark in path for mark in ("/vsicurl", "/vsis3", "://"))


def _read_window(path: Path | str, area: Area, nodata: float | None) -> _Tile | None:
    """Read the window of one file; None: it does not overlap the area."""
    with _opened(path) as source:
        raster_limits.check(source, path)
        if source.dtypes[0].startswith("complex"):
            msg = f"{path} holds complex numbers, as radar images do; give a raster of plain ones."
            raise InputError(msg)
        crs = _checked_crs(source, path, area)
        window = _window(source, _projected(area, crs, path))
        if window is None:
            return None
        raw = source.read(1, window=window)
        if _DATASET_MASKS.intersection(source.mask_flag_enums[0]):
            raw = np.ma.array(raw, mask=source.read_masks(1, window=window) == 0)
        elif (hidden := _unnamed_mask(source, window)) is not None:
            raw = np.ma.array(raw, mask=hidden)
        values, notices = _values(raw, source, nodata, Path(path).name)
        transform = source.window_transform(window)
    return _Tile(path, Raster(values, transform, crs), notices)


def _unnamed_mask(source: DatasetReader, window: Window) -> NDArray[np.bool_] | None:
    """Return where a last band of 0 and 255 alone hides the cells: an alpha band that is not called one."""
    if source.count not in _WITH_ALPHA or source.colorinterp[-1] not in _PERHAPS_ALPHA:
        return None
    last = source.read(source.count, window=window)
    hidden: NDArray[np.bool_] = last == 0
    return hidden if hidden.any() and ((last == _OPAQUE) | hidden).all() and not hidden.all() else None


def _checked_crs(source: DatasetReader, path: Path | str, area: Area) -> CRS:
    """Return the CRS of a raster whose header makes sense; what the configuration says of it wins."""
    told = area.inputs.details(path).crs if isinstance(path, Path) else None
    if source.crs is None and told is None:
        msg = (
            f"{path} does not say in which coordinate system it is; write it beside the path: "
            f'{{ path = "{Path(path).name}", crs = "EPSG:…" }}.'
        )
        raise InputError(msg)
    crs = known_crs(told or source.crs, path)
    if source.transform.b or source.transform.d or source.transform.a <= 0 or source.transform.e >= 0:
        msg = f"{path} is rotated or not north up; warp it to a north-up grid (gdalwarp) first."
        raise InputError(msg)
    west, south, east, north = source.bounds
    if crs.is_geographic and (south < -90 - 1 or north > 90 + 1 or west < -360 or east > 540):
        msg = (
            f"{path} says that it is in degrees ({crs.to_string()}), but its bounds are "
            f"{[round(value, 3) for value in source.bounds]}; its coordinate system is declared wrongly."
        )
        raise InputError(msg)
    return crs


def _projected(area: Area, crs: CRS, path: Path | str) -> tuple[float, float, float, float]:
    """Return the bbox of the area in a CRS."""
    check_has_place(crs, path)
    bounds: tuple[float, float, float, float] = transform_bounds(
        "EPSG:4326", crs.to_wkt(), *area.bbox, densify_pts=_DENSIFY_POINTS
    )
    if not all(math.isfinite(value) for value in bounds):
        msg = f"{path} is in a coordinate system ({crs.name}) that does not reach {area.area_id}; give another raster."
        raise InputError(msg)
    return bounds


def _window(source: DatasetReader, bounds: tuple[float, float, float, float]) -> Window | None:
    """Return the cells that cover the bounds and a margin, as far as the file has them; None: it has none."""
    west, south, east, north = bounds
    transform = source.transform
    left, right = ((x - transform.c) / transform.a for x in (west, east))
    top, bottom = ((y - transform.f) / transform.e for y in (north, south))
    if right <= 0 or bottom <= 0 or left >= source.width or top >= source.height:
        return None
    columns = _span(left, right, source.width)
    rows = _span(top, bottom, source.height)
    width, height = columns[1] - columns[0], rows[1] - rows[0]
    if width * height > _MAX_CELLS:
        msg = (
            f"{source.name}: the area would take {width:,} × {height:,} cells; use a coarser raster or a smaller bbox."
        )
        raise InputError(msg)
    return Window(columns[0], rows[0], width, height)


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    """Return the first cell and the one after the last that cover an interval and a margin."""
    first, end = math.floor(low + _GRID_TOLERANCE), math.ceil(high - _GRID_TOLERANCE)
    return max(first - _MARGIN_CELLS, 0), min(end + _MARGIN_CELLS, size)


def _values(
    raw: NDArray[np.generic], source: DatasetReader, nodata: float | None, name: str
) -> tuple[NDArray[np.float64], list[Notice]]:
    """Return the values as float64 with NaN for no data, scaled as the file says."""
    masked = np.ma.getmaskarray(raw)
    raw = np.ma.getdata(raw)
    values = raw.astype(np.float64)
    empty = np.isnan(values) | masked
    known = [value for value in (source.nodata, nodata) if value is not None]
    for value in known:
        # A float32 raster holds its nodata value rounded to float32; compare in the raster's own type.
        empty |= values == float(np.array(value).astype(raw.dtype) if raw.dtype.kind == "f" else value)
    values = values * source.scales[0] + source.offsets[0]
    values[empty] = np.nan
    if values.size and (largest := np.nanmax(values, initial=0)) > _MAX_VALUE:
        msg = (
            f"{source.name} holds {largest:g} in a cell; if that stands for no data, declare it so "
            "(gdal_edit.py -a_nodata), else the file is damaged."
        )
        raise InputError(msg)
    notices = []
    negative = values < 0
    values[negative] = np.nan
    if not known and not masked.any():
        _check_undeclared(values, raw.dtype, source.name)
        notices.append(Notice(name, "raster_without_nodata"))
    elif negative.any():
        notices.append(Notice(name, "cell_below_zero", int(np.count_nonzero(negative))))
    bands = sum(colour != ColorInterp.alpha for colour in source.colorinterp)
    if bands > 1:
        notices.append(Notice(name, "raster_bands", values={"bands": bands}))
    return values, notices


def _check_undeclared(values: NDArray[np.float64], dtype: np.dtype[Any], name: str) -> None:
    """Refuse a raster whose largest value is one that stands for "no data" and fills many cells."""
    largest = np.nanmax(values, initial=0)
    sentinels = _SENTINELS | ({float(np.iinfo(dtype).max)} if dtype.kind in "iu" else set())
    often = int(np.count_nonzero(values == largest))
    if largest in sentinels and often > _OFTEN * values.size:
        msg = (
            f"{name} holds {largest:g} in {often:,} cells and declares no nodata value; if that is it, declare it "
            f"(gdal_edit.py -a_nodata {largest:g})."
        )
        raise InputError(msg)


def _check_unit(raster: Raster, unit: str, names: str) -> list[Notice]:
    """Refuse values that the unit cannot have: years that are none, more built up than there is ground."""
    values = raster.values
    if unit == "year":
        odd = values[(values != 0) & ~((values >= _YEARS[0]) & (values <= _YEARS[1])) & ~np.isnan(values)]
        if odd.size and odd.max() <= _LAST_HALF_YEAR:
            msg = f"{names} holds half-years, as the WSF Tracker does, not years; name it under inputs.tracker."
            raise InputError(msg)
        if odd.size:
            msg = (
                f"{names} should hold years ({_YEARS[0]} to {_YEARS[1]}, 0: never), but holds {odd[0]:g}; codes of a "
                "palette are no years: give the raster of the years themselves."
            )
            raise InputError(msg)
    if unit == "half-year" and (latest := float(np.nanmax(values, initial=0))) > _LAST_HALF_YEAR:
        msg = (
            f"{names} holds {latest:g}, which is no half-year of the WSF Tracker (0 to {_LAST_HALF_YEAR}); a raster "
            "of years belongs under inputs.onset."
        )
        raise InputError(msg)
    if unit == "m²" and np.isfinite(values).any():
        cell, largest = _cell_m2(raster), float(np.nanmax(values))
        if largest > cell * _CELL_SLACK:
            msg = (
                f"{names} holds {largest:,.0f} m² in a cell of {cell:,.0f} m²; it is of another unit, such as cubic "
                "metres: give the built-up surface (GHS-BUILT-S) in square metres."
            )
            raise InputError(msg)
        if 0 < largest <= _PERCENT < cell / _PERCENT:
            return [Notice(names, "cells_hold_little", values={"cell_m2": cell, "largest_m2": largest})]
    return []


def _cell_m2(raster: Raster) -> float:
    """Return the area of a cell at the middle of the window, in m²."""
    width, height = raster.transform.a, abs(raster.transform.e)
    if raster.crs.is_geographic:
        middle = raster.transform.f + raster.transform.e * raster.values.shape[0] / 2
        lon, lat = (0.0, width, width, 0.0), (middle, middle, middle - height, middle - height)
        return abs(float(Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0]))
    metres = float(raster.crs.axis_info[0].unit_conversion_factor)
    return width * height * metres * metres


def _mosaic(tiles: Sequence[_Tile]) -> Raster:
    """Lay the windows of several tiles onto their common grid."""
    first = tiles[0].raster
    width, height = first.transform.a, first.transform.e
    places = []
    for tile in tiles:
        other = tile.raster.transform
        column, row = (other.c - first.transform.c) / width, (other.f - first.transform.f) / height
        same_cells = math.isclose(other.a, width, rel_tol=1e-9) and math.isclose(other.e, height, rel_tol=1e-9)
        aligned = max(abs(column - round(column)), abs(row - round(row))) < _GRID_TOLERANCE
        if tile.raster.crs != first.crs or not same_cells or not aligned:
            msg = f"{tile.path} and {tiles[0].path} are not tiles of one grid (CRS, cell size or alignment differ)."
            raise InputError(msg)
        places.append((round(row), round(column)))
    top, left = min(row for row, _ in places), min(column for _, column in places)
    shapes = [tile.raster.values.shape for tile in tiles]
    bottom = max(row + shape[0] for (row, _), shape in zip(places, shapes, strict=True))
    right = max(column + shape[1] for (_, column), shape in zip(places, shapes, strict=True))
    values = np.full((bottom - top, right - left), np.nan)
    for (row, column), tile in zip(places, tiles, strict=True):
        part = tile.raster.values
        target = values[row - top : row - top + part.shape[0], column - left : column - left + part.shape[1]]
        np.copyto(target, part, where=np.isnan(target))
    return Raster(values, first.transform * Affine.translation(left, top), first.crs)


def _covers(raster: Raster, area: Area) -> bool:
    """Return whether the window reaches every edge of the bbox."""
    west, south, east, north = _projected(area, raster.crs, "raster")
    rows, columns = raster.values.shape
    left, top = raster.transform.c, raster.transform.f
    right, bottom = left + columns * raster.transform.a, top + rows * raster.transform.e
    slack = abs(raster.transform.a) * _GRID_TOLERANCE
    return left <= west + slack and right >= east - slack and top >= north - slack and bottom <= south + slack


def _source(tile: _Tile, area: Area, dataset: str, version: str, number: int) -> Source:
    """Return the provenance: of the whole file where it is local, else of the window that was fetched."""
    cells = int(np.count_nonzero(~np.isnan(tile.raster.values)))
    if isinstance(tile.path, Path):
        return local_files.source(tile.path, area, dataset=dataset, number=number, version=version, features=cells)
    spec = catalogue.default().sources.get(dataset)
    data = tile.raster.values.tobytes()
    return Source(
        source_id=local_files.source_id(dataset, area, number),
        area_id=area.area_id,
        dataset=dataset,
        version=version,
        licence=spec.licence if spec else UNSTATED,
        attribution=spec.attribution if spec else UNSTATED,
        url=tile.path,
        retrieved_at=None,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        features=cells,
        simulated=area.simulated,
    )
