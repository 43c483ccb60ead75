"""The rest of the map: roads, railways, water, named places, land use, and schools here and there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipeline.declared import facts
from pipeline.geometry import convex
from pipeline.simulate import clutter, names, parcels
from pipeline.simulate.rng import chance

if TYPE_CHECKING:
    from pipeline.geometry.convex import Array
    from pipeline.simulate.city import City
    from pipeline.simulate.osm_pbf import Drawing, Tags
    from pipeline.simulate.settlement_plan import Place

_PLACE_VALUES = {
    "novostroika": ("suburb", "neighbourhood", "neighbourhood", "quarter", "locality", "hamlet"),
    "village": ("village", "village", "hamlet"),
    "dacha": ("allotments", "locality"),
    "formal": ("suburb", "quarter", "neighbourhood"),
}

FORMS = ("polygon", "node", "both", "unnamed polygon", "nothing")
"""How the map shows a settlement beyond its buildings."""


def _form_shares(fame: str, polygons: float) -> tuple[float, ...]:
    """Return shares of the forms where a share of the grounds is drawn; what has published figures is well known."""
    p, rest = polygons, 1 - polygons
    return {
        "reported": (0.6 * p, rest, 0.4 * p, 0.0, 0.0),
        "named": (0.55 * p, 0.97 * rest, 0.4 * p, 0.05 * p, 0.03 * rest),
    }.get(fame, (0.35 * p, 0.7 * rest, 0.25 * p, 0.4 * p, 0.3 * rest))


_WAY_TAGS: dict[str, Tags] = {
    "trunk": {"highway": "trunk", "surface": "asphalt"},
    "primary": {"highway": "primary", "surface": "asphalt"},
    "secondary": {"highway": "secondary"},
    "tertiary": {"highway": "tertiary"},
    "street": {"highway": "residential"},
    "river": {"waterway": "river", "name": "Ала-Арча"},
    "canal": {"waterway": "canal"},
    "railway": {"railway": "rail", "gauge": "1520"},
}


def draw(city: City, drawing: Drawing) -> list[str]:
    """Add roads, water, places and land use to a city's map.

    Returns
    -------
    list of str
        For each settlement how the map shows it, one of `FORMS`.
    """
    rng = city.stream("townscape")
    _itself(city, drawing)
    _main_lines(city, drawing, rng)
    _streets(city, drawing, rng)
    forms = [_settlement(city, index, place, drawing) for index, place in enumerate(city.places)]
    parcels.draw(city, drawing)
    _shared_ground(city, drawing, rng)
    _fields(city, drawing, rng)
    _false_friends(city, drawing)
    clutter.points_of_interest(city, drawing)
    return forms


def _itself(city: City, drawing: Drawing) -> None:
    """Draw the city as a place, and the boundary of its administration, which cuts through settlements."""
    title = city.area.name
    tags: Tags = {"name": title.ru or title.en, "name:en": title.en}
    tags |= {f"name:{code}": text for code in ("ru", "ky", "kk") if (text := getattr(title, code))}
    drawing.points.append(({"place": "city", **tags}, city.plan.centre))
    distance = [float(np.hypot(*(convex.centroid(land) - city.plan.centre))) for land in city.plan.land.values()]
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = city.plan.centre + np.median(distance) * 1.2 * np.column_stack([np.cos(angle), np.sin(angle)])
    drawing.relations.append(({"boundary": "administrative", "admin_level": "6", **tags}, [("outer", ring)]))


def _main_lines(city: City, drawing: Drawing, rng: np.random.Generator) -> None:
    for barrier in city.plan.barriers:
        tags = dict(_WAY_TAGS.get(barrier.kind, {}))
        if not tags:
            continue
        if barrier.kind == "railway":
            tags |= {"usage": "main"} if len(barrier.line) > 2 else {"service": "spur"}
        if barrier.kind == "canal" and chance(rng, 0.5):
            tags["width"] = str(int(rng.integers(8, 16)))
        if barrier.kind == "river":
            drawing.areas.append(({"natural": "water", "water": "river"}, _ribbon(barrier.line, 22.0)))
        if barrier.kind == "trunk":
            tags["ref"] = f"M{int(rng.integers(1, 40)):02d}"
        drawing.lines.append((tags, barrier.line))


def _ribbon(line: Array, half_width: float) -> Array:
    """Return a band around a line, without spikes at its bends."""
    step = np.gradient(line, axis=0)
    across = np.column_stack([-step[:, 1], step[:, 0]]) / np.hypot(*step.T)[:, None] * half_width
    band: Array = np.concatenate([line + across, (line - across)[::-1]])
    return band[::-1]


def _streets(city: City, drawing: Drawing, rng: np.random.Generator) -> None:
    """Draw the streets: those of new settlements unpaved and mostly nameless, a share of them missing."""
    mapped = rng.uniform(0.55, 1.0, len(city.places))
    drawn = [(site, line) for site, line in city.streets if not city.hidden[site] and chance(rng, mapped[site])]
    for site, line in clutter.around_corners(drawn, city.style.corner_ways, rng):
        kind = city.places[site].kind
        tags: Tags = {"highway": "residential"}
        if kind == "other" or city.places[site].fabric == "blocks":
            tags["highway"] = "service"
        if kind != "novostroika" and chance(rng, 0.8):
            tags["name"] = f"улица {int(rng.integers(1, 400))}"
        if chance(rng, city.style.surface):
            tags["surface"] = "ground" if kind in {"novostroika", "dacha"} else "asphalt"
        drawing.lines.append((tags, line))


def _settlement(city: City, index: int, place: Place, drawing: Drawing) -> str:
    """Draw a settlement's name and ground in one of several forms."""
    rng = city.stream("place", place.key)
    reported = place.families is not None or place.people is not None
    fame = "reported" if reported else "named" if place.named_id else "other"
    form = str(rng.choice(FORMS, p=_form_shares(fame, city.style.polygons)))
    if city.hidden[index]:
        return "nothing"
    if place.kind == "other":
        _works(city, place, drawing, rng)
        return "unnamed polygon"
    tags = names.tags(place.name, place.kind, city.area.country, rng) if place.name else {}
    land = city.plan.land[place.key]
    if not tags and form in {"node", "both"}:
        form = "nothing"
    if form in {"node", "both"}:
        values = _PLACE_VALUES[place.kind]
        # Mappers put a name in the midst of the houses, which may fill but a corner of the land.
        built = city.outlines[index]
        spot = shapely.get_coordinates(built.centroid)[0] + rng.normal(0, 0.12 * built.area**0.5, 2)
        drawing.points.append(({"place": values[int(rng.integers(len(values)))], **tags}, spot))
    if form in {"polygon", "both", "unnamed polygon"}:
        ground: Tags = {"landuse": "allotments" if place.kind == "dacha" else "residential"}
        if form == "polygon":
            ground |= tags
        ring = _drawn_outline(city, index, land, rng)
        if chance(rng, 0.12):
            drawing.relations.append((ground, [("outer", ring)]))
        else:
            drawing.areas.append((ground, ring))
    return form


