"""Buildings as arrays of turned rectangles, some with a corner cut out: small in memory, quick to move and to draw."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.geometry.convex import Array

HOUSE, APARTMENTS, OUTBUILDING, NON_RESIDENTIAL = range(4)
"""Codes of `Structures.kind`, in the order of `KIND_NAMES`."""
L_SHAPE, T_SHAPE, CROSS = range(3)
"""Codes of `Structures.form`."""
KIND_NAMES = ("house", "apartments", "outbuilding", "non_residential")


@dataclass(frozen=True)
class Structures:
    """Structures of a city or a part of one; arrays of equal length n, metres, angles in rad."""

    x: Array
    """Centre, easting."""
    y: Array
    width: Array
    """Side along `angle`."""
    depth: Array
    angle: Array
    notch: Array
    """Share of width and of depth that the form lacks (0: a plain rectangle); of its area it lacks the square."""
    form: NDArray[np.int8]
    """How it lacks it: `L_SHAPE`, `T_SHAPE` or `CROSS`."""
    kind: NDArray[np.int8]
    levels: NDArray[np.int16]
    finished: NDArray[np.bool_]
    """False: walls without a roof; nobody lives there."""
    row: NDArray[np.int64]
    """Touching neighbours share a number within their settlement; -1: detached."""
    site: NDArray[np.int32]
    """Index of the settlement; -1: in none."""
    built_year: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Structures:
        """Return a selection."""
        return Structures(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def with_(self, **columns: NDArray[Any]) -> Structures:
        """Return the same structures with some columns replaced."""
        return replace(self, **columns)

    @property
    def area_m2(self) -> Array:
        """Footprint area."""
        area: Array = self.width * self.depth * (1 - self.notch**2)
        return area

    @staticmethod
    def join(parts: Sequence[Structures]) -> Structures:
        """Put parts one after the other."""
        return Structures(
            **{
                field.name: np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(Structures)
            }
        )


def rectangles(x: Array, y: Array, width: Array, depth: Array, angle: Array) -> Structures:
    """Return finished, detached one-storey outbuildings in no settlement: a base to change columns of."""
    n = len(x)
    return Structures(
        x=x, y=y, width=width, depth=depth, angle=angle, notch=np.zeros(n), form=np.zeros(n, np.int8),
        kind=np.full(n, OUTBUILDING, np.int8), levels=np.ones(n, np.int16), finished=np.ones(n, bool),
        row=np.full(n, -1, np.int64), site=np.full(n, -1, np.int32), built_year=np.full(n, 2000, np.int16),
    )  # fmt: skip


def offset(structures: Structures, along: Array, across: Array) -> tuple[Array, Array]:
    """Return points at local distances along and across each structure's direction from its centre."""
    cos, sin = np.cos(structures.angle), np.sin(structures.angle)
    return structures.x + along * cos - across * sin, structures.y + along * sin + across * cos


def outlines(structures: Structures) -> tuple[Array, NDArray[np.int64]]:
    """Return the corners of all outlines, anticlockwise and not closed.

    Returns
    -------
    corners, starts
        Corners of all structures one after the other, shape (m, 2); structure i has ``corners[starts[i]:starts[i+1]]``.
    """
    template = np.where(structures.notch > 0, structures.form, len(_TEMPLATES) - 1)
    starts = np.concatenate([[0], np.cumsum(corner_counts(structures))])
    corners = np.empty((starts[-1], 2))
    for code, shape in enumerate(_TEMPLATES):
        chosen = np.flatnonzero(template == code)
        if not len(chosen):
            continue
        part = structures.take(chosen)
        notch = part.notch[:, None]
        along = (shape[:, 0] + shape[:, 1] * notch) * part.width[:, None] / 2
        across = (shape[:, 2] + shape[:, 3] * notch) * part.depth[:, None] / 2
        cos, sin = np.cos(part.angle)[:, None], np.sin(part.angle)[:, None]
        where = starts[chosen][:, None] + np.arange(len(shape))
        corners[where, 0] = part.x[:, None] + along * cos - across * sin
        corners[where, 1] = part.y[:, None] + along * sin + across * cos
    return corners, starts


def corner_counts(structures: Structures) -> NDArray[np.int64]:
    """Return how many corners the outline of each structure has."""
    counts = np.array([len(shape) for shape in _TEMPLATES])
    return counts[np.where(structures.notch > 0, structures.form, len(_TEMPLATES) - 1)]


# Corners, anticlockwise, in half sides: along = a + b * notch, across = c + d * notch for a row (a, b, c, d).
_TEMPLATES = tuple(
    np.array(rows)
    for rows in (
        [(-1, 0, -1, 0), (1, 0, -1, 0), (1, 0, 1, -2), (1, -2, 1, -2), (1, -2, 1, 0), (-1, 0, 1, 0)],
        [
            (-1, 0, -1, 0), (1, 0, -1, 0), (1, 0, 1, -2), (1, -1, 1, -2),
            (1, -1, 1, 0), (-1, 1, 1, 0), (-1, 1, 1, -2), (-1, 0, 1, -2),
        ],
        [
            (-1, 1, -1, 0), (1, -1, -1, 0), (1, -1, -1, 1), (1, 0, -1, 1), (1, 0, 1, -1), (1, -1, 1, -1),
            (1, -1, 1, 0), (-1, 1, 1, 0), (-1, 1, 1, -1), (-1, 0, 1, -1), (-1, 0, -1, 1), (-1, 1, -1, 1),
        ],
        [(-1, 0, -1, 0), (1, 0, -1, 0), (1, 0, 1, 0), (-1, 0, 1, 0)],
    )
)  # fmt: skip
"""By `form`; the last one is the plain rectangle."""


def polygons(corners: Array, starts: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return shapely polygons of outlines as `outlines` gives them, in whatever coordinates the corners are."""
    rings = shapely.linearrings(corners, indices=np.repeat(np.arange(len(starts) - 1), np.diff(starts)))
    return np.asarray(shapely.polygons(rings), dtype=object)
