"""The layers as data: what is asked of OpenStreetMap, how a red zone is drawn, which law says so, in which colour.

One TOML per layer under `layers/`; this module reads and validates them, and knows nothing of geometry.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date  # noqa: TC003 - pydantic reads the annotation
from functools import cache, cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.base.resources import resource
from pipeline.config import Names, parse, read_toml
from pipeline.declared.law import (
    ACTS,
    ANY_OTHER,
    Act,
    Country,
    Identifier,
    Law,
    Metres,
    Variant,
    check_all_used,
    load_acts,
    of_variant,
)
from pipeline.errors import ConfigError
from pipeline.schema.units import FACTORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

GeometryKind = Literal["point", "line", "polygon"]
RuleKind = Literal["inside", "statutory", "advisory", "proxy"]
Concern = Literal["residents", "administrative"]
Group = Literal["waste", "burial", "aviation", "military", "energy", "gas", "transport", "water", "earth", "heritage"]

Selector = dict[str, bool | tuple[str, ...]]
"""OSM tags that must all hold: a key is True (any value but "no"), False (absent or "no") or a list of values."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Layer(_Strict):
    """What stands in a file of its own, named by its id."""

    id: Identifier


L = TypeVar("L", bound=_Layer)


class OsmLayer(_Layer):
    """What a layer takes from OpenStreetMap: objects that match any selector, in one of the geometry kinds."""

    title: Names
    geometry: Annotated[tuple[GeometryKind, ...], Field(min_length=1)]
    osm: Annotated[tuple[Selector, ...], Field(min_length=1)]
    exclude: tuple[Selector, ...] = ()
    """Objects that match any of these are left out, although they match `osm`."""
    attributes: tuple[str, ...] = ()
    """OSM keys kept as columns, beside the names."""

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Return whether an object with these tags belongs to the layer."""
        return fits(self.osm, tags) and not fits(self.exclude, tags)


def fits(selectors: Iterable[Selector], tags: Mapping[str, str]) -> bool:
    """Return whether tags satisfy any of the selectors; one value of a list such as ``coal;gas`` is enough."""
    return any(all(_holds(wanted, tags.get(key)) for key, wanted in selector.items()) for selector in selectors)


def _holds(wanted: bool | tuple[str, ...], value: str | None) -> bool:  # noqa: FBT001 - a tag condition, not a flag
    if isinstance(wanted, bool):
        return (value not in {None, "no"}) is wanted
    return value is not None and any(part.strip() in wanted for part in value.split(";"))


class Provision(_Strict):
    """Which objects of a class a rule is about, and how; the distances stand with the laws of the countries."""

    variant: Variant = ""
    """Distinguishes rules of one class, such as "110kv"; the rule's id is <country>.<class>[.<variant>]."""
    half_width_m: Metres = 0.0
    """Of lines: from the mapped axis to the edge (outer wire, outer rail, bank), where no width is mapped."""
    kind: RuleKind
    tags: tuple[Selector, ...] = ()
    """OSM tags of the objects that the rule is about; none: any object of the class."""
    title: Names | None = None
    """What readers are told instead of the tags, such as "river"."""
    when: dict[str, tuple[float, float]] = {}
    """Half-open ranges [low, high) that a measure of the hazard must fall in; none: always."""
    assumed: bool = False
    """Also applies where a measure named in `when` is unknown; the result is then marked as assumed."""

    @model_validator(mode="after")
    def _check_claims(self) -> Self:
        if self.variant == ANY_OTHER:
            msg = f"a rule about {ANY_OTHER.replace('_', ' ')} object has no variant"
            raise ValueError(msg)
        if self.assumed and not self.when:
            msg = "assumed = true needs a measure in `when` that may be unknown"
            raise ValueError(msg)
        if bad := [name for name, (low, high) in self.when.items() if not low < high]:
            msg = f"when.{bad[0]} is not a range [low, high) with low < high"
            raise ValueError(msg)
        return self


