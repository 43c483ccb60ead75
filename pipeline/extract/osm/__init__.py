"""OpenStreetMap: files as one clean table per layer.

What the Overpass servers answer is kept as such a file: the tables of the same data are equal, whichever way they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipeline.errors import InputError
from pipeline.extract import gc_pause, local_files
from pipeline.extract.osm import frames, gis
from pipeline.extract.osm.matching import Matcher
from pipeline.extract.osm.reader import read_file
from pipeline.geometry.bbox import widened
from pipeline.schema.provenance import Extract, Notice, year_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import geopandas as gpd

    from pipeline.config import Area
    from pipeline.declared.catalogue import OsmLayer
    from pipeline.geometry.bbox import Box

DATASET = "osm"
_WHOLE = 0.99
"""Share of the area from which on files cover it: edges are rounded, and cut along other lines."""
HAZARD = "hazard:"
"""Layers whose keys begin so are looked for beyond the area, as far as a rule reaches."""


@gc_pause.paused()
def read(
    paths: Sequence[Path], area: Area, layers: Mapping[str, OsmLayer], reach_m: float
) -> Extract[dict[str, gpd.GeoDataFrame]]:
    """Read the objects of every layer from OpenStreetMap files, whole, as far as they touch the area.

    Parameters
    ----------
    paths
        ``.osm.pbf`` or ``.osm`` files, replies of Overpass, or GIS files with OpenStreetMap's columns (see `gis`);
        where they overlap, an object is taken once, in its highest version.
    area
        Context layers hold what touches its bbox; hazard layers what touches the bbox widened by `reach_m`.
    layers
        What to take, by key; keys that begin with ``hazard:`` are hazard classes.
    reach_m
        Largest distance of any rule, in metres.

    Returns
    -------
    Extract of dict of GeoDataFrame
        A table for every key of `layers` in EPSG:4326, sorted by object: ``osm_id`` (``way/2``), ``name``,
        ``name_en``, ``name_ru``, ``name_ky``, ``name_kk``, ``other_names`` (separated by ``;``), one column per
        attribute of the layer, ``source_id`` and ``geometry``.

    Raises
    ------
    InputError
        A file is missing, is damaged or is no OpenStreetMap data, or no file holds anything of the area.
    """
    boxes = search_boxes(area, layers, reach_m)
    matcher = Matcher(layers)
    files, sources = [], []
    notices: list[Notice] = []
    covered: list[Box | None] = []
    for number, path in enumerate(paths, start=1):
        local_files.check_exists(path, "osm", folders=True)
        asked = (path, matcher, widened(area.bbox, reach_m), local_files.source_id(DATASET, area, number))
        if gis.is_gis(path):
            found, noticed = gis.read_file(*asked, area.inputs.details(path))
            notices += noticed
        else:
            found = read_file(*asked)
        files.append(found.objects)
        sources.append(
            local_files.source(
                path,
                area,
                dataset=DATASET,
                number=number,
                version=found.newest,
                features=found.objects.count(),
                observed_year=year_of(found.newest),
            )
        )
        notices += _notices(path.name, found.problems)
        covered.append(found.covers)
        if not found.objects:
            notices.append(Notice(path.name, "no_object_here", values={"area": area.area_id}))
    if paths and not any(files):
        names = ", ".join(str(path) for path in paths)
        msg = (
            f"{names}: no object of any layer lies within the bbox {list(area.bbox)} of {area.area_id}; "
            "give an extract that covers it."
        )
        raise InputError(msg)
    notices += _partly_covered(covered, area)
    tables, cut = frames.build(files, layers, boxes)
    if cut:
        notices.append(Notice(DATASET, "name_cut", cut, {"longest": frames.MAX_NAME}))
    return Extract(tables, sources, notices)


def _partly_covered(covered: Sequence[Box | None], area: Area) -> list[Notice]:
    """Say so where the files say themselves that they do not cover the area."""
    boxes = [box for box in covered if box is not None]
    if len(boxes) < len(covered) or not boxes:
        return []
    share = shapely.intersection(area.boundary, shapely.union_all(shapely.box(*np.transpose(boxes)))).area
    share /= area.boundary.area
    if share > _WHOLE:
        return []
    return [Notice(DATASET, "extract_partial", values={"share": float(share), "area": area.area_id})]


def search_boxes(area: Area, layers: Mapping[str, OsmLayer], reach_m: float) -> dict[str, Box]:
    """Return the box (EPSG:4326) in which the objects of each layer are looked for."""
    reach = widened(area.bbox, reach_m)
    return {name: reach if name.startswith(HAZARD) else area.bbox for name in layers}


def _notices(where: str, problems: Counter[str]) -> list[Notice]:
    return [Notice(where, code, count) for code, count in sorted(problems.items()) if count]
