"""What is left out of a comparison, and a tally of what was found: sorts of differences, counts, examples."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EXAMPLES = 3
ABSENT = object()
"""Stands for a value that one side does not have."""
_CLOCK_AND_HISTORY = (
    "manifest.json",
    "release.json",
    "releases/*",
    "snapshots/*",
    "*.retrieved_at",
    "runs.run_id",
    "runs.parent_run_id",
)
_WIDTH, _LEAD = 70, 15
"""Characters shown of a value, and how many of them before the first that differs."""


@dataclass(frozen=True, eq=False)
class Options:
    """Globs of names to leave out, and the new names of columns by (table, old name)."""

    ignore: tuple[str, ...] = ()
    rename: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def leaves_out(self, name: str) -> bool:
        return any(fnmatchcase(name, glob) for glob in (*_CLOCK_AND_HISTORY, *self.ignore))

    def old_columns(self, table: str, names: Iterable[str]) -> dict[str, str]:
        """Return the names of columns of old outputs by their new names, without those to leave out."""
        renamed = {self.rename.get((table, name), name): name for name in names}
        return {new: old for new, old in renamed.items() if not self.leaves_out(f"{table}.{new}")}

    def new_columns(self, table: str, names: Iterable[str]) -> dict[str, str]:
        """Return the same of new outputs, whose columns have their new names."""
        return {name: name for name in names if not self.leaves_out(f"{table}.{name}")}


class Tally:
    """Differences of one place."""

    def __init__(self, *statements: str) -> None:
        self._found: dict[str, tuple[int, list[str]]] = {statement: (0, []) for statement in statements}

    def add(self, what: str, count: int = 0, examples: Iterable[str] = ()) -> None:
        """Count differences of one sort; without a count it is a statement."""
        total, shown = self._found.get(what, (0, []))
        self._found[what] = total + count, [*shown, *islice(examples, EXAMPLES - len(shown))]

    def change(self, what: str, where: str, old: Any, new: Any) -> None:
        """Count one value that changed, or that is `ABSENT` on one side."""
        how = "only in new" if old is ABSENT else "only in old" if new is ABSENT else "changed"
        label = f"{where}: " if where else ""
        self.add(f"{what} {how}", 1, (label + arrow(*pair) for pair in [(old, new)]))

    def lines(self) -> list[str]:
        return [
            line
            for what, (count, examples) in self._found.items()
            for line in (f"{what}: {count:,}" if count else what, *(f"  {example}" for example in examples))
        ]


def arrow(old: Any, new: Any) -> str:
    """Return `old → new`, long texts cut to where they begin to differ; of one side alone, its text."""
    texts = [str(value) for value in (old, new) if value is not ABSENT]
    alike = os.path.commonprefix(texts) if len(texts) == 2 else ""  # noqa: RUF071 - of texts, not of paths
    start = max(0, len(alike) - _LEAD)
    return " → ".join(text if len(text) <= _WIDTH else _cut(text, start) for text in texts)


def _cut(text: str, start: int) -> str:
    return "…" * (start > 0) + text[start : start + _WIDTH] + "…" * (start + _WIDTH < len(text))