class Rule(Provision):
    """One distance for one kind of hazard object in one country.

    Of a country's rules the first one, in the order of the file, whose `tags` and `when` hold applies to an object.
    """

    country: Country
    """Where it holds; "default" is every country for which the class has no law of its own."""
    distance_m: float
    sensitivity_m: tuple[float, ...]
    verified: bool

    @property
    def reach_m(self) -> float:
        """The largest distance that the rule asks about."""
        return max((self.distance_m, *self.sensitivity_m))


class Slip(_Strict):
    """Bare numbers of a tag that can only be meant in the unit of the measure."""

    tags: tuple[Selector, ...]
    """Of the objects that this holds for."""
    values: tuple[float, ...]


class Measure(_Strict):
    """How a number that rules ask for is had from an object.

    Ways: `area`, of an object mapped as an area, in ha; `quantity`, the largest number in the tag `key` (values such
    as ``110000;35000`` or ``0.6 MPa``), turned into `unit`; `unmapped`, known to the law but not to OpenStreetMap,
    hence always unknown.
    """

    way: Literal["area", "quantity", "unmapped"]
    key: str = ""
    unit: str = ""
    """Unit of the measure, as in the ranges of `when`."""
    bare_unit: str = ""
    """Unit of a number that stands in the tag without one (the OpenStreetMap wiki defines it for each key)."""
    slips: tuple[Slip, ...] = ()
    """Where a bare number is not in `bare_unit` after all."""
    title: Names | None = None
    """What readers are told instead of the measure's name, with its unit."""

    @model_validator(mode="after")
    def _check_quantity(self) -> Self:
        if self.way == "quantity" and not (self.key and self.unit and self.bare_unit):
            msg = "a quantity needs key, unit and bare_unit"
            raise ValueError(msg)
        dimensions = {FACTORS.get(unit, ("", 0.0))[0] for unit in (self.unit, self.bare_unit)}
        if self.way == "quantity" and ("" in dimensions or len(dimensions) > 1):
            msg = f"{self.unit} and {self.bare_unit} are not units of one dimension (known: {', '.join(FACTORS)})"
            raise ValueError(msg)
        return self


class AsMapped(_Strict):
    """The hazard's edge is the mapped object; lines get the width that is tagged, or else the rule's half width."""

    way: Literal["as_mapped"] = "as_mapped"
    areal: bool = False
    """Objects of this class cover ground: a closed line is an area, and a point stands for an unknown outline."""
    width_key: str = ""
    """OSM key that holds the full width of a line in metres."""

    @property
    def extent_m(self) -> float:
        """How far the edge can lie from the mapped object."""
        return 0.0


class RunwayStrip(_Strict):
    """A rectangle around a runway's centre line (ICAO Annex 14, 3.4)."""

    way: Literal["runway_strip"]
    half_width_m: Metres
    beyond_end_m: Metres

    @property
    def extent_m(self) -> float:
        """How far the edge can lie from the mapped object."""
        return self.half_width_m + self.beyond_end_m


class ApproachSurface(_Strict):
    """A trapezoid beyond each end of a runway (ICAO Annex 14, table 4-1)."""

    way: Literal["approach_surface"]
    from_end_m: Metres
    inner_width_m: Metres
    length_m: Metres
    splay: Annotated[float, Field(ge=0, le=1)]
    """Divergence of each side, in metres per metre of length."""

    @property
    def extent_m(self) -> float:
        """How far the edge can lie from the mapped object."""
        return self.from_end_m + self.length_m * (1 + self.splay) + self.inner_width_m


class HorizontalSurface(_Strict):
    """Everything within a radius of a runway's strip line (ICAO Annex 14, 4.1: inner horizontal surface)."""

    way: Literal["horizontal_surface"]
    beyond_end_m: Metres
    radius_m: Metres

    @property
    def extent_m(self) -> float:
        """How far the edge can lie from the mapped object."""
        return self.radius_m + self.beyond_end_m


Shape = Annotated[AsMapped | RunwayStrip | ApproachSurface | HorizontalSurface, Field(discriminator="way")]


