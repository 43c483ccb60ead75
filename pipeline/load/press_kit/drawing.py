"""The parts of the graphic: the map of the grid, the chart of settlements, the chart of growth."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from pipeline.geometry.grid import CELL_M
from pipeline.load.press_kit.fonts import Face, text_width
from pipeline.load.press_kit.svg import SANS, add, number
from pipeline.load.theme import colour, ladder
from pipeline.schema.vocabulary import SETTLEMENT_KINDS, SHARES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    import pandas as pd

    from pipeline.geometry.arrays import Geometries
    from pipeline.load.press_kit.figures import Kit, Settlement
    from pipeline.wording.texts import Texts

PEOPLE_BREAKS = (100, 250, 500, 1000, 2000)
VIEWS = ("people", "zones", "kind")
_GAP = 0.05
"""Share of a cell that stays empty on each side, so that the grid shows as a grid."""
_LABELS = 12
_MAJOR_LABELS = 5
"""Names that a small screen shows too."""
_WIDER = 1.12
"""How much wider than ours the letters may be that a browser has."""
_INSET = 0.24
"""Width of the inset, as a share of the map's."""
_LABEL_SIZE = 13.0
_SCALE_SIZE = 12.0
_SCALE_ROOM = 0.45
"""Width that a scale bar may take, as a share of the map's."""
_EVERY_YEAR = 15
"""A series that spans fewer years has each of them written below its column, a longer one only the decades."""
_MARGIN = 5.0
"""How far beyond the frame its background goes, so that no end of a line shows."""
_SCALES_KM = (1, 2, 5, 10, 20)


@dataclass(frozen=True)
class Frame:
    """Where metres of the grid's projection land on a drawing of `width` by `height`."""

    west: float
    north: float
    scale: float
    width: float
    height: float

    @classmethod
    def fit(cls, bounds: tuple[float, float, float, float], width: float, tallest: float) -> Frame:
        """Return the frame that shows `bounds` and nothing else, as large as fits into `width` by `tallest`."""
        west, south, east, north = bounds
        scale = min(width / (east - west), tallest / (north - south))
        return cls(west, north, scale, (east - west) * scale, (north - south) * scale)

    def x(self, metres: float) -> float:
        """Return the drawing's x of an easting."""
        return (metres - self.west) * self.scale

    def y(self, metres: float) -> float:
        """Return the drawing's y of a northing."""
        return (self.north - metres) * self.scale


def people_class(residents: float) -> int:
    """Return the class of a cell's residents, 0 to len(PEOPLE_BREAKS)."""
    return sum(residents >= step for step in PEOPLE_BREAKS)


def palette(view: str) -> tuple[str, ...]:
    """Return the colours of a view's classes, in the order of the legend."""
    return tuple(colour(f"kind-{kind}") for kind in SETTLEMENT_KINDS) if view == "kind" else ladder(view)


def classes(cells: pd.DataFrame, view: str) -> pd.Series[int]:
    """Return the class of each cell in a view, an index into its palette."""
    if view == "people":
        return cells["p50"].map(people_class)
    if view == "zones":
        return cells["share_residents"].map(SHARES.index)
    return cells["kind"].map(SETTLEMENT_KINDS.index)


def legend(view: str, texts: Texts) -> list[tuple[str, str]]:
    """Return colour and text of each class of a view."""
    if view == "people":
        inner = [texts("class.between", low=low, high=high) for low, high in pairwise(PEOPLE_BREAKS)]
        ends = texts("class.to", high=PEOPLE_BREAKS[0]), texts("class.from", low=PEOPLE_BREAKS[-1])
        words = [ends[0], *inner, ends[1]]
    elif view == "zones":
        words = [texts(f"share.{share}") for share in SHARES]
    else:
        words = [texts(f"settlement_kind.{kind}") for kind in SETTLEMENT_KINDS]
    return list(zip(palette(view), words, strict=True))


def draw_background(parent: Element, kit: Kit, frame: Frame) -> None:
    """Draw water below and roads between: quiet, without names."""
    styles: dict[str, dict[str, Any]] = {
        "water": {"fill": colour("water"), "stroke": "none"},
        "rivers": {"fill": "none", "stroke": colour("water"), "stroke_width": 2.0},
        "railways": {"fill": "none", "stroke": colour("road-edge"), "stroke_width": 0.8, "stroke_dasharray": "4 3"},
        "roads": {"fill": "none", "stroke": colour("road-edge"), "stroke_width": 1.2},
    }
    for name, style in styles.items():
        lines = kit.background.get(name, [])
        path = "".join(_path(shape) for shape in _within(lines, frame, filled=style["fill"] != "none"))
        if path:
            add(parent, "path", d=path, stroke_linejoin="round", **style)


