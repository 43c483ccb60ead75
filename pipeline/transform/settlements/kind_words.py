"""Words in the names of places that tell what kind of settlement they name: ж/м, дачи, село, мкр."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from pipeline.wording.spelling import MAX_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable

WORDS = {
    "novostroika": (
        "жилмассив", "жил массив", "жилой массив", "ж/м", "новостройка", "новостройки", "конуш", "конушу",
        "турак жай", "тұрғын алабы", "тұрғын үй алабы", "zhilmassiv", "jilmassiv", "zhiloy massiv", "novostroika",
        "novostroyka", "novostroyki",
    ),
    "dacha": (
        "дача", "дачи", "дачный", "дачное", "дачные", "садоводство", "садоводческое", "садовое", "садовый", "сады",
        "снт", "днт", "днп", "дск", "с/т", "с/о", "садтоварищество", "бағбандық", "саяжай", "саяжайлар", "бакчылык",
        "dacha", "dachas", "dachi", "allotment", "allotments", "garden colony", "kleingarten", "kleingartenanlage",
    ),
    "village": (
        "село", "с", "деревня", "дер", "хутор", "айыл", "айылы", "ауыл", "ауылы", "аул", "аулы", "кыштак", "кыштагы",
        "village", "aul", "aiyl", "selo", "kishlak",
    ),
    "formal": (
        "микрорайон", "мкр", "мкрн", "мкр-н", "м-н", "квартал", "кв-л", "кичи район", "кичи району", "шағын аудан",
        "шағын ауданы", "жилой район", "microdistrict", "microraion", "mikroraion", "mikrorayon", "quarter",
    ),
}  # fmt: skip
"""Words that tell a kind, whole and in any case; a part of a compound (Жаны-Айыл) tells nothing."""
NO_PLACE = (
    "жк", "ж/к", "жилой комплекс", "жилой дом", "дом", "корпус", "блок", "секция", "бизнес-центр", "бц", "тц", "трц",
    "торговый центр", "торговый дом", "рынок", "базар", "базары", "завод", "заводы", "фабрика", "комбинат", "склад",
    "склады", "база", "автобаза", "промзона", "промбаза", "школа", "школа-гимназия", "лицей", "гимназия", "детский сад",
    "университет", "колледж", "больница", "поликлиника", "офис", "магазин", "супермаркет", "гостиница", "отель",
    "азс", "гаражи", "гаражный", "гск", "парковка", "тоо", "оао", "ооо", "зао", "осоо", "оссо", "тэц", "котельная",
    "мектеп", "мектебі", "балабақша", "зауыты", "кафе", "ресторан", "санаторий", "воинская часть", "в/ч",
    "ltd", "llc", "gmbh", "ag", "inc", "factory", "plant", "works", "warehouse", "office", "offices", "school",
    "university", "college", "hospital", "mall", "shop", "supermarket", "hotel", "market", "bazaar", "business center",
    "business centre", "shopping center", "shopping centre", "apartments", "residence", "tower", "towers", "chimney",
    "gasometer", "block", "building", "logistikzentrum", "fabrik", "werk", "schule",
    "остановка", "ост", "аялдама", "аялдамасы", "bus stop", "автовокзал", "стадион", "парк", "сквер", "мечеть",
    "мешіті", "мечити", "церковь", "храм", "кладбище", "зират", "зираты", "аптека", "банк", "клиника", "госпиталь",
    "роддом", "музей", "театр", "бассейн", "автомойка", "автосервис", "заправка", "подстанция", "карьер", "свалка",
    "технопарк", "стройка", "строительная площадка", "индустриальная зона", "промышленная зона", "bus station",
    "railway station", "train station", "stadium", "mosque", "cemetery", "pharmacy", "museum", "construction site",
    "industrial zone", "industrial estate", "industrial area", "industrial park", "business park",
    "zone industrielle", "zona industrial", "gewerbegebiet", "industriegebiet", "bahnhof", "friedhof", "kirche",
)  # fmt: skip
"""Words of works, offices, shops, stops, parks, blocks and buildings: they name what stands there, no settlement."""


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Match any of the words, set off by spaces, brackets, quotes or dots."""
    longest_first = sorted((_plain(word) for word in words), key=lambda word: (-len(word), word))
    return re.compile(rf"(?<![^\s]){'(?:' + '|'.join(map(re.escape, longest_first)) + ')'}(?![^\s])")


def _plain(name: str) -> str:
    """Return a name in lower case with its punctuation, but for hyphens and slashes inside words, as spaces."""
    text = unicodedata.normalize("NFKC", name[:MAX_LENGTH]).lower().replace("ё", "е")
    return re.sub(r"[^\w/-]+", " ", re.sub(r"\s*/\s*", "/", text)).strip()


_KINDS = {kind: _pattern(words) for kind, words in WORDS.items()}
_NO_PLACE = _pattern(NO_PLACE)


def kind_word(names: Iterable[str]) -> str | None:
    """Return the kind that a word in the names tells; None: no word does, or two kinds are told.

    Parameters
    ----------
    names
        All names of one place, as the map writes them.
    """
    plain = [_plain(name) for name in names]
    told = {kind for kind, pattern in _KINDS.items() if any(pattern.search(name) for name in plain)}
    return told.pop() if len(told) == 1 else None


def names_no_place(name: str) -> bool:
    """Return whether a name is that of works, an office, a shop, a school, a block or a building."""
    return _NO_PLACE.search(_plain(name)) is not None
