"""From outlines seen to houses that stand: false outlines are taken off, houses that no source saw are put on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pipeline.transform.buildings.capture_recapture import DEPENDENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from pipeline.transform.population.places import Place
    from pipeline.transform.population.priors import Factors

    Draws = NDArray[np.float64]

_OVERLAP_WORTH = 300
"""How many buildings the overlap of two sources counts for at most: more would only sharpen a figure that rests on
their independence, which nobody has checked."""

_LEAST = 0.005
"""No recall is nearer to 1, or known more closely, than this."""
_LEAST_RECALL = 0.05
"""No settlement that was found lacks more than nineteen in twenty of its houses."""


@dataclass(frozen=True)
class Detection:
    """How seen outlines turn into standing houses in one city; one draw per element.

    Houses = both + π_osm · osm + (1 + κ) · max(satellite − (1 − π_sat)(both + satellite), 0), then divided by ρ where
    OSM is the only source. κ is the number of houses that neither saw per house that only the satellite saw: where two
    sources work independently, both halves of what OSM lacks are seen by the satellite at the same rate, also in a
    settlement that OSM has not mapped at all.
    """

    precision_osm: Draws
    precision_satellite: Draws
    unseen_per_satellite: Draws
    recall_osm: Draws | None
    local: Mapping[str, Draws]

    def houses(self, place: Place, counts: pd.Series) -> Draws:
        """Return draws of the houses that stand, from the counts of `building_counts.aggregate`."""
        both, osm, satellite = (float(counts[source]) for source in ("both", "osm", "satellite"))
        real = np.maximum(satellite - (1 - self.precision_satellite) * (both + satellite), 0.0)
        seen = both + self.precision_osm * osm
        if (recall := self.local.get(place.settlement_id)) is not None:
            return (seen + real) / recall
        if self.recall_osm is not None:
            return seen / self.recall_osm
        return seen + (1 + self.unseen_per_satellite) * real


def detection(
    strata: pd.DataFrame, factors: Factors, places: Mapping[str, Place], recall: pd.DataFrame | None = None
) -> Detection:
    """Return the detection of one city.

    Parameters
    ----------
    strata
        Counts by settlement, from `strata.aggregate`; their totals tell which sources there are.
    factors
        The city's shared draws.
    places
        The settlements by id.
    recall
        How complete single settlements are, where something independent shows it: settlement_id, recall (share of
        standing houses that any source saw) and recall_sd. Elsewhere the whole city's priors hold.

    Notes
    -----
    The satellite's recall is its prior updated by the share of OSM's houses that the satellite saw (Beta-binomial,
    worth at most 300 houses), and κ = θ(1 − ρ)/ρ, θ for what hides a house from both (`capture_recapture.DEPENDENCE`),
    lognormal and shared by the whole city. The share of all buildings that neither source saw (`completeness`)
    is not used: sheds, which both miss, would be counted as missing houses.
    """
    local = _local(recall, factors, places)
    both, osm, satellite = (float(strata[source].sum()) for source in ("both", "osm", "satellite"))
    precision_osm, precision_satellite = factors.get("precision_osm"), factors.get("precision_satellite")
    if both + satellite == 0:
        nothing = np.zeros(factors.draws)
        return Detection(precision_osm, precision_satellite, nothing, factors.get("recall_osm"), local)
    own = _recall(both, osm, factors)
    unseen = (1 - own) / own
    if both + osm > 0:
        middle, spread = DEPENDENCE
        unseen = unseen * np.exp(middle + spread * factors.scores("source_dependence"))
    return Detection(precision_osm, precision_satellite, unseen, None, local)


def _recall(both: float, osm: float, factors: Factors) -> Draws:
    prior = factors.priors.select("recall_satellite")
    if both + osm == 0:
        return factors.get("recall_satellite")
    weight = min(1.0, _OVERLAP_WORTH / (both + osm))
    posterior = stats.beta(prior.a + weight * both, prior.b + weight * osm)
    return np.asarray(np.clip(posterior.ppf(factors.uniform("recall_satellite")), prior.low, prior.high), dtype=float)


def _local(recall: pd.DataFrame | None, factors: Factors, places: Mapping[str, Place]) -> dict[str, Draws]:
    """Return draws of the recall of single settlements, a Beta distribution with the given mean and deviation."""
    if recall is None:
        return {}
    drawn = {}
    for name, mean, deviation in recall[["settlement_id", "recall", "recall_sd"]].itertuples(index=False, name=None):
        if str(name) in places and 0 < mean <= 1:
            middle = min(float(mean), 1 - _LEAST)
            worth = max(middle * (1 - middle) / max(float(deviation), _LEAST) ** 2 - 1, 2.0)
            rng = factors.own("recall", places[str(name)].stream)
            values = rng.beta(middle * worth, (1 - middle) * worth, factors.draws)
            drawn[str(name)] = np.maximum(values, _LEAST_RECALL)
    return drawn
