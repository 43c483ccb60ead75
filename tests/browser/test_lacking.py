"""Areas that lack something, in a real browser: settlements, hazards, buildings, or nearly everything that is there."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import shapely

from pipeline.schema.tables import conform
from tests.browser.test_area import drop, figure, geojson, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.load.planner_map.map_page import Page as MapFiles
    from tests.browser.conftest import Watched
    from tests.load import sample_tables

pytestmark = pytest.mark.browser

_OF_SETTLEMENTS = (
    "settlements", "named_settlements", "red_zone_overlaps", "settlement_population", "settlement_built_up",
    "settlement_built_up_since_2016", "cell_settlements", "population_draws",
)  # fmt: skip
_OF_HAZARDS = ("hazards", "building_hazards", "red_zone_overlaps")
LACKING = {
    "settlements": _OF_SETTLEMENTS,
    "hazards": _OF_HAZARDS,
    "buildings": ("buildings", "building_hazards", "population_draws", *_OF_SETTLEMENTS),
}
STATES = (
    "tab=key",
    "tab=area",
    "tab=whatif&if=landfill~700",
    "tab=table",
    "tab=about",
    "here=42.9675,74.6052",
    "swipe=1990",
    "year=2005&theme=growth",
)


def lacking(sample: sample_tables.Sample, what: str) -> sample_tables.Sample:
    """Return the sample without any settlement, hazard or building."""
    tables: dict[str, Any] = {name: conform(name, sample.tables[name].iloc[:0]) for name in LACKING[what]}
    if what == "settlements":
        tables["buildings"] = sample.tables["buildings"].assign(settlement_id=None)
    zones = sample.zones.iloc[:0] if what == "hazards" else sample.zones
    return replace(sample, tables=sample.tables | tables, zones=zones)


@pytest.mark.parametrize("what", LACKING)
def test_every_view_of_an_area_that_lacks_something(
    watched: Watched, sample: sample_tables.Sample, write_map: Callable[..., MapFiles], what: str
) -> None:
    page = watched.open(write_map(lacking(sample, what)).index, "lang=en")
    title = "New settlements of Bishkek" if what == "hazards" else "Settlements and red zones of Bishkek"
    assert page.inner_text("h1") == title
    for state in STATES:
        page.evaluate("state => { location.hash = state }", f"lang=en&{state}")
        page.wait_for_timeout(250)
        said = page.inner_text("#content")
        assert said.strip(), state
        assert not re.search(r"NaN|undefined|null|Infinity", said), state
    drop(page, "plan.geojson", geojson(shapely.box(74.55, 42.92, 74.65, 43.0)))
    homes = number(figure(page, "homes"))
    assert (homes == 0) == (what == "buildings")
    if what == "hazards":
        assert page.locator("[data-figure^=zone-]").count() == 0
        page.evaluate("state => { location.hash = state }", "lang=en&here=42.9675,74.6052")
        assert "What is missing from the map may still exist" in page.inner_text("#content")
    assert watched.errors == []


def test_where_too_little_is_seen_no_figure_of_people_stands_anywhere(
    watched: Watched, sample: sample_tables.Sample, write_map: Callable[..., MapFiles]
) -> None:
    """As a run leaves it: the area is told nothing of, and there are neither people nor draws."""
    nothing = ("settlement_population", "population_draws", "area_population")
    tables: dict[str, Any] = {name: conform(name, sample.tables[name].iloc[:0]) for name in nothing}
    tables["areas"] = sample.tables["areas"].assign(told="nothing", people_seen_share=0.12)
    page = watched.open(write_map(replace(sample, tables=sample.tables | tables)).index, "lang=en")
    settlement = sample.tables["settlements"]["settlement_id"].min()
    for state in (*STATES, f"at={settlement}", f"tab=area&areas=s~{settlement}"):
        page.evaluate("state => { location.hash = state }", f"lang=en&{state}")
        page.wait_for_timeout(250)
        said = page.inner_text("#content")
        assert not re.search(r"\d[\d,]* (?:people|residents)|most likely about", said), state
        assert not re.search(r"new settlements? w(?:as|ere) found|stand in red zones that bind", said), state
    drop(page, "plan.geojson", geojson(shapely.box(74.55, 42.92, 74.65, 43.0)))
    figure(page, "homes")
    assert page.inner_text("[data-figure='residents'] td >> nth=0") == "–"
    assert watched.errors == []
