"""Distances from footprints to hazards: all pairs, exact, whatever the geometry."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Geod

from pipeline.geometry.distance import pair_distances
from pipeline.transform.red_zones import distances
from tests.transform.red_zone_city import METRIC, town

REACH = {"cemetery": 300.0, "railway": 500.0, "wetland": 0.0}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("threads", [1, 2])
def test_all_pairs_and_only_those_equal_brute_force(seed: int, threads: int) -> None:
    city = town(seed, houses=300)
    edges, footprints = city.hazards.geometry.to_numpy(), city.buildings.geometry.to_numpy()
    reach = city.hazards["hazard_class"].map(REACH).to_numpy()
    pairs = pair_distances(footprints, edges, reach, threads=threads)
    every = shapely.distance(edges[:, None], footprints[None, :])
    hazard, building = np.nonzero(every <= reach[:, None])
    np.testing.assert_array_equal(pairs.edge, hazard)
    np.testing.assert_array_equal(pairs.polygon, building)
    np.testing.assert_allclose(pairs.distance, every[hazard, building], rtol=0, atol=1e-9)


def test_distances_equal_geodesic_ones() -> None:
    city = town(1, houses=120)
    table = distances(city.buildings, city.hazards, REACH)
    far = table[table["distance_m"] > 1].head(200)
    houses = city.buildings.set_index("building_id").geometry
    edges = city.hazards.set_index("hazard_id").geometry
    geod = Geod(ellps="WGS84")
    for row in far.itertuples():
        # The nearest points of the two, taken back to the ellipsoid.
        line = shapely.shortest_line(houses[row.building_id], edges[row.hazard_id])
        lonlat = shapely.transform(line, lambda xy: np.column_stack(TO_LONLAT.transform(*xy.T)))
        assert geod.geometry_length(lonlat) == pytest.approx(row.distance_m, rel=1e-4)


def test_inside_and_touching_are_zero() -> None:
    houses = np.array(
        [shapely.box(0, 0, 1, 1), shapely.box(10, 0, 11, 1), shapely.box(4, 4, 5, 5), shapely.box(-3, 0, -2, 1)]
    )
    lake = shapely.Polygon(shapely.box(1, -1, 10, 9).exterior, [shapely.box(3, 3, 7, 7).exterior])
    pairs = pair_distances(houses, np.array([lake]), np.array([5.0]))
    # Touching on the left and right; in the hole, 1 m from its rim; 3 m away.
    assert dict(zip(pairs.polygon.tolist(), pairs.distance.tolist(), strict=True)) == {0: 0, 1: 0, 2: 1, 3: 3}


def test_a_hazard_inside_a_building_is_at_zero() -> None:
    house = np.array([shapely.box(0, 0, 100, 100)])
    pairs = pair_distances(house, np.array([shapely.Point(50, 50), shapely.Point(110, 50)]), np.array([20.0, 20.0]))
    assert pairs.distance.tolist() == [0, 10]


def test_reach_zero_keeps_only_what_touches() -> None:
    houses = np.array([shapely.box(0, 0, 1, 1), shapely.box(5, 0, 6, 1)])
    pairs = pair_distances(houses, np.array([shapely.box(0.5, 0.5, 2, 2)]), np.array([0.0]))
    assert (pairs.polygon.tolist(), pairs.distance.tolist()) == ([0], [0.0])


def test_no_hazards_or_no_buildings_give_an_empty_table() -> None:
    city = town(0, houses=5)
    for buildings, hazards in ((city.buildings, city.hazards.iloc[:0]), (city.buildings.iloc[:0], city.hazards)):
        table = distances(buildings, hazards, REACH)
        assert len(table) == 0
        assert list(table) == ["area_id", "building_id", "hazard_id", "hazard_class", "rule_id", "distance_m"]


def test_inputs_are_left_alone_and_order_changes_nothing() -> None:
    city = town(2)
    before = [frame.copy() for frame in vars(city).values()]
    table = distances(city.buildings, city.hazards, REACH)
    other = city.shuffled(np.random.default_rng(0))
    assert table.equals(distances(other.buildings, other.hazards, REACH))
    assert all(old.equals(new) for old, new in zip(before, vars(city).values(), strict=True))
    assert table.equals(table.sort_values(["building_id", "hazard_id"], ignore_index=True))


def _to_lonlat() -> object:
    from pyproj import Transformer

    return Transformer.from_crs(METRIC, "EPSG:4326", always_xy=True)


TO_LONLAT = _to_lonlat()
