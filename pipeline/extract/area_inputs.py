"""What is read for an area, whoever reads it; and whether enough is given to begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.extract import local_files

if TYPE_CHECKING:
    from collections.abc import Collection

    import geopandas as gpd
    import pandas as pd

    from pipeline.config import Area
    from pipeline.geometry.raster import Raster


@dataclass(frozen=True)
class AreaInputs:
    """What was read for one area; geometries in EPSG:4326.

    Attributes
    ----------
    layers
        OSM layers by key (see `Catalogue.osm_layers`), each present even if empty.
    footprints
        Satellite footprints, possibly empty.
    heights
        Polygons with `height_m`, which lend it to buildings of which nothing better tells the storeys.
    built_up
        Built-up m² per cell, by epoch.
    onset
        First year built up per cell, 0 = never.
    tracker
        Half-year of the first building per cell (codes of `extract.wsf.tracker`).
    population
        People per cell.
    registered, survey
        Tables of `extract.registers`.
    labels
        Kinds of settlements by place (`extract.labels`).
    outlines
        Settlements of an earlier date.
    truth
        Tables of a simulated area's truth, by name; empty for real areas.
    missing
        Inputs that were not given (`vocabulary.INPUTS`).
    """

    layers: dict[str, gpd.GeoDataFrame]
    footprints: gpd.GeoDataFrame
    heights: gpd.GeoDataFrame | None
    built_up: dict[int, Raster]
    onset: Raster | None
    tracker: Raster | None
    population: Raster | None
    registered: pd.DataFrame | None
    survey: pd.DataFrame | None
    labels: gpd.GeoDataFrame | None
    outlines: gpd.GeoDataFrame | None
    truth: dict[str, pd.DataFrame]
    missing: tuple[str, ...]


def check(area: Area, filled: Collection[str] = ()) -> None:
    """Refuse an area whose inputs hold no buildings to work on, or name a file that is not there.

    Parameters
    ----------
    filled
        Inputs that were fetched.

    Raises
    ------
    InputError
        The message names the key, or the file.
    """
    given = area.inputs
    if not (given.osm or given.footprints or {"osm", "footprints"} & set(filled)):
        msg = (
            f"[areas.{area.area_id}.inputs] names neither osm nor footprints, so there are no buildings to work on; "
            'name a file, or run with sources = "sample" or "live".'
        )
        raise InputError(msg)
    files = {"osm": given.osm, "footprints": given.footprints, "heights": given.heights}
    files |= {"population": given.population or (), "onset": given.onset or ()}
    files["built_up"] = tuple(path for tiles in given.built_up.values() for path in tiles)
    keys = ("tracker", "registered", "survey", "labels", "outlines")
    single = {key: getattr(given, key) for key in keys}
    for key, paths in (files | {key: (path,) for key, path in single.items() if path is not None}).items():
        for path in paths:
            local_files.check_exists(path, key, folders=key in {"osm", "footprints", "heights", "outlines", "tracker"})
