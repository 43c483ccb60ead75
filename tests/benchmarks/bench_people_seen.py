"""Share of the people whom the inputs see, beside the truth: whole cities, parts removed, one source, thinned maps.

``BENCH_SEEDS`` and ``BENCH_CITIES`` as in `simulated`. The truth is the share of all residents whose building some
outline shows, so that a raster that spreads people its own way is an error of the estimate, as it is in life.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.declared import facts
from pipeline.geometry.grid import Grid
from pipeline.run.area_rows import located
from pipeline.transform import completeness
from pipeline.transform.buildings import merge
from pipeline.transform.people_seen import people_seen
from pipeline.transform.population import Priors
from tests.benchmarks.simulated import CITIES, SEEDS, City, city

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.conftest import Record

LAST_OBSERVED = 2020


def cases(made: City, seed: int) -> Iterator[tuple[str, gpd.GeoDataFrame, gpd.GeoDataFrame]]:
    """Give OSM and footprints as they are, and with less in them."""
    osm, seen = made.layers["buildings"], made.footprints
    yield "base", osm, seen
    for share in (0.3, 0.6, 0.9):
        gone = shapely.union_all(np.asarray(made.settlements.sample(frac=share, random_state=seed).geometry.array))
        shapely.prepare(gone)
        yield f"{share:.0%} removed", *(frame[~shapely.intersects(gone, frame.geometry)] for frame in (osm, seen))
    yield "OSM only", osm, seen.iloc[:0]
    yield "OSM only, of two houses one", osm.sample(frac=0.5, random_state=seed), seen.iloc[:0]
    yield "satellite only", osm.iloc[:0], seen


def judged(area_id: str, seed: int) -> pd.DataFrame:
    made = city(area_id, seed)
    boundary = gpd.GeoSeries([made.area.boundary], crs="EPSG:4326").segmentize(0.01).to_crs(made.area.projected).iloc[0]
    precision = Priors(facts.priors(), made.area.country, area_id, "winter").select("precision_satellite")
    people, centres = made.buildings["residents"], shapely.centroid(np.asarray(made.buildings.geometry.array))
    grid = Grid.of(area_id, made.area.bbox)
    rows = []
    for case, osm, footprints in cases(made, seed):
        merged = located(merge(osm, footprints, area_id, precision).buildings)
        shown = shapely.STRtree(np.asarray(merged.geometry.array)).query(centres, predicate="intersects")[0]
        for rasters, built_up in (("both rasters", made.inputs.built_up[LAST_OBSERVED]), ("people only", None)):
            cells = completeness.coverage(
                grid, boundary, crs=made.area.projected, buildings=merged, layers=made.layers,
                population=made.inputs.population, built_up=built_up,
            )  # fmt: skip
            found = people_seen(cells, homes=len(merged), buildings_year=None, population_year=None)
            true = people.iloc[np.unique(shown)].sum() / people.sum()
            rows.append({"case": case, "rasters": rasters, "true": true, "share": found.share, "told": found.told})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def shares() -> pd.DataFrame:
    return pd.concat([judged(area_id, seed) for area_id in CITIES for seed in SEEDS], ignore_index=True)


@pytest.mark.parametrize("rasters", ["both rasters", "people only"])
def test_share_of_people_seen(rasters: str, shares: pd.DataFrame, bar: Record) -> None:
    rows = shares[shares["rasters"] == rasters]
    error = (rows["share"] - rows["true"]).abs().dropna()
    base = rows[rows["case"] == "base"]
    bar(f"{rasters}: cities whose base share is at least 0.95", (base["share"] >= 0.95).mean(), at_least=0.9)
    for case, errors in error.groupby(rows["case"], sort=False):
        most = 0.1 if "only" in str(case) else 0.07
        bar(f"{rasters}: {case}, error of the share, median", errors.median(), at_most=most)
        bar(f"{rasters}: {case}, worst", errors.max(), at_most=most)
    told = rows["told"] == "city"
    bar(f"{rasters}: told as a city though at most 0.70 are seen", told[rows["true"] <= 0.7].mean(), at_most=0)
    bar(f"{rasters}: not told though at least 0.90 are seen", (~told[rows["true"] >= 0.9]).mean(), at_most=0)
