"""From matched OpenStreetMap objects to one table per layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyproj import CRS

from pipeline.extract.osm.objects import KINDS
from pipeline.geometry.bbox import touches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pipeline.declared.catalogue import OsmLayer
    from pipeline.extract.osm.matching import Tags
    from pipeline.extract.osm.objects import Objects
    from pipeline.geometry.bbox import Box

NAMES = {"name": "name", "name_en": "name:en", "name_ru": "name:ru", "name_ky": "name:ky", "name_kk": "name:kk"}
"""Column to OSM key."""
OTHER_NAMES = ("alt_name", "old_name", "loc_name", "official_name")
_DEGREES = CRS.from_epsg(4326)
MAX_NAME = 255
"""OpenStreetMap allows no longer value; a longer one comes from a broken file."""


def build(
    files: Sequence[Objects], layers: Mapping[str, OsmLayer], boxes: Mapping[str, Box]
) -> tuple[dict[str, gpd.GeoDataFrame], int]:
    """Return one table per layer, sorted by object, and how many names were cut.

    Parameters
    ----------
    files
        Matched objects; the same object from several files is kept once, in its highest version.
    layers
        Layers by key; every one gets a table, if an empty one.
    boxes
        For each layer the box (EPSG:4326) that an object must touch.
    """
    rows = _Rows(files)
    near = {box: touches(rows.geometry, box) for box in set(boxes.values())}
    text = _Text([tags for file in files for tags in file.tags])
    frames = {}
    for name, layer in layers.items():
        chosen = rows.of_layer(name, near[boxes[name]])
        columns = {
            "osm_id": rows.labels(chosen),
            **text.columns(rows.tags[chosen], layer.attributes),
            "source_id": _text(pa.array(rows.source_ids, pa.string()).take(pa.array(rows.file[chosen]))),
        }
        # With `geometry` apart, it takes twice as long, and there are dozens of layers.
        columns["geometry"] = gpd.array.from_shapely(rows.geometry[chosen], crs=_DEGREES)
        frames[name] = gpd.GeoDataFrame(columns, geometry="geometry")
    return frames, text.cut


class _Rows:
    """The rows of all files, sorted by kind, id and falling version."""

    def __init__(self, files: Sequence[Objects]) -> None:
        self.source_ids = [file.source_id for file in files]
        parts = [(number, part) for number, file in enumerate(files) for part in file.parts]
        tags_before = np.cumsum([0, *(len(file.tags) for file in files)])
        layers_before = np.cumsum([0, *(len(file.layers) for file in files)])
        self._combinations = [layers for file in files for layers in file.layers]
        kind = _joined([part.kind for _, part in parts])
        osm_id = _joined([part.osm_id for _, part in parts])
        version = _joined([part.version for _, part in parts])
        order = np.lexsort((-version, osm_id, kind))
        self._kind, self._osm_id = kind[order], osm_id[order]
        self.tags = _joined([part.tags + tags_before[number] for number, part in parts])[order]
        self._layers = _joined([part.layers + layers_before[number] for number, part in parts])[order]
        self.file = _joined([np.full(len(part.kind), number) for number, part in parts])[order]
        shapes = [part.geometry for _, part in parts]
        self.geometry = np.concatenate([np.empty(0, dtype=object), *shapes])[order]

    def of_layer(self, name: str, near: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the rows of a layer, each object once."""
        member = np.array([name in combination for combination in self._combinations], dtype=bool)
        rows = np.flatnonzero(member[self._layers] & near) if len(member) else np.zeros(0, dtype=np.int64)
        return rows[_first(self._kind[rows], self._osm_id[rows])]

    def labels(self, rows: NDArray[np.int64]) -> pd.api.extensions.ExtensionArray:
        """Return ``node/1``, ``way/2``, ``relation/3``."""
        kinds = pa.array(KINDS).take(pa.array(self._kind[rows]))
        numbers = pc.cast(pa.array(self._osm_id[rows]), pa.string())
        labels: pd.api.extensions.ExtensionArray = pd.array(
            pc.binary_join_element_wise(kinds, numbers, "/"), dtype="str"
        )
        return labels


def _joined(arrays: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(0, dtype=np.int64), *arrays])


def _first(kind: NDArray[np.int64], osm_id: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows of a sorted table are the first of their object."""
    first = np.ones(len(osm_id), dtype=bool)
    first[1:] = (kind[1:] != kind[:-1]) | (osm_id[1:] != osm_id[:-1])
    return first


class _Text:
    """Text columns from tags, built once per distinct set of tags: most buildings carry one tag and share it."""

    def __init__(self, tags: Sequence[Tags]) -> None:
        self._tags = tags
        self.cut = 0

    def columns(
        self, codes: NDArray[np.int64], attributes: Sequence[str]
    ) -> dict[str, pd.api.extensions.ExtensionArray]:
        """Return the name and attribute columns of rows whose tags have these numbers."""
        used = np.zeros(len(self._tags), dtype=bool)
        used[codes] = True
        position = pa.array((np.cumsum(used) - 1)[codes])
        tags = [self._tags[code] for code in np.flatnonzero(used).tolist()]
        present = set().union(*tags)
        columns = {
            column: [self._name(item.get(key)) for item in tags] for column, key in NAMES.items() if key in present
        }
        if not present.isdisjoint(OTHER_NAMES):
            columns["other_names"] = [_other_names(item) for item in tags]
        columns |= {key: [item.get(key) for item in tags] for key in attributes if key in present and key not in NAMES}
        names = dict.fromkeys([*NAMES, "other_names", *attributes])
        missing = pa.nulls(len(codes), pa.string())
        return {
            name: _text(pa.array(columns[name], pa.string()).take(position) if name in columns else missing)
            for name in names
        }

    def _name(self, name: str | None) -> str | None:
        if name is not None and len(name) > MAX_NAME:
            self.cut += 1
            return name[:MAX_NAME]
        return name


def _text(values: pa.Array) -> pd.api.extensions.ExtensionArray:
    column: pd.api.extensions.ExtensionArray = pd.array(values, dtype="str")
    return column


def _other_names(tags: Tags) -> str | None:
    names = [part.strip()[:MAX_NAME] for key in OTHER_NAMES if key in tags for part in tags[key].split(";")]
    return ";".join(dict.fromkeys(filter(None, names))) or None
