"""People: residents, registered and unregistered, always as draws, never as single numbers; see docs/method.md."""

from pipeline.transform.population.detection import detected
from pipeline.transform.population.estimate import estimate
from pipeline.transform.population.exposure import exposure, residents_by_year
from pipeline.transform.population.priors import Prior, Priors, generator
from pipeline.transform.population.result_tables import Population, people_tables
from pipeline.transform.population.spread import Spread

__all__ = [
    "Population",
    "Prior",
    "Priors",
    "Spread",
    "detected",
    "estimate",
    "exposure",
    "generator",
    "people_tables",
    "residents_by_year",
]
