"""Urban fabrics: how land is plotted and what stands on a plot, from seized fields in a grid to slab blocks.

A settlement is a convex polygon; its plots are laid in a turned (for villages also bent) grid of blocks, two rows of
plots back to back between streets, with a cross street after every few plots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.geometry import convex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.geometry.convex import Array

_BLOCK_SHRINK = 0.94
"""If a polygon holds too few plots, their sides shrink by this factor until it holds enough."""


@dataclass(frozen=True)
class Fabric:
    """Measures of a fabric, in metres unless said; every settlement draws its own around them."""

    front: tuple[float, float]
    depth: tuple[float, float]
    street: tuple[float, float]
    columns: tuple[int, int]
    """Plots between two cross streets."""
    footprint_m2: tuple[float, float]
    """Range of the settlement's median footprint."""
    footprint_spread: tuple[float, float]
    """Standard deviation of the logarithm of footprints within a settlement."""
    footprint_limits: tuple[float, float]
    setback: tuple[float, float] = (2.0, 6.0)
    sheds: float = 1.0
    """Outbuildings per plot, relative to the city's own number."""
    vacancy: float = 1.0
    """Vacant plots, relative to the city's share."""
    irregularity: float = 0.03
    """Standard deviation of fronts (relative)."""
    bend: float = 0.0
    """Amplitude of the streets' bends."""
    rows: tuple[float, float] = (0.02, 0.14)
    """Share of blocks whose houses touch their neighbour."""
    two_storeys: tuple[float, float] = (0.0, 0.25)
    apartments: float = 0.0
    """Share of main buildings that are blocks of flats."""
    non_residential: tuple[float, float] = (0.0, 0.03)
    block_levels: tuple[int, ...] = (5,)
    turn_rad: float = 0.03
    """Standard deviation of the houses' directions."""
    slope: float = 0.0
    """Largest slope of the streets' bends; each settlement draws its own."""
    leaning: float = 0.0
    """Share of houses that stand close to a neighbour without touching."""
    shaped: float = 0.22
    """Share of main buildings that are no rectangles."""
    many_corners: float = 0.0
    """Share of these with twelve corners."""
    greenhouses: float = 0.02
    """Greenhouses per plot; they are no buildings, but a satellite may take them for one."""


FABRICS: dict[str, Fabric] = {
    "novostroika": Fabric((18, 25), (20, 27), (7, 12), (7, 16), (66, 125), (0.2, 0.38), (32, 230)),
    "village": Fabric(
        (22, 34), (38, 62), (9, 16), (14, 30), (72, 122), (0.3, 0.48), (30, 260),
        sheds=1.7, vacancy=0.6, irregularity=0.12, bend=10.0, setback=(2.0, 10.0), greenhouses=0.08,
        rows=(0.0, 0.0), non_residential=(0.01, 0.05),
    ),
    "dacha": Fabric(
        (18, 23), (26, 32), (4, 6.5), (10, 24), (34, 60), (0.24, 0.4), (24, 110),
        sheds=0.6, vacancy=1.3, irregularity=0.06, greenhouses=0.22, setback=(3.0, 9.0), rows=(0.0, 0.0),
        two_storeys=(0.05, 0.35),
    ),
    "cottages": Fabric(
        (22, 32), (28, 38), (10, 16), (6, 12), (115, 190), (0.2, 0.36), (60, 480),
        sheds=0.45, vacancy=0.35, irregularity=0.02, two_storeys=(0.4, 0.9), non_residential=(0.01, 0.04),
        rows=(0.0, 0.06), greenhouses=0.03,
    ),
    "blocks": Fabric(
        (58, 84), (54, 80), (12, 18), (3, 6), (620, 1050), (0.22, 0.36), (280, 2600),
        sheds=0.5, vacancy=0.5, setback=(8.0, 14.0), apartments=0.8, non_residential=(0.14, 0.2), irregularity=0.02,
        block_levels=(4, 5, 5, 9, 9, 12), rows=(0.0, 0.0), greenhouses=0.0,
    ),
    "core": Fabric(
        (38, 56), (36, 54), (14, 22), (4, 7), (420, 820), (0.35, 0.55), (90, 2400),
        sheds=0.5, vacancy=0.5, setback=(3.0, 8.0), apartments=0.55, non_residential=(0.3, 0.4), irregularity=0.03,
        block_levels=(2, 3, 4, 5, 5, 9, 14), rows=(0.1, 0.35), greenhouses=0.0,
    ),
    "bazaar": Fabric(
        (9, 14), (40, 60), (5, 8), (10, 20), (240, 460), (0.15, 0.3), (60, 900),
        sheds=0.1, vacancy=0.4, setback=(0.5, 1.0), non_residential=(1.0, 1.0), irregularity=0.01, rows=(0.3, 0.8),
        greenhouses=0.0,
    ),
    "industry": Fabric(
        (60, 95), (70, 110), (12, 20), (3, 6), (700, 1900), (0.5, 0.8), (80, 8000),
        sheds=1.2, vacancy=1.2, setback=(6.0, 16.0), non_residential=(1.0, 1.0), irregularity=0.04, rows=(0.0, 0.1),
        greenhouses=0.05,
    ),
}  # fmt: skip
"""Fabrics by name. Novostroiki: 4 to 6 sotka (docs/domain.md: 20 to 25 m wide, footprints of 60 to 140 m²)."""


