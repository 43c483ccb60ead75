"""What a map page knows of hazard classes, of their rules, and of what the inputs lack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.declared.catalogue import default as default_catalogue
from pipeline.transform.red_zones.rules import condition, tags_in_words
from pipeline.wording.label_names import label_names, label_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config import Names
    from pipeline.declared.catalogue import RedZone, Rule

_WORST_FIRST = ("missing", "sparse", "partial", "unknown", "complete")


def classes(tables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the hazard classes that occur here; `reach` is the distance up to which the what-if slider can be trusted.

    Distances are known as far as the area's own rules ask for them; those of other countries may ask for more.
    """
    country = tables["areas"].iloc[0]["country"]
    found = []
    for name, everywhere in tables["red_zone_rules"].sort_values("rule_id").groupby("hazard_class"):
        if not (tables["hazards"]["hazard_class"] == name).any():
            continue
        own = everywhere[everywhere["country"] == country]
        group = everywhere[everywhere["country"] == "default"] if own.empty else own
        asked = [*group["distance_m"], *(d for listed in group["sensitivity_m"] for d in json.loads(listed))]
        first = everywhere.iloc[0]
        found.append(
            {
                "id": name,
                "names": label_names(first),
                "concern": first["concern"],
                "colour": first["colour"],
                "reach": int(max(asked)),
            }
        )
    return found


def rules(tables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rules that apply to any hazard here."""
    used = tables["hazards"]["rule_id"].unique()
    table = tables["red_zone_rules"]
    known = {zone.rule_id(rule): (zone, rule) for zone in default_catalogue().red_zones.values() for rule in zone.rules}
    return [
        {
            "id": row["rule_id"],
            "hazardClass": row["hazard_class"],
            "condition": _condition(label_text(row["condition"]) or "", known.get(row["rule_id"])),
            "kind": row["kind"],
            "distance": row["distance_m"],
            "sensitivity": json.loads(row["sensitivity_m"]),
            "legal": label_text(row["legal_reference"]) or "",
            "verified": bool(row["verified"]),
        }
        for _, row in table[table["rule_id"].isin(used)].sort_values("rule_id").iterrows()
    ]


def _condition(stated: str, known: tuple[RedZone, Rule] | None) -> dict[str, Any] | None:
    """Return which objects a rule is about, in parts that can be said in any language; None: all of its class.

    A rule that is no longer in the catalogue as it was, or never was, is left as the table states it, in English.
    """
    if not stated:
        return None
    if known is None or condition(known[1]) != stated:
        return {"stated": stated}
    zone, rule = known
    return {
        "objects": _names(rule.title, tags_in_words(rule)) if rule.tags else {},
        "ranges": [
            {
                "names": _names(zone.measures[measure].title, measure),
                "low": low if low > 0 else None,
                "high": high if high < float("inf") else None,
            }
            for measure, (low, high) in rule.when.items()
        ],
        "orUnknown": rule.assumed,
    }


def _names(title: Names | None, otherwise: str) -> dict[str, str]:
    return {"any": otherwise} if title is None else title.model_dump(exclude_none=True)


def completeness(table: pd.DataFrame, rules: pd.DataFrame) -> list[dict[str, Any]]:
    """Return an entry for each layer, the worst first: its worst verdict, its measures, what is known of its mapping.

    Parameters
    ----------
    table
        Table ``completeness``. Its notes, in English, go along for measures that the client has no words for.
    rules
        Table ``red_zone_rules``.
    """
    layers = default_catalogue()
    titles = {name: layer.title.model_dump(exclude_none=True) for name, layer in layers.context.items()}
    titles |= {str(row["hazard_class"]): label_names(row) for _, row in rules.iterrows()}
    severity = table["verdict"].map(_WORST_FIRST.index)
    entries: dict[str, dict[str, Any]] = {}
    for _, row in table.assign(severity=severity).sort_values(["severity", "layer", "measure"]).iterrows():
        layer = str(row["layer"])
        zone = layers.red_zones.get(layer)
        names = titles.get(layer, {})
        entry = entries.setdefault(
            layer,
            {
                "layer": layer,
                "names": names,
                "verdict": row["verdict"],
                "measures": [],
                "mapping": _names(zone.coverage_note, "") if zone and zone.coverage_note else {},
            },
        )
        entry["measures"].append(
            {
                "measure": row["measure"],
                "value": None if pd.isna(row["value"]) else float(row["value"]),
                "verdict": row["verdict"],
                "note": str(row["note"]).removeprefix(f"{names.get('en')}: "),
            }
        )
    return list(entries.values())