def _within(lines: Sequence[Sequence[tuple[float, float]]], frame: Frame, *, filled: bool) -> Geometries:
    """Return the parts of lines or rings that show in the frame: what runs far beyond it is slow to draw."""
    drawn = [[(frame.x(x), frame.y(y)) for x, y in line] for line in lines]
    make = shapely.Polygon if filled else shapely.LineString
    shapes = shapely.make_valid(np.array([make(line) for line in drawn], dtype=object))
    shown = shapely.clip_by_rect(shapes, -_MARGIN, -_MARGIN, frame.width + _MARGIN, frame.height + _MARGIN)
    parts = shapely.get_parts(shapely.get_parts(shown))
    return shapely.get_rings(parts) if filled else parts[~shapely.is_empty(parts)]


def _path(line: shapely.LineString) -> str:
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in line.coords)


def draw_cells(parent: Element, kit: Kit, frame: Frame, view: str) -> None:
    """Draw the cells of a view, one path per class."""
    group = add(parent, "g", class_=f"view {view}")
    side = CELL_M * frame.scale
    inset = side * _GAP
    square = f"h{number(side - 2 * inset)}v{number(side - 2 * inset)}h-{number(side - 2 * inset)}z"
    of_class = classes(kit.cells, view)
    for index, fill in enumerate(palette(view)):
        chosen = kit.cells[of_class == index]
        corners = (
            f"M{number(frame.x(column * CELL_M) + inset)} {number(frame.y((row + 1) * CELL_M) + inset)}{square}"
            for column, row in zip(chosen["column"], chosen["row"], strict=True)
        )
        if len(chosen):
            add(group, "path", d="".join(corners), fill=fill, class_=f"c{index}")


def draw_labels(parent: Element, kit: Kit, frame: Frame, code: str) -> None:
    """Write the names of the largest settlements where they fit without touching each other."""
    group = add(
        parent,
        "g",
        class_="t",
        lang=code,
        font_family=SANS,
        font_size=_LABEL_SIZE,
        fill=colour("ink"),
        text_anchor="middle",
    )
    taken: list[tuple[float, float, float, float]] = []
    for settlement in kit.settlements:
        name = settlement.names[code]
        if len(taken) == _LABELS or not settlement.named or settlement.place is None:
            continue
        x, y = frame.x(settlement.place[0]), frame.y(settlement.place[1]) - _LABEL_SIZE
        half = text_width(name, _LABEL_SIZE, Face.STRONG) * _WIDER / 2 + 3
        if half * 2 > frame.width or not (0 <= x <= frame.width and -_LABEL_SIZE <= y <= frame.height):
            continue
        x, y = min(max(x, half), frame.width - half), max(y, _LABEL_SIZE)
        box = (x - half, y - _LABEL_SIZE, x + half, y + 5)
        if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            continue
        rank = {} if len(taken) < _MAJOR_LABELS else {"class_": "minor"}
        taken.append(box)
        halo: dict[str, Any] = {"stroke": colour("card"), "stroke_width": 3.2, "stroke_linejoin": "round"}
        # The halo is a text of its own below: not every printing program knows paint-order.
        add(group, "text", name, x=x, y=y, aria_hidden="true", **halo, **rank)
        add(group, "text", name, x=x, y=y, font_weight="600", **rank)


def _cells_in(kit: Kit, frame: Frame, box: tuple[float, float, float, float]) -> int:
    """Return how many cells of the map have their middle in a box (left, top, right, bottom)."""
    x = ((kit.cells["column"].to_numpy(dtype=float) + 0.5) * CELL_M - frame.west) * frame.scale
    y = (frame.north - (kit.cells["row"].to_numpy(dtype=float) + 0.5) * CELL_M) * frame.scale
    left, top, right, bottom = box
    return int(((x >= left) & (x <= right) & (y >= top) & (y <= bottom)).sum())


def scale_side(kit: Kit, frame: Frame) -> str:
    """Return the lower corner, ``left`` or ``right``, in which a scale bar hides fewer cells."""
    width = frame.width * _SCALE_ROOM
    low = frame.height - 2 * CELL_M * frame.scale
    boxes = {
        "left": (0.0, low, width, frame.height),
        "right": (frame.width - width, low, frame.width, frame.height),
    }
    return min(boxes, key=lambda side: _cells_in(kit, frame, boxes[side]))


def draw_scale(parent: Element, kit: Kit, frame: Frame, texts: Texts) -> None:
    """Draw a scale bar in a lower corner of the map, on ground of its own: cells may lie in both."""
    km = next((km for km in _SCALES_KM if km * 1000 * frame.scale >= frame.width / 7), _SCALES_KM[-1])
    length, y = km * 1000 * frame.scale, frame.height - 12
    words = texts("scale", km=km)
    whole = 22 + length + text_width(words, _SCALE_SIZE) * _WIDER
    left = 4.0 if scale_side(kit, frame) == "left" else frame.width - whole - 4
    group = add(
        parent, "g", class_="t scale", lang=texts.code, font_family=SANS, font_size=_SCALE_SIZE, fill=colour("soft")
    )
    add(group, "rect", x=left, y=y - 15, width=whole, height=21.0, rx=2.0, fill=colour("veil"), class_="ground")
    add(
        group,
        "path",
        d=f"M{number(left + 6)} {number(y - 5)}v5h{number(length)}v-5",
        fill="none",
        stroke=colour("soft"),
        stroke_width=1.2,
    )
    add(group, "text", words, x=left + 12 + length, y=y)


