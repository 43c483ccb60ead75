"""What parts one settlement from the next: railways, trunk roads, rivers, canals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

HIGHWAYS = frozenset({"motorway", "trunk", "primary"})
RAILWAYS = frozenset({"rail"})
MAIN_STREETS = frozenset({"secondary", "secondary_link", "tertiary", "tertiary_link"})
STREETS = MAIN_STREETS | {"unclassified", "residential", "living_street"}
"""Streets that part tracts, which may well be of one settlement."""
WATERWAYS = frozenset({"river", "canal"})
_SIDINGS = frozenset({"yard", "spur", "siding", "crossover"})


def barriers(layers: Mapping[str, gpd.GeoDataFrame]) -> NDArray[np.object_]:
    """Return the lines that no settlement crosses: railways but for sidings, trunk and primary roads, rivers, canals.

    What runs in a tunnel parts nothing.
    """
    return np.concatenate(
        [
            lines_of(layers, "roads", "highway", HIGHWAYS),
            lines_of(layers, "railways", "railway", RAILWAYS, without=("service", _SIDINGS)),
            lines_of(layers, "waterways", "waterway", WATERWAYS),
        ]
    )


def streets(layers: Mapping[str, gpd.GeoDataFrame]) -> NDArray[np.object_]:
    """Return the streets that part tracts of houses."""
    return lines_of(layers, "roads", "highway", STREETS)


def main_streets(layers: Mapping[str, gpd.GeoDataFrame]) -> NDArray[np.object_]:
    """Return those of them that lead through a city."""
    return lines_of(layers, "roads", "highway", MAIN_STREETS)


def lines_of(
    layers: Mapping[str, gpd.GeoDataFrame],
    layer: str,
    key: str,
    values: frozenset[str],
    *,
    without: tuple[str, frozenset[str]] | None = None,
) -> NDArray[np.object_]:
    """Return the lines of `rows_of`."""
    frame = rows_of(layers, layer, key, values, without=without)
    return np.empty(0, dtype=object) if frame is None else np.asarray(frame.geometry.array, dtype=object)


def rows_of(
    layers: Mapping[str, gpd.GeoDataFrame],
    layer: str,
    key: str,
    values: frozenset[str],
    *,
    without: tuple[str, frozenset[str]] | None = None,
) -> gpd.GeoDataFrame | None:
    """Return the rows of a layer that are lines above ground with one of the values; None if the layer is absent."""
    frame = layers.get(layer)
    if frame is None or frame.empty:
        return None
    keep = frame[key].isin(values)
    if "tunnel" in frame:
        keep &= frame["tunnel"].isna() | (frame["tunnel"] == "no")
    if without is not None and without[0] in frame:
        keep &= ~frame[without[0]].isin(without[1])
    rows: gpd.GeoDataFrame = frame.loc[pd.Series(keep, dtype=bool)]
    geometries = np.asarray(rows.geometry.array, dtype=object)
    return rows[np.isin(shapely.get_type_id(geometries), (1, 2, 5)) & ~shapely.is_empty(geometries)]
