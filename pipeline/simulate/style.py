"""How a city's map is drawn and its houses stand: styles of building and mapping, drawn anew for each city.

The ranges span what was measured on real extracts of three continents. Most are the range of the measure itself, some
of what brings it about; `tests/benchmarks/bench_style.py` prints both.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.simulate.plot_types import FABRICS, Fabric
from pipeline.simulate.rng import stream

if TYPE_CHECKING:
    from pipeline.config import Area
    from pipeline.simulate.stress import Stress

_RANGES: dict[str, tuple[float, float]] = {
    "osm_sheds": (0.0, 0.035),
    "satellite_sheds": (0.0, 0.03),
    "bent": (0.0, 0.2),
    "corner_ways": (0.25, 0.7),
    "spread": (1.5, 2.7),
    "shaped": (0.2, 0.62),
    "many_corners": (0.06, 0.24),
    "simplified": (0.0, 0.25),
    "smoothed": (0.1, 0.5),
    "touching": (0.02, 0.9),
    "leaning": (0.7, 1.0),
    "surface": (0.03, 0.25),
    "plain": (0.925, 0.995),
    "blocks_told": (0.05, 0.5),
    "levels": (0.0, 0.002),
    "block_levels": (0.0, 0.12),
    "named_buildings": (0.008, 0.044),
    "polygons": (0.04, 0.6),
    "parcelled": (0.15, 0.8),
    "joined_parcels": (0.0, 0.03),
    "duplicates": (0.0, 30.0),
    "as_relation": (0.0, 0.006),
    "fields": (0.0, 0.12),
}
_LOGARITHMIC: dict[str, tuple[float, float]] = {
    "turn_rad": (0.06, 0.42),
    "parcel_m": (75.0, 190.0),
    "pois": (115.0, 850.0),
}
"""Drawn evenly on the scale of their logarithms."""


@dataclass(frozen=True)
class Style:
    """The style of one city; shares in [0, 1] unless said."""

    osm_sheds: float
    """Outbuildings are mapped this many times as often as houses."""
    satellite_sheds: float
    """Outbuildings are seen this many times as often as houses."""
    bent: float
    """Largest slope of a bent street against its settlement's direction."""
    corner_ways: float
    """Share of streets that are mapped as one way with the street around their corner."""
    spread: float
    """Factor of the fabrics' spread of footprints."""
    shaped: float
    """Share of main buildings that are no rectangles."""
    many_corners: float
    """Share of these with twelve corners."""
    simplified: float
    """Share of these that mappers draw as rectangles."""
    smoothed: float
    """Share of these that come out of the satellite as rectangles."""
    touching: float
    """Largest share of blocks whose houses touch their neighbour."""
    leaning: float
    """Share of houses that stand close to a neighbour without touching."""
    surface: float
    """Share of streets with a surface."""
    plain: float
    """Share of houses and sheds that are just ``building=yes``."""
    blocks_told: float
    """Share of blocks of flats that are tagged as such."""
    levels: float
    """Share of houses with levels."""
    block_levels: float
    """Share of blocks of flats with levels."""
    named_buildings: float
    polygons: float
    """Share of settlements whose ground is drawn as one polygon."""
    parcelled: float
    """Share of settlements whose ground is drawn in small parcels, most of them nameless."""
    joined_parcels: float
    """Share of the small parcels that carry a name."""
    duplicates: float
    """Buildings that were uploaded twice (a number)."""
    as_relation: float
    """Share of buildings that are multipolygon relations."""
    fields: float
    """Share of neighbours that fields part; the others touch along a street, a canal, a fence."""
    turn_rad: float
    """Standard deviation of the houses' directions against their street."""
    parcel_m: float
    """Side of the small parcels."""
    pois: float
    """Shops, schools and offices that are nodes (a number)."""

    def as_dict(self) -> dict[str, float]:
        """Return all values by name."""
        return asdict(self)


def draw(area: Area, seed: int) -> Style:
    """Draw the style of a city."""
    rng = stream(seed, area.area_id, "style")
    even = {name: rng.uniform(*limits) for name, limits in sorted(_RANGES.items())}
    bent = {name: float(np.exp(rng.uniform(*np.log(limits)))) for name, limits in sorted(_LOGARITHMIC.items())}
    return Style(**even, **bent)


_HOUSES = {"novostroika", "village", "dacha", "cottages"}


def fabrics(style: Style, stress: Stress) -> dict[str, Fabric]:
    """Return the fabrics as this city builds them."""
    built = {}
    for name, fabric in FABRICS.items():
        low, high = fabric.footprint_limits
        made = replace(
            fabric,
            footprint_spread=(fabric.footprint_spread[0] * style.spread, fabric.footprint_spread[1] * style.spread),
            footprint_limits=(low, high * 2.0),
            shaped=style.shaped,
            many_corners=style.many_corners,
        )
        if name in _HOUSES:
            made = replace(
                made,
                rows=(0.0, max(style.touching, fabric.rows[1] / 2)),
                turn_rad=style.turn_rad,
                slope=style.bent,
                leaning=style.leaning,
            )
        if stress.larger and name == "novostroika":
            made = replace(made, footprint_m2=(made.footprint_m2[0] * 1.45, made.footprint_m2[1] * 1.45))
        if stress.larger and name == "village":
            made = replace(made, irregularity=0.02, bend=0.0, slope=0.0, turn_rad=min(style.turn_rad, 0.05))
        built[name] = made
    return built
