from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from pipeline.load import parquet, report
from pipeline.schema.provenance import Notice
from pipeline.schema.tables import TABLES, conform
from tests.load import sample_tables

if TYPE_CHECKING:
    from pathlib import Path

NASTY = "<script>alert('x')</script>\x00{{7*7}}${y}"


def full_tables(sample: sample_tables.Sample, **instead: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """All tables of a run: those of the sample, and a few rows of those that it does not have."""
    area = sample.area_id
    run = {"run_id": "ab12", "version": "0.1.0", "sources": "sample", "seed": 7, "draws": 10_000, "season": "winter"}
    nothing: dict[str, Any] = dict.fromkeys(("reported_low", "reported", "reported_high", "p05", "p50", "p95"))
    check = {**nothing, "area_id": area, "year": 2011, "log_ratio": None, "reference": "Voices 9"}
    rows = {
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
    report.build(folder / "report.html", folder / "tables", **options)
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
def html(sample: sample_tables.Sample, tmp_path_factory: pytest.TempPathFactory) -> str:
    shares = pd.DataFrame(
        {"area_id": "bishkek", "quantity": "residents", "factor": ["household_size", "recall"], "share": [0.7, 0.3]}
    )
    notices = [Notice("a.pbf", "A ring was dropped.", 3), Notice("a.pbf", "A ring was dropped.", 2), Notice("b", NASTY)]
    return _write(
        tmp_path_factory.mktemp("report"), full_tables(sample), notices=notices, decomposition={"bishkek": shares}
    )


def test_says_the_headline_as_an_interval_with_its_evidence(html: str) -> None:
    assert re.search(r'class="big">[\d,]+.?–.?[\d,]+<', html)
    assert "No local evidence: a wide assumption" in html
    assert "Simulated data" in html


def test_says_what_is_missing_and_how_it_was_checked(html: str) -> None:
    for text in (
        "Gas trunk pipeline: Nothing is mapped here, so nothing can be said about it.",
        "1 not mapped",
        "1 of 2 comparable figures",
        "over 10",
        "household size",
        "70 %",
        "Not for enforcement",
    ):
        assert text in html, text


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
    frames["validation"] = frames["validation"].iloc[:0]
    text = _write(tmp_path, frames)
    assert "cannot be told from these inputs" in text
    assert "No settlement was found" in text
    assert "There is no built-up raster" in text
    assert "nan" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def test_same_tables_same_bytes(sample: sample_tables.Sample, tmp_path: Path) -> None:
    assert _write(tmp_path / "a", full_tables(sample)) == _write(tmp_path / "b", full_tables(sample))
