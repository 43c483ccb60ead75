"""A source whose data come as tiles of a raster: the part of an area is cut out of them, and read as one file."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pipeline.extract import rasters
from pipeline.extract.http.download import DownloadSpec
from pipeline.extract.raster_tiles import archive, windows
from pipeline.extract.source import DataSource, FetchedFile, Fetching, with_origin
from pipeline.schema.provenance import Extract

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pipeline.config import Area, Live
    from pipeline.geometry.raster import Raster

T = TypeVar("T")


class RasterTiles(DataSource[T]):
    """Plans and fetches tiles, for every epoch of the dataset that is wanted."""

    needs: ClassVar[tuple[str, ...]] = ("url", "crs")
    windowed: ClassVar[bool] = False
    """Only the area's window is fetched, by HTTP ranges; the files are too large to be fetched whole."""

    @abstractmethod
    def places(self, area: Area) -> Iterator[dict[str, object]]:
        """Give what distinguishes the files that cover the area: values of placeholders, but for the year."""

    @property
    @abstractmethod
    def epochs(self) -> Sequence[int | None]:
        """The years to fetch; None: the dataset knows none."""

    def addresses(self, area: Area, year: int | None = None) -> list[list[str]]:
        """Return the files that cover an area; for each the address, then those of its mirrors.

        Raises
        ------
        NotCoveredError
            The dataset does not cover the area.
        """
        patterns = (self.spec.url, *self.spec.mirrors)
        return [[pattern.format(year=year, **place) for pattern in patterns] for place in self.places(area)]

    def plan(self, area: Area, live: Live) -> list[str]:  # noqa: ARG002 - what a source is asked
        """Return the addresses of the files."""
        return [urls[0] for year in self.epochs for urls in self.addresses(area, year)]

    def fetch(self, fetching: Fetching) -> list[FetchedFile]:
        """Fetch the tiles, or the area's window of them; return what covers the area, a file for each epoch."""
        return [self._fetch_epoch(fetching, year) for year in self.epochs]

    def _fetch_epoch(self, fetching: Fetching, year: int | None) -> FetchedFile:
        spec, area = self.spec, fetching.area
        addresses = self.addresses(area, year)
        version = f"{spec.version} {year}" if year else spec.version
        observed = None if year in spec.modelled_epochs else year
        name = f"{spec.id}-{year}.tif" if year else f"{spec.id}.tif"
        if self.windowed:
            request = fetching.window_request(spec, version, " ".join(urls[0] for urls in addresses))
            path = fetching.cache.get(request, name, lambda part: windows.over_http(addresses, fetching, spec, part))
            return fetching.fetched(path, spec, version, [path], epoch=year, observed_year=observed)
        tiles = [self._tile(fetching, version, urls) for urls in addresses]
        path = fetching.cache.derived(
            tiles,
            f"window {fetching.bbox}",
            name,
            lambda target: fetching.call(windows.__name__, "from_files", tiles, area, spec, target, about=tiles[0]),
        )
        return fetching.fetched(path, spec, version, tiles, epoch=year, observed_year=observed)

    def _tile(self, fetching: Fetching, version: str, urls: Sequence[str]) -> Path:
        wanted = DownloadSpec(
            self.spec.id, urls, fetching.check(archive.__name__, "check", self.spec), archive.MAX_FILE
        )
        return fetching.file(self.spec, version, urls[0].rsplit("/", 1)[-1], wanted)

    def _read_one(self, file: FetchedFile, area: Area) -> Extract[Raster]:
        version, nodata = file.origin.version, self.spec.nodata
        read = rasters.read(file.path, area, dataset=self.spec.id, version=version, nodata=nodata)
        return with_origin(read, [file])


class TiledRaster(RasterTiles["Raster"]):
    """One raster: of the latest epoch, if the dataset has several."""

    @property
    def epochs(self) -> Sequence[int | None]:
        """The last epoch that the TOML names."""
        return self.spec.epochs[-1:] or (None,)

    def read(self, files: Sequence[FetchedFile], area: Area) -> Extract[Raster]:
        """Read the window of the area."""
        (file,) = files
        return self._read_one(file, area)


class EpochRasters(RasterTiles["dict[int, Raster]"]):
    """A raster for each epoch."""

    feeds = frozenset({"built_up"})
    needs = (*RasterTiles.needs, "epochs")

    @property
    def epochs(self) -> Sequence[int | None]:
        """All that the TOML names."""
        return self.spec.epochs

    def read(self, files: Sequence[FetchedFile], area: Area) -> Extract[dict[int, Raster]]:
        """Read the windows of the area, by epoch."""
        read = {file.epoch: self._read_one(file, area) for file in files if file.epoch is not None}
        return Extract(
            {year: extract.data for year, extract in read.items()},
            [source for extract in read.values() for source in extract.sources],
            [notice for extract in read.values() for notice in extract.notices],
        )
