"""Growth: zonal sums against rasterstats in one run, and whether parts add up to the raster."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import rasterstats
from affine import Affine
from pyproj import CRS
from shapely import affinity, box

from pipeline.geometry import zonal
from pipeline.geometry.raster import Raster
from pipeline.transform import growth

if TYPE_CHECKING:
    from tests.benchmarks.conftest import Record

MOLLWEIDE = CRS("ESRI:54009")
CELLS = 500
SETTLEMENTS = 500


def raster(seed: int) -> Raster:
    values = np.random.default_rng(seed).uniform(0, 1e4, (CELLS, CELLS))
    return Raster(values, Affine(100, 0, 6_000_000, 0, -100, 5_050_000), MOLLWEIDE)


def outlines() -> gpd.GeoSeries:
    """Return settlements on a grid of plots, each turned and of its own size, none touching another."""
    rng = np.random.default_rng(2)
    columns = int(np.ceil(np.sqrt(SETTLEMENTS)))
    step = CELLS * 100 / columns
    shapes = []
    for n in range(SETTLEMENTS):
        x, y = 6_000_000 + (n % columns + 0.5) * step, 5_000_000 + (n // columns + 0.5) * step
        half = rng.uniform(150, step / 3)
        shapes.append(affinity.rotate(box(x - half, y - half, x + half, y + half), rng.uniform(0, 90)))
    return gpd.GeoSeries(shapes, crs=MOLLWEIDE)


def test_zonal_sums_against_rasterstats(bar: Record) -> None:
    data, shapes = raster(1), outlines()
    faster = []
    for _ in range(5):
        start = time.process_time()
        exact = zonal.sums(shapes, data)
        ours = time.process_time() - start
        start = time.process_time()
        found = rasterstats.zonal_stats(
            shapes, data.values, affine=data.transform, stats="sum", nodata=-1, all_touched=False
        )
        faster.append((time.process_time() - start) / ours)
    bar("zonal sums, faster than rasterstats (CPU, median of five pairs)", np.median(faster), at_least=5, unit="x")
    rough = np.array([row["sum"] or 0.0 for row in found])
    bar("rasterstats' own error, median share", float(np.median(np.abs(rough / exact - 1))), at_most=1)


def test_parts_add_up(bar: Record) -> None:
    shapes = outlines()
    places = gpd.GeoDataFrame({"settlement_id": [f"x/s{n}" for n in range(len(shapes))]}, geometry=shapes)
    boundary = box(6_000_500, 5_000_500, 6_049_500, 5_049_500)
    rows = growth.series(
        places, boundary, {2000: raster(1), 2010: raster(2)}, area_id="x", product="ghs_built_s", modelled=[]
    )
    whole = rows[rows["settlement_id"].isna()].set_index("year")["built_m2"]
    parts = rows[rows["settlement_id"].notna()].groupby("year")["built_m2"].sum()
    bar("settlements and rest against the whole, relative", (parts / whole - 1).abs().max(), at_most=1e-6)
