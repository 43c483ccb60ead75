"""Which layers an OpenStreetMap object belongs to, and whether it is a point, a line or an area there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.declared.catalogue import GeometryKind, OsmLayer, Selector

Tags = dict[str, str]
Layers = tuple[str, ...]

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
        self._decisive = {"area", *_LINEAR}
        for name, layer in self._layers.items():
            self._decisive.update(key for selector in (*layer.osm, *layer.exclude) for key in selector)
            for key in sorted({_anchor(selector) for selector in layer.osm}):
                self._by_key.setdefault(key, []).append(name)

    @property
    def keys(self) -> list[str]:
        """The keys of which every object carries at least one that any layer takes."""
        return sorted(self._by_key)

    def decisive(self, tags: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Return those tags that decide about layers and kinds; all others (names, addresses) change nothing."""
        return tuple(item for item in tags.items() if item[0] in self._decisive)

    def match(self, tags: Mapping[str, str]) -> Layers:
        """Return the layers whose selectors hold for these tags, in the order of the catalogue."""
        candidates = {name for key in tags if key in self._by_key for name in self._by_key[key]}
        if not candidates:
            return ()
        return tuple(name for name, layer in self._layers.items() if name in candidates and layer.matches(tags))

    def closed_way(self, tags: Mapping[str, str], matched: Layers) -> tuple[Layers, Layers]:
        """Return which of the matched layers take a closed way as an outline, and which as a line.

        ``area=yes`` and ``area=no`` decide for all; else a layer that takes only one kind gets that, and a layer that
        takes both gets what `is_area` says.
        """
        polygons, lines = self.of_kind(matched, "polygon"), self.of_kind(matched, "line")
        if tags.get("area") == "no":
            return (), lines
        if "area" in tags:
            return polygons, ()
        both = set(polygons).intersection(lines)
        if both and is_area(tags):
            lines = tuple(name for name in lines if name not in both)
        elif both:
            polygons = tuple(name for name in polygons if name not in both)
        return polygons, lines

    def of_kind(self, names: Layers, kind: GeometryKind) -> Layers:
        """Return those layers that take a kind of geometry."""
        return tuple(name for name in names if kind in self._layers[name].geometry)


def _anchor(selector: Selector) -> str:
    """Return a key that must be present wherever the selector holds."""
    key = next((key for key, wanted in selector.items() if wanted is not False), None)
    if key is None:
        msg = f"A layer's selector {selector} asks only for absent keys; name one key that must be there."
        raise ConfigError(msg)
    return key
