"""Microsoft Global ML Building Footprints: an index of files by quadkey, and the checks that such files must pass."""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.extract.http.retry import TransientError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_COLUMNS = frozenset({"Location", "QuadKey", "Url"})
_QUADKEY_DIGITS = 9
_STATIC_SITE = re.compile(r"([a-z0-9]+)\.z\d+\.web\.core\.windows\.net")
_ENCODING = "utf-8-sig"
"""The index may begin with a byte order mark."""
_MAX_UNPACKED = 4 * 2**30
_BLOCK = 1 << 20
MAX_INDEX = 64 * 2**20
MAX_FILE = 2 * 2**30


@dataclass(frozen=True, order=True)
class Link:
    """A file of the dataset: footprints of one country in one tile."""

    quadkey: str
    location: str
    url: str
    uploaded: str

    @property
    def addresses(self) -> list[str]:
        """Where to ask for it, best first.

        The index names the static web site of a storage account, which throttles and was seen to be gone (404) while
        the account itself answered: a site is the container ``$web`` of its account, and is asked for there first.
        """
        address = urlsplit(self.url)
        if site := _STATIC_SITE.fullmatch(address.netloc):
            return [f"https://{site[1]}.blob.core.windows.net/%24web{address.path}", self.url]
        return [self.url]

    @property
    def name(self) -> str:
        """A file name for people; the readers go by its suffix."""
        return f"{self.location}-{self.quadkey}.csv.gz"


def check_index(path: Path) -> None:
    """Raise an AttemptError unless the file is the index (CSV with the columns Location, QuadKey, Url)."""
    try:
        with path.open(encoding=_ENCODING, newline="") as file:
            columns = next(csv.reader(file), [])
    except UnicodeDecodeError as error:
        reason = "the reply is no text"
        raise TransientError(reason) from error
    if not set(columns) >= _COLUMNS:
        reason = "the reply is not the index of files (it has no columns Location, QuadKey, Url)"
        raise TransientError(reason)


def links(path: Path, quadkeys: Collection[str]) -> list[Link]:
    """Return the files of an index that cover any of the quadkeys, in order."""
    found = set()
    with path.open(encoding=_ENCODING, newline="") as file:
        for row in csv.DictReader(file):
            quadkey = (row["QuadKey"] or "").zfill(_QUADKEY_DIGITS)  # written as a number, it has lost its zeros
            if quadkey in quadkeys and urlsplit(row["Url"]).scheme in ("https", "http"):
                location = "".join(letter for letter in row["Location"] if letter.isalnum())
                found.add(Link(quadkey, location, row["Url"], row.get("UploadDate") or ""))
    return sorted(found)


def check_file(path: Path) -> None:
    """Raise an AttemptError unless the file is whole gzip whose first line is a GeoJSON feature."""
    size, first = 0, b""
    try:
        with gzip.open(path) as file:
            while block := file.read(_BLOCK):
                first = first or block.split(b"\n", 1)[0]
                size += len(block)
                if size > _MAX_UNPACKED:
                    reason = f"it unpacks to more than the {_MAX_UNPACKED:,} bytes that are plausible"
                    raise TransientError(reason)
    except (OSError, EOFError, zlib.error) as error:
        reason = "the reply is no whole gzip file"
        raise TransientError(reason) from error
    if first:
        _check_feature(first)


def _check_feature(line: bytes) -> None:
    try:
        kind = json.loads(line)["type"]
    except (ValueError, KeyError, TypeError) as error:
        reason = "the reply does not hold GeoJSON lines"
        raise TransientError(reason) from error
    if kind != "Feature":
        reason = f"the reply holds GeoJSON of type {kind!r} where features are expected"
        raise TransientError(reason)
