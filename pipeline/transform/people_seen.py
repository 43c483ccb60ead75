"""As far as the inputs see: which share of the people whom something independent shows live where buildings are mapped.

A total of a city that its inputs hardly show is no total. The share is told with every product, and decides what may be
said: the city, the mapped part of it, or nothing. Where nothing independent shows the people, the share is unknown, and
that is told instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pipeline.geometry.arrays import Floats

CITY_SHARE = 0.8
"""From here on, what is mapped stands for the city."""
LEAST_SHARE = 0.2
"""Below, not even the mapped part is told: what it shows of the city is an accident of mapping."""
ROOF_PER_PERSON_M2 = 2.0
"""A tower block has some 5 m² of roof per resident, a cottage 20 or more; below this, most roofs are missing."""
LEAST_HOMES = 50
"""Fewer homes than this are no city, unless something independent shows that it has no more."""
SAME_SPREAD = 0.2
"""Standard deviation of ln people per roof over cells below which a raster was made from these very outlines; rasters
of their own differed by 0.27 and more (three simulated cities, whole and thinned out), copies by 0.07 to 0.17."""
SAME_EMPTY = 0.01
"""… and it then shows no people where the outlines show no roof: at most this share of them."""
DECADE = 10
"""A raster so many years from the buildings shows another city."""
DOUBT = 0.3
"""Doubt about a published figure, as a share of it (boundary, season, rounding)."""
_MAD_OF_NORMAL = 0.6745
"""Median absolute deviation of a normal distribution, in standard deviations."""
OUTSIDE_SHARE = 0.25
"""A raster that is empty where this share of the roofs stands has another boundary than the area."""


@dataclass(frozen=True)
class PeopleSeen:
    """How much of an area the inputs see, and what may therefore be told of it.

    Attributes
    ----------
    share
        Share of the people, 0 to 1; None: nothing independent tells.
    basis
        What tells: ``population``, ``built_up``, or ``none``.
    told
        ``city``, ``unknown`` (all that is mapped, which may be the city or not), ``mapped_part`` or ``nothing``.
    reason
        Code of the reason (see `vocabulary.CODES["told_reason"]`).
    """

    share: float | None
    basis: str
    told: str
    reason: str


def people_seen(
    cells: pd.DataFrame,
    *,
    homes: int,
    buildings_year: int | None,
    population_year: int | None,
) -> PeopleSeen:
    """Return which share of an area's people lives where its buildings are mapped.

    Each cell's people count as far as its roofs are mapped: by the built-up area that a satellite shows there (roofs
    over built-up m², at most 1), or where no such raster is given, wholly from `ROOF_PER_PERSON_M2` on. That is blind
    to houses that are missing beside others: a map of a single source that looks complete by it may lack every second
    house, and nothing is told of its share (cells that nobody mapped show all the same).

    Parameters
    ----------
    cells
        Table `coverage`: people and built-up area (NaN: not given) and roofs, also by source, per 500 m cell.
    homes
        Number of homes in the area.
    buildings_year, population_year
        Years that the buildings and the population raster show; None: unknown.
    """
    roofs = [cells[f"roof_{source}m2"].to_numpy(dtype=float) for source in ("", "osm_", "satellite_")]
    built = _given(cells["built_m2"])
    people = _given(cells["people"])
    reason = "no_raster"
    if people is not None:
        reason = _unfit(people, roofs, buildings_year, population_year)
        people = None if reason else people
    basis = "population" if people is not None else "built_up" if built is not None else "none"
    if basis == "none":
        return _without_raster(homes, reason)
    roof = roofs[0]
    weight = people if people is not None else built
    assert weight is not None  # noqa: S101 - follows from the basis
    if built is not None:
        mapped = np.where(built > 0, np.minimum(1, roof / np.maximum(built, 1)), roof >= ROOF_PER_PERSON_M2 * weight)
    else:
        mapped = (roof > 0) & (roof >= ROOF_PER_PERSON_M2 * weight)
    share = float((weight * mapped).sum() / weight.sum())
    if share >= CITY_SHARE and built is None and not (roofs[1].any() and roofs[2].any()):
        return PeopleSeen(None, "none", "unknown", "one_source")
    return PeopleSeen(share, basis, *_told(share))


def contradicted(seen: PeopleSeen, low: float, high: float, published: Sequence[float]) -> PeopleSeen:
    """Return what may be told once published populations of the same city and time are held against the estimate.

    Parameters
    ----------
    seen
        What the inputs see.
    low, high
        90 % interval of the residents of the mapped part.
    published
        Published populations of the city at most a few years away.
    """
    share = seen.share or 1.0
    agrees = any(low <= figure * share * (1 + DOUBT) and figure * share * (1 - DOUBT) <= high for figure in published)
    if seen.told == "nothing" or not published or agrees:
        return seen
    return PeopleSeen(seen.share, seen.basis, "nothing", "published_outside")


def _given(column: pd.Series) -> Floats | None:
    values = np.nan_to_num(column.to_numpy(dtype=float))
    return values if values.sum() > 0 else None


def _told(share: float) -> tuple[str, str]:
    if share >= CITY_SHARE:
        return "city", "seen"
    return ("mapped_part", "partly_seen") if share >= LEAST_SHARE else ("nothing", "hardly_seen")


def _without_raster(homes: int, reason: str) -> PeopleSeen:
    if homes < LEAST_HOMES:
        return PeopleSeen(None, "none", "nothing", "few_homes")
    return PeopleSeen(None, "none", "unknown", reason)


def _unfit(people: Floats, roofs: Sequence[Floats], buildings_year: int | None, population_year: int | None) -> str:
    """Return why a population raster tells nothing of these outlines; empty: it does."""
    if buildings_year is not None and population_year is not None and abs(buildings_year - population_year) > DECADE:
        return "raster_of_another_time"
    if roofs[0][people <= 0].sum() > OUTSIDE_SHARE * max(roofs[0].sum(), 1.0):
        return "raster_of_another_boundary"
    if any(_made_from(people, outlines) for outlines in roofs):
        return "raster_from_these_outlines"
    return ""


def _made_from(people: Floats, roof: Floats) -> bool:
    """Tell whether people follow these roofs so closely that the raster must have been made from them."""
    both = (people > 0) & (roof > 0)
    if both.sum() < 2 or people[roof <= 0].sum() > SAME_EMPTY * people.sum():
        return False
    log, weight = np.log(people[both]) - np.log(roof[both]), people[both]
    deviation = np.abs(log - _median(log, weight))
    return _median(deviation, weight) / _MAD_OF_NORMAL < SAME_SPREAD


def _median(values: Floats, weight: Floats) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def only_as_seen(rows: pd.DataFrame, seen: PeopleSeen) -> pd.DataFrame:
    """Return the rows of an estimate (`population.Population.rows`) that may be told, given what the inputs see.

    A mapped part is not comparable with what other methods say of the whole area: their rows are left out.
    """
    if seen.told == "nothing":
        return rows.iloc[:0]
    if seen.told != "mapped_part":
        return rows
    return rows[rows["settlement_id"].notna() | rows["main"]].reset_index(drop=True)
