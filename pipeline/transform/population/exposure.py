"""Who lives in red zones, and who lived where: people and homes by rule, place and year."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.schema.draws import KEPT, quantiles, quantiles_of_each
from pipeline.schema.vocabulary import BINDING, REST
from pipeline.transform.population.building_counts import REST as IN_NONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pipeline.transform.population.spread import Spread

    Draws = NDArray[np.float64]

EPOCHS = (1990, 2000, 2005, 2010, 2015, 2020)
"""Years for which exposure is told beside today's, as far as it is known since when a home can be seen."""
FIRST_YEAR, YEARLY = 1975, 2016
"""Residents are told for every fifth year from the one and for every year from the other, when the tracker begins."""
_QUANTILES = ("p05", "p25", "p50", "p75", "p95", "mean")
_ANY = ""


def exposure(
    spread: Spread, *, settlements: pd.DataFrame, pairs: pd.DataFrame, rules: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return people and homes in zones: tables `settlement_exposure`, `kind_exposure` and `area_exposure`.

    Parameters
    ----------
    spread
        The people of each place over its homes.
    settlements
        settlement_id, kind.
    pairs, rules
        Tables `building_hazards` and `red_zone_rules`.

    Notes
    -----
    A home near several hazards of a rule counts once, and so it does in the rows without a rule, of any zone that
    binds. Sheds, halls and doubtful outlines (`red_zones.distances`) never count. Residents of a place are split by the
    floor area of its homes, see `Spread`.
    """
    near = pairs.merge(rules[["rule_id", "kind", "distance_m"]], on="rule_id", suffixes=("", "_limit"))
    near = near[(near["distance_m"] <= near["distance_m_limit"]) & ~near["doubtful"]]
    within = near[["building_id", "rule_id"]].drop_duplicates()
    binding = near.loc[near["kind"].isin(BINDING), ["building_id"]].drop_duplicates().assign(rule_id=_ANY)
    zones = pd.concat([within, binding], ignore_index=True).merge(spread.homes, on="building_id")
    kinds = settlements.set_index("settlement_id")["kind"]
    rows: list[dict[str, object]] = []
    summed: dict[tuple[str | None, str, int | None], tuple[int, Draws]] = {}
    for key, inside in zones.groupby(["place", "rule_id"], sort=True):
        place, rule = map(str, key)
        if place not in spread.people:
            continue
        kind = None if place == IN_NONE else str(kinds[place])
        told = list(_by_epoch(spread, place, rule, inside))
        ranges = quantiles_of_each(np.stack([people for _, _, people in told]))
        for (since, homes, people), interval in zip(told, ranges, strict=True):
            rows.append({**_place(spread.area_id, place), **_case(rule, since, homes), **interval})
            for group in (kind, None) if kind else (None,):
                count, total = summed.get((group, rule, since), (0, np.zeros(KEPT)))
                summed[group, rule, since] = count + homes, total + people
    groups = [
        {"area_id": spread.area_id, "kind": kind, **_case(rule, since, count), **quantiles(total)}
        for (kind, rule, since), (count, total) in summed.items()
    ]
    by_group = _table(groups, ("area_id", "kind", "rule_id", "since", "homes", *_QUANTILES))
    return {
        "settlement_exposure": _table(
            rows, ("place_id", "area_id", "settlement_id", "rule_id", "since", "homes", *_QUANTILES)
        ),
        "kind_exposure": by_group[by_group["kind"].notna()],
        "area_exposure": by_group[by_group["kind"].isna()],
    }


def residents_by_year(spread: Spread, last: int | None) -> dict[str, pd.DataFrame]:
    """Return residents of earlier years: tables `settlement_residents_by_year` and `area_residents_by_year`.

    Parameters
    ----------
    spread
        The people of each place over its homes.
    last
        Year that the inputs show; None: the newest in which a home was first seen.

    Notes
    -----
    What today's residents would be in the homes that stood in a year, had these held as many people as today and had
    none been torn down since: homes of unknown age are taken to be as old as the others of their place. Places none of
    whose homes has a known age are left out, and then of their area too.
    """
    known = spread.homes["first_seen_year"].dropna()
    if known.empty:
        return {
            "settlement_residents_by_year": _table([], ("place_id", "area_id", "settlement_id", "year", *_QUANTILES)),
            "area_residents_by_year": _table([], ("area_id", "year", *_QUANTILES)),
        }
    end = int(known.max()) if last is None else max(last, int(known.max()))
    years = [*range(FIRST_YEAR, YEARLY, 5), *range(YEARLY, end + 1)]
    rows: list[dict[str, object]] = []
    total = np.zeros((len(years), KEPT))
    for place, homes in spread.homes.dropna(subset="first_seen_year").groupby("place", sort=True):
        if place not in spread.people:
            continue
        shares = spread.standing(str(place), "all", _by_period(homes, years))
        people = np.rint(np.asarray(spread.people[str(place)]) * shares[:-1])  # nobody came later
        total += people
        rows += [
            {**_place(spread.area_id, str(place)), "year": year, **interval}
            for year, interval in zip(years, quantiles_of_each(people), strict=True)
        ]
    areas = [
        {"area_id": spread.area_id, "year": year, **quantiles(drawn)} for year, drawn in zip(years, total, strict=True)
    ]
    return {
        "settlement_residents_by_year": _table(rows, ("place_id", "area_id", "settlement_id", "year", *_QUANTILES)),
        "area_residents_by_year": _table(areas, ("area_id", "year", *_QUANTILES)),
    }


def _by_epoch(spread: Spread, place: str, rule: str, inside: pd.DataFrame) -> Iterator[tuple[int | None, int, Draws]]:
    """Yield year (None: today), homes and people of one place in one zone."""
    people = np.asarray(spread.people[place]) * spread.within(place, float(inside["floor_m2"].sum()))
    yield None, len(inside), np.rint(people)
    seen = inside["first_seen_year"].to_numpy(dtype=float, na_value=np.inf)
    if np.isinf(seen).all():
        return
    shares = spread.standing(place, rule, _by_period(inside, EPOCHS))
    for year, share in zip(EPOCHS, shares, strict=False):
        if count := int((seen <= year).sum()):
            yield year, count, np.rint(people * share)


def _by_period(homes: pd.DataFrame, years: tuple[int, ...] | list[int]) -> Draws:
    """Return the floor area of homes by the first of the years in which they stood; at last, later or never."""
    seen = homes["first_seen_year"].to_numpy(dtype=float, na_value=np.inf)
    period = np.searchsorted(years, seen, side="left")
    return np.asarray(np.bincount(period, weights=homes["floor_m2"], minlength=len(years) + 1), dtype=float)


def _place(area_id: str, place: str) -> dict[str, object]:
    settlement = None if place == IN_NONE else place
    return {"place_id": settlement or area_id + REST, "area_id": area_id, "settlement_id": settlement}


def _case(rule: object, since: int | None, homes: int) -> dict[str, object]:
    return {"rule_id": None if rule == _ANY else rule, "since": since, "homes": homes}


def _table(rows: list[dict[str, object]], columns: tuple[str, ...]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(columns))
    texts = {"place_id", "area_id", "settlement_id", "kind", "rule_id"} & set(columns)
    years = {"since", "year"} & set(columns)
    return table.astype({**dict.fromkeys(texts, "str"), **dict.fromkeys(years, "Int64")})
