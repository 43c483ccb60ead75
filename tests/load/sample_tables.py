"""A small made-up city as conforming tables: what `load` needs to be tested without running the pipeline.

Settlements are plotted grids of houses around a centre, among hazards of seven classes; everything follows from a seed.
Not to be confused with `pipeline.simulate`, which writes input files and knows a truth: here only the shapes of the
tables matter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from pipeline.geometry.grid import Grid
from pipeline.schema.about import DATA_LICENCE, SCHEMA_VERSION
from pipeline.schema.draws import KEPT, is_home
from pipeline.schema.tables import TABLES, conform
from pipeline.schema.vocabulary import LANGUAGES, REST, SETTLEMENT_KINDS, TOLD_KINDS
from pipeline.transform.completeness import cell_settlements
from pipeline.transform.growth import built_up_tables
from pipeline.transform.population import people_tables
from pipeline.transform.settlements import tell_apart
from pipeline.transform.settlements.learning import weights_table

YEARS = (*range(1975, 2021, 5), 2025, 2030)
MODELLED = (2025, 2030)
_PLOT_M = (22.0, 30.0)
_LANGUAGES = tuple(LANGUAGES)
_SYLLABLES = {
    "en": ("Ak", "Kara", "Altyn", "Jany", "Kok", "Bel", "Jar", "Ordo", "Kazyk", "Tilek", "Bulak", "Too"),
    "ru": ("Ак", "Кара", "Алтын", "Жаны", "Кок", "Бел", "Жар", "Ордо", "Казык", "Тилек", "Булак", "Тоо"),
    "ky": ("Ак", "Кара", "Алтын", "Жаңы", "Көк", "Бел", "Жар", "Ордо", "Казык", "Тилек", "Булак", "Тоо"),
    "kk": ("Ақ", "Қара", "Алтын", "Жаңа", "Көк", "Бел", "Жар", "Орда", "Қазық", "Тілек", "Бұлақ", "Тау"),
}
# Corners of the first settlements: beside the landfill, the cemetery, the railway, the military land, the airport.
_NEAR = ((2_300, 6_400), (-5_400, -3_500), (-1_000, -700), (5_900, -5_500), (-9_500, 7_500), (2_600, 7_900))
_CLASSES: tuple[tuple[str, tuple[str, str, str, str], str, str, float, str], ...] = (
    # class, names, concern, kind, distance, colour
    ("landfill", ("Landfill", "Свалка", "Таштанды полигону", "Қоқыс полигоны"),
     "residents", "statutory", 500, "#8c510a"),
    ("cemetery", ("Cemetery", "Кладбище", "Көрүстөн", "Зират"), "residents", "statutory", 300, "#5a5a5a"),
    ("power_line", ("Power line", "Линия электропередачи", "Электр линиясы", "Электр желісі"),
     "residents", "statutory", 20, "#b8860b"),
    ("railway", ("Railway", "Железная дорога", "Темир жол", "Теміржол"), "residents", "statutory", 100, "#4b2e83"),
    ("military", ("Military land", "Военный объект", "Аскерий жер", "Әскери жер"),
     "administrative", "inside", 0, "#6b705c"),
    ("water_strip", ("Water strip", "Водоохранная полоса", "Суу коргоо тилкеси", "Су қорғау белдеуі"),
     "administrative", "statutory", 35, "#2b6cb0"),
    ("aerodrome", ("Airport", "Аэропорт", "Аэропорт", "Әуежай"), "administrative", "advisory", 1000, "#0f766e"),
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A made-up area: conforming tables, and what a run knows beside them (EPSG:4326 throughout)."""

    tables: dict[str, Any]
    context: dict[str, gpd.GeoDataFrame]
    zones: gpd.GeoDataFrame
    projected: CRS

    @cached_property
    def area_id(self) -> str:
        return str(self.tables["areas"]["area_id"].iloc[0])


