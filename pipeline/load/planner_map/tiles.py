"""The vector tiles of an area: one PMTiles archive with everything that the planner's map draws."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipeline.load import tile_layers
from pipeline.load.planner_map import archive, whatif
from pipeline.load.planner_map.polygon_layer import PolygonLayer
from pipeline.load.tile_layers import MIN_ZOOM, Layer
from pipeline.schema.vocabulary import BINDING, CODES
from pipeline.transform.red_zones import in_binding_zones
from pipeline.wording.label_names import latin_label

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

BUILDING_ZOOM, MAX_ZOOM = 12, 14
_ARC_TOLERANCE_DEG = 5e-6
"""Half a metre: about a unit of the grid of a tile at zoom 14."""
_MAX_LABEL = 80
_NAMES = ("name", "name_en", "name_ru", "name_ky", "name_kk")
_ROAD_RANKS = {
    "motorway": 1, "trunk": 1, "motorway_link": 1, "trunk_link": 1, "primary": 2, "primary_link": 2,
    "secondary": 3, "secondary_link": 3, "tertiary": 4, "tertiary_link": 4,
}  # fmt: skip
_MINOR_ROAD = 5
_ROAD_MIN_ZOOM = {1: MIN_ZOOM, 2: 9, 3: 10, 4: 11, _MINOR_ROAD: 12}
_PLACE_MIN_ZOOM = {"city": MIN_ZOOM, "town": 9, "suburb": 11, "village": 11, "quarter": 12}
_CONCERNS = CODES["concern"]


def build(
    tables: Mapping[str, Any], zones: gpd.GeoDataFrame, context: Mapping[str, gpd.GeoDataFrame], output: Path
) -> None:
    """Write the tiles of one area.

    Parameters
    ----------
    tables
        The area's rows of ``areas``, ``buildings``, ``settlements``, ``hazards``, ``red_zone_rules``,
        ``building_hazards`` and ``coverage``, EPSG:4326.
    zones
        The red zones as polygons (``rule_id, hazard_class, kind, geometry``, EPSG:4326).
    context
        Layers ``roads``, ``railways``, ``waterways``, ``water``, ``green`` and ``places`` as extracted (EPSG:4326).
    output
        The ``.pmtiles`` file to write. Buildings are at zooms 12 to 14, the rest from zoom 8. Where a tile would
        pass 500 kB, its smallest features wait for a deeper zoom; the deepest zoom holds every feature.

    Raises
    ------
    RunError
        tippecanoe failed.
    """
    area = tables["areas"].iloc[0]
    layers = [
        # Always there, so that an area with nothing in it has a map too.
        Layer("area", tables["areas"].geometry.boundary, pd.DataFrame(index=tables["areas"].index)),
        *_context_layers(context),
        *_hazard_layers(tables, zones),
        *_settlement_layers(tables["settlements"]),
        _unmapped_layer(tables["coverage"]),
    ]
    with tempfile.TemporaryDirectory(prefix="novostroiki-tiles-") as scratch, ThreadPoolExecutor(1) as beside:
        written = [layer.name for layer in layers if tile_layers.write(layer, Path(scratch))]
        make = partial(tile_layers.archive, written, Path(scratch), f"{area['area_id']} (novostroiki)")
        others = beside.submit(make, MAX_ZOOM)
        buildings = _building_layer(tables)  # encoded while tippecanoe works
        for zoom in range(BUILDING_ZOOM, MAX_ZOOM + 1):
            buildings.tiles(zoom)
        made = others.result()
        while (deeper := archive.join(made, buildings, BUILDING_ZOOM, output)) is not None:
            made = make(deeper)


def zone_of_buildings(buildings: pd.DataFrame, pairs: pd.DataFrame, rules: pd.DataFrame) -> pd.Series:
    """Return for each building the hazard class whose binding zone it is coloured by, NA where it is in none.

    Among the zones that hold the building, those that protect residents come before administrative limits, law comes
    before approximation, and then the nearest hazard counts.

    Parameters
    ----------
    buildings, pairs, rules
        Tables ``buildings``, ``building_hazards`` and ``red_zone_rules``.
    """
    near = in_binding_zones(pairs, rules)
    near = near.assign(
        concern=near["concern"].map(_CONCERNS.index), kind=near["rule_kind"].map(BINDING.index)
    ).sort_values(["building_id", "concern", "kind", "distance_m", "hazard_class"])
    first = near.drop_duplicates("building_id").set_index("building_id")["hazard_class"]
    return buildings["building_id"].map(first)


def _context_layers(context: Mapping[str, gpd.GeoDataFrame]) -> list[Layer]:
    roads = context["roads"]
    ranks = roads["highway"].map(_ROAD_RANKS).fillna(_MINOR_ROAD).astype(int)
    places = context["places"]
    points = places.geometry.representative_point()
    spelled = [latin_label(row) for row in places[list(_NAMES)].to_dict("records")]
    names = places[list(_NAMES)].assign(name_latin=pd.array(spelled, dtype="str"))
    names = names.apply(lambda column: column.str.slice(0, _MAX_LABEL))
    return [
        Layer("green", context["green"].geometry, pd.DataFrame(index=context["green"].index), min_zoom=9),
        Layer("water", context["water"].geometry, pd.DataFrame(index=context["water"].index)),
        Layer("waterways", context["waterways"].geometry, context["waterways"][["waterway"]], min_zoom=10),
        Layer("roads", roads.geometry, pd.DataFrame({"rank": ranks}), min_zoom=ranks.map(_ROAD_MIN_ZOOM)),
        Layer("railways", context["railways"].geometry, pd.DataFrame(index=context["railways"].index), min_zoom=9),
        Layer(
            "places",
            points,
            names.assign(place=places["place"]),
            min_zoom=places["place"].map(_PLACE_MIN_ZOOM).fillna(13).astype(int),
        ),
    ]


def _hazard_layers(tables: Mapping[str, Any], zones: gpd.GeoDataFrame) -> list[Layer]:
    hazards = tables["hazards"]
    # The arcs of a zone have a vertex every few centimetres, for the sake of exact areas; no screen shows that.
    drawn = zones.geometry.simplify(_ARC_TOLERANCE_DEG)
    return [
        Layer("red_zones", drawn, zones[["rule_id", "hazard_class", "kind"]]),
        Layer("hazards", hazards.geometry, hazards[["hazard_id", "hazard_class"]], min_zoom=10),
        Layer("hazard_labels", hazards.geometry.representative_point(), hazards[["hazard_class"]], min_zoom=11),
    ]


def _settlement_layers(settlements: gpd.GeoDataFrame) -> list[Layer]:
    """Outlines, and a point each for the label (a label placed on a polygon would repeat in every tile)."""
    ordered = settlements.sort_values("settlement_id")
    numbers = range(1, len(ordered) + 1)
    return [
        Layer("settlements", ordered.geometry, ordered[["settlement_id"]], numbers),
        Layer("settlement_labels", ordered.geometry.representative_point(), ordered[["settlement_id"]], numbers),
    ]


def _unmapped_layer(coverage: gpd.GeoDataFrame) -> Layer:
    """Cells that must not be read as "nothing here": people live there and no roofs are mapped, or OSM is silent."""
    silent = coverage[(coverage["inhabited"] & ~coverage["mapped"]) | ~coverage["osm_mapped"]]
    return Layer("unmapped", silent.geometry, silent[["mapped", "osm_mapped"]])


def _building_layer(tables: Mapping[str, Any]) -> PolygonLayer:
    buildings = whatif.numbered(tables["buildings"])
    zone = zone_of_buildings(buildings, tables["building_hazards"], tables["red_zone_rules"])
    # Feature id 0 reads as "none" in some clients, so that the numbers start at 1.
    return PolygonLayer(
        "buildings", buildings.geometry.to_numpy(), np.arange(1, len(buildings) + 1), pd.DataFrame({"zone": zone})
    )
