"""How complete the inputs are: where signs of habitation exist, and where buildings are mapped there.

A grid of 500 m cells collects the signs that people live somewhere (a population raster, built-up area, residential
land use, residential streets), each from a source of its own, and sets the mapped roofs beside them. A cell with signs
and without roofs is not empty land: it is land of which these inputs say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from pipeline.geometry import zonal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from pyproj import CRS

    from pipeline.geometry.raster import Raster

CELL_M = 500.0
_STREET_STEP_M = 50.0
_RESIDENTIAL_STREETS = ("residential", "living_street")

# When a sign is strong enough to say that people live in a cell. Low on purpose: a hamlet's worth.
_MIN_PEOPLE = 20.0
_MIN_BUILT_M2 = 2_500.0
_MIN_STREETS_M = 400.0
# A tower block has some 5 m² of roof per resident and a cottage 20 or more; below 2, most roofs are missing.
_MIN_ROOF_PER_PERSON_M2 = 2.0
# So many buildings that only satellites see are no chance: nobody has mapped there, hazards included.
_MIN_BUILDINGS_WITHOUT_OSM = 5
# Built-up area as satellites see it holds roofs and yards' sheds; a layer with under a fifth of it misses most houses.
_MIN_ROOF_SHARE = 0.2

_COMPLETE, _PARTIAL, _SPARSE = 0.9, 0.5, 0.1


@dataclass(frozen=True)
class Grid:
    """A grid of square cells over an area.

    Attributes
    ----------
    west, south
        Lower left corner in the area's projected CRS, metres.
    columns, rows
        Number of cells in either direction.
    """

    west: float
    south: float
    columns: int
    rows: int

    @classmethod
    def over(cls, bounds: Sequence[float]) -> Grid:
        """Return the grid whose cells, aligned to multiples of 500 m, cover bounds (minx, miny, maxx, maxy)."""
        west, south = (np.floor(np.asarray(bounds[:2]) / CELL_M) * CELL_M).tolist()
        columns, rows = np.ceil((np.asarray(bounds[2:]) - (west, south)) / CELL_M).astype(int).tolist()
        return cls(west, south, max(columns, 1), max(rows, 1))

    @property
    def size(self) -> int:
        """The number of cells."""
        return self.columns * self.rows

    def total(self, x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of weights of the points in each cell, shape (size,); points outside count nowhere."""
        column = np.floor((x - self.west) / CELL_M).astype(np.int64)
        row = np.floor((y - self.south) / CELL_M).astype(np.int64)
        inside = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        cells = row[inside] * self.columns + column[inside]
        return np.bincount(cells, weights=weight[inside], minlength=self.size).astype(np.float64)

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y of the cell centres, each of shape (size,)."""
        row, column = np.divmod(np.arange(self.size), self.columns)
        return self.west + (column + 0.5) * CELL_M, self.south + (row + 0.5) * CELL_M

    def boxes(self) -> NDArray[np.object_]:
        """Return the cells as polygons, shape (size,)."""
        x, y = self.centres()
        half = CELL_M / 2
        return np.asarray(shapely.box(x - half, y - half, x + half, y + half))


def coverage(  # noqa: PLR0913 - every sign of habitation is an input of its own
    area_id: str,
    boundary: shapely.Polygon,
    *,
    crs: CRS,
    buildings: gpd.GeoDataFrame,
    layers: Mapping[str, gpd.GeoDataFrame],
    population: Raster | None,
    built_up: Raster | None,
) -> gpd.GeoDataFrame:
    """Return the inhabited cells of an area and whether their buildings are mapped (table `coverage`).

    Parameters
    ----------
    area_id
        Identifier of the area.
    boundary
        The area, in `crs`.
    crs
        The area's projected CRS, metres; that of `buildings` and `layers` as well.
    buildings
        Merged buildings with `footprint_m2` and `seen_by`.
    layers
        OSM layers; `landuse` and `roads` are used.
    population
        People per cell, any CRS.
    built_up
        Built-up m² per cell at the latest observed epoch, any CRS.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns of the table `coverage`, geometry in `crs`; cells without any sign and without buildings are left out.
    """
    grid = Grid.over(boundary.bounds)
    people = _raster_total(grid, population, crs)
    built = _raster_total(grid, built_up, crs)
    centroids = buildings.geometry.centroid
    x, y = centroids.x.to_numpy(), centroids.y.to_numpy()
    area_m2 = buildings["footprint_m2"].to_numpy(dtype=float)
    roofs = grid.total(x, y, area_m2)
    count = grid.total(x, y, np.ones(len(x)))
    by_osm, by_satellite = ((buildings["seen_by"] != other).to_numpy() for other in ("satellite", "osm"))
    in_osm = grid.total(x, y, by_osm.astype(float))
    streets = _street_total(grid, layers["roads"])
    residential = _residential(grid, layers["landuse"])

    inhabited = (people >= _MIN_PEOPLE) | (built >= _MIN_BUILT_M2) | (streets >= _MIN_STREETS_M) | residential
    # Streets and land use prove that somebody lives there, but not how many roofs to expect: one is then enough.
    expected = np.maximum(people * _MIN_ROOF_PER_PERSON_M2, built * _MIN_ROOF_SHARE)
    mapped = (count > 0) & (roofs >= expected)
    centre_x, centre_y = grid.centres()
    cells = gpd.GeoDataFrame(
        {
            "area_id": area_id,
            "cell_id": [f"{area_id}/{x:.0f}/{y:.0f}" for x, y in zip(centre_x, centre_y, strict=True)],
            "people": people if population is not None else np.nan,
            "built_m2": built if built_up is not None else np.nan,
            "streets_m": streets,
            "buildings": count.astype(np.int64),
            "roof_m2": roofs,
            "roof_osm_m2": grid.total(x, y, area_m2 * by_osm),
            "roof_satellite_m2": grid.total(x, y, area_m2 * by_satellite),
            "inhabited": inhabited,
            "mapped": mapped,
            "osm_mapped": (in_osm > 0) | (count < _MIN_BUILDINGS_WITHOUT_OSM),
        },
        geometry=grid.boxes(),
        crs=crs,
    )
    keep = (inhabited | (count > 0)) & shapely.intersects(boundary, shapely.points(centre_x, centre_y))
    return cells[keep].reset_index(drop=True)


def roof_shares(settlements: gpd.GeoDataFrame, buildings: pd.DataFrame, built_up: Raster | None) -> pd.Series | None:
    """Return the mapped roofs of each settlement over what a raster shows as built up inside its outline.

    Parameters
    ----------
    settlements
        settlement_id, geometry in metres.
    buildings
        settlement_id, footprint_m2.
    built_up
        Built-up m² per cell at the latest observed epoch; None: none is given.

    Returns
    -------
    pandas.Series or None
        Indexed by settlement_id, NaN where nothing is built up; None without a raster.
    """
    if built_up is None:
        return None
    ids = pd.Index(settlements["settlement_id"].astype(str), name="settlement_id")
    built = zonal.sums(settlements.geometry, built_up)
    roofs = buildings.groupby("settlement_id")["footprint_m2"].sum().reindex(ids).fillna(0.0)
    return roofs / np.where(built > 0, built, np.nan)


def buildings_mapped(area_id: str, cells: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return how much of the inhabited land has its buildings mapped: rows of `completeness`, centre and outskirts.

    The outskirts are the inhabited cells beyond the median distance from their common centre; that is where
    new settlements lie.
    """
    inhabited = cells[cells["inhabited"]]
    if inhabited.empty:
        return _rows(area_id, [("inhabited_mapped", None, "unknown")])
    x, y = inhabited.geometry.centroid.x, inhabited.geometry.centroid.y
    distance = np.hypot(x - x.median(), y - y.median())
    outskirts = (distance > distance.median()).to_numpy()
    rows = []
    for place, members in (("centre", ~outskirts), ("outskirts", outskirts)):
        if members.any():
            share = float(inhabited["mapped"].to_numpy()[members].mean())
            rows.append((f"inhabited_mapped_{place}", share, _verdict(share)))
    return _rows(area_id, rows)


