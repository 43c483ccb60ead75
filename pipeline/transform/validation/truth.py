"""Estimates of a simulated area beside its truth, which no estimator has seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.transform.validation.comparison import Check, Estimates, Figure, Interval, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ONSET_YEARS = 5
"""An onset year is right within one epoch of the built-up rasters."""

BUILT_UP_ERROR = 0.02
"""Error of built-up area that counts as right, as a share."""

SAME_PLACE = 0.5
"""Intersection over union from which an outline and a true settlement are the same place."""

TRUTH = "simulated truth"


def against_truth(estimates: Estimates, truth: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the estimates of a simulated area beside its truth.

    Parameters
    ----------
    estimates
        What is compared.
    truth
        The tables settlements (with geometry, any CRS), population and growth.

    Returns
    -------
    pandas.DataFrame
        Table `validation`. A true settlement is compared with the outline that shares at least half of their union
        with it; an onset year agrees within 5 years, built-up area within 2 %.
    """
    rows = [*_of_true_city(estimates, truth["population"]), *_of_true_growth(estimates, truth["growth"])]
    true = truth["settlements"]
    if isinstance(true, gpd.GeoDataFrame) and not true.empty:
        places = _same_places(true.to_crs(estimates.settlements.crs), estimates.settlements)
        rows += _of_true_settlements(estimates, true, places)
    return table(rows)


def _of_true_city(estimates: Estimates, population: pd.DataFrame) -> Iterator[dict[str, object]]:
    true = population[population["area_id"] == estimates.area_id]
    for quantity in ("residents", "registered", "unregistered"):
        for value in true[quantity].head(1):
            check = Check(
                check_id=f"truth/{estimates.area_id}/{quantity}",
                area_id=estimates.area_id,
                subject=estimates.area_id,
                quantity=quantity,
                year=estimates.year,
                figure=Figure(float(value)),
                reference=TRUTH,
                tolerance=0,
            )
            yield check.against(estimates.area(quantity))


def _same_places(true: gpd.GeoDataFrame, settlements: gpd.GeoDataFrame) -> dict[str, str]:
    """Return the settlement that is the same place as each true one, by their ids."""
    left, right = true.geometry.to_numpy(), settlements.geometry.to_numpy()
    i, j = shapely.STRtree(right).query(left, predicate="intersects")
    shared = shapely.area(shapely.intersection(left[i], right[j]))
    union = shapely.area(left[i]) + shapely.area(right[j]) - shared
    pairs = pd.DataFrame(
        {
            "true": true["settlement_id"].to_numpy()[i],
            "found": settlements["settlement_id"].to_numpy()[j],
            "iou": shared / union,
        }
    )
    best = pairs[pairs["iou"] >= SAME_PLACE].sort_values("iou").drop_duplicates("true", keep="last")
    return dict(zip(best["true"].astype(str), best["found"].astype(str), strict=True))


def _of_true_settlements(
    estimates: Estimates, true: pd.DataFrame, places: Mapping[str, str]
) -> Iterator[dict[str, object]]:
    first_epoch = float(estimates.growth["year"].min()) if len(estimates.growth) else -math.inf
    onsets = estimates.settlements.set_index("settlement_id")["onset_year"]
    for _, place in true.iterrows():
        name = str(place["settlement_id"])
        settlement = places.get(name)
        subject = name if pd.isna(place["name"]) else str(place["name"])
        for quantity in ("residents", "unregistered", "onset_year"):
            if pd.isna(place[quantity]):
                continue
            estimate = None
            if settlement is not None and quantity != "onset_year":
                estimate = estimates.settlement(settlement, quantity)
            elif settlement is not None and not pd.isna(onsets[settlement]):
                estimate = Interval(float(onsets[settlement]))
            # An onset before the first epoch cannot be seen; "in the first epoch or before" is then the right answer.
            value = max(float(place[quantity]), first_epoch) if quantity == "onset_year" else float(place[quantity])
            check = Check(
                check_id=f"truth/{name}/{quantity}",
                area_id=estimates.area_id,
                subject=subject,
                quantity=quantity,
                year=estimates.year,
                figure=Figure(value),
                reference=TRUTH,
                tolerance=ONSET_YEARS / value if quantity == "onset_year" else 0,
            )
            yield check.against(estimate, settlement_id=settlement)


def _of_true_growth(estimates: Estimates, growth: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Compare the built-up area of the whole area, per epoch.

    Single settlements are not compared: a raster spreads what is built evenly over a cell, so that an outline which
    cuts its cells loses what the raster puts beyond it.
    """
    rows = estimates.growth[(estimates.growth["outline"] == "current") & estimates.growth["settlement_id"].isna()]
    measured = rows.set_index("year")["built_m2"]
    true = growth[growth["settlement_id"].isna()].set_index("year")["built_m2"]
    for year in sorted(set(measured.index) & set(true.index)):
        check = Check(
            check_id=f"truth/{estimates.area_id}/built_m2/{year}",
            area_id=estimates.area_id,
            subject=estimates.area_id,
            quantity="built_m2",
            year=float(year),
            figure=Figure(float(true[year])),
            reference=TRUTH,
            tolerance=BUILT_UP_ERROR,
        )
        yield check.against(Interval(float(measured[year])))
