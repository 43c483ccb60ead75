"""The mesh of neighbours beside the whole triangulation and DBSCAN: tiles, ties, lines, points on one place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay, cKDTree
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score

from pipeline.geometry.alpha_complex import TILE_M, mesh
from pipeline.transform.settlements.neighbour_graph import components, dense

REACH_M = 100.0


def circles(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Radii of the circles through three points each, from side lengths and Heron's formula."""
    a, b, c = (np.hypot(*(points[triangles[:, k]] - points[triangles[:, k - 1]]).T) for k in range(3))
    s = (a + b + c) / 2
    return a * b * c / (4 * np.sqrt(np.maximum(s * (s - a) * (s - b) * (s - c), 1e-300)))


def sorted_rows(rows: np.ndarray) -> list[list[int]]:
    return sorted(np.sort(rows, axis=1).tolist())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 800), st.floats(100, 4 * TILE_M))
def test_tiles_give_what_the_whole_triangulation_gives(seed: int, count: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, size, (count, 2)) + rng.uniform(-1e6, 1e6, 2)
    whole = Delaunay(points - points.mean(axis=0)).simplices
    small = whole[circles(points, whole) <= REACH_M]
    net = mesh(points, REACH_M)
    assert sorted_rows(net.triangles) == sorted_rows(small)
    sides = np.concatenate([whole[:, [0, 1]], whole[:, [1, 2]], whole[:, [0, 2]]])
    half = np.hypot(*(points[sides[:, 0]] - points[sides[:, 1]]).T) / 2
    distance, _ = cKDTree(points).query(points[sides].mean(axis=1))
    right_between = sides[(distance >= half * (1 - 1e-9)) & (2 * half <= REACH_M)]
    of_small = np.concatenate([small[:, [0, 1]], small[:, [1, 2]], small[:, [0, 2]]])
    short = np.hypot(*(points[of_small[:, 0]] - points[of_small[:, 1]]).T) <= REACH_M
    wanted = {tuple(row) for row in sorted_rows(np.concatenate([right_between, of_small[short]]))}
    assert set(map(tuple, net.links.tolist())) == wanted


@pytest.mark.parametrize("reach", [40.0, REACH_M])
def test_with_three_to_a_core_the_links_hold_the_clusters_of_dbscan(reach: float) -> None:
    rng = np.random.default_rng(3)
    towns = [rng.normal(c, 150, (300, 2)) for c in (0, 900, 3000)]
    points = np.concatenate([*towns, rng.uniform(-900, 4000, (400, 2))])
    links = mesh(points, reach).links
    close = dense(points, links, reach, 3)
    ours = np.where(close, components(len(points), links[close[links].all(axis=1)]), -1)
    theirs = DBSCAN(eps=reach, min_samples=3).fit_predict(points)
    assert ((ours < 0) == (theirs < 0)).all()
    assert adjusted_rand_score(ours, theirs) == 1.0


def test_what_is_dense_is_what_dbscan_clusters() -> None:
    points = np.random.default_rng(4).uniform(0, 1000, (600, 2))
    for least in (1, 3, 8):
        theirs = DBSCAN(eps=45, min_samples=least).fit_predict(points) >= 0
        for links in (mesh(points, 45).links, np.empty((0, 2), dtype=np.int64)):
            assert (dense(points, links, 45, least) == theirs).all()
    assert not dense(points[:2], links, 45, 3).any()


def test_points_on_a_line_on_one_place_and_none() -> None:
    line = np.array([[0.0, 0.0], [10, 10], [20, 20], [500, 500]])
    assert mesh(line, 50).links.tolist() == [[0, 1], [1, 2]]
    doubled = np.array([[0.0, 0.0], [10, 0], [0, 10], [0, 0], [0, 0]])
    assert mesh(doubled, 50).links.tolist() == [[0, 1], [0, 2], [0, 3], [0, 4], [1, 2]]
    assert mesh(np.zeros((3, 2)), 50).links.tolist() == [[0, 1], [0, 2]]
    assert mesh(np.zeros((0, 2)), 50).links.shape == (0, 2)


def test_a_grid_whose_corners_tie_keeps_its_sides_and_covers_its_cells() -> None:
    x, y = np.meshgrid(np.arange(0, 3 * TILE_M, 50), np.arange(0, 400, 50))
    points = np.column_stack([x.ravel(), y.ravel()])
    net = mesh(points, REACH_M)
    steps = np.abs(points[net.links[:, 0]] - points[net.links[:, 1]]).sum(axis=1)
    assert (steps == 50).sum() == sum((x.shape[0] - k) * (x.shape[1] - 1 + k) for k in (0, 1))
    (ax, ay), (bx, by) = ((points[net.triangles[:, k]] - points[net.triangles[:, 0]]).T for k in (1, 2))
    assert np.abs(ax * by - ay * bx).sum() / 2 == pytest.approx((x.shape[1] - 1) * (x.shape[0] - 1) * 2500)
