"""What a city must hold: the settlements that the literature names, as large as it says, and many others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.declared import facts
from pipeline.simulate import names, plot_types
from pipeline.simulate.construction import LAST_YEAR
from pipeline.simulate.names import Name
from pipeline.simulate.rng import chance, stream, varied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import Area
    from pipeline.simulate.parameters import Parameters
    from pipeline.simulate.stress import Stress

KIND_OF_FABRIC = {
    "novostroika": "novostroika",
    "village": "village",
    "dacha": "dacha",
    "cottages": "formal",
    "blocks": "formal",
    "core": "formal",
    "bazaar": "other",
    "industry": "other",
}
"""Settlement kind, as in the tables, of each fabric."""

_FABRIC_OF_KIND = {"dormitory": "blocks", "blocks": "blocks", "massif": "novostroika"}
_KNOWN_UNKNOWN = (60, 330)
"""Houses of a settlement that the literature names without a figure: least and most."""

_HAZARD_HECTARES = {
    "landfill": (32.0, 52.0),
    "military": (18.0, 70.0),
    "power_plant": (24.0, 40.0),
    "ash_dump": (16.0, 32.0),
    "sewage_works": (10.0, 24.0),
    "cemetery": (1.2, 28.0),
    "tailings": (8.0, 20.0),
}


@dataclass(frozen=True)
class Place:
    """A settlement to be built, or (`fabric` empty) the land of a hazard."""

    key: str
    fabric: str
    houses: int
    area_m2: float
    status: str = "unknown"
    founded: int = 1960
    name: Name | None = None
    named_id: str | None = None
    families: int | None = None
    people: int | None = None
    papers: str = "legal"
    """What the status truly is: `status` where it is published, else legal or mixed."""
    hazard: str = ""
    """For land: its hazard class. For a settlement: the class that the literature says it stands beside."""
    bazaar: bool = False
    """Rooms are let to traders of a market nearby."""

    @property
    def kind(self) -> str:
        """Settlement kind, as in the tables."""
        return KIND_OF_FABRIC.get(self.fabric, "other")


@dataclass(frozen=True)
class Tract:
    """Places that stand side by side."""

    places: tuple[Place, ...]
    hint: tuple[float, float] | None = None
    """Longitude and latitude where the literature puts them."""
    centrality: float = 0.5
    """Where else: 0 in the centre, 1 at the edge of the built-up area."""
    at_edge: bool = False
    """Along the edge of the area, for hazards beyond it."""

    @property
    def area_m2(self) -> float:
        """Land that the tract needs."""
        return sum(place.area_m2 for place in self.places)


def buildings_per_house(fabric: str, truth: Parameters) -> float:
    """Return how many buildings come with a main building, itself included."""
    return (1 + truth.unfinished * _unfinished_weight(fabric)) * (
        1 + 0.93 * truth.sheds * plot_types.FABRICS[fabric].sheds
    )


def _unfinished_weight(fabric: str) -> float:
    return {"novostroika": 1.0, "dacha": 0.5, "village": 0.4, "cottages": 0.5}.get(fabric, 0.1)


def unfinished_share(fabric: str, truth: Parameters) -> float:
    """Return begun buildings per finished one."""
    return truth.unfinished * _unfinished_weight(fabric)


def _land(fabric: str, houses: int, truth: Parameters) -> float:
    begun = round(houses * (1 + unfinished_share(fabric, truth)))
    vacant = min(truth.vacant_plots * plot_types.FABRICS[fabric].vacancy, 0.6)
    return plot_types.land_needed(plot_types.FABRICS[fabric], max(begun, 1), vacant)


def write(area: Area, truth: Parameters, *, buildings: int, seed: int, stress: Stress) -> list[Tract]:
    """Write down what a city must hold.

    Parameters
    ----------
    area
        The city; one that the literature does not know gets generic settlements only.
    truth
        Its true parameters.
    buildings
        Least number of buildings; the named settlements take what they need, the rest is filled.
    seed
        Of the simulation.
    stress
        Decides who is young and whether there are new settlements at all.
    """
    known = facts.settlements()
    known = known[known["area_id"] == area.area_id].sort_values("named_id", ignore_index=True)
    taken = _taken_names(known)
    named = [_named(row, truth, stream(seed, area.area_id, "named", row["named_id"])) for _, row in known.iterrows()]
    if stress.no_new:
        named = [place for place in named if place.kind != "novostroika"]
    sized = sum(_buildings(place, truth) for place in named if place.houses)
    unsized = sum(place.houses == 0 for place in named)
    room = max(buildings * 0.72 - sized, 0) / max(unsized, 1) / 2
    rng = stream(seed, area.area_id, "programme")
    median = float(np.clip(room, *_KNOWN_UNKNOWN))
    named = [_sized(place, truth, median, stream(seed, area.area_id, "size", place.key)) for place in named]
    tracts = [_beside_hazard(tract, rng) for tract in _grouped(named, known, rng)]
    tracts.extend(_necessary(truth, stress, rng))
    have = sum(_buildings(place, truth) for tract in tracts for place in tract.places)
    tracts.extend(_fill(truth, max(buildings * 1.03 - have, 0.22 * buildings), stress, rng))
    return _dated(_christened(tracts, area.country, taken, rng), stress, (area.area_id, seed))


def _taken_names(known: pd.DataFrame) -> set[str]:
    columns = ("name_ru", "name_ky", "name_kk", "other_names", "not_names")
    texts = (text for column in columns for text in known[column].dropna())
    return {part.casefold() for text in texts for part in str(text).split(";")}


def _buildings(place: Place, truth: Parameters) -> float:
    return place.houses * buildings_per_house(place.fabric, truth) if place.fabric else 0.0


def _given(row: pd.Series, quantity: str, rng: np.random.Generator) -> int | None:
    """Return a reported number: within its range, somewhat above a figure that is only a lower end, None if unknown."""
    low, high = row[f"{quantity}_low"], row[f"{quantity}_high"]
    if pd.isna(low):
        return None
    top = float(low) * 1.12 if pd.isna(high) else float(high)
    return round(rng.uniform(float(low), top))


def _named(row: pd.Series, truth: Parameters, rng: np.random.Generator) -> Place:
    """Turn a row of the gazetteer into a place; `houses` 0: the literature gives no figure."""
    text = {
        key: "" if pd.isna(row[key]) else str(row[key])
        for key in ("name_ru", "name_ky", "name_kk", "name_en", "hazard")
    }
    fabric = _FABRIC_OF_KIND.get(row["kind"], row["kind"])
    families, people, houses = (_given(row, quantity, rng) for quantity in ("families", "people", "houses"))
    per_house = (1 + truth.extra_households) * truth.occupancy_novostroika
    if row["kind"] == "dormitory":
        houses = 3 if people else 1
    elif row["kind"] == "blocks":
        houses = 2
    elif houses is None and people is not None and pd.isna(row["families_high"]):
        houses = round(people / (per_house * truth.household))
    elif houses is None and families is not None:
        houses = round(families / per_house)
    founded = _founded(row, fabric, rng)
    return Place(
        key=row["named_id"],
        fabric=fabric,
        houses=houses or 0,
        area_m2=_land(fabric, houses, truth) if houses else 0.0,
        status=row["status"],
        papers=_papers(row["status"], rng),
        founded=founded,
        name=Name(
            ru=text["name_ru"] or text["name_ky"] or text["name_kk"] or row["name"],
            ky=text["name_ky"],
            kk=text["name_kk"],
            en=text["name_en"] or row["name"],
            others=() if pd.isna(row["other_names"]) else tuple(row["other_names"].split(";")),
        ),
        named_id=row["named_id"],
        families=families if pd.notna(row["families_high"]) else None,
        people=people if families is None or pd.isna(row["families_high"]) else None,
        hazard=text["hazard"],
        bazaar="bazaar" in str(row["reference"]),
    )


def _founded(row: pd.Series, fabric: str, rng: np.random.Generator) -> int:
    low, high = row["founded_low"], row["founded_high"]
    if pd.isna(low) and pd.isna(high):
        return draw_founding(fabric, rng)
    low, high = (high - 2 if pd.isna(low) else low), (low + 3 if pd.isna(high) else high)
    return int(rng.integers(int(low), int(high) + 1))


_WAVES = ((1988, 1991), (1995, 1998), (2004, 2007), (2010, 2013), (2014, LAST_YEAR))
"""Years in which new settlements were founded."""


def _dated(tracts: list[Tract], stress: Stress, stream_of: tuple[str, int]) -> list[Tract]:
    """Found young what a stress makes young, each place from a stream of its own."""
    area_id, seed = stream_of

    def date(place: Place) -> Place:
        rng = stream(seed, area_id, "young", place.key)
        if stress.young and place.kind == "novostroika":
            return replace(place, founded=int(rng.integers(2005, LAST_YEAR + 1)))
        if stress.legal_young and place.fabric in {"cottages", "blocks"}:
            return replace(place, founded=draw_founding("novostroika", rng))
        return place

    return [replace(tract, places=tuple(date(place) for place in tract.places)) for tract in tracts]


def draw_founding(fabric: str, rng: np.random.Generator) -> int:
    """Draw a founding year: new settlements come in waves, others over decades."""
    if fabric == "novostroika":
        wave = rng.choice(5, p=[0.15, 0.19, 0.28, 0.16, 0.22])
        first, last = _WAVES[wave]
        return int(rng.integers(first, last + 1))
    if fabric in {"cottages", "blocks"} and chance(rng, 0.5):
        return int(rng.integers(1988, LAST_YEAR + 1))
    first, last = {"village": (1912, 1962), "dacha": (1966, 1991), "core": (1926, 1958)}.get(fabric, (1956, 2008))
    return int(rng.integers(first, last + 1))


def _papers(status: str, rng: np.random.Generator) -> str:
    """Return what a status truly is: an unknown one is legal more often than not."""
    hidden = "mixed" if chance(rng, 0.3) else "legal"
    return hidden if status == "unknown" else status


def _sized(place: Place, truth: Parameters, median: float, rng: np.random.Generator) -> Place:
    if place.houses:
        return place
    houses = int(np.clip(rng.lognormal(np.log(median), 0.4), 24, 3 * _KNOWN_UNKNOWN[1]))
    return replace(place, houses=houses, area_m2=_land(place.fabric, houses, truth))


def _grouped(named: list[Place], known: pd.DataFrame, rng: np.random.Generator) -> Iterator[Tract]:
    """Yield the named settlements at their hints; those beside one landfill stand together, at the first one's hint."""
    hints = {
        row["named_id"]: (float(row["hint_lon"]), float(row["hint_lat"])) if pd.notna(row["hint_lon"]) else None
        for _, row in known.iterrows()
    }
    at_landfill = [place for place in named if place.hazard == "landfill"]
    if at_landfill:
        hint = next((hints[place.key] for place in at_landfill if hints[place.key]), None)
        yield Tract(tuple(at_landfill), hint=hint, centrality=0.9)
    for place in named:
        if place.hazard != "landfill":
            yield Tract((place,), hint=hints[place.key], centrality=rng.uniform(0.3, 1.05))


