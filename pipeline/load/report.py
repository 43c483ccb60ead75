"""report.html: what a run found, how complete its inputs were, and what is missing; one file that asks for nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import jinja2
import pandas as pd
from markupsafe import Markup

from pipeline.base.resources import resource
from pipeline.declared import catalogue
from pipeline.load import parquet
from pipeline.load.press_kit import drawing, texts
from pipeline.load.press_kit.svg import SVG, to_text
from pipeline.load.theme import stylesheet
from pipeline.schema.rounding import round_people
from pipeline.schema.tables import TABLES
from pipeline.schema.vocabulary import CODES, EVIDENCE, QUANTITIES, SETTLEMENT_KINDS
from pipeline.wording.completeness import by_layer
from pipeline.wording.seen import seen_and_mapped
from pipeline.wording.texts import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.schema.provenance import Notice

_READ = (
    "areas",
    "runs",
    "settlements",
    "named_settlements",
    "area_population",
    "settlement_population",
    "unregistered_shares",
    "area_built_up",
    "hazards",
    "red_zone_rules",
    "red_zone_overlaps",
    "completeness",
    "validation",
    "sources",
)
_LARGEST = 10
_OBJECTS = ("objects_inside", "objects_around")
_MISSING = ("missing", "sparse", "unknown")

Row = dict[str, Any]


@dataclass(frozen=True)
class People:
    """A 90 % interval of people, and its bar in per cent of the report's scale (start, middle, end)."""

    low: float
    middle: float
    high: float
    evidence: str
    bar: tuple[float, float, float]


def build(
    path: Path,
    tables_dir: Path,
    *,
    notices: Sequence[Notice] = (),
    decomposition: Mapping[str, pd.DataFrame] | None = None,
) -> None:
    """Write the report of a run.

    Parameters
    ----------
    path
        The file to write, beside `maps/`, `public/` and `manifest.json`, to which it links.
    tables_dir
        Folder of the full edition's `<table>.parquet`.
    notices
        What was noticed while reading.
    decomposition
        By area: which factor owns which share of the variance (columns `quantity`, `factor`, `share`).
    """
    tables = {name: parquet.read(tables_dir / f"{name}.parquet", TABLES[name]) for name in _READ}
    areas = _records(tables["areas"])
    cities = {area["area_id"]: texts.clean(area["name"]) for area in areas}
    measured = _completeness(tables["completeness"], cities)
    checks = _checks(tables["validation"], cities)
    comparable = [row for row in checks if row["verdict"] != "not comparable"]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource("maps", "report")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["people"] = texts.load("en").number
    html = environment.get_template("report.html.j2").render(
        style=Markup(stylesheet() + resource("maps", "report", "report.css").read_text("utf-8")),  # noqa: S704 - written by us
        run=tables["runs"].iloc[0].to_dict(),
        simulated=[cities[area["area_id"]] for area in areas if area["simulated"]],
        evidence={kind: texts.load("en")(f"evidence.{kind}") for kind in EVIDENCE},
        cities=_cities(tables),
        shares=_shares(decomposition or {}, cities),
        zones=_zones(tables, cities),
        growth=_growth(tables["area_built_up"], cities),
        missing=_missing(measured),
        completeness=measured,
        checks=checks,
        comparable=len(comparable),
        agreed=sum(row["verdict"] == "inside" for row in comparable),
        notices=_notices(notices),
        sources=_with_city(tables["sources"].sort_values(["area_id", "source_id"]), cities),
    )
    path.write_text(html, encoding="utf-8", newline="\n")


def _cities(tables: Mapping[str, pd.DataFrame]) -> list[Row]:
    cities = tables["area_population"].query("about == 'city'").set_index("area_id")
    longest = cities[["residents_p95", "unregistered_p95"]].to_numpy().max().item() if len(cities) else 1.0
    found = []
    for area in _records(tables["areas"]):
        area_id = area["area_id"]
        mine = {name: frame[frame["area_id"] == area_id] for name, frame in tables.items() if "area_id" in frame}
        years = mine["area_population"]["year"].dropna()
        found.append(
            {
                "area_id": area_id,
                "name": texts.clean(area["name"]),
                "simulated": area["simulated"],
                "seen": seen_and_mapped(area, mine["area_population"], "en"),
                "residents": _people(cities, area_id, "residents", longest),
                "unregistered": _people(cities, area_id, "unregistered", longest),
                "beliefs": _beliefs(mine["unregistered_shares"]) if area["told"] == "city" else {},
                "year": int(years.max()) if len(years) else None,
                "kinds": _kinds(mine["settlements"]),
                "named": [
                    f"{count} {outcome}"
                    for outcome, count in sorted(Counter(mine["named_settlements"]["outcome"]).items())
                ],
                "largest": _largest(mine["settlements"], mine["settlement_population"]),
            }
        )
    return found


