"""The graphic for print and for pages without scripts: one SVG a language, and the PNG drawn from it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import resvg_py

from pipeline.load.press_kit import captions, drawing
from pipeline.load.press_kit.drawing import Frame
from pipeline.load.press_kit.fonts import Face, text_width
from pipeline.load.press_kit.svg import SANS, SVG, add, balance, cut, number, paragraph, to_text
from pipeline.load.theme import colour

if TYPE_CHECKING:
    from pipeline.load.press_kit.figures import Kit
    from pipeline.wording.texts import Texts

WIDTH = 660.0
"""The column of an article: at this width no text is smaller than `_SMALL` pixels."""
PNG_SCALE = 3
_EDGE = 24.0
_ROOM = WIDTH - 2 * _EDGE
_GAP = 20.0
_MAP = 400.0
_NARROWEST_SIDE = 190.0
_HEADLINE = 25.0
_TEXT = 14.0
_SMALL = 12.0
_ROWS = 6
_ROW = 37.0


def draw(kit: Kit, texts: Texts) -> str:
    """Return the graphic as SVG, 660 units wide, as high as its texts need."""
    sentences = captions.compose(kit, texts)
    root = ET.Element("svg", {"xmlns": SVG, "lang": texts.code, "role": "img", "font-family": SANS})
    add(root, "title", sentences.headline)
    add(root, "desc", sentences.alt)
    paper = add(root, "rect", width=WIDTH, fill=colour("card"))
    top = _draw_head(root, kit, texts, sentences)
    frame = Frame.fit(kit.bounds, min(_MAP, _ROOM), _MAP)
    _draw_map(root, kit, texts, frame, top)
    beside = _ROOM - frame.width - _GAP
    if beside >= _NARROWEST_SIDE:
        left, below = _EDGE + frame.width + _GAP, top + 6
    else:
        left, below, beside = _EDGE, top + frame.height + 22, _ROOM
    side = add(root, "g", transform=f"translate({number(left)} 0)")
    y = _draw_key(side, kit, texts, beside, below)
    y = _draw_settlements(side, kit, texts, beside, y + 14)
    y = _draw_growth(root, kit, texts, sentences, max(y, top + frame.height + 26))
    height = _draw_foot(root, texts, sentences, y)
    paper.set("height", number(height))
    root.set("viewBox", f"0 0 {number(WIDTH)} {number(height)}")
    root.set("width", number(WIDTH))
    root.set("height", number(height))
    return to_text(root) + "\n"


def render(svg: str) -> bytes:
    """Return an SVG of `draw` as PNG, at `PNG_SCALE` times its size."""
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            zoom=PNG_SCALE,
            skip_system_fonts=True,
            font_files=[face.value for face in Face],
            sans_serif_family="Source Sans Pro",
            serif_family="Source Serif Pro",
        )
    )


def _draw_head(root: ET.Element, kit: Kit, texts: Texts, sentences: captions.Words) -> float:
    add(root, "rect", x=_EDGE, y=18.0, width=44.0, height=4.0, fill=colour("mark"))
    headline = balance(sentences.headline, _ROOM, _HEADLINE, Face.HEADLINE)
    y = paragraph(root, headline, (_EDGE, 48.0), _HEADLINE, face=Face.HEADLINE, fill=colour("ink"))
    y = paragraph(root, sentences.deck, (_EDGE, y - 5), _TEXT, width=_ROOM, fill=colour("soft"))
    y = paragraph(root, sentences.seen, (_EDGE, y + 2), _TEXT, width=_ROOM, fill=colour("ink"))
    if kit.simulated:
        y = paragraph(
            root, texts("simulated"), (_EDGE, y + 3), _TEXT, width=_ROOM, face=Face.STRONG, fill=colour("mark")
        )
    return y


def _draw_map(root: ET.Element, kit: Kit, texts: Texts, frame: Frame, top: float) -> None:
    # An inner svg cuts off what lies outside the frame.
    box = add(root, "svg", x=_EDGE, y=top, width=frame.width, height=frame.height, overflow="hidden")
    add(box, "rect", width=frame.width, height=frame.height, fill=colour("paper"))
    drawing.draw_background(box, kit, frame)
    drawing.draw_cells(box, kit, frame, "people")
    drawing.draw_labels(box, kit, frame, texts.code)
    drawing.draw_scale(box, kit, frame, texts)
    drawing.draw_inset(box, kit, frame)


def _draw_key(side: ET.Element, kit: Kit, texts: Texts, width: float, y: float) -> float:
    """Draw the classes of the map in as many columns as their texts leave room for."""
    if kit.cells.empty:
        return paragraph(side, texts("cells.none"), (0.0, y), _SMALL, width=width, fill=colour("ink")) + 18
    y = paragraph(side, texts("legend.people"), (0.0, y), _SMALL, width=width, face=Face.STRONG, fill=colour("ink"))
    entries = drawing.legend("people", texts)
    column = max(text_width(text, _SMALL) for _, text in entries) + 34
    columns = max(1, min(len(entries), int(width / column)))
    rows = -(-len(entries) // columns)
    for index, (fill, text) in enumerate(entries):
        x, down = (index // rows) * column, y + (index % rows) * 18
        add(side, "rect", x=x, y=down - 10, width=15.0, height=12.0, fill=fill)
        add(side, "text", text, x=x + 21, y=down, font_size=_SMALL, fill=colour("ink"))
    return y + rows * 18


def _draw_settlements(side: ET.Element, kit: Kit, texts: Texts, width: float, top: float) -> float:
    y = paragraph(
        side, texts("settlements.title"), (0.0, top), _TEXT, width=width, face=Face.STRONG, fill=colour("ink")
    )
    shown = kit.largest_new[:_ROWS]
    if not shown:
        return paragraph(side, texts("settlements.none"), (0.0, y), _SMALL, width=width, fill=colour("ink"))
    y = paragraph(side, texts("settlements.note"), (0.0, y - 2), _SMALL, width=width, fill=colour("soft")) + 4
    longest = max(one.residents.high for one in shown if one.residents)
    for settlement in shown:
        people = settlement.residents
        if people is None:
            continue
        figures = f"{texts.number(people.middle)} ({texts.interval(people.low, people.high)})"
        name = cut(settlement.names[texts.code], width, _TEXT)
        add(side, "text", name, x=0.0, y=y, font_size=_TEXT, fill=colour("ink"))
        if text_width(name, _TEXT) + 8 + text_width(figures, _SMALL) > width:
            y += 15
        add(side, "text", figures, x=width, y=y, font_size=_SMALL, fill=colour("soft"), text_anchor="end")
        row = add(side, "g", transform=f"translate(0 {number(y)})")
        drawing.draw_interval(row, settlement, longest, width=width, y=11.0)
        y += _ROW
    return y


def _draw_growth(root: ET.Element, kit: Kit, texts: Texts, sentences: captions.Words, y: float) -> float:
    if kit.growth.empty:
        return y
    y = paragraph(root, texts("growth.title"), (_EDGE, y + 4), _TEXT, width=_ROOM, face=Face.STRONG, fill=colour("ink"))
    chart = add(root, "g", transform=f"translate({number(_EDGE)} {number(y - 12)})")
    drawing.draw_growth(chart, kit.growth, texts, width=_ROOM, height=110.0)
    return paragraph(root, sentences.growth_note, (_EDGE, y + 114), _SMALL, width=_ROOM, fill=colour("soft")) + 6


def _draw_foot(root: ET.Element, texts: Texts, sentences: captions.Words, y: float) -> float:
    add(root, "path", d=f"M{number(_EDGE)} {number(y)}h{number(_ROOM)}", stroke=colour("ink"), stroke_width=1.0)
    y += 18
    for text in (sentences.withheld, texts("method"), f"{sentences.sources} {sentences.licence}"):
        y = paragraph(root, text, (_EDGE, y), _SMALL, width=_ROOM, fill=colour("soft")) + 2
    return (
        paragraph(root, texts("disclaimer"), (_EDGE, y), _SMALL, width=_ROOM, face=Face.STRONG, fill=colour("ink")) + 6
    )
