"""A simulated city: from programme and plan to every building, before anything is mapped or seen from above."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
import shapely

from pipeline.errors import InputError
from pipeline.geometry import convex
from pipeline.simulate import construction, parameters, plot_types, settlement_plan, structures, style
from pipeline.simulate.city_centres import AIRPORTS, CENTRES, Airport
from pipeline.simulate.city_plan import Mesh, Plan, Reserved, capacity_m2, plan
from pipeline.simulate.frame import Frame
from pipeline.simulate.rng import stream
from pipeline.simulate.structures import HOUSE, NON_RESIDENTIAL, OUTBUILDING, Structures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.config import Area
    from pipeline.geometry.convex import Array
    from pipeline.simulate.parameters import Parameters
    from pipeline.simulate.plot_types import Fabric
    from pipeline.simulate.settlement_plan import Place, Tract
    from pipeline.simulate.stress import Stress
    from pipeline.simulate.style import Style

_MAX_SPAN_DEG = 3.0
"""No area may be wider (config.Area); a city that needs more land than that is refused."""


Outline: TypeAlias = shapely.Polygon | shapely.MultiPolygon

_MARGIN_M = 7.0
"""Half a street, which the outline of a settlement takes in around its plots."""
_GAP_M = 22.0
"""Half the width of gaps between built plots that belong to the settlement."""


@dataclass(frozen=True)
class City:
    """Everything that stands in a simulated city; metres of `frame`."""

    area: Area
    frame: Frame
    seed: int
    truth: Parameters
    style: Style
    stress: Stress
    plan: Plan
    airport: Airport
    aerodrome: Reserved
    places: list[Place]
    """Settlements; `buildings.site` is an index into this list."""
    outlines: list[Outline]
    """Outline of each settlement: its plotted and built land."""
    grounds: list[Place]
    """Land of hazards."""
    buildings: Structures
    greenhouses: Structures
    streets: list[tuple[int, Array]]
    """Settlement and centre line."""

    @cached_property
    def hidden(self) -> NDArray[np.bool_]:
        """Which settlements neither map nor satellite shows; the last one, False, is for buildings in none."""
        return self.chosen("unmapped", self.stress.unmapped or 0.0)

    def chosen(self, purpose: str, share: float) -> NDArray[np.bool_]:
        """Return which settlements a stress takes, in a random order; the last one, False: none."""
        order = np.argsort([self.stream(purpose, place.key).random() for place in self.places], kind="stable")
        taken = np.zeros(len(self.places) + 1, dtype=bool)
        taken[order[: round(share * len(order))]] = True
        return taken

    def stream(self, *names: str) -> np.random.Generator:
        """Return the random stream of this city for a purpose."""
        return stream(self.seed, self.area.area_id, *names)


def make(area: Area, *, buildings: int, seed: int, stress: Stress) -> City:
    """Make a city.

    Parameters
    ----------
    area
        Where; its bbox is widened where so many buildings would not fit.
    buildings
        Least number of buildings.
    seed
        Of the simulation; together with `area`, `buildings` and `stress` it decides everything.
    stress
        What is made hard.

    Raises
    ------
    InputError
        The buildings need more land than three degrees of latitude and longitude hold.
    """
    truth = parameters.draw(area, seed, stress)
    habits = style.draw(area, seed)
    fabrics = style.fabrics(habits, stress)
    rng = stream(seed, area.area_id, "plan")
    tracts = settlement_plan.write(area, truth, buildings=buildings, seed=seed, stress=stress)
    ground = _planned(area, (truth, habits), tracts, rng)
    made = ground.plan
    places = [place for tract in tracts for place in tract.places]
    settlements = [place for place in places if place.fabric and place.key in made.land]
    parts, greens, outlines = [], [], []
    streets: list[tuple[int, Array]] = []
    for site, place in enumerate(settlements):
        luck = stream(seed, area.area_id, "built", place.key)
        built, outline, lines = _settled(place, made.land[place.key], fabrics[place.fabric], truth, luck)
        parts.append(built.buildings.with_(site=np.full(len(built.buildings), site, np.int32)))
        greens.append(built.greenhouses)
        outlines.append(outline)
        streets.extend((site, line) for line in lines)
    parts.append(_scattered(made, ground.frame, max(len(settlements), 12), rng))
    return City(
        area=area,
        frame=ground.frame,
        seed=seed,
        truth=truth,
        style=habits,
        stress=stress,
        plan=made,
        airport=ground.airport,
        aerodrome=ground.aerodrome,
        places=settlements,
        outlines=outlines,
        grounds=[place for place in places if not place.fabric and place.key in made.land],
        buildings=Structures.join(parts),
        greenhouses=Structures.join(greens),
        streets=streets,
    )


@dataclass(frozen=True)
class _Ground:
    """A planned city: its frame, large enough for all tracts, its airport and the plan."""

    frame: Frame
    airport: Airport
    aerodrome: Reserved
    plan: Plan


def _planned(area: Area, drawn: tuple[Parameters, Style], tracts: list[Tract], rng: np.random.Generator) -> _Ground:
    """Plan the city in the area's bbox, or in a wider one where its tracts do not find room."""
    truth, habits = drawn
    frame = Frame(area.bbox)
    wanted = sum(tract.area_m2 for tract in tracts)
    if wanted > capacity_m2(frame):
        frame = frame.widened((wanted / capacity_m2(frame)) ** 0.5 * 1.02)
    largest = max(tract.area_m2 for tract in tracts)
    while True:
        _check_span(area, frame)
        west, south, east, north = frame.extent
        airport = AIRPORTS.get(area.area_id) or _some_airport(frame, rng)
        aerodrome = _aerodrome(airport, frame)
        centre = np.array(frame.to_metres(*CENTRES[area.area_id])) if area.area_id in CENTRES else np.zeros(2)
        size = max(min(truth.cell_m, (east - west) / 4, (north - south) / 4), (largest / 0.6) ** 0.5)
        mesh = Mesh(frame, centre, size, truth.turn_rad, rng)
        hints = [None if tract.hint is None else np.array(frame.to_metres(*tract.hint)) for tract in tracts]
        made = plan(mesh, tracts, hints, [aerodrome], (habits.fields, rng))
        if not made.shortfall:
            return _Ground(frame, airport, aerodrome, made)
        frame = frame.widened(1.12)


