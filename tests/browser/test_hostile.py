"""No text of the inputs can run, load or hide anything, wherever the page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from tests.browser.hostile import STRINGS
from tests.load import sample_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.load.planner_map.map_page import Page as MapFiles
    from tests.browser.conftest import Watched

pytestmark = pytest.mark.browser

SETTLEMENT_TEXTS = ("name", "name_en", "name_ru", "name_ky", "name_kk", "status_source", "name_evidence")
RULE_TEXTS = ("name_en", "name_ru", "name_ky", "name_kk", "legal_reference")
SOURCE_TEXTS = ("dataset", "version", "licence", "attribution")
PLACE_TEXTS = ("name", "name_en", "name_ru", "name_ky", "name_kk")


def test_there_are_enough_strings_and_places() -> None:
    places = len(SETTLEMENT_TEXTS) + len(RULE_TEXTS) + len(SOURCE_TEXTS) + len(PLACE_TEXTS)
    assert len(STRINGS) >= 40
    assert places >= 12


@pytest.mark.parametrize("turn", range(3))
def test_hostile_strings_are_inert(watched: Watched, write_map: Callable[..., MapFiles], turn: int) -> None:
    area = _hostile(turn)
    page = watched.open(write_map(area).index)
    for state in ("tab=table", "tab=about", "tab=whatif&if=landfill~1000", "tab=key"):
        page.evaluate("state => { location.hash = state }", state)
        page.wait_for_timeout(120)
    for settlement in area.tables["settlements"].itertuples():
        page.evaluate("state => { location.hash = state }", f"at={settlement.settlement_id}")
        page.wait_for_selector(".facts")
        assert page.evaluate("document.querySelector('#details-title').textContent") == _shown(settlement.name_en)
        facts = page.evaluate("document.querySelector('.facts').textContent")
        assert _shown(settlement.status_source) in facts
    page.evaluate("state => { location.hash = state }", "tab=table&lang=ru&map=14/42.958/74.6")
    for text in STRINGS[:12]:
        page.fill("#search", text[:40])
    page.wait_for_timeout(600)
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("({}).polluted") is None
    foreign = "iframe, base, link[rel=stylesheet], video, details:not(#legend-chip), math"
    assert page.locator(foreign).count() == 0
    assert [error for error in watched.errors if "favicon" not in error] == []
    assert [url for url in watched.requests if not url.startswith(("data:", "file:"))] == []


def _shown(text: str) -> str:
    """Return a text as the page shows it: cut at 200 characters; a NUL reads as nothing else than itself."""
    return text if len(text) <= 200 else text[:199] + "…"


def _hostile(turn: int) -> sample_tables.Sample:
    """A city in which every text of every table is hostile; `turn` decides which text stands where."""
    area = sample_tables.make(6000)
    tables = dict(area.tables)
    settlements = tables["settlements"]
    assert len(settlements) >= 40
    tables["settlements"] = _filled(settlements, SETTLEMENT_TEXTS, turn).assign(
        status="unresolved", status_year=pd.array([2011] * len(settlements), dtype="Int64")
    )
    tables["red_zone_rules"] = _filled(tables["red_zone_rules"], RULE_TEXTS, turn * 7)
    sources = pd.concat([tables["sources"]] * len(STRINGS), ignore_index=True)
    sources["source_id"] = [f"s/{number}" for number in range(len(sources))]
    tables["sources"] = _filled(sources, SOURCE_TEXTS, turn)
    outskirts = tables["completeness"].query("measure == 'inhabited_mapped_outskirts'")
    completeness = pd.concat([outskirts] * len(STRINGS), ignore_index=True)
    tables["completeness"] = _filled(completeness, ("layer",), turn)
    tables["areas"] = _filled(tables["areas"], ("name", "name_en", "name_ru", "name_ky", "name_kk"), turn * 5)
    for name in ("area_built_up", "settlement_built_up"):
        tables[name] = tables[name].assign(product=STRINGS[turn])
    tables["hazards"] = _filled(tables["hazards"], ("name", "attributes"), turn * 11)
    places = _filled(area.context["places"], PLACE_TEXTS, turn)
    return sample_tables.Sample(tables, area.context | {"places": places}, area.zones, area.projected)


def _filled(frame: Any, columns: Sequence[str], shift: int) -> Any:
    texts = {
        column: [STRINGS[(row + shift + 5 * number) % len(STRINGS)] for row in range(len(frame))]
        for number, column in enumerate(columns)
    }
    return frame.assign(**texts)
