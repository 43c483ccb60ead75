"""Results of the last run on disk, found by a digest of all that they depend on."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.extract.sandbox import handover
from pipeline.schema.provenance import sha256

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Found:
    """A result that was found; it may be None."""

    value: Any


@dataclass(frozen=True)
class StageFolders:
    """Where results lie: those of the last run, and those that this run makes or takes over."""

    last: Path
    this: Path

    def of(self, area_id: str) -> StageFolders:
        """Return the folders of an area."""
        return StageFolders(self.last / area_id, self.this / area_id)


@dataclass
class StageCache:
    """Finds and keeps the results of one area.

    Only this program writes here, for itself: a result is read only if it is, byte for byte, what was written under the
    same key, by the same code and libraries. Whatever is wrong with a file, its result is made again, and `remarks`
    says so.

    Parameters
    ----------
    folders
        Where the results lie; the folder of this run is made when there is something to keep.
    version
        Digest of the code and the libraries that make results.

    Attributes
    ----------
    reused
        Names of the stages whose result was found.
    remarks
        Sentences about what was wrong.
    """

    folders: StageFolders
    version: str
    reused: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def find(self, key: str, name: str) -> Found | None:
        """Return a result that was kept under this key; None: there is none that is sound."""
        path = next(iter(self.folders.last.glob(f"{self._file_name(key)}.*")), None)
        if path is None:
            return None
        try:
            if path.suffix != f".{sha256(path)}":
                self.remarks.append(f"{path} is damaged; {name} is made again.")
                return None
            value = handover.read(path)
        except Exception as error:  # noqa: BLE001 - whatever it is, there is a way without the file
            self.remarks.append(f"{path} cannot be read ({error}); {name} is made again.")
            return None
        self.reused.append(name)
        self._write(name, lambda: _link(path, self.folders.this / path.name))
        return Found(value)

    def keep(self, key: str, name: str, value: object) -> None:
        """Keep a result for the next run, whole or not at all: its file is named after what it holds."""
        part = self.folders.this / self._file_name(key)

        def write() -> None:
            handover.write(part, value)
            part.rename(part.with_name(f"{part.name}.{sha256(part)}"))

        self._write(name, write)

    def _write(self, name: str, write: Callable[[], None]) -> None:
        """Write a file; go on without it if that cannot be, and say so once."""
        try:
            self.folders.this.mkdir(parents=True, exist_ok=True)
            write()
        except OSError as error:
            if not any("cannot be kept" in told for told in self.remarks):
                self.remarks.append(f"{name} cannot be kept for the next run: {os.strerror(error.errno or 0)}.")

    def _file_name(self, key: str) -> str:
        return hashlib.sha256((key + self.version).encode()).hexdigest()


def _link(source: Path, target: Path) -> None:
    """Give a file a second name where the file system can, else copy it."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
