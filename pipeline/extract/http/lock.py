"""`sources.lock`: what was downloaded for a set of outputs, so that a frozen run reads exactly the same bytes again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tomli_w
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from pipeline.config import parse, read_toml
from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE_NAME = "sources.lock"


def _bare(name: str) -> str:
    """Refuse a name that leads anywhere: into another folder, to another drive, or to a hidden file."""
    if name.startswith(".") or not name.isprintable() or set(name) & set('/\\:*?"<>|'):
        msg = f"{name!r} is no bare file name"
        raise ValueError(msg)
    return name


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 as hexadecimal digits: it names a folder, so nothing else will do."""
BareName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_bare)]
"""The name of a file in a folder that is known."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Request(_Strict):
    """What is asked for; its `key` is the same wherever and whenever it is asked."""

    dataset: str
    version: str
    url: str
    """Address, or its pattern; of several mirrors the first."""
    query: str = ""
    """What is asked at that address, where the address alone does not say it."""
    licence: str

    @property
    def key(self) -> str:
        """Hexadecimal digits that stand for the request in the cache and in the lock."""
        words = json.dumps([self.dataset, self.version, self.url, self.query])
        return hashlib.sha256(words.encode()).hexdigest()


class Download(_Strict):
    """A request and what came back."""

    request: Request
    name: BareName
    """File name, for people and for readers that go by the suffix."""
    fetched_from: str
    """The address that answered."""
    bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256
    retrieved_at: AwareDatetime
    """UTC, whole seconds."""


class Derived(_Strict):
    """A file that was made of downloads, as it was when it was made."""

    bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Missing(_Strict):
    """A source that could not be had for an area."""

    area: str
    dataset: str
    reason: str


class _File(_Strict):
    download: tuple[Download, ...] = ()
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True)
class Lock:
    """What an earlier run had."""

    downloads: dict[str, Download]
    """By the key of their request."""
    missing: dict[tuple[str, str], str]
    """Area and source to the reason."""


def write(path: Path, downloads: Iterable[Download], missing: Iterable[Missing] = ()) -> None:
    """Write a lock file, in an order that does not depend on the order of the downloads."""
    rows = {download.request.key: download for download in downloads}
    ordered = sorted(rows.values(), key=lambda row: (row.request.dataset, row.request.url, row.request.query))
    lacking = sorted(missing, key=lambda row: (row.area, row.dataset))
    lock = _File(download=tuple(ordered), missing=tuple(lacking))
    header = "# What was downloaded for these outputs. `novostroiki run --frozen` reads the same bytes again.\n"
    path.write_text(header + tomli_w.dumps(lock.model_dump(mode="json")), encoding="utf-8")


def read(path: Path) -> Lock:
    """Read a lock file.

    Raises
    ------
    InputError
        There is no such file, or it is none of this program's.
    """
    if not path.exists():
        msg = f"There is no {path}; a frozen run needs the lock of an earlier live run, so run without --frozen first."
        raise InputError(msg)
    file = parse(_File, read_toml(path), path)
    return Lock(
        {download.request.key: download for download in file.download},
        {(row.area, row.dataset): row.reason for row in file.missing},
    )
