"""Real extracts that do not travel with the project, read and divided as a run does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import geopandas as gpd
import pandas as pd

from pipeline.config import Area
from pipeline.declared import catalogue, facts
from pipeline.extract import osm
from pipeline.transform.buildings import merge
from pipeline.transform.population import Priors
from pipeline.transform.settlements import classify, delineate, listed_names, resolve_names

DATA = Path(__file__).parents[2] / "shared" / "data"
BBOXES = {
    "liechtenstein_2013/liechtenstein_2013-08.osm.pbf": (9.46, 47.04, 9.65, 47.28),
    "astana_2025/astana_yesil_2025-07.osm.pbf": (71.15, 50.95, 71.80, 51.33),
    "almaty_2012-03.osm.pbf": (76.575, 43.057, 77.223, 43.549),
    "small/bishkek_centre_2025-12.osm": (74.30, 42.70, 74.85, 43.10),
    "small/one_village_four_parcels.osm.pbf": (74.3, 42.7, 74.85, 43.1),
}
"""West, south, east and north of what is read of each, degrees."""
COUNTRIES = {"liechtenstein_2013": "LI", "astana_2025": "KZ", "almaty_2012-03.osm.pbf": "KZ", "small": "KG"}
"""By the first part of the path."""
AREA_IDS = {"almaty_2012-03.osm.pbf": "almaty", "small/bishkek_centre_2025-12.osm": "bishkek"}
"""Areas whose published settlements may be named."""


@dataclass(frozen=True)
class Town:
    """What an extract shows; metres."""

    layers: dict[str, gpd.GeoDataFrame]
    area_id: str
    country: str


@dataclass(frozen=True)
class Settled:
    """Buildings with `settlement_id`, and settlements with names and kinds."""

    houses: gpd.GeoDataFrame
    places: gpd.GeoDataFrame


@lru_cache
def read(path: str, bbox: tuple[float, float, float, float] | None = None) -> Town:
    """Read an extract of `DATA` (a key of `BBOXES`), or a part of it."""
    area_id = AREA_IDS.get(path, path.rsplit("/", maxsplit=1)[-1].split("_", maxsplit=1)[0])
    country = COUNTRIES[path.split("/", maxsplit=1)[0]]
    area = Area(area_id=area_id, country=country, bbox=bbox or BBOXES[path], name={"en": area_id})
    given = catalogue.default()
    layers = osm.read([DATA / path], area, given.osm_layers, given.reach_m).data
    return Town({name: frame.to_crs(area.projected) for name, frame in layers.items()}, area_id, country)


def divide(town: Town, footprints: gpd.GeoDataFrame | None = None) -> Settled:
    """Merge, divide and name as a run does; kinds are for `told`."""
    buildings, gazetteer = town.layers["buildings"], facts.settlements()
    if footprints is None:
        none = {"footprint_id": pd.Series(dtype="str"), "source_id": pd.Series(dtype="str")}
        footprints = gpd.GeoDataFrame(
            {**none, "height_m": pd.Series(dtype=float)}, geometry=gpd.GeoSeries([], crs=buildings.crs)
        )
    precision = Priors(facts.priors(), town.country, town.area_id, "winter").select("precision_satellite")
    houses = merge(buildings, footprints, town.area_id, precision, town.layers["landuse"]).buildings
    found = delineate(houses, town.layers, town.area_id, listed_names(gazetteer, town.area_id))
    places, _ = resolve_names(found.settlements, town.layers, gazetteer, town.area_id)
    return Settled(houses.assign(settlement_id=found.membership), places)


def told(town: Town, settled: Settled, onset: pd.Series | None = None) -> gpd.GeoDataFrame:
    """Return the settlements with their kinds, given the year in which each was founded (None: none is known)."""
    years = pd.Series(float("nan"), index=settled.places["settlement_id"]) if onset is None else onset
    return classify(settled.places, settled.houses, town.layers, years, town.country)
