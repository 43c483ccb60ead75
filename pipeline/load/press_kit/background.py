"""The faint background of the public maps: main roads and water, generalised beyond any house's surroundings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import shapely

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from pyproj import CRS

_ROADS = ("motorway", "trunk", "primary")
_RIVERS = ("river", "canal")
_TOLERANCE_M = 80.0
_SHORTEST_M = 1500.0
_SMALLEST_M2 = 150_000.0
_DECIMALS = 4
"""About 10 m: finer than a line of the map is wide."""


def draw(context: Mapping[str, gpd.GeoDataFrame], projected: CRS) -> str:
    """Return the background of an area as JSON: layer to lists of [lon, lat].

    Parameters
    ----------
    context
        The area's context layers in EPSG:4326: `roads` (column `highway`), `railways`, `waterways` (`waterway`),
        `water`.
    projected
        The area's CRS in metres.
    """
    layers = {
        "water": _rings(context["water"], projected),
        "rivers": _lines(context["waterways"], "waterway", _RIVERS, projected),
        "railways": _lines(context["railways"], "railway", ("rail",), projected),
        "roads": _lines(context["roads"], "highway", _ROADS, projected),
    }
    return json.dumps(layers, separators=(",", ":")) + "\n"


def _lines(layer: gpd.GeoDataFrame, key: str, values: tuple[str, ...], projected: CRS) -> list[Any]:
    chosen = layer[layer[key].isin(values) & (layer.geom_type.isin(["LineString", "MultiLineString"]))]
    if chosen.empty:
        return []
    merged = shapely.line_merge(shapely.union_all(chosen.to_crs(projected).geometry.to_numpy()))
    lines = shapely.simplify(shapely.get_parts(merged), _TOLERANCE_M)
    return _degrees(lines[shapely.length(lines) >= _SHORTEST_M], projected)


def _rings(layer: gpd.GeoDataFrame, projected: CRS) -> list[Any]:
    chosen = layer[layer.geom_type.isin(["Polygon", "MultiPolygon"])].to_crs(projected)
    parts = shapely.get_parts(chosen.geometry.to_numpy())
    large = shapely.simplify(parts[shapely.area(parts) >= _SMALLEST_M2], _TOLERANCE_M)
    return _degrees(shapely.get_exterior_ring(large), projected)


def _degrees(lines: Any, projected: CRS) -> list[Any]:  # noqa: ANN401 - an array of lines
    from pyproj import Transformer

    to_degrees: Any = Transformer.from_crs(projected, "EPSG:4326", always_xy=True).transform
    lonlat = shapely.transform(lines, to_degrees, interleaved=False)
    rounded = [shapely.get_coordinates(line).round(_DECIMALS).tolist() for line in lonlat]
    return sorted(rounded)
