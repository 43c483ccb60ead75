"""GlobalBuildingAtlas as a source: the area's heights out of its tiles, and their reading."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pipeline.extract import footprints, parquet_window
from pipeline.extract.http.retry import PermanentError
from pipeline.extract.source import DataSource, FetchedFile, Fetching, with_origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

    from pipeline.config import Area, Live
    from pipeline.geometry.bbox import Box
    from pipeline.schema.provenance import Extract

_TILE_DEG = 5
_COLUMNS = ("id", "source", "height", "var", "geometry")


class BuildingHeights(DataSource["gpd.GeoDataFrame"]):
    """Polygons with a height each: of the tiles that an area meets, the rows that lie in it."""

    feeds = frozenset({"heights"})
    fills = frozenset({"tile"})
    needs = ("url", "endpoint", "restriction")

    def plan(self, area: Area, live: Live) -> list[str]:  # noqa: ARG002 - what a source is asked
        """Return the area's part of each tile."""
        return [f"{tile}, bbox {area.bbox}" for tile in tiles(area.bbox)]

    def probe(self, area: Area, live: Live) -> str:  # noqa: ARG002 - what a source is asked
        """Return the address of the first tile."""
        path = self.spec.url.format(tile=tiles(area.bbox)[0]).removeprefix("s3://")
        return f"{self.spec.endpoint}/{path}"

    def fetch(self, fetching: Fetching) -> list[FetchedFile]:
        """Fetch the rows of the area."""
        spec = self.spec
        urls = [spec.url.format(tile=tile) for tile in tiles(fetching.area.bbox)]
        gone = PermanentError("a tile is not there", remedy=f"look for its new address at {spec.home}")
        path = fetching.cache.get(
            fetching.window_request(spec, spec.version, spec.url),
            "heights.parquet",
            lambda part: parquet_window.fetch(spec, urls, _COLUMNS, fetching.area, part, fetching.policy, gone=gone),
        )
        return [fetching.fetched(path, spec, spec.version, [path])]

    def read(self, files: Sequence[FetchedFile], area: Area) -> Extract[gpd.GeoDataFrame]:
        """Read the heights."""
        return with_origin(footprints.read_heights([file.path for file in files], area, dataset=self.spec.id), files)


def tiles(bbox: Box) -> list[str]:
    """Return the names of the tiles that meet a bbox: west and north edge, east and south edge, in degrees.

    Examples
    --------
    >>> tiles((74.30, 42.70, 74.85, 43.10))
    ['e070_n45_e075_n40']
    """
    west, south, east, north = (value / _TILE_DEG for value in bbox)
    return [
        f"{_lon(column)}_{_lat(row + 1)}_{_lon(column + 1)}_{_lat(row)}"
        for row in range(math.floor(south), math.ceil(north))
        for column in range(math.floor(west), math.ceil(east))
    ]


def _lon(number: int) -> str:
    return f"{'w' if number < 0 else 'e'}{abs(number) * _TILE_DEG:03d}"


def _lat(number: int) -> str:
    return f"{'s' if number < 0 else 'n'}{abs(number) * _TILE_DEG:02d}"


SOURCES = {"global_building_atlas": BuildingHeights}