def _middle(limits: tuple[float, float]) -> float:
    return (limits[0] + limits[1]) / 2


def land_needed(fabric: Fabric, houses: int, vacant: float) -> float:
    """Return the land (m²) that a number of built plots asks for, with streets, vacant plots and a ragged edge."""
    front, depth, street = _middle(fabric.front), _middle(fabric.depth), _middle(fabric.street)
    per_plot = (front + street / _middle(fabric.columns)) * (depth + street / 2)
    plain = houses / (1 - vacant) * per_plot
    return float(plain + 2.4 * (depth + front) / 2 * plain**0.5 + 2 * depth * front)


@dataclass(frozen=True)
class Plots:
    """Plots of one settlement; arrays of equal length n, metres, angles in rad.

    `angle` is the direction of the plot's front edge, seen from the street with the plot to its left.
    """

    x: Array
    y: Array
    front: Array
    depth: Array
    angle: Array
    side: NDArray[np.int64]
    """0 or 1: which of the two rows of its block; in row 1 the grid's columns run against `angle`."""
    block: NDArray[np.int64]
    column: NDArray[np.int64]
    streets: list[Array]
    """Centre lines, each of shape (k, 2)."""

    def __len__(self) -> int:
        return len(self.x)


def _bent(points: Array, amplitude: float, wavelength: float) -> Array:
    """Bend a local frame: shift v by a wave of u."""
    v = points[..., 1] + amplitude * np.sin(2 * np.pi * points[..., 0] / wavelength)
    return np.stack([points[..., 0], v], axis=-1)


def lay(polygon: Array, fabric: Fabric, wanted: int, rng: np.random.Generator) -> Plots:
    """Plot a settlement's land.

    Parameters
    ----------
    polygon
        Convex outline, anticlockwise, shape (n, 2), metres.
    fabric
        What kind of grid.
    wanted
        Least number of plots; plots shrink until the polygon holds as many.
    rng
        Source of the settlement's own measures.
    """
    direction = convex.long_axis(polygon) + rng.normal(0, 0.03)
    centre = polygon.mean(axis=0)
    front, depth, street = (rng.uniform(*limits) for limits in (fabric.front, fabric.depth, fabric.street))
    columns = int(rng.integers(fabric.columns[0], fabric.columns[1] + 1))
    shake = rng.standard_normal(4096)
    wavelength = rng.uniform(600, 1400)
    amplitude = max(fabric.bend, rng.uniform(0, fabric.slope) * wavelength / (2 * np.pi))
    scale = 1.0
    while True:
        grid = _Grid(front * scale, depth * scale, street * max(scale, 0.6), columns, fabric.irregularity)
        plots = grid.plots(polygon, centre, direction, (amplitude, wavelength), shake)
        if len(plots) >= wanted or scale < 0.2:  # noqa: PLR2004 - a polygon too small for any plot stays empty
            return plots
        scale *= _BLOCK_SHRINK


