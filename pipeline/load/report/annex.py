"""The annex: every table behind the summary, as rows ready to be written."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pandas as pd
from markupsafe import Markup

from pipeline.declared import catalogue
from pipeline.load.press_kit import drawing, texts
from pipeline.load.press_kit.svg import SVG, to_text
from pipeline.load.report.summary import records
from pipeline.schema.rounding import round_people
from pipeline.schema.vocabulary import CODES, QUANTITIES
from pipeline.wording.completeness import by_layer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.load.report.summary import Row
    from pipeline.schema.provenance import Notice
    from pipeline.wording.texts import Texts

_OBJECTS = ("objects_inside", "objects_around")
_MISSING = ("missing", "sparse", "unknown")


def zones(tables: Mapping[str, pd.DataFrame], names: Mapping[str, str], words: Texts) -> list[Row]:
    """Return one row per area and rule with a mapped hazard, those that reach most settlements first."""
    key = ["area_id", "rule_id"]
    mapped = tables["hazards"].groupby(key).size().rename("hazards").reset_index()
    reached = tables["red_zone_overlaps"].groupby(key)["homes"].agg(settlements="size", homes="sum")
    joined = mapped.join(reached, on=key).fillna({"settlements": 0, "homes": 0})
    rules = {row["rule_id"]: row for row in records(tables["red_zone_rules"])}
    found = []
    for row in records(joined):
        rule = rules[row["rule_id"]]
        act = rule["legal_reference"] or words("report.noact")
        metres = words("report.metres", metres=rule["distance_m"])
        found.append(
            {
                "city": names[row["area_id"]],
                "hazard": texts.clean(rule[f"name_{words.code}"] or rule["name_en"]),
                "distance": metres if rule["distance_m"] else words("report.inside"),
                "hazards": row["hazards"],
                "settlements": int(row["settlements"]),
                "homes": int(row["homes"]),
                "law": act if rule["verified"] else words("report.unverified", act=act),
            }
        )
    return sorted(found, key=lambda row: (row["city"], -row["settlements"], -row["homes"], row["hazard"]))


def growth(built_up: pd.DataFrame, names: Mapping[str, str], words: Texts) -> list[tuple[str, Markup]]:
    """Return a chart of each area and product, with its title."""
    charts = []
    for key, series in built_up.groupby(["area_id", "product"], sort=True):
        area_id, product = str(key[0]), str(key[1])
        root = ET.Element("svg", {"xmlns": SVG, "viewBox": "0 0 480 190", "class": "growth", "role": "img"})
        root.set("aria-label", f"{words('growth.title')}: {names[area_id]}, {product}")
        rows = series.sort_values("year").assign(built_ha=series["built_m2"] / 10_000)
        drawing.draw_growth(root, rows, words, width=480.0, height=190.0)
        # ElementTree has escaped every text and attribute.
        charts.append((f"{names[area_id]} ({product})", Markup(to_text(root))))  # noqa: S704
    return charts


def completeness(measures: pd.DataFrame, names: Mapping[str, str], words: Texts) -> list[Row]:
    """Return the measures of each layer, with the sentences that they make."""
    rows = []
    for area_id, measured in measures.groupby("area_id", sort=True):
        for layer in by_layer(measured, catalogue.default()):
            told = {
                measure: " ".join(words(one.code, **one.values) for one in layer.findings if measure in one.measures)
                for measure in CODES["measure"]
            }
            mapping = layer.mapping.get(words.code, layer.mapping.get("en", ""))
            own = records(measured[measured["layer"] == layer.layer].sort_values("measure"))
            rows += [
                {
                    "city": names[str(area_id)],
                    "layer": layer.names.get(words.code, layer.names.get("en", texts.clean(layer.layer))),
                    "measure": words(f"measure.{row['measure']}"),
                    "value": _figure(row["value"], words),
                    "verdict": row["verdict"],
                    "note": f"{told[row['measure']]} {mapping if row['measure'] in _OBJECTS else ''}".strip(),
                }
                for row in own
            ]
    return rows


def missing(measured: Sequence[Row]) -> list[tuple[str, str]]:
    """Return what the measures say where a layer is missing, hardly mapped or not known, once for each sentence."""
    weak = sorted(
        (row for row in measured if row["verdict"] in _MISSING), key=lambda row: (row["city"], row["verdict"])
    )
    return list(dict.fromkeys((row["city"], f"{row['layer']}: {row['note']}") for row in weak if row["note"]))


def checks(validation: pd.DataFrame, names: Mapping[str, str], words: Texts) -> list[Row]:
    """Return the published figures beside the estimates; of people, rounded as everywhere."""
    found = []
    ordered = validation.sort_values(["area_id", "check_id"])
    ordered.update(round_people(ordered[ordered["quantity"].isin(QUANTITIES)]))
    for row in with_city(ordered, names):
        low, high = (_figure(row[key], words) for key in ("reported_low", "reported_high"))
        if low and high:
            bounds = f"{low}–{high}"
        else:
            bounds = words("report.over", low=low) if low else words("report.upto", high=high)
        found.append(
            {
                **row,
                "quantity": words.entries.get(f"report.quantity.{row['quantity']}", row["quantity"]),
                "year": "" if pd.isna(row["year"]) else row["year"],
                "reported": _figure(row["reported"], words) or bounds,
                "estimate": _estimate(row, words),
                "verdict": words(f"comparison.{row['verdict']}"),
            }
        )
    return found


def _estimate(row: Row, words: Texts) -> str:
    """Return an estimate with its interval."""
    if pd.isna(row["p50"]):
        return "–"
    low, middle, high = (_figure(row[end], words) for end in ("p05", "p50", "p95"))
    return f"{middle} ({low}–{high})"


def notices(noticed: Sequence[Notice]) -> list[Row]:
    """Add up equal notices, those that happened most often first."""
    counts: Counter[tuple[str, str]] = Counter()
    for notice in noticed:
        counts[texts.clean_line(notice.where), texts.clean_line(notice.what)] += notice.count
    rows = [{"where": where, "what": what, "count": count} for (where, what), count in counts.items()]
    return sorted(rows, key=lambda row: (-row["count"], row["where"], row["what"]))


def with_city(frame: pd.DataFrame, names: Mapping[str, str]) -> list[Row]:
    """Return the rows of a table with the city's name, every text as it can be printed."""
    return [
        {
            "city": names[row["area_id"]],
            **{key: texts.clean_line(value) if isinstance(value, str) else value for key, value in row.items()},
        }
        for row in records(frame)
    ]


def _figure(value: Any, words: Texts) -> str:  # noqa: ANN401 - a cell of a table
    """Return a figure that may be a share or a count; empty where it is unknown."""
    if pd.isna(value):
        return ""
    number = float(value)
    return words.number(number) if abs(number) >= 100 or number.is_integer() else words.decimal(number)
