"""From matched OpenStreetMap objects to one table per layer."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.extract.selection import touches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pipeline.catalogue import OsmLayer
    from pipeline.extract.osm.matching import Layers, Tags
    from pipeline.extract.selection import Box

NAMES = {"name": "name", "name_en": "name:en", "name_ru": "name:ru", "name_ky": "name:ky", "name_kk": "name:kk"}
"""Column to OSM key."""
OTHER_NAMES = ("alt_name", "old_name", "loc_name", "official_name")
MAX_NAME = 255
"""OpenStreetMap allows no longer value; a longer one comes from a broken file."""
_KINDS = ("node", "way", "relation")


@dataclass
class Objects:
    """Objects of a file that lie near the area: parallel lists, one entry per object and geometry."""

    kind: list[int] = field(default_factory=list)
    """0 node, 1 way, 2 relation."""
    osm_id: list[int] = field(default_factory=list)
    version: list[int] = field(default_factory=list)
    tags: list[Tags] = field(default_factory=list)
    layers: list[Layers] = field(default_factory=list)
    geometry: list[shapely.Geometry] = field(default_factory=list)
    source_id: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.osm_id)

    def extend(self, other: Objects) -> None:
        """Append all objects of another file."""
        for column in fields(self):
            getattr(self, column.name).extend(getattr(other, column.name))


def build(
    objects: Objects, layers: Mapping[str, OsmLayer], boxes: Mapping[str, Box]
) -> tuple[dict[str, gpd.GeoDataFrame], int]:
    """Return one table per layer, sorted by object, and how many names were cut.

    Parameters
    ----------
    objects
        Matched objects; the same object from several files is kept once, in its highest version.
    layers
        Layers by key; every one gets a table, if an empty one.
    boxes
        For each layer the box (EPSG:4326) that an object must touch.
    """
    kind = np.array(objects.kind, dtype=np.int8)
    osm_id = np.array(objects.osm_id, dtype=np.int64)
    geometry = np.array(objects.geometry, dtype=object)
    source_id = np.array(objects.source_id, dtype=object)
    order = np.lexsort((-np.array(objects.version, dtype=np.int64), osm_id, kind))
    codes, combinations = _codes(objects.layers)
    near = {box: touches(geometry, box) for box in set(boxes.values())}
    columns = _Columns(objects.tags)
    frames = {}
    for name, layer in layers.items():
        member = np.array([name in combination for combination in combinations], dtype=bool)
        rows = order[(member[codes] & near[boxes[name]])[order]] if len(order) else order
        rows = rows[_first(kind[rows], osm_id[rows])]
        labels = np.array(_KINDS, dtype=object)[kind[rows]]
        ids = [f"{label}/{number}" for label, number in zip(labels, osm_id[rows].tolist(), strict=True)]
        data = {"osm_id": pd.array(ids, dtype="str"), **columns.take(rows, layer.attributes)}
        data["source_id"] = pd.array(source_id[rows], dtype="str")
        frames[name] = gpd.GeoDataFrame(data, geometry=geometry[rows], crs="EPSG:4326")
    return frames, columns.cut


def _first(kind: NDArray[np.int8], osm_id: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows of a sorted table are the first of their object."""
    first = np.ones(len(osm_id), dtype=bool)
    first[1:] = (kind[1:] != kind[:-1]) | (osm_id[1:] != osm_id[:-1])
    return first


def _codes(combinations: Sequence[Layers]) -> tuple[NDArray[np.int64], list[Layers]]:
    """Number the distinct layer combinations."""
    known: dict[Layers, int] = {}
    codes = np.fromiter((known.setdefault(c, len(known)) for c in combinations), np.int64, len(combinations))
    return codes, list(known)


class _Columns:
    """Text columns from tags, built once per distinct set of tags: most buildings carry one tag and share it."""

    def __init__(self, tags: Sequence[Tags]) -> None:
        known: dict[int, int] = {}
        self._unique: list[Tags] = []
        self._codes = np.empty(len(tags), dtype=np.int64)
        for row, item in enumerate(tags):
            code = known.setdefault(id(item), len(self._unique))
            if code == len(self._unique):
                self._unique.append(item)
            self._codes[row] = code
        self.cut = 0

    def take(self, rows: NDArray[np.int64], attributes: Sequence[str]) -> dict[str, pd.api.extensions.ExtensionArray]:
        """Return the name and attribute columns of some rows."""
        codes, position = np.unique(self._codes[rows], return_inverse=True)
        tags = [self._unique[code] for code in codes.tolist()]
        columns = {column: [self._name(item.get(key)) for item in tags] for column, key in NAMES.items()}
        columns["other_names"] = [_other_names(item) for item in tags]
        columns |= {key: [item.get(key) for item in tags] for key in attributes if key not in columns}
        return {name: pd.array(values, dtype="str").take(position) for name, values in columns.items()}

    def _name(self, name: str | None) -> str | None:
        if name is not None and len(name) > MAX_NAME:
            self.cut += 1
            return name[:MAX_NAME]
        return name


def _other_names(tags: Tags) -> str | None:
    names = [part.strip()[:MAX_NAME] for key in OTHER_NAMES if key in tags for part in tags[key].split(";")]
    return ";".join(dict.fromkeys(filter(None, names))) or None
