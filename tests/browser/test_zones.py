"""How zones are drawn, in a real browser: pixels of the map, where zones overlap and where they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import pytest
import shapely

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.load.planner_map.map_page import Page as MapFiles
    from tests.browser.conftest import Watched
    from tests.load import sample_tables

pytestmark = pytest.mark.browser

_TINT = """() => {
    // Mean colour of 16 x 16 pixels in the middle of the map: two periods of the pattern.
    const box = document.querySelector(".folium-map").getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const shown = [...document.querySelectorAll("canvas.leaflet-tile-loaded")];
    const tiles = shown.map(tile => [tile, tile.getBoundingClientRect()]);
    const sums = [0, 0, 0];
    for (let i = -8; i < 8; i++) for (let j = -8; j < 8; j++) {
        const [tile, { left, top, width }] = tiles.find(([, { left, top, right, bottom }]) =>
            left <= x + i && x + i < right && top <= y + j && y + j < bottom);
        const scale = tile.width / width;
        const { data } = tile.getContext("2d").getImageData((x + i - left) * scale, (y + j - top) * scale, 1, 1);
        for (let part = 0; part < 3; part++) sums[part] += data[part] / 256;
    }
    return sums;
}"""


@pytest.mark.parametrize("zoom", [13, 15])
def test_land_under_two_zones_is_hatched_once(
    watched: Watched, sample: sample_tables.Sample, write_map: Callable[..., MapFiles], zoom: int
) -> None:
    zones = sample.zones.to_crs(sample.projected)
    dump = zones[zones["hazard_class"] == "landfill"]
    beside = dump.set_geometry(dump.translate(500, 300))  # a second one, whose zone overlaps the first's
    zones = gpd.GeoDataFrame(pd.concat([zones, beside], ignore_index=True), crs=zones.crs)
    concern = sample.tables["red_zone_rules"].drop_duplicates("hazard_class").set_index("hazard_class")["concern"]
    alike = zones[(zones["hazard_class"].map(concern) == "residents") & (zones["kind"] == "statutory")].geometry
    cover = list(alike.to_numpy())
    both = shapely.union_all([a.intersection(b) for i, a in enumerate(cover) for b in cover[i + 1 :]])
    others = shapely.union_all(zones.drop(alike.index).geometry.to_numpy())
    once = shapely.union_all(cover).difference(both)
    # Away from edges, which are drawn in a colour of their own.
    inner = [shapely.difference(land, others).buffer(-120) for land in (both, once)]
    places = gpd.GeoSeries([land.representative_point() for land in inner], crs=sample.projected).to_crs("EPSG:4326")
    index = write_map(replace(sample, zones=zones.to_crs("EPSG:4326"))).index
    hidden = "context.unmapped.settlements.buildings.hazards.names"
    tints = []
    for place in places:
        watched.page.goto("about:blank")
        page = watched.open(index, f"hide={hidden}&map={zoom}/{place.y:.6f}/{place.x:.6f}")
        page.wait_for_timeout(900)
        tints.append(page.evaluate(_TINT))
    assert tints[0] == pytest.approx(tints[1], abs=6)
    assert tints[0][0] - tints[0][1] > 20, "the land is red"
