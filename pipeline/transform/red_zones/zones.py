"""Red zones as areas: everything within a rule's distance of the hazards that it applies to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import geopandas as gpd
import shapely

from pipeline.transform.red_zones.offset import offset

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def zone_polygons(hazards: gpd.GeoDataFrame, *, threads: int = 2) -> gpd.GeoDataFrame:
    """Return the red zone of every rule, its hazards' zones dissolved.

    Parameters
    ----------
    hazards
        ``hazard_id``, ``rule_id``, ``hazard_class``, ``kind``, ``distance_m`` and ``geometry`` (the edge, metres).
    threads
        Rules are worked on side by side; the result does not depend on it.

    Returns
    -------
    GeoDataFrame
        ``rule_id, hazard_class, kind, distance_m, hazards`` (their number), ``assumed`` (any of them), ``geometry``
        (see `offset` for how exact it is), sorted by ``rule_id``. A rule whose zone has no area, such as points with
        distance 0, has no row.
    """
    groups = [group for _, group in hazards.sort_values("hazard_id").groupby("rule_id", sort=True)]
    with ThreadPoolExecutor(threads) as pool:
        geometry = list(
            pool.map(lambda group: _zone(group.geometry.to_numpy(), group["distance_m"].to_numpy()), groups)
        )
    columns = ("rule_id", "hazard_class", "kind", "distance_m")
    rows = [
        {
            **{column: group[column].iloc[0] for column in columns},
            "hazards": len(group),
            "assumed": group["assumed"].any(),
        }
        for group in groups
    ]
    table = gpd.GeoDataFrame(rows, columns=[*columns, "hazards", "assumed"], geometry=geometry, crs=hazards.crs)
    return table[~table.geometry.is_empty].reset_index(drop=True)


def _zone(edges: NDArray[np.object_], distance_m: NDArray[np.float64]) -> shapely.Geometry:
    return shapely.normalize(offset(edges, distance_m))