@dataclass(frozen=True)
class _Grid:
    """The measures of one settlement's grid."""

    front: float
    depth: float
    street: float
    columns: int
    irregularity: float

    def plots(self, polygon: Array, centre: Array, direction: float, bend: tuple[float, float], shake: Array) -> Plots:
        """Lay the grid around `centre` and keep what lies wholly inside `polygon`."""
        turn = np.array([[np.cos(direction), np.sin(direction)], [-np.sin(direction), np.cos(direction)]])
        local = (polygon - centre) @ turn.T
        u_low, u_high = local[:, 0].min(), local[:, 0].max()
        v_low, v_high = local[:, 1].min() - bend[0], local[:, 1].max() + bend[0]
        count = max(int((u_high - u_low) / self.front) + 2, 1)
        fronts = self.front * np.clip(1 + self.irregularity * np.resize(shake, count), 0.75, 1.4)
        gaps = np.where(np.arange(count) % self.columns == 0, self.street, 0.0)
        left = u_low + np.cumsum(gaps + fronts) - fronts
        period = 2 * self.depth + self.street
        blocks = np.arange(int(np.ceil((v_high - v_low) / period)) + 1)
        base = v_low + blocks * period

        u = left + fronts / 2
        v = base[:, None] + self.street / 2 + self.depth * np.array([0.5, 1.5])
        shape = (len(blocks), 2, count)
        centres = np.stack(np.broadcast_arrays(u, v[:, :, None]), axis=-1).reshape(-1, 2)
        half = np.broadcast_to(fronts / 2, shape).ravel()
        corners = centres[:, None, :] + np.stack(
            [np.stack([a * half, np.full_like(half, b * self.depth / 2)], axis=-1) for a in (-1, 1) for b in (-1, 1)],
            axis=1,
        )
        world = _bent(corners, *bend) @ turn + centre
        keep = convex.contains(polygon, world).all(axis=1)
        slope = bend[0] * 2 * np.pi / bend[1] * np.cos(2 * np.pi * centres[:, 0] / bend[1])
        side = np.broadcast_to(np.array([0, 1])[None, :, None], shape).ravel()
        placed = (_bent(centres, *bend) @ turn + centre)[keep]
        span = np.broadcast_to(np.arange(count) // self.columns, shape).ravel()
        block = np.broadcast_to(blocks[:, None, None], shape).ravel() * 2 + side
        return Plots(
            x=placed[:, 0],
            y=placed[:, 1],
            front=2 * half[keep],
            depth=np.full(int(keep.sum()), self.depth),
            angle=(direction + np.arctan(slope) + np.pi * side)[keep],
            side=side[keep],
            block=(block * (count // self.columns + 1) + span)[keep],
            column=np.broadcast_to(np.arange(count), shape).ravel()[keep],
            streets=self._streets(polygon, (centre, turn, direction), base, left[gaps > 0] - self.street / 2, bend),
        )

    def _streets(
        self,
        polygon: Array,
        frame: tuple[Array, Array, float],
        along: Array,
        across: Array,
        bend: tuple[float, float],
    ) -> list[Array]:
        """Return the centre lines of streets and cross streets, clipped to the polygon."""
        centre, turn, direction = frame
        offset = float(centre @ turn[1])
        ends, valid = convex.chords(polygon, direction, offset + along)
        lines: list[Array] = []
        for line, base in zip(ends[valid], along[valid], strict=True):
            if bend[0] == 0:
                lines.append(line)
                continue
            local = (line - centre) @ turn.T
            u = np.linspace(local[0, 0], local[1, 0], max(int(np.ptp(local[:, 0]) / 60), 2))
            points = _bent(np.column_stack([u, np.full_like(u, base)]), *bend) @ turn + centre
            inside = convex.contains(polygon, points)
            if inside.sum() >= 2:
                lines.append(points[inside])
        ends, valid = convex.chords(polygon, direction + np.pi / 2, -float(centre @ turn[0]) - across)
        lines.extend(ends[valid])
        return [line for line in lines if np.hypot(*(line[-1] - line[0])) > 2 * self.street]