def missing_inputs(area_id: str, missing: Sequence[str]) -> pd.DataFrame:
    """Return a row of `completeness` for every input that was not given."""
    frames = [_rows(area_id, [("input_given", 0.0, "missing")], layer) for layer in missing]
    return pd.concat(frames, ignore_index=True) if frames else _rows(area_id, [])


def _rows(area_id: str, rows: Sequence[tuple[str, float | None, str]], layer: str = "buildings") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["measure", "value", "verdict"])
    return frame.assign(area_id=area_id, layer=layer, value=frame["value"].astype(float))


def _verdict(share: float) -> str:
    for bound, verdict in ((_COMPLETE, "complete"), (_PARTIAL, "partial"), (_SPARSE, "sparse")):
        if share >= bound:
            return verdict
    return "missing"


def _raster_total(grid: Grid, raster: Raster | None, crs: CRS) -> NDArray[np.float64]:
    """Sum a raster over the grid, each raster cell counted whole where its centre lies (they are far smaller)."""
    if raster is None:
        return np.zeros(grid.size)
    row, column = np.nonzero(np.nan_to_num(raster.values) > 0)
    a, b, c, d, e, f = raster.transform[:6]
    x, y = a * (column + 0.5) + b * (row + 0.5) + c, d * (column + 0.5) + e * (row + 0.5) + f
    x, y = Transformer.from_crs(raster.crs, crs, always_xy=True).transform(x, y)
    return grid.total(np.asarray(x), np.asarray(y), raster.values[row, column])


def _street_total(grid: Grid, roads: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Sum the length of residential streets over the grid, in metres, by points at every 50 m."""
    streets = roads.geometry[roads["highway"].isin(_RESIDENTIAL_STREETS)].to_numpy()
    length = shapely.length(streets)
    steps = np.ceil(length / _STREET_STEP_M).astype(int)
    line = np.repeat(np.arange(len(streets)), steps)
    position = np.arange(len(line)) - np.repeat(np.cumsum(steps) - steps, steps)
    step_m = np.divide(length, steps, out=np.zeros_like(length), where=steps > 0)
    points = shapely.line_interpolate_point(streets[line], (position + 0.5) * step_m[line])
    return grid.total(shapely.get_x(points), shapely.get_y(points), step_m[line])


def _residential(grid: Grid, landuse: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Return for each cell whether its centre lies on residential land."""
    polygons = landuse.geometry[landuse["landuse"] == "residential"].to_numpy()
    found = np.zeros(grid.size, dtype=bool)
    if len(polygons):
        centres = np.asarray(shapely.points(*grid.centres()))
        found[shapely.STRtree(centres).query(polygons, predicate="intersects")[1]] = True
    return found
