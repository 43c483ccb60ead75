"""The catalogue as `novostroiki layers` lists it: what is mapped, where it comes from, and how far it is verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.commands.text_table import aligned
from pipeline.declared import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.declared.catalogue import Catalogue, RedZone, SourceSpec

_HEADER = ("layer or source", "kind", "what", "unit", "provider", "version", "checked", "licence", "verified")


def listing(layers: Catalogue | None = None) -> str:
    """Return a table of all layers and sources, one a line, its columns aligned.

    Parameters
    ----------
    layers
        The catalogue; default: the one that travels with the package.

    Returns
    -------
    str
        Of a hazard class, ``verified`` is how many of its rules have a distance that was seen in a public source, over
        all countries and the default; of a source, whether its address and licence were confirmed on the day in
        ``checked``. Layers are taken from OpenStreetMap, and share its licence.
    """
    return aligned([_HEADER, *_rows(layers or catalogue.default())])


def _rows(layers: Catalogue) -> Iterator[tuple[str, ...]]:
    mapped = _provided(layers.sources["osm"])
    for zone in layers.red_zones.values():
        yield zone.id, "red zone", zone.title.en, "", *mapped, _verified(zone)
    for layer in layers.context.values():
        yield layer.id, "context", layer.title.en, "", *mapped, ""
    for source in layers.sources.values():
        known = "" if source.checked is None else "yes" if source.verified else "no"
        yield source.id, f"source: {source.kind}", source.title, source.unit, *_provided(source), known


def _provided(source: SourceSpec) -> tuple[str, str, str, str]:
    """Return who provides a source, in which version, when that was last looked up, and the licence."""
    return source.provider, source.version, str(source.checked or ""), source.licence


def _verified(zone: RedZone) -> str:
    verified = sum(rule.verified for rule in zone.rules)
    return f"{verified} of {len(zone.rules)} rules"