def make(buildings: int = 3000, *, area_id: str = "bishkek", seed: int = 1, simulated: bool = True) -> Sample:
    """Return a made-up area with about `buildings` buildings in settlements of 12 to 400 houses."""
    rng = np.random.default_rng(seed)
    bbox = (74.40, 42.78, 74.75, 43.02)
    projected = CRS.from_proj4(
        f"+proj=tmerc +lat_0={(bbox[1] + bbox[3]) / 2} +lon_0={(bbox[0] + bbox[2]) / 2} +k=1 +datum=WGS84 +units=m"
    )
    hazards = _hazards(rng, area_id, projected)
    rules = _rules()
    houses, outlines = _houses(rng, buildings, area_id, projected)
    pairs = _pairs(houses, hazards, rules, area_id)
    settlements = _settlements(rng, outlines, houses, area_id)
    zones = _zones(hazards, rules)
    tables = {
        "areas": _areas(area_id, projected, bbox, simulated=simulated),
        "sources": _sources(area_id, simulated=simulated),
        "buildings": _to_degrees(houses),
        "settlements": _to_degrees(settlements),
        "kind_weights": weights_table(area_id),
        "named_settlements": _named(settlements, area_id),
        "hazards": _to_degrees(hazards),
        "red_zone_rules": rules,
        "building_hazards": pairs,
        "red_zone_overlaps": _overlaps(settlements, houses, pairs, zones, rules, area_id),
        **people_tables(_population(settlements, area_id), "city"),
        "population_draws": _draws(settlements, area_id),
        "unregistered_shares": _shares(area_id),
        **built_up_tables(_growth(rng, settlements, area_id)),
        "settlement_built_up_since_2016": _since_2016(settlements, area_id),
        "completeness": _completeness(area_id),
        "coverage": _to_degrees(_coverage(area_id, projected)),
        "runs": _runs(simulated=simulated),
        "cell_settlements": cell_settlements(Grid.of(area_id, bbox), pd.DataFrame(houses)),
    }
    conforming = {name: conform(name, frame) for name, frame in tables.items()}
    return Sample(conforming, _context(rng, outlines, projected), _to_degrees(zones), projected)


def empty(area_id: str = "bishkek") -> Sample:
    """Return an area without any building, settlement or hazard."""
    full = make(200, area_id=area_id)
    kept = ("areas", "sources", "completeness", "red_zone_rules", "runs")
    tables = {name: frame if name in kept else conform(name, frame.iloc[:0]) for name, frame in full.tables.items()}
    context = {name: layer.iloc[:0] for name, layer in full.context.items()}
    return Sample(tables, context, full.zones.iloc[:0], full.projected)


def _named(settlements: gpd.GeoDataFrame, area_id: str) -> pd.DataFrame:
    """The first settlement is one that the literature spells in several ways."""
    return pd.DataFrame(
        {
            "named_id": [f"{area_id}/ak-jar"],
            "area_id": area_id,
            "name": "Ak-Jar",
            "outcome": "found",
            "settlement_id": settlements["settlement_id"].min(),
            "evidence": "same name",
            "distance_m": 0.0,
        }
    )


