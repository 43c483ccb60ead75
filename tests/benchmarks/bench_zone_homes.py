"""How often the interval of the homes in a red zone of a settlement holds the truth, and how many stand there falsely.

The truth is counted around the hazards as they are mapped, in the settlements as they were found: what is judged is how
houses are seen, not where hazards are. ``BENCH_SEEDS`` and ``BENCH_CITIES`` as in `simulated`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from pipeline.declared import catalogue, facts
from pipeline.transform import population, red_zones
from tests.benchmarks.simulated import CITIES, city, settled, shown

if TYPE_CHECKING:
    from tests.benchmarks.conftest import Record

SEEDS = tuple(int(seed) for seed in os.environ.get("BENCH_SEEDS", "93001 93002").split())
STRESSES = ("", "recall=0.55,dependence=0.5", "no_satellite", "offset=8")
KEY = ["settlement_id", "rule_id"]


def counted(area_id: str, seed: int, stress: str) -> tuple[pd.DataFrame, int]:
    """Return intervals and true homes by settlement and rule, and the homes told on military land that are none."""
    made = city(area_id, seed, stress)
    there = settled(made)
    priors = population.Priors(facts.priors(), made.area.country, area_id, "winter")
    boundary = gpd.GeoSeries([made.area.boundary], crs="EPSG:4326").to_crs(made.area.projected).iloc[0]
    zones = catalogue.default().red_zones
    houses = there.houses
    found, _ = red_zones.hazards(made.layers, zones, made.area.country, area_id, boundary)
    reach = {name: far + red_zones.MOST_M for name, far in red_zones.reach(zones, made.area.country).items()}
    measured = red_zones.measure(
        found,
        red_zones.distances(houses, found, reach),
        houses,
        there.places,
        made.area,
        zones,
        boundary=boundary,
        detection=population.detected(houses, priors, area_id, draws=red_zones.DRAWS, seed=seed),
        rng=population.generator(seed, area_id, "homes in red zones"),
    )
    best = shown(made.merged.buildings, made.buildings)
    homes = made.buildings[made.buildings["kind"].isin(["house", "apartments"])].reset_index(drop=True)
    # A house that is seen is where we see it; one that is not lies in the settlement whose outline holds it.
    place = pd.Series(houses["settlement_id"].to_numpy(dtype=object), index=best.to_numpy())
    place = place[place.index.notna()]
    place = place[~place.index.duplicated()]
    middles = gpd.GeoDataFrame(geometry=homes.geometry.centroid, crs=homes.crs)
    held = gpd.sjoin(middles, there.places[["settlement_id", "geometry"]], predicate="within")["settlement_id"]
    held = held[~held.index.duplicated()].reindex(homes.index)
    owner = homes["building_id"].map(place).where(homes["building_id"].isin(place.index), held)
    pairs = red_zones.distances(homes, measured.hazards, red_zones.reach(zones, made.area.country))
    limit = measured.hazards.set_index("hazard_id")["distance_m"]
    pairs = pairs[pairs["distance_m"] <= pairs["hazard_id"].map(limit)]
    pairs["settlement_id"] = pairs["building_id"].map(pd.Series(owner.to_numpy(), index=homes["building_id"]))
    true = pairs.groupby(KEY)["building_id"].nunique().rename("true").reset_index()
    rows = measured.overlaps.merge(true, on=KEY, how="outer").fillna(
        {"true": 0, "homes_p05": 0, "homes_p50": 0, "homes_p95": 0, "homes": 0}
    )
    standing = red_zones.in_binding_zones(measured.pairs, measured.rules)
    inside = set(standing.loc[standing["hazard_class"] == "military", "building_id"])
    at_home = houses["home"] & houses["building_id"].isin(inside)
    return rows[(rows["homes"] > 0) | (rows["true"] > 0)], int((at_home.to_numpy() & best.isna().to_numpy()).sum())


@pytest.mark.parametrize("stress", STRESSES)
def test_intervals(stress: str, bar: Record) -> None:
    found = [counted(area_id, seed, stress) for seed in SEEDS for area_id in CITIES]
    rows = pd.concat([frame for frame, _ in found])
    low, high = rows["true"] < rows["homes_p05"], rows["true"] > rows["homes_p95"]
    name = f"homes in zones, {stress or 'base'}"
    bar(f"{name}: 90 % interval holds the truth ({len(rows)} zones)", float((~low & ~high).mean()), at_least=0.85)
    bar(f"{name}: and is not too wide", float((~low & ~high).mean()), at_most=0.95)
    bar(
        f"{name}: width over the median",
        float(np.median((rows["homes_p95"] - rows["homes_p05"]) / rows["homes_p50"].clip(lower=1))),
        at_most=2,
    )
    bar(f"{name}: homes told on military land that are none", sum(false for _, false in found), at_most=0)
