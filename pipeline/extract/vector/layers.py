"""Layers of vector files: what there is, which one is meant, and its rows near a box in longitude and latitude."""

from __future__ import annotations

import gzip
import json
import warnings
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError
from pyproj.exceptions import ProjError

from pipeline.errors import InputError
from pipeline.extract.coordinates import check_has_place, known_crs
from pipeline.extract.vector import formats, tables
from pipeline.geometry.bbox import overlaps
from pipeline.schema.provenance import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pyproj import CRS

    from pipeline.config import FileDetails
    from pipeline.geometry.bbox import Box

_MAX_UNPACKED = 8_000_000_000
"""Bytes that an archive may unpack to; a country's shapefiles have less than half of that."""
_MAX_ROWS = 50_000_000
"""Rows of a Parquet file: equal ones take no room in it, and much in memory."""
_BLOCK_BYTES = 4 * 2**20
_DENSIFY_POINTS = 21
_UNREADABLE = (
    DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError, ProjError,
    pa.ArrowException, zipfile.BadZipFile, EOFError, OSError, ValueError, KeyError,
    zlib.error,
)  # fmt: skip
_EARTH = (-180.0, -90.0, 180.0, 90.0)
_PARTS = "parts of a Parquet file"
_DATASETS = (".gpkg", ".shp", ".fgb", ".kml", ".tab", ".mif", ".dxf")
_TEXTS = (".geojson", ".json", ".geojsonl", ".geojsons", ".ndjson", ".csv")
_PARQUETS = (".parquet", ".geoparquet")


@dataclass
class Layer:
    """A table of features in a file.

    Attributes
    ----------
    path
        The file that the user named.
    name
        Name of the layer, unique in the file.
    geometry
        Type of its geometries as the file says; empty: it does not say; None: it has none.
    fields
        Names of its columns.
    """

    path: Path
    name: str
    geometry: str | None
    fields: tuple[str, ...]
    crs: Any
    load: Callable[[Box | None], gpd.GeoDataFrame]
    notices: list[Notice] = field(default_factory=list)

    def read(self, box: Box | None, details: FileDetails) -> gpd.GeoDataFrame:
        """Return the features near a box (None: all, also those without a geometry), in EPSG:4326.

        Raises
        ------
        InputError
            The file does not say in which coordinate system it is, and its coordinates do not lie in the box either;
            or it says one that has no place on Earth.
        """
        told = details.crs if details.crs is not None else self.crs
        with _speaking(self.path, self.notices):
            if told is None:
                return self._placed(box or _EARTH)
            crs = known_crs(told, self.path)
            frame = self.load(None if box is None else _within(box, crs, self.path))
            return frame.set_crs(crs, allow_override=True).to_crs("EPSG:4326")

    def extent(self, details: FileDetails) -> np.ndarray:
        """Return the bounds of all features in EPSG:4326, or as they stand in a file that says no coordinate system."""
        frame = self.load(None)
        told = details.crs if details.crs is not None else self.crs
        if told is not None:
            frame = frame.set_crs(known_crs(told, self.path), allow_override=True).to_crs("EPSG:4326")
        return np.asarray(frame.total_bounds)

    def _placed(self, box: Box) -> gpd.GeoDataFrame:
        """Take coordinates for WGS 84 where they lie in the area."""
        frame = self.load(None)
        bounds = frame.geometry.bounds.to_numpy()
        west, south, east, north = bounds.T
        if overlaps(np.column_stack((south, west, north, east)), box).any() and not overlaps(bounds, box).any():
            return frame.set_crs("EPSG:4326").iloc[:0]  # whoever finds nothing looks where it lies instead
        if not overlaps(bounds, box).any():
            msg = (
                f"{self.path} does not say in which coordinate system it is; write it beside the path: "
                f'{{ path = "{self.path.name}", crs = "EPSG:…" }}.'
            )
            raise InputError(msg)
        self.notices.append(Notice(self.path.name, "crs_assumed"))
        return frame.set_crs("EPSG:4326")


