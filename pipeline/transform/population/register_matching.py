"""Names in a user's register or survey, matched with settlements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.wording import spelling

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

_COLUMNS = ("name", "name_en", "name_ru", "name_ky", "name_kk")
_SHOWN = 5
"""Names that a notice spells out."""


def owners(settlements: pd.DataFrame) -> dict[spelling.Key, set[str]]:
    """Return the ids of the settlements that bear each name (by its key), in any language."""
    found: dict[spelling.Key, set[str]] = {}
    for column in _COLUMNS:
        if column in settlements:
            named = settlements[settlements[column].notna()]
            for settlement, name in zip(named["settlement_id"], named[column], strict=True):
                if spelling.is_readable(str(name)):
                    found.setdefault(spelling.key(str(name)), set()).add(str(settlement))
    return found


def owner(name: str, bearers: dict[spelling.Key, set[str]]) -> str | None:
    """Return the only settlement that bears a name; None: none does, several do, or it is no name."""
    candidates = bearers.get(spelling.key(name), set()) if spelling.is_readable(name) else set()
    return next(iter(candidates)) if len(candidates) == 1 else None


def listed(names: Iterable[str]) -> str:
    """Return names for a notice: the first few, and how many more there are."""
    items = list(names)
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more
