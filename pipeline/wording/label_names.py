"""Names as labels write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.schema.vocabulary import LANGUAGES
from pipeline.wording.spelling import plain
from pipeline.wording.transliteration import latin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.wording.texts import Texts

_MAX_TEXT = 200
"""A longer name is a mistake or an attack; it is cut, visibly."""
_CYRILLIC = re.compile("[\u0400-\u04ff]")


def label_text(value: object) -> str | None:
    """Return a text from outside as labels show it; None: there is none."""
    if value is None or pd.isna(value) or value == "":  # type: ignore[call-overload]
        return None
    whole = str(value)
    return whole if len(whole) <= _MAX_TEXT else whole[: _MAX_TEXT - 1] + "…"


def label_names(row: pd.Series) -> dict[str, str]:
    """Return the names in a row of a table, as the page knows them (maps/client/src/types.ts)."""
    found = {code: label_text(row.get(f"name_{code}")) for code in LANGUAGES}
    found["any"] = label_text(row.get("name"))
    found["latin"] = label_text(latin_label(row))
    return {code: name for code, name in found.items() if name is not None}


def best_name(row: Mapping[Any, Any] | pd.Series, code: str) -> str | None:
    """Return the name in a language, else the best-known one, for English readers in Latin letters; None: unnamed."""
    for name in (row[f"name_{code}"], latin_label(row) if code == "en" else None, row["name"]):
        if isinstance(name, str) and name.strip():
            return name
    return None


def settlement_labels(settlements: pd.DataFrame, texts: Texts) -> dict[str, str]:
    """Return what readers of a language are told each settlement is called, by its id.

    Parameters
    ----------
    settlements
        Rows of the table `settlements`, full or public; one without a name is told by its number and its neighbour.
    texts
        With the keys ``unnamed`` and ``unnamed.near``.
    """
    rows = settlements.drop(columns="geometry", errors="ignore").to_dict("records")
    names = {row["settlement_id"]: name for row in rows if (name := best_name(row, texts.code))}
    labels = {}
    for row in rows:
        neighbour = names.get(row["near_id"])
        number = 1 if pd.isna(row["near_number"]) else int(row["near_number"])
        if own := names.get(row["settlement_id"]):
            labels[row["settlement_id"]] = own
        elif neighbour is None:
            labels[row["settlement_id"]] = texts("unnamed", number=number)
        else:
            labels[row["settlement_id"]] = texts("unnamed.near", number=number, neighbour=neighbour)
    return labels


def latin_label(row: Mapping[Any, Any] | pd.Series) -> str | None:
    """Return how readers of Latin letters are shown a place without an English name.

    Parameters
    ----------
    row
        ``name`` and ``name_<language>`` of a table, where there are any.

    Returns
    -------
    str or None
        The name as it is mapped, without its generic words and in Latin letters: a spelling, not a name, which no table
        must claim to have. None where there is an English name, no name, or one in Latin letters already.
    """
    if _given(row.get("name_en")):
        return None
    mapped = next((name for key in ("name", "name_ky", "name_kk", "name_ru") if (name := _given(row.get(key)))), "")
    return latin(plain(mapped)) if _CYRILLIC.search(mapped) else None


def _given(name: object) -> str:
    return name.strip() if isinstance(name, str) else ""
