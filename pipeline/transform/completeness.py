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
from pipeline.geometry.grid import CELL_M
from pipeline.schema.vocabulary import REST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from pyproj import CRS

    from pipeline.geometry.arrays import Floats
    from pipeline.geometry.grid import Grid
    from pipeline.geometry.raster import Raster

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
class _Window:
    """A rectangle of cells of a grid, counted row by row from the lower left.

    Attributes
    ----------
    grid
        The grid.
    west, south
        Column and row of the lower left cell.
    columns, rows
        Number of cells in either direction.
    """

    grid: Grid
    west: int
    south: int
    columns: int
    rows: int

    @classmethod
    def over(cls, grid: Grid, x: Floats, y: Floats) -> _Window:
        """Return the window that holds some points (metres)."""
        low, high = (np.floor(np.array([ends(x), ends(y)]) / CELL_M).astype(int) for ends in (np.min, np.max))
        west, south = low.tolist()
        columns, rows = (high - low + 1).tolist()
        return cls(grid, west, south, columns, rows)

    @property
    def size(self) -> int:
        """The number of cells."""
        return self.columns * self.rows

    def total(self, x: Floats, y: Floats, weight: Floats | NDArray[np.bool_]) -> Floats:
        """Return the sum of weights of the points (metres) in each cell, shape (size,); those outside are left out."""
        column = np.floor(x / CELL_M).astype(np.int64) - self.west
        row = np.floor(y / CELL_M).astype(np.int64) - self.south
        inside = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        cells = row[inside] * self.columns + column[inside]
        return np.bincount(cells, weights=weight[inside], minlength=self.size).astype(np.float64)

    def columns_rows(self) -> NDArray[np.int64]:
        """Return column and row of the cells, shape (size, 2)."""
        row, column = np.divmod(np.arange(self.size), self.columns)
        return np.column_stack([column + self.west, row + self.south])

    def centres(self, crs: CRS) -> NDArray[np.object_]:
        """Return the centres of the cells as points in another CRS, shape (size,)."""
        x, y = ((self.columns_rows() + 0.5) * CELL_M).T
        return np.asarray(shapely.points(*Transformer.from_crs(self.grid.crs, crs, always_xy=True).transform(x, y)))

    def boxes(self) -> NDArray[np.object_]:
        """Return the cells as polygons in the CRS of the grid, shape (size,)."""
        west, south = (self.columns_rows() * CELL_M).T
        return np.asarray(shapely.box(west, south, west + CELL_M, south + CELL_M))


def coverage(  # noqa: PLR0913 - every sign of habitation is an input of its own
    grid: Grid,
    boundary: shapely.Polygon,
    *,
    crs: CRS,
    buildings: pd.DataFrame,
    layers: Mapping[str, gpd.GeoDataFrame],
    population: Raster | None,
    built_up: Raster | None,
) -> gpd.GeoDataFrame:
    """Return the inhabited cells of an area and whether their buildings are mapped (table `coverage`).

    Parameters
    ----------
    grid
        The grid of the area, named like it.
    boundary
        The area, in `crs`.
    crs
        The area's projected CRS, metres; that of `layers` as well.
    buildings
        Merged buildings with `footprint_m2`, `home`, `seen_by`, `lon` and `lat`.
    layers
        OSM layers; `landuse` and `roads` are used.
    population
        People per cell, any CRS.
    built_up
        Built-up m² per cell at the latest observed epoch, any CRS.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns of the table `coverage`, geometry in the CRS of the grid; cells without any sign and without buildings
        are left out. Every building is in a cell; in cells whose centre lies outside the area, of which the inputs
        show a part, signs of habitation are not judged.
    """
    x, y = grid.project(buildings["lon"].to_numpy(dtype=float), buildings["lat"].to_numpy(dtype=float))
    edge = shapely.get_coordinates(boundary)
    edge_x, edge_y = grid.project(edge[:, 0], edge[:, 1], crs)
    window = _Window.over(grid, np.concatenate([x, edge_x]), np.concatenate([y, edge_y]))
    centres = window.centres(crs)
    judged = np.asarray(shapely.intersects(boundary, centres))
    people = np.where(judged, _raster_total(window, population), 0)
    built = np.where(judged, _raster_total(window, built_up), 0)
    area_m2 = buildings["footprint_m2"].to_numpy(dtype=float)
    roofs = window.total(x, y, area_m2)
    count = window.total(x, y, np.ones(len(x)))
    by_osm, by_satellite = ((buildings["seen_by"] != other).to_numpy() for other in ("satellite", "osm"))
    in_osm = window.total(x, y, by_osm.astype(float))
    streets = _street_total(window, layers["roads"], crs)
    residential = _residential(centres, layers["landuse"])

    signs = (people >= _MIN_PEOPLE) | (built >= _MIN_BUILT_M2) | (streets >= _MIN_STREETS_M) | residential
    inhabited = judged & signs
    # Streets and land use prove that somebody lives there, but not how many roofs to expect: one is then enough.
    expected = np.maximum(people * _MIN_ROOF_PER_PERSON_M2, built * _MIN_ROOF_SHARE)
    mapped = (count > 0) & (roofs >= expected)
    cells = gpd.GeoDataFrame(
        {
            "area_id": grid.name,
            "cell_id": grid.names(window.columns_rows()),
            "people": np.where(judged & (population is not None), people, np.nan),
            "built_m2": np.where(judged & (built_up is not None), built, np.nan),
            "streets_m": streets,
            "buildings": count.astype(np.int64),
            "homes": window.total(x, y, buildings["home"].to_numpy(dtype=bool)).astype(np.int64),
            "roof_m2": roofs,
            "roof_osm_m2": window.total(x, y, area_m2 * by_osm),
            "roof_satellite_m2": window.total(x, y, area_m2 * by_satellite),
            "inhabited": inhabited,
            "mapped": mapped,
            "osm_mapped": (in_osm > 0) | (count < _MIN_BUILDINGS_WITHOUT_OSM),
        },
        geometry=window.boxes(),
        crs=grid.crs,
    )
    return cells[inhabited | (count > 0)].reset_index(drop=True)


