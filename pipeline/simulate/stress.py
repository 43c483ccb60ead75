"""Stresses: switches that break, one by one, what estimators assume of cities, maps, satellites and registers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

from pipeline.errors import InputError


def _share(told: str) -> Any:  # noqa: ANN401 - a dataclass field poses as its default
    return field(default=None, metadata={"told": told, "limits": (0.0, 1.0)})


def _number(told: str, low: float, high: float) -> Any:  # noqa: ANN401
    return field(default=None, metadata={"told": told, "limits": (low, high)})


def _switch(told: str) -> Any:  # noqa: ANN401
    return field(default=False, metadata={"told": told})


@dataclass(frozen=True)
class Stress:
    """What is made hard about a city; nothing by default. Shares in [0, 1]; None and False leave the city as drawn."""

    imported: float | None = _share("share of settlements whose OSM buildings are a copy of the satellite's")
    recall: float | None = _share("share of the buildings that each source shows")
    dependence: float | None = _share("correlation of what OSM and the satellite miss")
    offset: float | None = _number("metres by which the satellite is displaced", 0, 50)
    empty: float | None = _share("share of the new settlements' homes that stand empty")
    households: float | None = _number("mean households of a house in new settlements and villages", 1, 8)
    boundary: float | None = _share("share of the city that the register covers, from the centre outwards")
    hazards: float | None = _share("share of the hazards that OSM lacks")
    unmapped: float | None = _share("share of settlements that neither OSM nor the satellite shows")
    late: float | None = _number("years by which rasters see a building late, on average", 0, 20)
    young: bool = _switch("new settlements founded 2005 to 2024")
    legal_young: bool = _switch("formal districts founded as the new settlements are")
    no_new: bool = _switch("no new settlement at all")
    larger: bool = _switch("new settlements of larger houses, villages on regular grids")
    untagged: bool = _switch("blocks of flats tagged building=yes, without levels")
    no_osm: bool = _switch("no OSM file")
    no_osm_buildings: bool = _switch("an OSM file without buildings")
    no_satellite: bool = _switch("no footprints")
    no_rasters: bool = _switch("no built-up, onset, tracker and population rasters")

    def as_dict(self) -> dict[str, float | bool]:
        """Return what is set, by its name on the command line."""
        values = {_name(one.name): getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None and value is not False}


def _name(attribute: str) -> str:
    """Return the name on the command line; `import` is no name for an attribute."""
    return "import" if attribute == "imported" else attribute


HELP = "; ".join(
    f"{_name(one.name)}{'' if one.default is False else '=N'}: {one.metadata['told']}" for one in fields(Stress)
)
"""Every stress in words, for the command's help."""


def parse(texts: list[str]) -> Stress:
    """Read stresses as the command line gives them.

    Parameters
    ----------
    texts
        Each of the form ``NAME=VALUE,NAME=VALUE``; a switch needs no value.

    Raises
    ------
    InputError
        A name is unknown or given twice, or a value is not within its limits.
    """
    known = {_name(one.name): one for one in fields(Stress)}
    given: dict[str, Any] = {}
    for part in (part.strip() for text in texts for part in text.split(",") if part.strip()):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in known:
            msg = f"--stress {name!r} is unknown; there are {', '.join(known)}."
            raise InputError(msg)
        attribute = known[name]
        if attribute.name in given:
            msg = f"--stress {name} is given twice; give it once."
            raise InputError(msg)
        given[attribute.name] = _value(name, value if equals else None, attribute.metadata.get("limits"))
    return replace(Stress(), **given)


def _value(name: str, text: str | None, limits: tuple[float, float] | None) -> float | bool:
    if limits is None:
        if text is None:
            return True
        msg = f"--stress {name} is a switch; write it without ={text}."
        raise InputError(msg)
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if not limits[0] <= number <= limits[1]:
        msg = f"--stress {name} needs a number from {limits[0]:g} to {limits[1]:g}, as in {name}={limits[1]:g}."
        raise InputError(msg)
    return number
