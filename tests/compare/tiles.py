"""Compares PMTiles archives feature by feature; a tile is decoded only where its bytes differ."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import mapbox_vector_tile
from pmtiles.reader import MemorySource, all_tiles

from tests.compare.changes import ABSENT, Options, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Feature = dict[str, Any]

_IDENTITIES: tuple[Callable[[Feature], Any], ...] = (
    lambda feature: json.dumps(feature, sort_keys=True),
    lambda feature: feature.get("id"),
    lambda feature: json.dumps({**feature, "geometry": None}, sort_keys=True),
    lambda feature: json.dumps(feature.get("geometry")),
)
"""What makes two features the same one, in the order in which it is tried; None or 0: it is not known."""


@lru_cache(maxsize=1)  # a page holds the archive that lies beside it
def compare_archives(old: bytes, new: bytes, options: Options) -> Tally:
    """Compare the tiles of two archives; their metadata, in which a command line stands, are left out."""
    tally = Tally()
    before, after = (dict(all_tiles(MemorySource(archive))) for archive in (old, new))
    for tile in sorted(before | after):
        if before.get(tile) != after.get(tile):
            layers = _decoded(before.get(tile), options.old_columns), _decoded(after.get(tile), options.new_columns)
            for layer in sorted(layers[0] | layers[1]):
                for one, other in _paired(layers[0].get(layer, []), layers[1].get(layer, [])):
                    _compare_features(layer, tile, one, other, tally)
    return tally


def _decoded(tile: bytes | None, columns: Callable[..., dict[str, str]]) -> dict[str, list[Feature]]:
    """Return the features of each layer as flat rows: `id`, properties and `geometry`."""
    layers = {} if tile is None else mapbox_vector_tile.decode(gzip.decompress(tile))
    found = {}
    for name, layer in layers.items():
        rows = [{"id": one["id"], **one["properties"], "geometry": one["geometry"]} for one in layer["features"]]
        kept = columns(name, dict.fromkeys(column for row in rows for column in row))
        found[name] = [{new: row[old] for new, old in kept.items() if old in row} for row in rows]
    return found


def _compare_features(layer: str, tile: tuple[int, int, int], old: Any, new: Any, tally: Tally) -> None:
    there, where = f"of {layer} at zoom {tile[0]}", "/".join(map(str, tile))
    if old is ABSENT or new is ABSENT:
        tally.change(f"features {there}", where, old, new)
        return
    named = f"{where} #{new['id']}" if new.get("id") else where
    for name in sorted(old | new):
        before, after = old.get(name, ABSENT), new.get(name, ABSENT)
        if repr(before) != repr(after):  # 1 is not True
            tally.change(f"{name} {there}", named, before, after)


def _paired(old: list[Feature], new: list[Feature]) -> Iterator[tuple[Any, Any]]:
    """Pair the features of a layer of a tile, `ABSENT` where one has no counterpart."""
    for identity in _IDENTITIES:
        waiting = defaultdict(list)
        for feature in new:
            waiting[identity(feature)].append(feature)
        left = []
        for feature in old:
            key = identity(feature)
            if key and waiting[key]:
                yield feature, waiting[key].pop(0)
            else:
                left.append(feature)
        old, new = left, [feature for features in waiting.values() for feature in features]
    yield from ((feature, ABSENT) for feature in old)
    yield from ((ABSENT, feature) for feature in new)
