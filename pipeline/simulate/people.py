"""Who lives in each building of a simulated city, and where they are registered.

Definitions as in the method: D residents, R registered here, U1 registered nowhere in the city, U2 registered at
another address of it, G registered here but living elsewhere. D - R = U1 + U2 - G holds in every building and
settlement; in the whole city one settlement's U2 are another's ghosts and cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.simulate.structures import APARTMENTS, HOUSE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.simulate.city import City
    from pipeline.simulate.settlement_plan import Place

    Counts = NDArray[np.int64]

_BOUNDS = (0.005, 0.985)
"""No share drawn for a settlement leaves these bounds."""


@dataclass(frozen=True)
class People:
    """People of each building; arrays as long as the city's buildings."""

    dwellings: Counts
    occupied: Counts
    residents: Counts
    unregistered: Counts
    """U1: living here, registered nowhere in the city."""
    elsewhere: Counts
    """U2: living here, registered at another address of the city."""
    ghosts: Counts
    """G: registered here, living elsewhere."""
    ghosts_from_city: int
    """How many of all ghosts live at another address of the city: as many as all of `elsewhere`."""

    @property
    def registered(self) -> Counts:
        """R: valid registrations at the building's address."""
        return self.residents - self.unregistered - self.elsewhere + self.ghosts


def settle(city: City) -> People:
    """Fill a city with people.

    Dwellings: one household in a house and Poisson-many more (rooms let near markets), flats by floor area. A dwelling
    is occupied with the settlement's own probability; an occupied one holds one person and Poisson-many more.
    Settlements with reported families or people get just these.
    """
    rates = _rates(city)
    site = city.buildings.site
    rng = city.stream("people")
    dwellings = _dwellings(city, rates["extra"][site], rng)
    occupied = rng.binomial(dwellings, rates["occupancy"][site])
    residents = occupied + rng.poisson(occupied * np.maximum(rates["household"][site] - 1, 0.05))
    for index, place in enumerate(city.places):
        if place.families is not None or place.people is not None:
            here = np.flatnonzero(site == index)
            chance = city.stream("reported", place.key)
            dwellings[here], occupied[here], residents[here] = _as_reported(
                place, (dwellings[here], occupied[here], residents[here]), rates["household"][index], chance
            )
    unregistered = rng.binomial(residents, rates["unregistered"][site])
    elsewhere = rng.binomial(residents - unregistered, rates["elsewhere"][site])
    ghosts = _ghosts(city, dwellings, residents - unregistered - elsewhere, int(elsewhere.sum()), rng)
    return People(dwellings, occupied, residents, unregistered, elsewhere, ghosts, int(elsewhere.sum()))


def _rates(city: City) -> dict[str, NDArray[np.float64]]:
    """Return each settlement's own parameters; the last row is for buildings in no settlement (index -1)."""
    truth = city.truth
    noise = city.stream("rates").normal(0, truth.settlement_spread, (len(city.places) + 1, 2))
    rows = []
    for k, place in enumerate([*city.places, None]):
        fabric = place.fabric if place else "village"
        style = {"novostroika": "novostroika", "village": "village", "dacha": "dacha", "cottages": "formal"}.get(
            fabric, "flat"
        )
        household = truth.household * (1.0 if style == "novostroika" else getattr(truth, f"household_{style}"))
        group = _registration_group(place)
        occupancy = _shifted(getattr(truth, f"occupancy_{style}"), 1.5 * noise[k, 1])
        extra = truth.extra_households if style in {"novostroika", "village"} else 0.3 * truth.extra_households
        rows.append(
            {
                "household": household * np.exp(noise[k, 0] - truth.settlement_spread**2 / 2),
                "occupancy": occupancy,
                "extra": truth.extra_households_bazaar if place and place.bazaar else extra,
                "unregistered": _shifted(getattr(truth, f"unregistered_{group}"), 2.0 * noise[k, 1]),
                "elsewhere": getattr(truth, f"elsewhere_{'formal' if group == 'village' else group}"),
            }
        )
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def _registration_group(place: Place | None) -> str:
    """Return which of the city's registration shares holds for a settlement."""
    if place is None or place.fabric in {"village", "dacha"}:
        return "village"
    if place.fabric in {"cottages", "core", "bazaar", "industry"}:
        return "formal"
    if place.fabric == "blocks" and place.named_id is None:
        return "formal"
    return {"unresolved": "unresolved", "mixed": "mixed"}.get(place.papers, "legal")


def _shifted(share: float, by: float) -> float:
    """Shift a share on the logit scale, within bounds."""
    share = float(np.clip(share, 0.001, 0.999))  # a stress may ask for none or all
    logit = np.log(share / (1 - share)) + by
    return float(np.clip(1 / (1 + np.exp(-logit)), *_BOUNDS))


def _dwellings(city: City, extra: NDArray[np.float64], rng: np.random.Generator) -> Counts:
    """Return dwellings per building: none in sheds, shops and unfinished houses."""
    buildings = city.buildings
    houses = (buildings.kind == HOUSE) & buildings.finished
    blocks = (buildings.kind == APARTMENTS) & buildings.finished
    floor = buildings.area_m2 * buildings.levels
    flats = np.maximum(np.round(floor / city.truth.flat_m2 * rng.lognormal(0, 0.12, len(floor))), 2)
    # Households beyond the first: Poisson around a gamma of shape 0.8, so that few houses hold many rented rooms.
    tenants = rng.poisson(extra * rng.gamma(0.8, 1 / 0.8, len(floor)))
    return np.where(houses, 1 + np.minimum(tenants, 11), np.where(blocks, flats, 0)).astype(np.int64)


def _as_reported(
    place: Place, counts: tuple[Counts, Counts, Counts], household: float, rng: np.random.Generator
) -> tuple[Counts, Counts, Counts]:
    """Return dwellings, occupied and residents such that families and people are those reported."""
    dwellings, occupied, residents = (count.copy() for count in counts)
    homes = np.flatnonzero(dwellings > 0)
    if place.families is not None:
        while dwellings.sum() < place.families:
            dwellings[rng.choice(homes)] += 1
        keys = np.repeat(np.arange(len(dwellings)), dwellings)
        occupied = np.bincount(rng.permutation(keys)[: place.families], minlength=len(dwellings))
        residents = occupied + rng.poisson(occupied * max(household - 1, 0.05))
    if place.people is not None:
        extra = max(place.people - int(occupied.sum()), 0)
        residents = occupied + rng.multinomial(extra, occupied / max(occupied.sum(), 1))
    return dwellings, occupied.astype(np.int64), residents.astype(np.int64)


def _ghosts(city: City, dwellings: Counts, registered_here: Counts, from_city: int, rng: np.random.Generator) -> Counts:
    """Spread registrations without residents: mostly over papered settlements, a few addresses holding very many."""
    outside = rng.binomial(int(registered_here.sum()), city.truth.ghosts)
    status = np.array([_registration_group(place) for place in city.places] + ["village"])
    welcome = np.select([status == "unresolved", status == "mixed"], [0.02, 0.3], 1.0)
    weight = welcome[city.buildings.site] * dwellings * rng.gamma(0.25, 4.0, len(dwellings))
    weight = weight / weight.sum()
    many = int(0.03 * (outside + from_city))
    address = rng.choice(np.flatnonzero(dwellings > 0), 3)
    ghosts = rng.multinomial(outside + from_city - many, weight)
    ghosts += np.bincount(
        address, weights=(many // 3, many // 3, many - 2 * (many // 3)), minlength=len(ghosts)
    ).astype(np.int64)
    return ghosts.astype(np.int64)
