"""Tags that mappers give to buildings: nearly always `building=yes`, seldom more, numbers where streets have names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.simulate.structures import APARTMENTS, HOUSE, NON_RESIDENTIAL, OUTBUILDING, Structures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.simulate.osm_pbf import Tags
    from pipeline.simulate.stress import Stress
    from pipeline.simulate.style import Style

_HABITS: dict[int, tuple[tuple[Tags, float], ...]] = {
    HOUSE: (({"building": "house"}, 0.6), ({"building": "residential"}, 0.22), ({"building": "detached"}, 0.18)),
    APARTMENTS: (({"building": "apartments"}, 0.82), ({"building": "residential"}, 0.18)),
    OUTBUILDING: (({"building": "shed"}, 0.4), ({"building": "garage"}, 0.4), ({"building": "outbuilding"}, 0.2)),
    NON_RESIDENTIAL: (
        ({"building": "retail", "shop": "convenience"}, 0.3),
        ({"building": "industrial"}, 0.2),
        ({"building": "commercial"}, 0.2),
        ({"building": "school", "amenity": "school"}, 0.15),
        ({"building": "yes", "amenity": "place_of_worship", "religion": "muslim"}, 0.15),
    ),
}
"""What is told of a building of each kind where anything is."""
_WORKS_TOLD = 0.25
"""Share of shops, works and schools that are tagged as such."""
_WORKS_LEVELS = 0.005
_NAMES = {
    HOUSE: ("Магазин", "Продукты", "Кафе «Нур»", "Аптека", "Медпункт", "Айыл өкмөтү", "Автосервис", "Дом культуры"),
    APARTMENTS: ("Общежитие", "ЖК «Ак-Орда»", "Дом {}", "Блок {}", "{} корпус"),
    OUTBUILDING: ("Котельная", "Трансформатор", "КПП"),
    NON_RESIDENTIAL: (
        "Школа № {}", "Детский сад № {}", "Мечеть", "Цех № {}", "Склад", "Завод «Дружба»", "Рынок", "Офис", "СТО",
        "Поликлиника", "Ак-Булак", "Кафе «Восток»",
    ),
}  # fmt: skip
"""What buildings are called; none is the name of a settlement."""


def building_tags(
    drawn: Structures, formal: NDArray[np.bool_], habits: tuple[Style, Stress], rng: np.random.Generator
) -> list[Tags]:
    """Return the tags of each drawn building.

    Parameters
    ----------
    drawn
        The outlines in the map.
    formal
        Whether each stands in a formal district, where houses carry numbers.
    habits
        The mappers' style, and whether blocks of flats are left untagged.
    rng
        Source of the mappers' luck.
    """
    style, stress = habits
    n = len(drawn)
    luck, told, with_levels, named = rng.random((4, n))
    numbered = rng.random(n) < np.where(formal, 0.5, 0.03)
    numbers = rng.integers(1, 190, n)
    blocks_told, block_levels = (0.0, 0.0) if stress.untagged else (style.blocks_told, style.block_levels)
    share = {
        HOUSE: 1 - style.plain,
        APARTMENTS: blocks_told,
        OUTBUILDING: 1 - style.plain,
        NON_RESIDENTIAL: _WORKS_TOLD,
    }
    levels = {HOUSE: style.levels, APARTMENTS: block_levels, OUTBUILDING: 0.0, NON_RESIDENTIAL: _WORKS_LEVELS}
    tags: list[Tags] = [{"building": "yes"} for _ in range(n)]
    for kind, habit in _HABITS.items():
        _choose(tags, (drawn.kind == kind) & drawn.finished & (told < share[kind]), habit, luck)
    for k in np.flatnonzero(~drawn.finished & (told < 1 - style.plain)).tolist():
        tags[k]["building"] = "construction"
    for k in np.flatnonzero((with_levels < _by_kind(levels)[drawn.kind]) & drawn.finished).tolist():
        tags[k]["building:levels"] = str(drawn.levels[k])
    for k in np.flatnonzero(numbered & np.isin(drawn.kind, (HOUSE, APARTMENTS))).tolist():
        tags[k]["addr:housenumber"] = str(numbers[k])
    _name(tags, drawn, named < _name_shares(drawn, style.named_buildings), numbers)
    return tags


def _by_kind(values: dict[int, float]) -> NDArray[np.float64]:
    return np.array([values[kind] for kind in sorted(values)])


def _name_shares(drawn: Structures, mean: float) -> NDArray[np.float64]:
    """Return how often each building has a name: works and blocks twenty times as often as houses."""
    weight = _by_kind({HOUSE: 1.0, APARTMENTS: 20.0, OUTBUILDING: 0.1, NON_RESIDENTIAL: 20.0})[drawn.kind]
    return np.minimum(weight * mean / max(weight.mean(), 1e-9) if len(weight) else weight, 1.0)


def _name(tags: list[Tags], drawn: Structures, which: NDArray[np.bool_], numbers: NDArray[np.int64]) -> None:
    for k in np.flatnonzero(which).tolist():
        words = _NAMES[int(drawn.kind[k])]
        tags[k]["name"] = words[numbers[k] % len(words)].format(numbers[k])


def _choose(
    tags: list[Tags], which: NDArray[np.bool_], habits: tuple[tuple[Tags, float], ...], luck: NDArray[np.float64]
) -> None:
    index = np.flatnonzero(which)
    edges = np.cumsum([share for _, share in habits])
    picks = np.minimum(np.searchsorted(edges, luck[index], side="right"), len(habits) - 1)
    for k, pick in zip(index.tolist(), picks.tolist(), strict=True):
        tags[k] = dict(habits[pick][0])
