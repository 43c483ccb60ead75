"""Names as people read them: in their own letters, without the generic words at their ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.wording.spelling import key, plain


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


@given(st.text(min_size=1, max_size=60))
def test_a_plain_name_is_still_the_same_name(name: str) -> None:
    assert key(plain(name)) == key(name)
