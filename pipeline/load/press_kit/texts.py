"""Texts and names of the journalist's kit as they can be printed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.wording import texts

if TYPE_CHECKING:
    from pipeline.wording.texts import Texts

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+")
"""Characters that XML refuses or that turn the text around them: they have no place in a printed name."""
_MAX_NAME = 60
_MAX_LINE = 500


def load(code: str) -> Texts:
    """Return the kit's texts in a language (ISO 639-1)."""
    return texts.load(code, "embed")


def clean(name: str) -> str:
    """Return a name as it can be printed: one line, no control characters, at most 60 characters."""
    return clean_line(name, _MAX_NAME)


def clean_line(text: str, longest: int = _MAX_LINE) -> str:
    """Return a text from outside as one printable line, cut where it is too long to be read."""
    line = " ".join(_UNPRINTABLE.sub(" ", text).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
