"""The simulator's entrance: cities in, files in the formats of the real sources out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tomli_w

from pipeline.config import Inputs
from pipeline.simulate import city as cities
from pipeline.simulate import footprints, hazards, mapping, osm_drawing, osm_pbf, people, rasters, truth
from pipeline.simulate.building_tags import building_tags
from pipeline.simulate.osm_pbf import Drawing
from pipeline.simulate.stress import Stress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.config import Area
    from pipeline.simulate.city import City
    from pipeline.simulate.mapping import View


_INPUTS = Inputs(
    osm=(Path("area.osm.pbf"),),
    footprints=(Path("footprints.geojsonl.gz"),),
    population=(Path("population.tif"),),
    built_up={year: (Path(f"built_up/E{year}.tif"),) for year in rasters.EPOCHS},
    onset=(Path("onset.tif"),),
    tracker=Path("tracker.tif"),
    registered=Path("registered.csv"),
    truth=Path("truth"),
)
"""The files of a simulated area, relative to its folder."""
_NONE = Stress()


def _given(stress: Stress) -> Inputs:
    """Return the inputs that a stress leaves."""
    missing: dict[str, Any] = {}
    if stress.no_osm:
        missing["osm"] = ()
    if stress.no_satellite:
        missing["footprints"] = ()
    if stress.no_rasters:
        missing |= {"population": None, "built_up": {}, "onset": None, "tracker": None}
    return _INPUTS.model_copy(update=missing)


def write(areas: Sequence[Area], directory: Path, *, buildings: int, seed: int, stress: Stress = _NONE) -> Path:
    """Simulate cities and write what the real sources would give, the truth beside it, and a configuration to run on.

    Parameters
    ----------
    areas
        Where. An area that the gazetteer knows gets the settlements of the literature, any other one generic ones only.
        A city's files depend on itself, `buildings` and `seed`, never on which other cities are simulated.
    directory
        Receives ``<area>/`` with ``area.osm.pbf``, ``footprints.geojsonl.gz``, ``built_up/E<year>.tif``, ``onset.tif``,
        ``tracker.tif``, ``population.tif``, ``registered.csv`` and ``truth/*.parquet`` for each area; made if need be,
        earlier simulated files of the same areas are replaced.
    buildings
        Least number of buildings of each city.
    seed
        Equal seeds give equal bytes.
    stress
        What is made hard about the cities.

    Returns
    -------
    Path
        ``config.toml`` in `directory`: the areas as simulated (a bbox too small for so many buildings is widened), with
        their inputs.

    Raises
    ------
    InputError
        So many buildings do not fit into an area of three degrees.
    """
    simulated = [
        write_area(area, directory / area.area_id, buildings=buildings, seed=seed, stress=stress) for area in areas
    ]
    config = {
        "run": {"areas": [area.area_id for area in areas], "sources": "local", "seed": seed},
        "areas": {area.area_id: _table(area, stress) for area in simulated},
    }
    path = directory / "config.toml"
    path.write_text(tomli_w.dumps(config), encoding="utf-8")
    return path


def write_area(area: Area, directory: Path, *, buildings: int, seed: int, stress: Stress = _NONE) -> Area:
    """Simulate one city into a folder of its own; see `write`.

    Returns
    -------
    Area
        The area as simulated (a bbox too small for so many buildings is widened), with its inputs.
    """
    city = cities.make(area, buildings=buildings, seed=seed, stress=stress)
    _write_city(directory, city)
    update = {"bbox": tuple(city.frame.bbox), "simulated": True, "inputs": _given(stress).resolved(directory.resolve())}
    return area.model_copy(update=update)


def _write_city(directory: Path, city: City) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    inhabitants = people.settle(city)
    mapped, seen = mapping.views(city)
    mapped = mapping.twice(mapped, round(city.style.duplicates), city.stream("uploaded twice"))
    drawing = Drawing()
    forms = osm_drawing.draw(city, drawing)
    hazards.draw(city, drawing)
    osm_ids = [] if city.stress.no_osm else _write_osm(directory / "area.osm.pbf", city, mapped, drawing)
    if not city.stress.no_satellite:
        footprints.write(directory / "footprints.geojsonl.gz", seen.outlines, city.frame)
    if not city.stress.no_rasters:
        _write_rasters(directory, city, inhabitants)
    truth.write_register(directory / "registered.csv", city, inhabitants)
    truth.write(directory / "truth", city, inhabitants, truth.Shown(mapped, osm_ids, seen, forms))


def _write_rasters(directory: Path, city: City, inhabitants: people.People) -> None:
    rasters.write_built_up(directory / "built_up", city)
    rasters.write_onset(directory / "onset.tif", city)
    rasters.write_tracker(directory / "tracker.tif", city)
    rasters.write_population(directory / "population.tif", city, inhabitants)


def _write_osm(path: Path, city: City, view: View, drawing: Drawing) -> list[str]:
    formal = np.array([place.kind == "formal" for place in city.places] + [False])
    drawing.buildings = view.outlines
    drawing.building_tags = building_tags(
        view.outlines, formal[view.outlines.site], (city.style, city.stress), city.stream("building tags")
    )
    drawing.as_relation = city.stream("as relation").random(len(view.outlines)) < city.style.as_relation
    return osm_pbf.write(path, drawing, city.frame)


def _table(area: Area, stress: Stress) -> dict[str, Any]:
    """Return an area's table of the configuration, paths relative to it."""
    relative = area.model_copy(update={"inputs": _given(stress).resolved(Path(area.area_id))})
    table: dict[str, Any] = relative.model_dump(mode="json", exclude={"area_id"}, exclude_none=True)
    table["inputs"]["built_up"] = {str(year): path for year, path in table["inputs"]["built_up"].items()}
    return table
