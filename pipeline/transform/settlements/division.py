"""A division of buildings into settlements, as it grows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.transform.settlements.neighbour_graph import Labels, Mask


@dataclass(slots=True)
class Partition:
    """Settlement of each building, and what each settlement rests on."""

    label: Labels
    """Shape (n,), -1: none."""
    delineation: list[str] = field(default_factory=list)
    """For each settlement ``osm_polygon``, ``seed_point+cluster`` or ``cluster``."""
    objects: list[list[str]] = field(default_factory=list)
    """For each settlement the identifiers of the OSM objects that it rests on; the first one outlines or seeds it."""

    def add(self, which: NDArray[np.int64] | Mask, delineation: str, objects: list[str]) -> None:
        """Make a new settlement of some buildings."""
        self.label[which] = len(self.delineation)
        self.delineation.append(delineation)
        self.objects.append(objects)

    def keep(self, chosen: Mask) -> None:
        """Drop the other settlements, whose buildings are in none then, and number the chosen ones anew."""
        number = np.append(np.where(chosen, np.cumsum(chosen) - 1, -1), -1)
        self.label[:] = number[self.label]
        self.delineation[:] = [how for how, stays in zip(self.delineation, chosen, strict=True) if stays]
        self.objects[:] = [objects for objects, stays in zip(self.objects, chosen, strict=True) if stays]
