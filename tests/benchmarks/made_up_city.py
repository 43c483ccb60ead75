"""A made-up city for measurements that need no simulated one: speed, and what data make of wrong priors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.declared import facts
from pipeline.transform import population

DRAWS = 10_000
QUANTITIES = ("residents", "unregistered")
SURVEY = "a survey of 300 houses in 20 settlements"


def city(settlements: int, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a made-up city of many settlements."""
    rng = np.random.default_rng(1)
    names = np.array([f"bishkek/s{n:04}" for n in range(settlements)])
    kinds = rng.choice(["novostroika", "village", "formal", "dacha"], settlements)
    places = pd.DataFrame(
        {
            "settlement_id": names,
            "name": names,
            "kind": kinds,
            "status": "unknown",
            "area_m2": rng.uniform(1e4, 1e6, settlements),
        }
    )
    levels = np.where(rng.random(count) < 0.3, rng.integers(1, 6, count), np.nan)
    houses = pd.DataFrame(
        {
            "settlement_id": pd.Series(names[rng.integers(0, settlements, count)], dtype="str"),
            "kind": rng.choice(["house", "unknown", "outbuilding", "apartments"], count, p=[0.7, 0.15, 0.14, 0.01]),
            "seen_by": rng.choice(["both", "osm", "satellite"], count),
            "footprint_m2": rng.uniform(20, 250, count),
            "levels": levels,
            **{tag: pd.Series(pd.NA, index=range(count), dtype="str") for tag in ("building", "amenity", "shop")},
        }
    )
    return houses, places


def wrong_by(priors: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Return priors whose household sizes are all wrong by a factor, means and limits as they are told."""
    size = priors["parameter"].isin(["household_size", "household_size_flat"])
    return priors.assign(a=priors["a"].where(~size, priors["a"] * factor))


def misled() -> pd.DataFrame:
    """Household sizes wrong by a quarter: log error of the city's residents given nothing, a register, a survey."""
    counts_of, places_of_city = city(40, 20_000)
    priors = facts.priors()
    estimate = {"draws": DRAWS, "seed": 1, "season": "winter"}
    true = population.estimate(counts_of, places_of_city, "bishkek", "KG", priors=priors, **estimate)
    truth = _middles(true)
    registered = pd.DataFrame({"name": [""], "registered": [truth["registered"]], "year": [2026], "source": ["x"]})
    houses = true.counts[(true.counts["quantity"] == "houses") & true.counts["settlement_id"].notna()]
    people = true.counts[(true.counts["quantity"] == "residents") & true.counts["settlement_id"].notna()]
    per_house = (people.set_index("settlement_id")["p50"] / houses.set_index("settlement_id")["p50"]).head(20)
    visited = pd.DataFrame({"settlement": per_house.index, "houses": 15, "persons": np.rint(15 * per_house.to_numpy())})
    evidence = {"nothing": {}, "a register of the city": {"registered": registered}, SURVEY: {"survey": visited}}
    made = []
    for factor in (0.75, 1.25):
        wrong = wrong_by(priors, factor)
        for name, data in evidence.items():
            found = population.estimate(counts_of, places_of_city, "bishkek", "KG", priors=wrong, **estimate, **data)
            row = found.rows[found.rows["settlement_id"].isna() & found.rows["main"]].set_index("quantity")
            for quantity in QUANTITIES:
                error = float(np.log(row.loc[quantity, "p50"] / truth[quantity]))
                held = bool(row.loc[quantity, "p05"] <= truth[quantity] <= row.loc[quantity, "p95"])
                made.append({"factor": factor, "given": name, "quantity": quantity, "error": error, "held": held})
    return pd.DataFrame(made)


def _middles(result: population.Population) -> dict[str, float]:
    rows = result.rows[result.rows["settlement_id"].isna() & result.rows["main"]]
    return {str(quantity): float(middle) for quantity, middle in zip(rows["quantity"], rows["p50"], strict=True)}
