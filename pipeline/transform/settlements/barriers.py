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
STREETS = frozenset(
    {
        *("secondary", "secondary_link", "tertiary", "tertiary_link"),
        *("unclassified", "residential", "living_street"),
    }
)
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


def lines_of(
    layers: Mapping[str, gpd.GeoDataFrame],
    layer: str,
    key: str,
    values: frozenset[str],
    *,
    without: tuple[str, frozenset[str]] | None = None,
) -> NDArray[np.object_]:
    """Return the lines of a layer above ground with one of the values; none if the layer is absent."""
    frame = layers.get(layer)
    if frame is None or frame.empty:
        return np.empty(0, dtype=object)
    keep = frame[key].isin(values)
    if "tunnel" in frame:
        keep &= frame["tunnel"].isna() | (frame["tunnel"] == "no")
    if without is not None and without[0] in frame:
        keep &= ~frame[without[0]].isin(without[1])
    geometries = np.asarray(frame.loc[pd.Series(keep, dtype=bool)].geometry.array, dtype=object)
    lines = shapely.get_type_id(geometries)
    return geometries[np.isin(lines, (1, 2, 5)) & ~shapely.is_empty(geometries)]
