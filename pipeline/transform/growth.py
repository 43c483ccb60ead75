"""Growth: built-up area per settlement and epoch, the year it began, yearly rates, and the waves of the literature.

A series never mixes products, and two releases of footprints are never compared here: that is `transform.diff`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.geometry import zonal
from pipeline.schema.provenance import Notice
from pipeline.schema.vocabulary import REST

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from pipeline.geometry.raster import Raster

ONSET_SHARE = 0.1
"""A settlement begins in the first year with this share of its built-up area (docs/domain.md)."""

TRACKER_BEGIN = 2016
"""The tracker's first map shows what was built by the middle of this year (code 1)."""
_FIRST_HALF_YEAR = 2
"""The tracker's first code that stands for a half-year of its own."""
_BY_BEGIN = 0.0
"""Stands for "by TRACKER_BEGIN, nobody knows when" among years."""

SHRINKING = 0.02
"""A fall of built-up area below this share is noise of the product, and is not reported."""

FOUNDING_YEARS = 5
"""An onset agrees with a founding within one epoch of the built-up rasters."""

_COLUMNS = ("area_id", "settlement_id", "year", "built_m2", "product", "modelled", "outline")


def series(  # noqa: PLR0913 - the series, its outlines and its product
    settlements: gpd.GeoDataFrame,
    boundary: shapely.Geometry,
    built_up: Mapping[int, Raster],
    *,
    area_id: str,
    product: str,
    modelled: Collection[int],
    outline: str = "current",
) -> pd.DataFrame:
    """Return built-up area per settlement and epoch.

    Parameters
    ----------
    settlements
        Outlines that do not overlap, with settlement_id, in a CRS in metres.
    boundary
        The area, in the same CRS.
    built_up
        Built-up m² per cell, by epoch; read in any order.
    area_id
        The area.
    product
        Dataset of the rasters.
    modelled
        Epochs that are projections of the producer.
    outline
        ``current`` for today's outlines, ``fixed`` for outlines of an earlier date that the caller gives as
        `settlements`.

    Returns
    -------
    pandas.DataFrame
        A row per settlement and epoch, one for the rest (``<area>/rest``) and one for the whole area (settlement_id
        missing). The whole is the boundary together with outlines that reach beyond it; the rest is
        what lies in no outline and is measured on its own, so that settlements and rest add up to the whole.
    """
    outlines = settlements.geometry.reset_index(drop=True)
    covered = shapely.union_all(outlines.to_numpy())
    whole = shapely.union(boundary, covered)
    extra = gpd.GeoSeries([shapely.difference(whole, covered), whole], crs=settlements.crs)
    polygons = gpd.GeoSeries(pd.concat([outlines, extra], ignore_index=True), crs=settlements.crs)
    ids = [*settlements["settlement_id"].astype(str), area_id + REST, None]
    frames = [
        pd.DataFrame({"settlement_id": ids, "year": year, "built_m2": zonal.sums(polygons, built_up[year])})
        for year in sorted(built_up)
    ]
    nothing = pd.DataFrame({"settlement_id": [], "year": [], "built_m2": []})
    rows = pd.concat([nothing, *frames], ignore_index=True) if frames else nothing
    rows = rows.assign(
        area_id=area_id, product=product, modelled=rows["year"].isin(list(modelled)), outline=outline
    ).astype({"settlement_id": "str"})
    return rows[list(_COLUMNS)].sort_values(["settlement_id", "year"], na_position="first", ignore_index=True)