def _to_degrees(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.to_crs("EPSG:4326")


def _names(rng: np.random.Generator, count: int) -> dict[str, list[str]]:
    parts = [np.add(rng.integers(0, 6, 2), (0, 6)) for _ in range(count)]
    return {code: [f"{words[a]}-{words[b]}" for a, b in parts] for code, words in _SYLLABLES.items()}


def _hazards(rng: np.random.Generator, area_id: str, projected: CRS) -> gpd.GeoDataFrame:
    west, east, south, north = -13_000.0, 13_000.0, -12_500.0, 12_500.0
    angle = np.linspace(west, east, 60)
    shapes = {
        "landfill": shapely.Point(2_500, 7_500).buffer(420, quad_segs=4),
        "cemetery": shapely.box(-6_000, -4_000, -5_500, -3_600),
        "power_line": shapely.LineString([(west, 2_000), (-1_000, 3_400), (east, 5_200)]),
        "railway": shapely.LineString(np.column_stack([angle, -600 + 300 * np.sin(angle / 4_000)])),
        "military": shapely.box(5_000, -6_000, 6_400, -5_000),
        "water_strip": shapely.LineString(
            np.column_stack([3_000 + 700 * np.sin(np.linspace(0, 9, 60)), np.linspace(south, north, 60)])
        ),
        "aerodrome": shapely.box(-10_500, 8_200, -7_000, 9_400),
    }
    rows = [
        {
            "hazard_id": f"{name}/way/{number}",
            "area_id": area_id,
            "hazard_class": name,
            "rule_id": f"KG.{name}",
            "name": None if rng.random() < 0.5 else f"{_CLASSES[number][1][1]} № {number}",
            "osm_id": f"way/{number}",
            "source_id": f"osm/{area_id}/1",
            "attributes": json.dumps({"source": "made up"}),
            "assumed": name == "power_line",
            "geometry": shape,
        }
        for number, (name, shape) in enumerate(shapes.items())
    ]
    return gpd.GeoDataFrame(rows, crs=projected)


def _rules() -> pd.DataFrame:
    rows = [
        {
            "rule_id": f"KG.{name}",
            "country": "KG",
            "hazard_class": name,
            **{f"name_{code}": names[i] for i, code in enumerate(_LANGUAGES)},
            "condition": "",
            "kind": kind,
            "concern": concern,
            "distance_m": distance,
            "sensitivity_m": json.dumps([distance * 2]),
            "legal_reference": "Decree 201 of 11.04.2016, App. 3" if kind == "statutory" else "",
            "valid_from": "2016-04-11" if kind == "statutory" else None,
            "valid_to": None,
            "legal_source": "made up",
            "verified": name == "water_strip",
            "colour": colour,
        }
        for name, names, concern, kind, distance, colour in _CLASSES
    ]
    return pd.DataFrame(rows)


def _houses(
    rng: np.random.Generator, wanted: int, area_id: str, projected: CRS
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Plotted grids of houses; returns the houses and the outlines of the settlements."""
    sizes: list[int] = []
    while sum(sizes) < wanted:
        sizes.append(int(np.clip(rng.lognormal(4.6, 0.9), 12, max(400, wanted // 40))))
    frames, outlines = [], []
    for index, size in enumerate(sizes):
        columns = max(3, int(np.sqrt(size * 1.4)))
        corner = np.array(_NEAR[index]) if index < len(_NEAR) else rng.uniform(-11_000, 11_000, 2)
        turn = rng.uniform(0, np.pi / 6)
        grid = np.column_stack([np.arange(size) % columns, np.arange(size) // columns]) * _PLOT_M
        spun = grid @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + corner
        half = np.column_stack([rng.uniform(4, 6.5, size), rng.uniform(4, 7, size)])
        boxes = shapely.box(spun[:, 0] - half[:, 0], spun[:, 1] - half[:, 1], *(spun + half).T)
        frames.append(gpd.GeoDataFrame({"settlement": index}, index=range(size), geometry=boxes, crs=projected))
        outlines.append(shapely.multipoints(spun).convex_hull.buffer(25, quad_segs=2))
    houses = pd.concat(frames, ignore_index=True)
    alone = rng.uniform(-12_500, 12_500, (max(5, wanted // 50), 2))
    lone = gpd.GeoDataFrame(
        {"settlement": -1},
        index=range(len(alone)),
        geometry=shapely.box(*(alone - 6).T, *(alone + 6).T),
        crs=projected,
    )
    houses = pd.concat([houses, lone], ignore_index=True)
    points = houses.geometry.centroid.to_crs("EPSG:4326")
    houses = houses.assign(
        building_id=[f"{area_id}/b/{number:08d}" for number in range(len(houses))],
        area_id=area_id,
        settlement_id=[f"{area_id}/{s + 1:04d}" if s >= 0 else None for s in houses["settlement"]],
        source_id=f"osm/{area_id}/1",
        seen_by=rng.choice(["osm", "satellite", "both"], len(houses)),
        kind=rng.choice(["house", "outbuilding", "apartments"], len(houses), p=[0.85, 0.12, 0.03]),
        osm_id=None,
        footprint_m2=houses.geometry.area,
        levels=np.where(rng.random(len(houses)) < 0.3, 2.0, np.nan),
        first_seen_year=_first_seen(len(houses)),
        lon=points.x,
        lat=points.y,
    )
    size = (houses[column].to_numpy(dtype=float) for column in ("footprint_m2", "levels"))
    houses["home"] = is_home(houses["kind"].to_numpy(dtype=str), *size)
    return houses, gpd.GeoDataFrame({"settlement": range(len(sizes))}, geometry=outlines, crs=projected)


def _settlements(
    rng: np.random.Generator, outlines: gpd.GeoDataFrame, houses: gpd.GeoDataFrame, area_id: str
) -> gpd.GeoDataFrame:
    count = len(outlines)
    names = _names(rng, count)
    known = rng.random(count) < 0.85
    status = np.where(known, rng.choice(["legal", "mixed", "unresolved", "unknown"], count), "unknown")
    kinds = rng.choice(SETTLEMENT_KINDS, count, p=[0.45, 0.2, 0.1, 0.1, 0.05, 0.1])
    probabilities = rng.dirichlet(np.ones(len(TOLD_KINDS)), count)
    described = outlines.assign(
        settlement_id=[f"{area_id}/{number + 1:04d}" for number in range(count)],
        area_id=area_id,
        name=[name if k else None for name, k in zip(names["ru"], known, strict=True)],
        **{f"name_{code}": [n if k else None for n, k in zip(names[code], known, strict=True)] for code in _LANGUAGES},
        name_evidence=["node/1" if k else None for k in known],
        kind=kinds,
        kind_score=probabilities[:, 0],
        **{f"p_{kind}": probabilities[:, number] for number, kind in enumerate(TOLD_KINDS) if number},
        **{column: None for column in TABLES["settlements"].columns if column.startswith("evidence_")},
        delineation=rng.choice(["osm_polygon", "cluster"], count),
        status=status,
        status_year=pd.array([2011 if s != "unknown" else None for s in status], dtype="Int64"),
        status_source=["Voices from Central Asia 9 (2013)" if s != "unknown" else None for s in status],
        onset_year=pd.array(rng.choice([1978, 1991, 1999, 2006, 2012], count), dtype="Int64"),
        area_m2=outlines.geometry.area,
        buildings=houses["settlement"].value_counts().reindex(range(count)).to_numpy(),
        homes=houses[houses["home"]].groupby("settlement").size().reindex(range(count), fill_value=0).array,
    )
    return tell_apart(described)


def _pairs(houses: gpd.GeoDataFrame, hazards: gpd.GeoDataFrame, rules: pd.DataFrame, area_id: str) -> pd.DataFrame:
    reach = 2 * rules["distance_m"].max()
    found = [
        pd.DataFrame(
            {
                "area_id": area_id,
                "building_id": houses["building_id"],
                "hazard_id": hazard.hazard_id,
                "hazard_class": hazard.hazard_class,
                "rule_id": hazard.rule_id,
                "distance_m": houses.geometry.distance(hazard.geometry),
                "doubtful": False,
            }
        )
        for hazard in hazards.itertuples()
    ]
    pairs = pd.concat(found, ignore_index=True)
    return pairs[pairs["distance_m"] <= reach].sort_values(["building_id", "hazard_id"])


def _zones(hazards: gpd.GeoDataFrame, rules: pd.DataFrame) -> gpd.GeoDataFrame:
    merged = hazards.merge(rules[["rule_id", "kind", "distance_m"]], on="rule_id")
    shapes = merged.geometry.buffer(merged["distance_m"].clip(lower=1))
    return gpd.GeoDataFrame(merged[["rule_id", "hazard_class", "kind"]], geometry=shapes, crs=hazards.crs)


def _overlaps(  # noqa: PLR0913, PLR0917 - one argument a table
    settlements: gpd.GeoDataFrame,
    houses: gpd.GeoDataFrame,
    pairs: pd.DataFrame,
    zones: gpd.GeoDataFrame,
    rules: pd.DataFrame,
    area_id: str,
) -> pd.DataFrame:
    near = pairs.merge(rules[["rule_id", "distance_m"]], on="rule_id", suffixes=("", "_limit"))
    near = near[near["distance_m"] <= near["distance_m_limit"]]
    near = near.merge(houses[["building_id", "settlement_id", "home", "footprint_m2"]], on="building_id")
    near = near.dropna(subset=["settlement_id"])
    outlines = settlements.set_index("settlement_id").geometry
    shapes = zones.set_index("rule_id").geometry
    rows = []
    for (settlement_id, rule_id, hazard_class), group in near.groupby(["settlement_id", "rule_id", "hazard_class"]):
        overlap = outlines[settlement_id].intersection(shapes[rule_id]).area
        share = overlap / outlines[settlement_id].area
        rows.append(
            {
                "area_id": area_id,
                "settlement_id": settlement_id,
                "rule_id": rule_id,
                "hazard_class": hazard_class,
                "buildings": len(group),
                "homes": int(group["home"].sum()),
                "homes_p05": int(0.9 * len(group)),
                "homes_p50": len(group),
                "homes_p95": int(1.3 * len(group)) + 2,
                "buildings_m2": group["footprint_m2"].sum(),
                "overlap_m2": overlap,
                "overlap_share": share,
                "nearest_m": group["distance_m"].min(),
                "severity": min(1.0, share),
                "assumed": hazard_class == "power_line",
            }
        )
    return pd.DataFrame(rows, columns=list(TABLES["red_zone_overlaps"].columns))


def _population(settlements: gpd.GeoDataFrame, area_id: str) -> pd.DataFrame:
    shares = {"residents": 4.2, "registered": 2.6, "unregistered": 1.6}
    spread = {"p05": 0.55, "p25": 0.82, "p50": 1.0, "p75": 1.22, "p95": 1.75}
    counts = [
        (None, settlements["buildings"].sum()),
        (area_id + REST, 0),
        *settlements[["settlement_id", "buildings"]].itertuples(index=False),
    ]
    rows = [
        {
            "area_id": area_id,
            "settlement_id": settlement_id,
            "quantity": quantity,
            **{q: count * share * factor for q, factor in spread.items()},
            "mean": count * share * 1.05,
            "method": "building_count",
            "main": True,
            "evidence": "none" if quantity != "residents" else "national",
            "year": 2024,
        }
        for settlement_id, count in counts
        for quantity, share in shares.items()
    ]
    return pd.DataFrame(rows)


def _draws(settlements: gpd.GeoDataFrame, area_id: str) -> pd.DataFrame:
    """Return kept draws: lognormal residents, of whom the others are a Beta share, and nobody outside settlements."""
    rng = np.random.default_rng(7)
    rows = []
    for settlement_id, buildings in settlements[["settlement_id", "buildings"]].itertuples(index=False):
        residents = np.rint(buildings * 4.2 * rng.lognormal(0, 0.3, KEPT)).astype(np.int32)
        unregistered = np.rint(residents * rng.beta(4, 6, KEPT)).astype(np.int32)
        people = {"residents": residents, "registered": residents - unregistered, "unregistered": unregistered}
        drawn = {**people, "drawn_kind": np.zeros(KEPT, dtype=np.int32)}
        place = {"area_id": area_id, "place_id": settlement_id, "settlement_id": settlement_id}
        rows += [{**place, "quantity": quantity, "draws": draws} for quantity, draws in drawn.items()]
    return pd.DataFrame(rows)


def _shares(area_id: str) -> pd.DataFrame:
    spread = {"p05": 0.2, "p25": 0.32, "p50": 0.38, "p75": 0.44, "p95": 0.55, "mean": 0.38}
    rows = [
        {"area_id": area_id, "prior": prior, "state": state, **spread, "effective_draws": 1200.0}
        for prior in ("weak", "wide")
        for state in ("prior", "posterior")
    ]
    return pd.DataFrame(rows)


def _first_seen(count: int) -> pd.Series:
    """Years from 1975 to 2024, and of every seventeenth none."""
    number = pd.Series(range(count))
    return (1975 + (7 * number) % 50).where(number % 17 > 0).astype("Int64")


def _since_2016(settlements: gpd.GeoDataFrame, area_id: str) -> pd.DataFrame:
    """The tracker's years, in a measure of their own: half of the land by 2016, three quarters by 2025."""
    rows = [
        {
            "place_id": settlement_id,
            "settlement_id": settlement_id,
            "area_id": area_id,
            "year": year,
            "product": "wsf_tracker",
            "built_m2": area_m2 * (0.5 + 0.25 * (year - 2016) / 9),
        }
        for settlement_id, area_m2 in settlements[["settlement_id", "area_m2"]].itertuples(index=False)
        for year in range(2016, 2026)
    ]
    return pd.DataFrame(rows)


def _growth(rng: np.random.Generator, settlements: gpd.GeoDataFrame, area_id: str) -> pd.DataFrame:
    rows = []
    for settlement_id, built, onset in [
        (None, settlements["area_m2"].sum() * 0.3, 1970),
        *zip(settlements["settlement_id"], settlements["area_m2"] * 0.25, settlements["onset_year"], strict=True),
    ]:
        pace = rng.uniform(0.08, 0.3)
        for year in YEARS:
            share = 1 / (1 + np.exp(-pace * (year - float(onset) - 8)))
            rows.append(
                {
                    "area_id": area_id,
                    "settlement_id": settlement_id,
                    "year": year,
                    "built_m2": built * share,
                    "product": "ghs_built_s",
                    "modelled": year in MODELLED,
                    "outline": "current",
                }
            )
    return pd.DataFrame(rows)


def _completeness(area_id: str) -> pd.DataFrame:
    rows = [
        ("buildings", "seen_by_both", 1_800.0, "unknown"),
        ("buildings", "seen_by_osm", 200.0, "unknown"),
        ("buildings", "seen_by_satellite", 1_000.0, "unknown"),
        ("buildings", "unseen_share_p05", 0.03, "partial"),
        ("buildings", "unseen_share_p50", 0.041, "partial"),
        ("buildings", "unseen_share_p95", 0.06, "partial"),
        ("buildings", "inhabited_mapped_centre", 0.98, "complete"),
        ("buildings", "inhabited_mapped_outskirts", 0.31, "sparse"),
        ("landfill", "objects_inside", 1.0, "unknown"),
        ("landfill", "objects_around", 0.0, "unknown"),
        ("landfill", "share_assumed", 0.0, "unknown"),
        ("power_line", "objects_inside", 3.0, "unknown"),
        ("power_line", "objects_around", 1.0, "unknown"),
        ("power_line", "share_assumed", 0.25, "partial"),
        ("aerodrome", "objects_inside", 0.0, "unknown"),
        ("aerodrome", "objects_around", 1.0, "unknown"),
        ("gas_trunk", "objects_inside", 0.0, "missing"),
        ("gas_trunk", "objects_around", 0.0, "missing"),
        ("registered", "input_given", 0.0, "missing"),
    ]
    columns = ("layer", "measure", "value", "verdict")
    return pd.DataFrame(rows, columns=list(columns)).assign(area_id=area_id)


def _coverage(area_id: str, projected: CRS) -> gpd.GeoDataFrame:
    """Two cells without roofs where people live, two that OpenStreetMap does not know, and one in order."""
    corners = np.array([(7_000, -9_000), (7_500, -9_000), (-9_000, -9_500), (-9_000, -9_000), (0, 0)], dtype=float)
    rows = {
        "area_id": area_id,
        "cell_id": [f"{area_id}/{x:.0f}/{y:.0f}" for x, y in corners],
        "people": 120.0,
        "built_m2": 9_000.0,
        "streets_m": 800.0,
        "buildings": [0, 0, 40, 60, 80],
        "homes": [0, 0, 30, 50, 70],
        "roof_m2": [0.0, 0.0, 4_000.0, 6_000.0, 8_000.0],
        "roof_osm_m2": [0.0, 0.0, 3_000.0, 6_000.0, 0.0],
        "roof_satellite_m2": [0.0, 0.0, 4_000.0, 5_000.0, 8_000.0],
        "inhabited": True,
        "mapped": [False, False, True, True, True],
        "osm_mapped": [True, True, False, False, True],
    }
    return gpd.GeoDataFrame(rows, geometry=shapely.box(*corners.T, *(corners + 500).T), crs=projected)


def _areas(area_id: str, projected: CRS, bbox: tuple[float, float, float, float], *, simulated: bool) -> Any:
    names = {"en": "Bishkek", "ru": "Бишкек", "ky": "Бишкек", "kk": "Бішкек"}
    row = {
        "area_id": area_id,
        "country": "KG",
        "crs": projected.srs,
        "name": names["en"],
        **{f"name_{code}": name for code, name in names.items()},
        **dict(zip(("west", "south", "east", "north"), bbox, strict=True)),
        "simulated": simulated,
        "inputs_year": 2024,
        "people_seen_share": 0.93,
        "people_seen_by": "population",
        "told": "city",
        "told_reason": "seen",
        "geometry": shapely.box(*bbox),
    }
    return gpd.GeoDataFrame([row], crs="EPSG:4326")


def _runs(*, simulated: bool) -> pd.DataFrame:
    row = {
        "run_id": "0123456789abcdef",
        "parent_run_id": None,
        "version": "0.1.0",
        "schema_version": SCHEMA_VERSION,
        "sources": "sample",
        "licence": DATA_LICENCE,
        "data_year": 2024,
        "seed": 1,
        "draws": 1000,
        "season": "winter",
        "config": "{}",
        "simulated": simulated,
    }
    return pd.DataFrame([row])


def _sources(area_id: str, *, simulated: bool) -> pd.DataFrame:
    row = {
        "source_id": f"osm/{area_id}/1",
        "area_id": area_id,
        "dataset": "osm",
        "version": "2026-11-01",
        "licence": "ODbL-1.0",
        "attribution": "© OpenStreetMap contributors",
        "url": "area.osm.pbf",
        "retrieved_at": pd.NaT,
        "sha256": "0" * 64,
        "bytes": 1,
        "features": 1,
        "simulated": simulated,
        "observed_year": 2026,
    }
    rasters = {
        "ghs_built_s": ("R2023A", "CC-BY-4.0", "GHSL © European Commission, JRC"),
        "wsf_tracker": ("2016-07 to 2026-01", "CC-BY-4.0", "WSF Tracker © DLR, MindEarth"),
    }
    others = [
        row
        | {"source_id": f"{dataset}/{area_id}/1", "dataset": dataset, "url": f"{dataset}.tif"}
        | dict(zip(("version", "licence", "attribution"), said, strict=True))
        for dataset, said in rasters.items()
    ]
    return pd.DataFrame([row, *others])


def _context(rng: np.random.Generator, outlines: gpd.GeoDataFrame, projected: CRS) -> dict[str, gpd.GeoDataFrame]:
    main = [
        shapely.LineString([(-13_000, y), (13_000, y + rng.uniform(-1500, 1500))])
        for y in range(-11_000, 12_000, 4_000)
    ]
    cross = [
        shapely.LineString([(x, -12_500), (x + rng.uniform(-1500, 1500), 12_500)])
        for x in range(-11_000, 12_000, 4_000)
    ]
    streets = [outline.boundary for outline in outlines.geometry]
    roads = [*main, *cross, *streets]
    kinds = ["primary"] * len(main) + ["secondary"] * len(cross) + ["residential"] * len(streets)
    centres = outlines.geometry.centroid
    layers = {
        "roads": {"highway": kinds, "geometry": roads},
        "railways": {
            "railway": ["rail"],
            "geometry": [
                shapely.LineString(
                    [(x, -600 + 300 * np.sin(x / 4_000)) for x in np.linspace(-13_000, 13_000, 60)],
                )
            ],
        },
        "waterways": {
            "waterway": ["river"],
            "geometry": [
                shapely.LineString(
                    np.column_stack([3_000 + 700 * np.sin(np.linspace(0, 9, 60)), np.linspace(-12_500, 12_500, 60)])
                )
            ],
        },
        "water": {"natural": ["water"], "geometry": [shapely.Point(-3_000, -8_000).buffer(600)]},
        "green": {"leisure": ["park"], "geometry": [shapely.box(-800, -3_000, 900, -1_800)]},
        "places": {"place": ["suburb"] * len(centres), "geometry": list(centres)},
    }
    return {key: _layer(key, columns, projected) for key, columns in layers.items()}


def _layer(key: str, columns: dict[str, list[Any]], projected: CRS) -> gpd.GeoDataFrame:
    count = len(columns["geometry"])
    names = ("name", *(f"name_{code}" for code in _LANGUAGES), "other_names")
    frame = gpd.GeoDataFrame(columns, crs=projected).assign(
        osm_id=[f"way/{key}{number}" for number in range(count)],
        **{name: pd.array([None] * count, dtype="str") for name in names},
    )
    return frame.to_crs("EPSG:4326")
