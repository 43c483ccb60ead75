"""The true parameters of a simulated city, drawn anew for each city and seed.

The ranges are the simulator's own. No estimator may read them or a value drawn from them: a test holds that nothing
under `pipeline/transform` or `pipeline/load` imports this package.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from pipeline.simulate.rng import stream

if TYPE_CHECKING:
    from pipeline.config import Area
    from pipeline.simulate.stress import Stress

Range = tuple[float, float]

_HOUSEHOLD: dict[str, Range] = {"osh": (3.0, 6.4), "KG": (3.4, 6.9), "KZ": (2.5, 5.4)}
"""Persons per household in new settlements, by city, else country."""
_HOUSEHOLD_ELSEWHERE: Range = (2.2, 6.6)

_RANGES: dict[str, Range] = {
    "household_village": (0.82, 1.12),
    "household_formal": (0.72, 1.0),
    "household_flat": (0.5, 0.84),
    "household_dacha": (0.36, 0.86),
    "occupancy_novostroika": (0.55, 0.98),
    "occupancy_village": (0.6, 0.98),
    "occupancy_formal": (0.6, 0.98),
    "occupancy_flat": (0.5, 0.92),
    "occupancy_dacha": (0.06, 0.76),
    "extra_households": (0.03, 0.6),
    "extra_households_bazaar": (0.3, 1.1),
    "settlement_spread": (0.06, 0.26),
    "flat_m2": (44.0, 86.0),
    "unfinished": (0.02, 0.13),
    "vacant_plots": (0.05, 0.24),
    "sheds": (0.55, 1.15),
    "osm_share": (0.3, 0.9),
    "osm_spread": (1.4, 3.0),
    "osm_offset_m": (0.3, 2.4),
    "osm_careless": (0.02, 0.14),
    "satellite_recall": (0.55, 0.93),
    "satellite_precision": (0.91, 0.99),
    "dependence": (0.0, 0.45),
    "satellite_offset_m": (0.2, 4.5),
    "satellite_noise_m": (0.2, 0.6),
    "satellite_merge": (0.25, 0.7),
    "unregistered_unresolved": (0.4, 0.96),
    "unregistered_mixed": (0.2, 0.68),
    "unregistered_legal": (0.04, 0.58),
    "unregistered_village": (0.01, 0.32),
    "unregistered_formal": (0.01, 0.34),
    "elsewhere_unresolved": (0.4, 0.9),
    "elsewhere_mixed": (0.1, 0.4),
    "elsewhere_legal": (0.02, 0.22),
    "elsewhere_formal": (0.01, 0.06),
    "ghosts": (0.01, 0.22),
    "settlements_in_register": (0.25, 0.6),
    "built_up_noise": (0.04, 0.14),
    "onset_delay_years": (0.2, 1.4),
    "onset_omission": (0.01, 0.06),
    "raster_official_share": (0.8, 1.04),
    "cell_m": (1900.0, 2300.0),
    "turn_rad": (-0.3, 0.3),
}


@dataclass(frozen=True)
class Parameters:
    """What is true of one simulated city; shares are in [0, 1], lengths in metres, `household_*` multiply the base.

    `household` is persons per household in its new settlements. Occupancies are those of usual
    residence (for dachas: in winter).
    """

    household: float
    household_village: float
    household_formal: float
    household_flat: float
    household_dacha: float
    occupancy_novostroika: float
    occupancy_village: float
    occupancy_formal: float
    occupancy_flat: float
    occupancy_dacha: float
    extra_households: float
    """Mean number of households in a house beyond the first."""
    extra_households_bazaar: float
    settlement_spread: float
    """Standard deviation of the logarithm of household size between settlements."""
    flat_m2: float
    """Gross floor area per flat of an apartment block."""
    unfinished: float
    vacant_plots: float
    sheds: float
    """Outbuildings per built plot of a new settlement."""
    osm_share: float
    """Share of the houses that OpenStreetMap has, over the whole city."""
    osm_spread: float
    """Standard deviation of its logit between settlements."""
    osm_offset_m: float
    osm_careless: float
    """Share of buildings drawn metres off and of a wrong size."""
    satellite_recall: float
    """Share of the buildings beside sheds that it sees."""
    dependence: float
    """Correlation of what map and satellite miss, beyond what their size explains."""
    satellite_precision: float
    satellite_offset_m: float
    satellite_noise_m: float
    satellite_merge: float
    """Share of touching rows that come out as one blob."""
    unregistered_unresolved: float
    unregistered_mixed: float
    unregistered_legal: float
    unregistered_village: float
    unregistered_formal: float
    elsewhere_unresolved: float
    """Share of those not unregistered who are registered at another address of the city."""
    elsewhere_mixed: float
    elsewhere_legal: float
    elsewhere_formal: float
    ghosts: float
    """People registered in the city who live outside it, as a share of the residents registered in it."""
    settlements_in_register: float
    built_up_noise: float
    onset_delay_years: float
    onset_omission: float
    raster_official_share: float
    """Official total behind the population raster over the registered population."""
    cell_m: float
    turn_rad: float

    def as_dict(self) -> dict[str, float]:
        """Return all values by name."""
        return asdict(self)


def draw(area: Area, seed: int, stress: Stress) -> Parameters:
    """Draw the true parameters of a city, each uniformly from its range, and put those of a stress in their place."""
    rng = stream(seed, area.area_id, "parameters")
    household = _HOUSEHOLD.get(area.area_id, _HOUSEHOLD.get(area.country, _HOUSEHOLD_ELSEWHERE))
    drawn = Parameters(
        household=rng.uniform(*household),
        **{name: rng.uniform(*limits) for name, limits in sorted(_RANGES.items())},
    )
    given = {
        "osm_share": stress.recall,
        "satellite_recall": stress.recall,
        "dependence": stress.dependence,
        "satellite_offset_m": stress.offset,
        "onset_delay_years": stress.late,
        "extra_households": None if stress.households is None else stress.households - 1,
        "occupancy_novostroika": None if stress.empty is None else 1 - stress.empty,
    }
    return replace(drawn, **{name: value for name, value in given.items() if value is not None})