def _ground(hazard: str, key: str, rng: np.random.Generator) -> Place:
    area = rng.uniform(*_HAZARD_HECTARES[hazard]) * 10_000
    return Place(key=f"{key}/{hazard}", fabric="", houses=0, area_m2=area, hazard=hazard)


def _beside_hazard(tract: Tract, rng: np.random.Generator) -> Tract:
    """Put the land of the hazard that the literature names between (or beside) the places of a tract."""
    hazard, key = tract.places[0].hazard, tract.places[0].key
    if hazard not in _HAZARD_HECTARES:
        return tract
    ground = [_ground(hazard, key, rng)]
    if hazard == "power_plant":
        ground.append(_ground("ash_dump", key, rng))
    return replace(tract, places=(*tract.places[:1], *ground, *tract.places[1:]))


def _necessary(truth: Parameters, stress: Stress, rng: np.random.Generator) -> list[Tract]:
    """Return what every city has: a core, blocks, cottages, a market with industry, and the usual hazards' land."""

    def place(key: str, fabric: str, houses: int) -> Place:
        if stress.no_new and fabric == "novostroika":
            fabric = "village"
        status = "legal" if KIND_OF_FABRIC[fabric] != "other" else "unknown"
        founded = draw_founding(fabric, rng)
        return Place(key, fabric, houses, _land(fabric, houses, truth), status=status, founded=founded)

    return [
        Tract((place("city/core", "core", int(rng.integers(220, 320))),), centrality=0.0),
        Tract((place("city/blocks", "blocks", 110), place("city/cottages", "cottages", 320)), centrality=0.15),
        Tract((place("city/bazaar", "bazaar", 160), place("city/industry", "industry", 60)), centrality=0.35),
        Tract((place("city/village", "village", 260), _ground("cemetery", "city/a", rng)), centrality=0.8),
        Tract((place("city/dachas", "dacha", 240), _ground("sewage_works", "city", rng)), centrality=0.95),
        Tract((place("city/new", "novostroika", 280), _ground("military", "city", rng)), centrality=0.7),
        Tract((place("city/south", "novostroika", 230), _ground("power_plant", "city", rng),
               _ground("ash_dump", "city", rng)), centrality=0.6),
        Tract((place("city/far", "novostroika", 200), _ground("landfill", "city", rng)), centrality=1.0),
        Tract((place("city/old", "village", 180), _ground("tailings", "city", rng)), centrality=1.1),
        Tract((place("city/border", "village", 110),), centrality=1.2, at_edge=True),
    ]  # fmt: skip


