"""From outlines seen to houses that stand: false outlines are taken off, houses that no source saw are put on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pipeline.transform.buildings.capture_recapture import DEPENDENCE
from pipeline.transform.population.building_counts import aggregate
from pipeline.transform.population.priors import Factors

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from pipeline.transform.population.places import Place
    from pipeline.transform.population.priors import Priors

    Draws = NDArray[np.float64]

_OVERLAP_WORTH = 300
"""How many buildings the overlap of two sources counts for at most: more would only sharpen a figure that rests on
their independence, which nobody has checked."""

_LEAST_RECALL = 0.05
"""No settlement that was found lacks more than nineteen in twenty of its houses."""
_RASTER_LAGS = 2.0
"""Where roofs are more than so many times the built-up area, the settlement is younger than the raster."""


@dataclass(frozen=True)
class Detection:
    """How seen outlines turn into standing houses in one city; one draw per element.

    Houses = both + π_osm · osm + (1 + κ) · max(satellite − (1 − π_sat)(both + satellite), 0), then divided by ρ where
    OSM is the only source. κ is the number of houses that neither saw per house that only the satellite saw: where two
    sources work independently, both halves of what OSM lacks are seen by the satellite at the same rate, also in a
    settlement that OSM has not mapped at all. `local` is the recall of single settlements where OSM is the only source.
    """

    precision_osm: Draws
    precision_satellite: Draws
    unseen_per_satellite: Draws
    recall_osm: Draws | None
    local: Mapping[str, Draws]

    def houses(self, place: Place, counts: pd.Series) -> Draws:
        """Return draws of the houses that stand, from the counts of `building_counts.aggregate`."""
        both, osm, satellite = (float(counts[source]) for source in ("both", "osm", "satellite"))
        seen = both + self.precision_osm * osm
        if self.recall_osm is not None:
            return seen / self.local.get(place.settlement_id, self.recall_osm)
        real = np.maximum(satellite - (1 - self.precision_satellite) * (both + satellite), 0.0)
        return seen + (1 + self.unseen_per_satellite) * real


def detection(
    strata: pd.DataFrame, factors: Factors, places: Mapping[str, Place], roof_shares: pd.Series | None = None
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
    roof_shares
        Roofs over built-up area by settlement (`completeness.roof_shares`): where OSM is the only source, they tell how
        complete each settlement is. Elsewhere, and where they cannot tell, the whole city's priors hold.

    Notes
    -----
    The satellite's recall is its prior updated by the share of OSM's houses that the satellite saw (Beta-binomial,
    worth at most 300 houses), and κ = θ(1 − ρ)/ρ, θ for what hides a house from both (`capture_recapture.DEPENDENCE`),
    lognormal and shared by the whole city. The share of all buildings that neither source saw (`completeness`)
    is not used: sheds, which both miss, would be counted as missing houses.
    """
    both, osm, satellite = (float(strata[source].sum()) for source in ("both", "osm", "satellite"))
    precision_osm, precision_satellite = factors.get("precision_osm"), factors.get("precision_satellite")
    if both + satellite == 0:
        nothing = np.zeros(factors.draws)
        local = _local(roof_shares, factors, places)
        return Detection(precision_osm, precision_satellite, nothing, factors.get("recall_osm"), local)
    own = _recall(both, osm, factors)
    unseen = (1 - own) / own
    if both + osm > 0:
        middle, spread = DEPENDENCE
        unseen = unseen * np.exp(middle + spread * factors.scores("source_dependence"))
    return Detection(precision_osm, precision_satellite, unseen, None, {})


def detected(buildings: pd.DataFrame, priors: Priors, area_id: str, *, draws: int, seed: int) -> Detection:
    """Return the `detection` of one city from its merged buildings, for whoever asks of no people."""
    return detection(aggregate(buildings), Factors(priors, area_id, draws=draws, seed=seed), {})


def _recall(both: float, osm: float, factors: Factors) -> Draws:
    prior = factors.priors.select("recall_satellite")
    if both + osm == 0:
        return factors.get("recall_satellite")
    weight = min(1.0, _OVERLAP_WORTH / (both + osm))
    posterior = stats.beta(prior.a + weight * both, prior.b + weight * osm)
    return np.asarray(np.clip(posterior.ppf(factors.uniform("recall_satellite")), prior.low, prior.high), dtype=float)


def _local(roof_shares: pd.Series | None, factors: Factors, places: Mapping[str, Place]) -> dict[str, Draws]:
    """Return draws of the recall of single settlements from their roofs over what a raster shows as built up.

    A raster's built-up area holds sheds and is blurred: `roof_share` is what the roofs of a settlement mapped whole are
    of it, with the doubt of the whole city; each settlement errs by `roof_share_noise` besides.
    """
    if roof_shares is None:
        return {}
    drawn = {}
    for name, share in roof_shares.items():
        if str(name) in places and 0 < share <= _RASTER_LAGS:
            own = factors.own("recall", places[str(name)].stream).standard_normal(factors.draws)
            recall = share / factors.get("roof_share") * np.exp(factors.constant("roof_share_noise") * own)
            drawn[str(name)] = np.clip(recall, _LEAST_RECALL, 1.0)
    return drawn
