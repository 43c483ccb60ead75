"""Where data came from, and what was noticed on the way: carried beside every table and raster."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from pipeline.schema.notices import SENTENCES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

UNSTATED = "as stated by its provider"
"""Licence and attribution of a file of the user's own, as layers/sources and the table `sources` have them."""

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Source:
    """One input as it was used: a row of the table `sources`.

    `source_id` is ``<dataset>/<area>/<n>``; `retrieved_at` is UTC, None for what was not retrieved by the run:
    local files, whose clock times are those of a disk, and simulated input. `observed_year` is the year in which things
    were as the input shows them, None where it does not say: the day on which footprints were released tells nothing of
    the day of the images.
    """

    source_id: str
    area_id: str
    dataset: str
    version: str
    licence: str
    attribution: str
    url: str
    retrieved_at: datetime | None
    sha256: str
    bytes: int
    features: int
    simulated: bool = False
    observed_year: int | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A counted warning: something in an input was dropped, repaired or assumed, and the run went on honestly.

    Examples
    --------
    >>> str(Notice("city.pbf", "name_cut", 3, {"longest": 255}))
    'city.pbf: a name is longer than 255 characters and was cut (3 times)'
    """

    where: str
    """File, layer or table."""
    code: str
    """Key of its sentence in `notices.SENTENCES`."""
    count: int = 1
    values: Mapping[str, str | float] = field(default_factory=dict)
    """What the sentence names."""

    @property
    def what(self) -> str:
        """The sentence, without the count; the code itself where it has none."""
        return SENTENCES[self.code].format(**self.values) if self.code in SENTENCES else self.code

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f" ({self.count:,} times)" if self.count > 1 else "")


@dataclass(frozen=True, slots=True)
class Extract(Generic[T_co]):
    """What every extractor returns: the data, where they came from, and what was noticed while reading."""

    data: T_co
    sources: list[Source] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def files(path: Path) -> list[Path]:
    """Return a file, or the files of a folder, sorted."""
    return sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits, read in blocks; of a folder, that of its files' ones."""
    if path.is_dir():
        lines = (f"{item.relative_to(path).as_posix()} {sha256(item)}\n" for item in files(path))
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def year_of(date: str) -> int | None:
    """Return the year of an ISO 8601 date; None where the text is no date."""
    year = date[:4]
    return int(year) if len(year) == len("YYYY") and year.isascii() and year.isdecimal() else None
