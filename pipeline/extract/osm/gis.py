"""OpenStreetMap as GIS formats hold it: shapefiles of Geofabrik, GeoPackages of HOT, GeoJSON of QuickOSM."""

from __future__ import annotations

import json
import re
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from shapely import GeometryType

from pipeline.errors import InputError
from pipeline.extract.osm import problems
from pipeline.extract.osm.objects import NODE, RELATION, WAY, Objects
from pipeline.extract.osm.reader import Found
from pipeline.extract.vector import formats
from pipeline.extract.vector.layers import opened
from pipeline.geometry.polygon_validity import valid_areas

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator
    from pathlib import Path

    import geopandas as gpd
    from numpy.typing import NDArray
    from shapely import Geometry

    from pipeline.config import FileDetails
    from pipeline.declared.catalogue import GeometryKind
    from pipeline.extract.osm.matching import Layers, Matcher, Tags
    from pipeline.geometry.bbox import Box
    from pipeline.schema.provenance import Notice

    Row = tuple[int, int, Tags, Layers, Geometry]

_ID_COLUMNS = ("full_id", "@id", "id", "osm_id", "osm_way_id")
_NO_TAGS = frozenset(
    {"fid", "code", "geometry", "osm_type", "timestamp", "z_order", "way_area", "lastchange", "bridge_", "tunnel_"}
    | set(_ID_COLUMNS)
)
_TAGGED_KEYS = frozenset(
    {"building", "highway", "landuse", "natural", "place", "waterway", "power", "man_made", "fclass"}
)
_HSTORE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=>\s*"((?:[^"\\]|\\.)*)"')
_LETTERS = {"n": NODE, "w": WAY, "r": RELATION}
_FCLASS_KEYS = (
    ("building", "building"), ("road", "highway"), ("railway", "railway"), ("waterway", "waterway"),
    ("place", "place"), ("landuse", "landuse"), ("natural", "natural"), ("water", "natural"), ("transport", "aeroway"),
    ("pofw", "amenity"), ("traffic", "amenity"), ("pois", "amenity"),
)  # fmt: skip
"""What `fclass` is a value of, by a part of the layer's name (gis_osm_roads_free_1)."""
_FCLASS_TAGS = {
    "building": {"building": "yes"}, "park": {"leisure": "park"}, "nature_reserve": {"leisure": "nature_reserve"},
    "scrub": {"natural": "scrub"}, "heath": {"natural": "heath"}, "national_park": {"boundary": "national_park"},
    "reservoir": {"natural": "water", "water": "reservoir"}, "riverbank": {"natural": "water", "water": "river"},
    "river": {"waterway": "river"}, "dock": {"waterway": "dock"}, "airport": {"aeroway": "aerodrome"},
    "airfield": {"aeroway": "aerodrome"}, "graveyard": {"amenity": "grave_yard"}, "national_capital": {"place": "city"},
    "dam": {"waterway": "dam"}, "weir": {"waterway": "weir"}, "comms_tower": {"man_made": "communications_tower"},
    "wastewater_plant": {"man_made": "wastewater_plant"}, "water_works": {"man_made": "water_works"},
    "water_tower": {"man_made": "water_tower"}, "railway_station": {"railway": "station"}, "unclassified": {},
}  # fmt: skip
"""Geofabrik's classes that are not simply values of their layer's key: "OpenStreetMap Data in Layered GIS Format"."""


def is_gis(path: Path) -> bool:
    """Return whether a file of OpenStreetMap is in a GIS format; an Overpass reply in JSON is not."""
    form = formats.form(path)
    if form in {formats.GEOJSON, formats.LINES}:
        with path.open("rb") as file:
            head = file.read(4096)
        return b'"Feature' in head or b'"features"' in head or formats.is_packed(path)
    if form == formats.GZIP and b"<osm" in formats.unpacked_head(path):
        return False
    return form in {formats.GDAL, formats.PARQUET, formats.ZIP, formats.FOLDER, formats.GZIP}


def read_file(
    path: Path, matcher: Matcher, box: Box, source_id: str, details: FileDetails
) -> tuple[Found, list[Notice]]:
    """Read the objects of every layer of a file that a layer of ours takes.

    Tags are the columns of the table, a column ``other_tags`` or ``tags``, and Geofabrik's ``fclass`` and ``type``.

    Raises
    ------
    InputError
        The file cannot be read, or its columns are none of OpenStreetMap's.
    """
    found = Found(Objects(source_id))
    notices: list[Notice] = []
    nameless = count(1)
    known = False
    with opened(path) as dataset:
        chosen = [dataset.named(details.layer)] if details.layer is not None else dataset.layers
        for layer in chosen:
            if layer.geometry is None or not _of_osm(layer.fields):
                continue
            known = True
            frame = layer.read(box, details)
            for kind, rows in _rows(frame, layer.name, matcher, found.problems, nameless):
                found.objects.add(kind, rows)
            notices += layer.notices
        listed = dataset.listed()
    if not known:
        msg = f"{path} ({listed}) has no columns of OpenStreetMap, such as osm_id or building; give it as footprints."
        raise InputError(msg)
    return found, notices


def _of_osm(fields: tuple[str, ...]) -> bool:
    names = {name.lower() for name in fields}
    return bool(names & _TAGGED_KEYS) or ("other_tags" in names)


