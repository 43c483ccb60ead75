"""The journalist's kit in a real browser: nothing is asked of anyone, four languages, keyboard, phone, iframe."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from pipeline.base.resources import resource
from pipeline.load import parquet, press_kit, public_edition
from pipeline.schema import vocabulary
from pipeline.schema.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.conftest import Watched
    from tests.load import sample_tables

pytestmark = pytest.mark.browser
LANGUAGES = tuple(vocabulary.LANGUAGES)


@pytest.fixture(scope="module")
def kit(sample: sample_tables.Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit")
    for name, frame in sample.tables.items():
        parquet.write(frame, folder / "tables" / f"{name}.parquet", TABLES[name])
    public_edition.build(folder / "tables", folder / "public")
    (folder / "public" / "maps" / "bishkek").mkdir(parents=True)
    background = press_kit.background.draw(sample.context, sample.projected)
    (folder / "public" / "maps" / "bishkek" / "background.json").write_text(background, encoding="utf-8")
    return press_kit.build(folder / "public", "bishkek")


def _words(language: str) -> dict[str, str]:
    words: dict[str, str] = json.loads(resource("maps", "texts", f"embed.{language}.json").read_text("utf-8"))
    return words


@pytest.mark.parametrize("language", LANGUAGES)
def test_opens_by_double_click_in_each_language(watched: Watched, kit: Path, language: str) -> None:
    page = watched.page
    page.goto(f"{(kit / 'index.html').as_uri()}?lang={language}")
    assert page.locator("h1").inner_text().strip()
    assert page.locator(".readout").inner_text() == _words(language)["cell.hint"]
    assert page.evaluate("document.documentElement.lang") == language
    visible = page.locator("h1 .t:visible")
    assert visible.count() == 1
    assert visible.get_attribute("lang") == language
    assert len(watched.requests) == 1
    assert watched.errors == []


def test_the_language_of_the_browser_is_the_default(browser: Browser, kit: Path) -> None:
    for locale, expected in (("kk-KZ", "kk"), ("ru-RU", "ru"), ("de-DE", "en")):
        context = browser.new_context(locale=locale)
        page = context.new_page()
        page.goto((kit / "index.html").as_uri())
        assert page.evaluate("document.documentElement.lang") == expected
        page.get_by_role("button", name="Кыргызча").click()
        assert page.evaluate("document.documentElement.lang") == "ky"
        context.close()


def test_cells_speak_to_pointer_and_keyboard(watched: Watched, kit: Path) -> None:
    page = watched.page
    page.goto(f"{(kit / 'index.html').as_uri()}?lang=en")
    seen = set()
    page.locator(".map").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
        seen.add(page.locator("#readout").inner_text())
    assert all("residents, about" in text for text in seen)
    assert len(seen) > 1
    at = page.locator("#cursor").bounding_box()
    assert at is not None
    page.mouse.move(5, 5)
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    assert "residents, about" in page.locator("#readout").inner_text()


@pytest.mark.parametrize("view", ["people", "zones", "kind"])
def test_one_view_and_its_legend_show_at_a_time(watched: Watched, kit: Path, view: str) -> None:
    page = watched.page
    page.goto(f"{(kit / 'index.html').as_uri()}?lang=en")
    page.locator(f"label[for=view-{view}]").click()
    assert page.locator(".map .view:visible").count() == 1
    assert page.locator(f".map .view.{view}").is_visible()
    assert page.locator(".legend:visible").count() == 1


def test_a_phone_needs_no_sideways_scrolling(watched_phone: Watched, kit: Path) -> None:
    page = watched_phone.page
    for language in LANGUAGES:
        page.goto(f"{(kit / 'index.html').as_uri()}?lang={language}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), language
        page.locator(".more").click()
        assert page.locator("table").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), language


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing(watched: Watched, kit: Path, axe: str, language: str) -> None:
    page = watched.page
    page.goto(f"{(kit / 'index.html').as_uri()}?lang={language}")
    page.locator(".more").click()
    page.evaluate(axe)
    found = page.evaluate("axe.run().then(result => result.violations.map(one => [one.id, one.nodes[0].html]))")
    assert found == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("view", ["people", "zones", "kind"])
def test_in_an_article_it_is_compact(watched: Watched, kit: Path, language: str, view: str) -> None:
    page = watched.page
    page.set_viewport_size({"width": 660, "height": 690})
    page.goto(f"{(kit / 'index.html').as_uri()}?lang={language}&view={view}")
    assert page.evaluate("document.body.getBoundingClientRect().height") <= 700
    shown = page.locator(".map").bounding_box()
    assert shown is not None
    assert shown["height"] <= 380
    assert page.locator(".source").is_visible()
    assert not page.locator("table").is_visible()
    assert page.locator(f"#view-{view}").is_checked()


def test_an_article_may_say_the_headline_itself_and_be_dark(watched: Watched, kit: Path, axe: str) -> None:
    page = watched.page
    page.goto(f"{(kit / 'index.html').as_uri()}?lang=ru&plain&dark")
    assert not page.locator("h1").is_visible()
    assert page.locator(".simulated").is_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(29, 28, 26)"
    page.evaluate(axe)
    assert page.evaluate("axe.run().then(result => result.violations.map(one => [one.id, one.nodes[0].html]))") in (
        [],
        [["page-has-heading-one", '<html lang="ru" class="plain dark">']],
    )


def test_one_settlement_alone(watched: Watched, kit: Path) -> None:
    page = watched.page
    with (kit / "settlements.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    chosen = next(row for row in rows if row["name_ru"] and row["residents_p50"])
    page.goto(f"{(kit / 'index.html').as_uri()}?lang=ru&settlement={quote(chosen['settlement_id'])}")
    assert chosen["name_ru"] in page.locator("h1").inner_text()
    assert page.locator("#mark").get_attribute("visibility") == "visible"
    west, north, width, height = map(float, (page.locator(".map").get_attribute("viewBox") or "").split())
    assert west <= float(page.locator("#mark").get_attribute("cx") or 0) <= west + width
    assert north <= float(page.locator("#mark").get_attribute("cy") or 0) <= north + height
    page.get_by_role("button", name="English").click()
    assert "residents" in page.locator("h1").inner_text()
    page.goto(f"{(kit / 'index.html').as_uri()}?lang=en&settlement=__proto__")
    assert "of Bishkek" in page.locator("h1").inner_text()
    assert watched.errors == []


@pytest.fixture
def article(kit: Path) -> Iterator[Path]:
    """An article that embeds the page by its snippet, as an editor would paste it."""
    snippet = (kit / "snippet.html").read_text(encoding="utf-8").replace("https://example.org/bishkek/", "")
    path = kit / "article.html"
    text = f"<!DOCTYPE html><html lang=en><title>Article</title><p>Before</p>{snippet}<p>After</p></html>"
    path.write_text(text, encoding="utf-8")
    yield path
    path.unlink()


def test_the_iframe_grows_with_its_page(watched: Watched, article: Path) -> None:
    page = watched.page
    page.set_viewport_size({"width": 700, "height": 800})
    page.goto(article.as_uri())
    page.wait_for_function("document.querySelector('iframe').style.aspectRatio === 'auto'")
    room = "document.querySelector('iframe').getBoundingClientRect().height"
    assert page.evaluate(room) <= 700
    page.set_viewport_size({"width": 320, "height": 800})
    page.wait_for_function(f"{room} > 800")
    frame = page.locator("iframe")
    assert frame.get_attribute("title") == "New settlements of Bishkek"
    assert "largest new settlement" in (frame.get_attribute("aria-label") or "")
    assert not page.frames[1].evaluate("document.documentElement.scrollHeight > innerHeight + 40")


@pytest.mark.parametrize("width", [375, 676])
def test_the_iframe_is_whole_without_any_script(browser: Browser, article: Path, width: int) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(article.as_uri())
    frame = page.frames[1]
    assert frame.locator("h1 .t:visible").get_attribute("lang") == "en"
    room = page.locator("iframe").bounding_box()
    foot = frame.locator(".source").bounding_box()
    assert room is not None
    assert foot is not None
    assert foot["y"] + foot["height"] <= room["y"] + room["height"]
    context.close()


def test_without_scripts_it_reads_in_english(browser: Browser, kit: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((kit / "index.html").as_uri())
    assert page.locator("h1 .t:visible").get_attribute("lang") == "en"
    assert page.locator(".map .view.people").is_visible()
    assert not page.locator("table").is_visible()
    page.locator(".more").click()
    assert page.locator("table").is_visible()
    context.close()
