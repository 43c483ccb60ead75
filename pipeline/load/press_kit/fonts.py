"""The letters of the graphics, and how wide they are: texts are broken and placed by what the fonts say."""

from __future__ import annotations

from enum import Enum
from functools import cache

import font_source_sans_pro as sans  # type: ignore[import-untyped]
import font_source_serif_pro as serif  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from pipeline.wording.texts import WORD_JOINER

_UNKNOWN = 1.0
"""Width of a letter that a font does not have, as a share of the font size: another font draws it, or a box."""


class Face(Enum):
    """A font of PyPI's packages under the SIL Open Font License, so that a PNG looks the same on every machine."""

    TEXT = sans.SourceSansPro
    STRONG = sans.SourceSansProSemibold
    HEADLINE = serif.SourceSerifProSemibold


def text_width(text: str, size: float, face: Face = Face.TEXT) -> float:
    """Return how wide a text is drawn, in the units of `size`; without kerning, which only ever narrows it a little."""
    widths = _widths(face)
    return size * sum(widths.get(ord(letter), _UNKNOWN) for letter in text)


@cache
def _widths(face: Face) -> dict[int, float]:
    """Return the width of each character of a font as a share of the font size."""
    with TTFont(face.value, lazy=True) as font:
        advances, unit = font["hmtx"].metrics, font["head"].unitsPerEm
        widths = {character: advances[glyph][0] / unit for character, glyph in font.getBestCmap().items()}
    return widths | {ord(WORD_JOINER): 0.0}
