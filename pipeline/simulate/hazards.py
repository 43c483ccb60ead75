"""The hazards of a simulated city as mappers draw them: with gaps in the tags, as points, outlines and relations."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

from pipeline.geometry import convex
from pipeline.simulate.osm_pbf import Drawing
from pipeline.simulate.rng import chance

if TYPE_CHECKING:
    from pipeline.geometry.convex import Array
    from pipeline.simulate.city import City
    from pipeline.simulate.osm_pbf import Tags
    from pipeline.simulate.settlement_plan import Place


def draw(city: City, drawing: Drawing) -> None:
    """Add the hazards of a city to its map, without those that a stress takes away."""
    whole = Drawing()
    _draw_all(city, whole)
    luck = city.stream("hazards missing")
    for kind in ("points", "lines", "areas", "relations"):
        every = getattr(whole, kind)
        lost = luck.random(len(every)) < (city.stress.hazards or 0.0)
        getattr(drawing, kind).extend(compress(every, (~lost).tolist()))


def _draw_all(city: City, drawing: Drawing) -> None:
    rng = city.stream("hazards")
    for ground in city.grounds:
        _ground(city.plan.land[ground.key], ground, drawing, rng)
    _aerodrome(city, drawing)
    _power(city, drawing, rng)
    _heat(city, drawing, rng)
    _gas(city, drawing, rng)
    _nature(city, drawing, rng)
    _beyond_the_edge(city, drawing, rng)
    _lifecycle(city, drawing, rng)


_LAND_TAGS: dict[str, tuple[Tags, ...]] = {
    "landfill": (
        {"landuse": "landfill", "name": "Городской полигон ТБО"},
        {"landuse": "landfill"},
    ),
    "cemetery": (
        {"landuse": "cemetery"},
        {"landuse": "cemetery", "religion": "muslim", "name": "Мусульманское кладбище"},
        {"amenity": "grave_yard", "religion": "muslim"},
        {"landuse": "cemetery", "name": "Көрүстөн"},
    ),
    "military": (
        {"landuse": "military", "military": "barracks"},
        {"landuse": "military"},
        {"landuse": "military", "military": "training_area", "name": "Полигон"},
    ),
    "power_plant": (
        {"power": "plant", "plant:source": "coal", "plant:output:electricity": "910 MW", "name": "ТЭЦ-1"},
        {"power": "plant", "plant:source": "coal", "name": "ТЭЦ"},
        {"power": "plant", "plant:source": "gas", "plant:output:hotwater": "yes", "landuse": "industrial"},
    ),
    "ash_dump": (
        {"man_made": "tailings_pond", "content": "ash", "name": "Золоотвал ТЭЦ"},
        {"landuse": "landfill", "landfill:waste": "ash", "name": "Золоотвал"},
    ),
    "sewage_works": (
        {"man_made": "wastewater_plant", "name": "Очистные сооружения"},
        {"man_made": "wastewater_plant"},
    ),
    "tailings": ({"man_made": "tailings_pond", "name": "Хвостохранилище"}, {"man_made": "tailings_pond"}),
}


def _ground(land: Array, place: Place, drawing: Drawing, rng: np.random.Generator) -> None:
    """Draw the land of a hazard: mostly an outline, now and then a point or a relation with a hole."""
    tags = _LAND_TAGS[place.hazard]
    further = place.key.startswith("fill/")
    chosen = tags[int(rng.integers(len(tags)))] if further else tags[0]
    shape = _rough(convex.inset(land, 6.0), rng)
    if further and chance(rng, 0.14):
        drawing.points.append((chosen, convex.centroid(land)))
    elif chance(rng, 0.2):
        hole = convex.centroid(shape) + 0.25 * (shape - convex.centroid(shape))
        drawing.relations.append((chosen, [("outer", shape), ("inner", hole[::-1])]))
    else:
        drawing.areas.append((chosen, shape))


def _rough(polygon: Array, rng: np.random.Generator) -> Array:
    """Cut and shift corners a little, as a hand does; stays convex and inside."""
    if len(polygon) < 3:
        return polygon
    middle = convex.centroid(polygon)
    corners = []
    for k in range(len(polygon)):
        before, here, after = polygon[k - 1], polygon[k], polygon[(k + 1) % len(polygon)]
        share = rng.uniform(0.03, 0.16)
        corners += [here + share * (before - here), here + share * (after - here)]
    made: Array = middle + (np.array(corners) - middle) * 0.995
    return made


def _oval(centre: Array, radius: float, rng: np.random.Generator, corners: int = 24) -> Array:
    """Return a wavy oval around a point."""
    turn, flat = rng.uniform(0, np.pi), rng.uniform(0.5, 1.0)
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    wave = 1 + 0.12 * np.sin(3 * angle + rng.uniform(0, 6)) + 0.06 * np.sin(5 * angle + rng.uniform(0, 6))
    u, v = radius * wave * np.cos(angle), radius * flat * wave * np.sin(angle)
    points: Array = centre + np.column_stack([u * np.cos(turn) - v * np.sin(turn), u * np.sin(turn) + v * np.cos(turn)])
    return points


def _aerodrome(city: City, drawing: Drawing) -> None:
    """Draw the airport: its ground, the runway, a taxiway and a helipad; the runway's width is not always tagged."""
    ground = city.aerodrome
    along = np.array([np.cos(ground.angle), np.sin(ground.angle)])
    across = np.array([-along[1], along[0]])
    half = city.airport.runway_m / 2
    runway = np.array([ground.centre - half * along, ground.centre + half * along])
    tags = {"aeroway": "runway", "surface": "asphalt"}
    heading = round(city.airport.bearing / 10) % 18 or 18
    tags["ref"] = f"{heading:02d}/{heading + 18:02d}"
    if chance(city.stream("runway"), 0.6):
        tags["width"] = "45"
    drawing.areas.append(({"aeroway": "aerodrome", "name": city.airport.name_ru}, ground.polygon))
    drawing.lines.append((tags, runway))
    drawing.lines.append(({"aeroway": "taxiway"}, runway + 180 * across))
    drawing.points.append(({"aeroway": "helipad"}, ground.centre - 300 * across))


