"""Statistical disclosure control: which units may be published, and how their figures are rounded.

A unit (a grid cell, a settlement, an area) is safe if it holds at least 10 homes and 50 people. Suppressing the unsafe
ones is not enough: where a total is published, the suppressed rest can be had by subtraction. So every difference that
published units allow (area less cells, area less settlements, settlement less cells, cell less settlements) must be
empty or safe itself; until it is, the smallest unit in it is withheld too (complementary suppression). The reasoning
assumes an attacker who knows the outlines of the settlements; rounding comes on top.

After: OCHA Centre for Humanitarian Data, Guidance Note on Statistical Disclosure Control (2019); Hundepool et al.,
Statistical Disclosure Control (2012), chapter 4.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import ArrayLike, NDArray

MIN_HOMES = 10
MIN_PERSONS = 50
MIN_SETTLEMENT_HOMES = 100
"""A settlement is published under its name only from this size on; its small neighbours appear in the grid at most."""

LEAST_NONE = 0.2
"""Share of the entries "fewer than 10" of an area in which it must be none, so that the class tells of nobody."""


class Reach(IntEnum):
    """How a zone lies to a unit on the map."""

    NONE = 0
    PART = 1
    COVERS = 2


@dataclass(frozen=True)
class Release:
    """The units that may be published."""

    cells: frozenset[str]
    settlements: frozenset[str]


def is_safe(counts: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each unit (columns `homes`, `persons`) may be published, or be found by subtraction."""
    return (counts["homes"] >= MIN_HOMES) & (counts["persons"] >= MIN_PERSONS)


def choose(atoms: pd.DataFrame, withheld: Collection[str] = ()) -> Release:
    """Choose the cells and settlements of one area that may be published together.

    Parameters
    ----------
    atoms
        One row per cell and settlement: `cell_id`, `settlement_id` (None: in none), `homes` (residential buildings,
        each at least one household), `persons` (estimated residents, median).
    withheld
        Cells and settlements that an earlier release withheld: they stay so, as the difference of two releases would
        tell of the few homes by which they grew.

    Returns
    -------
    Release
        The largest set that this greedy order finds; it satisfies ``unsafe_differences(atoms, release).empty``.
    """
    cells = _sums(atoms, "cell_id")
    settlements = _sums(atoms.dropna(subset=["settlement_id"]), "settlement_id")
    big = is_safe(settlements) & (settlements["homes"] >= MIN_SETTLEMENT_HOMES)
    release = Release(
        frozenset(cells.index[is_safe(cells)]) - frozenset(withheld),
        frozenset(settlements.index[big]) - frozenset(withheld),
    )
    while not (unsafe := unsafe_differences(atoms, release)).empty:
        units = unsafe.groupby("withhold_unit")["withhold"].agg(frozenset)
        release = Release(
            release.cells - units.get("cell_id", frozenset()),
            release.settlements - units.get("settlement_id", frozenset()),
        )
    return release


def unsafe_differences(atoms: pd.DataFrame, release: Release) -> pd.DataFrame:
    """Return the differences between published units that would disclose a group below the threshold.

    Returns
    -------
    DataFrame
        `difference` (what an attacker computes), `homes`, `persons`, and the unit to withhold: `withhold_unit`
        ("cell_id" or "settlement_id"), `withhold`.
    """
    shown = atoms.assign(
        cell_shown=atoms["cell_id"].isin(release.cells),
        settlement_shown=atoms["settlement_id"].isin(release.settlements),
        # Atoms of published settlements that lie in one cell, of published cells that hold one settlement.
        pure_cell=_lone(atoms, "cell_id", "settlement_id"),
        pure_settlement=_lone(atoms, "settlement_id", "cell_id"),
    )
    found = [
        *_below("area less cells", shown, shown["cell_shown"], "cell_id", None),
        *_below("area less settlements", shown, shown["settlement_shown"], "settlement_id", None),
        *_below(
            "settlement less cells",
            shown[shown["settlement_shown"]],
            shown["cell_shown"] & shown["pure_cell"],
            "cell_id",
            "settlement_id",
        ),
        *_below(
            "cell less settlements",
            shown[shown["cell_shown"]],
            shown["settlement_shown"] & shown["pure_settlement"],
            "settlement_id",
            "cell_id",
        ),
    ]
    columns = ["difference", "homes", "persons", "withhold_unit", "withhold"]
    return pd.DataFrame(found, columns=columns)


