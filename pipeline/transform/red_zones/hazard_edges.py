"""The edge of a hazard: the geometry from which distances are measured."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

import numpy as np
import shapely

from pipeline.declared.catalogue import ApproachSurface, AsMapped, HorizontalSurface, RunwayStrip
from pipeline.transform.red_zones.zone_polygons import QUAD_SEGS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.declared.catalogue import Shape

    Vector = NDArray[np.float64]


@singledispatch
def edge(shape: Shape, geometry: shapely.Geometry, half_width_m: float) -> shapely.Geometry:
    """Return the edge of a hazard.

    Parameters
    ----------
    shape
        The geometry rule of the class.
    geometry
        The mapped object, valid, in metres; for the shapes of runways its centre line (see `runways`).
    half_width_m
        For lines: from the axis to the edge.
    """
    msg = f"there is no geometry rule for {type(shape).__name__}"
    raise NotImplementedError(msg)


@edge.register
def _(_: AsMapped, geometry: shapely.Geometry, half_width_m: float) -> shapely.Geometry:
    if shapely.get_dimensions(geometry) != 1 or half_width_m == 0:
        return geometry
    # The width is rough, so its corners need not be fine.
    return shapely.buffer(geometry, half_width_m, quad_segs=8)


@edge.register
def _(shape: RunwayStrip, geometry: shapely.Geometry, _half_width_m: float) -> shapely.Geometry:
    start, end, across = _runway(geometry, shape.beyond_end_m)
    across = across * shape.half_width_m
    return shapely.Polygon([start - across, end - across, end + across, start + across])


@edge.register
def _(shape: ApproachSurface, geometry: shapely.Geometry, _half_width_m: float) -> shapely.Geometry:
    start, end, across = _runway(geometry, shape.from_end_m)
    along = np.array([across[1], -across[0]])
    near = across * shape.inner_width_m / 2
    far = near + across * shape.splay * shape.length_m
    trapezoids = []
    for foot, direction in ((start, -along), (end, along)):
        head = foot + direction * shape.length_m
        trapezoids.append(shapely.Polygon([foot - near, head - far, head + far, foot + near]))
    return shapely.MultiPolygon(trapezoids)


@edge.register
def _(shape: HorizontalSurface, geometry: shapely.Geometry, _half_width_m: float) -> shapely.Geometry:
    start, end, _ = _runway(geometry, shape.beyond_end_m)
    return shapely.buffer(shapely.LineString([start, end]), shape.radius_m, quad_segs=QUAD_SEGS)


def _runway(centre_line: shapely.Geometry, beyond_m: float) -> tuple[Vector, Vector, Vector]:
    """Return both ends, moved outward by `beyond_m`, and the unit vector across (to the left of start to end)."""
    ends = shapely.get_coordinates(centre_line)[[0, -1]]
    along = ends[1] - ends[0]
    along = along / np.hypot(*along)
    return ends[0] - along * beyond_m, ends[1] + along * beyond_m, np.array([-along[1], along[0]])
