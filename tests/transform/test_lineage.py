"""Ids that last: what a settlement of an earlier release has become, and that what nobody touched keeps its id."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from pipeline.transform.settlements import Delineation, Lineage, delineate, follow, trace
from tests.transform.fabrics import layers, quarter, town

Row = tuple[str, str | None, shapely.Geometry]


def places(*rows: Row) -> gpd.GeoDataFrame:
    names = pd.DataFrame({"settlement_id": [row[0] for row in rows], "name": [row[1] for row in rows]}, dtype="str")
    return gpd.GeoDataFrame(names, geometry=[row[2] for row in rows], crs="EPSG:32643")


def traced(new: gpd.GeoDataFrame, old: gpd.GeoDataFrame) -> Lineage:
    centres = new.geometry.centroid.to_crs("EPSG:4326")
    middles = pd.DataFrame({"lat": centres.y.to_numpy(), "lon": centres.x.to_numpy()}, index=new["settlement_id"])
    return trace(new, old, "a", middles)


def told(table: pd.DataFrame) -> set[tuple[str | None, str | None, str]]:
    rows = table[["old_id", "new_id", "relation"]].astype(object)
    return set(rows.where(rows.notna(), None).itertuples(index=False, name=None))


A, B, C = box(0, 0, 100, 100), box(200, 0, 300, 100), box(5000, 0, 5100, 100)


@pytest.mark.parametrize(
    ("old", "new", "ids", "relations"),
    [
        pytest.param(
            [("a/1", None, A)],
            [("a/2", None, box(3, 0, 108, 100))],
            {"a/2": "a/1"},
            {("a/1", "a/1", "same")},
            id="an outline that moved",
        ),
        pytest.param(
            [("a/1", None, box(0, 0, 300, 100))],
            [("a/1", None, A), ("a/2", None, box(120, 0, 300, 100))],
            {"a/2": "a/1"},
            {("a/1", "a/1", "split"), ("a/1", "*", "split")},
            id="split: the larger part has the id, though the smaller lies where it came from",
        ),
        pytest.param(
            [("a/1", None, A), ("a/2", None, box(110, 0, 300, 100))],
            [("a/3", None, box(0, 0, 300, 100))],
            {"a/3": "a/2"},
            {("a/1", "a/2", "merged"), ("a/2", "a/2", "merged")},
            id="merged",
        ),
        pytest.param(
            [("a/1", None, A), ("a/2", None, C)],
            [("a/1", None, A), ("a/3", None, B)],
            {"a/1": "a/1", "a/3": "a/3"},
            {("a/1", "a/1", "same"), (None, "a/3", "new"), ("a/2", None, "gone")},
            id="new and gone",
        ),
        pytest.param(
            [("a/1", "Ак-Өргө", A)],
            [("a/2", "Ак-Орго", box(300, 0, 400, 100))],
            {"a/2": "a/1"},
            {("a/1", "a/1", "same")},
            id="one name near by",
        ),
        pytest.param(
            [("a/1", "Ак-Өргө", A)],
            [("a/2", "Ак-Өргө", C)],
            {"a/2": "a/2"},
            {(None, "a/2", "new"), ("a/1", None, "gone")},
            id="one name far away",
        ),
        pytest.param(
            [("a/1", None, A)],
            [("a/1", None, B)],
            {"a/1": "a/1"},
            {("a/1", "a/1", "same")},
            id="one place",
        ),
        pytest.param(
            [("a/1", 'Ак \' "Өргө" 🏠', A)],
            [],
            {},
            {("a/1", None, "gone")},
            id="nothing is left",
        ),
        pytest.param([], [("a/1", None, A)], {"a/1": "a/1"}, {(None, "a/1", "new")}, id="nothing was there"),
        pytest.param([], [], {}, set(), id="nothing at all"),
    ],
)
def test_what_becomes_of_settlements(
    old: list[Row], new: list[Row], ids: dict[str, str], relations: set[tuple[str | None, str | None, str]]
) -> None:
    found = traced(places(*new), places(*old))
    assert found.ids.items() >= ids.items()
    fresh = [name for name in found.ids.values() if name not in {row[0] for row in (*old, *new)}]
    assert told(found.table) == {
        (before, fresh[0] if after == "*" else after, relation) for before, after, relation in relations
    }
    assert len(set(found.ids.values())) == len(new)


def test_an_id_that_was_given_is_given_to_nobody_else() -> None:
    """The new settlement lies where the old one's id comes from; that one lives on elsewhere."""
    old = places(("a/42.000,74.000", None, box(0, 0, 300, 100)))
    new = places(("a/42.000,74.000", None, B.buffer(-45)), ("a/42.001,74.002", None, box(0, 0, 290, 100)))
    found = traced(new, old)
    assert found.ids["a/42.001,74.002"] == "a/42.000,74.000"
    assert found.ids["a/42.000,74.000"] not in set(new["settlement_id"])


@given(seed=st.integers(0, 10_000), shift=st.floats(0, 10))
@settings(max_examples=50, deadline=None)
def test_small_shifts_change_no_id_and_order_changes_nothing(seed: int, shift: float) -> None:
    generator = np.random.default_rng(seed)
    corners = generator.permutation(400)[:40]
    x, y = corners % 20 * 150.0, corners // 20 * 150.0
    old = places(*((f"a/{n}", None, box(x[n], y[n], x[n] + 120, y[n] + 120)) for n in range(40)))
    moved = old.assign(settlement_id=[f"a/new{n}" for n in range(40)]).set_geometry(old.translate(shift, -shift))
    found = traced(moved, old)
    assert found.ids == {f"a/new{n}": f"a/{n}" for n in range(40)}
    mixed = traced(moved.iloc[generator.permutation(40)], old.iloc[generator.permutation(40)])
    pd.testing.assert_frame_equal(mixed.table, found.table)
    assert set(follow(moved, old, "a")["relation"]) == {"same"}


def test_what_nobody_touched_keeps_its_id_through_added_removed_and_split_settlements() -> None:
    def settled(*quarters: gpd.GeoDataFrame) -> Delineation:
        return delineate(town(*quarters), layers(), "a")

    grid = [(column * 400, row * 400) for column in range(5) for row in range(4)]
    blocks = [quarter(x, y, 6, 4, seed=n) for n, (x, y) in enumerate(grid)]
    before = settled(*blocks)
    halves = [quarter(0, 0, 3, 4), quarter(250, 0, 3, 4, seed=99)]
    after = settled(quarter(2600, 2600, 8, 6, seed=7), *halves, *blocks[1:-1])
    old, new = (frame.settlements.assign(name=None) for frame in (before, after))
    found = trace(new, old, "a", after.middles)
    kept = found.table[found.table["relation"] == "same"]
    assert (kept["old_id"] == kept["new_id"]).all()
    assert len(old) == 20
    assert len(kept) >= 18
    assert {"new", "gone"} <= set(found.table["relation"])
    houses = found.renamed(pd.DataFrame({"settlement_id": after.membership}))
    assert set(houses["settlement_id"].dropna()) == set(found.ids.values())
