"""People: residents, registered and unregistered, always as draws, never as single numbers; see docs/method.md."""

from pipeline.transform.population.detection import detected
from pipeline.transform.population.estimate import estimate
from pipeline.transform.population.exposure import exposure
from pipeline.transform.population.priors import Prior, Priors, generator
from pipeline.transform.population.result_tables import Population, people_tables

__all__ = ["Population", "Prior", "Priors", "detected", "estimate", "exposure", "generator", "people_tables"]
