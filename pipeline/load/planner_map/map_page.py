"""The planner's map of an area: one HTML file that holds everything, and the same page for a server beside it."""

from __future__ import annotations

import base64
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyproj import CRS

from pipeline.load.planner_map import folium_layers, whatif
from pipeline.load.planner_map.archive import zoom_range
from pipeline.load.planner_map.page_projection import polynomial
from pipeline.load.planner_map.payload import dumps, page_data, search_places
from pipeline.load.planner_map.without_script import without_script
from pipeline.schema.vocabulary import LANGUAGES
from pipeline.wording.texts import load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import geopandas as gpd

    from pipeline.config import Basemap

EMBED_LIMIT_BYTES = 24_000_000
"""Tiles above this size stay beside the page: as text they would choke a browser; over HTTP Range they do not."""
_MARGIN_DEG = 0.3
"""How far beyond the area the map can be dragged."""


@dataclass(frozen=True)
class Page:
    """Files of an area's map: `index` opens by double-click, `served` needs a server with HTTP Range."""

    index: Path
    served: Path
    tiles: Path
    whatif: Path
    embedded: bool
    """False: the tiles were too large for one file, and `index` says how to serve the map."""


def build(  # noqa: PLR0913 - what travels with the tables, and how
    tables: Mapping[str, Any],
    tiles: Path,
    output: Path,
    *,
    places: gpd.GeoDataFrame | None = None,
    basemap: Basemap | None = None,
    embed_limit: int = EMBED_LIMIT_BYTES,
) -> Page:
    """Write the map of one area.

    Parameters
    ----------
    tables
        The area's rows of every table, EPSG:4326.
    tiles
        The area's archive, as `pipeline.load.planner_map.tiles.build` wrote it; it is copied beside the pages.
    output
        Folder to write ``index.html``, ``served.html``, ``<area>.pmtiles`` and ``<area>.whatif`` to; it is created.
    places
        Named places that the search finds beside settlements, as extracted (EPSG:4326).
    basemap
        Online background that the reader can switch on; None: there is none, and no request can leave the page.
    embed_limit
        Bytes of tiles up to which they travel inside ``index.html``.

    Returns
    -------
    Page
        The files.
    """
    output.mkdir(parents=True, exist_ok=True)
    area_id = str(tables["areas"].iloc[0]["area_id"])
    archive, distances = output / f"{area_id}.pmtiles", output / f"{area_id}.whatif"
    if tiles.resolve() != archive.resolve():
        shutil.copyfile(tiles, archive)
    projected = CRS.from_user_input(tables["areas"].iloc[0]["crs"])
    document = page_data(tables)
    packed, sections = whatif.encode(tables, [rule["id"] for rule in document["rules"]], projected)
    distances.write_bytes(packed)

    beyond_m = max((hazard_class["reach"] for hazard_class in document["classes"]), default=0)
    document |= {
        "basemap": None if basemap is None else basemap.model_dump(),
        "places": [] if places is None else search_places(places),
        "projection": polynomial(document["area"]["bbox"], projected, beyond_m),
        "whatif": {
            "url": distances.name,
            "buildings": len(tables["buildings"]),
            "sections": [{"key": s.key, "offset": s.offset, "length": s.length} for s in sections],
        },
    }
    embedded = archive.stat().st_size <= embed_limit
    shared = {"url": archive.name, "maxZoom": zoom_range(archive)[1]}
    pages = {
        "index.html": document | {"tiles": shared | {"mode": "embedded" if embedded else "none"}},
        "served.html": document | {"tiles": shared | {"mode": "url"}},
    }
    noscript = without_script(document)
    for name, content in pages.items():
        served = name == "served.html"
        inside = {"whatif": packed} if not served else {}
        if embedded and not served:
            inside["tiles"] = archive.read_bytes()
        (output / name).write_text(_page(content, inside, noscript, fetches=served), encoding="utf-8")
    return Page(output / "index.html", output / "served.html", archive, distances, embedded)


def _origin(basemap: Mapping[str, str] | None) -> str:
    return "" if basemap is None else "/".join(basemap["url"].split("/")[:3])


def _page(document: Mapping[str, Any], inside: Mapping[str, bytes], noscript: str, *, fetches: bool) -> str:
    texts = {code: load(code, "map", "completeness").entries for code in LANGUAGES}
    payload = {"data": dumps(document), "texts": dumps(texts)}
    payload |= {key: base64.b64encode(data).decode("ascii") for key, data in inside.items()}
    page = folium_layers.PlannerPage(
        payload=payload,
        binary=tuple(inside),
        noscript=noscript,
        fetches=fetches,
        image_host=_origin(document["basemap"]),
    )
    west, south, east, north = document["area"]["bbox"]
    leaflet_map = folium_layers.PlannerMap(
        ((south + north) / 2, (west + east) / 2),
        ((south - _MARGIN_DEG, west - _MARGIN_DEG), (north + _MARGIN_DEG, east + _MARGIN_DEG)),
    )
    page.add_child(leaflet_map)
    for key in folium_layers.LAYERS:
        folium_layers.DrawingLayer(key).add_to(leaflet_map)
    folium_layers.KeyControl().add_to(leaflet_map)
    return page.render()
