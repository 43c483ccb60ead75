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
        straight = [line for line in lines if len(line) == 2]
        taken: set[int] = set()
        for k, line in enumerate(straight):
            if k in taken or not chance(rng, share):
                continue
            for j in range(k + 1, len(straight)):
                meeting = None if j in taken else _meeting(line, straight[j])
                if meeting is None:
                    continue
                found.append((site, np.array([line[0], meeting, straight[j][1]])))
                found.extend((site, np.array(rest)) for rest in ([meeting, line[1]], [straight[j][0], meeting]))
                taken |= {k, j}
                break
        found.extend((site, line) for k, line in enumerate(straight) if k not in taken)
        found.extend((site, line) for line in lines if len(line) > 2)
    return found


def _meeting(first: Array, second: Array) -> Array | None:
    """Return where two segments cross, well within both; None: they do not."""
    a, b = first[1] - first[0], second[1] - second[0]
    cross = a[0] * b[1] - a[1] * b[0]
    if abs(cross) < 0.5 * np.hypot(*a) * np.hypot(*b):
        return None
    apart = second[0] - first[0]
    along, across = (apart[0] * b[1] - apart[1] * b[0]) / cross, (apart[0] * a[1] - apart[1] * a[0]) / cross
    inside = 0.1 < along < 0.9 and 0.1 < across < 0.9  # noqa: PLR2004
    point: Array = first[0] + along * a
    return point if inside else None
