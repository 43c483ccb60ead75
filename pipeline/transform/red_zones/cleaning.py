"""Hazard objects as mapped, made fit for measuring: every drop and repair is counted, none is silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from pipeline.declared.catalogue import AsMapped
from pipeline.geometry.polygon_validity import made_valid
from pipeline.schema.provenance import Notice

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from pipeline.declared.catalogue import RedZone

    Geometries = NDArray[np.object_]


def clean(frame: gpd.GeoDataFrame, zone: RedZone) -> tuple[gpd.GeoDataFrame, list[Notice]]:
    """Return the usable objects of a class, sorted by `osm_id`, and notices of what was dropped or repaired.

    Parameters
    ----------
    frame
        Objects with ``osm_id`` and ``geometry`` (projected, metres), in any order.
    zone
        The class; where its shape is areal, closed lines become areas, and points inside an area are dropped.

    Returns
    -------
    GeoDataFrame
        Valid, non-empty, finite geometries of one dimension each; no object twice, no geometry twice.
    """
    notices = _Notices(f"hazard:{zone.id}")
    frame = frame.sort_values("osm_id", kind="stable").reset_index(drop=True)
    frame = notices.keep(frame, ~frame["osm_id"].duplicated(), "object_twice")
    geometry = shapely.force_2d(frame.geometry.to_numpy())
    present = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    frame = notices.keep(frame.set_geometry(geometry, crs=frame.crs), present, "object_without_geometry")
    frame = notices.keep(frame, _finite(frame.geometry.to_numpy()), "coordinate_no_number")
    frame = _valid(frame, zone, notices)
    canonical = pd.Series(shapely.to_wkb(shapely.normalize(frame.geometry.to_numpy())), dtype=object)
    frame = notices.keep(frame, ~canonical.duplicated(), "geometry_twice")
    if _is_areal(zone):
        inside = _points_inside_areas(frame.geometry.to_numpy())
        frame = notices.keep(frame, ~inside, "point_in_area")
    return frame, notices.noticed


class _Notices:
    """Collects what was noticed in one layer."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.noticed: list[Notice] = []

    def add(self, code: str, count: int) -> None:
        if count:
            self.noticed.append(Notice(self.where, code, count))

    def keep(self, frame: gpd.GeoDataFrame, mask: NDArray[np.bool_] | pd.Series[bool], code: str) -> gpd.GeoDataFrame:
        """Return the rows under the mask; the others are counted under `code`."""
        mask = np.asarray(mask, dtype=bool)
        self.add(code, int((~mask).sum()))
        return frame[mask].reset_index(drop=True)


def _is_areal(zone: RedZone) -> bool:
    return isinstance(zone.shape, AsMapped) and zone.shape.areal


def _finite(geometry: Geometries) -> NDArray[np.bool_]:
    coordinates, index = shapely.get_coordinates(geometry, return_index=True)
    finite = np.ones(len(geometry), dtype=bool)
    finite[index[~np.isfinite(coordinates).all(axis=1)]] = False
    return finite


def _valid(frame: gpd.GeoDataFrame, zone: RedZone, notices: _Notices) -> gpd.GeoDataFrame:
    """Repair what crosses itself, turn closed lines of areal classes into areas, drop what has collapsed."""
    geometry = frame.geometry.to_numpy().copy()
    if _is_areal(zone):
        closed = (shapely.get_type_id(geometry) == shapely.GeometryType.LINESTRING) & shapely.is_closed(geometry)
        closed &= shapely.get_num_points(geometry) > 3
        geometry[closed] = [shapely.Polygon(line.coords) for line in geometry[closed]]
        notices.add("closed_line_as_area", int(closed.sum()))
    repaired = made_valid(geometry)
    usable = ~shapely.is_missing(repaired)
    notices.add("geometry_repaired", int((usable & ~shapely.is_valid(geometry)).sum()))
    if "point" not in zone.geometry:
        usable &= shapely.get_dimensions(repaired) > 0
    return notices.keep(frame.set_geometry(repaired, crs=frame.crs), usable, "geometry_without_extent")


def _points_inside_areas(geometry: Geometries) -> NDArray[np.bool_]:
    dimension = shapely.get_dimensions(geometry)
    points, areas = np.flatnonzero(dimension == 0), geometry[dimension == 2]
    inside = np.zeros(len(geometry), dtype=bool)
    inside[points[shapely.STRtree(areas).query(geometry[points], predicate="intersects")[0]]] = True
    return inside
