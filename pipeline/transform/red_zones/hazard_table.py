"""The table `hazards`: every mapped object with its edge and the rule that applies to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.declared.catalogue import AsMapped
from pipeline.schema import units
from pipeline.schema.provenance import Notice
from pipeline.transform.red_zones.cleaning import clean
from pipeline.transform.red_zones.hazard_edges import edge
from pipeline.transform.red_zones.rules import choose, is_slip, measure
from pipeline.transform.red_zones.runways import centre_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.declared.catalogue import RedZone

_MAPPED_AS = ("point", "line", "area")
COLUMNS = (
    "hazard_id",
    "area_id",
    "hazard_class",
    "rule_id",
    "name",
    "osm_id",
    "source_id",
    "attributes",
    "assumed",
    "kind",
    "distance_m",
    "geometry",
)


def hazards(
    layers: Mapping[str, gpd.GeoDataFrame],
    zones: Mapping[str, RedZone],
    country: str,
    area_id: str,
    boundary: shapely.Geometry | None = None,
) -> tuple[gpd.GeoDataFrame, list[Notice]]:
    """Return every hazard of an area with its edge and its rule.

    Parameters
    ----------
    layers
        Layers as extracted, in a projected CRS (metres); hazard classes under ``hazard:<class>``.
    zones
        The classes of the catalogue.
    country
        ISO 3166-1 alpha-2; one that a class has no rules for gets the default ones, or else none of that class.
    area_id
        Area that the rows belong to.
    boundary
        The area's outline in the same CRS; hazards whose zones do not reach into it are left out. None: all are kept.

    Returns
    -------
    GeoDataFrame
        The table `hazards`, with the working columns ``kind`` and ``distance_m`` of the rule, sorted by ``hazard_id``.
        ``assumed`` is true where a tag that the rule needs is missing, or the outline of an area is unknown.
    list of Notice
        What was dropped, repaired or joined.

    Notes
    -----
    Edges: areas, lines and points as mapped; lines widened by half their tagged width, or else by the rule's half
    width; strips and surfaces of runways after ICAO Annex 14, chapters 3 and 4.
    """
    frames, notices = [], []
    for name, zone in zones.items():
        layer = layers.get(f"hazard:{name}")
        if layer is None or layer.empty or not zone.rules_for(country):
            continue
        objects, noticed = _of_class(layer, zone, country)
        notices += noticed
        if boundary is not None:
            objects = objects[shapely.dwithin(objects.geometry.to_numpy(), boundary, zone.reach_m(country))]
        frames.append(objects)
    crs = next((layer.crs for layer in layers.values()), None)
    if not any(len(frame) for frame in frames):
        return _empty(crs), notices
    table = gpd.GeoDataFrame(pd.concat([frame for frame in frames if len(frame)], ignore_index=True), crs=crs)
    table["area_id"] = area_id
    table["hazard_id"] = area_id + "/" + table["hazard_class"] + "/" + table["osm_id"]
    return table[list(COLUMNS)].sort_values("hazard_id", ignore_index=True), notices


def _empty(crs: Any) -> gpd.GeoDataFrame:  # noqa: ANN401 - whatever geopandas takes for a CRS
    types = {"assumed": "bool", "distance_m": "float64"}
    columns = {column: pd.Series(dtype=types.get(column, "str")) for column in COLUMNS if column != "geometry"}
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries([], crs=crs), crs=crs)[list(COLUMNS)]


def _of_class(layer: gpd.GeoDataFrame, zone: RedZone, country: str) -> tuple[gpd.GeoDataFrame, list[Notice]]:
    """Return the hazards of one class with their edges, and notices."""
    where = f"hazard:{zone.id}"
    objects, notices = clean(layer, zone)
    if not isinstance(zone.shape, AsMapped):
        objects, joined = centre_lines(objects, where)
        notices += joined
    lonlat = objects.geometry.to_crs("EPSG:4326").to_numpy()
    rows, ruleless, slipped = [], 0, 0
    for item, position in zip(objects.to_dict("records"), lonlat, strict=True):
        tags = {key: item[key] for key in zone.attributes if key in item and isinstance(item[key], str)}
        slipped += any(is_slip(how, tags) for how in zone.measures.values())
        row = _row(item, tags, position, zone, country)
        if row is None:
            ruleless += 1
        else:
            rows.append(row)
    if ruleless:
        notices.append(Notice(where, "no_rule_fits", ruleless))
    if slipped:
        notices.append(Notice(where, "number_in_another_unit", slipped))
    frame = gpd.GeoDataFrame(rows, columns=[c for c in COLUMNS if c not in {"hazard_id", "area_id"}], crs=layer.crs)
    return frame, notices


def _row(
    item: dict[str, Any], tags: dict[str, str], lonlat: shapely.Geometry, zone: RedZone, country: str
) -> dict[str, object] | None:
    """Return one hazard, or None where no rule applies to it."""
    measures = {name: measure(how, tags, lonlat) for name, how in zone.measures.items()}
    choice = choose(zone.rules_for(country), tags, measures)
    if choice is None:
        return None
    rule, geometry = choice.rule, item["geometry"]
    dimension = int(shapely.get_dimensions(geometry))
    half_width, assumed = rule.half_width_m, choice.assumed
    if isinstance(zone.shape, AsMapped):
        assumed |= zone.shape.areal and dimension < 2
        if zone.shape.width_key and dimension == 1:
            width = units.largest(tags.get(zone.shape.width_key, ""), "m", "m")
            half_width, assumed = (width / 2, assumed) if width is not None else (half_width, True)
    known = {name: round(value, 3) for name, value in measures.items() if value is not None}
    attributes = {"mapped_as": _MAPPED_AS[dimension], "tags": tags, "measures": known}
    return {
        "hazard_class": zone.id,
        "rule_id": zone.rule_id(rule),
        "name": item["name"] if isinstance(item.get("name"), str) else None,
        "osm_id": item["osm_id"],
        "source_id": item["source_id"],
        "attributes": json.dumps(attributes, ensure_ascii=False, sort_keys=True),
        "assumed": assumed,
        "kind": rule.kind,
        "distance_m": rule.distance_m,
        "geometry": edge(zone.shape, geometry, half_width),
    }
