"""What fills real maps and means little here: points of interest, and ways that run on around a corner."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from pipeline.simulate.rng import chance
from pipeline.simulate.structures import NON_RESIDENTIAL

if TYPE_CHECKING:
    from pipeline.geometry.convex import Array
    from pipeline.simulate.city import City
    from pipeline.simulate.osm_pbf import Drawing, Tags

_SCHOOLS: tuple[Tags, ...] = (
    {"amenity": "school"}, {"amenity": "kindergarten"}, {"amenity": "clinic"}, {"amenity": "place_of_worship"},
)  # fmt: skip
_SHOPS: tuple[Tags, ...] = (
    {"shop": "convenience"}, {"shop": "convenience", "name": "Продукты"}, {"amenity": "pharmacy"},
    {"shop": "car_repair"}, {"amenity": "cafe", "name": "Нур"}, {"office": "company", "name": "Восток"},
    {"amenity": "fuel"}, {"amenity": "bank"}, {"shop": "hairdresser"}, {"amenity": "bench"}, {"highway": "bus_stop"},
)  # fmt: skip
_STEEP = 0.5
"""Sine of the least angle at which streets cross."""
_REST_M = 20.0
"""No shorter end of a street is left over."""
_SERVED = {"formal": 0.006, "village": 0.004, "novostroika": 0.0008}
"""Schools and clinics a house, by kind of settlement."""


def points_of_interest(city: City, drawing: Drawing) -> None:
    """Draw schools and clinics, few of them in new settlements, and as many shops and offices as the style asks for."""
    rng = city.stream("points of interest")
    for index, place in enumerate(city.places):
        for _ in range(int(rng.poisson(_SERVED.get(place.kind, 0.0) * place.houses))):
            spot = np.array(city.outlines[index].representative_point().coords[0]) + rng.normal(0, 60, 2)
            if not city.hidden[index]:
                drawing.points.append((dict(_SCHOOLS[int(rng.integers(len(_SCHOOLS)))]), spot))
    buildings = city.buildings
    formal = np.array([place.kind in {"formal", "other"} for place in city.places] + [False])
    weight = np.where(buildings.kind == NON_RESIDENTIAL, 8.0, 1.0) * np.where(formal[buildings.site], 6.0, 1.0)
    weight = weight * ~city.hidden[buildings.site]
    near = rng.choice(len(buildings), round(city.style.pois), p=weight / weight.sum())
    for k in near.tolist():
        spot = np.array([buildings.x[k], buildings.y[k]]) + rng.normal(0, 6, 2)
        drawing.points.append((dict(_SHOPS[int(rng.integers(len(_SHOPS)))]), spot))


def around_corners(streets: list[tuple[int, Array]], share: float, rng: np.random.Generator) -> list[tuple[int, Array]]:
    """Return streets of which a share runs on into one that it crosses, as one way; the rest of both stay ways."""
    by_site: defaultdict[int, list[Array]] = defaultdict(list)
    for site, line in streets:
        by_site[site].append(line)
    found: list[tuple[int, Array]] = []
    for site, lines in by_site.items():
        taken: set[int] = set()
        for k, line in enumerate(lines):
            if k in taken or not chance(rng, share):
                continue
            for j in rng.permutation(len(lines)).tolist():
                across = lines[j]
                meeting = None if j in taken | {k} or len(across) > 2 else _meeting(line, across)
                if meeting is None:
                    continue
                before, point = meeting
                parts = (
                    [*line[:before], point, across[1]],
                    [point, *line[before:]],
                    [across[0], point],
                )
                found.extend((site, np.array(part)) for part in parts)
                taken |= {k, j}
                break
        found.extend((site, line) for k, line in enumerate(lines) if k not in taken)
    return found


def _meeting(line: Array, across: Array) -> tuple[int, Array] | None:
    """Return how many vertices of a line lie before a straight street that it crosses well within both, and where."""
    a, b = np.diff(line, axis=0), across[1] - across[0]
    cross = a[:, 0] * b[1] - a[:, 1] * b[0]
    steep = np.abs(cross) > _STEEP * np.hypot(*a.T) * np.hypot(*b)
    apart = across[0] - line[:-1]
    safe = np.where(steep, cross, 1.0)
    along = (apart[:, 0] * b[1] - apart[:, 1] * b[0]) / safe
    there = (apart[:, 0] * a[:, 1] - apart[:, 1] * a[:, 0]) / safe
    met = np.flatnonzero(steep & (along > 0) & (along < 1) & (there > 0) & (there < 1))
    for k in met.tolist():
        point: Array = line[k] + along[k] * a[k]
        if min(np.hypot(*(point - end)) for end in (line[0], line[-1], *across)) > _REST_M:
            return k + 1, point
    return None
