"""From a posterior to rows: whole persons of every place first, the area and everything else from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pipeline.schema.draws import KEPT
from pipeline.schema.provenance import Notice
from pipeline.schema.vocabulary import EVIDENCE, QUANTITIES
from pipeline.transform.population import crosschecks, sensitivity
from pipeline.transform.population.joint import homes
from pipeline.transform.population.places import THE_REST
from pipeline.transform.population.residents import kind_wise

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from pipeline.transform.population.joint import Evidence, Posterior
    from pipeline.transform.population.places import Place
    from pipeline.transform.population.result_tables import Sheet

    Draws = NDArray[np.float64]
    Counted = Draws | NDArray[np.int32]

BOTTOM_UP = "bottom_up"
"""Residents from houses and flats alone."""
SHARE = "weak_share"
"""Registered and unregistered by a weakly believed share of the residents alone."""
JOINT = "joint"
"""All of them together, given registers or surveys too."""

FAR_OFF = 5.0
"""A population raster that differs from the estimate by more than this is no cross-check, and the run says so."""


@dataclass(frozen=True)
class Gridded:
    """People of a population raster: in the whole area (None: unknown) and in each settlement that it sees."""

    area: float | None = None
    settlements: dict[str, float] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


@dataclass
class Writing:
    """Writes one area into a sheet, place by place, then the whole."""

    sheet: Sheet
    given: Evidence
    found: Posterior
    gridded: Gridded
    groups: Mapping[str, Collection[str]]
    _total: dict[str, Counted] = field(default_factory=dict)
    _summed: dict[tuple[str, str, str], Counted] = field(default_factory=dict)
    _floor_volume: Draws = field(default_factory=lambda: np.zeros(KEPT))

    def place(self, row: int) -> None:
        """Write the rows of one place; the houses in none have no cross-checks."""
        place, people, kept = self.given.places[row], self.found.people, self.found.kept
        name = place.settlement_id or None
        whole = self._whole_persons(row)
        counts = self.given.counts.iloc[row]
        volume = crosschecks.floor_volume(people.model, place, counts, people.houses[row], people.flats[row])[kept]
        self._floor_volume = self._floor_volume + volume
        for quantity, draws in whole.items():
            self.sheet.keep(name, quantity, draws)
            self._total[quantity] = np.add(draws, self._total.get(quantity, np.zeros(KEPT, np.int32)))
        self.sheet.keep(name, "drawn_kind", people.kinds[row][kept].astype(np.int32))
        self._add("kind", place.kind, "residents", whole["residents"])
        for quantity, draws in whole.items():
            method, evidence = self._basis(place, quantity)
            self.sheet.estimate(name or self.sheet.rest, quantity, draws, method=method, evidence=evidence)
        if name is None:
            return
        self._cross_check(name, "floor_volume", volume)
        if place.area_m2 and people.factors.priors.has("density", kind=place.kind):
            self._cross_check(name, "plot_density", crosschecks.plot_density(people.model, place)[kept])
        if name in self.gridded.settlements:
            seen = crosschecks.population_raster(people.model, place.stream, self.gridded.settlements[name])
            self._cross_check(name, "population_raster", seen[kept])
        self._count(row, whole["residents"])

    def area(self) -> None:
        """Write the rows of the whole area, of each kind of settlement and of each group."""
        model, kept, every = self.found.people.model, self.found.kept, self.found.all
        for quantity, draws in self._total.items():
            method, evidence = self._basis(None, quantity)
            self.sheet.estimate(None, quantity, draws, method=method, evidence=evidence)
        self._cross_check(None, "floor_volume", self._floor_volume)
        if self.gridded.area is not None:
            raster = crosschecks.population_raster(model, THE_REST.stream, self.gridded.area)
            self._cross_check(None, "population_raster", raster[kept])
            self._compare_raster(float(np.median(self._total["residents"])), self.gridded.area)
        for (what, value, quantity), draws in sorted(self._summed.items()):
            self.sheet.count(quantity, draws, **{what: value})
        scores = {name: values[every] for name, values in model.factors.drawn.items()}
        for quantity in ("residents", "unregistered"):
            people = getattr(self.found.city, quantity).sum(axis=0)[every]
            self.sheet.decomposition(sensitivity.decompose(self.sheet.area_id, quantity, people, scores))

    def _compare_raster(self, residents: float, people: float) -> None:
        """Say so where the raster counts many times more, or fewer, people than the houses hold."""
        if 1 / FAR_OFF < people / max(residents, 1) < FAR_OFF:
            return
        if people > residents:
            code, times = "raster_holds_many_more", people / max(residents, 1)
        else:
            code, times = "raster_holds_many_fewer", residents / max(people, 1)
        self.sheet.notices.append(Notice("population raster", code, values={"people": people, "times": times}))

    def _whole_persons(self, row: int) -> dict[str, NDArray[np.int32]]:
        """Return the kept draws of a place; nobody is unregistered who does not live there."""
        city = self.found.city.place(row, self.found.kept)
        people = {quantity: np.rint(getattr(city, quantity)).astype(np.int32) for quantity in QUANTITIES}
        people["unregistered"] = np.minimum(people["unregistered"], people["residents"])
        return people

    def _count(self, row: int, residents: NDArray[np.int32]) -> None:
        """Write what published figures are held against: houses, households and residents, also of groups."""
        place, people, kept = self.given.places[row], self.found.people, self.found.kept
        houses, flats = people.houses[row], people.flats[row]
        noise = np.exp(people.model.log_noise(place, homes(houses, flats)))
        dwellings = partial(people.model.dwellings, houses=houses, flats=flats, near_bazaar=place.near_bazaar)
        households = kind_wise(people.kinds[row], dwellings) * noise
        counted: dict[str, Counted] = {
            "houses": people.model.counted(place, houses)[kept],
            "households": households[kept],
            "residents": residents,
        }
        name = place.settlement_id
        for quantity, draws in counted.items():
            self.sheet.count(quantity, draws, settlement_id=name, kind=place.kind)
            for group in (group for group, members in self.groups.items() if name in members):
                self._add("group", group, quantity, draws)
        spread = sensitivity.cv2(people.residents[row][self.found.all])
        self.sheet.spread(name, spread, people.model.analytic_cv2(place, houses, flats))

    def _add(self, what: str, value: str, quantity: str, draws: Counted) -> None:
        key = (what, value, quantity)
        self._summed[key] = np.add(draws, self._summed.get(key, np.zeros(KEPT, np.int32)))

    def _cross_check(self, name: str | None, method: str, draws: Draws) -> None:
        self.sheet.estimate(name, "residents", draws, method=method, evidence="none", main=False)

    def _basis(self, place: Place | None, quantity: str) -> tuple[str, str]:
        """Return method and evidence of a main row: the weakest that it rests on, "local" by a count of its own."""
        priors, surveyed = self.found.people.factors.priors, bool(self.given.survey.places)
        registered = self.found.city_register if place is None else place.settlement_id in self.found.used
        if quantity == "residents":
            method = JOINT if surveyed or registered or self.found.city_register else BOTTOM_UP
            kinds = {each.kind for each in self.given.places} if place is None else {place.kind}
            sizes = [priors.select("household_size", kind=kind).evidence for kind in sorted(kinds)]
            return method, "local" if surveyed or registered else max(sizes, key=EVIDENCE.index)
        method = JOINT if registered or self.found.city_register else SHARE
        if registered:
            return method, "local"
        if place is None:
            return method, "none"
        return method, priors.select("unregistered_share_settlement", kind=place.kind, status=place.status).evidence
