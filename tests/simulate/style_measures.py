"""Measures of mapping style: what of a map can be measured without knowing the truth, on simulated and real files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import shapely
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from tests.simulate.conftest import Files

REAL = {
    "osm_small": (0.0, 0.05),
    "satellite_small": (0.0, 0.05),
    "alignment": (0.13, 0.96),
    "footprint_spread": (0.47, 1.17),
    "osm_four_corners": (0.50, 0.89),
    "osm_many_corners": (0.01, 0.16),
    "osm_not_rectangular": (0.06, 0.19),
    "osm_touching": (0.02, 0.42),
    "osm_gap_m": (1.2, 8.4),
    "straightness_p05": (0.71, 0.83),
    "surface": (0.02, 0.26),
    "building_yes": (0.89, 0.99),
    "levels": (0.0, 0.008),
    "named": (0.007, 0.046),
    "parcel_ha": (0.1, 1.5),
    "parcel_named": (0.01, 0.09),
    "in_parcels": (0.03, 0.89),
    "poi_nodes": (105, 869),
    "duplicates": (0, 30),
    "relations": (0.0, 0.006),
}
"""Least and most of ten real extracts on three continents."""

_SMALL_M2 = 25.0
_RECTANGULAR = 0.8
_TOUCHING_M = 0.1
_POI_KEYS = ("shop", "amenity", "office", "tourism", "leisure")


def measure(files: Files) -> dict[str, float]:
    """Measure the style of a simulated city from its files, as that of a real extract would be."""
    crs = files.area.projected
    streets: list[tuple[str | None, shapely.LineString]] = []
    parcels: list[tuple[str | None, shapely.Geometry]] = []
    buildings: list[tuple[str, dict[str, str], shapely.Geometry]] = []
    pois = 0
    factory = osmium.geom.WKBFactory()
    for item in osmium.FileProcessor(str(files.folder / "area.osm.pbf")).with_locations().with_areas():
        tags = dict(item.tags)
        if item.is_node():
            pois += any(key in tags for key in _POI_KEYS)
        elif item.is_way() and tags.get("highway") == "residential":
            streets.append((tags.get("surface"), shapely.from_wkb(factory.create_linestring(item))))
        elif item.is_area() and (tags.get("building", "no") != "no" or tags.get("landuse") == "residential"):
            shape = shapely.from_wkb(factory.create_multipolygon(item)).geoms[0]
            if tags.get("building", "no") != "no":
                buildings.append(("way" if item.from_way() else "relation", tags, shape))
            else:
                parcels.append((tags.get("name"), shape))
    drawn = gpd.GeoSeries([shape for *_, shape in buildings], crs=4326).to_crs(crs)
    grounds = gpd.GeoSeries([shape for _, shape in parcels], crs=4326).to_crs(crs)
    lines = gpd.GeoSeries([line for _, line in streets], crs=4326).to_crs(crs)
    seen = _footprints(files).to_crs(crs)
    tags_of = pd.DataFrame([tags for _, tags, _ in buildings])
    ends = shapely.distance(shapely.get_point(lines.values, 0), shapely.get_point(lines.values, -1))
    centres = drawn.centroid
    inside = np.unique(grounds.sindex.query(centres.values, predicate="intersects")[0])
    return {
        **{f"osm_{name}": value for name, value in _of_outlines(drawn).items()},
        **{f"satellite_{name}": value for name, value in _of_outlines(seen).items()},
        **_of_settlements(files, drawn, centres),
        "straightness_p05": float(np.quantile(ends / lines.length, 0.05)),
        "surface": float(np.mean([surface is not None for surface, _ in streets])),
        "building_yes": float((tags_of["building"] == "yes").mean()),
        "levels": _share(tags_of, "building:levels"),
        "named": _share(tags_of, "name"),
        "parcel_ha": float(grounds.area.median() / 1e4),
        "parcel_named": float(np.mean([name is not None for name, _ in parcels])),
        "in_parcels": len(inside) / len(drawn),
        "poi_nodes": float(pois),
        "duplicates": float(drawn.to_wkb().duplicated().sum()),
        "relations": float(np.mean([origin == "relation" for origin, *_ in buildings])),
    }


def _share(tags: pd.DataFrame, key: str) -> float:
    return float(tags[key].notna().mean()) if key in tags else 0.0


def _footprints(files: Files) -> gpd.GeoSeries:
    path = files.folder / "footprints.geojsonl.gz"
    frame = gpd.read_file(f"/vsigzip/{path}", engine="pyogrio")
    return frame.geometry


def _of_outlines(outlines: gpd.GeoSeries) -> dict[str, float]:
    shapes = outlines.values
    corners = shapely.get_num_coordinates(shapes) - 1
    area = shapely.area(shapes)
    box = shapely.area(shapely.minimum_rotated_rectangle(shapes))
    middles = shapely.get_coordinates(shapely.centroid(shapes))
    _, near = cKDTree(middles).query(middles, k=8)
    gap = shapely.distance(np.asarray(shapes)[near[:, 1:]], np.asarray(shapes)[:, None]).min(axis=1)
    return {
        "small": float((area < _SMALL_M2).mean()),
        "four_corners": float((corners == 4).mean()),
        "many_corners": float((corners > 8).mean()),
        "not_rectangular": float((area / box < _RECTANGULAR).mean()),
        "touching": float((gap < _TOUCHING_M).mean()),
        "gap_m": float(np.median(gap)),
    }


def _of_settlements(files: Files, drawn: gpd.GeoSeries, centres: gpd.GeoSeries) -> dict[str, float]:
    """Return medians over the settlements of at least twenty drawn buildings."""
    outlines = files.settlements.to_crs(files.area.projected).geometry
    building, settlement = outlines.sindex.query(centres.values, predicate="intersects")
    shapes = np.asarray(drawn.values)[building]
    first, second = (shapely.get_coordinates(shapely.get_point(shapely.get_exterior_ring(shapes), k)) for k in (0, 1))
    heading = np.arctan2(*(second - first).T[::-1])
    table = pd.DataFrame({"settlement": settlement, "turn": np.exp(4j * heading), "ln": np.log(shapely.area(shapes))})
    groups = table.groupby("settlement")
    large = groups.size() >= 20
    return {
        "alignment": float(groups["turn"].agg(lambda turn: abs(turn.mean()))[large].median()),
        "footprint_spread": float(groups["ln"].std()[large].median()),
    }
