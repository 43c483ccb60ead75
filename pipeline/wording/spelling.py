"""Spellings of one place name brought to one key: Ак-Жар = Ak-Jar = Ak-Zhar = "жилмассив Ак-Жар"."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from pipeline.base.resources import resource

MAX_LENGTH = 200
"""What follows in a longer name is no part of a place name."""
_MIN_PLAIN = 3
MIN_FUZZY = 6
"""Shorter keys must be equal: one letter is too much of them."""

_RULES = json.loads(resource("layers", "spelling.json").read_text(encoding="utf-8"))
"""The same file is bundled into the maps, whose search finds a name by the same rules."""
_LATIN: list[tuple[str, str]] = [(latin, cyrillic) for latin, cyrillic in _RULES["latin"]]
_CYRILLIC = str.maketrans(_RULES["cyrillic"])
_LOOK_ALIKE = str.maketrans(_RULES["look_alike"])
"""Latin letters typed within a Cyrillic word, as they look and not as they sound."""
_MIXED = re.compile(r"(?=\w*[a-z])(?=\w*[а-яёөүңқғәіһұ])\w+", re.IGNORECASE)
_ORDINAL = re.compile(r"(\d)-(?:й|я|ый|ой|ая|ші|шы)\b", re.IGNORECASE)
_LOST = re.compile("[?\N{REPLACEMENT CHARACTER}]")
"""What stands for a letter that was lost when a table was saved in another encoding."""


def _fold(word: str) -> str:
    """Return a word in folded Cyrillic: one letter where scripts and transliterations differ, no doubled letters."""
    for latin, cyrillic in _LATIN:
        word = word.replace(latin, cyrillic)
    word = re.sub(r"[^0-9a-zа-я]", "", word.translate(_CYRILLIC))
    return re.sub(r"([а-я])\1+", r"\1", word)


def _words(name: str) -> list[str]:
    text = unicodedata.normalize("NFKC", name[:MAX_LENGTH].replace("№", " ")).replace("/", "").replace(".", " ")
    text = _MIXED.sub(lambda word: word[0].translate(_LOOK_ALIKE), text)
    text = _ORDINAL.sub(r"\1", text).lower()
    return [folded for word in re.split(r"[\s,;()«»\"]+", text) if (folded := _fold(word))]


_GENERIC_PHRASES = frozenset(tuple(_words(phrase)) for phrase in _RULES["generic"])
_LONGEST = max(map(len, _GENERIC_PHRASES))
_STREET_WORDS = frozenset(word for phrase in _RULES["streets"] for word in _words(phrase))


def _without_generic(tokens: list[str]) -> list[str]:
    """Return the tokens of a name without the generic phrases at its ends; one token at least stays."""
    for length in range(min(_LONGEST, len(tokens) - 1), 0, -1):
        if tuple(_words(" ".join(tokens[:length]))) in _GENERIC_PHRASES:
            return _without_generic(tokens[length:])
        if tuple(_words(" ".join(tokens[-length:]))) in _GENERIC_PHRASES:
            return _without_generic(tokens[:-length])
    return tokens


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """A name without its generic words: `base` in folded letters, `number` the digits in it ("2" in ТЭЦ-2)."""

    base: str
    number: str = ""


@lru_cache(maxsize=65536)
def key(name: str) -> Key:
    """Return the key of a name; an empty base means that nothing of a name is left.

    Lower case; Latin, Kyrgyz and Kazakh letters to plain Cyrillic ones (Latin ones within a Cyrillic word by their
    looks, other words by their sound); letters that macOS takes apart put together; hyphens, spaces, apostrophes and
    generic words (жилмассив, мкр, село …) dropped at both ends; doubled letters made single.
    """
    joined = "".join(_without_generic(_words(name)))
    return Key(re.sub(r"([а-я])\1+", r"\1", re.sub(r"\d", "", joined)), "".join(re.findall(r"\d", joined)))


def is_readable(name: str) -> bool:
    """Return whether a name has letters, all of them: "11", "—" and "??-????" (lost on saving) name nothing."""
    return any(letter.isalpha() for letter in name) and not _LOST.search(name)


def plain(name: str) -> str:
    """Return a name in its own letters without the generic words at its ends: Ак-Жар for "жилмассив «Ак-Жар»".

    What is left keeps at least three letters, so that "Дачи СУ" stays as it is.
    """
    left = " ".join(_without_generic(name.split())).strip("«»\"'“”„,;—– ")
    return left if sum(letter.isalpha() for letter in left) >= _MIN_PLAIN else name.strip()


def is_street(name: str) -> bool:
    """Return whether a name is that of a street: a lane called after a settlement is not the settlement."""
    return not _STREET_WORDS.isdisjoint(_words(name))


def within_one_edit(a: str, b: str) -> bool:
    """Return whether one insertion, deletion or replacement at most turns `a` into `b`."""
    if abs(len(a) - len(b)) > 1:
        return False
    if len(a) > len(b):
        a, b = b, a
    start = next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    return a[start + (len(a) == len(b)) :] == b[start + 1 :]


def edits(wanted: Key, given: Key) -> int | None:
    """Return 0 for equal keys, 1 for keys of at least `MIN_FUZZY` letters that differ in one, None for other names.

    A number in the wanted name must be there; one that only the given name has (Шанырак-2 for Шанырак) is a part of
    the wanted place.
    """
    if not wanted.base or (wanted.number and wanted.number != given.number):
        return None
    if wanted.base == given.base:
        return 0
    long = min(len(wanted.base), len(given.base)) >= MIN_FUZZY
    return 1 if long and within_one_edit(wanted.base, given.base) else None
