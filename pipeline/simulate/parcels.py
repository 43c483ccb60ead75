"""Residential land as mappers often draw it: many small parcels, a block or a few houses each, nearly all nameless."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.simulate.rng import chance
from pipeline.simulate.structures import OUTBUILDING

if TYPE_CHECKING:
    from pipeline.geometry.convex import Array
    from pipeline.simulate.city import City
    from pipeline.simulate.osm_pbf import Drawing, Tags

_FENCE_M = 10.0
"""Around the houses of a parcel."""


def draw(city: City, drawing: Drawing) -> None:
    """Draw the ground of some settlements as small parcels of `Style.parcel_m`, not all of it."""
    style = city.style
    buildings = city.buildings
    order = np.argsort(buildings.site, kind="stable")
    starts = np.searchsorted(buildings.site[order], np.arange(len(city.places) + 1))
    for index, place in enumerate(city.places):
        rng = city.stream("parcels", place.key)
        drawn = rng.uniform(0.3, 1.0)
        if place.kind == "other" or city.hidden[index] or not chance(rng, style.parcelled):
            continue
        here = order[starts[index] : starts[index + 1]]
        here = here[buildings.kind[here] != OUTBUILDING]
        if not len(here):
            continue
        points = np.column_stack([buildings.x[here], buildings.y[here]])
        use = "allotments" if place.kind == "dacha" else "residential"
        for ring in _cells(points, float(np.median(buildings.angle[here] % (np.pi / 2))), style.parcel_m, rng):
            if not chance(rng, drawn):
                continue
            tags: Tags = {"landuse": use}
            if chance(rng, style.joined_parcels):
                tags["name"] = (
                    place.name.ru if place.name and chance(rng, 0.5) else f"{int(rng.integers(1, 99))} квартал"
                )
            drawing.areas.append((tags, ring))


def _cells(points: Array, angle: float, side: float, rng: np.random.Generator) -> list[Array]:
    """Return a rectangle around the points of each cell of a turned grid, corners anticlockwise."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    local = points @ turn.T
    shape = side * rng.lognormal(0, 0.3, 2)
    cell = np.floor(local / shape).astype(np.int64)
    _, member = np.unique(cell, axis=0, return_inverse=True)
    member = member.reshape(-1)
    by_cell = np.argsort(member, kind="stable")
    first = np.searchsorted(member[by_cell], np.arange(member.max() + 1))
    low = np.minimum.reduceat(local[by_cell], first) - _FENCE_M
    high = np.maximum.reduceat(local[by_cell], first) + _FENCE_M
    # No parcel reaches into its neighbour's cell.
    bound = cell[by_cell][first] * shape
    low, high = np.maximum(low, bound), np.minimum(high, bound + shape)
    corners = np.stack(
        [low, np.column_stack([high[:, 0], low[:, 1]]), high, np.column_stack([low[:, 0], high[:, 1]])], 1
    )
    return list(corners @ turn)