def _check_span(area: Area, frame: Frame) -> None:
    west, south, east, north = frame.bbox
    if max(east - west, north - south) > _MAX_SPAN_DEG:
        msg = (
            f"[areas.{area.area_id}] so many buildings need {east - west:.1f} by {north - south:.1f} degrees, "
            f"and an area spans at most {_MAX_SPAN_DEG:g}; ask for fewer buildings."
        )
        raise InputError(msg)


def _aerodrome(airport: Airport, frame: Frame) -> Reserved:
    """Return the ground of an airport: the runway with 350 m at its ends and 600 m at its sides."""
    middle = np.array(frame.to_metres(airport.lon, airport.lat))
    return Reserved(middle, airport.runway_m / 2 + 350, 600.0, np.deg2rad(90 - airport.bearing))


def _some_airport(frame: Frame, rng: np.random.Generator) -> Airport:
    """Return a small airport towards a corner of the extent."""
    west, south, east, north = frame.extent
    x = (west + east) / 2 + rng.choice([-1, 1]) * (east - west) * 0.33
    y = (south + north) / 2 + rng.choice([-1, 1]) * (north - south) * 0.33
    lon, lat = frame.to_degrees(np.array([[x, y]]))[0]
    return Airport("Аэропорт", float(lon), float(lat), float(rng.uniform(0, 180)), 1800.0)


def _settled(
    place: Place, land: Array, fabric: Fabric, truth: Parameters, rng: np.random.Generator
) -> tuple[construction.Built, Outline, list[Array]]:
    """Plot and build one settlement; return what stands there, its outline and its streets."""
    brief = construction.Brief(
        houses=place.houses,
        unfinished=settlement_plan.unfinished_share(place.fabric, truth),
        sheds=truth.sheds * fabric.sheds,
        founded=place.founded,
    )
    plots = plot_types.lay(land, fabric, round(place.houses * (1 + brief.unfinished)) + 1, rng)
    built = construction.build(plots, fabric, brief, rng)
    return built, _outline(plots, built.taken, land), plots.streets


