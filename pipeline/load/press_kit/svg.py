"""The little of SVG that the graphics need; ElementTree does the escaping."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from pipeline.load.press_kit.fonts import Face, text_width
from pipeline.wording.texts import WORD_JOINER

SVG = "http://www.w3.org/2000/svg"
SANS = "'Source Sans Pro', 'Source Sans 3', 'Noto Sans', 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
SERIF = "'Source Serif Pro', 'Source Serif 4', 'Noto Serif', Georgia, 'Times New Roman', serif"
_STYLES: dict[Face, dict[str, str]] = {
    Face.TEXT: {},
    Face.STRONG: {"font_weight": "600"},
    Face.HEADLINE: {"font_family": SERIF, "font_weight": "600"},
}
_LEADING = {Face.TEXT: 1.3, Face.STRONG: 1.3, Face.HEADLINE: 1.16}
"""From baseline to baseline, as a share of the font size."""


def add(parent: ET.Element, tag: str, text: str | None = None, /, **attributes: str | float) -> ET.Element:
    """Append an element; numbers are rounded to 0.1 unit, underscores in names become hyphens."""
    named = {
        name.rstrip("_").replace("_", "-"): value if isinstance(value, str) else number(value)
        for name, value in attributes.items()
    }
    child = ET.SubElement(parent, tag, named)
    # Lines are broken at spaces here, so that the joiner has no work, and not every font draws it as nothing.
    child.text = text if text is None else text.replace(WORD_JOINER, "")
    return child


def number(value: float) -> str:
    """Return a coordinate, rounded to 0.1 unit, without needless zeros."""
    return f"{value:.1f}".removesuffix(".0").replace("-0", "0" if f"{value:.1f}" == "-0.0" else "-0")


def wrap(text: str, width: float, size: float, face: Face = Face.TEXT) -> list[str]:
    """Break a text at its spaces into lines of at most `width` units; a longer word stands alone."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size, face) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def balance(text: str, width: float, size: float, face: Face = Face.TEXT) -> list[str]:
    """Break a text into as few lines as `wrap` does, but of about the same length: no word is left alone."""
    lines = wrap(text, width, size, face)
    narrower = width
    while len(again := wrap(text, narrower := narrower - size, size, face)) == len(lines) and narrower > width / 2:
        lines = again
    return lines


def cut(text: str, width: float, size: float, face: Face = Face.TEXT) -> str:
    """Return a text as it is, or as much of it with an ellipsis as `width` holds."""
    if text_width(text, size, face) <= width:
        return text
    kept = next((n for n in range(len(text) - 1, 0, -1) if text_width(f"{text[:n]}…", size, face) <= width), 0)
    return f"{text[:kept].rstrip()}…"


def paragraph(  # noqa: PLR0913 - what is written, where, and how it looks
    parent: ET.Element,
    text: str | list[str],
    at: tuple[float, float],
    size: float,
    *,
    width: float = 0.0,
    face: Face = Face.TEXT,
    fill: str,
) -> float:
    """Write a text, broken to `width`, or given lines, from the baseline `at`.

    Returns
    -------
    float
        The baseline of a line that would follow.
    """
    lines = wrap(text, width, size, face) if isinstance(text, str) else text
    x, y = at
    leading = size * _LEADING[face]
    for index, line in enumerate(lines):
        add(parent, "text", line, x=x, y=y + index * leading, font_size=size, fill=fill, **_STYLES[face])
    return y + len(lines) * leading


def to_text(root: ET.Element) -> str:
    """Return an element as text; names stand without prefix, as HTML and printers want them."""
    return ET.tostring(root, encoding="unicode")
