"""What is built on the plots of a settlement: houses, sheds, blocks, halves of houses, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.simulate import structures
from pipeline.simulate.structures import (
    APARTMENTS,
    CROSS,
    HOUSE,
    L_SHAPE,
    NON_RESIDENTIAL,
    OUTBUILDING,
    T_SHAPE,
    Structures,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.geometry.convex import Array
    from pipeline.simulate.plot_types import Fabric, Plots

LAST_YEAR = 2024
"""Year of the simulated imagery and of the map."""


_T_SHAPED = 0.25
"""Share of shaped buildings that are a T."""
_TERRACES = 0.3
"""Share of the blocks with touching houses that are terraces."""
_LEAST_SHED_M = 1.8


@dataclass(frozen=True)
class Brief:
    """What a settlement is to become."""

    houses: int
    """Finished main buildings."""
    unfinished: float
    """Share of main buildings that are only begun, on top of `houses`."""
    sheds: float
    """Outbuildings per main building."""
    founded: int


@dataclass(frozen=True)
class Built:
    """A settlement as built; greenhouses are no buildings and only mislead satellites."""

    buildings: Structures
    greenhouses: Structures
    taken: NDArray[np.int64]
    """Numbers of the plots that are built on."""


def build(plots: Plots, fabric: Fabric, brief: Brief, rng: np.random.Generator) -> Built:
    """Build a settlement on its plots, the ones nearest to its entrance first.

    Parameters
    ----------
    plots
        At least ``brief.houses`` plots, as `fabrics.lay` gives them.
    fabric
        What kind of buildings.
    brief
        How many of them, and since when.
    rng
        Source of the settlement's own measures.
    """
    begun = min(round(brief.houses * (1 + brief.unfinished)), len(plots))
    order = _order_of_building(plots, rng)
    used, vacant = order[:begun], order[begun:]
    main = _main_buildings(plots, fabric, used, rng)
    finished = np.ones(begun, dtype=bool)
    finished[rng.permutation(begun)[: max(begun - brief.houses, 0)]] = False
    main = main.with_(finished=finished, built_year=_years(begun, brief.founded, rng))
    parts = [main]
    sheds = min(round(begun * brief.sheds), 2 * begun)
    if sheds:
        parts.append(_sheds(plots, main, used, (sheds, 0.2 + 7 * fabric.irregularity), rng))
    green = _greenhouses(plots, np.concatenate([vacant, used]), fabric.greenhouses, rng)
    return Built(Structures.join(parts), green, used)


def _order_of_building(plots: Plots, rng: np.random.Generator) -> np.ndarray:
    """Return plot numbers in the order in which they are taken: outwards from an entrance, with luck."""
    entrance = int(rng.integers(len(plots))) if len(plots) else 0
    distance = np.hypot(plots.x - plots.x[entrance], plots.y - plots.y[entrance]) if len(plots) else plots.x
    order: np.ndarray = np.argsort(distance * rng.lognormal(0, 0.5, len(plots)), kind="stable")
    return order


def _years(count: int, founded: int, rng: np.random.Generator) -> np.ndarray:
    """Draw building years: few in the first year, most within a decade or two, some until today."""
    span = max(LAST_YEAR - founded, 1)
    pace = rng.uniform(1.1, 2.0), rng.uniform(2.2, 5.0)
    years = founded + np.floor(rng.beta(*pace, count) * (span + 1))
    return np.asarray(np.minimum(years, LAST_YEAR), dtype=np.int16)


def _main_buildings(plots: Plots, fabric: Fabric, used: np.ndarray, rng: np.random.Generator) -> Structures:
    n = len(used)
    kind = np.full(n, HOUSE, np.int8)
    lot = rng.permutation(n)
    # Two or three buildings of this fabric are dormitories, without a school or shop among them.
    blocks = n if fabric.apartments and n < 5 else round(n * fabric.apartments)
    kind[lot[:blocks]] = APARTMENTS
    kind[lot[blocks : blocks + round(n * rng.uniform(*fabric.non_residential))]] = NON_RESIDENTIAL

    row, terrace = _touching(plots, fabric, used, rng)
    touching = row >= 0
    turn = np.where(touching, 0.0, rng.normal(0, fabric.turn_rad, n))
    room = _turned_room(turn)
    width, depth = _sizes(fabric, plots.front[used] * room, plots.depth[used] * room, rng)
    reach = _turned_span(depth, width, turn)
    setback = np.minimum(rng.uniform(*fabric.setback, n), (plots.depth[used] - reach) / 2)
    depth = np.where(terrace, np.maximum(depth * width / plots.front[used], 6.0), depth)
    width = np.where(terrace, plots.front[used], width)
    slack = plots.front[used] - _turned_span(width, depth, turn)
    along = slack * rng.uniform(-0.42, 0.42, n)
    toward = np.where((plots.column[used] + plots.side[used]) % 2 == 0, 0.5, -0.5)
    along = np.where(rng.random(n) < fabric.leaning, slack * toward * rng.uniform(0.86, 0.98, n), along)
    along = np.where(touching, slack * toward, along)
    setback = np.where(touching, fabric.setback[0], setback)
    across = setback + np.where(touching, depth, reach) / 2 - plots.depth[used] / 2
    cos, sin = np.cos(plots.angle[used]), np.sin(plots.angle[used])
    levels = np.where(rng.random(n) < rng.uniform(*fabric.two_storeys), 2, 1)
    levels = np.where(kind == APARTMENTS, rng.choice(fabric.block_levels, n), levels)
    notch = np.where((rng.random(n) < fabric.shaped) & ~touching, rng.uniform(0.25, 0.62, n), 0.0)
    form = np.where(rng.random(n) < fabric.many_corners, CROSS, np.where(rng.random(n) < _T_SHAPED, T_SHAPE, L_SHAPE))
    made = structures.rectangles(
        plots.x[used] + along * cos - across * sin,
        plots.y[used] + along * sin + across * cos,
        width,
        depth,
        plots.angle[used] + turn,
    )
    return made.with_(kind=kind, levels=levels.astype(np.int16), notch=notch, form=form.astype(np.int8), row=row)


def _turned_span(width: Array, depth: Array, turn: Array) -> Array:
    """Return how much of its front a turned house takes."""
    span: Array = width * np.abs(np.cos(turn)) + depth * np.abs(np.sin(turn))
    return span


def _turned_room(turn: Array) -> Array:
    """Return the share of a plot's sides that a square house may have when it is turned."""
    room: Array = 1 / (np.abs(np.cos(turn)) + 0.7 * np.abs(np.sin(turn)))
    return room


