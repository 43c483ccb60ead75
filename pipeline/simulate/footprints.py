"""Satellite footprints in the form of Microsoft's Global ML Building Footprints: GeoJSON lines, gzipped."""

from __future__ import annotations

import gzip
from itertools import pairwise
from typing import TYPE_CHECKING

from pipeline.simulate import structures

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from pipeline.simulate.frame import Frame
    from pipeline.simulate.structures import Structures

_CHUNK = 100_000
"""Features at a time: bounds the memory of the text."""


def write(path: Path, outlines: Structures, frame: Frame) -> None:
    """Write one Feature per line, height and confidence unknown (-1), in the order given.

    Parameters
    ----------
    path
        A ``.geojsonl.gz`` file; the gzip header holds neither name nor time, so that equal cities give equal bytes.
    outlines
        What the satellite saw, metres of `frame`.
    frame
        The way back to degrees.
    """
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=5, fileobj=raw, mtime=0) as file:
        for start in range(0, len(outlines), _CHUNK):
            corners, starts = structures.outlines(outlines.take(slice(start, start + _CHUNK)))
            file.write(_lines(frame.to_degrees(corners), starts).encode())


def _lines(corners: np.ndarray, starts: np.ndarray) -> str:
    head = (
        '{"type":"Feature","properties":{"height":-1.0,"confidence":-1.0},"geometry":{"type":"Polygon","coordinates":[['
    )
    points = [f"[{lon:.7f},{lat:.7f}]" for lon, lat in corners.tolist()]
    bounds = starts.tolist()
    rings = (",".join(points[a:b]) + "," + points[a] for a, b in pairwise(bounds))
    return "".join(f"{head}{ring}]]}}}}\n" for ring in rings)
