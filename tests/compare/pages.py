"""Compares pages by their payloads, texts and tags, and other files by what they hold: tiles, JSON, lines, bytes."""

from __future__ import annotations

import base64
import difflib
import json
import re
import tomllib
from html.parser import HTMLParser
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from tests.compare.changes import ABSENT, Options, Tally
from tests.compare.tiles import compare_archives

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class _Page(HTMLParser):
    """A page taken apart, without style sheets, the script bundle, and the hashes of scripts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[str] = []
        self.payloads: dict[str, str] = {}
        self._bundle_seen = False
        self._into: str | None = None
        """Payload that data belong to; empty: they are left out; None: they are text."""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "style":
            self._into = ""
        elif tag == "script":
            # Of the scripts without a name the bundle comes first; what follows are calls of it.
            self._into = dict(attrs).get("id") or ("calls" if self._bundle_seen else "")
            self._bundle_seen |= not self._into
        elif (tag, dict(attrs).get("name")) != ("meta", "release"):
            written = "".join(sorted(f" {name}" if value is None else f' {name}="{value}"' for name, value in attrs))
            self.tags.append(re.sub(r"'sha256-[^']*'", "'sha256-…'", f"<{tag}{written}>"))

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is None:
            self.text += [line.strip() for line in data.splitlines() if line.strip()]
        elif self._into:
            self.payloads[self._into] = self.payloads.get(self._into, "") + data


def compare_pages(place: str, old: Path, new: Path, options: Options) -> Iterator[tuple[str, Tally]]:
    before, after = _Page(old), _Page(new)
    yield f"{place}#text", _compare_lines(before.text, after.text)
    yield f"{place}#tags", _compare_lines(before.tags, after.tags)
    for name in sorted(before.payloads | after.payloads):
        if name in before.payloads and name in after.payloads:
            old_bytes, new_bytes = (_bytes(page.payloads[name]) for page in (before, after))
            yield f"{place}#{name}", _compare_contents(name, old_bytes, new_bytes, options)
        else:
            yield f"{place}#{name}", Tally(f"only in {'old' if name in before.payloads else 'new'}")


def _bytes(payload: str) -> bytes:
    try:
        return base64.b64decode(payload, validate=True)
    except ValueError:
        return payload.encode()


def compare_files(place: str, old: Path, new: Path, options: Options) -> Iterator[tuple[str, Tally]]:
    yield place, _compare_contents(old.name, old.read_bytes(), new.read_bytes(), options)


def _compare_contents(name: str, old: bytes, new: bytes, options: Options) -> Tally:
    tally = Tally()
    if old == new:
        return tally
    if old.startswith(b"PMTiles") and new.startswith(b"PMTiles"):
        return compare_archives(old, new, options)
    try:
        texts = old.decode(), new.decode()
    except UnicodeDecodeError:
        return Tally(f"bytes changed ({len(old):,} → {len(new):,})")
    try:
        load = tomllib.loads if name.endswith(".lock") else json.loads
        before, after = map(load, texts)
    except ValueError:
        return _compare_lines(*(text.split("\n") for text in texts))
    _compare_values((name, ""), before, after, options, tally)
    return tally


def _compare_lines(old: Sequence[str], new: Sequence[str]) -> Tally:
    tally = Tally()
    for _, start, end, new_start, new_end in difflib.SequenceMatcher(None, old, new).get_opcodes():
        for before, after in zip_longest(old[start:end], new[new_start:new_end], fillvalue=ABSENT):
            if before != after:
                tally.change("lines", "", before, after)
    return tally


def _compare_values(path: tuple[str, str], old: Any, new: Any, options: Options, tally: Tally) -> None:
    """Compare two documents.

    Parameters
    ----------
    path
        Which value it is, with `*` for any item of a list; and in which items it is.
    """
    name, where = path
    written = [value if value is ABSENT else json.dumps(value, ensure_ascii=False, default=str) for value in (old, new)]
    if written[0] == written[1] or options.leaves_out(name):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old | new:
            _compare_values((f"{name}.{key}", where), old.get(key, ABSENT), new.get(key, ABSENT), options, tally)
    elif (items := _items(old, new)) is not None:
        before, after = items
        if [key for key in before if key in after] != [key for key in after if key in before]:
            tally.change(f"orders of {name}", where, *(", ".join(map(str, side)) for side in items))
        for key in before | after:
            there = (f"{name}.*", f"{where}/{key}".removeprefix("/"))
            _compare_values(there, before.get(key, ABSENT), after.get(key, ABSENT), options, tally)
    else:
        tally.change(f"values of {name}", where, *written)


def _items(old: Any, new: Any) -> tuple[dict[Any, Any], dict[Any, Any]] | None:
    """Return the items of two lists by their first field, or by position where that does not tell them apart.

    None where they are no lists of objects or lists, and where positions of different lengths would tell nothing.
    """
    lists = [value for value in (old, new) if isinstance(value, list)]
    if len(lists) < 2 or not all(isinstance(item, dict | list) for value in lists for item in value):
        return None
    names = [[next(iter(item.values()), "") if isinstance(item, dict) else 0 for item in value] for value in lists]
    if not all(all(isinstance(name, str) for name in side) and len(set(side)) == len(side) for side in names):
        if len(old) != len(new):
            return None
        names = [list(range(len(old)))] * 2
    return dict(zip(names[0], old, strict=True)), dict(zip(names[1], new, strict=True))
