"""Kyrgyz, Kazakh and Russian place names in Latin letters, as maps of the region spell them.

Russian letters as the US and British boards on geographic names romanise them (BGN/PCGN 1947), with their usual
shortcuts: no marks for soft and hard signs, one y for the endings -ый and -кий. Letters that only Kyrgyz and Kazakh
have as in the Kazakh alphabet of 2021, without its diacritics: Құрылысшы is Qurylysshy, Өндіріс Ondiris.

What comes out is a spelling and no name: no table has it, only labels for readers of Latin letters.
"""

from __future__ import annotations

import re

_LETTERS = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "y",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
    "ә": "a", "ғ": "g", "қ": "q", "ң": "n", "ө": "o", "ұ": "u", "ү": "u", "һ": "h", "і": "i",
}  # fmt: skip
_AFTER_VOWEL_OR_SIGN = re.compile(r"(?<=[аеёиоуыэюяъь])е|(?<=ь)и", re.IGNORECASE)
"""There е is spoken and written ye: Маевка is Mayevka; and и after a soft sign yi: Ильинка is Ilyinka."""
_ADJECTIVE = re.compile(r"(ы|(?<=к)и)й\b", re.IGNORECASE)


def latin(text: str) -> str:
    """Return a name in Latin letters; what is no Cyrillic letter of the three languages stays as it is."""
    text = _AFTER_VOWEL_OR_SIGN.sub(lambda found: ("Y" if found[0].isupper() else "y") + found[0], text)
    text = _ADJECTIVE.sub(lambda found: "Ы" if found[0].isupper() else "ы", text)
    return "".join(
        _letter(letter, before, after) for before, letter, after in zip(f" {text}", text, f"{text[1:]} ", strict=False)
    )


def _letter(letter: str, before: str, after: str) -> str:
    found = _LETTERS.get(letter.lower())
    if found is None or not letter.isupper():
        return letter if found is None else found
    shouted = after.isupper() or (before.isupper() and not after.isalpha())
    return found.upper() if shouted else found.capitalize()