class RedZone(OsmLayer):
    """A hazard class: its OSM tags, how its zone follows from the geometry, and its rules."""

    concern: Concern
    """Whether the zone protects residents from the hazard, or marks an administrative limit."""
    group: Group
    """Family in the legend; classes of a family share a hue."""
    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    description: Names
    measures: dict[str, Measure] = {}
    """The numbers that `when` asks for, by name; the name ends in the unit."""
    shape: Shape = AsMapped()
    legal: Annotated[dict[Country, Law], Field(min_length=1)]
    """Act and distances, by country."""
    provisions: Annotated[tuple[Provision, ...], Field(alias="rules", min_length=1)]
    coverage_note: Names | None = None
    """What is known about how completely OSM maps this class."""
    closed_ground: bool = False
    """Nobody lives on the hazard's own ground: a house there that only a satellite shows is doubtful."""

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule of every country: in the order of the file, then of its countries."""
        return tuple(
            Rule(
                **dict(provision),
                country=country,
                distance_m=distance,
                sensitivity_m=of_variant(law.sensitivity_m, provision.variant, ()),
                verified=of_variant(law.verified, provision.variant, otherwise=False),
            )
            for provision in self.provisions
            for country, law in self.legal.items()
            if (distance := of_variant(law.distance_m, provision.variant, None)) is not None
        )

    def rules_for(self, country: str) -> tuple[Rule, ...]:
        """Return the rules of a country, or the default ones where it has none of its own (perhaps none at all)."""
        scope = country if country in self.legal else "default"
        return tuple(rule for rule in self.rules if rule.country == scope)

    def rule_id(self, rule: Rule) -> str:
        """Return ``<country>.<class>[.<variant>]``."""
        return f"{rule.country}.{self.id}" + (f".{rule.variant}" if rule.variant else "")

    def reach_m(self, country: str) -> float:
        """Return the largest distance from a hazard's edge that any rule of a country asks about."""
        return max((rule.reach_m for rule in self.rules_for(country)), default=0.0)

    @property
    def extent_m(self) -> float:
        """How far from the mapped object a zone of the class can reach, in any country."""
        return self.shape.extent_m + max(rule.half_width_m + rule.reach_m for rule in self.rules)

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        variants = [provision.variant for provision in self.provisions]
        if repeated := [variant for variant in variants if variants.count(variant) > 1]:
            msg = f"rule {repeated[0] or 'without a variant'} exists twice; give one of them another variant"
            raise ValueError(msg)
        for country, law in self.legal.items():
            self._check_law(country, law)
        if idle := set(variants) - {rule.variant for rule in self.rules}:
            msg = f"no country has a distance for the rule {min(idle) or 'without a variant'}"
            raise ValueError(msg)
        if unknown := sorted({name for rule in self.rules for name in rule.when} - set(self.measures)):
            msg = f"a rule's `when` asks for {unknown[0]}, which [measures] does not define"
            raise ValueError(msg)
        needed = {measure.key for measure in self.measures.values()} | {
            key for rule in self.rules for selector in rule.tags for key in selector
        }
        needed |= {self.shape.width_key} if isinstance(self.shape, AsMapped) else set()
        if absent := sorted(needed - {""} - set(self.attributes)):
            msg = f"the rules need the OSM key {absent[0]!r}; add it to attributes"
            raise ValueError(msg)
        return self

    def _check_law(self, country: str, law: Law) -> None:
        if foreign := [act for act in law.acts if act.country not in {None, country}]:
            msg = f"[legal.{country}] refers to {foreign[0].id}, an act of {foreign[0].country}"
            raise ValueError(msg)
        if unknown := sorted(law.variants - {provision.variant or ANY_OTHER for provision in self.provisions}):
            msg = f"[legal.{country}] names {unknown[0]}, but no [[rules]] has that variant"
            raise ValueError(msg)
        verified = law.verified if isinstance(law.verified, bool) else any(law.verified.values())
        if verified and not law.act.title:
            msg = f"[legal.{country}] names no act, so no rule for {country} can be verified"
            raise ValueError(msg)


