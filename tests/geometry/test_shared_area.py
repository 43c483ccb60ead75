"""Areas that shapes share with regions, against plain intersections, however long the regions' outlines are."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from pipeline.geometry.shared_area import Regions, shared_areas
from tests.transform.red_zone_city import town


def check(shapes: np.ndarray, regions: np.ndarray) -> None:
    ours = shared_areas(shapes, Regions.of(regions))
    plain = shapely.area(shapely.intersection(regions[:, None], shapes[None, :]))
    region, shape = np.nonzero(plain)
    np.testing.assert_array_equal(ours.region, region)
    np.testing.assert_array_equal(ours.shape, shape)
    np.testing.assert_allclose(ours.area, plain[region, shape], rtol=1e-9, atol=1e-9)


def test_many_small_shapes_and_regions_of_arcs() -> None:
    city = town(5, houses=2000)
    check(city.buildings.geometry.to_numpy(), shapely.buffer(city.hazards.geometry.to_numpy(), 120.0, quad_segs=720))


@pytest.mark.parametrize("seed", range(3))
def test_regions_of_many_parts_with_holes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 1000, (300, 2))
    shapes = shapely.box(*low.T, *(low + rng.uniform(1, 60, (300, 2))).T)
    discs = shapely.buffer(shapely.points(rng.uniform(0, 1000, (40, 2))), rng.uniform(20, 200, 40), quad_segs=60)
    rings = shapely.difference(discs, shapely.buffer(shapely.centroid(discs), 15))
    check(shapes, np.array([shapely.union_all(rings[:20]), shapely.union_all(rings[20:])]))


def test_shapes_on_the_border_of_a_region_share_nothing() -> None:
    region = shapely.box(0, 0, 10, 10)
    shapes = np.array([shapely.box(10, 0, 20, 10), shapely.box(10, 10, 11, 11), shapely.box(-5, 2, 0, 3)])
    assert len(shared_areas(shapes, Regions.of(np.array([region]))).area) == 0


def test_nothing_shares_nothing() -> None:
    box, none = np.array([shapely.box(0, 0, 1, 1)]), np.empty(0, dtype=object)
    for shapes, regions in ((box, none), (none, box), (none, none)):
        assert len(shared_areas(shapes, Regions.of(regions)).area) == 0
