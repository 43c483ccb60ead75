"""What the measures of the table `completeness` say, as codes of sentences with their values.

The sentences are in maps/texts/completeness.<language>.json; map and report write the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.declared import codes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.declared.catalogue import Catalogue

WORST_FIRST = ("missing", "sparse", "partial", "unknown", "complete")
NOT_VALID_BELOW = frozenset({"missing", "sparse"})
"""Verdicts on mapped buildings with which findings about settlements would not be valid."""


@dataclass(frozen=True)
class Finding:
    """A sentence about a layer: its code, what fills its placeholders, and the measures that it tells."""

    code: str
    measures: tuple[str, ...]
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Layer:
    """Everything that is said about how complete a layer is.

    `names` and `mapping` (what is known of how completely OpenStreetMap maps it) are by language, empty where there are
    none; `verdict` is the worst of its measures'.
    """

    layer: str
    names: dict[str, str]
    verdict: str
    findings: list[Finding]
    mapping: dict[str, str]


def by_layer(table: pd.DataFrame, catalogue: Catalogue) -> list[Layer]:
    """Return what is said about each layer of an area, the worst first.

    Parameters
    ----------
    table
        Rows of the table `completeness` of one area.
    catalogue
        What layers and hazard classes are called.
    """
    found = []
    for layer, rows in table.groupby("layer", sort=True):
        name = str(layer)
        zone = catalogue.red_zones.get(name)
        titled = zone or catalogue.context.get(name)
        names = titled.title if titled else codes.default()["input"].get(name)
        note = zone.coverage_note if zone else None
        values = dict(zip(rows["measure"], rows["value"], strict=True))
        verdicts = dict(zip(rows["measure"], rows["verdict"], strict=True))
        found.append(
            Layer(
                layer=name,
                names={} if names is None else names.model_dump(exclude_none=True),
                verdict=min(verdicts.values(), key=WORST_FIRST.index),
                findings=findings(name, values, verdicts),
                mapping={} if note is None else note.model_dump(exclude_none=True),
            )
        )
    return sorted(found, key=lambda one: (WORST_FIRST.index(one.verdict), one.layer))


def findings(layer: str, values: Mapping[str, float], verdicts: Mapping[str, str]) -> list[Finding]:
    """Return the sentences that the measures of a layer make together (values and verdicts by measure)."""
    found = []
    if "input_given" in values:
        found.append(Finding(f"gap.without.{layer}", ("input_given",)))
    if "objects_inside" in values:
        found += _objects(values)
    if "unseen_share_p50" in values:
        found.append(_unseen(values))
    if "seen_by_both" in values:
        seen = {source: int(values[f"seen_by_{source}"]) for source in ("both", "osm", "satellite")}
        measures = tuple(f"seen_by_{source}" for source in seen)
        found.append(Finding("gap.seen", measures, {"count": sum(seen.values()), **seen}))
    for place in ("centre", "outskirts"):
        measure = f"inhabited_mapped_{place}"
        if measure in values:
            found.append(Finding(f"gap.mapped.{place}", (measure,), {"share": values[measure]}))
            if verdicts[measure] in NOT_VALID_BELOW:
                found.append(Finding("gap.notValid", (measure,)))
    if "inhabited_mapped" in values:
        found.append(Finding("gap.noSigns", ("inhabited_mapped",)))
    return found


def _objects(values: Mapping[str, float]) -> list[Finding]:
    """Return how many objects of a class are mapped, and how many of them lack what their rule needs."""
    measures = ("objects_inside", "objects_around")
    inside, around = (int(values[measure]) for measure in measures)
    if inside:
        found = [Finding("gap.inside", measures, {"count": inside})]
    elif around:
        found = [Finding("gap.around", measures, {"count": around})]
    else:
        found = [Finding("gap.nothing", measures)]
    if share := values.get("share_assumed", 0.0):
        total = inside + around
        found.append(Finding("gap.assumed", ("share_assumed",), {"lacking": round(share * total), "total": total}))
    return found


def _unseen(values: Mapping[str, float]) -> Finding:
    measures = tuple(f"unseen_share_{q}" for q in ("p05", "p50", "p95"))
    low, middle, high = (values[measure] for measure in measures)
    if pd.isna(middle):
        return Finding("gap.unseenUnknown", measures)
    return Finding("gap.unseen", measures, {"low": low, "middle": middle, "high": high})
