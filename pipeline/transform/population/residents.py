"""Residents from the bottom up: houses and flats that stand, times the factors that turn them into people."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pipeline.schema.draws import KINDS
from pipeline.transform.population.building_counts import REST
from pipeline.transform.population.sensitivity import analytic_cv2, product_cv2

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from pipeline.transform.population.detection import Detection
    from pipeline.transform.population.places import Place
    from pipeline.transform.population.priors import Factors

    Draws = NDArray[np.float64]


_TOLD_WORTH = 20
"""How many tagged buildings count at most for those without tags: mappers tag what stands out, not a random sample."""


@dataclass(frozen=True)
class Model:
    """The bottom-up model of one city.

    Attributes
    ----------
    factors
        Draws that the whole city shares.
    detection
        How seen outlines turn into standing houses.
    surveyed
        Draws of the log of a settlement's own factor where a survey visited it, by settlement.
    block_levels
        Mean levels, in the city, of blocks for which no source has them (`block_levels`).
    """

    factors: Factors
    detection: Detection
    surveyed: Mapping[str, Draws]
    block_levels: Draws

    @cached_property
    def _noise(self) -> tuple[float, float]:
        return self.factors.constant("settlement_noise"), self.factors.constant("house_dispersion")

    def inhabited(self, place: Place, kind: str) -> Draws:
        """Return draws of whether anybody lives in a settlement (1) or it is all stalls, halls or garages (0)."""
        chance = self.factors.priors.select("inhabited_chance", kind=kind).a
        if chance == 1 or place.settlement_id == REST:
            return np.ones(self.factors.draws)
        return (self.factors.own("inhabited_chance", place.stream).random(self.factors.draws) < chance).astype(float)

    def houses(self, place: Place, kind: str, counts: pd.Series) -> Draws:
        """Return draws of the houses that are homes or could be: detected ones times the residential share."""
        return self.detection.houses(place, counts) * self.factors.get("residential_share", kind)

    def flats(self, place: Place, kind: str, counts: pd.Series) -> Draws:
        """Return draws of the flats in apartment blocks: gross floor area over floor area per flat.

        Of the large outlines whose use nobody has told, a share holds flats: its prior for this kind of settlement,
        updated (Beta-binomial) by the large outlines of the settlement whose use is known. Where houses outnumber
        large outlines, the prior of districts of blocks does not hold: a large outline among houses is a shop, a
        school, or houses run together.
        """
        get = self.factors.get
        known, untold = float(counts["block_floor_m2"]), float(counts["large_footprint_m2"])
        footprint: Draws | float = float(counts["block_footprint_m2"])
        if known + footprint + untold == 0:
            return np.zeros(self.factors.draws)
        if untold:
            footprint = footprint + untold * self._share_of_flats(place, kind, counts)
        levels = self._levels(place, counts)
        return (known + footprint * levels) / get("flat_floor_area") / get("recall_apartments")

    def _levels(self, place: Place, counts: pd.Series) -> Draws:
        """Return draws of the mean levels of a settlement's blocks for which no source has them.

        The city's mean, and around it the settlement's own (normal, standard deviation σ between districts), updated
        by the mean of its n blocks whose levels are known (τ between blocks): weight n/(n + τ²/σ²).
        """
        constant = self.factors.constant
        districts, blocks = constant("district_levels_spread"), constant("block_levels_spread")
        known = min(float(counts["levels_blocks"]), _TOLD_WORTH)
        weight = known / (known + (blocks / districts) ** 2)
        own = float(counts["block_floor_m2"]) / float(counts["levels_footprint_m2"]) if known else 0.0
        normal = self.factors.own("district_levels", place.stream).standard_normal(self.factors.draws)
        levels = self.block_levels * (1 - weight) + own * weight + districts * np.sqrt(1 - weight) * normal
        return np.asarray(np.maximum(levels, self.factors.priors.select("apartment_levels").low))

    def _share_of_flats(self, place: Place, kind: str, counts: pd.Series) -> Draws:
        flats, other, untold = (float(counts[f"large_{use}"]) for use in ("flats", "other", "untold"))
        among_houses = sum(float(counts[source]) for source in ("both", "osm", "satellite")) > flats + other + untold
        prior = self.factors.priors.select("large_flats_share", kind="" if among_houses else kind)
        weight = min(1.0, _TOLD_WORTH / max(flats + other, 1.0))
        rng = self.factors.own("large_flats_share", place.stream)
        return rng.beta(prior.a + weight * flats, prior.b + weight * other, self.factors.draws)

    def log_noise(self, place: Place, homes: float) -> Draws:
        """Return the log of a settlement's own factor: lognormal with mean 1, wider for few homes.

        The variance of its log is σ² + κ²/n: σ between settlements, κ the coefficient of variation between houses, n
        the number of homes. Where a survey has visited, `surveyed` holds what is left of σ, and only κ²/n is added
        here.
        """
        visited = self.surveyed.get(place.settlement_id)
        variance = self.noise_variance(place, homes)
        normal = self.factors.own("settlement", place.stream).standard_normal(self.factors.draws)
        own = np.sqrt(variance) * normal - variance / 2
        return np.asarray(own if visited is None else own + visited)

    def noise_variance(self, place: Place, homes: float) -> float:
        """Return the variance of the log of a settlement's own factor, beyond what a survey left of it."""
        between, within = self._noise
        visited = place.settlement_id in self.surveyed
        return (0.0 if visited else between**2) + within**2 / max(homes, 1.0)

    def analytic_cv2(self, place: Place, houses: Draws, flats: Draws) -> float:
        """Return the CV² of a settlement's residents by theory: houses and flats by their shares, the rest in full."""
        get = self.factors.get
        in_houses = {
            "houses": houses,
            "persons": persons_per_house(self.factors, place.kind, near_bazaar=place.near_bazaar),
        }
        in_flats = {"flats": flats, "occupancy": get("flat_occupancy"), "persons": get("household_size_flat")}
        groups = [group for group in (in_houses, in_flats) if all(draws.mean() > 0 for draws in group.values())]
        means = [float(np.prod([draws.mean() for draws in group.values()])) for group in groups]
        weighted = [(mean / sum(means)) ** 2 * analytic_cv2(group) for mean, group in zip(means, groups, strict=True)]
        noise = np.exp(self.log_noise(place, float(np.mean(houses + flats))))
        return product_cv2([sum(weighted), analytic_cv2({"discrepancy": get("model_discrepancy"), "noise": noise})])

    def counted(self, place: Place, houses: Draws) -> Draws:
        """Return draws of a settlement's number of homes, with the chance that lies in counting few.

        Each of n outlines is a home with the chance r, and κ houses stand unseen for one that is seen: a relative
        variance of ((1 − r)/r + κ)/n. Residents need it not: their own noise holds it.
        """
        share = float(self.factors.get("residential_share").mean())
        unseen = float(self.detection.unseen_per_satellite.mean())
        variance = ((1 - share) / share + unseen) / max(float(houses.mean()), 1.0)
        normal = self.factors.own("counted", place.stream).standard_normal(self.factors.draws)
        return np.asarray(houses * np.exp(np.sqrt(variance) * normal - variance / 2))

    def dwellings(self, kind: str, houses: Draws, flats: Draws, *, near_bazaar: bool = False) -> Draws:
        """Return draws of occupied dwellings in so many houses and flats, before a settlement's own factor."""
        get = self.factors.get
        in_houses = houses * dwellings_per_house(self.factors, kind, near_bazaar=near_bazaar) * get("occupancy", kind)
        return in_houses + flats * get("flat_occupancy")

    def residents(self, kind: str, houses: Draws, flats: Draws, *, near_bazaar: bool = False) -> Draws:
        """Return draws of the residents of so many houses and flats, before a settlement's own factor."""
        get = self.factors.get
        in_houses = houses * persons_per_house(self.factors, kind, near_bazaar=near_bazaar)
        in_flats = flats * get("flat_occupancy") * get("household_size_flat")
        return (in_houses + in_flats) * get("model_discrepancy")


