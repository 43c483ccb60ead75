"""A handful of houses and hazards, in the formats that the real servers hand out."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import osmium
from affine import Affine
from osmium.osm import mutable
from pyproj import Transformer
from rasterio.io import MemoryFile

from pipeline.config import Area, Names

if TYPE_CHECKING:
    from pathlib import Path

AREA = Area(area_id="town", country="KG", bbox=(74.50, 42.90, 74.54, 42.93), name=Names(en="Town"))
OUTSIDE = (74.60, 42.95)
"""Within the reach of hazards, not in the area."""
FAR = (75.90, 44.00)


class _Map:
    """Collects objects, and writes them in the order that the format asks for."""

    def __init__(self) -> None:
        self._ids = count(1)
        self.nodes: list[mutable.Node] = []
        self.ways: list[mutable.Way] = []
        self.relations: list[mutable.Relation] = []

    def node(self, lon: float, lat: float, **tags: str) -> int:
        self.nodes.append(mutable.Node(id=next(self._ids), location=(lon, lat), tags=_keys(tags)))
        return self.nodes[-1].id

    def line(self, *points: tuple[float, float], **tags: str) -> int:
        return self.way([self.node(*point) for point in points], **tags)

    def way(self, refs: list[int], **tags: str) -> int:
        self.ways.append(mutable.Way(id=next(self._ids), nodes=refs, tags=_keys(tags)))
        return self.ways[-1].id

    def rectangle(self, lon: float, lat: float, size: float, **tags: str) -> int:
        refs = [self.node(lon + dx, lat + dy) for dx, dy in ((0, 0), (size, 0), (size, size), (0, size))]
        return self.way([*refs, refs[0]], **tags)

    def relation(self, members: list[tuple[str, int, str]], **tags: str) -> int:
        self.relations.append(mutable.Relation(id=next(self._ids), members=members, tags=_keys(tags)))
        return self.relations[-1].id


def _keys(tags: dict[str, str]) -> dict[str, str]:
    return {key.replace("__", ":"): value for key, value in tags.items()}


def write_osm(path: Path) -> Path:
    """Write a town with what is awkward: relations, nodes as hazards, several voltages, lifecycles, names."""
    town = _Map()
    for row in range(6):
        for column in range(8):
            levels = {"building__levels": "2"} if (row + column) % 3 == 0 else {}
            town.rectangle(74.510 + column * 0.0005, 42.910 + row * 0.0004, 0.00012, building="house", **levels)
    town.rectangle(74.53995, 42.915, 0.0003, building="yes")  # across the edge
    town.rectangle(74.5500, 42.915, 0.0003, building="yes")  # beyond it
    town.rectangle(74.512, 42.9200, 0.0003, building="no")
    town.rectangle(74.513, 42.9200, 0.0003, disused__building="yes")
    town.rectangle(74.509, 42.909, 0.018, landuse="residential", name="Ак-Жар", name__en="Ak-Jar", name__ky="Ак-Жар")
    outer, inner = town.rectangle(74.520, 42.920, 0.004), town.rectangle(74.521, 42.921, 0.001)
    town.relation([("w", outer, "outer"), ("w", inner, "inner")], type="multipolygon", landuse="cemetery")
    block, court = town.rectangle(74.530, 42.910, 0.001), town.rectangle(74.5303, 42.9103, 0.0003)
    town.relation([("w", block, "outer"), ("w", court, "inner")], type="multipolygon", building="apartments")
    town.node(74.515, 42.915, place="suburb", name="Ак-Жар", alt_name="Ак Жар;Ak-Zhar")
    town.node(74.5155, 42.9155, amenity="school", name="№ 1")
    town.line((74.49, 42.905), (74.52, 42.906), (74.56, 42.907), highway="residential", surface="ground")
    town.line((74.49, 42.925), (74.56, 42.926), power="line", voltage="110000;35000", cables="6")
    town.node(74.516, 42.9160, power="substation")
    town.line((74.50, 42.95), (74.60, 42.96), man_made="pipeline", substance="gas", usage="transmission")
    town.rectangle(*OUTSIDE, 0.003, landuse="landfill", name="Полигон")
    town.rectangle(OUTSIDE[0], 42.96, 0.0002, building="house")
    town.rectangle(*FAR, 0.003, landuse="landfill")
    border = town.rectangle(74.40, 42.85, 0.13)  # its eastern edge runs through the area
    beyond = town.rectangle(74.00, 42.50, 0.9)
    around = {"type": "boundary", "boundary": "administrative", "admin_level": "4", "name": "Чүй"}
    town.relation([("w", beyond, "outer")], **around)
    town.relation(
        [("w", border, "outer")], type="boundary", boundary="administrative", admin_level="6", name="Аламүдүн"
    )
    with osmium.SimpleWriter(str(path)) as writer:
        for node in sorted(town.nodes, key=lambda item: item.id):
            writer.add_node(node)
        for way in sorted(town.ways, key=lambda item: item.id):
            writer.add_way(way)
        for relation in sorted(town.relations, key=lambda item: item.id):
            writer.add_relation(relation)
    return path


def footprints() -> bytes:
    """Return Microsoft's form of a few footprints: gzip of GeoJSON lines."""
    lines = []
    for number in range(400):
        lon, lat = 74.51 + number % 20 * 0.0004, 42.912 + number // 20 * 0.0003
        ring = [[lon, lat], [lon + 1e-4, lat], [lon + 1e-4, lat + 1e-4], [lon, lat + 1e-4], [lon, lat]]
        properties = {"height": -1.0 if number % 2 else 3.5, "confidence": -1.0}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        lines.append(json.dumps({"type": "Feature", "properties": properties, "geometry": geometry}))
    return gzip.compress("\n".join(lines).encode(), mtime=0)


