"""What a map page knows of growth: built-up area by epoch, the tracker's years, since when buildings can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.declared.catalogue import default as default_catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

STEP_YEARS = 5
"""Years of `first_seen` that are told: as often as the epochs of the built-up rasters."""
_RASTERS = ("onset", "tracker", "built_up")
"""Inputs that tell since when a building can be seen (`transform/first_seen.py`)."""


def one_product(built_up: pd.DataFrame) -> pd.DataFrame | None:
    """Return the rows of the one product that is shown, the one with most epochs: series are never mixed."""
    if built_up.empty:
        return None
    epochs_of = built_up.groupby("product")["year"].nunique()
    best = epochs_of.sort_index().idxmax()
    return built_up[built_up["product"] == best]


def epochs(series: pd.DataFrame) -> dict[str, Any]:
    """Return product and years of a series, and which of them its producer modelled."""
    years = sorted({int(year) for year in series["year"]})
    modelled = set() if "modelled" not in series else {int(year) for year in series.loc[series["modelled"], "year"]}
    return {"product": str(series["product"].iloc[0]), "years": years, "modelled": sorted(modelled)}


def by_place(series: pd.DataFrame | None) -> dict[str, list[int]]:
    """Return each settlement's built-up area in the years of a series (m²); one with gaps is left out."""
    if series is None:
        return {}
    table = series.pivot_table(index="place_id", columns="year", values="built_m2").dropna()
    return dict(zip(table.index, table.round().astype(int).to_numpy().tolist(), strict=True))


def first_seen(tables: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return in which years one can tell what stood, and by which datasets; None: of no building a year is known.

    Parameters
    ----------
    tables
        The area's ``buildings`` and ``sources``.

    Returns
    -------
    dict or None
        ``years`` (every `STEP_YEARS` from the first on, and the last), ``datasets``.
    """
    known = tables["buildings"]["first_seen_year"].dropna()
    if known.empty:
        return None
    first, last = int(known.min()), int(known.max())
    begin = -(-first // STEP_YEARS) * STEP_YEARS
    feeds = {key: source.feeds for key, source in default_catalogue().sources.items()}
    datasets = {dataset for dataset in tables["sources"]["dataset"] if feeds.get(dataset) in _RASTERS}
    return {"years": sorted({*range(begin, last, STEP_YEARS), last}), "datasets": sorted(datasets)}
