"""The truth of a simulated city as tables: what estimates are judged by; and the register that a user would have."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from pipeline.simulate import construction, names, structures
from pipeline.simulate.rasters import EPOCHS
from pipeline.simulate.rng import chance

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.simulate.city import City
    from pipeline.simulate.mapping import View
    from pipeline.simulate.people import People

_CHUNK = 100_000


@dataclass(frozen=True)
class Shown:
    """How the map and the satellite show a city."""

    osm: View
    osm_ids: list[str]
    """What the map calls each of its buildings."""
    satellite: View
    forms: list[str]
    """For each settlement one of `townscape.FORMS`."""


def write(directory: Path, city: City, people: People, shown: Shown) -> None:
    """Write all truth tables of a city.

    `buildings`, `settlements`, `population` and `growth` as the contract says. Beside them `osm_buildings` (osm_id,
    building_id) and `footprints` (line of the file from 0, bounds, building_id; no building: a false positive) tell who
    shows what, and `parameters.json` what was drawn for the city.
    """
    directory.mkdir(parents=True, exist_ok=True)
    ids = building_ids(city)
    _write_buildings(directory / "buildings.parquet", city, people, ids)
    _settlements(city, people, shown.forms).to_parquet(directory / "settlements.parquet", index=False)
    _write_table(directory / "population.parquet", _population(city, people))
    _write_table(directory / "growth.parquet", _growth(city))
    _write_table(directory / "osm_buildings.parquet", _osm_buildings(shown, ids))
    _write_table(directory / "footprints.parquet", _footprints(city, shown.satellite, ids))
    drawn = {**city.truth.as_dict(), "style": city.style.as_dict(), "stress": city.stress.as_dict()}
    parameters = json.dumps(drawn, indent=1, sort_keys=True)
    (directory / "parameters.json").write_text(parameters + "\n", encoding="utf-8")


def building_ids(city: City) -> np.ndarray:
    """Return the identifiers of a city's buildings: area and running number."""
    return np.array([f"{city.area.area_id}/t/{k}" for k in range(len(city.buildings))], dtype=object)


def settlement_ids(city: City) -> np.ndarray:
    """Return the identifiers of a city's settlements; the last one, None, is for buildings in none."""
    return np.array([*(f"{city.area.area_id}/true/{place.key}" for place in city.places), None], dtype=object)


def _write_table(path: Path, frame: pd.DataFrame) -> None:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, compression="zstd")


def _write_buildings(path: Path, city: City, people: People, ids: np.ndarray) -> None:
    """Write the buildings in chunks: their polygons would not all fit into memory at once."""
    settlement = settlement_ids(city)
    writer: pq.ParquetWriter | None = None
    for start in range(0, len(city.buildings), _CHUNK):
        chosen = slice(start, start + _CHUNK)
        part = city.buildings.take(chosen)
        corners, starts = structures.outlines(part)
        frame = gpd.GeoDataFrame(
            {
                "building_id": ids[chosen],
                "settlement_id": settlement[part.site],
                "kind": np.array(structures.KIND_NAMES, dtype=object)[part.kind],
                "levels": part.levels.astype(float),
                "dwellings": people.dwellings[chosen],
                "residents": people.residents[chosen],
                "registered": people.registered[chosen],
                "unregistered": people.unregistered[chosen],
                "registered_elsewhere": people.elsewhere[chosen],
                "ghosts": people.ghosts[chosen],
                "occupied": people.occupied[chosen],
                "built_year": part.built_year.astype(np.int64),
                "finished": part.finished,
                "footprint_m2": part.area_m2,
            },
            geometry=structures.polygons(city.frame.to_degrees(corners), starts),
            crs="EPSG:4326",
        )
        table = pa.table(frame.to_arrow(index=False, geometry_encoding="WKB"))
        table = table.replace_schema_metadata(_geo_metadata())
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer:
        writer.close()


def _geo_metadata() -> dict[bytes, bytes]:
    """Return GeoParquet's file metadata for one polygon column in longitude and latitude (its default CRS)."""
    column = {"encoding": "WKB", "geometry_types": ["Polygon"]}
    geo = {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}}
    return {b"geo": json.dumps(geo).encode()}


def _per_site(city: City, values: np.ndarray) -> np.ndarray:
    """Sum values of buildings by settlement; those in none are left out."""
    inside = city.buildings.site >= 0
    return np.bincount(city.buildings.site[inside], weights=values[inside], minlength=len(city.places)).astype(np.int64)


def _onset_years(city: City) -> np.ndarray:
    """Return for each settlement the first year with at least a tenth of today's built-up area."""
    order = np.lexsort((city.buildings.built_year, city.buildings.site))
    order = order[city.buildings.site[order] >= 0]
    site, area = city.buildings.site[order], city.buildings.area_m2[order]
    total = np.bincount(site, weights=area, minlength=len(city.places))
    running = np.cumsum(area)
    before = np.concatenate([[0.0], np.cumsum(total)[:-1]])
    reached = running - before[site] >= 0.1 * total[site]
    sites, first = np.unique(site[reached], return_index=True)
    years = np.zeros(len(city.places), dtype=np.int64)
    years[sites] = city.buildings.built_year[order][reached][first]
    return years


