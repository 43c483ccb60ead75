"""Simulation-based calibration (Talts et al. 2018): cities drawn from the model, and the ranks of their truth."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.declared import facts
from pipeline.transform.population import joint, registration
from pipeline.transform.population.priors import Factors, Priors
from pipeline.transform.population.registered_residents import Register

if TYPE_CHECKING:
    from numpy.typing import NDArray

AREA, COUNTRY = "osh", "KG"
DRAWS = 1500
TAIL = 4.0
"""Degrees of freedom of the register's error, as the model states them."""


def ranks(given: joint.Evidence, *, cities: int, with_register: bool) -> dict[str, NDArray[np.float64]]:
    """Return the rank of the truth among the kept draws, 0 to 1, for each city drawn from the model.

    Parameters
    ----------
    given
        Places and their counts; each city has them.
    cities
        How many are drawn.
    with_register
        Whether the posterior is given a register of the whole city, drawn from the truth by the model's own error.

    Returns
    -------
    dict
        Ranks of shape (cities,), of residents (D) and unregistered (U) of the city and of one of its places each.
    """
    priors = Priors(facts.priors(), COUNTRY, AREA, "winter")
    factors = Factors(priors, AREA, draws=cities, seed=1001)
    true = joint.settled(given, Register(), joint.draw(given, factors))
    scale = registration.register_scale(factors, years=0, seen=1.0, doubt=0.0)
    error = np.exp(scale * np.random.default_rng(8).standard_t(TAIL, cities))
    found: dict[str, list[float]] = {"city D": [], "city U": [], "place D": [], "place U": []}
    for n in range(cities):
        register = Register(area=float(true.all_registered[n] * error[n]) if with_register else None)
        known = replace(given, register=register)
        posterior = joint.posterior(known, priors, AREA, draws=DRAWS, seed=n)
        place = n % len(given.places)
        for letter, quantity in (("D", "residents"), ("U", "unregistered")):
            drawn, truth = getattr(posterior.city, quantity)[:, posterior.kept], getattr(true, quantity)[:, n]
            found[f"city {letter}"].append(float((drawn.sum(axis=0) < truth.sum()).mean()))
            found[f"place {letter}"].append(float((drawn[place] < truth[place]).mean()))
    return {what: np.array(values) for what, values in found.items()}
