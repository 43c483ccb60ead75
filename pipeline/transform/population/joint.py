"""One joint posterior of a city: who lives where and is registered where, given houses, registers and surveys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from pipeline.schema.draws import KEPT, quantiles
from pipeline.schema.provenance import Notice
from pipeline.transform.population import registered_residents, registration, sampling
from pipeline.transform.population.detection import detection
from pipeline.transform.population.priors import Factors
from pipeline.transform.population.registration import Known
from pipeline.transform.population.residents import Model, block_levels, kind_wise
from pipeline.transform.population.survey import Survey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pipeline.transform.population.places import Place
    from pipeline.transform.population.priors import Prior, Priors
    from pipeline.transform.population.registered_residents import Register
    from pipeline.transform.population.registration import City
    from pipeline.transform.population.sampling import Proposal

    Draws = NDArray[np.float64]
    Positions = NDArray[np.int64]

_PILOT = 2500
"""Draws of the prior that tell where to look for the posterior."""

_WIDER = 2.0
"""The second prior of the unregistered share is so many times as wide (on its log odds) as the first."""

_NONE = registered_residents.Register()
SHARE_COLUMNS = ("area_id", "prior", "state", "p05", "p25", "p50", "p75", "p95", "mean", "effective_draws")


@dataclass(frozen=True)
class Evidence:
    """What is given of one area beside its priors.

    Attributes
    ----------
    places, counts
        The places with homes, and their counts (`building_counts.aggregate`) in the same order.
    register, survey, roof_shares
        See `registered_residents`, `survey` and `detection`.
    years
        Years between register and houses.
    seen
        Share of the area's people whom the inputs cover.
    raster
        People of the area by a population raster; None: none is given.
    """

    places: tuple[Place, ...]
    counts: pd.DataFrame
    register: Register = field(default_factory=registered_residents.Register)
    survey: Survey = field(default_factory=Survey)
    roof_shares: pd.Series | None = None
    years: float = 0.0
    seen: float = 1.0
    raster: float | None = None

    def register_scale(self, factors: Factors) -> float:
        """Return the scale of the error of the log of the city's register."""
        doubt = registered_residents.boundary_doubt(self.register.area, self.raster)
        return registration.register_scale(factors, years=self.years, seen=self.seen, doubt=doubt)


@dataclass(frozen=True)
class People:
    """The people of an area in every draw, before the register of the whole city has weighed the draws.

    `kinds`, `houses`, `flats` and `residents` have the shape (places, draws).
    """

    model: Model
    kinds: NDArray[np.int8]
    houses: Draws
    flats: Draws
    residents: Draws

    @property
    def factors(self) -> Factors:
        """The city's shared draws."""
        return self.model.factors


@dataclass(frozen=True)
class Posterior:
    """What is believed of an area after the data.

    Attributes
    ----------
    people, city
        The draws they were chosen from.
    all, kept
        Positions of equally probable draws: as many as were drawn, and `KEPT` of them.
    prior
        Draws of the shared factors as they were believed before.
    shares
        The unregistered share of the city before and after, with a weak prior, one twice as wide, and the published
        share where there is one; columns `SHARE_COLUMNS`.
    used
        Places whose own register was used.
    city_register
        Whether that of the whole city was used.
    """

    people: People
    city: City
    all: Positions
    kept: Positions
    prior: Factors
    shares: pd.DataFrame
    used: frozenset[str]
    city_register: bool
    notices: list[Notice]


def draw(given: Evidence, factors: Factors) -> People:
    """Draw residents of every place from the bottom up, given the survey of a settlement in that settlement."""
    by_id = {place.settlement_id: place for place in given.places}
    model = Model(
        factors,
        detection(given.counts, factors, by_id, given.roof_shares),
        given.survey.own(factors),
        block_levels(given.counts, factors),
    )
    shape = (len(given.places), factors.draws)
    people = People(model, np.empty(shape, np.int8), np.empty(shape), np.empty(shape), np.empty(shape))
    for row, (place, (_, counts)) in enumerate(zip(given.places, given.counts.iterrows(), strict=True)):
        people.kinds[row] = place.kinds(factors)
        _draw_place(people, row, place, counts)
    return people


