"""Names as people read them: in their own letters, without the generic words at their ends."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.wording import spelling
from pipeline.wording.spelling import is_readable, key, plain


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("жилмассив «Ак-Жар»", "Ак-Жар"),
        ("Ак-Жар ж/м", "Ак-Жар"),
        ("Ак-Жар конушу", "Ак-Жар"),
        ("с. Маевка", "Маевка"),
        ("Шаңырақ шағын ауданы", "Шаңырақ"),
        ("ТЭЦ-2", "ТЭЦ-2"),
        ("Дачи СУ", "Дачи СУ"),
        ("село", "село"),
    ],
)
def test_generic_words_are_dropped_and_nothing_else(name: str, left: str) -> None:
    assert plain(name) == left


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Көк-Жар", "Кок Жар"),
        ("Берёзовка", "Березовка"),
        ("Жаңы-Өмүр", "ЖАНЫ ОМУР"),
        (unicodedata.normalize("NFD", "Ак-Бийик"), "Ак-Бийик"),
        ("Aк-Opдo", "Ак-Ордо"),  # Latin A, O, p and o
        ("Қарасу", "Карасу"),
        ("ж/м Ак-Тест", "Ак-Тест жилмассив"),
        ("мкр. №5", "5-й микрорайон"),
        ("Ак‑Жар", "Ак–Жар"),
    ],
)
def test_one_place_written_in_two_ways(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(("one", "other"), [("Ак-Орда-1", "Ак-Орда-2"), ("Ак-Орда", "Ак-Орда 2"), ("мкр 5", "мкр 6")])
def test_numbers_tell_places_apart(one: str, other: str) -> None:
    assert key(one) != key(other)


@pytest.mark.parametrize("name", ["", "—", "11", "??-????", "Ак-??ар", "�к-Жар", "№ 5", "…"])
def test_what_has_no_letters_or_lost_some_names_nothing(name: str) -> None:
    assert not is_readable(name)


@given(st.text(min_size=1, max_size=60))
def test_a_plain_name_is_still_the_same_name(name: str) -> None:
    assert key(plain(name)) == key(name)


def test_the_maps_search_by_the_same_rules() -> None:
    """The client's own tests hold its search against the same examples."""
    path = Path(__file__).parents[2] / "maps" / "client" / "test" / "spelling.json"
    for example in json.loads(path.read_text(encoding="utf-8")):
        found = spelling.key(example["name"])
        assert (found.base + found.number, spelling.plain(example["name"])) == (example["form"], example["plain"])
