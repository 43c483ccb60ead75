"""What a map page knows: the area's tables as one small JSON document (read by maps/client/src/types.ts)."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.declared import facts
from pipeline.declared.catalogue import default as default_catalogue
from pipeline.load.planner_map import payload_growth, payload_hazards
from pipeline.schema.keys import among
from pipeline.schema.rounding import tenths
from pipeline.schema.vocabulary import LANGUAGES
from pipeline.transform.red_zones import in_binding_zones
from pipeline.wording.label_names import label_names, label_text
from pipeline.wording.seen import seen_and_mapped

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import geopandas as gpd

_QUANTILES = ("p05", "p25", "p50", "p75", "p95")
_BASES = {"registered": "registration", "residents": "residents", "unregistered": "registration"}
"""Which method and evidence a quantity rests on."""


def page_data(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that the page shows beside tiles and distances.

    Parameters
    ----------
    tables
        The area's rows of all tables but the private ones (``buildings`` is only counted), EPSG:4326.
    """
    area = tables["areas"].iloc[0]
    series = payload_growth.one_product(tables["settlement_built_up"])
    since_2016 = payload_growth.one_product(tables["settlement_built_up_since_2016"])
    # A figure of the city only where the city is told; `seen` says what there is instead.
    city = tables["area_population"].query("about == 'city'").to_dict("records")
    return {
        "area": {
            "id": area["area_id"],
            "names": label_names(area),
            "bbox": [area["west"], area["south"], area["east"], area["north"]],
            "simulated": bool(area["simulated"]),
            "seen": {code: seen_and_mapped(area, tables["area_population"], code) for code in LANGUAGES},
            "told": area["told"],
        },
        "homes": _homes(tables),
        "version": _version(),
        "classes": payload_hazards.classes(tables),
        "rules": payload_hazards.rules(tables),
        "acts": payload_hazards.acts(tables),
        "hazards": payload_hazards.hazards(tables["hazards"]),
        "settlements": _settlements(tables, series, since_2016),
        "population": _people(city[0]) if city else {},
        "growth": None if series is None else payload_growth.epochs(series),
        "since2016": None if since_2016 is None else payload_growth.epochs(since_2016),
        "firstSeen": payload_growth.first_seen(tables),
        "completeness": payload_hazards.completeness(tables["completeness"]),
        "sources": _sources(tables["sources"]),
    }


def _homes(tables: Mapping[str, Any]) -> dict[str, int]:
    """Return how many homes the area has, and how many of them stand in zones that bind."""
    within = in_binding_zones(tables["building_hazards"], tables["red_zone_rules"])
    homes = tables["buildings"].query("home")["building_id"]
    return {"all": len(homes), "inZones": int(among(homes, within["building_id"]).sum())}