def kind_wise(kinds: NDArray[np.int8], value: Callable[[str], Draws]) -> Draws:
    """Return what `value` is for the kind that a settlement has in each draw (`Place.kinds`)."""
    found = np.unique(kinds)
    if len(found) == 1:
        return value(KINDS[found[0]])
    drawn = np.empty(kinds.shape)
    for position in found:
        chosen = kinds == position
        drawn[chosen] = value(KINDS[position])[chosen]
    return drawn


def block_levels(strata: pd.DataFrame, factors: Factors) -> Draws:
    """Return draws of the mean levels of blocks for which no source has them, shape (draws,).

    The prior, updated by the mean L̄ of the city's blocks whose levels are known (by footprint), as n values of a
    normal with the spread of single blocks: the weight of L̄ is n/(n + τ²/σ₀²), n at most 20.
    """
    prior = factors.priors.select("apartment_levels")
    blocks, footprint = float(strata["levels_blocks"].sum()), float(strata["levels_footprint_m2"].sum())
    if not blocks:
        return factors.get("apartment_levels")
    between = factors.constant("block_levels_spread")
    observed = float(strata["block_floor_m2"].sum()) / footprint
    weight = 1 / (1 + (between / prior.b) ** 2 / min(blocks, _TOLD_WORTH))
    centred = factors.get("apartment_levels") - prior.a
    return np.asarray(np.maximum(prior.a + weight * (observed - prior.a) + np.sqrt(1 - weight) * centred, prior.low))


def persons_per_house(factors: Factors, kind: str, *, near_bazaar: bool = False) -> Draws:
    """Return draws of persons per residential house before any survey, shape (draws,): what a survey measures."""
    dwellings = dwellings_per_house(factors, kind, near_bazaar=near_bazaar)
    return dwellings * factors.get("occupancy", kind) * factors.get("household_size", kind)


def dwellings_per_house(factors: Factors, kind: str, *, near_bazaar: bool) -> Draws:
    """Return draws of households per house; near a bazaar, rooms are let in many."""
    return factors.get("dwellings_near_bazaar") if near_bazaar else factors.get("dwellings_per_house", kind)
