"""The self-contained page of an area: one HTML file, no request to anywhere, every text in four languages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import jinja2
from markupsafe import Markup

from pipeline.base.resources import resource
from pipeline.geometry.grid import CELL_M
from pipeline.load.press_kit import captions, drawing
from pipeline.load.press_kit.svg import SVG, add, number, to_text
from pipeline.load.press_kit.texts import load
from pipeline.load.theme import stylesheet
from pipeline.schema.vocabulary import CODES, LANGUAGES, SETTLEMENT_KINDS, SHARES

if TYPE_CHECKING:
    from pipeline.load.press_kit.figures import Kit, Settlement

_MAP_WIDTH = 632.0
_MAP_HEIGHT = 350.0
"""The map in an article's column of 660 pixels; labels are drawn for this size."""
_WIDE = 1.15
"""From this width for its height on, a map leaves no room for its key beside it."""
_LARGEST = 10
_ALONE = ("alone", "alone.unknown", "alone.deck", "alone.deck.unknown")
_LISTED = 300
"""Settlements in the page's table; the CSV holds them all."""


def render(kit: Kit, *, files: str = "") -> str:
    """Return the page of an area.

    Parameters
    ----------
    kit
        What the public edition says of the area.
    files
        Where the CSV files and images lie, relative to the page; ends with a slash unless empty.
    """
    languages = {code: load(code) for code in LANGUAGES}
    sentences = {code: captions.compose(kit, texts) for code, texts in languages.items()}
    frame = drawing.Frame.fit(kit.bounds, _MAP_WIDTH, _MAP_HEIGHT)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            kit=kit,
            files=files,
            languages=languages,
            labels={code: texts(f"language.{code}") for code, texts in languages.items()},
            words=sentences,
            headlines={code: one.headline for code, one in sentences.items()},
            seen={code: one.seen for code, one in sentences.items()},
            decks={code: one.deck for code, one in sentences.items()},
            withheld={code: one.withheld for code, one in sentences.items()},
            sources={code: one.sources for code, one in sentences.items()},
            licences={code: one.licence for code, one in sentences.items()},
            growth_notes={code: one.growth_note for code, one in sentences.items()},
            views=drawing.VIEWS,
            legends={
                view: {code: drawing.legend(view, texts) for code, texts in languages.items()} for view in drawing.VIEWS
            },
            map=_map(kit, frame, sentences["en"].alt),
            frame=frame,
            wide=frame.width > _WIDE * frame.height,
            listed=kit.settlements[:_LISTED],
            largest=_largest(kit),
            growth=_growth(kit),
            data=Markup(_data(kit, frame, sentences)),  # noqa: S704 - escaped there
            style=Markup(stylesheet()) + _own("style.css"),  # noqa: S704 - colours only
            script=_own("script.js"),
        )
    )


def snippet(kit: Kit) -> str:
    """Return the HTML that an editor pastes into an article: an iframe that is whole without any script."""
    texts = load("en")
    return (
        _environment()
        .get_template("snippet.html.j2")
        .render(area_id=kit.area_id, title=texts("title", city=kit.names["en"]), alt=captions.compose(kit, texts).alt)
    )


def resizer() -> str:
    """Return embed.js, which lets the iframes of an article grow with their pages."""
    return resource("maps", "embed", "embed.js").read_text(encoding="utf-8")


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource("maps", "embed")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )


def _own(name: str) -> Markup:
    """Return a file of ours as it is."""
    return Markup(resource("maps", "embed", name).read_text(encoding="utf-8"))  # noqa: S704 - written by us


def _drawing(width: float, height: float, **attributes: str) -> ET.Element:
    size = {"viewBox": f"0 0 {number(width)} {number(height)}"}
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    return ET.Element("svg", {"xmlns": SVG, **size, **named})


def _markup(root: ET.Element) -> Markup:
    return Markup(to_text(root))  # noqa: S704 - ElementTree has escaped every text and attribute


def _map(kit: Kit, frame: drawing.Frame, alt: str) -> Markup:
    root = _drawing(frame.width, frame.height, class_="map", role="img", tabindex="0", aria_label=alt)
    drawing.draw_background(root, kit, frame)
    for view in drawing.VIEWS:
        drawing.draw_cells(root, kit, frame, view)
    side = CELL_M * frame.scale
    add(root, "rect", id="cursor", width=side, height=side, visibility="hidden")
    add(root, "circle", id="mark", r=side, visibility="hidden")
    for code in LANGUAGES:
        drawing.draw_labels(root, kit, frame, code)
        drawing.draw_scale(root, kit, frame, load(code))
    drawing.draw_inset(root, kit, frame)
    return _markup(root)


def _largest(kit: Kit) -> list[tuple[Settlement, tuple[float, float, float]]]:
    """Return the largest settlements with start, middle and end of their bars in per cent."""
    shown = kit.largest_new[:_LARGEST]
    longest = max((one.residents.high for one in shown if one.residents), default=1.0)
    return [(one, drawing.interval_bar(one, longest, 100.0)) for one in shown]


def _growth(kit: Kit) -> dict[str, Markup]:
    if kit.growth.empty:
        return {}
    charts = {}
    for code in LANGUAGES:
        texts = load(code)
        root = _drawing(360, 150, class_="growth", role="img", aria_label=texts("growth.title"))
        drawing.draw_growth(root, kit.growth, texts, width=360.0, height=150.0)
        charts[code] = _markup(root)
    return charts


def _alone(settlement: Settlement, frame: drawing.Frame) -> dict[str, Any]:
    """Return what the page needs to show one settlement alone."""
    people, place = settlement.residents, settlement.place
    return {
        "names": settlement.names,
        "kind": SETTLEMENT_KINDS.index(settlement.kind),
        "status": settlement.status,
        "people": None if people is None else [people.low, people.middle, people.high],
        "at": None if place is None else [round(frame.x(place[0]), 1), round(frame.y(place[1]), 1)],
    }


def _data(kit: Kit, frame: drawing.Frame, sentences: dict[str, captions.Words]) -> str:
    """Return what the script needs as JSON that cannot end its own element."""
    texts: dict[str, Any] = {}
    for code in LANGUAGES:
        entries = load(code)
        texts[code] = {
            **{key: entries.entries[key] for key in ("cell", "language", "view.label", "downloads")},
            "cell.hint": entries("cells.none" if kit.cells.empty else "cell.hint"),
            "settlements.column": entries("settlements.column"),
            "title": entries("title", city=kit.names[code]),
            "alt": sentences[code].alt,
            "kinds": [entries(f"settlement_kind.{kind}") for kind in SETTLEMENT_KINDS],
            "shares": [entries(f"share.{share}") for share in SHARES],
            **{key: entries.entries[key] for key in _ALONE},
            "statuses": {status: entries(f"status.{status}") for status in CODES["status"]},
        }
    shares, kinds = drawing.classes(kit.cells, "zones"), drawing.classes(kit.cells, "kind")
    figures = kit.cells.assign(share=shares, kind=kinds)
    columns = ["column", "row", "buildings", "p05", "p50", "p95", "share", "kind"]
    document = {
        "area": kit.area_id,
        "cell": CELL_M,
        "west": round(frame.west, 1),
        "north": round(frame.north, 1),
        "scale": frame.scale,
        "cells": figures[columns].astype(int).to_numpy().tolist(),
        "settlements": {one.settlement_id: _alone(one, frame) for one in kit.settlements[:_LISTED]},
        "texts": texts,
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
