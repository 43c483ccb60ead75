"""Which settlement a user's label speaks of: by identifier, by name, by a point or a polygon on the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from pipeline.wording.spelling import key

if TYPE_CHECKING:
    import geopandas as gpd

    from pipeline.transform.settlements.neighbour_graph import Labels

BESIDE_M = 50.0
"""A point on the street in front of a settlement, so far from its outline, is in it."""
MOST = 0.5
"""A polygon speaks of every settlement of which it covers this share, or of the one in which this share of it lies."""


@dataclass(frozen=True)
class Matched:
    """Labels that found their settlement.

    Attributes
    ----------
    kinds
        The kind that each labelled settlement is told, by settlement_id.
    lost
        How many labels speak of no settlement, or of one name that several have.
    contradictory
        How many labels contradict another one of the same settlement; none of them counts.
    """

    kinds: pd.Series
    lost: int
    contradictory: int


def match(settlements: gpd.GeoDataFrame, labels: gpd.GeoDataFrame) -> Matched:
    """Find the settlements that labels speak of.

    Parameters
    ----------
    settlements
        `settlement_id`, `name` and outlines, in metres.
    labels
        `place` (an identifier, or a name in any spelling; may be empty), `kind`, and a geometry in the same CRS, or
        None. The place counts before the ground; where several settlements have its name, the ground decides.
    """
    named = settlements["name"].map(key, na_action="ignore")
    of_name = pd.Series(np.arange(len(named)), index=named).groupby(level=0).agg(list)
    row_of = pd.Series(np.arange(len(settlements)), index=settlements["settlement_id"])
    ground = _on_ground(settlements, labels)
    told: list[tuple[int, int]] = []
    for label, place in enumerate(labels["place"]):
        if place in row_of.index:
            rows = [int(row_of[place])]
        else:
            rows = list(of_name.get(key(place), [])) if place else []
            if len(rows) != 1:
                on_it = ground.get(label, [])
                rows = [row for row in on_it if row in rows] if rows else on_it
        told += [(label, row) for row in rows]
    pairs = pd.DataFrame(told, columns=["label", "row"]).astype(np.int64)
    pairs["kind"] = labels["kind"].to_numpy()[pairs["label"]]
    agree = pairs.groupby("row")["kind"].transform("nunique") == 1
    kinds = pairs[agree].drop_duplicates("row").sort_values("row").set_index("row")["kind"]
    kinds.index = pd.Index(settlements["settlement_id"].to_numpy()[kinds.index], name="settlement_id")
    return Matched(kinds, len(labels) - pairs["label"].nunique(), pairs.loc[~agree, "label"].nunique())


def _on_ground(settlements: gpd.GeoDataFrame, labels: gpd.GeoDataFrame) -> dict[int, list[int]]:
    """Return the settlements on the ground of each label that has one, by position."""
    shapes = np.asarray(labels.geometry.array, dtype=object)
    outlines = np.asarray(settlements.geometry.array, dtype=object)
    tree = shapely.STRtree(outlines)
    areal = np.flatnonzero(shapely.get_dimensions(shapes) == 2)
    spots = np.flatnonzero(~shapely.is_missing(shapes) & (shapely.get_dimensions(shapes) < 2))
    area, row = tree.query(shapes[areal], predicate="intersects")
    at, nearest = tree.query_nearest(shapes[spots], max_distance=BESIDE_M, all_matches=False)
    found = [_mostly_shared(outlines, shapes, areal[area], row), np.stack([spots[at], nearest])]
    out: dict[int, list[int]] = {}
    for label, row in np.concatenate(found, axis=1).T.tolist():
        out.setdefault(label, []).append(row)
    return out


def _mostly_shared(outlines: np.ndarray, shapes: np.ndarray, label: Labels, row: Labels) -> Labels:
    """Return the pairs of polygon and settlement of which one holds most of the other, shape (2, n)."""
    shared = shapely.area(shapely.intersection(shapes[label], outlines[row]))
    most = (shared >= MOST * shapely.area(outlines[row])) | (shared >= MOST * shapely.area(shapes[label]))
    return np.stack([label[most], row[most]])
