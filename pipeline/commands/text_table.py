"""Rows as text on a terminal, their columns aligned."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text, one a line, with aligned columns.

    Examples
    --------
    >>> print(aligned([("layer", "kind"), ("landfill", "red zone")]), end="")
    layer     kind
    landfill  red zone
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)
