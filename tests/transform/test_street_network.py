"""Streets of settlements: grids, cul-de-sacs and winding lanes measure as they are laid out; the rest is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import osmnx as ox
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.transform.settlements.street_network import COLUMNS, graph, measure, segments

if TYPE_CHECKING:
    import networkx as nx

CRS = "EPSG:32643"


def grid(side: int, step_m: float = 100.0) -> list[shapely.LineString]:
    """`side` streets each way, every crossing a common vertex."""
    at = step_m * np.arange(side)
    return [shapely.LineString([(x, y) for y in at]) for x in at] + [
        shapely.LineString([(x, y) for x in at]) for y in at
    ]


def settlement(lines: list[shapely.LineString]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"settlement_id": ["s"]}, geometry=[shapely.union_all(lines).buffer(20).convex_hull], crs=CRS
    )


def network(lines: list[shapely.LineString]) -> nx.MultiDiGraph:
    shapes, ends, points = segments(np.array(lines, dtype=object))
    return graph(ends, shapely.length(shapes), points, CRS)


def roads(lines: list[shapely.LineString], highway: str = "residential") -> dict[str, gpd.GeoDataFrame]:
    return {"roads": gpd.GeoDataFrame({"highway": highway}, geometry=lines, crs=CRS, index=range(len(lines)))}


def test_a_grid_has_blocks_and_straight_streets_and_no_dead_ends() -> None:
    lines = grid(5)
    found = measure(settlement(lines), roads(lines)).iloc[0]
    assert found["block_ha"] == pytest.approx(1.0)
    assert found["dead_end_share"] == 0
    assert found["straightness"] == pytest.approx(1.0, abs=0.06)  # a corner's two sides are one street
    # 9 crossings of four streets and 12 of three; the corners are no junctions.
    assert found["streets_per_node"] == pytest.approx((9 * 4 + 12 * 3) / 21)


def test_a_street_with_culs_de_sac_has_dead_ends_and_no_blocks() -> None:
    along = shapely.LineString([(100.0 * n, 0) for n in range(9)])
    lanes = [shapely.LineString([(100.0 * n, 0), (100.0 * n, 80)]) for n in range(1, 8)]
    found = measure(settlement([along, *lanes]), roads([along, *lanes])).iloc[0]
    assert np.isnan(found["block_ha"])
    assert found["dead_end_share"] == pytest.approx(9 / 16)
    assert found["straightness"] == pytest.approx(1.0)


def test_winding_lanes_are_less_straight() -> None:
    bend = np.linspace(0, 6 * np.pi, 60)
    lines = [shapely.LineString(np.stack([20 * bend, 40 * np.sin(bend) + 200 * n], axis=1)) for n in range(4)]
    assert measure(settlement(lines), roads(lines)).iloc[0]["straightness"] < 0.8


def test_what_is_not_mapped_is_unknown() -> None:
    lines = grid(5)
    place = settlement(lines)
    for layers in ({}, roads([]), roads(lines, "footway"), roads(lines[:1])):
        found = measure(place, layers)
        assert list(found.columns) == list(COLUMNS)
        assert found.isna().all(axis=None)


@settings(max_examples=20, deadline=None)
@given(side=st.integers(2, 5), split=st.booleans(), order=st.randoms(use_true_random=False))
def test_how_a_street_is_cut_into_ways_changes_nothing(side: int, split: bool, order: object) -> None:  # noqa: FBT001
    lines = grid(side)
    if split:
        lines = [shapely.LineString(pair) for line in lines for pair in zip(line.coords, line.coords[1:], strict=False)]
    order.shuffle(lines)  # type: ignore[attr-defined]
    made, whole = (network(streets) for streets in (lines, grid(side)))
    assert sorted(ox.stats.count_streets_per_node(made).values()) == sorted(
        ox.stats.count_streets_per_node(whole).values()
    )
    assert ox.stats.street_length_total(ox.convert.to_undirected(made)) == pytest.approx(2 * side * (side - 1) * 100.0)
