"""Texts of the products: sentences of maps/texts, words of layers/codes.toml, numbers as readers write them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pipeline.base.resources import resource
from pipeline.declared import codes

if TYPE_CHECKING:
    from collections.abc import Mapping

_GROUP = {"en": ","}
_NO_BREAK_SPACE = "\u00a0"
WORD_JOINER = "\u2060"
"""Forbids a line break; has no width, and no glyph in many fonts."""


@dataclass(frozen=True)
class Texts:
    """One language: texts by key; one that depends on a count has a text for each plural form."""

    code: str
    entries: Mapping[str, str | Mapping[str, str]]

    def __call__(self, key: str, /, **values: object) -> str:
        """Return a text with its {placeholders} filled; `count` chooses among plural forms.

        Numbers are written as the language writes them, those of a placeholder such as ``{share:.0%}`` in per cent.
        """
        text = self.entries[key]
        if not isinstance(text, str):
            text = text[plural_form(self.code, int(str(values["count"])))]
        filled = {
            name: _Figure(value, self) if isinstance(value, int | float) else value for name, value in values.items()
        }
        return text.format(**filled)

    def number(self, value: float) -> str:
        """Return a whole number with its thousands apart, such as 38,000 or 38 000."""
        return f"{value:,.0f}".replace(",", _GROUP.get(self.code, _NO_BREAK_SPACE)).replace("-", "−")

    def decimal(self, value: float) -> str:
        """Return a small number with three significant digits and the language's decimal mark."""
        text = f"{value:.3g}"
        return (text if self.code == "en" else text.replace(".", ",")).replace("-", "−")

    def percent(self, share: float, digits: int = 0) -> str:
        """Return a share in per cent, with at most so many decimals."""
        text = f"{share * 100:.{digits}f}"
        text = text.rstrip("0").rstrip(".") if digits else text
        return f"{text}%" if self.code == "en" else f"{text.replace('.', ',')}{_NO_BREAK_SPACE}%"

    def interval(self, low: float, high: float) -> str:
        """Return two numbers as a range that no line break parts."""
        return f"{self.number(low)}{WORD_JOINER}–{WORD_JOINER}{self.number(high)}"


class _Figure:
    """A number that a text writes in its own language."""

    def __init__(self, value: float, texts: Texts) -> None:
        self.value, self.texts = value, texts

    def __format__(self, how: str) -> str:
        if how.endswith("%"):
            return self.texts.percent(self.value, int(how.strip(".%") or 0))
        return self.texts.number(self.value)


def plural_form(code: str, count: int) -> str:
    """Return the plural form of a whole number (CLDR); Kyrgyz and Kazakh tell one from others as English does."""
    if code != "ru":
        return "one" if count == 1 else "other"
    ones, tens = count % 10, count % 100
    if ones == 1 and tens != 11:
        return "one"
    return "few" if ones in {2, 3, 4} and tens not in {12, 13, 14} else "many"


@cache
def load(code: str, *families: str) -> Texts:
    """Return texts in a language (ISO 639-1): the words of all codes, and families such as ``map`` or ``completeness``.

    The word of a code has the key ``<kind of code>.<code>``.
    """
    entries: dict[str, str | Mapping[str, str]] = {
        f"{kind}.{name}": getattr(names, code)
        for kind, words in codes.default().items()
        for name, names in words.items()
    }
    for family in families:
        entries |= json.loads(resource("maps", "texts", f"{family}.{code}.json").read_text(encoding="utf-8"))
    return Texts(code, entries)
