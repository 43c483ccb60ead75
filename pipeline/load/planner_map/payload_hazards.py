"""What a map page knows of hazard classes, of their rules, and of what the inputs lack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.declared.catalogue import default as default_catalogue
from pipeline.load.planner_map.whatif import in_order
from pipeline.wording.completeness import by_layer
from pipeline.wording.conditions import tags_in_words
from pipeline.wording.label_names import label_names, label_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    import pandas as pd

    from pipeline.config import Names


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
    return [
        {
            "id": row["rule_id"],
            "hazardClass": row["hazard_class"],
            "condition": _condition(row["rule_id"], row["hazard_class"], row["condition"]),
            "kind": row["kind"],
            "distance": row["distance_m"],
            "sensitivity": json.loads(row["sensitivity_m"]),
            "legal": label_text(row["legal_reference"]) or "",
            **_law(row["rule_id"], row["hazard_class"], row["country"]),
            "verified": bool(row["verified"]),
        }
        for _, row in table[table["rule_id"].isin(used)].sort_values("rule_id").iterrows()
    ]


def _law(rule_id: str, hazard_class: str, country: str) -> dict[str, Any]:
    """Return the ids of the acts that a rule rests on, and its article; none where the catalogue has no such rule."""
    zone = default_catalogue().red_zones.get(hazard_class)
    if zone is None or rule_id not in {zone.rule_id(rule) for rule in zone.rules}:
        return {"acts": [], "article": ""}
    law = zone.legal[country]
    return {"acts": [act.id for act in law.acts if act.title], "article": law.article}


def acts(tables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return by its id each act that rules of the page rest on, with its titles in the languages of its publication."""
    used = {act_id for rule in rules(tables) for act_id in rule["acts"]}
    known = {
        act.id: act
        for zone in default_catalogue().red_zones.values()
        for law in zone.legal.values()
        for act in law.acts
    }
    return {
        act_id: {
            "titles": known[act_id].title.model_dump(exclude_none=True),  # type: ignore[union-attr]
            "number": known[act_id].number,
            "signed": str(known[act_id].signed or ""),
            "link": known[act_id].link,
            "repealed": str(known[act_id].valid_to or ""),
            "readOn": str(known[act_id].read_on or ""),
        }
        for act_id in sorted(used)
    }


def hazards(table: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Return the hazards of the area, in the order in which the page's arrays know them."""
    ordered = in_order(table)
    bounds = ordered.geometry.bounds.round(5).to_numpy()
    return [
        {
            "id": row["hazard_id"],
            "hazardClass": row["hazard_class"],
            "rule": row["rule_id"],
            "name": label_text(row["name"]),
            "assumed": bool(row["assumed"]),
            "bbox": box.tolist(),
        }
        for row, box in zip(ordered.drop(columns="geometry").to_dict("records"), bounds, strict=True)
    ]


def _condition(rule_id: str, hazard_class: str, condition: str) -> dict[str, Any] | None:
    """Return which objects a rule is about, in parts that can be said in any language; None: all of its class.

    Tags and measures are called what the catalogue calls them, or else what they are.
    """
    if not condition:
        return None
    parts = json.loads(condition)
    zone = default_catalogue().red_zones.get(hazard_class)
    rules = {} if zone is None else {zone.rule_id(rule): rule for rule in zone.rules}
    titles = {} if zone is None else {name: measure.title for name, measure in zone.measures.items()}
    tags, ranges = parts.get("tags", []), parts.get("ranges", {})
    title = rules[rule_id].title if rule_id in rules else None
    return {
        "objects": _names(title, tags_in_words(tags)) if tags else {},
        "ranges": [
            {"names": _names(titles.get(measure), measure), "low": low, "high": high}
            for measure, (low, high) in ranges.items()
        ],
        "orUnknown": bool(parts.get("or_unknown")),
    }


def _names(title: Names | None, otherwise: str) -> dict[str, str]:
    return {"any": otherwise} if title is None else title.model_dump(exclude_none=True)


def completeness(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return an entry for each layer of the table ``completeness``, the worst first: its verdict, and what to say."""
    return [
        {
            "layer": layer.layer,
            "names": layer.names,
            "verdict": layer.verdict,
            "says": [{"text": finding.code, "values": finding.values} for finding in layer.findings],
            "mapping": layer.mapping,
        }
        for layer in by_layer(table, default_catalogue())
    ]
