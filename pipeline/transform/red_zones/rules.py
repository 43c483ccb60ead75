"""Which rule applies to which hazard, and all rules as a table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import shapely
from pyproj import Geod

from pipeline.declared.catalogue import fits
from pipeline.schema import units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.declared.catalogue import Measure, Provision, RedZone, Rule

_ELLIPSOID = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Choice:
    """The rule that applies to an object."""

    rule: Rule
    assumed: bool
    """True: a measure that the rule asks for is unknown."""


def choose(rules: tuple[Rule, ...], tags: Mapping[str, str], measures: Mapping[str, float | None]) -> Choice | None:
    """Return the first rule whose tags and ranges hold, or else the first that may be assumed, or None.

    Parameters
    ----------
    rules
        The rules of one class in one country, in the order of the catalogue.
    tags
        OSM tags of the object.
    measures
        The measures of the class; None where unknown.
    """
    candidates = [rule for rule in rules if not rule.tags or fits(rule.tags, tags)]
    for rule in candidates:
        if all(_within(measures[name], limits) for name, limits in rule.when.items()):
            return Choice(rule, assumed=False)
    for rule in candidates:
        known = {name: limits for name, limits in rule.when.items() if measures[name] is not None}
        if rule.assumed and all(_within(measures[name], limits) for name, limits in known.items()):
            return Choice(rule, assumed=True)
    return None


def _within(value: float | None, limits: tuple[float, float]) -> bool:
    return value is not None and limits[0] <= value < limits[1]


def measure(how: Measure, tags: Mapping[str, str], lonlat: shapely.Geometry) -> float | None:
    """Return a measure of an object, or None where it is unknown.

    Parameters
    ----------
    how
        The way to derive it.
    tags
        OSM tags of the object.
    lonlat
        Its geometry in EPSG:4326; areas are geodesic, on the WGS 84 ellipsoid.
    """
    if how.way == "quantity":
        bare_unit = how.unit if is_slip(how, tags) else how.bare_unit
        return units.largest(tags[how.key], how.unit, bare_unit) if how.key in tags else None
    if how.way == "area" and shapely.area(lonlat) > 0:
        return abs(_ELLIPSOID.geometry_area_perimeter(lonlat)[0]) / 10_000
    return None


def is_slip(how: Measure, tags: Mapping[str, str]) -> bool:
    """Return whether the number of a quantity stands without a unit and can only be meant in that of the measure."""
    if not any(fits(slip.tags, tags) for slip in how.slips) or how.key not in tags:
        return False
    meant = units.largest(tags[how.key], how.unit, how.unit)
    if meant is None or meant == units.largest(tags[how.key], how.unit, how.bare_unit):
        return False
    return any(meant in slip.values and fits(slip.tags, tags) for slip in how.slips)


def rules_table(zones: Mapping[str, RedZone]) -> pd.DataFrame:
    """Return the table `red_zone_rules`: every rule of every class in every country."""
    rows = [_row(zone, rule) for zone in zones.values() for rule in zone.rules]
    return pd.DataFrame(rows).sort_values("rule_id", ignore_index=True)


def _row(zone: RedZone, rule: Rule) -> dict[str, object]:
    law = zone.legal[rule.country]
    valid_from, valid_to = law.act.in_force_from, law.act.valid_to
    return {
        "rule_id": zone.rule_id(rule),
        "country": rule.country,
        "hazard_class": zone.id,
        "name_en": zone.title.en,
        "name_ru": zone.title.ru,
        "name_ky": zone.title.ky,
        "name_kk": zone.title.kk,
        "condition": condition(rule),
        "kind": rule.kind,
        "concern": zone.concern,
        "distance_m": rule.distance_m,
        "sensitivity_m": json.dumps(list(rule.sensitivity_m)),
        "legal_reference": law.reference,
        "valid_from": valid_from.isoformat() if valid_from else None,
        "valid_to": valid_to.isoformat() if valid_to else None,
        "legal_source": law.source,
        "verified": rule.verified,
        "colour": zone.colour,
    }


def condition(rule: Provision) -> str:
    """Return which objects a rule is about, as JSON; empty: all objects of its class.

    Of ``tags`` (what an object must be tagged with: any of the selectors of the catalogue), ``ranges`` (measure to
    ``[low, high)``, an open end is null) and ``or_unknown`` (it also applies where such a measure is unknown), those
    that the rule has.
    """
    ranges = {
        name: [low if low > 0 else None, high if high < float("inf") else None]
        for name, (low, high) in rule.when.items()
    }
    parts = {"tags": rule.tags, "ranges": ranges, "or_unknown": rule.assumed}
    told = {name: part for name, part in parts.items() if part}
    return json.dumps(told) if told else ""
