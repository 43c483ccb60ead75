"""Microsoft Global ML Building Footprints: an index of files by quadkey, and the checks that such files must pass."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NotRequired
from urllib.parse import urlsplit

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # of which pydantic takes no other before Python 3.12

from pipeline.errors import InputError
from pipeline.extract.footprints import geojson_lines
from pipeline.extract.footprints.cleaning import READABLE, UNREADABLE
from pipeline.extract.http.retry import TransientError
from pipeline.geometry.bbox import overlaps

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pipeline.geometry.bbox import Box

_COLUMNS = frozenset({"Location", "QuadKey", "Url"})
_QUADKEY_DIGITS = 9
_STATIC_SITE = re.compile(r"([a-z0-9]+)\.z\d+\.web\.core\.windows\.net")
_ENCODING = "utf-8-sig"
"""The index may begin with a byte order mark."""
_MAX_UNPACKED = 4 * 2**30
_BLOCK = 1 << 20
_UNREADABLE_SHARE = 0.01
_NOWHERE = (-360.0, -360.0, -360.0, -360.0)
"""A box that nothing lies in: lines are parsed and no outline is built."""


class _Row(TypedDict):
    """A row of the index; further columns are passed over."""

    Location: Annotated[str, Field(min_length=1, max_length=100)]
    QuadKey: Annotated[str, Field(pattern=r"^[0-3]{1,9}$")]
    Url: Annotated[str, Field(pattern=r"^https?://[^\s/]+/\S+$", max_length=1000)]
    UploadDate: NotRequired[Annotated[str, Field(max_length=40)] | None]


_INDEX = TypeAdapter(list[_Row])
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
    """Raise an AttemptError unless the file is the index, whole: a row for each file, sound to the last."""
    if not _rows(path):
        reason = "the index names no file"
        raise TransientError(reason)


def links(path: Path, quadkeys: Collection[str]) -> list[Link]:
    """Return the files of an index that cover any of the quadkeys, in order."""
    found = set()
    for row in _rows(path):
        quadkey = row["QuadKey"].zfill(_QUADKEY_DIGITS)  # written as a number, it has lost its zeros
        if quadkey in quadkeys:
            location = "".join(letter for letter in row["Location"] if letter.isalnum())
            found.add(Link(quadkey, location, row["Url"], row.get("UploadDate") or ""))
    return sorted(found)


def _rows(path: Path) -> list[_Row]:
    """Return the rows of an index; raise an AttemptError where it is none."""
    try:
        with path.open(encoding=_ENCODING, newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = set(reader.fieldnames or ())
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        reason = "the reply is no text"
        raise TransientError(reason) from error
    if not columns >= _COLUMNS:
        reason = "the reply is not the index of files (it has no columns Location, QuadKey, Url)"
        raise TransientError(reason)
    try:
        return _INDEX.validate_python(rows)
    except ValidationError as error:
        place, column = error.errors(include_url=False)[0]["loc"][:2]
        reason = f"the index of files is damaged (row {int(place) + 2}, {column})"
        raise TransientError(reason) from error


def check_file(path: Path, bbox: Box | None = None) -> None:
    """Raise an AttemptError unless the file is whole gzip of GeoJSON features, some of them near a bbox."""
    _check_gzip(path)
    try:
        parts = geojson_lines.read(path, _NOWHERE)
    except InputError as error:
        reason = "the reply does not hold GeoJSON lines"
        raise TransientError(reason) from error
    readable, unreadable = (sum(part.problems[code] for part in parts) for code in (READABLE, UNREADABLE))
    if unreadable > _UNREADABLE_SHARE * (readable + unreadable):
        reason = f"{unreadable:,} of the reply's {readable + unreadable:,} lines are no GeoJSON features"
        raise TransientError(reason)
    if bbox is not None and not overlaps(np.array([part.extent for part in parts]), _around(bbox)).any():
        reason = "the reply holds footprints of another place"
        raise TransientError(reason)


def _check_gzip(path: Path) -> None:
    size = 0
    try:
        with gzip.open(path) as file:
            while block := file.read(_BLOCK):
                size += len(block)
                if size > _MAX_UNPACKED:
                    reason = f"it unpacks to more than the {_MAX_UNPACKED:,} bytes that are plausible"
                    raise TransientError(reason)
    except (OSError, EOFError, zlib.error) as error:
        reason = "the reply is no whole gzip file"
        raise TransientError(reason) from error


def _around(bbox: Box) -> Box:
    """Return a bbox with the files' tiles that it touches, which are less than a degree wide."""
    west, south, east, north = bbox
    return west - 1, south - 1, east + 1, north + 1