def search_places(places: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Return the names and the middle of the named places of an area, without those of the same name and place."""
    points = places.geometry.representative_point()
    rows = [
        {"names": label_names(row), "at": [round(point.x, 5), round(point.y, 5)], "place": row["place"]}
        for row, point in zip(places.to_dict("records"), points, strict=True)
    ]
    return sorted((row for row in rows if row["names"]), key=dumps)


def dumps(document: object) -> str:
    """Return compact JSON with keys in their given order."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _version() -> str:
    try:
        return version("novostroiki")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "0"


def _integer(value: object) -> int | None:
    return None if value is None or pd.isna(value) else int(value)  # type: ignore[call-overload]


def _people(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Return what a row of `area_population` or `settlement_population` says, by quantity."""
    return {
        quantity: {
            "q": tenths([row[f"{quantity}_{q}"] for q in _QUANTILES]).tolist(),
            "evidence": row[f"{basis}_evidence"],
            "method": row[f"{basis}_method"],
            "year": _integer(row["year"]),
        }
        for quantity, basis in _BASES.items()
    }


def _settlements(
    tables: Mapping[str, Any], series: pd.DataFrame | None, since_2016: pd.DataFrame | None
) -> list[dict[str, Any]]:
    settlements: gpd.GeoDataFrame = tables["settlements"].sort_values("settlement_id")
    points = settlements.geometry.representative_point()
    bounds = settlements.geometry.bounds.round(6)
    in_zones = homes_in_zones(tables)
    people = {row["place_id"]: _people(row) for row in tables["settlement_population"].to_dict("records")}
    others = _other_names(tables["named_settlements"])
    zones = dict(iter(tables["red_zone_overlaps"].sort_values("rule_id").groupby("settlement_id")))
    built, later = (payload_growth.by_place(one) for one in (series, since_2016))
    return [
        {
            "id": row["settlement_id"],
            "names": label_names(row),
            "otherNames": others.get(row["settlement_id"], []),
            "nameEvidence": label_text(row["name_evidence"]),
            "nearId": None if pd.isna(row["near_id"]) else row["near_id"],
            "nearNumber": None if pd.isna(row["near_number"]) else int(row["near_number"]),
            "kind": row["kind"],
            "score": round(float(row["kind_score"]), 3),
            "delineation": row["delineation"],
            "status": row["status"],
            "statusYear": _integer(row["status_year"]),
            "statusSource": label_text(row["status_source"]),
            "onset": _integer(row["onset_year"]),
            "areaM2": round(float(row["area_m2"])),
            "buildings": int(row["buildings"]),
            "homes": int(row["homes"]),
            "at": [round(points[label].x, 6), round(points[label].y, 6)],
            "bbox": [float(value) for value in bounds.loc[label]],
            "population": people.get(row["settlement_id"], {}),
            "growth": built.get(row["settlement_id"]),
            "since2016": later.get(row["settlement_id"]),
            "zones": [_overlap(r) for r in _rows(zones, row["settlement_id"])],
            "inZones": int(in_zones.get(row["settlement_id"], 0)),
        }
        for label, row in settlements.iterrows()
    ]


def _other_names(named: pd.DataFrame) -> dict[str, list[str]]:
    """Return the spellings by which the literature names the settlements, for the search."""
    columns = ["name", *(f"name_{code}" for code in LANGUAGES), "other_names"]
    matched = named.dropna(subset="settlement_id")[["named_id", "settlement_id"]]
    rows = matched.merge(facts.settlements()[["named_id", *columns]], on="named_id")
    found: dict[str, set[str]] = {}
    for column in columns:
        for settlement_id, text in rows[["settlement_id", column]].dropna().itertuples(index=False):
            found.setdefault(settlement_id, set()).update(part.strip() for part in text.split(";") if part.strip())
    return {settlement_id: sorted(names) for settlement_id, names in found.items()}


def _rows(groups: Mapping[Any, pd.DataFrame], key: str) -> list[dict[Hashable, Any]]:
    return groups[key].to_dict("records") if key in groups else []


def homes_in_zones(tables: Mapping[str, Any]) -> pd.Series:
    """Return the number of homes that stand in any binding red zone, by settlement."""
    within = in_binding_zones(tables["building_hazards"], tables["red_zone_rules"])
    homes = tables["buildings"].query("home")
    counts: pd.Series = homes[among(homes["building_id"], within["building_id"])].groupby("settlement_id").size()
    return counts


def _overlap(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    return {
        "rule": row["rule_id"],
        "homes": int(row["homes"]),
        "homesRange": [int(row["homes_p05"]), int(row["homes_p95"])],
        "share": round(min(1.0, float(row["overlap_share"])), 4),
        "nearest": round(float(row["nearest_m"]), 1),
        "assumed": bool(row["assumed"]),
    }


def _sources(sources: pd.DataFrame) -> list[dict[str, Any]]:
    columns = ("dataset", "version", "licence", "attribution")
    known = default_catalogue().sources
    ordered = sources.sort_values("source_id")
    return [
        {column: label_text(row[column]) or "" for column in columns}
        | {
            "simulated": bool(row["simulated"]),
            "title": known[row["dataset"]].title if row["dataset"] in known else "",
            "home": known[row["dataset"]].home if row["dataset"] in known else "",
        }
        for _, row in ordered.iterrows()
    ]
