"""What OpenStreetMap and a satellite product show of a city's buildings: parts of it, moved, merged and mistaken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import ndtr

from pipeline.simulate import structures
from pipeline.simulate.structures import APARTMENTS, OUTBUILDING, Structures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.geometry.convex import Array
    from pipeline.simulate.city import City


_BROKEN = 0.035
"""Share of large roofs that come out in two pieces."""
_OSM_MERGE = 0.25
"""Share of touching neighbours that mappers draw as one building."""
_TOUCHING_M = 0.3
"""Neighbours of a row with a wider gap than this do not touch."""
_SMALL_RADIUS_M = 9.0
"""Half diagonal (m) that parts small roofs from large ones."""


@dataclass(frozen=True)
class View:
    """Outlines as one source draws them, and which buildings each of them shows."""

    outlines: Structures
    pairs: NDArray[np.int64]
    """Outline and building that it shows, shape (n, 2); an outline without a pair shows none."""


def _probability(logit: Array) -> Array:
    value: Array = 1 / (1 + np.exp(-logit))
    return value


def _calibrated(logit: Array, share: float) -> Array:
    """Return probabilities with these relative logits and this mean."""
    if len(logit) == 0 or share in {0.0, 1.0}:
        return np.full(len(logit), float(share))
    low, high = -12.0, 12.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _probability(logit + middle).mean() < share else (low, middle)
    return _probability(logit + (low + high) / 2)


def _luck(city: City, source: str) -> Array:
    """Return for each building how unlucky a source is with it, uniform in (0, 1), correlated between the sources."""
    common = city.stream("missed by all").standard_normal(len(city.buildings))
    own = city.stream("missed by", source).standard_normal(len(city.buildings))
    share = city.truth.dependence
    return np.asarray(ndtr(np.sqrt(share) * common + np.sqrt(1 - share) * own))


def views(city: City) -> tuple[View, View]:
    """Return what the map and what the satellite shows; where the map was imported, both are the same."""
    mapped, seen = osm(city), satellite(city)
    if city.stress.no_satellite:
        seen = _chosen(seen, np.zeros(len(seen.outlines), dtype=bool))
    if city.stress.no_osm or city.stress.no_osm_buildings:
        return _chosen(mapped, np.zeros(len(mapped.outlines), dtype=bool)), seen
    taken = city.chosen("import", city.stress.imported or 0.0)
    own, copied = _chosen(mapped, ~taken[mapped.outlines.site]), _chosen(seen, taken[seen.outlines.site])
    return _joined(own, copied), seen


def _chosen(view: View, keep: NDArray[np.bool_]) -> View:
    """Return some of a view's outlines."""
    number = np.cumsum(keep) - 1
    pairs = view.pairs[keep[view.pairs[:, 0]]]
    return View(view.outlines.take(keep), np.column_stack([number[pairs[:, 0]], pairs[:, 1]]))


def _joined(first: View, second: View) -> View:
    moved = second.pairs + np.array([len(first.outlines), 0])
    return View(Structures.join([first.outlines, second.outlines]), np.concatenate([first.pairs, moved]))


def twice(view: View, count: int, rng: np.random.Generator) -> View:
    """Return a map in which some buildings were uploaded a second time."""
    again = np.sort(rng.permutation(len(view.outlines))[:count])
    copies = np.concatenate([view.pairs[view.pairs[:, 0] == k] for k in again] or [np.empty((0, 2), np.int64)])
    copies[:, 0] = np.searchsorted(again, copies[:, 0])
    return _joined(view, View(view.outlines.take(again), copies))


