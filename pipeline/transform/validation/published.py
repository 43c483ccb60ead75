"""Estimates beside every published figure that an area touches.

A figure that a prior was made from is no check of it and does not appear. A simulated city is drawn from published
figures, so that they are listed beside it, but judge nothing there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pipeline.schema.keys import among
from pipeline.transform.red_zones import in_binding_zones
from pipeline.transform.validation.comparison import Check, Estimates, Figure, Interval, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

TOLERANCE = 0.3
"""Doubt about a published point figure, as a share of it: activists, mayors and rounding are behind most of them."""

CITY_YEARS = 5
"""A city's figure is compared with an estimate from inputs at most this many years away."""

_NAMED_QUANTITIES = {"people": "residents", "families": "households", "houses": "houses"}


def published(estimates: Estimates, named: pd.DataFrame, figures: pd.DataFrame, checks: pd.DataFrame) -> pd.DataFrame:
    """Return every published figure that the area touches, beside its estimate.

    Parameters
    ----------
    estimates
        What is compared.
    named, figures, checks
        Rows of `facts.settlements`, `facts.population` and `facts.checks`.

    Returns
    -------
    pandas.DataFrame
        Table `validation`. A figure agrees if its range (a point figure ± 30 %, a bound open at one end) meets the
        interval.
    """
    rows = [
        *_of_named(estimates, named[named["area_id"] == estimates.area_id]),
        *_of_cities(estimates, figures[figures["area_id"] == estimates.area_id]),
        *_of_checks(estimates, checks[(checks["area_id"] == estimates.area_id) & checks["used_by"].isna()]),
    ]
    return table(rows)


def groups(checks: pd.DataFrame, named_settlements: pd.DataFrame) -> dict[str, frozenset[str]]:
    """Return the groups of settlements that checks speak of together, by check_id, where all their members were found.

    `population.estimate` adds them up inside its draws.
    """
    found = named_settlements.dropna(subset=["settlement_id"])
    places = dict(zip(found["named_id"].astype(str), found["settlement_id"].astype(str), strict=True))
    together = checks[(checks["scope"] == "settlements") & checks["used_by"].isna()].dropna(subset=["members"])
    named = dict(zip(together["check_id"].astype(str), together["members"].str.split(";"), strict=True))
    return {
        check: frozenset(places[name] for name in names)
        for check, names in named.items()
        if all(name in places for name in names)
    }


def houses_in_zones(buildings: pd.DataFrame, building_hazards: pd.DataFrame, rules: pd.DataFrame) -> dict[str, int]:
    """Return how many homes stand in a binding zone, by hazard class."""
    homes = buildings.loc[buildings["home"], "building_id"]
    pairs = in_binding_zones(building_hazards, rules)
    inside = pairs[among(pairs["building_id"], homes)]
    return {str(name): int(n) for name, n in inside.groupby("hazard_class")["building_id"].nunique().items()}


def _of_named(estimates: Estimates, named: pd.DataFrame) -> Iterator[dict[str, object]]:
    matched = estimates.named_settlements.dropna(subset=["settlement_id"])
    found = dict(zip(matched["named_id"].astype(str), matched["settlement_id"].astype(str), strict=True))
    for _, place in named.iterrows():
        for column, quantity in _NAMED_QUANTITIES.items():
            low, high = float(place[f"{column}_low"]), float(place[f"{column}_high"])
            if math.isnan(low) and math.isnan(high):
                continue
            settlement = found.get(place["named_id"])
            check = Check(
                check_id=f"{place['named_id']}/{quantity}",
                area_id=estimates.area_id,
                subject=str(place["name"]),
                quantity=quantity,
                year=float(place["figure_year"]),
                figure=Figure(low) if low == high else Figure(low=low, high=high),
                reference=str(place["reference"]),
                tolerance=TOLERANCE,
            )
            estimate = None if settlement is None else estimates.settlement(settlement, quantity)
            yield check.against(estimate, comparable=not estimates.simulated, settlement_id=settlement)


def _of_cities(estimates: Estimates, figures: pd.DataFrame) -> Iterator[dict[str, object]]:
    for _, figure in figures.iterrows():
        near = estimates.year is not None and abs(estimates.year - int(figure["year"])) <= CITY_YEARS
        check = Check(
            check_id=f"population/{figure['figure_id']}",
            area_id=estimates.area_id,
            subject=estimates.area_id,
            quantity="residents",
            year=float(figure["year"]),
            figure=Figure(float(figure["people"])),
            reference=str(figure["reference"]),
            tolerance=TOLERANCE,
        )
        yield check.against(estimates.area("residents"), comparable=near and (not estimates.simulated))


def _of_checks(estimates: Estimates, checks: pd.DataFrame) -> Iterator[dict[str, object]]:
    for _, reported in checks.iterrows():
        check = Check(
            check_id=f"check/{reported['check_id']}",
            area_id=estimates.area_id,
            subject=str(reported["subject"]),
            quantity=str(reported["quantity"]),
            year=float(reported["year"]),
            figure=Figure(*(float(reported[key]) for key in ("reported", "reported_low", "reported_high"))),
            reference=str(reported["reference"]),
            tolerance=TOLERANCE,
        )
        yield check.against(_checked(estimates, reported), comparable=not estimates.simulated)


def _checked(estimates: Estimates, check: pd.Series) -> Interval | None:
    """Return the estimate that a check speaks of; None: there is none."""
    scope, quantity = check["scope"], str(check["quantity"])
    if scope == "area":
        return estimates.area(quantity)
    if scope == "settlements":
        return estimates.total("group", str(check["check_id"]), quantity)
    if scope == "zone":
        houses = estimates.zone_houses.get(str(check["hazard_class"]))
        return None if houses is None else Interval(float(houses))
    kind = str(check["members"])
    if quantity == "settlements":
        return Interval(float((estimates.settlements["kind"] == kind).sum()))
    return estimates.total("kind", kind, quantity)