def draw_inset(parent: Element, kit: Kit, frame: Frame) -> None:
    """Draw all cells small, with the map's frame, into the corner of the map that hides the fewest of its cells."""
    if kit.whole is None:
        return
    side = frame.width * _INSET
    inset = Frame.fit(kit.whole, side, side)
    right, low = frame.width - inset.width, frame.height - inset.height
    # The scale bar stands in one of the lower corners.
    free = (right, low) if scale_side(kit, frame) == "left" else (0.0, low)

    def hidden(corner: tuple[float, float]) -> int:
        return _cells_in(kit, frame, (*corner, corner[0] + inset.width, corner[1] + inset.height))

    left, top = min(((0.0, 0.0), (right, 0.0), free), key=hidden)
    group = add(parent, "g", class_="inset", transform=f"translate({number(left)} {number(top)})")
    ground = {"fill": colour("card"), "stroke": colour("border")}
    add(group, "rect", class_="ground", width=inset.width, height=inset.height, **ground)
    dot = number(max(CELL_M * inset.scale, 1.0))
    dots = (
        f"M{number(inset.x(column * CELL_M))} {number(inset.y((row + 1) * CELL_M))}h{dot}v{dot}h-{dot}z"
        for column, row in zip(kit.cells["column"], kit.cells["row"], strict=True)
    )
    add(group, "path", d="".join(dots), fill=colour("column"))
    west, south, east, north = kit.bounds
    add(
        group,
        "rect",
        class_="shown",
        x=inset.x(west),
        y=inset.y(north),
        width=(east - west) * inset.scale,
        height=(north - south) * inset.scale,
        fill="none",
        stroke=colour("ink"),
        stroke_width=1.2,
    )


def interval_bar(settlement: Settlement, longest: float, width: float) -> tuple[float, float, float]:
    """Return start, middle and end of a settlement's bar on an axis from 0 to `longest` people."""
    if settlement.residents is None:
        return 0.0, 0.0, 0.0
    ends = settlement.residents.low, settlement.residents.middle, settlement.residents.high
    low, middle, high = (round(max(0.0, end) / longest * width, 1) for end in ends)
    return low, middle, high


def draw_interval(parent: Element, settlement: Settlement, longest: float, *, width: float, y: float) -> None:
    """Draw an interval as a bar with its middle as a dot."""
    low, middle, high = interval_bar(settlement, longest, width)
    add(parent, "path", d=f"M0 {number(y)}h{number(width)}", stroke=colour("line"), stroke_width=1.0)
    add(parent, "rect", x=low, y=y - 4, width=max(high - low, 1.0), height=8.0, rx=4.0, fill=colour("bar"))
    add(parent, "circle", cx=middle, cy=y, r=5.0, fill=colour("mark"))


def draw_growth(parent: Element, growth: pd.DataFrame, texts: Texts, *, width: float, height: float) -> None:
    """Draw a series (`year`, `built_ha`, `modelled`) as columns; what was projected, not observed, is dashed."""
    group = add(parent, "g", font_family=SANS, font_size=12.0, fill=colour("soft"), text_anchor="middle")
    floor, top = height - 20, 18.0
    step = width / len(growth)
    epochs = growth[["year", "built_ha", "modelled"]].to_numpy(dtype=object).tolist()
    largest = max(built for _, built, _ in epochs) or 1.0
    for index, (year, built, modelled) in enumerate(epochs):
        tall = (floor - top) * built / largest
        style: dict[str, Any] = (
            {
                "fill": colour("column-projected"),
                "stroke": colour("mark"),
                "stroke_width": 1.0,
                "stroke_dasharray": "3 2",
            }
            if modelled
            else {"fill": colour("column")}
        )
        add(group, "rect", x=index * step + step * 0.14, y=floor - tall, width=step * 0.72, height=tall, **style)
        if year % 10 == 0 or epochs[-1][0] - epochs[0][0] < _EVERY_YEAR:
            add(group, "text", str(year), x=(index + 0.5) * step, y=height - 4)
        if index in (0, len(epochs) - 1):
            add(group, "text", texts.number(built), x=(index + 0.5) * step, y=floor - tall - 5, fill=colour("ink"))
    add(group, "path", d=f"M0 {number(floor)}h{number(width)}", stroke=colour("soft"), stroke_width=1.0)