def _outline(plots: plot_types.Plots, taken: np.ndarray, land: Array) -> Outline:
    """Return the outline of a settlement: its built plots with the streets between them, within its land."""
    plot = structures.rectangles(
        plots.x[taken],
        plots.y[taken],
        plots.front[taken] + 2 * _MARGIN_M,
        plots.depth[taken] + 2 * _MARGIN_M,
        plots.angle[taken],
    )
    # To the millimetre, before each buffer: vertices nearer than that make GEOS divide by nothing, once in a while.
    merged = shapely.set_precision(shapely.union_all(structures.polygons(*structures.outlines(plot))), 0.001)
    wide = shapely.set_precision(shapely.buffer(merged, _GAP_M, join_style="mitre"), 0.001)
    closed = shapely.buffer(wide, -_GAP_M, join_style="mitre")
    if closed.area < merged.area:  # a fault of GEOS's mitred buffers: what is closed must hold what it was made of
        closed = shapely.buffer(wide, -_GAP_M)
    filled = shapely.union_all([shapely.Polygon(part.exterior) for part in shapely.get_parts(closed)])
    return cast("Outline", shapely.intersection(filled, shapely.Polygon(land)))


def _scattered(made: Plan, frame: Frame, count: int, rng: np.random.Generator) -> Structures:
    """Return what belongs to no settlement: kiosks along main roads, farms and barns in the fields."""
    roads = [barrier.line for barrier in made.barriers if barrier.kind in {"primary", "secondary", "trunk"}]
    ends = np.concatenate([np.stack([line[:-1], line[1:]], axis=1) for line in roads])
    step = ends[:, 1] - ends[:, 0]
    picked = rng.integers(len(ends), size=4 * count)
    across = np.column_stack([-step[:, 1], step[:, 0]]) / np.hypot(*step.T)[:, None]
    beside = rng.choice([-1, 1], len(picked)) * rng.uniform(8, 11, len(picked))
    at = ends[picked, 0] + rng.uniform(0.1, 0.9, (len(picked), 1)) * step[picked] + beside[:, None] * across[picked]
    west, south, east, north = frame.extent
    inside = (at[:, 0] > west) & (at[:, 0] < east) & (at[:, 1] > south) & (at[:, 1] < north)
    at, picked = at[inside], picked[inside]
    kiosks = structures.rectangles(
        at[:, 0],
        at[:, 1],
        rng.uniform(3, 7, len(at)),
        rng.uniform(2.5, 4, len(at)),
        np.arctan2(step[picked, 1], step[picked, 0]),
    )
    kiosks = kiosks.with_(kind=np.full(len(at), NON_RESIDENTIAL, np.int8))
    made_here = Structures.join([kiosks, _farms(made, count, rng)])
    years = rng.integers(1960, construction.LAST_YEAR, len(made_here)).astype(np.int16)
    return made_here.with_(built_year=years)


_FIELD_M2 = 60_000.0
"""No field with a farm is smaller."""
_FARM = ((0.0, 9.0, 11.0, HOUSE), (26.0, 10.0, 38.0, NON_RESIDENTIAL), (-14.0, 4.0, 6.0, OUTBUILDING))
"""What stands on a farm: shift along its axis, width and depth (m), kind."""


def _farms(made: Plan, count: int, rng: np.random.Generator) -> Structures:
    """Return a house, a barn and a shed for each of at most `count` fields, one farm in each."""
    lands = [land for land in made.fields if convex.area(land) > _FIELD_M2]
    middles = np.array([convex.centroid(lands[k]) for k in rng.permutation(len(lands))[:count]]).reshape(-1, 2)
    angle = np.repeat(rng.uniform(0, np.pi, len(middles)), len(_FARM))
    shift, width, depth, kind = (np.tile(column, len(middles)) for column in zip(*_FARM, strict=True))
    at = np.repeat(middles, len(_FARM), axis=0) + shift[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    farms = structures.rectangles(at[:, 0], at[:, 1], width, depth, angle)
    return farms.with_(kind=kind.astype(np.int8))