def _rows(
    frame: gpd.GeoDataFrame, layer: str, matcher: Matcher, wrong: Counter[str], nameless: Iterator[int]
) -> Iterator[tuple[int, list[Row]]]:
    """Yield rows of nodes, ways and relations; those without an id get one of `nameless`, below zero."""
    shapes, repaired = _valid(frame.geometry.to_numpy())
    wrong[problems.REPAIRED] += repaired
    kinds, ids = _identified(frame)
    numbers = [-next(nameless) if number is None else number for number in ids]
    records = frame.drop(columns="geometry").to_dict("records")
    rows: dict[int, list[Row]] = {NODE: [], WAY: [], RELATION: []}
    for record, shape, kind, number in zip(records, shapes, kinds, numbers, strict=True):
        if shape is None:
            wrong[problems.RING] += 1
            continue
        tags = _tags(record, layer)
        matched = matcher.match(tags)
        geometry, taken = _as_taken(shape, tags, matched, matcher)
        if taken:
            rows[kind].append((number, 1, tags, taken, geometry))
        elif matched and shapely.get_dimensions(shape) == 0:
            wrong[problems.ONLY_POINT] += 1
    yield from rows.items()


def _as_taken(shape: Geometry, tags: Tags, matched: Layers, matcher: Matcher) -> tuple[Geometry, Layers]:
    """Return the geometry in which layers take an object: closed lines may be outlines, outlines lines."""
    kinds: tuple[GeometryKind, ...] = ("point", "line", "polygon")
    kind = kinds[shapely.get_dimensions(shape)]
    taken = matcher.of_kind(matched, kind)
    if isinstance(shape, shapely.LineString) and shape.is_closed:
        outlines, lines = matcher.closed_way(tags, matched)
        return (shapely.Polygon(shape.coords), outlines) if outlines and not lines else (shape, lines)
    if kind == "polygon" and not taken:
        return shapely.boundary(shape), matcher.closed_way(tags, matched)[1]
    return shape, taken


def _valid(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], int]:
    areas = shapely.get_dimensions(shapes) == 2
    result = shapes.copy()
    result[areas], repaired, _ = valid_areas(shapes[areas])
    singles = (shapely.get_num_geometries(result) == 1) & (shapely.get_type_id(result) >= GeometryType.MULTIPOINT)
    result[singles] = shapely.get_geometry(result[singles], 0)
    return result, repaired


def _identified(frame: gpd.GeoDataFrame) -> tuple[list[int], list[int | None]]:
    """Return kind and number of each object: ``w123``, ``way/123``, or a number beside the geometry."""
    dimensions = shapely.get_dimensions(frame.geometry.to_numpy())
    kinds = np.where(dimensions == 0, NODE, WAY).tolist()
    ids: list[int | None] = [None] * len(frame)
    lower = {str(name).lower(): name for name in frame.columns}
    way_ids = frame[lower["osm_way_id"]] if "osm_way_id" in lower else None
    column = next((lower[name] for name in _ID_COLUMNS if name in lower), None)
    if column is None:
        return kinds, ids
    for row, value in enumerate(frame[column]):
        text = str(value)
        found = re.fullmatch(r"(?:([nwr])(?:ode|ay|elation)?/?)?(-?\d+)(?:\.0)?", text)
        if found:
            ids[row] = int(found[2])
            kinds[row] = _LETTERS.get(found[1] or "", kinds[row])
            if way_ids is not None and dimensions[row] > 1:
                kinds[row] = RELATION
        elif way_ids is not None and pd.notna(way_ids.iloc[row]):
            ids[row] = int(way_ids.iloc[row])
    return kinds, ids


def _tags(record: dict[str, object], layer: str) -> Tags:
    tags: Tags = {}
    for name, value in record.items():
        key = str(name)
        if key.lower() in _NO_TAGS or key in {"fclass", "type", "tags", "other_tags"} or not _filled(value):
            continue
        tags[key] = str(value)
    for name in ("other_tags", "tags"):
        tags |= _packed(record.get(name))
    if _filled(record.get("fclass")):
        tags |= _of_fclass(str(record["fclass"]), record, layer)
    elif _filled(record.get("type")):
        tags["type"] = str(record["type"])
    return tags


def _filled(value: object) -> bool:
    return value is not None and value == value and str(value).strip() != ""  # noqa: PLR0124 - not NaN


def _packed(value: object) -> Tags:
    """Return tags that one column holds, as hstore or JSON."""
    if isinstance(value, dict):
        return {str(key): str(item) for key, item in value.items()}
    text = str(value) if _filled(value) else ""
    if text.startswith("{"):
        try:
            return {str(key): str(item) for key, item in json.loads(text).items()}
        except (ValueError, AttributeError):
            return {}
    return {key.replace('\\"', '"'): item.replace('\\"', '"') for key, item in _HSTORE.findall(text)}


def _of_fclass(fclass: str, record: dict[str, object], layer: str) -> Tags:
    key = next((key for part, key in _FCLASS_KEYS if part in layer.lower()), "")
    if key == "building":
        return {"building": str(record["type"]) if _filled(record.get("type")) else "yes"}
    if fclass in _FCLASS_TAGS and key != "highway":
        return dict(_FCLASS_TAGS[fclass])
    return {key: fclass} if key and fclass != "unknown" else {}