def cell_settlements(grid: Grid, buildings: pd.DataFrame) -> pd.DataFrame:
    """Return which settlements the buildings of each cell belong to (table `cell_settlements`).

    Parameters
    ----------
    grid
        The grid of the area.
    buildings
        `settlement_id` (missing: in none), `home`, `lon` and `lat`.
    """
    rows = pd.DataFrame(
        {
            "cell_id": grid.cell_ids(buildings["lon"].to_numpy(dtype=float), buildings["lat"].to_numpy(dtype=float)),
            "settlement_id": buildings["settlement_id"].to_numpy(),
            "place_id": buildings["settlement_id"].fillna(grid.name + REST).to_numpy(),
            "buildings": 1,
            "homes": buildings["home"].to_numpy(dtype=int),
        }
    )
    counts = rows.groupby(["cell_id", "place_id", "settlement_id"], dropna=False)[["buildings", "homes"]].sum()
    return counts.reset_index().assign(area_id=grid.name)


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


def _raster_total(window: _Window, raster: Raster | None) -> Floats:
    """Sum a raster over the grid, each raster cell counted whole where its centre lies (they are far smaller)."""
    if raster is None:
        return np.zeros(window.size)
    row, column = np.nonzero(np.nan_to_num(raster.values) > 0)
    a, b, c, d, e, f = raster.transform[:6]
    x, y = a * (column + 0.5) + b * (row + 0.5) + c, d * (column + 0.5) + e * (row + 0.5) + f
    return window.total(*window.grid.project(x, y, raster.crs), raster.values[row, column])


def _street_total(window: _Window, roads: gpd.GeoDataFrame, crs: CRS) -> Floats:
    """Sum the length of residential streets over the grid, in metres, by points at every 50 m."""
    streets = roads.geometry[roads["highway"].isin(_RESIDENTIAL_STREETS)].to_numpy()
    length = shapely.length(streets)
    steps = np.ceil(length / _STREET_STEP_M).astype(int)
    line = np.repeat(np.arange(len(streets)), steps)
    position = np.arange(len(line)) - np.repeat(np.cumsum(steps) - steps, steps)
    step_m = np.divide(length, steps, out=np.zeros_like(length), where=steps > 0)
    points = shapely.line_interpolate_point(streets[line], (position + 0.5) * step_m[line])
    return window.total(*window.grid.project(shapely.get_x(points), shapely.get_y(points), crs), step_m[line])


def _residential(centres: NDArray[np.object_], landuse: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Return for each centre of a cell whether it lies on residential land."""
    polygons = landuse.geometry[landuse["landuse"] == "residential"].to_numpy()
    found = np.zeros(len(centres), dtype=bool)
    if len(polygons):
        found[shapely.STRtree(centres).query(polygons, predicate="intersects")[1]] = True
    return found
