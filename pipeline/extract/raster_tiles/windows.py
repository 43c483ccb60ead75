"""The part of a tiled raster that covers an area, as one GeoTIFF; from files, or by HTTP ranges from large ones."""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import TYPE_CHECKING

import rasterio
import requests
from rasterio.dtypes import in_dtype_range
from rasterio.errors import RasterioError
from rasterio.merge import merge
from rasterio.warp import transform_bounds

from pipeline.extract.http.retry import (
    Deadline,
    RequestPolicy,
    TransientError,
    classify_error,
    classify_status,
    retry_call,
)
from pipeline.extract.raster_tiles import archive

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rasterio.io import DatasetReader

    from pipeline.config import Area
    from pipeline.declared.catalogue import SourceSpec
    from pipeline.extract.http.download import PartialFile
    from pipeline.extract.source import Fetching

_MARGIN_CELLS = 2
_DENSIFY = 21
"""Points set on each edge of the bbox before it is projected."""


def from_files(tiles: Sequence[Path], area: Area, spec: SourceSpec, target: Path) -> None:
    """Write the part of some tiles (GeoTIFF, or one in a zip) that covers an area, with a margin of two cells.

    Cells are copied, never resampled. What no tile covers becomes the file's nodata value, else the one that the
    catalogue states, else 0.
    """
    with ExitStack() as stack:
        paths = [stack.enter_context(archive.unpacked(tile)) for tile in tiles]
        _write([stack.enter_context(rasterio.open(path)) for path in paths], area, spec, target)


def over_http(tiles: Sequence[Sequence[str]], fetching: Fetching, spec: SourceSpec, part: PartialFile) -> str:
    """Write the part of some remote tiles that covers an area into `part`, fetched by HTTP ranges; return an address.

    A file that changes while it is read is read again.

    Parameters
    ----------
    tiles
        For each tile its address, then those of its mirrors.
    """
    urls, policy = [addresses[0] for addresses in tiles], fetching.policy

    def attempt(number: int, deadline: Deadline) -> str:
        chosen = [addresses[number % len(addresses)] for addresses in tiles]
        try:
            before = [_state(url, policy, deadline) for url in chosen]
            landed = [policy.landing(url, deadline) for url in chosen]  # GDAL would follow any redirect
            how = (fetching.area, spec, part.path, deadline.timeout(policy), policy.user_agent)
            fetching.call(__name__, "read_remote", landed, *how, about=part.path)
            after = [_state(url, policy, deadline) for url in chosen]
        except requests.RequestException as error:
            raise classify_error(error) from error
        if before != after:
            reason = "the file has changed on the server while it was read"
            raise TransientError(reason)
        return chosen[0]

    return retry_call(attempt, source=spec.id, urls=urls, policy=policy, busy_seconds=spec.busy_seconds)


def _state(url: str, policy: RequestPolicy, deadline: Deadline) -> tuple[str, ...]:
    """Return what changes when the file does."""
    headers = {"User-Agent": policy.user_agent, "Accept-Encoding": "identity"}
    with policy.session() as session:
        response = session.head(url, headers=headers, timeout=deadline.timeout(policy), allow_redirects=True)
    if refused := classify_status(response):
        raise refused
    return tuple(response.headers.get(name, "") for name in ("ETag", "Last-Modified", "Content-Length"))


def read_remote(  # noqa: PLR0913, PLR0917 - what of where, and how
    urls: Sequence[str], area: Area, spec: SourceSpec, target: Path, seconds: float, user_agent: str
) -> None:
    """Write the part of some remote tiles that covers an area; raise an AttemptError where they cannot be read."""
    options = {
        "GDAL_HTTP_CONNECTTIMEOUT": math.ceil(seconds),
        "GDAL_HTTP_TIMEOUT": math.ceil(seconds),
        "GDAL_HTTP_MAX_RETRY": 0,  # attempts are counted here
        "GDAL_HTTP_USERAGENT": user_agent,
        "GDAL_HTTP_NETRC": "NO",
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "CPL_VSIL_CURL_NON_CACHED": "/vsicurl/",  # another attempt must see the file as it is then
    }
    names = [f"/vsicurl/{url}" for url in urls]
    try:
        with rasterio.Env(**options), ExitStack() as stack:
            for name in names:
                archive.check_raster(name, spec, whole=False)
            _write([stack.enter_context(rasterio.open(name)) for name in names], area, spec, target)
    except RasterioError as error:
        raise TransientError(archive.NOT_WHOLE) from error


def _write(rasters: Sequence[DatasetReader], area: Area, spec: SourceSpec, target: Path) -> None:
    first = rasters[0]
    nodata = spec.nodata if first.nodata is None else first.nodata
    if nodata is not None and not in_dtype_range(nodata, first.dtypes[0]):
        nodata = None  # a value that no cell can have marks nothing
    values, transform = merge(rasters, bounds=_window(first, area), nodata=nodata)
    profile = {
        "driver": "GTiff",
        "dtype": values.dtype,
        "count": 1,
        "height": values.shape[1],
        "width": values.shape[2],
        "crs": first.crs,
        "transform": transform,
        "nodata": nodata,
        "compress": "deflate",
    }
    with rasterio.open(target, "w", **profile) as raster:
        raster.write(values[:1])


def _window(raster: DatasetReader, area: Area) -> tuple[float, float, float, float]:
    """Return the bounds of the area in the raster's CRS, moved outwards to edges of its cells, and a margin."""
    west, south, east, north = transform_bounds("EPSG:4326", raster.crs, *area.bbox, densify_pts=_DENSIFY)
    left, top, width, height = raster.transform.c, raster.transform.f, raster.transform.a, -raster.transform.e
    return (
        left + (math.floor((west - left) / width) - _MARGIN_CELLS) * width,
        top - (math.ceil((top - south) / height) + _MARGIN_CELLS) * height,
        left + (math.ceil((east - left) / width) + _MARGIN_CELLS) * width,
        top - (math.floor((top - north) / height) - _MARGIN_CELLS) * height,
    )
