from __future__ import annotations

import csv
import io
import json
import re
import string
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from pipeline.base.resources import resource
from pipeline.errors import InputError
from pipeline.load import parquet, press_kit, public_edition
from pipeline.load.press_kit import captions, figures, page, static_graphic, texts
from pipeline.schema.tables import TABLES
from pipeline.schema.vocabulary import LANGUAGES
from tests.load import sample_tables

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "${alert(1)}",
    "`alert(1)`",
    "\"'><img src=x onerror=alert(1)>",
    "{{7*7}}",
    "<!-- ",
    "]]>",
    "&lt;b&gt;",
    "\u202eevil\u202c",
    "a\x00b",
    '=HYPERLINK("http://x")',
    "😀 жилмассив",
    "x" * 10_000,
]


def _edition(frames: dict[str, pd.DataFrame], folder: Path) -> Path:
    for name, frame in frames.items():
        parquet.write(frame, folder / "full" / f"{name}.parquet", TABLES[name])
    public_edition.build(folder / "full", folder / "public")
    return folder / "public"


@pytest.fixture(scope="module")
def edition(outputs: Path, sample: sample_tables.Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("embed")
    public_edition.build(outputs / "tables", out)
    press_kit.background.write(sample.context, sample.projected, out / "maps" / "bishkek" / "background.json")
    press_kit.build(out, "bishkek")
    return out


@pytest.fixture(scope="module")
def kit(edition: Path) -> figures.Kit:
    return figures.read(edition, "bishkek")


class _Attributes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, name, value or "") for name, value in attrs]


def test_the_kit_is_complete(edition: Path) -> None:
    folder = edition / "embed" / "bishkek"
    names = {path.name for path in folder.iterdir()}
    languages = ("en", "ru", "ky", "kk")
    assert names == {
        "index.html",
        "snippet.html",
        "settlements.csv",
        "grid.csv",
        *(f"graphic.{code}.{kind}" for code in languages for kind in ("svg", "png")),
        *(f"caption.{code}.txt" for code in languages),
    }
    assert (folder / "index.html").stat().st_size <= 2_000_000
    assert (edition / "maps" / "bishkek" / "index.html").exists()


def test_the_page_asks_for_nothing(edition: Path) -> None:
    for path in (edition / "embed" / "bishkek" / "index.html", edition / "maps" / "bishkek" / "index.html"):
        parser = _Attributes()
        parser.feed(path.read_text(encoding="utf-8"))
        loaded = [item for item in parser.found if item[1] in {"src", "srcset", "data", "poster", "action"}]
        assert loaded == []
        links = {value for tag, name, value in parser.found if name == "href" and tag != "a"}
        assert links == {"data:,"}
        targets = [path.parent / value for tag, name, value in parser.found if (tag, name) == ("a", "href")]
        assert all(target.resolve().is_file() for target in targets)


def test_texts_are_the_same_in_all_languages() -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english = texts.load("en").entries
    used = "".join(
        path.read_text(encoding="utf-8")
        for folder in (
            resource("maps", "embed"),
            resource("pipeline", "load", "press_kit"),
            resource("pipeline", "load"),
        )
        for path in folder.iterdir()
        if path.is_file()
    )
    for code in LANGUAGES:
        entries = texts.load(code).entries
        assert list(entries) == list(english)
        for key, text in entries.items():
            assert fields(text) == fields(english[key]), (code, key)
    own = json.loads(resource("maps", "texts", "embed.en.json").read_text(encoding="utf-8"))
    unused = [
        key for key in own if f'"{key}"' not in used and not re.match(r"(view|legend|impact)[._]|disclaimer", key)
    ]
    assert unused == []


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert texts.load("en").number(12345.4) == "12,345"
    assert texts.load("kk").number(-12345) == "−12\u00a0345"
    assert texts.load("en").interval(1, 2) == "1\u2060–\u20602"