def _scale(city: City) -> int:
    """Return how many of each scattered hazard a city of this size has."""
    return 1 + len(city.places) // 60


def _middles(city: City, kinds: tuple[str, ...] = ("novostroika", "village", "formal")) -> Array:
    """Return the middles of the settlements of these kinds, shape (n, 2)."""
    return np.array([convex.centroid(city.plan.land[place.key]) for place in city.places if place.kind in kinds])


_VOLTAGES = ("500000", "220000", "110000", "110000;35000", "35000", "10000", None, "110 kV", None)


def _power(city: City, drawing: Drawing, rng: np.random.Generator) -> None:
    """Draw power lines across settlements, with towers, and the substations at their ends."""
    towns = _middles(city)
    for k in range(max(7, 3 * _scale(city))):
        ends = towns[rng.integers(len(towns), size=2)] + rng.normal(0, 500, (2, 2))
        bend = ends.mean(axis=0) + rng.normal(0, 600, 2)
        voltage = _VOLTAGES[k % len(_VOLTAGES)]
        tags: Tags = {"power": "minor_line" if voltage == "10000" else "line"}
        if voltage:
            tags["voltage"] = voltage
        if chance(rng, 0.5):
            tags["cables"] = str(rng.choice(["3", "6"]))
        route = np.array([ends[0], bend, ends[1]])
        line = np.concatenate([_spaced(route[0], route[1], 260.0), _spaced(route[1], route[2], 260.0)[1:]])
        drawing.lines.append((tags, line))
        if tags["power"] == "line":
            drawing.points.extend(({"power": "tower"}, point) for point in line[::2])
        substation: Tags = {"power": "substation"}
        if voltage and chance(rng, 0.6):
            substation["voltage"] = voltage
        if k % 3 == 1:
            drawing.points.append((substation, ends[1] + 20))
        else:
            drawing.areas.append((substation, _box(ends[1] + 30, rng.uniform(40, 110), rng)))


def _spaced(start: Array, end: Array, step: float) -> Array:
    count = max(int(np.hypot(*(end - start)) / step), 1) + 1
    return np.linspace(start, end, count)


def _box(centre: Array, side: float, rng: np.random.Generator) -> Array:
    angle = rng.uniform(0, np.pi / 2)
    u = np.array([np.cos(angle), np.sin(angle)]) * side / 2
    v = np.array([-u[1], u[0]]) * rng.uniform(0.6, 1.0)
    return np.array([centre - u - v, centre + u - v, centre + u + v, centre - u + v])