def _drawn_outline(city: City, index: int, land: Array, rng: np.random.Generator) -> Array:
    """Return a settlement's outline as a mapper draws it: the hull of what is built, some metres off."""
    hull = shapely.get_coordinates(shapely.convex_hull(city.outlines[index]))[:-1]
    hull = hull if convex.area(hull) > 0 else hull[::-1]
    made = hull
    for normal, offset in zip(*convex.edges(land), strict=True):
        if len(made):
            made = convex.clip(made, normal, float(offset))
    drawn: Array = (made if len(made) > 2 else land) + rng.normal(0, 1.5, 2)
    return drawn


def _shared_ground(city: City, drawing: Drawing, rng: np.random.Generator) -> None:
    """Draw some nameless residential land over two settlements that only a street or a fence parts."""
    indices = {place.key: index for index, place in enumerate(city.places)}
    for key, index in indices.items():
        kind, _, other = city.plan.neighbours.get(key, "").partition(":")
        if (
            kind in {"street", "fence"}
            and indices.get(other, -1) > index
            and chance(rng, 0.3 * city.style.polygons)
            and not city.hidden[index]
        ):
            both = shapely.convex_hull(shapely.union(city.outlines[index], city.outlines[indices[other]]))
            drawing.areas.append(({"landuse": "residential"}, shapely.get_coordinates(both)[:-1]))


def _fields(city: City, drawing: Drawing, rng: np.random.Generator) -> None:
    """Draw some of the farmland around settlements."""
    for land in city.plan.fields:
        if len(land) > 2 and chance(rng, 0.4):
            use = str(rng.choice(["farmland", "farmland", "orchard", "meadow"]))
            ground = convex.inset(land, 8.0)
            if len(ground) > 2:  # a strip between two balks has none
                drawing.areas.append(({"landuse": use}, ground))


def _works(city: City, place: Place, drawing: Drawing, rng: np.random.Generator) -> None:
    """Draw a market's or a works' ground."""
    tags: Tags = {"landuse": "industrial"}
    if place.fabric == "bazaar":
        tags = {"landuse": "retail", "amenity": "marketplace"} | ({"name": "Базар"} if chance(rng, 0.6) else {})
    drawing.areas.append((tags, convex.inset(city.plan.land[place.key], 4.0)))


def _false_friends(city: City, drawing: Drawing) -> None:
    """Draw what only sounds like a settlement of the literature: lanes of its name elsewhere, near-names."""
    known = facts.settlements()
    known = known[known["area_id"] == city.area.area_id].sort_values("named_id")
    for _, row in known.iterrows():
        rng = city.stream("false friend", row["named_id"])
        spot = np.array(city.frame.to_metres(*_hint(row, city))) + rng.normal(0, 1500, 2)
        bare = str(row["name_ru"] if isinstance(row["name_ru"], str) else row["name"])
        if chance(rng, 0.3) or np.isfinite(row["people_low"]):
            way = rng.normal(0, 90, 2)
            kind = str(rng.choice(["пер. {}", "улица {}", "переулок {}"]))
            drawing.lines.append(({"highway": "residential", "name": kind.format(bare)}, np.array([spot, spot + way])))
        for other in str(row["not_names"]).split(";") if isinstance(row["not_names"], str) else ():
            drawing.points.append(({"place": "locality", "name": other}, spot + rng.normal(0, 2000, 2)))


def _hint(row: object, city: City) -> tuple[float, float]:
    lon, lat = float(row["hint_lon"]), float(row["hint_lat"])  # type: ignore[index]
    west, south, east, north = city.frame.bbox
    return (lon, lat) if np.isfinite(lon) else ((west + east) / 2, (south + north) / 2)
