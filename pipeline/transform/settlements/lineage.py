"""Which settlement of an earlier release each settlement is: ids are carried over, splits and merges are told.

Two outlines are of one settlement where one covers at least `SAME_GROUND` of the other. Settlements that no ground
connects are the same where they bear one name near by, or where the place itself gave both the same id. Each id goes
to the successor that shares the most ground with it; whatever gets none has an id from its own place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
import shapely

from pipeline.geometry.outline_overlap import Outlines, overlaps
from pipeline.transform.settlements.delineation import ID_DIGITS, ID_MOST_DIGITS, place_id
from pipeline.wording.spelling import key

if TYPE_CHECKING:
    from collections.abc import Container

    import geopandas as gpd

Frame = TypeVar("Frame", bound=pd.DataFrame)

SAME_GROUND = 0.5
"""Share of the smaller outline that two outlines of one settlement have in common."""
NEAR_M = 1000.0
"""Within this a settlement of the same name is the same one, even where its outline has left the ground it covered."""
COLUMNS = ("area_id", "old_id", "new_id", "relation", "overlap")


@dataclass(frozen=True, slots=True)
class Lineage:
    """What `trace` returns."""

    ids: dict[str, str]
    """The id of each settlement, by the one that its place gives it."""
    table: pd.DataFrame
    """A row for each pair of an old settlement and a new one that are the same, or of which one came out of the other:
    area_id, old_id (missing: new), new_id (missing: gone), relation (same, split, merged, new, gone), overlap (shared
    ground as a share of the ground of both)."""

    def renamed(self, frame: Frame) -> Frame:
        """Return a frame with its settlement_id carried over; what is in no settlement stays so."""
        ids = frame["settlement_id"].map(lambda name: self.ids.get(name, name)).astype(frame["settlement_id"].dtype)
        return frame.assign(settlement_id=ids)


def trace(new: gpd.GeoDataFrame, old: gpd.GeoDataFrame | None, area_id: str, middles: pd.DataFrame) -> Lineage:
    """Find out which settlement of an earlier release each settlement is.

    Parameters
    ----------
    new, old
        settlement_id and name, with outlines in the same CRS in metres; ids of `new` come from the places. Without
        `old` they stay, and there is no descent to tell.
    area_id
        The area.
    middles
        lon and lat (degrees) by settlement_id of `new`: what a further digit of an id is taken from.

    Returns
    -------
    Lineage
        The order of the rows changes nothing.
    """
    if old is None:
        return Lineage({}, pd.DataFrame(columns=list(COLUMNS)))
    new, old = (frame.sort_values("settlement_id", ignore_index=True) for frame in (new, old))
    pairs = _pairs(new, old)
    carried = _carried(pairs)
    names, before = new["settlement_id"].tolist(), old["settlement_id"].tolist()
    taken = set(before)
    ids: dict[str, str] = {}
    for number, name in enumerate(names):
        heir = carried.get(number)
        ids[name] = _fresh(name, area_id, middles, taken) if heir is None else before[heir]
        taken.add(ids[name])
    return Lineage(ids, _table(pairs, [ids[name] for name in names], before, area_id))


def follow(new: gpd.GeoDataFrame, old: gpd.GeoDataFrame, area_id: str) -> pd.DataFrame:
    """Return the table of `Lineage` for settlements that keep the ids they have.

    Parameters
    ----------
    new, old
        settlement_id and name, with outlines in the same CRS in metres.
    area_id
        The area.
    """
    new, old = (frame.sort_values("settlement_id", ignore_index=True) for frame in (new, old))
    return _table(_pairs(new, old), new["settlement_id"].tolist(), old["settlement_id"].tolist(), area_id)


def _table(pairs: pd.DataFrame, new: list[str], old: list[str], area_id: str) -> pd.DataFrame:
    olds, news = pairs.groupby("new")["old"].transform("size"), pairs.groupby("old")["new"].transform("size")
    rows = pd.DataFrame(
        {
            "old_id": [old[number] for number in pairs["old"]],
            "new_id": [new[number] for number in pairs["new"]],
            "relation": np.select([news > 1, olds > 1], ["split", "merged"], "same"),
            "overlap": pairs["overlap"],
        }
    )
    came = pd.DataFrame({"new_id": [new[number] for number in sorted(set(range(len(new))) - set(pairs["new"]))]})
    went = pd.DataFrame({"old_id": [old[number] for number in sorted(set(range(len(old))) - set(pairs["old"]))]})
    parts = [rows, came.assign(relation="new", overlap=0.0), went.assign(relation="gone", overlap=0.0)]
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return table.assign(area_id=area_id).reindex(columns=list(COLUMNS))


def _pairs(new: gpd.GeoDataFrame, old: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the pairs of rows that are one settlement or parts of it: new, old, overlap."""
    outlines = [Outlines.of(np.asarray(frame.geometry.array, dtype=object)) for frame in (new, old)]
    shared = overlaps(*outlines)
    area_new, area_old = outlines[0].area[shared.left], outlines[1].area[shared.right]
    same = shared.area_m2 >= SAME_GROUND * np.minimum(area_new, area_old)
    overlap = np.minimum(shared.area_m2 / (area_new + area_old - shared.area_m2), 1.0)  # but for rounding
    pairs = pd.DataFrame({"new": shared.left[same], "old": shared.right[same], "overlap": overlap[same]})
    found = set(pairs["new"]), set(pairs["old"])
    more = []
    for left, right in (*_by_name(new, old), *_by_place(new, old)):
        if left not in found[0] and right not in found[1]:
            more.append({"new": left, "old": right, "overlap": 0.0})
            found[0].add(left)
            found[1].add(right)
    both = pd.concat([pairs, pd.DataFrame(more)], ignore_index=True) if more else pairs
    return both.sort_values(["new", "old"], ignore_index=True)