def _draw_place(people: People, row: int, place: Place, counts: pd.Series) -> None:
    model, kinds = people.model, people.kinds[row]
    houses = kind_wise(kinds, lambda kind: model.houses(place, kind, counts) * model.inhabited(place, kind))
    flats = kind_wise(kinds, lambda kind: model.flats(place, kind, counts) * model.inhabited(place, kind))
    living = kind_wise(kinds, lambda kind: model.residents(kind, houses, flats, near_bazaar=place.near_bazaar))
    people.houses[row], people.flats[row] = houses, flats
    people.residents[row] = living * np.exp(model.log_noise(place, homes(houses, flats)))


def homes(houses: Draws, flats: Draws) -> float:
    """Return the mean number of homes of a place, over its draws."""
    return float(np.mean(houses + flats))


def posterior(given: Evidence, priors: Priors, area_id: str, *, draws: int, seed: int) -> Posterior:
    """Draw an area's people given all that is known of it.

    Notes
    -----
    Importance sampling. A pilot from the prior shows how the data depend on what the city shares; the draws come from
    the posterior that a straight line would give (`sampling.fit`), mixed with the prior, and are weighted by prior,
    likelihood and proposal. A settlement's own register and survey are conditioned on within each draw (`settle`,
    `Survey.own`). Where fewer than 400 effective draws would be left, the likelihood is tempered, and a notice says so.
    """
    before = draw(given, Factors(priors, area_id, draws=min(_PILOT, draws), seed=seed))
    usable, notices = _plausible(given, before, area_id)
    proposal, told = _proposal(given, usable, before)
    notices += told
    people = draw(given, Factors(priors, area_id, draws=draws, seed=seed, proposal=proposal))
    table = []
    # The wide one first: it is only told of, so that its draws need not be kept beside those of the weak one.
    for case, stretch in (("wide", _WIDER), ("weak", 1.0)):
        table.append(_share(area_id, case, "prior", share_of(settled(given, _NONE, before, stretch))))
        city = settled(given, usable, people, stretch)
        weights, power = _weigh(given, usable, people, city)
        table.append(_share(area_id, case, "posterior", share_of(city), weights))
    if power < 1:
        notices.append(Notice(f"population of {area_id}", "tempered", values={"power": power}))
    if (published := published_share(priors)) is not None:
        known = np.clip(share_of(city), published.low + 1e-6, published.high - 1e-6)
        belief = stats.beta(published.a, published.b).logpdf(known)
        tilted, _ = sampling.temper(weights, np.asarray(belief))
        own = published.quantile((np.arange(draws) + 0.5) / draws)
        table.append(_share(area_id, "published", "prior", own))
        table.append(_share(area_id, "published", "posterior", share_of(city), tilted))
    chosen = sampling.resample(weights, draws)
    kept = chosen[((np.arange(KEPT) + 0.5) * draws / KEPT).astype(np.int64)]
    for row, elsewhere in city.other_boundary.items():
        name = given.places[row].settlement_id
        notices += registered_residents.of_another_boundary(
            float(elsewhere[chosen].mean()), usable.settlements[name], people.residents[row], name
        )
    return Posterior(
        people, city, chosen, kept, before.factors, _share_table(table),
        frozenset(usable.settlements), usable.area is not None, notices,
    )  # fmt: skip


