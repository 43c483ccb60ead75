"""Names in a user's register or survey, matched with settlements."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("name", "name_en", "name_ru", "name_ky", "name_kk")


def name_key(name: str) -> str:
    """Return a name without case, spaces and punctuation: what two spellings of it share."""
    return "".join(character for character in name.casefold() if character.isalnum())


def owners(settlements: pd.DataFrame) -> dict[str, set[str]]:
    """Return the ids of the settlements that bear each name (by its key), in any language."""
    found: dict[str, set[str]] = {}
    for column in _COLUMNS:
        if column in settlements:
            named = settlements[settlements[column].notna()]
            for settlement, name in zip(named["settlement_id"], named[column], strict=True):
                found.setdefault(name_key(str(name)), set()).add(str(settlement))
    return found