def built_up_tables(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return rows of `series`, of all outlines, as `area_built_up`, `settlement_built_up`, `fixed_outline_built_up`.

    Areas, places and outlines of another date overlap: each has a table of its own, so that a sum counts no ground
    twice.
    """
    whole, fixed = rows["settlement_id"].isna(), rows["outline"] == "fixed"
    places = rows[~whole].rename(columns={"settlement_id": "place_id"})
    in_one = places["place_id"].where(~places["place_id"].str.endswith(REST))
    return {
        "area_built_up": rows[whole & ~fixed],
        "settlement_built_up": places[~fixed[~whole]].assign(settlement_id=in_one),
        "fixed_outline_built_up": places[fixed[~whole]].rename(columns={"place_id": "outline_id"}),
    }


def since_2016(
    settlements: gpd.GeoDataFrame, boundary: shapely.Geometry, tracker: Raster | None, *, area_id: str, product: str
) -> dict[str, pd.DataFrame]:
    """Return the tracker's own series: tables `area_built_up_since_2016` and `settlement_built_up_since_2016`.

    Parameters
    ----------
    settlements, boundary, area_id, product
        As for `series`.
    tracker
        Half-year of the first building per cell, as in `onset_years`; None: none, and so no rows.

    Notes
    -----
    The area of a polygon times the share of its cells that were built by the end of a year. A cell of 10 m is built or
    not, one of GHSL's holds m² of roofs: the two tell growth each in its own measure, and are never joined.
    """
    outlines = settlements.geometry.reset_index(drop=True)
    whole = shapely.union(boundary, shapely.union_all(outlines.to_numpy()))
    polygons = gpd.GeoSeries([*outlines, whole], crs=settlements.crs)
    ids = settlements["settlement_id"].astype(str).tolist()
    frames = []
    if tracker is not None and np.nanmax(tracker.values, initial=0) > 0:
        shares = zonal.shares(polygons, tracker)
        last = int(tracker_year(np.array(np.nanmax(tracker.values))))
        for year in range(TRACKER_BEGIN, last + 1):
            built = shares[(shares["value"] > 0) & (tracker_year(shares["value"].to_numpy()) <= year)]
            share = built.groupby("polygon")["share"].sum().reindex(range(len(polygons)), fill_value=0.0)
            m2 = share.to_numpy() * polygons.area.to_numpy()
            rest = max(m2[-1] - m2[:-1].sum(), 0.0)
            place = pd.DataFrame({"place_id": [*ids, area_id + REST], "settlement_id": [*ids, None], "year": year})
            frames.append(place.assign(built_m2=[*m2[:-1], rest]))
    columns = ["place_id", "area_id", "settlement_id", "year", "product", "built_m2"]
    rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    texts = {"place_id": "str", "settlement_id": "str", "area_id": "str", "product": "str"}
    rows = rows.assign(area_id=area_id, product=product)[columns].astype({**texts, "year": "int64", "built_m2": float})
    areas = rows.groupby(["area_id", "year", "product"])["built_m2"].sum().reset_index()
    return {"area_built_up_since_2016": areas, "settlement_built_up_since_2016": rows}


def notices(rows: pd.DataFrame) -> list[Notice]:
    """Return what looks wrong in the rows of `series`: epochs without anything built, and series that shrink."""
    found = []
    whole = rows[rows["settlement_id"].isna()]
    if len(empty := whole[whole["built_m2"] <= 0]):
        years = ", ".join(str(int(year)) for year in empty["year"])
        found.append(Notice("built-up rasters", "nothing_built", values={"years": years}))
    ordered = rows.sort_values(["settlement_id", "year"])
    before = ordered.groupby("settlement_id", dropna=False)["built_m2"].shift()
    if shrinking := int((ordered["built_m2"] < before * (1 - SHRINKING)).sum()):
        found.append(Notice("built-up rasters", "built_up_falls", shrinking))
    return found


def onset_years(
    settlements: gpd.GeoDataFrame,
    onset: Raster | None,
    built_up: Mapping[int, Raster],
    *,
    tracker: Raster | None = None,
    modelled: Collection[int] = (),
) -> pd.Series:
    """Return the first year in which each settlement had a tenth of its built-up area.

    Parameters
    ----------
    settlements
        Outlines with settlement_id, in a CRS in metres.
    onset
        First year built up per cell, 0 = never (WSF Evolution); None: none.
    built_up
        Built-up m² per cell, by epoch; the latest that is not `modelled` is what "its built-up area" means. Without
        any, the last year of `onset` is.
    tracker
        Half-year of the first building per cell (WSF Tracker): 0 never, 1 by mid-2016, k ≥ 2 in the year
        2016 + (k − 1) // 2; None: none.
    modelled
        Epochs that are projections, and are left out.

    Returns
    -------
    pandas.Series
        ``Int64``, indexed by settlement_id; missing where nothing is ever built up.

    Notes
    -----
    What the yearly raster has in its first year was built then or earlier; the epochs, which begin before, tell when.
    The yearly raster also ends before they do. With φ the share of the final built-up area that the epochs show at
    its last year, the sought year is the first with ONSET_SHARE/φ of the yearly raster's own final area; where φ <
    ONSET_SHARE, the settlement began later, and the epochs tell when, by linear interpolation between them.

    The tracker is asked on its own, as its area and that of another product are not to be joined: where less than
    ONSET_SHARE of its own final area was there by mid-2016, the settlement began later, in the year that its codes
    tell. Where more was, it began by 2016; the other products tell when, and no later than that.
    """
    ids = pd.Index(settlements["settlement_id"].astype(str), name="settlement_id")
    observed = sorted(set(built_up) - set(modelled))
    epochs = np.stack([zonal.sums(settlements.geometry, built_up[year]) for year in observed]) if observed else None
    from_epochs = _from_epochs(np.array(observed, dtype=float), epochs, len(ids))
    since_2016 = None if tracker is None else _from_tracker(zonal.shares(settlements.geometry, tracker), len(ids))
    if onset is None:
        return _years(_with_tracker(from_epochs, since_2016), ids)
    first, last = _range(onset)
    share_then = np.ones(len(ids)) if epochs is None else _share_at(last, np.array(observed, dtype=float), epochs)
    from_years = _from_years(zonal.shares(settlements.geometry, onset), share_then)
    unsure = np.isnan(from_years) | ((from_years == first) & ~np.isnan(from_epochs))
    return _years(_with_tracker(np.where(unsure, from_epochs, from_years), since_2016), ids)


def _from_tracker(shares: pd.DataFrame, settlements: int) -> NDArray[np.float64]:
    """Return the year of the half-year in which ONSET_SHARE of the tracker's own final area was reached.

    TRACKER_BEGIN stands for then or earlier; NaN: nothing was ever built.
    """
    codes = _from_years(shares, np.ones(settlements))
    return np.where(codes >= _FIRST_HALF_YEAR, tracker_year(codes), np.where(codes > 0, _BY_BEGIN, np.nan))


def tracker_year(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the years of the tracker's codes, as `onset_years` explains them; what stood by mid-2016 has 2016."""
    return TRACKER_BEGIN + (codes - 1) // 2


def _with_tracker(years: NDArray[np.float64], since: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return the years with those of the tracker where it saw the beginning, and bounded by it where it saw it done."""
    if since is None:
        return years
    bounded = np.where(since == _BY_BEGIN, np.fmin(years, TRACKER_BEGIN), years)
    return np.where(since > _BY_BEGIN, since, bounded)


def _years(values: NDArray[np.float64], ids: pd.Index) -> pd.Series:
    return pd.Series(np.round(values), index=ids, name="onset_year").astype("Int64")


def _range(onset: Raster) -> tuple[float, float]:
    """Return the first and the last year of a yearly raster; both 0 if nothing is ever built up."""
    years = onset.values[onset.values > 0]
    return (float(years.min()), float(years.max())) if years.size else (0.0, 0.0)


def _share_at(year: float, epochs: NDArray[np.float64], built: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each settlement's built-up area in a year as a share of its final one; NaN where it has none."""
    final = built[-1]
    at = np.array([np.interp(year, epochs, column) for column in built.T])
    share: NDArray[np.float64] = np.divide(at, final, out=np.full_like(final, np.nan), where=final > 0)
    return share


def _from_epochs(
    epochs: NDArray[np.float64], built: NDArray[np.float64] | None, settlements: int
) -> NDArray[np.float64]:
    """Return the year in which each series passes ONSET_SHARE of its end; the first epoch if it starts above."""
    years = np.full(settlements, np.nan)
    if built is None:
        return years
    for i, column in enumerate(built.T):
        if column[-1] <= 0:
            continue
        threshold = ONSET_SHARE * column[-1]
        after = int(np.argmax(column >= threshold))
        if after == 0:
            years[i] = epochs[0]
            continue
        part = (threshold - column[after - 1]) / (column[after] - column[after - 1])
        years[i] = epochs[after - 1] + part * (epochs[after] - epochs[after - 1])
    return years


def _from_years(shares: pd.DataFrame, share_then: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the first year with ONSET_SHARE/φ of the yearly raster's final area; NaN where it cannot tell."""
    years = np.full(len(share_then), np.nan)
    built = shares[shares["value"] > 0].sort_values(["polygon", "value"])
    grouped = built.groupby("polygon")["share"]
    reached = grouped.cumsum() / grouped.transform("sum")
    needed = ONSET_SHARE / np.where(share_then >= ONSET_SHARE, share_then, np.nan)
    passed = built[reached.to_numpy() >= np.minimum(needed[built["polygon"]], 1 - 1e-9)].drop_duplicates("polygon")
    years[passed["polygon"]] = passed["value"]
    return years


def wave_of(onset_year: pd.Series, waves: pd.DataFrame) -> pd.Series:
    """Return the wave of the literature in which each settlement began.

    Parameters
    ----------
    onset_year
        As `onset_years` returns it.
    waves
        Rows of `facts.waves`.

    Returns
    -------
    pandas.Series
        wave_id, or missing between waves and where no year is known; indexed like `onset_year`.
    """
    found = pd.Series(pd.NA, index=onset_year.index, dtype="str", name="wave_id")
    for name, first, last in waves[["wave_id", "first_year", "last_year"]].itertuples(index=False, name=None):
        inside = onset_year.between(int(first), int(last)).fillna(value=False).astype(bool)
        found[inside & found.isna()] = str(name)
    return found


def beside_literature(
    settlements: pd.DataFrame, named: pd.DataFrame, literature: pd.DataFrame, waves: pd.DataFrame, country: str
) -> pd.DataFrame:
    """Return the onset of each settlement beside its founding and the waves in the literature.

    Parameters
    ----------
    settlements
        settlement_id, area_id, onset_year.
    named
        Table `named_settlements`: which of them the literature names.
    literature, waves
        Rows of `facts.settlements` and `facts.waves`.
    country
        Country of the area; waves of another one say nothing here.

    Returns
    -------
    pandas.DataFrame
        Table `settlement_waves`. A settlement of several names takes the founding of the first by named_id that has
        one.
    """
    rows = settlements[["settlement_id", "area_id", "onset_year"]].reset_index(drop=True)
    founded = literature[["named_id", "founded_low", "founded_high"]].dropna(
        how="all", subset=["founded_low", "founded_high"]
    )
    known = named.dropna(subset=["settlement_id"])[["settlement_id", "named_id"]].merge(
        founded, how="left", on="named_id"
    )
    known = known.sort_values("named_id").sort_values("founded_low", key=pd.isna, kind="stable")
    rows = rows.merge(known.drop_duplicates("settlement_id"), how="left", on="settlement_id")
    onset, low, high = (rows[name].astype("Float64") for name in ("onset_year", "founded_low", "founded_high"))
    low, high = low.fillna(high), high.fillna(low)
    verdict = np.select(
        [
            (onset.isna() | low.isna()).to_numpy(dtype=bool),
            (onset < low - FOUNDING_YEARS).fillna(value=False).to_numpy(dtype=bool),
            (onset > high + FOUNDING_YEARS).fillna(value=False).to_numpy(dtype=bool),
        ],
        ["not comparable", "onset earlier", "onset later"],
        default="agrees",
    )
    return rows.assign(
        wave=wave_of(rows["onset_year"], waves[waves["country"] == country]),
        founded_low=low.astype("Int64"),
        founded_high=high.astype("Int64"),
        founding=verdict,
    )
