"""Objects of a file that lie near the area, as columns: a million rows stay a handful of arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import GeometryType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from shapely import Geometry

    from pipeline.extract.osm.matching import Layers, Tags

NODE, WAY, RELATION = range(3)
KINDS = ("node", "way", "relation")


@dataclass(frozen=True)
class Columns:
    """Rows of objects; one object may have two, if one layer takes it as an outline and another as a line.

    Attributes
    ----------
    kind
        0 node, 1 way, 2 relation.
    osm_id, version
        As in OpenStreetMap.
    tags, layers
        Numbers into the lists of `Objects`.
    geometry
        Shapely geometries (EPSG:4326).
    """

    kind: NDArray[np.int64]
    osm_id: NDArray[np.int64]
    version: NDArray[np.int64]
    tags: NDArray[np.int64]
    layers: NDArray[np.int64]
    geometry: NDArray[np.object_]


@dataclass
class Objects:
    """What one file holds near the area; distinct tags and combinations of layers are kept once."""

    source_id: str
    tags: list[Tags] = field(default_factory=list)
    layers: list[Layers] = field(default_factory=list)
    parts: list[Columns] = field(default_factory=list)
    _known: dict[Layers, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(part.osm_id) for part in self.parts)

    def add_tags(self, tags: Tags) -> int:
        """Keep the tags of an object (or of many that share them); return their number."""
        self.tags.append(tags)
        return len(self.tags) - 1

    def add_layers(self, layers: Layers) -> int:
        """Return the number of a combination of layers."""
        number = self._known.setdefault(layers, len(self.layers))
        if number == len(self.layers):
            self.layers.append(layers)
        return number

    def add(self, kind: int, rows: Sequence[tuple[int, int, Tags, Layers, Geometry]]) -> None:
        """Append a few objects of one kind: (osm_id, version, tags, layers, geometry) each."""
        if not rows:
            return
        osm_id, version, tags, layers, geometry = zip(*rows, strict=True)
        shapes = np.empty(len(rows), dtype=object)
        shapes[:] = geometry
        self.parts.append(
            Columns(
                kind=np.full(len(rows), kind),
                osm_id=np.array(osm_id, dtype=np.int64),
                version=np.array(version, dtype=np.int64),
                tags=np.array([self.add_tags(item) for item in tags], dtype=np.int64),
                layers=np.array([self.add_layers(item) for item in layers], dtype=np.int64),
                geometry=shapes,
            )
        )

    def leave_to_relations(self, repeated: Mapping[int, frozenset[str]]) -> int:
        """Take the outlines of ways out of the layers in which they repeat their relation; return how many those are.

        Parameters
        ----------
        repeated
            Layers by id of the way.
        """
        found = 0
        ids = np.fromiter(repeated, dtype=np.int64, count=len(repeated))
        for number, part in enumerate(self.parts):
            outlines = shapely.get_type_id(part.geometry) >= GeometryType.POLYGON
            rows = np.flatnonzero((part.kind == WAY) & outlines & np.isin(part.osm_id, ids))
            if not len(rows):
                continue
            layers, kept = part.layers.copy(), np.ones(len(part.osm_id), dtype=bool)
            for row in rows.tolist():
                before = self.layers[layers[row]]
                left = tuple(name for name in before if name not in repeated[int(part.osm_id[row])])
                found += len(left) < len(before)
                layers[row] = self.add_layers(left)
                kept[row] = bool(left)
            kind, osm_id, version, tags = (column[kept] for column in (part.kind, part.osm_id, part.version, part.tags))
            self.parts[number] = Columns(kind, osm_id, version, tags, layers[kept], part.geometry[kept])
        return found

    def restore_ids(self, restored: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> None:
        """Give the objects the ids of their file, where it was rewritten under others."""
        self.parts = [replace(part, osm_id=restored(part.osm_id)) for part in self.parts]

    def count(self) -> int:
        """Return the number of distinct objects."""
        # Sorting is many times quicker here than np.unique, which hashes.
        seen = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *map(_key, self.parts)]))
        return int(np.count_nonzero(np.diff(seen))) + bool(len(seen))


def _key(part: Columns) -> NDArray[np.int64]:
    key: NDArray[np.int64] = part.osm_id * len(KINDS) + part.kind
    return key