@dataclass
class Dataset:
    """The layers of a file, unpacked where it had to be."""

    path: Path
    layers: list[Layer]

    def listed(self) -> str:
        """Return the layers in words, for a message."""
        return ", ".join(f"{layer.name} ({layer.geometry or 'unknown geometry'})" for layer in self.layers)

    def named(self, name: str) -> Layer:
        """Return the layer of a name, or refuse with those that there are."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        msg = f"{self.path} has no layer {name!r}; it has {self.listed()}."
        raise InputError(msg)

    @cached_property
    def polygons(self) -> list[Layer]:
        """The layers that may hold polygons."""
        return [layer for layer in self.layers if layer.geometry is not None and _may_be_area(layer.geometry)]


def _may_be_area(geometry: str) -> bool:
    return not geometry or any(kind in geometry for kind in ("Polygon", "Surface", "Unknown", "Collection"))


@contextmanager
def opened(path: Path) -> Iterator[Dataset]:
    """Give the layers of a file; what it unpacks to is gone when the block ends.

    Raises
    ------
    InputError
        The file is damaged, or of no form that is known.
    """
    with TemporaryDirectory() as scratch:
        notices: list[Notice] = []
        with _speaking(path, notices):
            layers = _merged([layer for member in _members(path, Path(scratch)) for layer in _layers(path, member)])
        if not layers:
            raise unreadable(path, "it holds no vector data that is known here")
        names = [layer.name for layer in layers]
        for layer in layers:
            if names.count(layer.name) > 1:
                raise unreadable(path, f"two of its layers are called {layer.name}; give them as files of their own")
        yield Dataset(path, layers)


def _members(path: Path, scratch: Path) -> list[Path]:
    """Return the data sets of a file or folder, unpacked."""
    form = formats.form(path)
    if form == formats.ZIP:
        return _within_folder(_unpacked_zip(path, scratch))
    if form == formats.GZIP or (form == formats.LINES and formats.is_packed(path)):
        target = scratch / (path.name.removesuffix(".gz") or "unpacked")
        _unpack(path, target)
        return _members(target, scratch)
    if form == formats.FOLDER and path.suffix.lower() != ".gdb":
        return _within_folder(path)
    return [path]


def _unpack(path: Path, target: Path) -> None:
    """Unpack a gzip file, as far as it is plausible."""
    left = _MAX_UNPACKED
    with gzip.open(path) as packed, target.open("wb") as file:
        while block := packed.read(_BLOCK_BYTES):
            left -= len(block)
            if left < 0:
                raise unreadable(path, f"it unpacks to more than {_MAX_UNPACKED:,} bytes")
            file.write(block)


def _unpacked_zip(path: Path, scratch: Path) -> Path:
    folder = scratch / "zip"
    with zipfile.ZipFile(path) as archive:
        if sum(item.file_size for item in archive.infolist()) > _MAX_UNPACKED:
            raise unreadable(path, f"it unpacks to more than {_MAX_UNPACKED:,} bytes")
        archive.extractall(folder)  # zipfile drops what would lead out of the folder
    return folder


def _within_folder(folder: Path) -> list[Path]:
    databases = sorted(item for item in folder.rglob("*.gdb") if item.is_dir())
    known = (*_DATASETS, *_TEXTS, *_PARQUETS)
    files = sorted(
        item
        for item in folder.rglob("*")
        if item.suffix.lower() in known and not any(base in item.parents for base in databases) and item.is_file()
    )
    main = [item for item in files if item.suffix.lower() in (*_DATASETS, *_PARQUETS)]
    return [*databases, *(main or files)]


def _layers(path: Path, member: Path) -> Iterator[Layer]:
    """Yield the layers of one data set."""
    form = formats.form(member)
    if form == formats.PARQUET:
        if (rows := pq.read_metadata(member).num_rows) > _MAX_ROWS:
            raise unreadable(path, f"it holds {rows:,} rows, and not over {_MAX_ROWS:,} are plausible")
        schema = pq.read_schema(member)
        crs, covering = _parquet_crs(schema)
        yield Layer(path, _PARTS, "", tuple(schema.names), crs, partial(_parquet, member, covering))
    elif form == formats.TABLE:
        frame = tables.read_csv(member)
        yield Layer(path, member.stem, "", tuple(frame.columns), None, lambda _: frame)
    elif form in {formats.GDAL, formats.GEOJSON, formats.LINES} or member.suffix.lower() == ".gdb":
        source = f"GeoJSONSeq:{member}" if form == formats.LINES else member
        for name, geometry in pyogrio.list_layers(source):
            info = pyogrio.read_info(source, layer=name)
            yield Layer(path, str(name), geometry, tuple(info["fields"]), info["crs"], partial(_gdal, source, name))
    elif form == formats.GML:
        raise unreadable(path, "GML may name other files and servers, so it is not read: save it as GeoPackage")
    else:
        raise unreadable(path, (not member.is_dir() and formats.foreign(member)) or "its form is not known here")


def _merged(layers: list[Layer]) -> list[Layer]:
    """Return the layers, with the parts of a partitioned Parquet file as one."""
    parts = [layer for layer in layers if layer.name == _PARTS]
    if not parts:
        return layers
    first = parts[0]

    def load(box: Box | None) -> gpd.GeoDataFrame:
        return pd.concat([part.load(box) for part in parts], ignore_index=True)

    whole = Layer(first.path, first.path.name, first.geometry, first.fields, first.crs, load)
    return [whole, *(layer for layer in layers if layer.name != _PARTS)]


def _gdal(source: Path | str, layer: str, box: Box | None) -> gpd.GeoDataFrame:
    frame = pyogrio.read_dataframe(source, layer=layer, bbox=box, on_invalid="ignore")
    if not isinstance(frame, gpd.GeoDataFrame):
        msg = "it holds a table without geometries"
        raise tables.NoGeometryError(msg)
    return frame


def _parquet(path: Path, covering: bool | None, box: Box | None) -> gpd.GeoDataFrame:  # noqa: FBT001 - of the file
    if covering is None:
        return tables.read_plain_parquet(path)
    frame: gpd.GeoDataFrame = gpd.read_parquet(path, bbox=box if covering else None)
    return frame


def _parquet_crs(schema: pa.Schema) -> tuple[Any, bool | None]:
    """Return the CRS of a file's main geometry, and whether rows carry boxes (None: no GeoParquet)."""
    metadata = schema.metadata or {}
    if b"geo" not in metadata:
        return None, None
    geo = json.loads(metadata[b"geo"])
    column = geo["columns"][geo["primary_column"]]
    return column.get("crs", "OGC:CRS84"), "bbox" in column.get("covering", {})