def _settlements(city: City, people: People, forms: list[str]) -> gpd.GeoDataFrame:
    main = (city.buildings.kind != structures.OUTBUILDING).astype(np.int64)
    frame = {
        "settlement_id": settlement_ids(city)[:-1],
        "name": [place.name.ru if place.name else None for place in city.places],
        "kind": [place.kind for place in city.places],
        "status": [place.status for place in city.places],
        "founded": [place.founded for place in city.places],
        "residents": _per_site(city, people.residents),
        "registered": _per_site(city, people.registered),
        "unregistered": _per_site(city, people.unregistered),
        "registered_elsewhere": _per_site(city, people.elsewhere),
        "ghosts": _per_site(city, people.ghosts),
        "families": _per_site(city, people.occupied),
        "buildings": _per_site(city, np.ones(len(city.buildings))),
        "main_buildings": _per_site(city, main),
        "onset_year": _onset_years(city),
        "named_id": [place.named_id for place in city.places],
        "fabric": [place.fabric for place in city.places],
        "osm_form": forms,
        "separated_by": [city.plan.neighbours.get(place.key) for place in city.places],
    }
    coordinates = shapely.transform(np.array(city.outlines, dtype=object), city.frame.to_degrees)
    return gpd.GeoDataFrame(frame, geometry=coordinates, crs="EPSG:4326")


def _population(city: City, people: People) -> pd.DataFrame:
    """Return the city's row; `ghosts` are registrations of people who live outside the city (U2 nets out)."""
    return pd.DataFrame(
        {
            "area_id": [city.area.area_id],
            "residents": [int(people.residents.sum())],
            "registered": [int(people.registered.sum())],
            "unregistered": [int(people.unregistered.sum())],
            "ghosts": [int(people.ghosts.sum()) - people.ghosts_from_city],
        }
    )


def _growth(city: City) -> pd.DataFrame:
    """Return footprint area that stood by each epoch, by settlement; settlement_id None: the whole city."""
    ids = settlement_ids(city)
    area, year = city.buildings.area_m2, city.buildings.built_year
    rows = []
    for epoch in EPOCHS:
        stood = np.where(year <= epoch, area, 0.0)
        inside = city.buildings.site >= 0
        by_site = np.bincount(city.buildings.site[inside], weights=stood[inside], minlength=len(city.places))
        rows.append(pd.DataFrame({"settlement_id": ids, "year": epoch, "built_m2": [*by_site, stood.sum()]}))
    return pd.concat(rows, ignore_index=True)


def _osm_buildings(shown: Shown, ids: np.ndarray) -> pd.DataFrame:
    """Return which object of the map shows which building."""
    drawn, building = shown.osm.pairs.T
    frame = pd.DataFrame({"osm_id": [shown.osm_ids[k] for k in drawn.tolist()], "building_id": ids[building]})
    return frame.sort_values(["osm_id", "building_id"], ignore_index=True)


def _footprints(city: City, view: View, ids: np.ndarray) -> pd.DataFrame:
    """Return which line of the footprint file shows which building; a line without any is a false positive.

    The bounds of each outline in degrees come with it, as written, for readers that do not keep the order of lines.
    """
    corners, starts = structures.outlines(view.outlines)
    degrees = city.frame.to_degrees(corners)
    low, high = (extreme.reduceat(degrees, starts[:-1]) for extreme in (np.minimum, np.maximum))
    shown = pd.DataFrame({"line": view.pairs[:, 0], "building_id": ids[view.pairs[:, 1]]})
    bounds = {"west": low[:, 0], "south": low[:, 1], "east": high[:, 0], "north": high[:, 1]}
    every = pd.DataFrame({"line": np.arange(len(view.outlines)), **bounds})
    return every.merge(shown, on="line", how="left").sort_values(["line", "building_id"], ignore_index=True)


def _covered(city: City, people: People) -> np.ndarray:
    """Return which settlements the register's boundary takes in, those nearest to the centre; the last: in none."""
    share = city.stress.boundary
    covered = np.ones(len(city.places) + 1, dtype=bool)
    if share is None:
        return covered
    middles = shapely.get_coordinates(shapely.centroid(np.array(city.outlines, dtype=object)))
    order = np.argsort(np.hypot(*(middles - city.plan.centre).T), kind="stable")
    running = np.cumsum(_per_site(city, people.registered)[order])
    covered[order[running > share * running[-1]]] = False
    covered[-1] = share > 0.5  # noqa: PLR2004 - the fields lie around the middle of the city
    return covered


def write_register(path: Path, city: City, people: People) -> None:
    """Write the register a user would have: city and some settlements, with ghosts, names as clerks write them."""
    rng = city.stream("register")
    counts = _per_site(city, people.registered)
    covered = _covered(city, people)
    rows = [("", "", int(people.registered[covered[city.buildings.site]].sum()))]
    told = covered[:-1] & (rng.random(len(city.places)) < city.truth.settlements_in_register)
    for place, count in compress(zip(city.places, counts.tolist(), strict=True), told.tolist()):
        if place.name and place.kind != "other":
            forms = names.tags(place.name, place.kind, city.area.country, rng)
            rows.append((place.name.ru, forms["name"] if chance(rng, 0.5) else place.name.ru, count))
    frame = pd.DataFrame(rows, columns=["bare", "name", "registered"])
    frame = frame.drop_duplicates("bare", keep=False).drop(columns="bare")
    frame["year"] = construction.LAST_YEAR
    frame["source"] = "simulated register"
    frame.to_csv(path, index=False, lineterminator="\n")
