"""A figure of people that stands in several products is the same string in all of them."""

from __future__ import annotations

import csv
import html
import re
from typing import TYPE_CHECKING

import pytest

from pipeline.load import parquet, press_kit, public_edition, report
from pipeline.schema.tables import TABLES
from pipeline.wording.texts import WORD_JOINER
from tests.load.test_report import full_tables

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Watched
    from tests.load import sample_tables

pytestmark = pytest.mark.browser
_NUMBER = r"−?\d{1,3}(?:,\d{3})*"


@pytest.fixture(scope="module")
def out(sample: sample_tables.Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Report, public edition and kit of the sample area."""
    folder = tmp_path_factory.mktemp("products")
    for name, frame in full_tables(sample).items():
        parquet.write(frame, folder / "tables" / f"{name}.parquet", TABLES[name])
    report.build(folder, folder / "tables")
    public_edition.build(folder / "tables", folder / "public")
    press_kit.build(folder / "public", sample.area_id)
    return folder


def _text(path: Path) -> str:
    """Return what a page shows, without its markup."""
    bare = re.sub(r"<(style|script)\b.*?</\1>|<[^>]+>", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(html.unescape(bare).replace(WORD_JOINER, "").split())


def _written(quantiles: tuple[str, str, str]) -> tuple[str, str]:
    """Return middle and interval as English products write them, from rounded figures of a CSV."""
    low, middle, high = (f"{float(value):,.0f}".replace("-", "−") for value in quantiles)
    return middle, f"{low}–{high}"


def test_a_figure_is_the_same_in_every_product(
    watched: Watched, sample: sample_tables.Sample, sample_map: Path, out: Path
) -> None:
    kit = out / "public" / "embed" / sample.area_id
    with (kit / "settlements.csv").open(encoding="utf-8") as file:
        published = {row["settlement_id"]: row for row in csv.DictReader(file)}
    kept = parquet.read(out / "tables" / "public_ids.parquet", TABLES["public_ids"])
    ids = dict(zip(kept["public_id"], kept["settlement_id"], strict=True))
    rows = {ids[name]: row for name, row in published.items()}
    figures = {
        name: _written((row["residents_p05"], row["residents_p50"], row["residents_p95"])) for name, row in rows.items()
    }
    page = watched.open(sample_map, "tab=table&lang=en")
    shown = {}
    for name in figures:
        cell = page.locator(f"[id='row-{name}'] td:has(small)").first
        interval = cell.locator("small").inner_text()
        shown[name] = (cell.inner_text().removesuffix(interval).strip(), interval)
    assert shown == figures
    assert len(figures) > 3

    listed = _text(kit / "index.html")
    drawn = _text(kit / "graphic.en.svg")
    for name, (middle, interval) in figures.items():
        assert f"{middle} ({interval})" in listed or f"{middle} {interval}" in listed, (name, middle, interval)
    news = [name for name, row in rows.items() if row["kind"] == "novostroika"]
    largest = max(news, key=lambda name: float(rows[name]["residents_p50"]))
    assert f"{figures[largest][0]} ({figures[largest][1]})" in drawn
    assert figures[largest][1] in (kit / "caption.en.txt").read_text(encoding="utf-8")

    told = _text(out / "report.html")
    reported = [name for name in news if f"{figures[name][0]} {figures[name][1]}" in told]
    assert len(reported) >= min(len(news), 5)

    page.evaluate("() => { location.hash = 'lang=en&tab=about' }")
    page.wait_for_selector("#content .facts")
    city = page.inner_text("#content .facts")
    low, high, middle = re.findall(rf"({_NUMBER}) to ({_NUMBER}), most likely about ({_NUMBER})", city)[0]
    assert f"Residents: {low}–{high}, middle estimate {middle}" in told
    low, high, middle = re.findall(rf"({_NUMBER}) to ({_NUMBER}), most likely about ({_NUMBER})", city)[2]
    assert f"{low}–{high}" in told
    assert f"{low}–{high}" in listed
    assert f"Middle estimate {middle};" in listed
