"""The page about local files: what people have, and what they write into the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.extract import labels, rasters, spreadsheets
from pipeline.extract.osm import makers
from pipeline.extract.vector import formats
from pipeline.extract.wsf.tracker import FORMATS as TRACKER_FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.extract.local_files import Format

_HEAD = """# Your own files

With `sources = "local"`, or beside live sources, an area is read from files. The readers look at what a file holds, not
at what it is called. What one cannot use is refused in a sentence with the remedy, or counted in a notice.

```toml
[areas.almaty.inputs]
osm        = ["kazakhstan.osm.pbf"]
footprints = ["almaty.geojsonl.gz", { path = "cadastre.gpkg", layer = "buildings", crs = "EPSG:28413" }]
population = "population.tif"
built_up   = { 2000 = "E2000.zip", 2020 = "E2020.zip" }
registered = "registered.xlsx"
```

A table `{ path = "…", layer = "…", crs = "…" }` may stand wherever a path may.
"""
_TAIL = """
## What is refused, and why

- A file without polygons as `footprints`; a table without geometries; several layers of which none is plainly the one
  of buildings (name it with `layer`).
- A coordinate system that has no place on Earth, such as the local ones of surveyors; latitude and longitude swapped;
  coordinates that are no degrees where nothing says what they are.
- An area `crs` that changes lengths by more than 0.5 % there, such as Web Mercator.
- OpenStreetMap of which the server gave up in the middle, or whose ways have none of their nodes; history files.
- Rasters of another unit: more built up than the cell has ground, years that are none, a value for "no data" that fills
  many cells and is not declared.
- A register that names a place twice in one year; rows without figures are left out and named.
- An area in which no input shows a building: the run ends with exit code 1, and earlier outputs stay. Of several areas,
  the others are published without it, and the run says so.

Licence and attribution of footprints follow from their columns (`osm_id`, `full_id`, `@id`, `fclass`: OpenStreetMap;
`bf_source`, `source`, `sources`: as each row says; `full_plus_code`: Google; `source`, `height` and
`var`: GlobalBuildingAtlas, whose heights may not be used commercially, nor may any output then). `building`,
`building:levels` and heights are used, with units as people type them.
"""


def inputs_page(note: str, grid: Callable[[tuple[str, ...], Iterable[tuple[str, ...]]], str]) -> str:
    """Return the page, made from the lists of the readers."""
    sections = (
        ("osm", makers.FORMATS, "roads, names, hazards, buildings"),
        ("footprints", formats.FORMATS, "buildings seen by satellite, or a cadastre's"),
        (
            "heights",
            (formats.FORMATS[5], *formats.FORMATS[1:3]),
            "polygons with a height, for buildings of unknown storeys",
        ),
        ("outlines", formats.FORMATS[1:4], "settlements of an earlier date, with a column settlement_id"),
        ("population", rasters.FORMATS, "people per cell"),
        ("built_up", rasters.FORMATS, "built-up m² per cell, a file for each epoch: `{ 2020 = … }`"),
        ("onset", rasters.FORMATS, "the first year in which a cell was built up; 0: never"),
        (
            "tracker",
            TRACKER_FORMATS,
            "the half-year in which a cell was first seen built (WSF Tracker)",
        ),
        ("registered", spreadsheets.FORMATS, "columns name, registered, year, source; no name: the whole area"),
        ("survey", spreadsheets.FORMATS, "columns settlement, houses, persons"),
        ("labels", labels.FORMATS, "columns kind, source, and place (name or identifier) or lat and lon"),
    )
    rows = [
        (
            f"{form.have}",
            f"`{key} = {_written(key, form)}`",
            "; ".join(filter(None, (about if first else "", form.note))),
        )
        for key, forms, about in sections
        for first, form in ((form is forms[0], form) for form in forms)
    ]
    return "\n".join([note, "", _HEAD, grid(("you have", "write", "note"), rows), _TAIL])


def _written(key: str, form: Format) -> str:
    if key in {"osm", "footprints", "heights"}:
        return f"[{form.write}]"
    return f"{{ 2020 = {form.write} }}" if key == "built_up" else form.write
