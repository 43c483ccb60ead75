"""Since when each building can be seen: the year in which rasters first show its place built up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.geometry import zonal
from pipeline.transform.growth import TRACKER_BEGIN, tracker_year

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from pipeline.geometry.raster import Raster

HALF = 0.5
"""An epoch's cell of a hectare holds a dozen houses: of any one of them it says that it stood, more likely than not,
once half of today's built-up area did."""


def first_seen_years(
    buildings: gpd.GeoDataFrame,
    *,
    onset: Raster | None,
    built_up: Mapping[int, Raster],
    tracker: Raster | None,
    modelled: Collection[int] = (),
) -> pd.Series:
    """Return the first year in which the place of each building was built up.

    Parameters
    ----------
    buildings
        Outlines, in any CRS.
    onset
        First year built up per cell, 0 = never (WSF Evolution); None: none.
    built_up
        Built-up m² per cell, by epoch; epochs that are `modelled` are left out.
    tracker
        Half-year of the first building per cell (WSF Tracker), as in `growth.onset_years`; None: none.

    Returns
    -------
    pandas.Series
        ``Int64``, index of `buildings`; missing where no raster shows anything built there.

    Notes
    -----
    What stands in a cell may be younger than the cell's first building: a year is the earliest that a building can
    have, and a house built anew keeps the year of the old one. Of the yearly products, cells of 10 to 30 m, the earlier
    year counts. The epochs are asked only where those tell nothing, or no more than that it stood when they begin.
    """
    rasters = [raster for raster in (onset, tracker, *built_up.values()) if raster is not None]
    centres = buildings.geometry.centroid
    points = {crs: centres.to_crs(crs) for crs in {raster.crs for raster in rasters}}
    years = np.full(len(buildings), np.nan)
    began = np.zeros(len(buildings), dtype=bool)
    if onset is not None:
        seen = _positive(zonal.at_points(points[onset.crs], onset))
        shown = onset.values[onset.values > 0]
        began = seen == (shown.min() if shown.size else np.nan)
        years = seen
    if tracker is not None:
        codes = _positive(zonal.at_points(points[tracker.crs], tracker))
        since = tracker_year(codes)
        # Of what stood when the tracker began, it says no more than that.
        began |= np.isnan(years) & (since == TRACKER_BEGIN) & (codes == 1)
        years = np.fmin(years, since)
    observed = {
        year: np.nan_to_num(zonal.at_points(points[raster.crs], raster))
        for year, raster in built_up.items()
        if year not in modelled
    }
    epochs = _from_epochs(observed, len(buildings))
    years = np.where(np.isnan(years), epochs, np.where(began, np.fmin(years, epochs), years))
    return pd.Series(years, index=buildings.index, name="first_seen_year").astype("Int64")


def _positive(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(values > 0, values, np.nan)


def _from_epochs(built_up: Mapping[int, NDArray[np.float64]], count: int) -> NDArray[np.float64]:
    """Return the first epoch in which the cell of each of `count` points held `HALF` of its latest built-up area."""
    years = np.full(count, np.nan)
    for year in sorted(built_up, reverse=True):
        latest = built_up[max(built_up)]
        years[(latest > 0) & (built_up[year] >= HALF * latest)] = year
    return years
