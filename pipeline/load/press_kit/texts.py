"""Texts, names and numbers of the journalist's kit in the languages of its readers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pipeline.base.resources import resource

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = {"en": "English", "ru": "Русский", "ky": "Кыргызча", "kk": "Қазақша"}
_GROUP = {"en": ","}
_NO_BREAK_SPACE = "\u00a0"
WORD_JOINER = "\u2060"
"""Forbids a line break; has no width, and no glyph in many fonts."""
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+")
"""Characters that XML refuses or that turn the text around them: they have no place in a printed name."""
_MAX_NAME = 60
_MAX_LINE = 500


@dataclass(frozen=True)
class Texts:
    """One language."""

    code: str
    entries: Mapping[str, str]

    def __call__(self, key: str, /, **values: object) -> str:
        """Return a text with its {placeholders} filled; numbers are written as the language writes them."""
        filled = {
            name: self.number(value) if isinstance(value, int | float) else value for name, value in values.items()
        }
        return self.entries[key].format(**filled)

    def number(self, value: float) -> str:
        """Return a whole number with its thousands apart, such as 38,000 or 38 000."""
        return f"{value:,.0f}".replace(",", _GROUP.get(self.code, _NO_BREAK_SPACE)).replace("-", "−")

    def interval(self, low: float, high: float) -> str:
        """Return two numbers as a range that no line break parts."""
        return f"{self.number(low)}{WORD_JOINER}–{WORD_JOINER}{self.number(high)}"


@cache
def load(code: str) -> Texts:
    """Return the texts of a language (ISO 639-1)."""
    path = resource("maps", "texts", f"embed.{code}.json")
    return Texts(code, json.loads(path.read_text(encoding="utf-8")))


def clean(name: str) -> str:
    """Return a name as it can be printed: one line, no control characters, at most 60 characters."""
    return clean_line(name, _MAX_NAME)


def clean_line(text: str, longest: int = _MAX_LINE) -> str:
    """Return a text from outside as one printable line, cut where it is too long to be read."""
    line = " ".join(_UNPRINTABLE.sub(" ", text).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
