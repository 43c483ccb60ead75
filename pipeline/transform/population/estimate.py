"""The estimate of one area: from buildings and settlements to the rows of the table `population`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np

from pipeline.geometry import zonal
from pipeline.schema.provenance import Notice
from pipeline.schema.vocabulary import EVIDENCE
from pipeline.transform.population import crosschecks, registered_residents, sensitivity
from pipeline.transform.population import survey as surveys
from pipeline.transform.population.building_counts import REST, aggregate
from pipeline.transform.population.detection import detection
from pipeline.transform.population.priors import Factors, Priors
from pipeline.transform.population.register_matching import listed, owner, owners
from pipeline.transform.population.residents import Model, block_levels
from pipeline.transform.population.result_tables import Population, Sheet

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import pandas as pd
    import shapely
    from numpy.typing import NDArray

    from pipeline.config import Season
    from pipeline.geometry.raster import Raster
    from pipeline.transform.population.registered_residents import Register, Registration

    Draws = NDArray[np.float64]

BOTTOM_UP = "bottom_up"
"""The method of the main estimate."""
FAR_OFF = 5.0
"""A population raster that differs from the estimate by more than this is no cross-check, and the run says so."""


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

    Raises
    ------
    ConfigError
        `priors` lacks a parameter.

    Notes
    -----
    Random streams belong to names (seed, area, parameter or settlement), so neither the order of rows nor the
    partition of the work changes a draw.
    """
    sheet = Sheet(area_id, year)
    strata = aggregate(buildings)
    inhabited = strata[strata[["both", "osm", "satellite", "blocks", "large_footprint_m2"]].sum(axis=1) > 0]
    sheet.notices += _without_homes(area_id, settlements, inhabited.index)
    if inhabited.empty:
        return sheet.population()
    factors = Factors(Priors(priors, country, area_id, season), area_id, draws=draws, seed=seed)
    places = _places(settlements)
    update = _update(survey, settlements, places, factors, area_id)
    register = registered_residents.resolve(registered, settlements, area_names=area_names, year=year)
    gridded = _gridded(settlements, population_raster, boundary)
    sheet.posteriors = update.posteriors
    sheet.notices += [*update.notices, *register.notices, *gridded.notices]
    model = Model(
        factors,
        detection(inhabited, factors),
        update.by_kind,
        update.by_settlement,
        block_levels(inhabited, factors),
    )
    area = _Area(sheet, model, register, gridded, surveyed=bool(update.by_kind), groups=groups or {})
    for settlement_id, counts in inhabited.iterrows():
        area.add(places.get(str(settlement_id), _Place(str(settlement_id))), counts)
    area.close()
    return sheet.population()


@dataclass(frozen=True)
class _Place:
    """A settlement, or (`settlement_id` REST) the houses in none."""

    settlement_id: str
    kind: str = "other"
    status: str = "unknown"
    area_m2: float = 0.0


@dataclass(frozen=True)
class _Gridded:
    """People of a population raster: in the whole area (None: unknown) and in each settlement that it sees."""

    area: float | None = None
    settlements: dict[str, float] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