def _within(box: Box, crs: CRS, path: Path) -> Box | None:
    """Return a box in a CRS; None: it has no finite bounds there."""
    bounds = check_has_place(crs, path).transform_bounds(*box, densify_pts=_DENSIFY_POINTS)
    return bounds if np.isfinite(bounds).all() else None


@contextmanager
def _speaking(path: Path, notices: list[Notice]) -> Iterator[None]:
    """Put what the libraries say into one sentence; their warnings become notices."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except tables.NoGeometryError as error:
            raise unreadable(path, str(error)) from error
        except _UNREADABLE as error:
            raise unreadable(path, str(error)) from error
    said = dict.fromkeys(str(item.message).split("\n")[0] for item in caught if item.category is RuntimeWarning)
    notices += [Notice(path.name, "gdal_warns", values={"text": text[:200]}) for text in said]


def unreadable(path: Path, reason: str) -> InputError:
    """Return the refusal of a file, in one sentence."""
    short = reason.split("\n", maxsplit=1)[0].rstrip(".")[:300]
    return InputError(f"{path} cannot be read ({short}); it is damaged, cut off or of another kind.")


def choose(
    dataset: Dataset, wanted: Sequence[str], what: str, details: FileDetails, unwanted: Sequence[str] = ()
) -> Layer:
    """Return the layer that is meant: the one that is named, else the only one of polygons, else the one of its kind.

    Parameters
    ----------
    dataset
        A file.
    wanted
        Parts of words (lower case) of which names of layers or fields of the kind carry one.
    what
        The kind, in words.
    unwanted
        Parts of words of which names of layers of other kinds carry one.
    details
        From the configuration.

    Raises
    ------
    InputError
        There are no polygons, or it cannot be told which layer is meant; the message lists them.
    """
    if details.layer is not None:
        return dataset.named(details.layer)
    others = [
        layer
        for layer in dataset.polygons
        if _carries(layer.name, unwanted) and not any(_carries(name, wanted) for name in (layer.name, *layer.fields))
    ]
    candidates = [layer for layer in dataset.polygons if layer not in others]
    if others and not candidates:
        msg = (
            f"{dataset.path} seems to hold something else than {what} ({dataset.listed()}); if a layer does hold them, "
            f'name it: {{ path = "{dataset.path.name}", layer = "…" }}.'
        )
        raise InputError(msg)
    if not candidates:
        msg = f"{dataset.path} holds no polygons but {dataset.listed()}; give {what}."
        raise InputError(msg)
    if len(candidates) > 1:
        candidates = [layer for layer in candidates if _carries(layer.name, wanted)] or [
            layer for layer in candidates if any(_carries(name, wanted) for name in layer.fields)
        ]
    if len(candidates) != 1:
        msg = (
            f"{dataset.path} has several layers ({dataset.listed()}); say which holds {what}: "
            f'{{ path = "{dataset.path.name}", layer = "…" }}.'
        )
        raise InputError(msg)
    chosen = candidates[0]
    if len(dataset.layers) > 1:
        values = {"layers": dataset.listed(), "layer": chosen.name}
        chosen.notices.append(Notice(dataset.path.name, "layer_chosen", values=values))
    return chosen


def _carries(name: str, wanted: Sequence[str]) -> bool:
    return any(part in name.lower() for part in wanted)
