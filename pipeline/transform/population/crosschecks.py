"""Residents by other, independent methods: cross-checks that stand beside the main estimate and never replace it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pipeline.transform.population.places import Place
    from pipeline.transform.population.residents import Model

    Draws = NDArray[np.float64]

_M2_PER_HA = 1e4


def floor_volume(model: Model, place: Place, counts: pd.Series, houses: Draws, flats: Draws) -> Draws:
    """Return residents by floor area: Σ A·L · e / m, for houses (those that are homes and stand) and blocks.

    Overstates where new houses are large and half empty.
    """
    get = model.factors.get
    seen = sum(float(counts[source]) for source in ("both", "osm", "satellite"))
    floor = float(counts["house_floor_m2"]) + float(counts["house_footprint_m2"]) * get("house_levels")
    homes = floor * houses / seen if seen else np.zeros(model.factors.draws)
    blocks = flats * get("flat_floor_area") * get("flat_occupancy")
    net = (homes + blocks) * get("net_to_gross")
    return net / get("living_space") * np.exp(model.log_noise(place, float(counts["blocks"]) + seen))


def plot_density(model: Model, place: Place) -> Draws:
    """Return residents by gross density: hectares times people per hectare of such settlements."""
    return place.area_m2 / _M2_PER_HA * model.factors.own_draws("density", place.stream, kind=place.kind)


def population_raster(model: Model, stream: str, people: float) -> Draws:
    """Return residents as a gridded population dataset has them, with the error of such grids for single places."""
    return people * model.factors.own_draws("raster_error", stream)