def mollweide_tile(year: int = 1990, crs: str = "ESRI:54009") -> bytes:
    """Return a zip with a GHSL-like tile around the area: 400 by 400 cells of 100 m; another CRS puts it elsewhere."""
    values = ((np.arange(160_000).reshape(400, 400) + year) % 10_000).astype(np.uint16)
    west, north = _origin() if crs == "ESRI:54009" else (500_000.0, 4_800_000.0)
    tif = geotiff(values, Affine(100, 0, west, 0, -100, north), crs, nodata=65535)
    return zipped({"tile.tif": tif, "tile.pdf": b"%PDF"})


def people_tile() -> bytes:
    """Return a zip with a tile of people per cell on the same grid."""
    west, north = _origin()
    values = np.random.default_rng(1).gamma(0.5, 4, (400, 400))
    values[::9] = -200
    return zipped({"tile.tif": geotiff(values, Affine(100, 0, west, 0, -100, north), "ESRI:54009", nodata=-200)})


def _origin() -> tuple[float, float]:
    """Return the upper left corner of a tile around the area, on whole kilometres (ESRI:54009)."""
    to_mollweide = Transformer.from_crs("EPSG:4326", "ESRI:54009", always_xy=True)
    x, y = to_mollweide.transform(*AREA.boundary.centroid.coords[0])
    return float(x // 1e4 * 1e4 - 20_000), float(y // 1e4 * 1e4 + 20_000)


def degrees_tile(lon: float = 74, lat: float = 42, size: float = 2, cells: int = 800) -> bytes:
    """Return a GeoTIFF of years on a grid of degrees."""
    rows, columns = np.indices((cells, cells))
    values = (1985 + (rows + columns) % 30).astype(np.uint16)
    values[::7] = 0
    return geotiff(values, Affine(size / cells, 0, lon, 0, -size / cells, lat + size), "EPSG:4326")


def geotiff(values: np.ndarray, transform: Affine, crs: str, nodata: float | None = None) -> bytes:
    """Return an array as a GeoTIFF."""
    height, width = values.shape
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=width,
            height=height,
            count=1,
            dtype=values.dtype,
            crs=crs,
            transform=transform,
            nodata=nodata,
            tiled=True,
            blockxsize=128,
            blockysize=128,
        ) as raster:
            raster.write(values, 1)
        return bytes(memory.read())


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a zip of some files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()
