"""A real city that its inputs hardly show: no product may give a total, and each says how much is seen."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest

from pipeline import config
from pipeline.run import run
from pipeline.schema.vocabulary import LANGUAGES
from pipeline.wording.texts import load

CONFIG = Path(__file__).parent / "configs" / "almaty_2012.toml"
DATA = Path(__file__).parents[2] / "shared" / "data" / "almaty_2012-03.osm.pbf"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the real extract of Almaty is not here (../shared/data)")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("almaty") / "out"
    run(config.load(CONFIG, out=folder), quiet=True)
    return folder


def test_the_tables_hold_no_total(out: Path) -> None:
    for path in (out / "novostroiki.duckdb", out / "public" / "novostroiki.duckdb"):
        with duckdb.connect(str(path), read_only=True) as con:
            share, told, year = con.sql("SELECT people_seen_share, told, inputs_year FROM areas").fetchall()[0]
            assert share == pytest.approx(0.22, abs=0.02)
            assert (told, year) == ("mapped_part", 2012)
            assert con.sql("SELECT about FROM area_population").fetchall() == [("mapped_part",)]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_product_says_how_much_is_seen(out: Path, code: str) -> None:
    kit = out / "public" / "embed" / "almaty"
    island = re.search(
        r'id="novostroiki-data"[^>]*>(.*?)</script>', (out / "maps/almaty/index.html").read_text(), re.DOTALL
    )
    assert island is not None
    sentence = json.loads(island[1])["area"]["seen"][code].replace("\u2060", "")
    assert re.search(r"22\s?%", sentence)
    assert "2012" in sentence
    first = sentence.split(". ")[1][:40]
    drawing = " ".join(re.findall(r">([^<]+)<", (kit / f"graphic.{code}.svg").read_text(encoding="utf-8")))
    for text in (
        drawing,
        (kit / f"caption.{code}.txt").read_text(encoding="utf-8"),
        (kit / "index.html").read_text(encoding="utf-8"),
        (out / "public/maps/almaty/index.html").read_text(encoding="utf-8"),
    ):
        assert first.replace("\u00a0", " ") in " ".join(text.split()).replace("\u00a0", " ")


def test_no_headline_speaks_of_the_unregistered(out: Path) -> None:
    page = (out / "public" / "embed" / "almaty" / "index.html").read_text(encoding="utf-8")
    headline = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
    assert headline is not None
    assert "registered" not in headline[1]


@pytest.mark.parametrize("code", LANGUAGES)
def test_nothing_is_counted_where_too_little_is_seen(out: Path, code: str) -> None:
    """That no new settlement was found, or few homes in zones, would read as good news of the city."""
    words, map_words = load(code, "report"), load(code, "map")
    report = (out / ("report.html" if code == "en" else f"report.{code}.html")).read_text(encoding="utf-8")
    for page in (report, (out / "index.html").read_text(encoding="utf-8")):
        assert str(words.entries["report.counts"]).partition(":")[0] not in page
    assert str(words.entries["report.narrow.note"]) not in report
    page = (out / "maps/almaty/index.html").read_text(encoding="utf-8")
    bare = re.search(r"<noscript>(.*?)</noscript>", page, re.DOTALL)
    island = re.search(r'id="novostroiki-data"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert bare is not None
    assert island is not None
    data = json.loads(island[1])
    assert data["area"]["told"] == "mapped_part"
    homes = data["homes"]
    assert map_words("summary.homes", count=homes["inZones"], all=homes["all"]) not in bare[1]
    assert map_words("summary.settlements", count=0, all=len(data["settlements"])) not in bare[1]
    assert "as stated" not in (out / f"public/embed/almaty/caption.{code}.txt").read_text(encoding="utf-8")


def test_the_report_says_how_much_is_seen(out: Path) -> None:
    assert "22%" in (out / "report.html").read_text(encoding="utf-8")