def _beliefs(shares: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Return the city's unregistered share as 90 % ranges in words, by prior and state."""
    found: dict[str, dict[str, str]] = {}
    for row in _records(shares):
        found.setdefault(row["prior"], {})[row["state"]] = f"{row['p05']:.0%} to {row['p95']:.0%}"
    return found


def _people(rows: pd.DataFrame, key: str, quantity: str, longest: float) -> People | None:
    """Return a quantity of a row of `area_population` or `settlement_population`, indexed by area or settlement."""
    if key not in rows.index:
        return None
    row = rows.loc[[key]]
    ends = row[[f"{quantity}_{name}" for name in ("p05", "p50", "p95")]].to_numpy()[0].tolist()
    low, middle, high = round_people(row, f"{quantity}_").to_numpy()[0].tolist()
    start, centre, end = (round(max(0.0, value) / max(longest, 1.0) * 100, 1) for value in ends)
    evidence = row["residents_evidence" if quantity == "residents" else "registration_evidence"].iloc[0]
    return People(low=low, middle=middle, high=high, evidence=str(evidence), bar=(start, centre, end))


def _kinds(settlements: pd.DataFrame) -> list[str]:
    english = texts.load("en")
    counts = Counter(settlements["kind"])
    return [
        f"{english(f'settlement_kind.{kind}').lower()}: {counts[kind]}" for kind in SETTLEMENT_KINDS if counts[kind]
    ]


def _largest(settlements: pd.DataFrame, population: pd.DataFrame) -> list[Row]:
    """Return the new settlements with most residents."""
    people = population.set_index("place_id")
    chosen = settlements[(settlements["kind"] == "novostroika") & settlements["settlement_id"].isin(people.index)]
    middles = chosen["settlement_id"].map(people["residents_p50"].to_dict())
    order = chosen.assign(middle=middles).sort_values(["middle", "settlement_id"], ascending=[False, True])
    return [
        {
            "name": texts.clean(row["name"])
            if isinstance(row["name"], str)
            else texts.load("en")("unnamed", number=rank),
            "buildings": row["buildings"],
            "people": _people(people, row["settlement_id"], "residents", 1.0),
            "status": _status(row),
            "onset": None if pd.isna(row["onset_year"]) else int(row["onset_year"]),
        }
        for rank, row in enumerate(_records(order.head(_LARGEST)), start=1)
    ]


def _status(row: Row) -> str:
    english = texts.load("en")
    status = english(f"status.{row['status']}")
    return (
        status if pd.isna(row["status_year"]) else english("status.year", status=status, year=str(row["status_year"]))
    )


def _shares(decomposition: Mapping[str, pd.DataFrame], cities: Mapping[str, str]) -> list[tuple[str, str, list[Any]]]:
    found = []
    for area_id, table in sorted(decomposition.items()):
        for quantity, rows in table.groupby("quantity", sort=True):
            pairs = [(row["factor"].replace("_", " "), row["share"]) for row in _records(rows)]
            found.append((cities[area_id], str(quantity), sorted(pairs, key=lambda pair: (-pair[1], pair[0]))))
    return found


def _zones(tables: Mapping[str, pd.DataFrame], cities: Mapping[str, str]) -> list[Row]:
    """Return one row per area and rule with a mapped hazard, those that reach most settlements first."""
    key = ["area_id", "rule_id"]
    mapped = tables["hazards"].groupby(key).size().rename("hazards").reset_index()
    reached = tables["red_zone_overlaps"].groupby(key)["buildings"].agg(settlements="size", buildings="sum")
    joined = mapped.join(reached, on=key).fillna({"settlements": 0, "buildings": 0})
    rules = {row["rule_id"]: row for row in _records(tables["red_zone_rules"])}
    found = []
    for row in _records(joined):
        rule = rules[row["rule_id"]]
        act = rule["legal_reference"] or "no act known"
        found.append(
            {
                "city": cities[row["area_id"]],
                "hazard": texts.clean(rule["name_en"]),
                "distance": f"{rule['distance_m']:,.0f} m" if rule["distance_m"] else "inside",
                "hazards": row["hazards"],
                "settlements": int(row["settlements"]),
                "buildings": int(row["buildings"]),
                "law": act if rule["verified"] else f"{act} (unverified)",
            }
        )
    return sorted(found, key=lambda row: (row["city"], -row["settlements"], -row["buildings"], row["hazard"]))


def _growth(built_up: pd.DataFrame, cities: Mapping[str, str]) -> list[tuple[str, Markup]]:
    english = texts.load("en")
    charts = []
    for key, series in built_up.groupby(["area_id", "product"], sort=True):
        area_id, product = str(key[0]), str(key[1])
        root = ET.Element("svg", {"xmlns": SVG, "viewBox": "0 0 480 190", "class": "growth", "role": "img"})
        root.set("aria-label", f"{english('growth.title')}: {cities[area_id]}, {product}")
        rows = series.sort_values("year").assign(built_ha=series["built_m2"] / 10_000)
        drawing.draw_growth(root, rows, english, width=480.0, height=190.0)
        # ElementTree has escaped every text and attribute.
        charts.append((f"{cities[area_id]} ({product})", Markup(to_text(root))))  # noqa: S704
    return charts


def _completeness(completeness: pd.DataFrame, cities: Mapping[str, str]) -> list[Row]:
    """Return the measures of each layer, with the sentences that they make."""
    english = load("en", "completeness")
    rows = []
    for area_id, measured in completeness.groupby("area_id", sort=True):
        for layer in by_layer(measured, catalogue.default()):
            told = {
                measure: " ".join(english(one.code, **one.values) for one in layer.findings if measure in one.measures)
                for measure in CODES["measure"]
            }
            mapping = layer.mapping.get("en", "")
            own = _records(measured[measured["layer"] == layer.layer].sort_values("measure"))
            rows += [
                {
                    "city": cities[str(area_id)],
                    "layer": layer.names.get("en", texts.clean(layer.layer)),
                    "measure": english(f"measure.{row['measure']}"),
                    "value": _figure(row["value"]),
                    "verdict": row["verdict"],
                    "note": f"{told[row['measure']]} {mapping if row['measure'] in _OBJECTS else ''}".strip(),
                }
                for row in own
            ]
    return rows


def _missing(measured: Sequence[Row]) -> list[tuple[str, str]]:
    """Return what the measures say where a layer is missing, hardly mapped or not known, once for each sentence."""
    weak = sorted(
        (row for row in measured if row["verdict"] in _MISSING), key=lambda row: (row["city"], row["verdict"])
    )
    return list(dict.fromkeys((row["city"], f"{row['layer']}: {row['note']}") for row in weak if row["note"]))


def _checks(validation: pd.DataFrame, cities: Mapping[str, str]) -> list[Row]:
    found = []
    for row in _with_city(validation.sort_values(["area_id", "check_id"]), cities):
        ends = [_figure(row[key]) for key in ("reported_low", "reported_high")]
        bounds = "–".join(ends) if all(ends) else f"over {ends[0]}" if ends[0] else f"up to {ends[1]}"
        found.append(
            {
                **row,
                "year": "" if pd.isna(row["year"]) else row["year"],
                "reported": _figure(row["reported"]) or bounds,
                "estimate": _estimate(row),
            }
        )
    return found


def _estimate(row: Row) -> str:
    """Return an estimate with its interval; of people, rounded as everywhere."""
    if pd.isna(row["p50"]):
        return "–"
    if row["quantity"] in QUANTITIES:
        row = round_people(pd.DataFrame([row])).iloc[0].to_dict()
    return f"{_figure(row['p50'])} ({_figure(row['p05'])}–{_figure(row['p95'])})"


def _notices(notices: Sequence[Notice]) -> list[Row]:
    """Add up equal notices, those that happened most often first."""
    counts: Counter[tuple[str, str]] = Counter()
    for notice in notices:
        counts[texts.clean_line(notice.where), texts.clean_line(notice.what)] += notice.count
    rows = [{"where": where, "what": what, "count": count} for (where, what), count in counts.items()]
    return sorted(rows, key=lambda row: (-row["count"], row["where"], row["what"]))


def _with_city(frame: pd.DataFrame, cities: Mapping[str, str]) -> list[Row]:
    """Return the rows of a table with the city's name, every text as it can be printed."""
    return [
        {
            "city": cities[row["area_id"]],
            **{key: texts.clean_line(value) if isinstance(value, str) else value for key, value in row.items()},
        }
        for row in _records(frame)
    ]


def _records(frame: pd.DataFrame) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _figure(value: float) -> str:
    """Return a figure that may be a share or a count; empty where it is unknown."""
    if pd.isna(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"
