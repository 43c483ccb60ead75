"""Compares two folders of outputs and says what changed, so that a refactoring proves itself.

``python -m tests.compare OLD NEW`` compares rows of tables and views, features of tiles, payloads, texts and tags of
pages, and whatever else a run writes. It leaves out the manifest, snapshots, clock times, comments on tables and
columns, scripts and styles with their hashes, and the order of rows and features.
"""

from __future__ import annotations

import filecmp
import re
import sys
from argparse import ArgumentParser
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.run.manifest import NAME as MANIFEST
from tests.compare.changes import Options, Tally
from tests.compare.pages import compare_files, compare_pages
from tests.compare.rows import compare_databases, compare_parquet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_COMPARISONS = {".parquet": compare_parquet, ".duckdb": compare_databases, ".html": compare_pages}
_COPIED = "snippet.html"
"""A text that editors paste into their pages: its script counts."""
_GROUPS = {
    "tables/*": "tables",
    "public/tables/*": "public tables",
    "*.duckdb/*": "tables and views of databases",
    "*.pmtiles": "tiles",
    "*.html": "pages",
    "public/embed/*": "files of kits",
    "simulated/*": "simulated inputs",
    "*": "other files",
}
_IGNORE = (
    "leave out what matches: table.column, layer.property, layer.geometry, layer.id, a value of a payload, or a place, "
    "as they are printed; repeat for several"
)
_RENAME = "a column, or a property of a layer of tiles, that has a new name; repeat for several"


def compare(old: Path, new: Path, options: Options) -> Iterator[tuple[str, Tally]]:
    """Yield each place (a file, a table of a database, a part of a page) with what differs there."""
    before, after = (_files(root) for root in (old, new))
    for file in sorted(before | after):
        if options.leaves_out(file):
            continue
        if file not in before or file not in after:
            yield file, Tally(f"only in {'old' if file in before else 'new'}")
        # Equal databases differ in their bytes: their tables are counted either way.
        elif not file.endswith(".duckdb") and filecmp.cmp(old / file, new / file, shallow=False):
            yield file, Tally()
        else:
            path = Path(file)
            comparison = compare_files if path.name == _COPIED else _COMPARISONS.get(path.suffix, compare_files)
            places = comparison(file, old / file, new / file, options)
            yield from ((place, tally) for place, tally in places if not options.leaves_out(place))


def _files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def blocks(places: Iterable[tuple[str, Tally]]) -> Iterator[str]:
    """Yield a block of text for each place where something differs; what was said is not repeated."""
    said: dict[str, str] = {}
    for place, tally in places:
        if lines := tally.lines():
            block = "\n  ".join(lines)
            first = said.setdefault(block, place)
            yield f"{place}\n  {block if first == place or len(lines) == 1 else f'the same as in {first}'}"


def summary(places: Iterable[tuple[str, Tally]]) -> Iterator[str]:
    """Yield a line for each group: how many of its files or tables are equal, how many differ."""
    equal: dict[str, bool] = {}
    for place, tally in places:
        whole = place.partition("#")[0]
        equal[whole] = equal.get(whole, True) and not tally.lines()
    groups: dict[str, list[bool]] = {group: [] for group in _GROUPS.values()}
    for whole, same in equal.items():
        groups[next(group for glob, group in _GROUPS.items() if fnmatchcase(whole, glob))].append(same)
    for group, found in groups.items():
        different = "" if all(found) else f", {found.count(False)} different"
        if found:
            yield f"{group}: {found.count(True)} equal{different}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare two folders of outputs; return 0 where they are equal, 1 where not (2 is for bad usage)."""
    parser = ArgumentParser("python -m tests.compare", description="Compare two folders of outputs of novostroiki run.")
    parser.add_argument("old", type=Path, help="outputs before the change")
    parser.add_argument("new", type=Path, help="outputs after it")
    parser.add_argument("--ignore", action="append", default=[], metavar="GLOB", help=_IGNORE)
    parser.add_argument("--rename", action="append", default=[], metavar="TABLE.OLD=NEW", help=_RENAME)
    given = parser.parse_args(arguments)
    renamed = [re.fullmatch(r"([^.=]+)\.([^.=]+)=([^.=]+)", text) for text in given.rename]
    if None in renamed:
        parser.error("A new name is written --rename table.old=new.")
    for folder in (given.old, given.new):
        if not (folder / MANIFEST).is_file():
            parser.error(f"{folder} is no folder of outputs: it has no {MANIFEST}.")
    options = Options(tuple(given.ignore), {(match[1], match[2]): match[3] for match in renamed if match})
    places = list(compare(given.old, given.new, options))
    sys.stdout.writelines(f"{text}\n" for text in (*blocks(places), *summary(places)))
    return int(any(tally.lines() for _, tally in places))


if __name__ == "__main__":
    sys.exit(main())
