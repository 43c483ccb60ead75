"""A simulated city: from programme and plan to every building, before anything is mapped or seen from above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipeline.errors import InputError
from pipeline.simulate import construction, convex, fabrics, parameters, programme, structures
from pipeline.simulate.anchors import AIRPORTS, CENTRES, Airport
from pipeline.simulate.frame import Frame
from pipeline.simulate.plan import Mesh, Plan, Reserved, capacity_m2, plan
from pipeline.simulate.streams import stream
from pipeline.simulate.structures import HOUSE, NON_RESIDENTIAL, OUTBUILDING, Structures

if TYPE_CHECKING:
    from pipeline.config import Area
    from pipeline.simulate.convex import Array
    from pipeline.simulate.parameters import Parameters
    from pipeline.simulate.programme import Place, Tract

_MAX_SPAN_DEG = 3.0
"""No area may be wider (config.Area); a city that needs more land than that is refused."""


@dataclass(frozen=True)
class City:
    """Everything that stands in a simulated city; metres of `frame`."""

    area: Area
    frame: Frame
    seed: int
    truth: Parameters
    plan: Plan
    airport: Airport
    aerodrome: Reserved
    places: list[Place]
    """Settlements; `buildings.site` is an index into this list."""
    outlines: list[shapely.Geometry]
    """Outline of each settlement: its plotted and built land."""
    grounds: list[Place]
    """Land of hazards."""
    buildings: Structures
    greenhouses: Structures
    streets: list[tuple[int, Array]]
    """Settlement and centre line."""

    def stream(self, *names: str) -> np.random.Generator:
        """Return the random stream of this city for a purpose."""
        return stream(self.seed, self.area.area_id, *names)


def make(area: Area, *, buildings: int, seed: int) -> City:
    """Make a city.

    Parameters
    ----------
    area
        Where; its bbox is widened where so many buildings would not fit.
    buildings
        Least number of buildings.
    seed
        Of the simulation; together with `area` and `buildings` it decides everything.

    Raises
    ------
    InputError
        The buildings need more land than three degrees of latitude and longitude hold.
    """
    truth = parameters.draw(area, seed)
    rng = stream(seed, area.area_id, "plan")
    tracts = programme.write(area, truth, buildings=buildings, seed=seed)
    frame = _roomy_frame(area, sum(tract.area_m2 for tract in tracts))
    airport = AIRPORTS.get(area.area_id) or _some_airport(frame, rng)
    made, aerodrome = _planned(area, frame, truth, tracts, airport, rng)
    places = [place for tract in tracts for place in tract.places]
    settlements = [place for place in places if place.fabric and place.key in made.land]
    parts, greens, outlines, streets = [], [], [], []
    for site, place in enumerate(settlements):
        built, outline, lines = _settled(
            place, made.land[place.key], truth, stream(seed, area.area_id, "built", place.key)
        )
        parts.append(built.buildings.with_(site=np.full(len(built.buildings), site, np.int32)))
        greens.append(built.greenhouses)
        outlines.append(outline)
        streets.extend((site, line) for line in lines)
    parts.append(_scattered(made, max(len(settlements), 12), rng))
    return City(
        area=area,
        frame=frame,
        seed=seed,
        truth=truth,
        plan=made,
        airport=airport,
        aerodrome=aerodrome,
        places=settlements,
        outlines=outlines,
        grounds=[place for place in places if not place.fabric and place.key in made.land],
        buildings=Structures.join(parts),
        greenhouses=Structures.join(greens),
        streets=streets,
    )


def _roomy_frame(area: Area, land_m2: float) -> Frame:
    """Return the frame of the area's bbox, widened where the land would not fit into it."""
    frame = Frame(area.bbox)
    factor = max(1.0, (land_m2 / capacity_m2(frame)) ** 0.5 * 1.02)
    frame = frame if factor == 1.0 else frame.widened(factor)
    west, south, east, north = frame.bbox
    if max(east - west, north - south) > _MAX_SPAN_DEG:
        msg = (
            f"[areas.{area.area_id}] so many buildings need a bbox of {east - west:.1f} by {north - south:.1f} degrees, "
            f"and an area spans at most {_MAX_SPAN_DEG:g}; ask for fewer buildings."
        )
        raise InputError(msg)
    return frame


