"""The report and the start page in a real browser: four languages, a phone, paper."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from pypdf import PdfReader

from pipeline.load import parquet, report
from pipeline.schema.tables import TABLES
from pipeline.schema.vocabulary import LANGUAGES
from pipeline.wording.texts import load
from tests.load.test_report import full_tables

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Watched
    from tests.load import sample_tables

pytestmark = pytest.mark.browser
_BY_AREA = (
    "areas",
    "population_draws",
    "area_population",
    "settlement_population",
    "settlements",
    "completeness",
    "unregistered_shares",
)


@pytest.fixture(scope="module")
def out(sample: sample_tables.Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run of four cities, all told."""
    folder = tmp_path_factory.mktemp("report")
    frames = full_tables(sample)
    frames["areas"] = frames["areas"].assign(told="city", told_reason="seen")
    for name in _BY_AREA:
        own = frames[name]
        ids = [column for column in ("settlement_id", "place_id", "near_id") if column in own]
        frames[name] = pd.concat(
            [
                own.assign(area_id=city, **{column: own[column].str.replace("bishkek", city) for column in ids})
                for city in ("bishkek", "osh", "almaty", "astana")
            ],
            ignore_index=True,
        )
    named = frames["areas"]["area_id"].str.title()
    frames["areas"] = frames["areas"].assign(**{f"name{end}": named for end in ("", *(f"_{c}" for c in LANGUAGES))})
    for name, frame in frames.items():
        parquet.write(frame, folder / "tables" / f"{name}.parquet", TABLES[name])
    factors = ["household_size", "recall_osm", "unregistered_share", "ghost_share"]
    shares = pd.DataFrame({"quantity": "residents", "factor": factors, "share": [0.4, 0.3, 0.2, 0.1]})
    cities = frames["areas"]["area_id"]
    report.build(folder, folder / "tables", decomposition={city: shares.assign(area_id=city) for city in cities})
    return folder


@pytest.mark.parametrize("code", LANGUAGES)
def test_on_paper_the_summary_has_four_pages_and_every_page_says_simulated(
    watched: Watched, out: Path, code: str
) -> None:
    watched.page.goto((out / ("report.html" if code == "en" else f"report.{code}.html")).as_uri())
    pdf = watched.page.pdf(prefer_css_page_size=True, print_background=True)
    pages = [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]
    words = load(code, "report")
    assert all(words("report.simulated.page") in page for page in pages)
    annex = next(number for number, page in enumerate(pages) if words("report.annex.note")[:30] in page)
    assert annex <= 4


@pytest.mark.parametrize("file", ["report.html", "report.kk.html", "index.html"])
def test_axe_finds_nothing_and_a_phone_needs_no_sideways_scrolling(
    watched: Watched, out: Path, axe: str, file: str
) -> None:
    page = watched.page
    page.goto((out / file).as_uri())
    page.evaluate(axe)
    assert page.evaluate("axe.run().then(result => result.violations.map(one => [one.id, one.nodes[0].html]))") == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert watched.errors == []
    assert len(watched.requests) == 1


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_start_page_speaks_one_language_at_a_time(watched: Watched, out: Path, code: str) -> None:
    page = watched.page
    page.goto(f"{(out / 'index.html').as_uri()}?lang={code}")
    assert page.locator("h1 .t:visible").get_attribute("lang") == code
    assert {one.get_attribute("lang") for one in page.locator(".t:visible").all()} == {code}
    page.locator(".big-link:visible").click()
    assert page.evaluate("document.documentElement.lang") == code