_GAS: tuple[Tags, ...] = (
    {"usage": "transmission", "diameter": "700", "pressure": "5.5"},
    {"usage": "transmission"},
    {"usage": "distribution", "pressure": "0.6", "location": "overground"},
    {"usage": "distribution", "location": "overground"},
    {"usage": "distribution", "pressure": "1.2"},
    {"location": "underground"},
    {"usage": "transmission", "diameter": "1020 mm"},
    {"usage": "distribution", "pressure": "0.005"},
)


def _heat(city: City, drawing: Drawing, rng: np.random.Generator) -> None:
    """Draw heat mains above ground from every power plant to some settlement."""
    towns = _middles(city, ("formal", "novostroika"))
    for place in city.grounds:
        if place.hazard == "power_plant":
            start, end = convex.centroid(city.plan.land[place.key]), towns[int(rng.integers(len(towns)))]
            tags: Tags = {"man_made": "pipeline", "substance": "hot_water", "location": "overground"}
            drawing.lines.append((tags, np.array([start, [start[0], end[1]], end])))


def _gas(city: City, drawing: Drawing, rng: np.random.Generator) -> None:
    """Draw gas pipes and stations: trunk lines across the land, distribution along the streets of settlements."""
    towns = _middles(city)
    for k in range(max(8, 3 * _scale(city))):
        tags = {"man_made": "pipeline", "substance": "gas", **_GAS[k % len(_GAS)]}
        if tags.get("usage") == "distribution" and city.streets:
            for pick in rng.integers(len(city.streets), size=4):
                line = city.streets[int(pick)][1]
                drawing.lines.append((dict(tags), line + rng.normal(0, 1.5, 2) + 4.0))
            continue
        ends = towns[rng.integers(len(towns), size=2)] + rng.normal(0, 700, (2, 2))
        drawing.lines.append((tags, _spaced(ends[0], ends[1], 400.0)))
        station: Tags = {"pipeline": "substation", "substance": "gas"} if k % 2 else {"man_made": "gasometer"}
        if k % 3:
            drawing.points.append((station, ends[0]))
        else:
            drawing.areas.append((station, _box(ends[0], 45.0, rng)))


def _nature(city: City, drawing: Drawing, rng: np.random.Generator) -> None:
    """Draw wetlands and groves that reach into settlements, ponds, reserves, heritage, a fault, a planned road."""
    everywhere = _middles(city, ("novostroika", "village", "formal", "dacha"))
    wetlands = [convex.centroid(city.plan.land[p.key]) for p in city.places if p.hazard == "wetland"]
    corridors = [convex.centroid(city.plan.land[p.key]) for p in city.places if p.hazard == "road_corridor"]
    for k in range(2 + _scale(city)):
        if k >= len(wetlands):
            wetlands.append(everywhere[int(rng.integers(len(everywhere)))] + rng.normal(0, 450, 2))
        tags: Tags = {"natural": "wetland"} | ({"wetland": "marsh"} if k % 2 else {})
        drawing.areas.append((tags, _oval(wetlands[k] + rng.normal(0, 60, 2), rng.uniform(150, 320), rng)))
    for k in range(2 * _scale(city)):
        spot = everywhere[int(rng.integers(len(everywhere)))] + rng.normal(0, 500, 2)
        danger: Tags = ({"flood_prone": "yes"}, {"hazard": "landslide"})[k % 2]
        drawing.areas.append((danger, _oval(spot, rng.uniform(120, 260), rng)))
    for k in range(4 * _scale(city)):
        spot = everywhere[int(rng.integers(len(everywhere)))] + rng.normal(0, 650, 2)
        tags, radius = (
            ({"landuse": "forest", "name": "Карагачевая роща"}, 420.0),
            ({"leisure": "nature_reserve", "boundary": "protected_area", "name": "Заказник"}, 600.0),
            ({"leisure": "park"}, 160.0),
            ({"natural": "wood"}, 220.0),
        )[k % 4]
        drawing.areas.append((tags, _oval(spot, radius, rng)))
    for _ in range(3 * _scale(city)):
        spot = everywhere[int(rng.integers(len(everywhere)))] + rng.normal(0, 600, 2)
        pond = _oval(spot, rng.uniform(60, 180), rng)
        island = spot + 0.2 * (pond - spot)
        drawing.relations.append(
            ({"natural": "water", "water": "reservoir"}, [("outer", pond), ("inner", island[::-1])])
        )
    for k in range(5 * _scale(city)):
        spot = everywhere[int(rng.integers(len(everywhere)))] + rng.normal(0, 350, 2)
        monument = ("archaeological_site", "tomb", "monument", "archaeological_site", "memorial")[k % 5]
        heritage: Tags = {"historic": monument} | ({"heritage": "2", "heritage:operator": "whc"} if k % 3 == 0 else {})
        if k % 5 == 3:
            drawing.areas.append((heritage, _oval(spot, 60.0, rng)))
        else:
            drawing.points.append((heritage, spot))
    start = everywhere[int(rng.integers(len(everywhere)))]
    drawing.lines.append(
        ({"geological": "fault"}, _spaced(start - np.array([6000, 900]), start + np.array([6000, 1200]), 1500.0))
    )
    corridors.append(everywhere[int(rng.integers(len(everywhere)))])
    for k, spot in enumerate(corridors):
        way = rng.normal(0, 1, 2)
        way *= 2200 / np.hypot(*way)
        road: Tags = (
            {"highway": "proposed", "proposed": "trunk"},
            {"highway": "construction", "construction": "primary"},
        )[k % 2]
        drawing.lines.append((road, _spaced(spot - way, spot + way, 500.0)))