def _planned(
    area: Area, frame: Frame, truth: Parameters, tracts: list[Tract], airport: Airport, rng: np.random.Generator
) -> tuple[Plan, Reserved]:
    """Plan the city, widening nothing: every tract finds a cell, or the cells are made larger."""
    centre = np.array(frame.to_metres(*CENTRES[area.area_id])) if area.area_id in CENTRES else np.zeros(2)
    west, south, east, north = frame.extent
    aerodrome = Reserved(
        np.array(frame.to_metres(airport.lon, airport.lat)),
        airport.runway_m / 2 + 350,
        600.0,
        np.deg2rad(90 - airport.bearing),
    )
    largest = max(tract.area_m2 for tract in tracts)
    size = max(min(truth.cell_m, (east - west) / 4, (north - south) / 4), (largest / 0.6) ** 0.5)
    hints = [None if t.hint is None else np.array(frame.to_metres(*t.hint)) for t in tracts]
    mesh = Mesh(frame, centre, size, truth.turn_rad, rng)
    made = plan(mesh, tracts, hints, [aerodrome], rng)
    return made, aerodrome


def _some_airport(frame: Frame, rng: np.random.Generator) -> Airport:
    """Return a small airport towards a corner of the extent."""
    west, south, east, north = frame.extent
    x = (west + east) / 2 + rng.choice([-1, 1]) * (east - west) * 0.33
    y = (south + north) / 2 + rng.choice([-1, 1]) * (north - south) * 0.33
    lon, lat = frame.to_degrees(np.array([[x, y]]))[0]
    return Airport("Аэропорт", float(lon), float(lat), float(rng.uniform(0, 180)), 1800.0)


def _settled(
    place: Place, land: Array, truth: Parameters, rng: np.random.Generator
) -> tuple[construction.Built, shapely.Geometry, list[Array]]:
    """Plot and build one settlement; return what stands there, its outline and its streets."""
    fabric = fabrics.FABRICS[place.fabric]
    brief = construction.Brief(
        houses=place.houses,
        unfinished=programme.unfinished_share(place.fabric, truth),
        sheds=truth.sheds * fabric.sheds,
        founded=place.founded,
    )
    plots = fabrics.lay(land, fabric, round(place.houses * (1 + brief.unfinished)) + 1, rng)
    built = construction.build(plots, fabric, brief, rng)
    return built, outline(plots, built.taken, land), plots.streets


def outline(plots: fabrics.Plots, taken: np.ndarray, land: Array) -> shapely.Geometry:
    """Return the outline of a settlement: its built plots with the streets between them, within its land."""
    margin = 7.0
    plot = structures.rectangles(
        plots.x[taken],
        plots.y[taken],
        plots.front[taken] + 2 * margin,
        plots.depth[taken] + 2 * margin,
        plots.angle[taken],
    )
    merged = shapely.union_all(structures.polygons(*structures.outlines(plot)))
    closed = shapely.buffer(shapely.buffer(merged, 22.0, join_style="mitre"), -22.0, join_style="mitre")
    parts = shapely.get_parts(closed)
    filled = shapely.union_all(shapely.polygons(shapely.get_exterior_ring(parts)))
    return shapely.intersection(filled, shapely.Polygon(land))


def _scattered(made: Plan, count: int, rng: np.random.Generator) -> Structures:
    """Return what belongs to no settlement: kiosks along main roads, farms and barns in the fields."""
    roads = [barrier.line for barrier in made.barriers if barrier.kind in {"primary", "secondary", "trunk"}]
    farms = [land for land in made.fields if convex.area(land) > 40_000.0]
    points, angles, sizes, kinds = [], [], [], []
    for _ in range(count * 2):
        line = roads[int(rng.integers(len(roads)))]
        k = int(rng.integers(len(line) - 1))
        step = line[k + 1] - line[k]
        side = rng.choice([-1, 1]) * rng.uniform(12, 15)
        across = np.array([-step[1], step[0]]) / np.hypot(*step)
        points.append(line[k] + rng.uniform(0.1, 0.9) * step + side * across)
        angles.append(np.arctan2(step[1], step[0]))
        sizes.append((rng.uniform(3, 7), rng.uniform(2.5, 4)))
        kinds.append(NON_RESIDENTIAL)
    for _ in range(count if farms else 0):
        middle = convex.centroid(farms[int(rng.integers(len(farms)))]) + rng.normal(0, 20, 2)
        angle = rng.uniform(0, np.pi)
        for shift, size, kind in ((0, (9, 11), HOUSE), (24, (10, 38), NON_RESIDENTIAL), (-14, (4, 6), OUTBUILDING)):
            points.append(middle + shift * np.array([np.cos(angle), np.sin(angle)]))
            angles.append(angle)
            sizes.append(size)
            kinds.append(kind)
    at, size = np.array(points), np.array(sizes, dtype=float)
    made_here = structures.rectangles(at[:, 0], at[:, 1], size[:, 0], size[:, 1], np.array(angles))
    years = rng.integers(1960, construction.LAST_YEAR, len(at)).astype(np.int16)
    return made_here.with_(kind=np.array(kinds, np.int8), built_year=years)