@dataclass
class _Area:
    """Adds up one area inside its draws, place by place, and writes the rows of each place and of the whole."""

    sheet: Sheet
    model: Model
    register: Register
    gridded: _Gridded
    surveyed: bool
    groups: Mapping[str, Collection[str]]
    _residents: dict[str, Draws] = field(default_factory=dict)
    _floor_volume: Draws | float = 0.0
    _grouped: dict[tuple[str, str], Draws] = field(default_factory=dict)

    def add(self, place: _Place, counts: pd.Series) -> None:
        """Estimate one settlement; the houses in none are added to the area alone."""
        model, name = self.model, place.settlement_id
        inhabited = model.inhabited(name, place.kind)
        houses = model.houses(place.kind, counts) * inhabited
        flats = model.flats(name, place.kind, counts) * inhabited
        residents = model.residents(name, place.kind, houses, flats)
        floor_volume = crosschecks.floor_volume(model, name, counts, houses, flats)
        self._residents[place.kind] = self._residents.get(place.kind, 0.0) + residents
        self._floor_volume = self._floor_volume + floor_volume
        if name == REST:
            return
        self.sheet.estimate(name, "residents", residents, method=BOTTOM_UP, evidence=self._evidence([place.kind]))
        self._cross_check(name, "floor_volume", floor_volume)
        if place.area_m2 and model.factors.priors.has("density", kind=place.kind):
            density = crosschecks.plot_density(model, place.kind, name, place.area_m2)
            self._cross_check(name, "plot_density", density)
        if name in self.gridded.settlements:
            people = crosschecks.population_raster(model, name, self.gridded.settlements[name])
            self._cross_check(name, "population_raster", people)
        self._write_registration(name, self._registration(place, residents))
        households = model.households(name, place.kind, houses, flats)
        counted = model.counted(name, houses)
        for quantity, draws in (("houses", counted), ("households", households), ("residents", residents)):
            self.sheet.count(quantity, draws, settlement_id=name, kind=place.kind)
            for group in (group for group, members in self.groups.items() if name in members):
                self._grouped[group, quantity] = self._grouped.get((group, quantity), 0.0) + draws
        self.sheet.spread(name, sensitivity.cv2(residents), model.analytic_cv2(place.kind, name, houses, flats))

    def close(self) -> None:
        """Write the rows of the whole area and of each kind of settlement."""
        residents = np.sum(list(self._residents.values()), axis=0)
        self.sheet.estimate(None, "residents", residents, method=BOTTOM_UP, evidence=self._evidence(self._residents))
        self._cross_check(None, "floor_volume", np.asarray(self._floor_volume))
        if self.gridded.area is not None:
            people = crosschecks.population_raster(self.model, REST, self.gridded.area)
            self._cross_check(None, "population_raster", people)
            self._compare_raster(float(np.median(residents)), self.gridded.area)
        result = self._registration(None, residents)
        self._write_registration(None, result)
        for kind, people in sorted(self._residents.items()):
            self.sheet.count("residents", people, kind=kind)
        for (group, quantity), draws in sorted(self._grouped.items()):
            self.sheet.count(quantity, draws, group=group)
        for quantity, draws in (("residents", residents), ("unregistered", result.unregistered)):
            drawn = self.model.factors.drawn
            self.sheet.decomposition(sensitivity.decompose(self.sheet.area_id, quantity, draws, drawn))

    def _compare_raster(self, residents: float, people: float) -> None:
        """Say so where the raster counts many times more, or fewer, people than the houses hold."""
        if 1 / FAR_OFF < people / max(residents, 1) < FAR_OFF:
            return
        if people > residents:
            code, times = "raster_holds_many_more", people / max(residents, 1)
        else:
            code, times = "raster_holds_many_fewer", residents / max(people, 1)
        self.sheet.notices.append(Notice("population raster", code, values={"people": people, "times": times}))

    def _registration(self, place: _Place | None, residents: Draws) -> Registration:
        """Return registered and unregistered from the register where it can be used, else from a share."""
        factors = self.model.factors
        name = place.settlement_id if place else ""
        people = self.register.settlements.get(name) if place else self.register.area
        if people is not None:
            usable, notices = registered_residents.plausible(people, residents, name or self.sheet.area_id)
            self.sheet.notices += notices
            if usable:
                return registered_residents.from_register(residents, people, factors, settlement_id=name)
        if place is None:
            return registered_residents.from_share(residents, factors)
        return registered_residents.from_share(
            residents, factors, settlement_id=name, kind=place.kind, status=place.status
        )

    def _write_registration(self, name: str | None, result: Registration) -> None:
        for quantity in ("registered", "unregistered"):
            draws = getattr(result, quantity)
            method = (
                "register" if quantity == "registered" and result.method == "register_difference" else result.method
            )
            self.sheet.estimate(name, quantity, draws, method=method, evidence=result.evidence)

    def _cross_check(self, name: str | None, method: str, draws: Draws) -> None:
        self.sheet.estimate(name, "residents", draws, method=method, evidence="none", main=False)

    def _evidence(self, kinds: Iterable[str]) -> str:
        """Return the weakest evidence that the household sizes rest on."""
        if self.surveyed:
            return "local"
        found = [self.model.factors.priors.select("household_size", kind=kind).evidence for kind in kinds]
        return max(found, key=EVIDENCE.index)


def _places(settlements: pd.DataFrame) -> dict[str, _Place]:
    columns = ["settlement_id", "kind", "status", "area_m2"]
    rows = settlements[columns].itertuples(index=False, name=None)
    return {str(row[0]): _Place(str(row[0]), str(row[1]), str(row[2]), float(row[3])) for row in rows}


def _without_homes(area_id: str, settlements: pd.DataFrame, inhabited: pd.Index) -> list[Notice]:
    if inhabited.empty:
        return [Notice(f"population of {area_id}", "no_homes")]
    empty = int((~settlements["settlement_id"].isin(inhabited)).sum())
    if not empty:
        return []
    return [Notice(f"population of {area_id}", "settlements_without_homes", empty)]


def _update(
    survey: pd.DataFrame | None,
    settlements: pd.DataFrame,
    places: dict[str, _Place],
    factors: Factors,
    area_id: str,
) -> surveys.Update:
    """Update persons per house by the survey; its names become settlements, unknown ones speak for the city alone."""
    if survey is None:
        return surveys.Update()
    bearers = owners(settlements)
    names = survey["settlement"].fillna("")
    located = survey.assign(settlement_id=[owner(name, bearers) or "" for name in names])
    update = surveys.update(located, {REST: "other", **{k: v.kind for k, v in places.items()}}, factors, area_id)
    if unknown := names[located["settlement_id"].eq("") & names.ne("")].tolist():
        update.notices.append(Notice("survey", "survey_names_unknown", len(unknown), {"names": listed(unknown)}))
    return update


def _gridded(settlements: pd.DataFrame, raster: Raster | None, boundary: shapely.Geometry | None) -> _Gridded:
    if raster is None or not isinstance(settlements, gpd.GeoDataFrame):
        return _Gridded()
    people = zonal.sums(settlements.geometry, raster)
    ids = settlements["settlement_id"].astype(str)
    seen = {name: float(count) for name, count in zip(ids, people, strict=True) if count > 0}
    area = None
    if boundary is not None:
        area = float(zonal.sums(gpd.GeoSeries([boundary], crs=settlements.crs), raster)[0])
    if area == 0 or (area is None and not seen):
        return _Gridded(notices=[Notice("population raster", "raster_shows_nobody")])
    missed = len(settlements) - len(seen)
    notices = [Notice("population raster", "raster_misses_settlements", missed)] if missed else []
    return _Gridded(area, seen, notices)
