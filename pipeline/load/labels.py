"""Names as labels write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipeline.transform.settlements.spelling import plain
from pipeline.transliteration import latin

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

_CYRILLIC = re.compile("[\u0400-\u04ff]")


def latin_label(names: Mapping[Any, Any] | pd.Series) -> str | None:
    """Return how readers of Latin letters are shown a place without an English name.

    Parameters
    ----------
    names
        ``name`` and ``name_<language>`` of a table, where there are any.

    Returns
    -------
    str or None
        The name as it is mapped, without its generic words and in Latin letters: a spelling, not a name, which no table
        must claim to have. None where there is an English name, no name, or one in Latin letters already.
    """
    if _given(names.get("name_en")):
        return None
    mapped = next((name for key in ("name", "name_ky", "name_kk", "name_ru") if (name := _given(names.get(key)))), "")
    return latin(plain(mapped)) if _CYRILLIC.search(mapped) else None


def _given(name: object) -> str:
    return name.strip() if isinstance(name, str) else ""
