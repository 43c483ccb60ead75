"""Tags that mappers give to buildings: mostly `building=yes`, sometimes more, numbers where streets have names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.simulate.structures import APARTMENTS, HOUSE, NON_RESIDENTIAL, OUTBUILDING, Structures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.simulate.osm_pbf import Tags

_HABITS: dict[int, tuple[tuple[Tags, float], ...]] = {
    HOUSE: (
        ({"building": "yes"}, 0.62),
        ({"building": "house"}, 0.24),
        ({"building": "residential"}, 0.08),
        ({"building": "detached"}, 0.06),
    ),
    APARTMENTS: (({"building": "apartments"}, 0.62), ({"building": "residential"}, 0.14), ({"building": "yes"}, 0.24)),
    OUTBUILDING: (
        ({"building": "yes"}, 0.66),
        ({"building": "shed"}, 0.14),
        ({"building": "garage"}, 0.14),
        ({"building": "outbuilding"}, 0.06),
    ),
    NON_RESIDENTIAL: (
        ({"building": "yes"}, 0.42),
        ({"building": "retail", "shop": "convenience"}, 0.2),
        ({"building": "industrial"}, 0.14),
        ({"building": "commercial"}, 0.12),
        ({"building": "school", "amenity": "school"}, 0.06),
        ({"building": "yes", "amenity": "place_of_worship", "religion": "muslim"}, 0.06),
    ),
}
_BEGUN: tuple[tuple[Tags, float], ...] = (({"building": "yes"}, 0.6), ({"building": "construction"}, 0.4))
_LEVELS_SHARE = {HOUSE: 0.06, APARTMENTS: 0.62, OUTBUILDING: 0.0, NON_RESIDENTIAL: 0.1}


def building_tags(drawn: Structures, formal: NDArray[np.bool_], rng: np.random.Generator) -> list[Tags]:
    """Return the tags of each drawn building.

    Parameters
    ----------
    drawn
        The outlines in the map.
    formal
        Whether each stands in a formal district, where houses carry numbers.
    rng
        Source of the mappers' habits.
    """
    n = len(drawn)
    luck, numbered, with_levels = rng.random(n), rng.random(n) < np.where(formal, 0.7, 0.04), rng.random(n)
    numbers = rng.integers(1, 190, n)
    tags: list[Tags] = [{} for _ in range(n)]
    for kind, habits in ((k, h) for k, h in _HABITS.items()):
        _choose(tags, (drawn.kind == kind) & drawn.finished, habits, luck)
    _choose(tags, ~drawn.finished, _BEGUN, luck)
    share = np.array([_LEVELS_SHARE[kind] for kind in sorted(_LEVELS_SHARE)])[drawn.kind]
    for k in np.flatnonzero((with_levels < share) & drawn.finished).tolist():
        tags[k]["building:levels"] = str(drawn.levels[k])
    for k in np.flatnonzero(numbered & np.isin(drawn.kind, (HOUSE, APARTMENTS))).tolist():
        tags[k]["addr:housenumber"] = str(numbers[k])
    return tags


def _choose(
    tags: list[Tags], which: NDArray[np.bool_], habits: tuple[tuple[Tags, float], ...], luck: NDArray[np.float64]
) -> None:
    index = np.flatnonzero(which)
    edges = np.cumsum([share for _, share in habits])
    picks = np.minimum(np.searchsorted(edges, luck[index], side="right"), len(habits) - 1)
    for k, pick in zip(index.tolist(), picks.tolist(), strict=True):
        tags[k] = dict(habits[pick][0])
