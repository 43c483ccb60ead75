"""A user's register as it applies to an area: which of its rows speak of which place, and what in it cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.schema.provenance import Notice
from pipeline.transform.population.register_matching import listed, owner, owners
from pipeline.wording import spelling

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    Draws = NDArray[np.float64]

IMPLAUSIBLE = 3.0
"""A register with more than this many times the residents' upper estimate belongs to another place or unit."""

WHOLE = ""
"""Stands for the whole area where settlements are named by their ids."""
_CITY = ("{}", "г. {}", "город {}", "{} шаары", "{} қаласы", "{} city", "city of {}")
"""How a register may write the name of the whole area."""
CLOSE_YEARS = 2
"""A register may be so many years younger or older than the houses without a word."""
UNLIKELY = 0.15
"""Settlements' registers that were believed to lie so high, or so low, with a smaller probability are told of."""
RASTER_AGREES = 0.25
"""A population raster and a register differ by so much in their logarithms without a word: ghosts, years, rounding."""


@dataclass(frozen=True)
class Register:
    """A register as it applies here: registered people of the whole area (None: not given) and of settlements.

    `years` is by how much its newest figures are younger or older than the houses.
    """

    area: float | None = None
    settlements: dict[str, float] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    years: float = 0.0


def resolve(
    registered: pd.DataFrame | None,
    settlements: pd.DataFrame,
    *,
    area_names: Collection[str] = (),
    year: int | None = None,
) -> Register:
    """Assign the rows of a register to the area and to its settlements.

    Parameters
    ----------
    registered
        Columns name (empty: the whole area), registered, year; of several years the latest counts.
    settlements
        Columns settlement_id and names; a row is assigned where exactly one settlement bears its name.
    area_names
        Names of the whole area, which rows of the whole may bear.
    year
        Year that the houses show; None: unknown.
    """
    if registered is None:
        return Register()
    valid = registered["registered"] > 0
    notices = []
    if not valid.all():
        notices.append(Notice("registered", "register_rows_unusable", int((~valid).sum())))
    rows = registered[valid].sort_values(["year", "registered"], kind="stable")
    rows = rows.assign(name=rows["name"].fillna(""))
    bearers = owners(settlements)
    whole_names = {spelling.key(form.format(name)) for name in area_names for form in _CITY}

    def place_of(name: str) -> str | None:
        settlement = owner(name, bearers)
        if not name or (settlement is None and spelling.is_readable(name) and spelling.key(name) in whole_names):
            return WHOLE
        return settlement

    rows = rows.assign(place=pd.Series([place_of(name) for name in rows["name"]], rows.index, dtype="object"))
    if unknown := rows.loc[rows["place"].isna(), "name"].tolist():
        names = listed(dict.fromkeys(unknown))
        notices.append(Notice("registered", "register_names_unknown", len(unknown), {"names": names}))
    known = rows[rows["place"].notna()]
    notices += _repeated(known)
    latest = known.drop_duplicates("place", keep="last").set_index("place")
    people = {str(place): float(count) for place, count in latest["registered"].items()}
    whole = people.pop(WHOLE, None)
    if whole is not None and whole < (parts := sum(people.values())):
        largest = latest.loc[list(people)].sort_values("registered").iloc[-1]
        values: dict[str, str | float] = {"whole": whole, "parts": parts}
        values |= {"name": str(largest["name"]), "people": float(largest["registered"])}
        notices.append(Notice("registered", "register_whole_too_small", values=values))
        whole = None
    newest = None if latest.empty else int(latest["year"].max())
    if year is not None and newest is not None and abs(newest - year) > CLOSE_YEARS:
        notices.append(Notice("registered", "register_of_another_time", values={"register": newest, "houses": year}))
    apart = 0.0 if year is None or newest is None else float(abs(newest - year))
    return Register(whole, people, notices, apart)


def _repeated(rows: pd.DataFrame) -> list[Notice]:
    """Name the places that several rows speak of, where that is more than a row for each year."""
    notices = []
    for _, group in rows.groupby("place", sort=True):
        if len(group["name"].unique()) > 1 or group["year"].duplicated().any():
            told = ", ".join(
                f"{name or 'the whole area'} {count:,.0f} ({year})"
                for name, count, year in zip(group["name"], group["registered"], group["year"], strict=True)
            )
            notices.append(Notice("registered", "register_rows_of_one_place", len(group) - 1, {"rows": told}))
    return notices


def plausible(people: float, residents: Draws, where: str) -> tuple[bool, list[Notice]]:
    """Tell whether a register's figure can belong to a place with these residents, and note one that is too large."""
    upper = float(np.quantile(residents, 0.95))
    if people > IMPLAUSIBLE * upper:
        values: dict[str, str | float] = {"place": where, "people": people, "times": IMPLAUSIBLE, "upper": upper}
        return False, [Notice("registered", "register_implausible", values=values)]
    if people > upper:
        values = {"place": where, "people": people, "upper": upper}
        return True, [Notice("registered", "register_above_residents", values=values)]
    return True, []


def beside_houses(probability: float, registers: int) -> list[Notice]:
    """Tell where the middle of the settlements' registers is far from what their houses were believed to hold.

    Examples
    --------
    >>> [notice.code for notice in beside_houses(0.97, 12)]
    ['registers_above_houses']
    >>> beside_houses(0.6, 12)
    []
    """
    values: dict[str, str | float] = {"registers": registers, "believed": max(probability, 1 - probability)}
    if probability > 1 - UNLIKELY:
        return [Notice("registered", "registers_above_houses", values=values)]
    if probability < UNLIKELY:
        return [Notice("registered", "registers_below_houses", values=values)]
    return []


def of_another_boundary(probability: float, people: float, residents: Draws, where: str) -> list[Notice]:
    """Tell of a settlement's register that is rather of another boundary than of the outline found here."""
    if probability <= 0.5:  # noqa: PLR2004 - rather than not
        return []
    values: dict[str, str | float] = {"place": where, "people": people, "residents": float(np.median(residents))}
    return [Notice("registered", "register_of_another_boundary", values=values)]


def boundary_doubt(registered: float | None, raster: float | None) -> float:
    """Return by how much the log of the area's register is in doubt because a population raster contradicts it.

    What is beyond `RASTER_AGREES`: the register may be of a wider or narrower boundary than the area.

    Examples
    --------
    >>> boundary_doubt(100_000, 110_000)
    0.0
    >>> round(boundary_doubt(65_000, 100_000), 2)
    0.18
    """
    if not registered or not raster:
        return 0.0
    return max(abs(float(np.log(raster / registered))) - RASTER_AGREES, 0.0)
