"""Where a city is not told, no product tells it: one test reads all that carry a figure of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.load import parquet, press_kit, public_edition, report
from pipeline.load.planner_map.payload import page_data
from pipeline.load.press_kit import captions, figures, texts
from pipeline.schema.tables import TABLES
from pipeline.schema.vocabulary import LANGUAGES
from pipeline.transform.people_seen import PeopleSeen
from tests.load.test_report import full_tables

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tests.load import sample_tables

CASES = (
    PeopleSeen(None, "none", "unknown", "no_raster"),
    PeopleSeen(0.42, "population", "mapped_part", "partly_seen"),
    PeopleSeen(0.11, "population", "nothing", "hardly_seen"),
    PeopleSeen(None, "none", "nothing", "few_homes"),
)


@pytest.fixture(params=CASES, ids=lambda seen: f"{seen.told}-{seen.reason}")
def seen(request: pytest.FixtureRequest) -> PeopleSeen:
    case: PeopleSeen = request.param
    return case


@pytest.fixture
def tables(sample: sample_tables.Sample, seen: PeopleSeen) -> dict[str, pd.DataFrame]:
    share = float("nan") if seen.share is None else seen.share
    areas = sample.tables["areas"].assign(
        people_seen_share=share, people_seen_by=seen.basis, told=seen.told, told_reason=seen.reason
    )
    told = {name: frame.iloc[: 0 if seen.told == "nothing" else None] for name, frame in sample.tables.items()}
    people = {name: told[name] for name in ("area_population", "settlement_population")}
    people["area_population"] = people["area_population"].assign(about=seen.told)
    return {**full_tables(sample), "areas": areas, **people}


@pytest.fixture
def kit(tables: dict[str, pd.DataFrame], sample: sample_tables.Sample, tmp_path: Path) -> figures.Kit:
    for name, frame in tables.items():
        parquet.write(frame, tmp_path / "tables" / f"{name}.parquet", TABLES[name])
    public_edition.build(tmp_path / "tables", tmp_path / "public")
    background = tmp_path / "public" / "maps" / sample.area_id / "background.json"
    background.parent.mkdir(parents=True)
    background.write_text(press_kit.background.draw(sample.context, sample.projected), encoding="utf-8")
    return figures.read(tmp_path / "public", sample.area_id)


def test_the_kit_has_no_headline_about_the_city(kit: figures.Kit, seen: PeopleSeen) -> None:
    assert kit.unregistered is None
    for code in LANGUAGES:
        said = captions.compose(kit, texts.load(code))
        assert said.headline == texts.load(code)("headline.plain", city=kit.names[code])
        assert said.seen in said.caption
        assert said.seen in said.alt
        if seen.share is not None:
            assert texts.load(code).percent(seen.share) in said.seen


def test_the_map_has_no_figure_of_the_city(tables: dict[str, pd.DataFrame], kit: figures.Kit) -> None:
    page = page_data(tables)
    assert page["population"] == {}
    assert page["area"]["seen"] == kit.seen, "map and kit say the same"


def test_the_report_has_no_figure_of_the_city(kit: figures.Kit, tmp_path: Path) -> None:
    report.build(tmp_path, tmp_path / "tables", notices=[])
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "How many people live in the whole city cannot be told" in html
    assert kit.seen["en"] in html


def test_only_what_is_mapped_is_a_number(tables: dict[str, pd.DataFrame], kit: figures.Kit, seen: PeopleSeen) -> None:
    assert tables["area_population"]["about"].tolist() == ([] if seen.told == "nothing" else [seen.told])
    assert any(digit in kit.seen["en"].split("people")[-1] for digit in "0123456789") == (seen.told != "nothing")
