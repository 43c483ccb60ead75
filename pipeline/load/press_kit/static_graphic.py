"""The graphic for print and for pages without scripts: one SVG a language, and the PNG drawn from it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import font_source_sans_pro as sans  # type: ignore[import-untyped]
import font_source_serif_pro as serif  # type: ignore[import-untyped]
import resvg_py

from pipeline.load.press_kit import captions, drawing
from pipeline.load.press_kit.drawing import Frame
from pipeline.load.press_kit.svg import SANS, SERIF, SVG, add, balance, number, paragraph, to_text, wrap
from pipeline.load.theme import colour

if TYPE_CHECKING:
    from pipeline.load.press_kit.figures import Kit
    from pipeline.wording.texts import Texts

WIDTH = 1200.0
PNG_SCALE = 2
_EDGE = 48.0
_MAP_WIDTH = 690.0
_MAP_HEIGHT = 690.0
_SIDE = _EDGE + _MAP_WIDTH + 42
_SIDE_WIDTH = WIDTH - _EDGE - _SIDE
_ROWS = 9
_FONTS = [sans.SourceSansPro, sans.SourceSansProSemibold, serif.SourceSerifProSemibold]
"""Of PyPI packages under the SIL Open Font License, so that a PNG looks the same on every machine."""


def draw(kit: Kit, texts: Texts) -> str:
    """Return the graphic as SVG, 1,200 units wide, as high as its texts need."""
    sentences = captions.compose(kit, texts)
    root = ET.Element("svg", {"xmlns": SVG, "lang": texts.code, "role": "img", "font-family": SANS})
    add(root, "title", sentences.headline)
    add(root, "desc", sentences.alt)
    paper = add(root, "rect", width=WIDTH, fill=colour("card"))
    top = _draw_head(root, kit, texts, sentences)
    frame = Frame.fit(kit.bounds, _MAP_WIDTH, _MAP_HEIGHT)
    below_map = _draw_map(root, kit, texts, frame, top)
    below_side = _draw_side(root, kit, texts, sentences, top)
    height = _draw_foot(root, texts, sentences, max(below_map, below_side) + 26)
    paper.set("height", number(height))
    root.set("viewBox", f"0 0 {number(WIDTH)} {number(height)}")
    root.set("width", number(WIDTH))
    root.set("height", number(height))
    return to_text(root) + "\n"


def render(svg: str) -> bytes:
    """Return an SVG of `draw` as PNG, at twice its size."""
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            zoom=PNG_SCALE,
            skip_system_fonts=True,
            font_files=_FONTS,
            sans_serif_family="Source Sans Pro",
            serif_family="Source Serif Pro",
        )
    )


def _draw_head(root: ET.Element, kit: Kit, texts: Texts, sentences: captions.Words) -> float:
    room = WIDTH - 2 * _EDGE
    add(root, "rect", x=_EDGE, y=36.0, width=64.0, height=6.0, fill=colour("mark"))
    headline = balance(sentences.headline, room, 38.0, 0.5)
    y = paragraph(root, headline, (_EDGE, 84.0), 38.0, font_family=SERIF, font_weight="600", fill=colour("ink"))
    y = paragraph(root, wrap(sentences.deck, room, 19.0, 0.49), (_EDGE, y - 8), 19.0, fill=colour("soft"))
    y = paragraph(root, wrap(sentences.seen, room, 17.0, 0.49), (_EDGE, y), 17.0, fill=colour("ink"))
    if kit.simulated:
        y = paragraph(root, [texts("simulated")], (_EDGE, y + 4), 19.0, fill=colour("mark"), font_weight="600")
    return y + 8


def _draw_map(root: ET.Element, kit: Kit, texts: Texts, frame: Frame, top: float) -> float:
    y = paragraph(
        root, wrap(texts("legend.people"), _MAP_WIDTH, 15.0), (_EDGE, top), 15.0, font_weight="600", fill=colour("ink")
    )
    swatch = _MAP_WIDTH / len(drawing.palette("people"))
    for index, (fill, text) in enumerate(drawing.legend("people", texts)):
        x = _EDGE + index * swatch
        add(root, "rect", x=x, y=y - 8, width=swatch - 3, height=12.0, fill=fill)
        add(root, "text", text, x=x, y=y + 19, font_size=13.0, fill=colour("soft"))
    y += 34
    # An inner svg cuts off what lies outside the frame.
    box = add(root, "svg", x=_EDGE, y=y, width=frame.width, height=frame.height, overflow="hidden")
    add(box, "rect", width=frame.width, height=frame.height, fill=colour("paper"))
    drawing.draw_background(box, kit, frame)
    drawing.draw_cells(box, kit, frame, "people")
    drawing.draw_labels(box, kit, frame, texts.code)
    drawing.draw_scale(box, frame, texts)
    return y + frame.height


def _draw_side(root: ET.Element, kit: Kit, texts: Texts, sentences: captions.Words, top: float) -> float:
    side = add(root, "g", transform=f"translate({number(_SIDE)} 0)")
    y = paragraph(side, [texts("settlements.title")], (0.0, top), 15.0, font_weight="600", fill=colour("ink"))
    y = paragraph(side, wrap(texts("settlements.note"), _SIDE_WIDTH, 13.0), (0.0, y), 13.0, fill=colour("soft")) + 12
    shown = [one for one in kit.settlements if one.residents is not None][:_ROWS]
    if not shown:
        y = paragraph(side, wrap(texts("settlements.none"), _SIDE_WIDTH, 14.0), (0.0, y), 14.0, fill=colour("ink"))
    longest = max((one.residents.high for one in shown if one.residents), default=1.0)
    for settlement in shown:
        if settlement.residents is None:
            continue
        people = settlement.residents
        name = settlement.names.get(texts.code, texts("unnamed"))
        add(side, "text", name, x=0.0, y=y, font_size=15.0, fill=colour("ink"))
        figures = f"{texts.number(people.middle)} ({texts.interval(people.low, people.high)})"
        add(side, "text", figures, x=_SIDE_WIDTH, y=y, font_size=13.0, fill=colour("soft"), text_anchor="end")
        row = add(side, "g", transform=f"translate(0 {number(y)})")
        drawing.draw_interval(row, settlement, longest, width=_SIDE_WIDTH, y=14.0)
        y += 42
    if not kit.growth.empty:
        y += 12
        add(side, "path", d=f"M0 {number(y - 20)}h{number(_SIDE_WIDTH)}", stroke=colour("line"), stroke_width=1.0)
        y = paragraph(side, [texts("growth.title")], (0.0, y + 6), 15.0, font_weight="600", fill=colour("ink"))
        chart = add(side, "g", transform=f"translate(0 {number(y - 8)})")
        drawing.draw_growth(chart, kit.growth, texts, width=_SIDE_WIDTH, height=150.0)
        y = paragraph(side, wrap(sentences.growth_note, _SIDE_WIDTH, 12.0), (0.0, y + 160), 12.0, fill=colour("soft"))
    return y


def _draw_foot(root: ET.Element, texts: Texts, sentences: captions.Words, top: float) -> float:
    room = WIDTH - 2 * _EDGE
    add(root, "path", d=f"M{number(_EDGE)} {number(top)}h{number(room)}", stroke=colour("ink"), stroke_width=1.0)
    y = top + 22
    for text in (sentences.withheld, texts("method"), f"{sentences.sources} {texts('licence')}"):
        y = paragraph(root, wrap(text, room, 13.0, 0.5), (_EDGE, y), 13.0, fill=colour("soft"))
    return paragraph(root, [texts("disclaimer")], (_EDGE, y), 13.0, fill=colour("ink"), font_weight="600") + 14