def _sizes(fabric: Fabric, front: Array, plot_depth: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw widths and depths that fit the plots, with the settlement's own median and spread of footprints."""
    n = len(front)
    median, spread = rng.uniform(*fabric.footprint_m2), rng.uniform(*fabric.footprint_spread)
    area = np.clip(rng.lognormal(np.log(median), spread, n), *fabric.footprint_limits)
    elongation = rng.uniform(0.75, 1.7, n) if fabric.apartments == 0 else rng.uniform(1.2, 5.0, n)
    width = np.minimum(np.sqrt(area * elongation), front - 1.0)
    depth = np.minimum(area / width, plot_depth * 0.56)
    width = np.minimum(area / depth, front - 1.0)
    return width, depth


def _touching(
    plots: Plots, fabric: Fabric, used: np.ndarray, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Say which houses touch their neighbours: some blocks build in pairs, some in terraces, most do not.

    Returns
    -------
    row, terrace
        A number that touching houses share (-1: detached), and whether the house is as wide as its plot.
    """
    blocks, block = np.unique(plots.block[used], return_inverse=True)
    builds_rows = (rng.random(len(blocks)) < rng.uniform(*fabric.rows))[block]
    terrace = builds_rows & (rng.random(len(blocks)) < _TERRACES)[block]
    pair = block * 100_000 + plots.column[used] // 2
    _, pair_index, size = np.unique(pair, return_inverse=True, return_counts=True)
    row = np.where(builds_rows & (size[pair_index] == 2), pair_index, -1)
    return np.where(terrace, len(pair) + block, row), terrace


def _sheds(
    plots: Plots, main: Structures, used: np.ndarray, wanted: tuple[int, float], rng: np.random.Generator
) -> Structures:
    """Put sheds into the back corners of plots, at most two on each; `wanted`: how many, and how far from the fence."""
    count, margin = wanted
    n = len(used)
    centre = (plots.y[used] - main.y) * -np.cos(plots.angle[used]) + (plots.x[used] - main.x) * np.sin(
        plots.angle[used]
    )
    turn = main.angle - plots.angle[used]
    behind = plots.depth[used] / 2 - (centre + _turned_span(main.depth, main.width, turn) / 2) - 2.2
    corner = rng.permutation(2 * n)
    corner = corner[behind[corner % n] > _LEAST_SHED_M][:count]
    count = len(corner)
    plot, side = corner % n, np.where(corner < n, -1.0, 1.0)
    at = used[plot]
    width = np.minimum(rng.lognormal(np.log(4.4), 0.25, count), plots.front[at] * 0.42)
    depth = np.minimum(np.clip(rng.lognormal(np.log(3.6), 0.28, count), _LEAST_SHED_M, None), behind[plot])
    depth = np.minimum(depth, 30.0 / width)
    along = side * (plots.front[at] / 2 - width / 2 - rng.uniform(margin, margin + 1.0, count))
    across = plots.depth[at] / 2 - depth / 2 - rng.uniform(margin, min(margin + 1.2, 2.0), count)
    cos, sin = np.cos(plots.angle[at]), np.sin(plots.angle[at])
    made = structures.rectangles(
        plots.x[at] + along * cos - across * sin,
        plots.y[at] + along * sin + across * cos,
        width,
        depth,
        plots.angle[at] + rng.normal(0, 0.02, count),
    )
    later = np.minimum(main.built_year[plot] + rng.geometric(0.35, count) - 1, LAST_YEAR).astype(np.int16)
    return made.with_(kind=np.full(count, OUTBUILDING, np.int8), built_year=later)


def _greenhouses(plots: Plots, order: np.ndarray, per_plot: float, rng: np.random.Generator) -> Structures:
    """Put greenhouses into the middle of plots, first into those that stand empty."""
    count = min(rng.poisson(len(order) * per_plot), len(order))
    at = order[:count]
    return structures.rectangles(
        plots.x[at] + 3 * np.sin(plots.angle[at]),
        plots.y[at] - 3 * np.cos(plots.angle[at]),
        rng.uniform(8, 16, count),
        rng.uniform(3, 5, count),
        plots.angle[at] + rng.choice([0.0, np.pi / 2], count),
    )