def osm(city: City) -> View:
    """Return what the mappers drew: some settlements nearly whole, some hardly, large buildings sooner than sheds."""
    truth, buildings = city.truth, city.buildings
    rng = city.stream("osm", "buildings")
    per_site = rng.normal(0, truth.osm_spread, len(city.places) + 1)
    kind = np.array([place.kind for place in city.places] + ["other"])
    per_site += np.select([kind == "formal", kind == "dacha"], [0.7, -0.5], 0.0)
    main = buildings.kind != OUTBUILDING
    logit = per_site[buildings.site] + 0.25 * np.log(buildings.area_m2 / 90)
    chance = np.empty(len(buildings))
    chance[main] = _calibrated(logit[main], truth.osm_share)
    chance[~main] = _calibrated(per_site[buildings.site[~main]], truth.osm_share * city.style.osm_sheds)
    drawn = np.flatnonzero((_luck(city, "osm") < chance) & ~city.hidden[buildings.site])
    shown, pairs = _merged(buildings, drawn, _OSM_MERGE, rng)
    # One imagery offset per settlement, then the hand of the mapper.
    shift = rng.normal(0, truth.osm_offset_m / np.sqrt(2), (len(city.places) + 1, 2))
    n = len(shown)
    # A careless hand is five times as far off as the usual one.
    hand = np.where(rng.random(n) < truth.osm_careless, 5.0, 1.0)
    simple = rng.random(n) < city.style.simplified
    shown = shown.with_(
        x=shown.x + shift[shown.site, 0] + rng.normal(0, 0.25, n) * hand,
        y=shown.y + shift[shown.site, 1] + rng.normal(0, 0.25, n) * hand,
        width=shown.width * (1.01 + rng.normal(0, 0.035, n) * hand).clip(0.65, 1.5),
        depth=shown.depth * (1.01 + rng.normal(0, 0.035, n) * hand).clip(0.65, 1.5),
        angle=shown.angle + rng.normal(0, 0.012, n),
        notch=np.where(simple, 0.0, shown.notch),
    )
    return View(shown, pairs)


def satellite(city: City) -> View:
    """Return what a footprint product sees: small roofs are missed more often, rows run together, some are none."""
    truth, buildings = city.truth, city.buildings
    rng = city.stream("satellite")
    logit = 0.75 * np.log(buildings.area_m2 / 60) - 1.2 * ~buildings.finished
    main = buildings.kind != OUTBUILDING
    chance = np.empty(len(buildings))
    chance[main] = _calibrated(logit[main], truth.satellite_recall)
    chance[~main] = _calibrated(logit[~main], truth.satellite_recall * city.style.satellite_sheds)
    seen = np.flatnonzero((_luck(city, "satellite") < chance) & ~city.hidden[buildings.site])
    merged, pairs = _merged(buildings, seen, truth.satellite_merge, rng)
    split, pairs = _split(merged, pairs, rng)
    n = len(split)
    way = rng.uniform(0, 2 * np.pi)
    shift = truth.satellite_offset_m * np.array([np.cos(way), np.sin(way)])
    noise = truth.satellite_noise_m
    real = split.with_(
        x=split.x + shift[0] + rng.normal(0, noise, n),
        y=split.y + shift[1] + rng.normal(0, noise, n),
        width=np.maximum(split.width + rng.normal(0, 1.6 * noise, n), 1.8),
        depth=np.maximum(split.depth + rng.normal(0, 1.6 * noise, n), 1.8),
        angle=split.angle + rng.normal(0, 0.035, n),
        notch=np.where(rng.random(n) < city.style.smoothed, 0.0, split.notch),
    )
    false = _false_positives(city, round(n * (1 / truth.satellite_precision - 1)), rng)
    order = rng.permutation(n + len(false))
    place = np.argsort(order)
    return View(Structures.join([real, false]).take(order), np.column_stack([place[pairs[:, 0]], pairs[:, 1]]))


def _merged(
    buildings: Structures, chosen: NDArray[np.int64], share: float, rng: np.random.Generator
) -> tuple[Structures, NDArray[np.int64]]:
    """Draw some touching neighbours as one outline: the rectangle around them.

    Returns
    -------
    outlines, pairs
        The outlines and, shape (n, 2), which buildings each of them shows.
    """
    part = buildings.take(chosen)
    along = part.x * np.cos(part.angle) + part.y * np.sin(part.angle)
    order = np.lexsort((along, part.row, part.site))
    part, along, chosen = part.take(order), along[order], chosen[order]
    gap = np.diff(along) - (part.width[1:] + part.width[:-1]) / 2
    same = (np.diff(part.row) == 0) & (np.diff(part.site) == 0) & (part.row[1:] >= 0)
    linked = same & (np.abs(gap) < _TOUCHING_M) & (rng.random(len(gap)) < share)
    first = np.flatnonzero(np.concatenate([[True], ~linked]))
    size = np.diff(np.append(first, len(part)))
    pairs = np.column_stack([np.repeat(np.arange(len(first)), size), chosen])
    return _around(part, first, size), pairs