def _below(
    name: str, atoms: pd.DataFrame, taken: pd.Series[bool], unit: str, within: str | None
) -> list[tuple[str, float, float, str, str]]:
    """Return the unsafe rests of totals (of `within`, or of all atoms) after the `taken` units are subtracted."""
    taken = taken.reindex(atoms.index)
    group = atoms[within] if within is not None else pd.Series("", index=atoms.index)
    rest = atoms[~taken].groupby(group[~taken], sort=True)[["homes", "persons"]].sum()
    unsafe = rest[~is_safe(rest) & (rest["homes"] > 0)]
    found = []
    for key, row in unsafe.iterrows():
        inside = atoms[taken & (group == key)]
        if inside.empty:
            continue  # Nothing was subtracted: the total itself was judged before.
        smallest = inside.groupby(unit)[["homes"]].sum().reset_index().sort_values(["homes", unit])[unit].iloc[0]
        found.append((f"{name} {key}".strip(), float(row["homes"]), float(row["persons"]), unit, str(smallest)))
    return found


def _sums(atoms: pd.DataFrame, by: str) -> pd.DataFrame:
    return atoms.groupby(by, sort=True)[["homes", "persons"]].sum()


def _lone(atoms: pd.DataFrame, unit: str, other: str) -> pd.Series[bool]:
    """Return, for each atom, whether its `unit` meets only one `other` (None counts as one)."""
    kinds = atoms.groupby(unit)[other].agg(lambda names: names.nunique(dropna=False))
    return atoms[unit].map(kinds).eq(1)


def round_count(counts: ArrayLike) -> NDArray[np.int64]:
    """Round counts of buildings to the nearest 5."""
    return (np.floor(np.asarray(counts, dtype=float) / 5 + 0.5) * 5).astype(np.int64)


def share_class(part: ArrayLike, whole: ArrayLike, reach: ArrayLike) -> NDArray[np.str_]:
    """Return the class of a share (`vocabulary.SHARES`): how much, without telling of fewer than 10 homes.

    Parameters
    ----------
    part, whole
        Homes of each unit inside the zone, and all of them.
    reach
        `Reach` of the zone: that is known to everybody who has the outline of the hazard, and so no secret.

    Notes
    -----
    Where 1 to 9 homes are inside, or outside, one of the two classes holds that say "fewer than 10"; each of them also
    holds where it is none. A class for none alone would tell of the others that there is somebody.
    """
    part, whole = np.asarray(part, dtype=float), np.asarray(whole, dtype=float)
    conditions = [
        np.asarray(reach) == Reach.COVERS,
        (np.asarray(reach) == Reach.NONE) & (part == 0),
        part < MIN_HOMES,
        whole - part < MIN_HOMES,
        part <= whole / 2,
    ]
    return np.select(conditions, ["covered", "unreached", "below_10", "all_but_10", "up_to_half"], default="over_half")


def hide_where_none_is_rare(shares: NDArray[np.str_], part: ArrayLike) -> NDArray[np.str_]:
    """Return the classes of one area, or nothing of it, where "fewer than 10" would nearly always mean some."""
    low = shares == "below_10"
    rare = low.any() and np.mean(np.asarray(part)[low] == 0) < LEAST_NONE
    return np.full_like(shares, "untold") if rare else shares


def public_ids(area_id: str, shown: pd.DataFrame, kept: Mapping[str, str]) -> dict[str, str]:
    """Return the identifier under which each settlement is published: it tells no more than its row does.

    Digests of what only the full edition knows will not do: a place in thousandths of a degree is found again by trying
    them all. So an identifier is made of the published cell that holds most of the homes, and of a number among those
    of the same cell.

    Parameters
    ----------
    area_id
        The area.
    shown
        The published settlements: ``settlement_id``; ``cell_id``, empty where no cell of theirs is published;
        ``buildings`` as published.
    kept
        Identifiers of earlier releases, by settlement_id: they last, and none is given to another settlement.
    """
    ids = {settlement_id: kept[settlement_id] for settlement_id in shown["settlement_id"] if settlement_id in kept}
    taken = set(kept.values())
    ordered = shown.sort_values(["cell_id", "buildings", "settlement_id"], ascending=[True, False, True])
    for settlement_id, cell_id in ordered[["settlement_id", "cell_id"]].itertuples(index=False):
        if settlement_id not in ids:
            texts = (f"{cell_id or area_id} {number}" for number in count(1))
            names = (f"{area_id}/s{hashlib.sha256(text.encode()).hexdigest()[:10]}" for text in texts)
            ids[settlement_id] = next(name for name in names if name not in taken)
            taken.add(ids[settlement_id])
    return ids