def _beyond_the_edge(city: City, drawing: Drawing, rng: np.random.Generator) -> None:
    """Draw hazards just outside the bbox whose zones reach into the settlement along its edge."""
    west, south, east, north = city.frame.extent
    border = next((place for place in city.places if place.key == "city/border"), None)
    land = city.plan.land[border.key] if border else np.array([[west, 0.0], [west + 500, 0.0], [west + 500, 500.0]])
    middle = convex.centroid(land)
    gaps = (middle[0] - west, middle[1] - south, east - middle[0], north - middle[1])
    outwards = np.array([(-1, 0), (0, -1), (1, 0), (0, 1)], dtype=float)[int(np.argmin(gaps))]
    sideways = np.array([-outwards[1], outwards[0]])
    edge = middle + outwards * min(gaps)
    # The bbox is not quite straight in metres: 60 m more keep every hazard outside it.
    slack = 60.0 + 0.0005 * (east - west)
    drawing.points.append(
        (
            {"landuse": "landfill", "landfill:waste": "animal_carcasses", "name": "Скотомогильник"},
            edge + outwards * (slack + 250),
        )
    )
    drawing.areas.append(({"landuse": "landfill"}, _oval(edge + outwards * (slack + 420) + sideways * 500, 180.0, rng)))
    drawing.areas.append(({"landuse": "cemetery"}, _oval(edge + outwards * (slack + 160) - sideways * 350, 110.0, rng)))
    drawing.areas.append(
        (
            {"landuse": "military", "military": "range"},
            _oval(edge + outwards * (slack + 420) - sideways * 900, 260.0, rng),
        )
    )


def _lifecycle(city: City, drawing: Drawing, rng: np.random.Generator) -> None:
    """Draw what is no more, or no building: none of it may count."""
    towns = _middles(city)
    gone: tuple[Tags, ...] = (
        {"disused:landuse": "landfill", "name": "Старая свалка"},
        {"abandoned:aeroway": "runway"},
        {"demolished:building": "house"},
        {"removed:power": "line"},
        {"building": "no", "note": "foundation only"},
        {"razed:landuse": "military"},
    )
    for k in range(6 * _scale(city)):
        spot = towns[int(rng.integers(len(towns)))] + rng.normal(0, 250, 2)
        drawing.areas.append((gone[k % len(gone)], _box(spot, rng.uniform(12, 60), rng)))
    ends = towns[rng.integers(len(towns), size=2)]
    drawing.lines.append(({"abandoned:railway": "rail"}, _spaced(ends[0], ends[1], 800.0)))
    drawing.points.append(({"landuse": "cemetery", "name": "Эски көрүстөн"}, ends[0] + 300))
    drawing.points.append(({"power": "substation"}, ends[1] - 250))
