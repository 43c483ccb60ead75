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

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from pipeline.base.resources import resource
from pipeline.errors import InputError
from pipeline.geometry.grid import Grid
from pipeline.load import parquet, press_kit, public_edition
from pipeline.load.press_kit import captions, drawing, figures, page, static_graphic, texts
from pipeline.load.press_kit.fonts import Face, text_width
from pipeline.load.press_kit.svg import SANS, SVG, cut, paragraph, to_text, wrap
from pipeline.schema.tables import TABLES
from pipeline.schema.vocabulary import LANGUAGES
from pipeline.transform.settlements import tell_apart
from tests.load import sample_tables

if TYPE_CHECKING:
    from pathlib import Path

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
    (out / "maps" / "bishkek").mkdir(parents=True)
    background = press_kit.background.draw(sample.context, sample.projected)
    (out / "maps" / "bishkek" / "background.json").write_text(background, encoding="utf-8")
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
        "embed.js",
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
        assert all(target.resolve().is_file() for target in targets if not target.name.startswith("#"))


def test_texts_are_the_same_in_all_languages() -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english = texts.load("en").entries
    used = "".join(
        path.read_text(encoding="utf-8")
        for folder in (
            resource("maps", "embed"),
            resource("pipeline", "load", "press_kit"),
            resource("pipeline", "load", "report"),
            resource("pipeline", "wording"),
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
def test_no_headline_quotes_one_end_of_a_range(kit: figures.Kit, code: str) -> None:
    language = texts.load(code)
    wide = figures.Interval(0.0, 6_300.0, 50_200.0, "none")
    said = captions.compose(replace(kit, unregistered=wide), language)
    assert language.number(50_200) in said.headline
    assert re.search(r"none|нуля|нөлд|нөлден", said.headline)
    both = captions.compose(replace(kit, unregistered=replace(wide, low=4_000.0)), language)
    assert language.interval(4_000, 50_200) in both.headline


def test_simulated_inputs_are_told_in_the_language_of_the_caption(kit: figures.Kit) -> None:
    for code in LANGUAGES:
        said = captions.compose(
            replace(kit, simulated=True, sources=["© OpenStreetMap contributors"]), texts.load(code)
        )
        assert texts.load(code)("source.simulated") in said.sources
        assert ("simulated" in said.sources) == (code == "en")


def test_only_new_settlements_are_ranked(kit: figures.Kit) -> None:
    html = page.render(kit)
    bars = html[html.index('<ul class="bars">') : html.index("</ul>", html.index('<ul class="bars">'))]
    assert [one.kind for one in kit.largest_new] == ["novostroika"] * len(kit.largest_new)
    assert bars.count("<li>") == min(10, len(kit.largest_new)) > 0
    for other in kit.settlements:
        if (
            other.named
            and other.kind != "novostroika"
            and other.names["ru"] not in {n.names["ru"] for n in kit.largest_new}
        ):
            assert f">{other.names['ru']}<" not in bars


def test_a_settlement_without_a_name_is_told_by_number_and_neighbour(
    sample: sample_tables.Sample, tmp_path: Path
) -> None:
    frames = dict(sample.tables)
    places = frames["settlements"]
    names = [column for column in places if column == "name" or column.startswith("name_")]
    hidden = places.sort_values("buildings")["settlement_id"].iloc[-4:-1]
    places = places.assign(**{name: places[name].mask(places["settlement_id"].isin(hidden), None) for name in names})
    frames["settlements"] = tell_apart(places.to_crs(sample.projected)).to_crs("EPSG:4326")
    kit = figures.read(_edition(frames, tmp_path), "bishkek")
    unnamed = [one for one in kit.settlements if not one.named]
    assert len(unnamed) >= len(hidden)
    for code in LANGUAGES:
        assert len({one.names[code] for one in unnamed}) == len(unnamed)
    assert all(re.fullmatch(r"Settlement \d+( near .+)?", one.names["en"]) for one in unnamed)
    assert any(" near " in one.names["en"] for one in unnamed)
    assert "Unnamed" not in page.render(kit)


def test_the_map_is_cropped_to_where_people_live(kit: figures.Kit) -> None:
    far = kit.cells.iloc[[0]].assign(column=kit.cells["column"].max() + 60, p05=0.0, p50=0.0, p95=50.0)
    cells = pd.concat([kit.cells, far], ignore_index=True)
    bounds, whole = figures._bounds(cells, shapely.box(74, 42, 75, 43), Grid.of("bishkek", (74, 42, 75, 43)))
    assert whole is not None
    assert whole[2] - bounds[2] > 20_000
    frame = drawing.Frame.fit(kit.bounds, 632, 380)
    assert frame.width <= 632 + 1e-6
    assert frame.height <= 380 + 1e-6
    filled = kit.cells[["column", "row"]].agg(["min", "max"])
    ground = np.prod((filled.loc["max"] - filled.loc["min"] + 1) * 500 * frame.scale)
    assert ground >= 0.5 * frame.width * frame.height


@given(st.lists(st.tuples(st.integers(-40, 40), st.floats(0, 5000)), min_size=1, max_size=60))
def test_no_shorter_stretch_holds_nearly_everybody(cells: list[tuple[int, float]]) -> None:
    places, people = (np.array(column) for column in zip(*cells, strict=True))
    low, high = figures._middle(places, people)

    def held(first: int, last: int) -> float:
        return float(people[(places >= first) & (places <= last)].sum())

    needed = figures._KEPT * people.sum()
    assert held(low, high) >= needed - 0.01
    if people.sum() > 1:
        assert all(
            held(first, first + high - low - 1) < needed + 0.01 for first in range(int(places.min()), int(places.max()))
        )


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("face", Face)
def test_texts_are_measured_as_the_fonts_draw_them(face: Face) -> None:
    for text in ("Новостройки Бишкека, 12 345 жителей", "Көк-Жар, Өзгөрүш", "Қалқаман-2, ұзындығы", "fjord 1,111"):
        root = ET.Element("svg", {"xmlns": SVG, "font-family": SANS, "width": "900", "height": "60"})
        paragraph(root, [text], (10.0, 40.0), 30.0, face=face, fill="#000000")
        drawn = _ink(static_graphic.render(to_text(root)))
        assert abs(drawn - text_width(text, 30.0, face)) <= 0.03 * drawn + 4, text


def _ink(png: bytes) -> float:
    """Return how wide the ink of a drawing is, in its own units."""
    with MemoryFile(png) as file, file.open() as image:
        columns = np.flatnonzero(image.read(4).any(axis=0))
    return float(columns[-1] - columns[0] + 1) / static_graphic.PNG_SCALE


@given(st.text(alphabet="абвгд іқүө АБ", max_size=80), st.floats(20, 300))
def test_no_line_is_wider_than_its_column_unless_it_is_one_word(text: str, width: float) -> None:
    lines = wrap(text, width, 12.0)
    assert " ".join(lines).split() == text.split()
    assert all(text_width(line, 12.0) <= width or " " not in line for line in lines)
    assert text_width(cut(text, width, 12.0), 12.0) <= width


def test_no_text_of_the_graphic_is_small_or_leaves_its_paper(edition: Path) -> None:
    for code in LANGUAGES:
        root = ET.fromstring((edition / "embed" / "bishkek" / f"graphic.{code}.svg").read_text(encoding="utf-8"))  # noqa: S314 - our own
        sizes = [float(text.get("font-size", "13")) for text in root.iter(f"{{{SVG}}}text")]
        assert min(sizes) >= 12
        for text in root.findall(f"{{{SVG}}}text"):
            face = Face.HEADLINE if "Serif" in text.get("font-family", "") else Face.STRONG
            assert (
                float(text.get("x", "0")) + text_width(text.text or "", float(text.get("font-size", "12")), face) <= 660
            )


def test_the_drawing_is_well_formed_and_says_everything(edition: Path) -> None:
    folder = edition / "embed" / "bishkek"
    for code in LANGUAGES:
        root = ET.fromstring((folder / f"graphic.{code}.svg").read_text(encoding="utf-8"))  # noqa: S314 - our own
        shown = " ".join(root.itertext()).replace("\u2060", "")
        for key in ("settlements.title", "growth.title", "disclaimer", "simulated", "licence"):
            assert texts.load(code)(key, **({"licence": "ODbL 1.0"} if key == "licence" else {})) in shown, key
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
    assert "No new settlement large enough to be shown was found in these inputs." in html
    assert "Bishkek and its settlements" in html


def test_an_unknown_area_is_one_sentence(edition: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no area 'paris' \(known: bishkek\)"):
        press_kit.build(edition, "paris")
    with pytest.raises(InputError, match="cannot be read as table areas"):
        press_kit.build(tmp_path, "bishkek")