class SourceSpec(_Layer):
    """A dataset: who provides it, under which licence, in which units, and how it is reached.

    How a dataset with a `url` is fetched and read, its folder in `pipeline.extract` knows; one without comes as files.
    """

    title: str
    provider: str
    kind: Literal["osm", "footprints", "raster", "register"]
    licence: str
    attribution: str
    home: str = ""
    version: str = ""
    checked: date | None = None
    """Day on which address, version and licence were last looked up in what the provider and others publish."""
    verified: bool = False
    """True only where that look confirmed both address and licence."""
    url: str = ""
    """Pattern with {placeholders}; empty for data that only come as local files."""
    mirrors: tuple[str, ...] = ()
    index: str = ""
    """Where it stands which files cover a place, for a `url` that names one of many."""
    endpoint: str = ""
    """S3 endpoint, for a `url` that starts with ``s3://``."""
    feeds: Literal["osm", "footprints", "heights", "built_up", "onset", "tracker", "population", ""] = ""
    """Which input of an area a live run fills from it; empty: none."""
    restriction: str = ""
    """What its licence forbids, in words; such a source is fetched only where `live.opt_in` names it."""
    countries: dict[str, str] = {}
    """ISO 3166 alpha-2 to the code in the URL; a country that is not named is not covered."""
    busy_seconds: float = 30.0
    """Least time for which the server is left alone after it has asked for fewer requests (429)."""
    fallback_for: str = ""
    """A source that is preferred; this one is fetched only where that one cannot be had."""
    refresh_hours: float | None = None
    """How long a download stays current; none: what the URL names never changes."""
    crs: str = ""
    nodata: float | None = None
    unit: str = ""
    """Unit of the values, as people read it."""
    epochs: tuple[int, ...] = ()
    modelled_epochs: tuple[int, ...] = ()
    typical_bytes: int = 0
    """Of one file or window, for the plan."""


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
        """How far beyond an area extraction must look: a hazard out there may have a zone that reaches in."""
        return max((zone.extent_m for zone in self.red_zones.values()), default=0.0)


def _read_folder(folder: Path, model: type[L], known: Mapping[str, Act] | None = None) -> dict[str, L]:
    layers: dict[str, L] = {}
    for path in sorted(folder.glob("*.toml")):
        data = read_toml(path)
        if known is not None:
            _look_up_acts(data, known, path)
        layer = parse(model, data, path)
        if layer.id != path.stem:
            msg = f"{path}: id = {layer.id!r} differs from the file's name; make them equal."
            raise ConfigError(msg)
        layers[layer.id] = layer
    return layers


def _look_up_acts(data: dict[str, Any], known: Mapping[str, Act], path: Path) -> None:
    """Put the acts themselves in the place of their ids; what is no table is left to the model to complain about."""
    legal = data.get("legal")
    for country, terms in legal.items() if isinstance(legal, dict) else ():
        for key in {"act", "distances_after"} & set(terms if isinstance(terms, dict) else ()):
            if str(terms[key]) not in known:
                msg = f"{path}: legal.{country}.{key} = {terms[key]!r} is no act of {ACTS}; enter it there once."
                raise ConfigError(msg)
            terms[key] = known[terms[key]]


def load(root: Path) -> Catalogue:
    """Read and validate all layer files below `root` (the folder `layers/`).

    Raises
    ------
    ConfigError
        A file is not TOML, has an unknown or wrong key, or an id that differs from its file name; a rule refers to an
        act that is unknown or another country's, or an act is referred to by none.
    """
    known = load_acts(root)
    red_zones = _read_folder(root / "red_zones", RedZone, known)
    used = (act for zone in red_zones.values() for terms in zone.legal.values() for act in terms.acts)
    check_all_used(known, used, root)
    return Catalogue(
        context=_read_folder(root / "context", OsmLayer),
        red_zones=red_zones,
        sources=_read_folder(root / "sources", SourceSpec),
    )


@cache
def default() -> Catalogue:
    """Return the catalogue that travels with the package, read once."""
    return load(resource("layers"))