def test_the_headline_is_an_interval_with_its_evidence(kit: figures.Kit, edition: Path) -> None:
    assert kit.unregistered is not None
    html = (edition / "embed" / "bishkek" / "index.html").read_text(encoding="utf-8")
    assert texts.load("ru").interval(kit.unregistered.low, kit.unregistered.high) in html
    assert "No local evidence: a wide assumption" in html
    assert "Not for enforcement" in html
    assert html.count("Simulated data") >= 1


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_range_that_reaches_below_zero_reads_as_up_to(kit: figures.Kit, code: str) -> None:
    language = texts.load(code)
    below = figures.Interval(-37_600.0, 6_300.0, 50_200.0, "none")
    said = captions.compose(replace(kit, unregistered=below), language)
    assert language.number(50_200) in said.headline
    assert language.number(-37_600) not in said.headline
    assert language.interval(-37_600, 50_200) in said.deck
    none = captions.compose(replace(kit, unregistered=replace(below, middle=-9_000.0, high=-500.0)), language)
    assert not any(digit in none.headline for digit in "0123456789")
    assert language.interval(-37_600, -500) in none.deck


def test_the_drawing_is_well_formed_and_says_everything(edition: Path) -> None:
    folder = edition / "embed" / "bishkek"
    for code in LANGUAGES:
        root = ET.fromstring((folder / f"graphic.{code}.svg").read_text(encoding="utf-8"))  # noqa: S314 - our own
        shown = " ".join(root.itertext()).replace("\u2060", "")
        for key in ("settlements.title", "growth.title", "disclaimer", "simulated", "licence"):
            assert texts.load(code)(key) in shown, key
        assert "OpenStreetMap" in shown
        assert (folder / f"graphic.{code}.png").read_bytes().startswith(b"\x89PNG")


def test_every_row_of_the_figures_says_what_it_is_not(edition: Path, kit: figures.Kit) -> None:
    for name, count in (("settlements.csv", len(kit.settlements)), ("grid.csv", len(kit.cells))):
        text = (edition / "embed" / "bishkek" / name).read_text(encoding="utf-8")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == count
        assert all("Not for enforcement" in row["note"] for row in rows)
        assert "building_id" not in text


def test_same_input_same_bytes(edition: Path, kit: figures.Kit, tmp_path: Path) -> None:
    press_kit.fill(tmp_path, kit)
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (edition / "embed" / "bishkek" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_stay_text(sample: sample_tables.Sample, tmp_path: Path, name: str) -> None:
    frames = dict(sample.tables)
    names = dict.fromkeys(("name", "name_en", "name_ru", "name_ky", "name_kk", "status_source"), name)
    frames["settlements"] = frames["settlements"].assign(**names)
    frames["areas"] = frames["areas"].assign(**{key: name for key in names if key.startswith("name")})
    frames["sources"] = frames["sources"].assign(attribution=name)
    kit = figures.read(_edition(frames, tmp_path), "bishkek")
    html = page.render(kit)
    parser = _Attributes()
    parser.feed(html)
    assert not [item for item in parser.found if item[1].startswith("on") or item[1] == "src"]
    assert html.count("<script") == html.count("</script>") == 2
    assert "<img" not in html
    ET.fromstring(static_graphic.draw(kit, texts.load("en")))  # noqa: S314 - our own
    island = re.search(r'id="data">(.*?)</script>', html, re.DOTALL)
    assert island is not None
    assert json.loads(island[1])["texts"]["en"]["title"].endswith(texts.clean(name))
    assert "<script>alert" not in page.snippet(kit)


def test_spreadsheets_run_no_formula(sample: sample_tables.Sample, tmp_path: Path) -> None:
    frames = {**sample.tables, "settlements": sample.tables["settlements"].assign(name="=1+1", name_en="@x")}
    folder = press_kit.build(_edition(frames, tmp_path), "bishkek")
    rows = list(csv.DictReader((folder / "settlements.csv").open(encoding="utf-8")))
    assert {row["name"] for row in rows} == {"'=1+1"}
    assert {row["name_en"] for row in rows} == {"'@x"}


def test_an_area_without_anything_still_has_a_page(tmp_path: Path) -> None:
    edition = _edition(sample_tables.empty().tables, tmp_path)
    folder = press_kit.build(edition, "bishkek")
    html = (folder / "index.html").read_text(encoding="utf-8")
    assert "No settlement is large enough to be shown." in html
    assert "Bishkek and its settlements" in html


def test_an_unknown_area_is_one_sentence(edition: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no area 'paris' \(known: bishkek\)"):
        press_kit.build(edition, "paris")
    with pytest.raises(InputError, match="cannot be read as table areas"):
        press_kit.build(tmp_path, "bishkek")
