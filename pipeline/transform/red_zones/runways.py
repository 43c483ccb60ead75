"""Runways as straight centre lines, one for each runway however it is mapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipeline.schema.provenance import Notice

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

_STRAIGHT = 0.98
"""Pieces that meet end to end are one runway if its ends lie at least this share of its length apart."""


def centre_lines(frame: gpd.GeoDataFrame, where: str) -> tuple[gpd.GeoDataFrame, list[Notice]]:
    """Return one row per runway, with its straight centre line.

    A runway is often mapped in pieces (at a displaced threshold, where a taxiway crosses), sometimes as an area beside
    its line: pieces in one line are joined, and an area that holds the middle of a line is left out.

    Parameters
    ----------
    frame
        Objects with ``osm_id``, tags and valid lines or polygons in metres, sorted by ``osm_id``.
    where
        Layer named in the notices.
    """
    geometry = frame.geometry.to_numpy()
    lines = np.flatnonzero(shapely.get_dimensions(geometry) == 1)
    areas = np.flatnonzero(shapely.get_dimensions(geometry) == 2)
    middles = shapely.line_interpolate_point(geometry[lines], 0.5, normalized=True)
    doubled = np.unique(areas[shapely.STRtree(geometry[areas]).query(middles, predicate="intersects")[1]])
    groups = sorted(_joined(geometry, lines) + [[row] for row in areas.tolist() if row not in doubled])
    rows = frame.iloc[[min(group) for group in groups]].copy()
    rows["osm_id"] = [";".join(frame["osm_id"].iloc[sorted(group)]) for group in groups]
    straight = [_centre_line(geometry[group]) for group in groups]
    notices = []
    if joined := sum(len(group) - 1 for group in groups):
        notices.append(Notice(where, "runway_joined", joined))
    if len(doubled):
        notices.append(Notice(where, "runway_area_and_line", len(doubled)))
    return rows.set_geometry(straight, crs=frame.crs).reset_index(drop=True), notices


def _joined(geometry: NDArray[np.object_], lines: NDArray[np.intp]) -> list[list[int]]:
    """Return the lines in groups that make one straight runway each."""
    merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(shapely.get_parts(geometry[lines]))))
    middles = shapely.line_interpolate_point(geometry[lines], 0.5, normalized=True)
    nearest = shapely.STRtree(merged).nearest(middles) if len(lines) else np.empty(0, dtype=np.intp)
    groups = []
    for index, line in enumerate(merged):
        group: list[int] = lines[nearest == index].tolist()
        straight = shapely.get_point(line, 0).distance(shapely.get_point(line, -1)) >= _STRAIGHT * line.length
        groups += [group] if straight and group else [[row] for row in group]
    return groups


def _centre_line(pieces: NDArray[np.object_]) -> shapely.LineString:
    """Return the longest straight line from end to end of a runway's pieces."""
    if (shapely.get_dimensions(pieces) == 1).all():
        ends = shapely.get_coordinates(shapely.boundary(pieces))
        if len(ends):
            spread = np.hypot(*(ends[:, None] - ends[None]).T)
            first, last = sorted(np.unravel_index(spread.argmax(), spread.shape))
            return shapely.LineString([ends[first], ends[last]])
    corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(shapely.union_all(pieces)))[:4]
    if np.hypot(*(corners[1] - corners[0])) > np.hypot(*(corners[2] - corners[1])):
        corners = np.roll(corners, 1, axis=0)
    return shapely.LineString([corners[:2].mean(axis=0), corners[2:].mean(axis=0)])