def _by_name(new: gpd.GeoDataFrame, old: gpd.GeoDataFrame) -> list[tuple[int, int]]:
    """Return pairs of one name within `NEAR_M` of each other, the nearest first."""
    keys = [[key(name) if isinstance(name, str) else None for name in frame["name"]] for frame in (new, old)]
    shapes = [np.asarray(frame.geometry.array, dtype=object) for frame in (new, old)]
    i, j = shapely.STRtree(shapes[1]).query(shapes[0], "dwithin", NEAR_M)
    named = [keys[0][a] for a in i.tolist()]
    alike = np.array([name is not None and name == keys[1][b] for name, b in zip(named, j, strict=True)], dtype=bool)
    i, j = i[alike], j[alike]
    distance = shapely.distance(shapes[0][i], shapes[1][j])
    order = np.lexsort((j, i, distance))
    return list(zip(i[order].tolist(), j[order].tolist(), strict=True))


def _by_place(new: gpd.GeoDataFrame, old: gpd.GeoDataFrame) -> list[tuple[int, int]]:
    rows = {name: number for number, name in enumerate(old["settlement_id"])}
    return [(number, rows[name]) for number, name in enumerate(new["settlement_id"]) if name in rows]


def _carried(pairs: pd.DataFrame) -> dict[int, int]:
    """Return which old row's id each new row carries: pairs with the largest overlap first, each row once."""
    ranked = pairs.sort_values(["overlap", "new", "old"], ascending=[False, True, True])
    carried: dict[int, int] = {}
    given: set[int] = set()
    for new, old in zip(ranked["new"].tolist(), ranked["old"].tolist(), strict=True):
        if new not in carried and old not in given:
            carried[new] = old
            given.add(old)
    return carried


def _fresh(name: str, area_id: str, middles: pd.DataFrame, taken: Container[str]) -> str:
    """Return an id from the place that no settlement of either release has."""
    lat, lon = (float(middles[side][name]) for side in ("lat", "lon"))
    finer = (place_id(area_id, lat, lon, digits) for digits in range(ID_DIGITS + 1, ID_MOST_DIGITS + 1))
    return next((candidate for candidate in (name, *finer) if candidate not in taken), f"{name}+")
