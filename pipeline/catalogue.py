"""The layers as data: what is asked of OpenStreetMap, how a red zone is drawn, which law says so, in which colour.

One TOML per layer under `layers/`; this module reads and validates them, and knows nothing of geometry.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pipeline.config import Names, parse
from pipeline.errors import ConfigError
from pipeline.resources import resource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GeometryKind = Literal["point", "line", "polygon"]
RuleKind = Literal["inside", "statutory", "advisory", "proxy"]
Concern = Literal["residents", "administrative"]

Selector = dict[str, bool | tuple[str, ...]]
"""OSM tags that must all hold: a key is True (any value), False (absent) or a list of allowed values."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


class OsmLayer(_Strict):
    """What a layer takes from OpenStreetMap: objects that match any selector, in one of the geometry kinds."""

    id: Identifier
    title: Names
    geometry: Annotated[tuple[GeometryKind, ...], Field(min_length=1)]
    osm: Annotated[tuple[Selector, ...], Field(min_length=1)]
    attributes: tuple[str, ...] = ()
    """OSM keys kept as columns, beside the names."""

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Return whether an object with these tags belongs to the layer."""
        return any(all(_holds(wanted, tags.get(key)) for key, wanted in selector.items()) for selector in self.osm)


def _holds(wanted: bool | tuple[str, ...], value: str | None) -> bool:  # noqa: FBT001 - a tag condition, not a flag
    if isinstance(wanted, bool):
        return (value is not None) is wanted
    return value in wanted


class LegalReference(_Strict):
    """The act that a distance rests on; without an act there is no law to cite, and `verified` must be false."""

    act: str
    article: str = ""
    valid_from: str = ""
    source: str = ""
    """Where the reference was seen."""


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    if list(values) != sorted(set(values)):
        msg = "must be in ascending order, without repeats"
        raise ValueError(msg)
    return values


class Rule(_Strict):
    """One distance for one kind of hazard object, in one country or (``country = "default"``) anywhere else."""

    variant: str = ""
    """Distinguishes rules of one class, such as "110kv"; the rule's id is <country>.<class>[.<variant>]."""
    country: Annotated[str, Field(pattern=r"^([A-Z]{2}|default)$")]
    distance_m: Annotated[float, Field(ge=0, le=50_000)]
    kind: RuleKind
    verified: bool = False
    legal: LegalReference
    sensitivity_m: Annotated[tuple[float, ...], AfterValidator(_ascending)] = ()
    """Other distances worth a look, because the figure is contested or unverified."""
    when: dict[str, tuple[float, float]] = {}
    """Half-open ranges [low, high) that a measure of the hazard must fall in; none: always."""
    assumed: bool = False
    """Also applies where a measure named in `when` is unknown; the result is then marked as assumed."""


class RedZone(OsmLayer):
    """A hazard class: its OSM tags, how its zone follows from the geometry, and its rules."""

    concern: Concern
    """Whether the zone protects residents from the hazard, or marks an administrative limit."""
    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    description: Names
    measures: dict[str, str] = {}
    """Measure name (as used by `when`) to the way it is derived; see transform.red_zones for the ways."""
    shape: dict[str, float | str] = {}
    """Parameters of the geometry rule; see transform.red_zones."""
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    coverage_note: str = ""
    """What is known about how completely OSM maps this class."""


class SourceSpec(_Strict):
    """A dataset: who provides it, in which format, under which licence, and how it is reached."""

    id: Identifier
    title: str
    provider: str
    kind: Literal["osm", "footprints", "raster", "register"]
    format: str
    licence: str
    attribution: str
    home: str = ""
    version: str = ""
    url: str = ""
    """Pattern with {placeholders}; empty for data that only come as local files."""
    mirrors: tuple[str, ...] = ()
    crs: str = ""
    nodata: float | None = None
    unit: str = ""
    values: str = ""
    """What a value means."""
    epochs: tuple[int, ...] = ()
    modelled_epochs: tuple[int, ...] = ()
    typical_bytes: int = 0
    notes: str = ""


@dataclass(frozen=True)
class Catalogue:
    """All layers, by id, in the order of their file names."""

    context: dict[str, OsmLayer]
    red_zones: dict[str, RedZone]
    sources: dict[str, SourceSpec]

    @property
    def osm_layers(self) -> dict[str, OsmLayer]:
        """Everything that is asked of OpenStreetMap; hazard classes under ``hazard:<class>``."""
        return {**self.context, **{f"hazard:{name}": zone for name, zone in self.red_zones.items()}}

    @property
    def reach_m(self) -> float:
        """The largest distance of any rule: extraction must look this far beyond an area."""
        return max(
            (max((rule.distance_m, *rule.sensitivity_m)) for zone in self.red_zones.values() for rule in zone.rules),
            default=0.0,
        )


def _read_folder(folder: Path, model: type[BaseModel]) -> dict[str, BaseModel]:
    layers: dict[str, BaseModel] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            msg = f"{path} cannot be read as TOML: {error}."
            raise ConfigError(msg) from error
        layer = parse(model, data, path)
        identifier: str = layer.id  # type: ignore[attr-defined]
        if identifier != path.stem:
            msg = f"{path}: id = {identifier!r} differs from the file's name; make them equal."
            raise ConfigError(msg)
        layers[identifier] = layer
    return layers


def load(root: Path) -> Catalogue:
    """Read and validate all layer files below `root` (the folder `layers/`).

    Raises
    ------
    ConfigError
        A file is not TOML, has an unknown or wrong key, or an id that differs from its file name.
    """
    return Catalogue(
        context=_read_folder(root / "context", OsmLayer),  # type: ignore[arg-type]
        red_zones=_read_folder(root / "red_zones", RedZone),  # type: ignore[arg-type]
        sources=_read_folder(root / "sources", SourceSpec),  # type: ignore[arg-type]
    )


@cache
def default() -> Catalogue:
    """Return the catalogue that travels with the package, read once."""
    return load(resource("layers"))
