"""Which objects a rule is about, in the terms of OpenStreetMap and of the measures: the column `condition` in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Tags = Sequence[Mapping[str, bool | Sequence[str]]]


def in_words(condition: str) -> str:
    """Return a condition of `red_zone_rules` in words; empty: all objects of the class.

    Examples
    --------
    >>> in_words('{"ranges": {"voltage_kv": [110, 220]}, "or_unknown": true}')
    '110 <= voltage_kv < 220, or voltage_kv unknown'
    """
    if not condition:
        return ""
    parts = json.loads(condition)
    ranges = parts.get("ranges", {})
    unknown = f"or {' or '.join(ranges)} unknown" if parts.get("or_unknown") else ""
    told = " and ".join(_range(name, low, high) for name, (low, high) in ranges.items())
    return ", ".join(part for part in (tags_in_words(parts.get("tags", ())), told, unknown) if part)


def tags_in_words(tags: Tags) -> str:
    """Return which tags an object must have, such as ``disused=yes or abandoned=yes``; empty: any."""
    return " or ".join(" and ".join(f"{key}{_values(wanted)}" for key, wanted in one.items()) for one in tags)


def _values(wanted: bool | Sequence[str]) -> str:  # noqa: FBT001 - a tag condition, not a flag
    if isinstance(wanted, bool):
        return "=*" if wanted else " absent"
    return "=" + "|".join(wanted)


def _range(name: str, low: float | None, high: float | None) -> str:
    if low is None:
        return f"{name} < {high:g}"
    return f"{name} >= {low:g}" if high is None else f"{low:g} <= {name} < {high:g}"
