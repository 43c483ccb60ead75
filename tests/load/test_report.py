from __future__ import annotations

import json
import re
import string
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base.resources import resource
from pipeline.load import parquet, report
from pipeline.load.report.countries import countries
from pipeline.load.report.people import Scale
from pipeline.schema.about import SCHEMA_VERSION
from pipeline.schema.draws import quantiles
from pipeline.schema.provenance import Notice
from pipeline.schema.rounding import round_people
from pipeline.schema.tables import TABLES, conform
from pipeline.schema.vocabulary import LANGUAGES
from pipeline.wording.texts import load
from tests.load import sample_tables

if TYPE_CHECKING:
    from pathlib import Path

NASTY = "<script>alert('x')</script>\x00{{7*7}}${y}"


def full_tables(sample: sample_tables.Sample, **instead: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """All tables of a run: those of the sample, and a few rows of those that it does not have."""
    area = sample.area_id
    run = {
        "run_id": "ab12",
        "version": "0.1.0",
        "sources": "sample",
        "seed": 7,
        "draws": 10_000,
        "season": "winter",
        "parent_run_id": None,
        "schema_version": SCHEMA_VERSION,
        "licence": "ODbL-1.0",
        "data_year": 2024,
    }
    nothing: dict[str, Any] = dict.fromkeys(("reported_low", "reported", "reported_high", "p05", "p50", "p95"))
    check = {
        **nothing,
        "area_id": area,
        "settlement_id": None,
        "year": 2011,
        "log_ratio": None,
        "detectable": None,
        "reference": "Voices 9",
    }
    everyone = dict.fromkeys(("rule_id", "since"))
    people = dict.fromkeys(("p05", "p25", "p50", "p75", "p95", "mean"), 1_500.0)
    rows = {
        "area_built_up_since_2016": [
            {"area_id": area, "year": year, "product": "wsf_tracker", "built_m2": 1e6 + 1e4 * (year - 2016)}
            for year in range(2016, 2026)
        ],
        "area_exposure": [
            {**everyone, **people, "area_id": area, "homes": 321},
            {**everyone, **people, "area_id": area, "homes": 21, "since": 2000},
        ],
        "runs": [{**run, "config": "{}", "simulated": True}],
        "named_settlements": [
            {
                "named_id": "ak-jar",
                "area_id": area,
                "name": "Ak-Jar",
                "outcome": "not mapped",
                "settlement_id": None,
                "evidence": "no footprints",
                "distance_m": None,
            }
        ],
        "validation": [
            {
                **check,
                "check_id": "a",
                "subject": "Ak-Jar",
                "quantity": "residents",
                "reported": 15_000.0,
                "p05": 9e3,
                "p50": 14e3,
                "p95": 22e3,
                "verdict": "inside",
            },
            {
                **check,
                "check_id": "b",
                "subject": NASTY,
                "quantity": "houses",
                "reported_low": 10.0,
                "verdict": "below",
            },
        ],
    }
    made = {name: conform(name, pd.DataFrame(row)) for name, row in rows.items()}
    return {**sample.tables, **made, **instead}


def _write(folder: Path, tables: dict[str, pd.DataFrame], **options: Any) -> str:
    for name, frame in tables.items():
        parquet.write(frame, folder / "tables" / f"{name}.parquet", TABLES[name])
    report.build(folder, folder / "tables", **options)
    return (folder / "report.html").read_text(encoding="utf-8")


class _Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.anchors: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in {"src", "srcset"}:
                self.sources.append(value or "")
            elif name == "href" and tag == "a":
                self.anchors.append(value or "")
            elif name == "id":
                self.ids.add(value or "")


@pytest.fixture(scope="module")
def folder(sample: sample_tables.Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    shares = pd.DataFrame(
        {
            "area_id": "bishkek",
            "quantity": "residents",
            "factor": ["household_size", "recall_osm", "household_size_flat"],
            "share": [0.4, 0.3, 0.3],
        }
    )
    notices = [Notice("a.pbf", "A ring was dropped.", 3), Notice("a.pbf", "A ring was dropped.", 2), Notice("b", NASTY)]
    out = tmp_path_factory.mktemp("report")
    _write(out, full_tables(sample), notices=notices, decomposition={"bishkek": shares})
    return out


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def test_says_the_headline_as_an_interval_with_its_evidence(html: str) -> None:
    assert re.search(r'class="big">[\d,]+.?–.?[\d,]+<', html)
    assert "No local evidence: a wide assumption" in html
    assert "Simulated data" in html


def test_says_what_is_missing_and_how_it_was_checked(html: str) -> None:
    for text in (
        "Gas trunk pipeline: Nothing is mapped here, so nothing can be said about it.",
        "nothing is mapped there: 1",
        "1 of 2 comparable published figures",
        "over 10",
        "how many people live in a home",
        "70%",
        "Not for enforcement",
    ):
        assert text in html, text


def test_texts_of_the_report_are_the_same_in_all_languages() -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    own = {code: json.loads(resource("maps", "texts", f"report.{code}.json").read_text("utf-8")) for code in LANGUAGES}
    for code in LANGUAGES:
        assert list(own[code]) == list(own["en"])
        for key, text in own[code].items():
            assert fields(text) == fields(own["en"][key]), (code, key)
            assert code == "en" or "{" in text or text != own["en"][key] or key == "report.column.version", (code, key)


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_links_the_others_and_says_the_same_figures(folder: Path, html: str, code: str) -> None:
    path = folder / ("report.html" if code == "en" else f"report.{code}.html")
    text = path.read_text(encoding="utf-8")
    assert f'<html lang="{code}">' in text
    assert load(code, "report")("report.simulated.page") in text
    outline = _Outline()
    outline.feed(text)
    assert len({anchor for anchor in outline.anchors if anchor.startswith("report")}) == len(LANGUAGES) - 1

    def figures(page: str) -> list[str]:
        return [re.sub(r"\D", "", found) for found in re.findall(r'class="big">([^<]+)<', page)]

    assert figures(text) == figures(html) != []


def test_no_english_is_left_in_the_other_languages(folder: Path) -> None:
    """But what is quoted as it was written: notices, references, names of data, licences and acts."""
    own = [str(text) for key, text in load("en", "report").entries.items() if key.startswith("report.")]
    english = set(re.findall(r"[a-z]{5,}", " ".join(own)))
    quoted = (
        r'<(style|svg)\b.*?</\1>|<td[^>]*(lang="en"|class="law").*?</td>|<section id="sources">.*?</section>|<[^>]+>'
    )
    for code in set(LANGUAGES) - {"en"}:
        page = (folder / f"report.{code}.html").read_text(encoding="utf-8")
        words = set(re.findall(r"\b[a-z]{5,}\b", re.sub(quoted, " ", page, flags=re.DOTALL)))
        assert not words & english - {"novostroiki", "manifest", "sample"}


def test_the_start_page_links_what_there_is(folder: Path) -> None:
    text = (folder / "index.html").read_text(encoding="utf-8")
    outline = _Outline()
    outline.feed(text)
    wanted = {
        "report.html", "report.ru.html", "report.ky.html", "report.kk.html", "maps/bishkek/index.html",
        "public/maps/bishkek/index.html", "public/embed/bishkek/index.html", "public/novostroiki.duckdb",
        "novostroiki.duckdb",
    }  # fmt: skip
    assert wanted == set(outline.anchors)
    assert outline.sources == []
    assert text.count("<script") == 1


def test_cities_of_one_country_stand_together_on_the_start_page(sample: sample_tables.Sample, tmp_path: Path) -> None:
    frames = full_tables(sample)
    areas = frames["areas"].assign(told="city")
    draws = frames["population_draws"]
    both = {
        "areas": pd.concat([areas, areas.assign(area_id="osh")], ignore_index=True),
        "population_draws": pd.concat([draws, draws.assign(area_id="osh")], ignore_index=True),
    }
    _write(tmp_path, {**frames, **both})
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Kyrgyzstan, Bishkek, Bishkek together" in text


def test_a_country_is_the_sum_of_its_draws(sample: sample_tables.Sample) -> None:
    areas = pd.concat([sample.tables["areas"], sample.tables["areas"].assign(area_id="osh")], ignore_index=True)
    own = sample.tables["population_draws"]
    draws = pd.concat([own, own.assign(area_id="osh")], ignore_index=True)
    (together,) = countries(areas.assign(told="city"), draws)
    twice = 2 * np.sum(np.stack(own.loc[own["quantity"] == "residents", "draws"].to_list()), axis=0)
    exact = round_people(pd.DataFrame([quantiles(twice)])).iloc[0]
    assert together.interval("residents", load("en")) == load("en").interval(exact["p05"], exact["p95"])
    assert countries(areas.assign(told=["city", "mapped_part"]), draws) == []
    assert countries(areas.iloc[:1].assign(told="city"), draws) == []


@given(st.lists(st.floats(-1e6, 1e7), min_size=3, max_size=3).map(sorted))
def test_a_bar_holds_its_range_and_zero(ends: list[float]) -> None:
    low, middle, high = ends
    quantiles_of = dict(zip(("p05", "p50", "p95"), ends, strict=True))
    row = {f"{quantity}_{end}": at for quantity in ("residents", "unregistered") for end, at in quantiles_of.items()}
    scale = Scale.over(pd.DataFrame([row]))
    places = [scale.at(low), scale.at(middle), scale.at(high)]
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] <= 100
    assert 0 <= scale.at(0.0) <= 100
    assert (scale.at(low) < scale.at(0.0)) == (scale.at(0.0) > 0 and low < 0 and scale.at(low) != scale.at(0.0))


def test_says_how_many_homes_stand_in_zones_that_bind_today(html: str) -> None:
    assert "Homes of the whole area in zones that bind: 321." in html


def test_shows_the_years_since_2016_beside_the_epochs(html: str) -> None:
    assert "(wsf_tracker)" in html
    chart = html[html.index("(wsf_tracker)") :]
    assert all(f">{year}</text>" in chart for year in range(2016, 2026))


def test_equal_notices_are_added_up(html: str) -> None:
    assert re.search(r"A ring was dropped\.</td><td class=\"n\">5</td>", html)


def test_asks_for_nothing_and_runs_nothing(html: str) -> None:
    outline = _Outline()
    outline.feed(html)
    assert outline.sources == []
    assert not {"script", "img", "iframe", "link"} & (set(outline.tags) - {"link"})
    assert outline.tags.count("link") == 1
    assert {anchor[1:] for anchor in outline.anchors if anchor.startswith("#")} <= outline.ids
    assert not [anchor for anchor in outline.anchors if "://" in anchor]


def test_hostile_texts_are_shown_as_text(html: str, sample: sample_tables.Sample, tmp_path: Path) -> None:
    assert "<script>" not in html
    assert "{{7*7}}" in html
    named = sample.tables["settlements"].assign(name=NASTY, kind="novostroika")
    areas = sample.tables["areas"].assign(name=NASTY)
    other = _write(tmp_path, full_tables(sample, settlements=named, areas=areas))
    assert "<script>" not in other
    assert "\x00" not in other


def test_an_empty_area_is_reported_not_invented(tmp_path: Path) -> None:
    empty = sample_tables.empty()
    frames = {**full_tables(sample_tables.make(200)), **empty.tables}
    for name in ("validation", "area_built_up_since_2016"):
        frames[name] = frames[name].iloc[:0]
    text = _write(tmp_path, frames)
    assert "cannot be told from these inputs" in text
    assert "No settlement was found" in text
    assert "There is no built-up raster" in text
    assert "nan" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def test_same_tables_same_bytes(sample: sample_tables.Sample, tmp_path: Path) -> None:
    _write(tmp_path / "a", full_tables(sample))
    _write(tmp_path / "b", full_tables(sample))
    for path in (tmp_path / "a").glob("*.html"):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
