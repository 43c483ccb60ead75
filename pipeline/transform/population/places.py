"""The places that an area's people are spread over: its settlements, and the houses in none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from pipeline.schema.draws import KINDS
from pipeline.transform.population.building_counts import REST

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pipeline.transform.population.priors import Factors

CELL_DEG = 0.002
"""Side of the cells of longitude and latitude after which random streams are named, about 200 m."""

BAZAAR_M2 = 20_000.0
"""A smaller market serves its quarter and draws no tenants."""
BAZAAR_REACH_M = 500.0
"""Rooms are let where one can walk to the stall before dawn."""


@dataclass(frozen=True)
class Place:
    """A settlement, or (`settlement_id` REST) the houses in none.

    Attributes
    ----------
    stream
        What its random numbers are drawn after: the cell in which its centre lies, so that a settlement that gets
        another id keeps its digits.
    kind
        The kind that is told.
    chances
        Probability of each of `KINDS`.
    near_bazaar
        Whether a bazaar is near, so that rooms are let in its houses.
    """

    settlement_id: str
    stream: str
    kind: str = "other"
    chances: tuple[float, ...] = tuple(float(kind == "other") for kind in KINDS)
    status: str = "unknown"
    area_m2: float = 0.0
    near_bazaar: bool = False

    def kinds(self, factors: Factors) -> NDArray[np.int8]:
        """Return the kind that the settlement has in each draw, as positions in `KINDS`."""
        certain = int(np.argmax(self.chances))
        if self.chances[certain] >= 1:
            return np.full(factors.draws, certain, dtype=np.int8)
        edges = np.cumsum(self.chances) / sum(self.chances)
        drawn = np.searchsorted(edges, factors.own("kind", self.stream).random(factors.draws), side="right")
        return np.minimum(drawn, len(edges) - 1).astype(np.int8)


REST_STREAM = "rest"
THE_REST = Place(REST, REST_STREAM)


def places_of(
    settlements: pd.DataFrame, chances: pd.DataFrame | None = None, services: gpd.GeoDataFrame | None = None
) -> dict[str, Place]:
    """Return the settlements by id.

    Parameters
    ----------
    settlements
        settlement_id, kind, status, area_m2; with geometry, streams are named after places, else after ids.
    chances
        settlement_id and the probabilities ``p_<kind>`` of the kinds; settlements that are missing here are what they
        are told to be. A kind outside `KINDS` (one that could not be told) is the mixture.
    services
        OSM's layer of services, whose marketplaces are the bazaars; in the CRS of `settlements`.
    """
    told = {kind: tuple(float(kind == other) for other in KINDS) for kind in KINDS}
    given: dict[str, tuple[float, ...]] = {}
    if chances is not None:
        columns = [f"p_{kind}" for kind in KINDS]
        values = chances.reindex(columns=columns).fillna(0.0).to_numpy(dtype=float)
        for name, row in zip(chances["settlement_id"].astype(str), values, strict=True):
            if row.sum() > 0:
                given[name] = tuple((row / row.sum()).tolist())
    unknown = tuple(1 / len(KINDS) for _ in KINDS)
    columns = ["settlement_id", "kind", "status", "area_m2"]
    rows = settlements[columns].itertuples(index=False, name=None)
    return {
        str(name): Place(
            str(name),
            stream,
            str(kind),
            given.get(str(name), told.get(str(kind), unknown)),
            str(status),
            float(area),
            bool(near),
        )
        for (name, kind, status, area), stream, near in zip(
            rows, stream_names(settlements), near_bazaars(settlements, services), strict=True
        )
    }


def near_bazaars(settlements: pd.DataFrame, services: gpd.GeoDataFrame | None) -> NDArray[np.bool_]:
    """Return which settlements lie within `BAZAAR_REACH_M` of a marketplace of at least `BAZAAR_M2`."""
    if services is None or not isinstance(settlements, gpd.GeoDataFrame):
        return np.zeros(len(settlements), dtype=np.bool_)
    markets = services.geometry[(services["amenity"] == "marketplace") & (services.geometry.area >= BAZAAR_M2)]
    bazaars = shapely.union_all(markets.to_numpy())
    return np.asarray(shapely.dwithin(settlements.geometry.to_numpy(), bazaars, BAZAAR_REACH_M), dtype=np.bool_)


def stream_names(settlements: pd.DataFrame) -> list[str]:
    """Return the names of settlements' random streams: the cells of their centres, the largest of a cell first.

    Settlements without geometry are named after their ids.
    """
    if not isinstance(settlements, gpd.GeoDataFrame) or settlements.crs is None or settlements.empty:
        return settlements["settlement_id"].astype(str).tolist()
    centres = settlements.geometry.centroid.to_crs("EPSG:4326")
    cells = np.floor(np.stack([centres.x, centres.y], axis=1) / CELL_DEG).astype(np.int64)
    order = np.lexsort((centres.y, centres.x, -settlements.geometry.area.to_numpy()))
    taken: dict[tuple[int, int], int] = {}
    names = [""] * len(cells)
    for position in order:
        cell = (int(cells[position, 0]), int(cells[position, 1]))
        taken[cell] = taken.get(cell, 0) + 1
        names[position] = f"{cell[0]},{cell[1]},{taken[cell]}"
    return names