def settled(given: Evidence, register: Register, people: People, stretch: float = 1.0) -> City:
    """Return who is registered where in every draw, given the registers of single settlements."""
    rows = {place.settlement_id: row for row, place in enumerate(given.places)}
    known = {}
    for name, registered in sorted(register.settlements.items()):
        row = rows[name]
        size = homes(people.houses[row], people.flats[row])
        noise = people.model.log_noise(given.places[row], size)
        known[row] = Known(registered, people.model.noise_variance(given.places[row], size), noise)
    setting = registration.Setting(people.factors, given.places, people.kinds, stretch)
    residents = people.residents.copy() if known else people.residents
    return registration.settle(setting, residents, registration.ways(setting), known)


def share_of(city: City) -> Draws:
    """Return the unregistered as a share of the city's residents, shape (draws,)."""
    return np.asarray(city.unregistered.sum(axis=0) / np.maximum(city.residents.sum(axis=0), 1e-9))


def published_share(priors: Priors) -> Prior | None:
    """Return what was published of the unregistered share of this city or country; None: nothing."""
    prior = priors.select("unregistered_share_city")
    return None if prior.evidence == "none" else prior


def _plausible(given: Evidence, before: People, area_id: str) -> tuple[Register, list[Notice]]:
    """Leave out registers that can only belong to another place, and say what in the others is odd."""
    notices: list[Notice] = []
    kept = {}
    rows = {place.settlement_id: row for row, place in enumerate(given.places)}
    for name, registered in given.register.settlements.items():
        if name not in rows:
            continue
        usable, told = registered_residents.plausible(registered, before.residents[rows[name]], name)
        notices += told
        if usable:
            kept[name] = registered
    area = given.register.area
    if area is not None:
        usable, told = registered_residents.plausible(area * given.seen, before.residents.sum(axis=0), area_id)
        notices += told
        if given.raster is not None and registered_residents.boundary_doubt(area, given.raster):
            values = {"people": given.raster, "registered": area}
            notices.append(Notice("registered", "register_beside_raster", values=values))
        area = area if usable else None
    return registered_residents.Register(area, kept), notices


def _proposal(given: Evidence, usable: Register, before: People) -> tuple[Proposal | None, list[Notice]]:
    """Fit the proposal to the pilot: survey, the city's register and `City.middle` are its data; tell of an odd middle.

    None: there are no data, or nothing moves with them.
    """
    factors = before.factors
    predicted, observed = [*given.survey.predicted(factors)], [*given.survey.observed]
    error = [*given.survey.error(factors)] if given.survey.places else []
    city = settled(given, usable, before)
    if usable.area is not None:
        predicted.append(np.log(np.maximum(city.all_registered, 1.0)))  # a draw may hold nobody
        observed.append(np.log(usable.area * given.seen))
        error.append(given.register_scale(factors))
    notices = []
    if city.middle is not None:
        notices = registered_residents.beside_houses(city.middle.probability, len(usable.settlements))
        predicted.append(city.middle.surprise)
        observed.append(0.0)
        error.append(city.middle.error)
    if not predicted:
        return None, notices
    return sampling.fit(factors.drawn, np.stack(predicted), np.array(observed), np.array(error)), notices


def _weigh(given: Evidence, usable: Register, people: People, city: City) -> tuple[Draws, float]:
    factors = people.factors
    likelihood = given.survey.log_likelihood(factors) if given.survey.places else np.zeros(factors.draws)
    if usable.area is not None:
        error = given.register_scale(factors)
        likelihood = likelihood + registration.log_likelihood(city, usable.area, error=error, seen=given.seen)
    if city.middle is not None:
        likelihood = likelihood + city.middle.log_likelihood()
    return sampling.temper(factors.log_weights, likelihood)


def _share(area_id: str, case: str, state: str, draws: Draws, log_weights: Draws | None = None) -> dict[str, object]:
    if log_weights is None:
        log_weights = np.zeros(draws.size)
    chosen = draws[sampling.resample(log_weights, draws.size)]
    row: dict[str, object] = {"area_id": area_id, "prior": case, "state": state, **quantiles(chosen)}
    return {**row, "effective_draws": sampling.effective(log_weights)}


def _share_table(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(SHARE_COLUMNS))
