"""Which layers an OpenStreetMap object belongs to, and whether it is a point, a line or an area there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.catalogue import GeometryKind, OsmLayer, Selector

Tags = dict[str, str]
Layers = tuple[str, ...]
Plan = tuple[Layers, Layers]
"""Layers that take the object as a polygon, and layers that take it as a line."""

_LINEAR: dict[str, frozenset[str] | None] = {
    "highway": None,
    "railway": frozenset({"rail", "light_rail", "narrow_gauge", "tram", "subway", "disused", "abandoned", "siding"}),
    "waterway": frozenset({"river", "canal", "stream", "ditch", "drain", "weir", "tidal_channel"}),
    "power": frozenset({"line", "minor_line", "cable"}),
    "man_made": frozenset({"pipeline", "embankment", "dyke", "cutline"}),
    "aeroway": frozenset({"runway", "taxiway", "parking_position"}),
    "barrier": None,
    "natural": frozenset({"cliff", "ridge", "arete", "tree_row", "coastline", "valley"}),
    "geological": frozenset({"fault"}),
    "route": None,
}
"""Tags whose closed ways are lines that happen to close (a ring road); None: any value.

OpenStreetMap does not store whether a closed way is a line or an area: that follows from its tags, as documented for
each key in the OpenStreetMap wiki (the "onArea" mark of a tag's page) and overridden by area=yes and area=no.
"""


def is_area(tags: Mapping[str, str]) -> bool:
    """Return whether a closed way with these tags is an area, where a layer would take it as a line too."""
    if "area" in tags:
        return tags["area"] != "no"
    for key, value in tags.items():
        if key in _LINEAR:
            values = _LINEAR[key]
            if values is None or value in values:
                return False
    return True


class Matcher:
    """Finds the layers of an object by the keys that it carries, without asking every layer in turn."""

    def __init__(self, layers: Mapping[str, OsmLayer]) -> None:
        self._layers = dict(layers)
        self._by_key: dict[str, list[str]] = {}
        for name, layer in self._layers.items():
            for key in sorted({_anchor(selector) for selector in layer.osm}):
                self._by_key.setdefault(key, []).append(name)

    def keys(self, kinds: Iterable[GeometryKind]) -> list[str]:
        """Return the keys of which an object carries at least one if it can belong to a layer of these kinds."""
        wanted = set(kinds)
        return sorted(
            key
            for key, names in self._by_key.items()
            if any(wanted.intersection(self._layers[name].geometry) for name in names)
        )

    def match(self, tags: Mapping[str, str]) -> Layers:
        """Return the layers whose selectors hold for these tags, in the order of the catalogue."""
        candidates = {name for key in tags if key in self._by_key for name in self._by_key[key]}
        if not candidates:
            return ()
        return tuple(
            name for name, layer in self._layers.items() if name in candidates and layer.matches(tags)
        )

    def points(self, tags: Mapping[str, str]) -> Layers:
        """Return the layers that take a node with these tags."""
        return self._of_kind(self.match(tags), "point")

    def areas(self, tags: Mapping[str, str]) -> Layers:
        """Return the layers that take a multipolygon or boundary relation with these tags."""
        return self._of_kind(self.match(tags), "polygon")

    def open_way(self, tags: Mapping[str, str]) -> Plan:
        """Return the plan for a way that does not close: a line, wherever lines are taken."""
        return (), self._of_kind(self.match(tags), "line")

    def closed_way(self, tags: Mapping[str, str]) -> Plan:
        """Return the plan for a closed way: an area or a line, as its tags and the layer's kinds say."""
        matched = self.match(tags)
        polygons, lines = self._of_kind(matched, "polygon"), self._of_kind(matched, "line")
        if tags.get("area") == "no":
            return (), lines
        if tags.get("area", "no") != "no":
            return polygons, ()
        both = set(polygons).intersection(lines)
        if both and is_area(tags):
            lines = tuple(name for name in lines if name not in both)
        elif both:
            polygons = tuple(name for name in polygons if name not in both)
        return polygons, lines

    def _of_kind(self, names: Layers, kind: GeometryKind) -> Layers:
        return tuple(name for name in names if kind in self._layers[name].geometry)


def _anchor(selector: Selector) -> str:
    """Return a key that must be present wherever the selector holds."""
    key = next((key for key, wanted in selector.items() if wanted is not False), None)
    if key is None:
        msg = f"A layer's selector {selector} asks only for absent keys; name one key that must be there."
        raise ConfigError(msg)
    return key