_MIX = (
    # fabric, share of the buildings, houses of one (median), its spread, centrality from, to
    ("novostroika", 0.56, 260, 0.7, 0.35, 1.05),
    ("village", 0.17, 190, 0.5, 0.55, 1.2),
    ("dacha", 0.10, 170, 0.5, 0.7, 1.2),
    ("cottages", 0.11, 240, 0.5, 0.12, 0.6),
    ("blocks", 0.02, 44, 0.4, 0.08, 0.5),
    ("core", 0.01, 120, 0.3, 0.0, 0.15),
    ("bazaar", 0.01, 90, 0.4, 0.3, 0.8),
    ("industry", 0.02, 40, 0.5, 0.3, 0.9),
)
_STATUS_OF_NEW = {"legal": 0.5, "mixed": 0.25, "unresolved": 0.25}


def _fill(truth: Parameters, wanted: float, stress: Stress, rng: np.random.Generator) -> Iterator[Tract]:
    """Yield further settlements until the wanted number of buildings is reached."""
    mix = [row for row in _MIX if not (stress.no_new and row[0] == "novostroika")]
    shares = varied(rng, [share for _, share, *_ in mix])
    statuses = varied(rng, list(_STATUS_OF_NEW.values()))
    for (fabric, _, median, spread, near, far), share in zip(mix, shares, strict=True):
        wanted_houses = wanted * share / buildings_per_house(fabric, truth)
        for number, houses in enumerate(_sizes(wanted_houses, median, spread, rng)):
            status = "legal" if fabric in {"village", "cottages", "blocks", "core"} else "unknown"
            if fabric == "novostroika":
                status = str(rng.choice(list(_STATUS_OF_NEW), p=statuses))
            key = f"fill/{fabric}/{number}"
            place = Place(
                key=key,
                fabric=fabric,
                houses=houses,
                area_m2=_land(fabric, houses, truth),
                status=status,
                founded=draw_founding(fabric, rng),
                papers=_papers(status, rng),
                bazaar=fabric == "novostroika" and chance(rng, 0.08),
            )
            ground = (_ground("cemetery", key, rng),) if fabric == "village" and chance(rng, 0.5) else ()
            yield Tract((place, *ground), centrality=float(rng.uniform(near, far)))


