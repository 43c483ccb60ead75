"""The archive of an area's tiles: what tippecanoe made, and the buildings in the same tiles."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from pmtiles.reader import MemorySource, Reader, all_tiles
from pmtiles.tile import zxy_to_tileid
from pmtiles.writer import Writer

from pipeline.load.planner_map import polygon_layer
from pipeline.load.tile_layers import MAX_TILE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.load.planner_map.polygon_layer import PolygonLayer, TileLayer


def zoom_range(archive: Path) -> tuple[int, int]:
    """Return the least and the greatest zoom of a PMTiles archive (bytes 100 and 101 of its header, spec v3)."""
    with archive.open("rb") as file:
        header = file.read(127)
    return header[100], header[101]


def join(others: Path, layer: PolygonLayer, min_zoom: int, output: Path) -> int | None:
    """Write the tiles of an archive with one layer more.

    Parameters
    ----------
    others
        The archive with the other layers.
    layer
        What is added at every zoom from `min_zoom` on. The archive's deepest zoom has all of it; above, the smallest
        polygons are left out of a tile that would pass `MAX_TILE_BYTES`.
    output
        The archive to write.

    Returns
    -------
    int or None
        None: written. A number: a tile is too large at the deepest zoom; the archive should reach that one instead.
    """
    reader = Reader(MemorySource(others.read_bytes()))
    header, metadata = reader.header(), reader.metadata()
    deepest = int(header["max_zoom"])
    tiles = {zxy_to_tileid(*tile): data for tile, data in all_tiles(reader.get_bytes)}
    for zoom in range(deepest, min_zoom - 1, -1):  # the deepest first: it says whether these zooms will do
        for (x, y), added in layer.tiles(zoom).items():
            number = zxy_to_tileid(zoom, x, y)
            stored = tiles.get(number)
            rest = b"" if stored is None else gzip.decompress(stored)
            tiles[number] = _compressed(rest + added.message())
            if len(tiles[number]) > MAX_TILE_BYTES and zoom < deepest:
                tiles[number] = _fitted(rest, added, tiles[number])
            elif len(tiles[number]) > MAX_TILE_BYTES and deepest < polygon_layer.MAX_ZOOM:
                return deepest + 1
    metadata["vector_layers"].append(
        {"id": layer.name, "minzoom": min_zoom, "maxzoom": deepest, "fields": layer.fields}
    )
    with output.open("wb") as file:
        writer = Writer(file)
        for number in sorted(tiles):
            writer.write_tile(number, tiles[number])
        writer.finalize(header, metadata)
    return None


def _fitted(rest: bytes, added: TileLayer, tile: bytes) -> bytes:
    """Return a tile with as many of a layer's polygons, the largest first, as there is room for."""
    kept = len(added.ends)
    while len(tile) > MAX_TILE_BYTES and kept:
        kept = int(kept * min(0.95, MAX_TILE_BYTES / len(tile)))
        tile = _compressed(rest + added.message(kept))
    return tile


def _compressed(tile: bytes) -> bytes:
    return gzip.compress(tile, compresslevel=6, mtime=0)
