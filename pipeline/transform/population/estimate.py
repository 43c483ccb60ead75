"""The estimate of one area: from buildings and settlements to the rows of the table `population`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd

from pipeline.geometry import zonal
from pipeline.schema.provenance import Notice
from pipeline.transform.population import joint, registered_residents
from pipeline.transform.population import survey as surveys
from pipeline.transform.population.building_counts import aggregate
from pipeline.transform.population.places import THE_REST, places_of
from pipeline.transform.population.priors import Priors
from pipeline.transform.population.residents import persons_per_house
from pipeline.transform.population.result_tables import Population, Sheet
from pipeline.transform.population.writing import Gridded, Writing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pandas as pd
    import shapely

    from pipeline.config import Season
    from pipeline.geometry.raster import Raster

_PARTLY_SEEN = 0.9
"""Where the inputs cover less than this share of the people, the estimate says that it is of a part."""


def estimate(  # noqa: PLR0913 - each piece of evidence is an input of its own
    buildings: pd.DataFrame,
    settlements: pd.DataFrame,
    area_id: str,
    country: str,
    *,
    priors: pd.DataFrame,
    draws: int,
    seed: int,
    season: Season,
    year: int | None = None,
    registered: pd.DataFrame | None = None,
    survey: pd.DataFrame | None = None,
    population_raster: Raster | None = None,
    boundary: shapely.Geometry | None = None,
    groups: Mapping[str, Collection[str]] | None = None,
    area_names: Collection[str] = (),
    kinds: pd.DataFrame | None = None,
    services: gpd.GeoDataFrame | None = None,
    roof_shares: pd.Series | None = None,
    seen: float = 1.0,
) -> Population:
    """Estimate residents, registered and unregistered of an area and of each of its settlements.

    Parameters
    ----------
    buildings
        Merged buildings: settlement_id (missing: in none), kind, seen_by, footprint_m2, levels (NaN: unknown), and
        OSM's tags building, amenity, shop.
    settlements
        settlement_id, kind, status, area_m2 and names; with `population_raster` a GeoDataFrame in metres.
    area_id, country
        The area, and the country that chooses its priors.
    priors
        Rows of `facts.priors`.
    draws, seed
        Monte Carlo draws and their seed.
    season
        Season of the occupancy; matters for dachas.
    year
        Year that the inputs show, for the column `year`.
    registered
        Register: name (empty or the area's: whole area), registered, year.
    survey
        The user's own count: settlement, houses, persons.
    population_raster
        People per cell, for a cross-check.
    boundary
        The area in the CRS of `settlements`, for the cross-check of the whole area.
    groups
        Settlements by name of a group, to be added up inside draws for `Population.counts`.
    area_names
        Names of the whole area, as a register may write them.
    kinds
        settlement_id and the probability of each kind (``p_novostroika`` and so on); default: the kind that is told.
    services
        OSM's layer of services; near its marketplaces rooms are let.
    roof_shares
        Roofs over built-up area by settlement (`completeness.roof_shares`): how complete single settlements are.
    seen
        Share of the area's people, seen by something independent, whom the inputs cover: the estimate is of those.

    Raises
    ------
    ConfigError
        `priors` lacks a parameter.

    Notes
    -----
    Random streams belong to names (seed, area, parameter or place), so neither the order of rows nor the partition of
    the work changes a draw. Published quantiles are those of the draws that are kept.
    """
    sheet = Sheet(area_id, year)
    strata = aggregate(buildings)
    inhabited = strata[strata[["both", "osm", "satellite", "blocks", "large_footprint_m2"]].sum(axis=1) > 0]
    sheet.notices += _without_homes(area_id, settlements, inhabited.index)
    if inhabited.empty:
        return sheet.population()
    if seen < _PARTLY_SEEN:
        sheet.notices.append(Notice(f"population of {area_id}", "partly_seen", values={"share": seen}))
    places = places_of(settlements, kinds, services)
    register = registered_residents.resolve(registered, settlements, area_names=area_names, year=year)
    survey_read = surveys.read(survey, settlements, places)
    gridded = _gridded(settlements, population_raster, boundary)
    given = joint.Evidence(
        places=tuple(places.get(str(name), THE_REST) for name in inhabited.index),
        counts=inhabited,
        register=register,
        survey=survey_read,
        roof_shares=roof_shares,
        years=register.years,
        seen=seen,
        raster=gridded.area,
    )
    found = joint.posterior(given, Priors(priors, country, area_id, season), area_id, draws=draws, seed=seed)
    sheet.notices += [*survey_read.notices, *register.notices, *gridded.notices, *found.notices]
    sheet.shares = found.shares
    if survey_read.places:
        told = sorted({place.kind for place in given.places})
        before = {kind: persons_per_house(found.prior, kind) for kind in told}
        after = {kind: persons_per_house(found.people.factors, kind)[found.all] for kind in told}
        visited = float(survey_read.houses.sum())
        sheet.posteriors = surveys.side_by_side(area_id, visited, {"prior": before, "posterior": after})
    writing = Writing(sheet, given, found, gridded, groups or {})
    for row in range(len(given.places)):
        writing.place(row)
    writing.area()
    return sheet.population()


def _without_homes(area_id: str, settlements: pd.DataFrame, inhabited: pd.Index) -> list[Notice]:
    if inhabited.empty:
        return [Notice(f"population of {area_id}", "no_homes")]
    empty = int((~settlements["settlement_id"].isin(inhabited)).sum())
    if not empty:
        return []
    return [Notice(f"population of {area_id}", "settlements_without_homes", empty)]


def _gridded(settlements: pd.DataFrame, raster: Raster | None, boundary: shapely.Geometry | None) -> Gridded:
    if raster is None or not isinstance(settlements, gpd.GeoDataFrame):
        return Gridded()
    people = zonal.sums(settlements.geometry, raster)
    ids = settlements["settlement_id"].astype(str)
    seen = {name: float(count) for name, count in zip(ids, people, strict=True) if count > 0}
    area = None
    if boundary is not None:
        area = float(zonal.sums(gpd.GeoSeries([boundary], crs=settlements.crs), raster)[0])
    if area == 0 or (area is None and not seen):
        return Gridded(notices=[Notice("population raster", "raster_shows_nobody")])
    missed = len(settlements) - len(seen)
    notices = [Notice("population raster", "raster_misses_settlements", missed)] if missed else []
    return Gridded(area, seen, notices)
