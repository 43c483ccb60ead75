"""Names in Latin letters: as the region's maps spell them, and only where there are Cyrillic ones."""

from __future__ import annotations

import pytest

from pipeline.declared import facts
from pipeline.wording.label_names import latin_label
from pipeline.wording.transliteration import latin


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ак-Жар", "Ak-Zhar"),
        ("Құрылысшы", "Qurylysshy"),
        ("Өндіріс", "Ondiris"),
        ("Шаңырақ", "Shanyraq"),
        ("Жаңы-Көл", "Zhany-Kol"),
        ("Үш-Бұлақ", "Ush-Bulaq"),
        ("Ильинка", "Ilyinka"),
        ("Маевка", "Mayevka"),
        ("Васильевка", "Vasilyevka"),
        ("Красный Строитель", "Krasny Stroitel"),
        ("Ошский", "Oshsky"),
        ("Рухий-Мурас", "Rukhiy-Muras"),
        ("Щербинка", "Shcherbinka"),
        ("ТЭЦ-2", "TETS-2"),
        ("ЖАР", "ZHAR"),
        ("МАЕВКА КРАСНЫЙ", "MAYEVKA KRASNY"),
        ("Dordoi-1", "Dordoi-1"),
        ("新村 قرية ${1}", "新村 قرية ${1}"),
        ("", ""),
    ],
)
def test_spelling(name: str, expected: str) -> None:
    assert latin(name) == expected


def test_most_names_of_the_literature_come_out_as_it_spells_them() -> None:
    """What differs is mostly Dj or J for Zh and i for y, of which the literature has both."""
    rows = facts.settlements().dropna(subset=["name_en", "name_ru"])
    local = rows[["name_ru", "name_ky", "name_kk"]].to_numpy()
    same = [
        english in {latin(name) for name in names if isinstance(name, str)}
        for english, names in zip(rows["name_en"], local, strict=True)
    ]
    assert sum(same) > 0.75 * len(rows)


@pytest.mark.parametrize(
    ("names", "label"),
    [
        ({"name": "жилмассив «Ак-Жар»"}, "Ak-Zhar"),
        ({"name": None, "name_ky": "Ак-Ордо конушу"}, "Ak-Ordo"),
        ({"name": "Ак-Жар", "name_en": "Ak-Jar"}, None),
        ({"name": "Zapadny"}, None),
        ({"name": float("nan"), "name_ru": ""}, None),
        ({}, None),
    ],
)
def test_a_label_is_spelled_only_where_there_is_no_english_name(names: dict[str, object], label: str | None) -> None:
    assert latin_label(names) == label