def _around(part: Structures, first: NDArray[np.int64], size: NDArray[np.int64]) -> Structures:
    """Return the rectangle around each run of neighbours (start, length), in the direction of its first one."""
    lead = part.take(first)
    cos, sin = (np.repeat(f(lead.angle), size) for f in (np.cos, np.sin))
    dx, dy = part.x - np.repeat(lead.x, size), part.y - np.repeat(lead.y, size)
    u, v = dx * cos + dy * sin, dy * cos - dx * sin
    low_u, low_v = (np.minimum.reduceat(c - s / 2, first) for c, s in ((u, part.width), (v, part.depth)))
    high_u, high_v = (np.maximum.reduceat(c + s / 2, first) for c, s in ((u, part.width), (v, part.depth)))
    x, y = structures.offset(lead, (low_u + high_u) / 2, (low_v + high_v) / 2)
    notch = np.where(size == 1, lead.notch, 0.0)
    return lead.with_(x=x, y=y, width=high_u - low_u, depth=high_v - low_v, notch=notch)


def _split(
    outlines: Structures, pairs: NDArray[np.int64], rng: np.random.Generator
) -> tuple[Structures, NDArray[np.int64]]:
    """Break some large outlines in two, as roofs of two colours come out."""
    large = (outlines.area_m2 > 150) & (outlines.kind != APARTMENTS)
    broken = np.flatnonzero(large & (rng.random(len(outlines)) < _BROKEN))
    whole = outlines.take(broken)
    halves = []
    for side in (-1, 1):
        x, y = structures.offset(whole, side * whole.width * 0.26, np.zeros(len(whole)))
        halves.append(whole.with_(x=x, y=y, width=whole.width * 0.47, notch=np.zeros(len(whole))))
    keep = np.ones(len(outlines), dtype=bool)
    keep[broken] = False
    # The first half takes the place of the whole, the second one is new.
    made = Structures.join([outlines, halves[1]])
    columns = {name: getattr(made, name).copy() for name in ("x", "y", "width", "notch")}
    for name, column in columns.items():
        column[broken] = getattr(halves[0], name)
    number = np.full(len(outlines), -1)
    number[broken] = len(outlines) + np.arange(len(broken))
    again = pairs[number[pairs[:, 0]] >= 0]
    more = np.column_stack([number[again[:, 0]], again[:, 1]])
    return made.with_(**columns), np.concatenate([pairs, more])


def _false_positives(city: City, count: int, rng: np.random.Generator) -> Structures:
    """Return outlines of what is no building: greenhouses first, then lorries in streets and bare soil in fields."""
    tried = max(12 * count, 40)  # in a dense city most of them meet a building
    candidates = Structures.join(
        [
            city.greenhouses.take(rng.permutation(len(city.greenhouses))[: count // 2]),
            Structures.join([_lorries(city, tried // 2, rng), _soil(city, tried // 2, rng)]).take(
                rng.permutation(2 * (tried // 2))
            ),
        ]
    )
    clear = np.flatnonzero(_clear_of_buildings(candidates, city.buildings))
    return candidates.take(clear[:count])


def _lorries(city: City, count: int, rng: np.random.Generator) -> Structures:
    """Return lorries parked along streets."""
    ends = np.array([(line[0], line[-1]) for _, line in city.streets])
    step = ends[:, 1] - ends[:, 0]
    street = rng.integers(len(ends), size=count)
    at = ends[street, 0] + rng.random((count, 1)) * step[street]
    heading = np.arctan2(step[street, 1], step[street, 0])
    return structures.rectangles(at[:, 0], at[:, 1], rng.uniform(7, 16, count), rng.uniform(2.4, 3.2, count), heading)


def _soil(city: City, count: int, rng: np.random.Generator) -> Structures:
    """Return bright patches of bare soil around buildings."""
    near = rng.integers(len(city.buildings), size=count)
    way, far = rng.uniform(0, 2 * np.pi, count), rng.uniform(15, 160, count)
    return structures.rectangles(
        city.buildings.x[near] + far * np.cos(way),
        city.buildings.y[near] + far * np.sin(way),
        rng.lognormal(2.2, 0.4, count),
        rng.lognormal(2.0, 0.4, count),
        rng.uniform(0, np.pi, count),
    )


def _clear_of_buildings(outlines: Structures, buildings: Structures) -> NDArray[np.bool_]:
    """Return which outlines surely touch no building: the circles around both do not meet."""
    radius = np.hypot(outlines.width, outlines.depth) / 2
    around = np.hypot(buildings.width, buildings.depth) / 2
    clear = np.ones(len(outlines), dtype=bool)
    # Large roofs are few; treating them apart keeps the search for the many small ones narrow.
    for group in (around <= _SMALL_RADIUS_M, around > _SMALL_RADIUS_M):
        if not group.any():
            continue
        tree = cKDTree(np.column_stack([buildings.x[group], buildings.y[group]]))
        distance, _ = tree.query(np.column_stack([outlines.x, outlines.y]))
        clear &= distance > radius + around[group].max()
    return clear
