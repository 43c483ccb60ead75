"""The forms of vector files that are read, told apart by what they hold and not by what they are called."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from pipeline.extract.local_files import Format

if TYPE_CHECKING:
    from pathlib import Path

LINES = "GeoJSON lines"
GEOJSON = "GeoJSON"
TABLE = "CSV"
PARQUET = "Parquet"
GDAL = "GIS"
ZIP = "zip"
GZIP = "gzip"
FOLDER = "folder"
GML = "GML"
UNKNOWN = ""

_GZIP_MAGIC = b"\x1f\x8b"
_HEAD_BYTES = 64 * 2**10
_RECORD_SEPARATOR = b"\x1e"
_GDAL_MAGIC = (b"SQLite format 3", b"fgb", b"\x00\x00\x27\x0a", b"!table", b"!Table", b"Version ", b"VERSION ")
"""GeoPackage, FlatGeobuf, shapefile, MapInfo's .tab and .mif."""
_KML = re.compile(rb"<(?:\w+:)?kml[\s>]")
_GML = re.compile(rb"<(?:\w+:)?FeatureCollection[\s>]")
_DXF = re.compile(rb"\s*(?:999[^\n]*\n[^\n]*\n\s*)*0\r?\n\s*SECTION")


_FOREIGN = {
    b"Rar!": "it is a RAR archive: unpack it first",
    b"7z\xbc\xaf\x27\x1c": "it is a 7z archive: unpack it first",
    b"AC10": "it is an AutoCAD drawing: save it as .dxf",
    b"%PDF": "it is a PDF: ask for the data themselves",
    b"<!doctype html": "it is a web page: download the file itself",
    b"<html": "it is a web page: download the file itself",
}
"""How files begin that people send and that hold nothing to read, and what to do about them."""


FORMATS = (
    Format(
        "Microsoft's GeoJSON lines, packed or not, under any name (.csv.gz, .geojsonl, part-00105.csv)", '"123.csv.gz"'
    ),
    Format("GeoJSON, GeoJSON text sequences, .geojson.gz", '"houses.geojson"'),
    Format("GeoPackage, also zipped", '"houses.gpkg"', "of several layers, the one of buildings; else name it"),
    Format("one layer of several", '{ path = "cadastre.gpkg", layer = "buildings" }'),
    Format("shapefile: .shp, a .zip, or a folder", '"houses.shp.zip"', "without .prj, WGS 84 where that fits"),
    Format("GeoParquet, Parquet with WKB or WKT, a folder of parts", '"houses.parquet"'),
    Format("FlatGeobuf, KML, KMZ, MapInfo (.tab, .mif), File Geodatabase (.gdb, also zipped)", '"houses.fgb"'),
    Format(
        "CSV with WKT (Google Open Buildings) or with .geo (Earth Engine)", '"houses.csv"', "WGS 84 where that fits"
    ),
    Format("CAD drawing (.dxf) with closed polylines", '{ path = "plan.dxf", crs = "EPSG:28413" }', "crs is needed"),
    Format("a file that does not say its coordinate system", '{ path = "houses.shp", crs = "EPSG:32643" }'),
)
"""What `inputs.footprints` takes."""


def form(path: Path) -> str:
    """Return which form a file has, by its first bytes."""
    if path.is_dir():
        return FOLDER
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head[:2] == _GZIP_MAGIC:
        return LINES if _text_form(unpacked_head(path)) == LINES else GZIP
    if head[:4] == b"PK\x03\x04":
        return ZIP
    if head[:4] == b"PAR1":
        return PARQUET
    if head.startswith(_GDAL_MAGIC) or _DXF.match(head) or path.suffix.lower() == ".dxf":
        return GDAL
    return _text_form(head)


def unpacked_head(path: Path) -> bytes:
    """Return how the contents of a gzip file begin."""
    with path.open("rb") as file:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(file.read(_HEAD_BYTES), _HEAD_BYTES)


def foreign(path: Path) -> str:
    """Return what a file is that cannot be read at all, and what to do; empty: nothing is known of it."""
    with path.open("rb") as file:
        head = file.read(64).lstrip().lower()
    return next((advice for start, advice in _FOREIGN.items() if head.startswith(start.lower())), "")


def is_packed(path: Path) -> bool:
    """Return whether a file is packed by gzip."""
    with path.open("rb") as file:
        return file.read(2) == _GZIP_MAGIC


def is_sequence(path: Path) -> bool:
    """Return whether a file is a GeoJSON text sequence (RFC 8142) whose records run over several lines."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    first = head.split(b"\n", 1)[0].strip()
    return head.startswith(_RECORD_SEPARATOR) and not first.endswith(b"}")


def _text_form(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if text.startswith(_RECORD_SEPARATOR):
        return LINES
    if text.startswith(b"{"):
        first = text.split(b"\n", 1)[0]
        whole = b'"FeatureCollection"' in first[:4096] or not re.search(rb'"(?:Feature|\w*Polygon|geometry)"', first)
        return GEOJSON if whole else LINES
    if text.startswith(b"<"):
        # GDAL would take any other XML too, such as a .vrt, which names other files and addresses.
        return GDAL if _KML.search(text) else GML if _GML.search(text) else UNKNOWN
    first = text.split(b"\n", 1)[0]
    separated = any(mark in first for mark in (b",", b";", b"\t"))
    return TABLE if separated and b"\x00" not in head else UNKNOWN
