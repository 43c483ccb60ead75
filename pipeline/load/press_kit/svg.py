"""The little of SVG that the graphics need; ElementTree does the escaping."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from pipeline.wording.texts import WORD_JOINER

SVG = "http://www.w3.org/2000/svg"
SANS = "'Source Sans Pro', 'Source Sans 3', 'Noto Sans', 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
SERIF = "'Source Serif Pro', 'Source Serif 4', 'Noto Serif', Georgia, 'Times New Roman', serif"
_DISPLAY = 30.0
"""From this size on, lines stand closer."""
_SANS_WIDTH = 0.52
"""Width of an average character of a sans serif face, Cyrillic included, as a share of the font size."""


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


def wrap(text: str, width: float, size: float, share: float = _SANS_WIDTH) -> list[str]:
    """Break a text into lines of at most `width` units at a font size, by the width of an average character."""
    room = max(8, int(width / (size * share)))
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def balance(text: str, width: float, size: float, share: float = _SANS_WIDTH) -> list[str]:
    """Break a text into as few lines as `wrap` does, but of about the same length: no word is left alone."""
    lines = wrap(text, width, size, share)
    narrower = width
    while len(again := wrap(text, narrower := narrower - size, size, share)) == len(lines) and narrower > width / 2:
        lines = again
    return lines


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is drawn."""
    return len(text) * size * _SANS_WIDTH


def paragraph(
    parent: ET.Element, lines: list[str], at: tuple[float, float], size: float, **attributes: str | float
) -> float:
    """Write lines below each other from the baseline `at`; return the baseline of a line that would follow."""
    x, y = at
    leading = size * (1.32 if size < _DISPLAY else 1.14)
    for index, line in enumerate(lines):
        add(parent, "text", line, x=x, y=y + index * leading, font_size=size, **attributes)
    return y + len(lines) * leading


def to_text(root: ET.Element) -> str:
    """Return an element as text; names stand without prefix, as HTML and printers want them."""
    return ET.tostring(root, encoding="unicode")