def _sizes(houses: float, median: float, spread: float, rng: np.random.Generator) -> Iterator[int]:
    """Yield sizes of settlements until the houses are used up; what is too little for one more joins the last."""
    while houses > 0:
        size = float(np.clip(rng.lognormal(np.log(median), spread), 20, 2400))
        if houses - size < 0.4 * median:
            size = houses
        yield max(round(size), 12)
        houses -= size


def _christened(tracts: list[Tract], country: str, taken: set[str], rng: np.random.Generator) -> list[Tract]:
    """Name the settlements that the literature does not: from a pool for each fabric, every ninth one not at all."""
    pools = {
        fabric: [name for name in names.pool(fabric, country, rng) if name.ru.casefold() not in taken]
        for fabric, kind in KIND_OF_FABRIC.items()
        if kind != "other"
    }
    # Two settlements of one name: gardens that are called as a new settlement is.
    pools["dacha"].insert(1, pools["novostroika"][1])
    numbers = dict.fromkeys(pools, 0)

    def christen(place: Place) -> Place:
        if place.name or place.fabric not in pools:
            return place
        number = numbers[place.fabric]
        numbers[place.fabric] += 1
        return replace(place, name=_nth_name(pools[place.fabric], number))

    return [replace(tract, places=tuple(christen(place) for place in tract.places)) for tract in tracts]


def _nth_name(pool: list[Name], number: int) -> Name | None:
    """Return the n-th name of a pool; later rounds through it carry numbers."""
    if not pool or number % 9 == 8:
        return None
    turn, k = divmod(number, len(pool))
    return names.numbered(pool[k], turn + 1) if turn else pool[k]
