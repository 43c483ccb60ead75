"""Names as people write them: made-up ones for settlements that the literature does not know, and map tags for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.wording.transliteration import latin

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Name:
    """A name without prefix, in the languages it is known in; `ru` is always there."""

    ru: str
    ky: str = ""
    kk: str = ""
    en: str = ""
    others: tuple[str, ...] = ()


_FIRST = {
    "KG": ("Ак", "Кызыл", "Жаны", "Кок", "Сары", "Чон", "Эки", "Бай", "Кара", "Алтын"),
    "KZ": ("Ак", "Кызыл", "Жана", "Кок", "Сары", "Улы", "Нур", "Бай", "Кара", "Алтын"),
}
_SECOND = {
    "KG": ("Суу", "Арык", "Булак", "Токой", "Дөбө", "Көл", "Терек", "Мурас", "Заман", "Айыл", "Талаа", "Жол", "Тоо"),
    "KZ": ("Су", "Арык", "Булак", "Тогай", "Тобе", "Коль", "Терек", "Мура", "Заман", "Ауыл", "Дала", "Жол", "Тау"),
}
_ELSEWHERE = ("Новый", "Восточный", "Северный", "Южный", "Солнечный", "Степной", "Полевой", "Луговой", "Рабочий")
_VILLAGES = (
    "Васильевка", "Ильинка", "Покровка", "Ивановка", "Беловодское", "Кировка", "Михайловка", "Николаевка", "Гавриловка",
    "Ново-Павловка", "Пригородное", "Комсомольское", "Ленинское", "Кок-Жар", "Ак-Суу", "Талды-Булак", "Кызыл-Туу",
    "Орто-Сай", "Сокулук", "Лебединовка",
)  # fmt: skip
_DACHAS = (
    "Энергетик", "Строитель", "Заря", "Дружба", "Мичуринец", "Железнодорожник", "Ветеран", "Медик", "Ромашка",
    "Рассвет", "Геолог", "Учитель", "Авиатор", "Связист",
)  # fmt: skip
_DISTRICTS = (
    "Восток", "Асанбай", "Джал", "Учкун", "Аламедин", "Кок-Жар", "Юг", "Центральный", "Самал", "Жетысу", "Орбита",
)  # fmt: skip


def _compounds(country: str) -> tuple[str, ...]:
    """Return two-part names as new settlements carry them."""
    first, second = _FIRST.get(country), _SECOND.get(country)
    return tuple(f"{a}-{b}" for a in first for b in second if a != b) if first and second else _ELSEWHERE


def pool(kind: str, country: str, rng: np.random.Generator) -> list[Name]:
    """Return names for settlements of a kind in an order of their own; there may be fewer than settlements."""
    words = {
        "village": _VILLAGES,
        "dacha": _DACHAS,
        "cottages": _DISTRICTS,
        "blocks": _DISTRICTS,
        "core": ("Центр",),
    }.get(kind, _compounds(country))
    return [_name(words[k], country) for k in rng.permutation(len(words))]


def _name(word: str, country: str) -> Name:
    russian = word.replace("ө", "о")
    return Name(ru=russian, en=latin(russian), ky=word if country == "KG" else "", kk=word if country == "KZ" else "")


def numbered(name: Name, number: int) -> Name:
    """Return a name with a number, as later parts of a settlement get one."""
    ru, ky, kk, en = (f"{text}-{number}" if text else "" for text in (name.ru, name.ky, name.kk, name.en))
    return Name(ru, ky, kk, en)


_RUSSIAN = {
    "novostroika": ("жилмассив {}", "{} ж/м", "ж/м {}", "новостройка {}", "{}", "{}", "жилой массив «{}»", "мкр {}"),
    "village": ("{}", "{}", "с. {}", "село {}"),
    "dacha": ("ДСК «{}»", "с/т {}", "дачи {}", "{}"),
    "formal": ("микрорайон {}", "мкр {}", "{}", "{} м-н"),
}
_KYRGYZ = {"novostroika": ("{}", "{} конушу", "{} турак жай конушу"), "village": ("{}", "{} айылы")}
_KAZAKH = {"novostroika": ("{}", "{} тұрғын алабы", "{} шағын ауданы"), "village": ("{}", "{} ауылы")}


_HABITS = (0.25, 0.08, 0.5, 0.45, 0.35, 0.4)
"""How often `name` is in the local language, in Latin letters; how often name:ru, the local one, name:en, alt_name."""


def tags(name: Name, kind: str, country: str, rng: np.random.Generator) -> dict[str, str]:
    """Return the name tags of a map object, with the prefixes and gaps that mappers leave.

    Parameters
    ----------
    name
        The bare name.
    kind
        Kind of settlement: novostroika, village, dacha, formal or other.
    country
        ISO code; decides the second language.
    rng
        Source of the mapper's habits.
    """

    def form(forms: dict[str, tuple[str, ...]], text: str) -> str:
        choice = forms.get(kind, ("{}",))
        return choice[int(rng.integers(len(choice)))].format(text)

    second, forms = ("ky", _KYRGYZ) if country == "KG" else ("kk", _KAZAKH)
    local = getattr(name, second)
    russian = form(_RUSSIAN, name.ru)
    in_local, in_latin, with_ru, with_local, with_en, with_other = rng.random(6) < _HABITS
    chosen = form(forms, local) if local and in_local else russian
    if name.en and in_latin:
        chosen = name.en
    found = {"name": chosen}
    if with_ru or (chosen == name.en and not local):
        found["name:ru"] = russian
    if local and with_local:
        found[f"name:{second}"] = form(forms, local)
    if name.en and with_en:
        found["name:en"] = name.en
    if name.others and with_other:
        found["alt_name"] = name.others[int(rng.integers(len(name.others)))]
    return found
