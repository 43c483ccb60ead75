"""Who lives in red zones: people and homes within each rule's distance, by settlement, kind and area."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from pipeline.schema.draws import KEPT, home_floor_m2, quantiles, worth
from pipeline.schema.vocabulary import BINDING
from pipeline.transform.population.building_counts import REST
from pipeline.transform.population.places import REST_STREAM, stream_names
from pipeline.transform.population.priors import generator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Draws = NDArray[np.float64]

COLUMNS = ("area_id", "settlement_id", "kind", "rule_id", "since", "homes")
_ANY = ""
EPOCHS = (1990, 2000, 2005, 2010, 2015, 2020)
"""Years for which exposure is told beside today's, where the year is known since when a building stands."""


def exposure(  # noqa: PLR0913 - tables of three stages meet here
    area_id: str,
    *,
    buildings: pd.DataFrame,
    settlements: pd.DataFrame,
    pairs: pd.DataFrame,
    rules: pd.DataFrame,
    draws: pd.DataFrame,
    seed: int,
) -> pd.DataFrame:
    """Return people and homes in zones.

    Parameters
    ----------
    area_id, seed
        The area, and the seed of the run.
    buildings
        building_id, settlement_id (missing: in none), kind, footprint_m2, levels; first_seen_year where known.
    settlements
        settlement_id, kind; with geometry, as in `estimate`.
    pairs, rules
        Tables `building_hazards` and `red_zone_rules`.
    draws
        Table `population_draws`.

    Returns
    -------
    pandas.DataFrame
        Table `exposure`. A home near several hazards of a rule, or in several zones, counts once in each row.

    Notes
    -----
    The residents of a settlement are split by the floor area of its homes, with the noise of that split (see
    `schema.draws.inside`): one draw of it per settlement, so that a larger zone never holds fewer people.
    """
    homes = _homes(buildings)
    near = pairs.merge(rules[["rule_id", "kind", "distance_m"]], on="rule_id", suffixes=("", "_limit"))
    near = near[near["distance_m"] <= near["distance_m_limit"]]
    within = near[["building_id", "rule_id"]].drop_duplicates()
    binding = near.loc[near["kind"].isin(BINDING), ["building_id"]].drop_duplicates().assign(rule_id=_ANY)
    zones = pd.concat([within, binding], ignore_index=True).merge(homes, on="building_id")
    residents = draws[draws["quantity"] == "residents"]
    people = dict(zip(residents["settlement_id"].fillna(REST), residents["draws"], strict=True))
    kinds = settlements.set_index("settlement_id")["kind"]
    streams = dict(zip(settlements["settlement_id"].astype(str), stream_names(settlements), strict=True))
    squares = homes.assign(square=homes["floor_m2"] ** 2).groupby("place")[["floor_m2", "square"]].sum()
    whole = {str(place): (float(floor), float(square)) for place, floor, square in squares.itertuples(name=None)}
    rows: list[dict[str, object]] = []
    summed: dict[tuple[object, ...], tuple[int, Draws]] = {}
    for place, rule, since, inside in _cells(zones):
        if place not in people:
            continue
        floor, square = whole[place]
        uniform = generator(seed, area_id, "exposure", streams.get(place, REST_STREAM)).random(KEPT)
        share = float(inside["floor_m2"].sum()) / floor
        part = np.rint(np.asarray(people[place]) * _share_draws(share, floor**2 / square, uniform))
        kind = kinds.get(place) if place != REST else None
        if place != REST:
            values = (area_id, place, kind, rule, since, len(inside))
            rows.append({**dict(zip(COLUMNS, values, strict=True)), **quantiles(part)})
        for group in {(kind, rule, since), (None, rule, since)} if kind else {(None, rule, since)}:
            count, total = summed.get(group, (0, np.zeros(KEPT)))
            summed[group] = count + len(inside), total + part
    rows += [
        {**dict(zip(COLUMNS, (area_id, None, *group, count), strict=True)), **quantiles(total)}
        for group, (count, total) in summed.items()
    ]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "p05", "p25", "p50", "p75", "p95", "mean"])
    return table.astype({"since": "Int64", "settlement_id": "str", "kind": "str", "rule_id": "str"})


def _homes(buildings: pd.DataFrame) -> pd.DataFrame:
    """Return the buildings in which people may live, with their floor area and the place that they belong to."""
    floor = home_floor_m2(
        buildings["kind"].to_numpy(dtype=str),
        buildings["footprint_m2"].to_numpy(dtype=float),
        buildings["levels"].to_numpy(dtype=float),
    )
    seen = buildings["first_seen_year"] if "first_seen_year" in buildings else pd.Series(pd.NA, buildings.index)
    table = pd.DataFrame(
        {
            "building_id": buildings["building_id"],
            "place": buildings["settlement_id"].fillna(REST).astype(str),
            "floor_m2": floor,
            "first_seen_year": seen.astype("Float64"),
        }
    )
    return table[table["floor_m2"] > 0]


def _cells(zones: pd.DataFrame) -> Iterator[tuple[str, str | None, int | None, pd.DataFrame]]:
    """Yield the homes of each place in each zone (None: any that binds), today and as far as they stood in a year."""
    for (key, rule), inside in zones.groupby(["place", "rule_id"], sort=True):
        place, name = str(key), None if rule == _ANY else str(rule)
        yield place, name, None, inside
        if inside["first_seen_year"].isna().all():
            continue
        for year in EPOCHS:
            standing = inside[(inside["first_seen_year"] <= year).fillna(value=False).to_numpy(dtype=bool)]
            if len(standing):
                yield place, name, year, standing


def _share_draws(share: float, homes: float, uniform: Draws) -> Draws:
    if not 0 < share < 1:
        return np.full(uniform.shape, min(max(share, 0.0), 1.0))
    total = worth(homes)
    return np.asarray(special.betaincinv(share * total, (1 - share) * total, uniform))
