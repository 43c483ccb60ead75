"""The release in every page: who has a page of their own can tell of which release it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = re.compile(rb"<head\b[^>]*>", re.IGNORECASE)


def stamp_pages(folder: Path, run_id: str) -> None:
    """Write ``<meta name="release" content="…">`` into the head of all pages below a folder.

    Pages are drawn, and kept for later runs, before it is known which release they become part of.
    """
    for path in sorted(folder.rglob("*.html")):
        page = path.read_bytes()
        if head := _HEAD.search(page):
            stamp = f'<meta name="release" content="{run_id}">'.encode()
            # A new file: this one may be a link to what a cache keeps.
            path.unlink()
            path.write_bytes(page[: head.end()] + stamp + page[head.end() :])
