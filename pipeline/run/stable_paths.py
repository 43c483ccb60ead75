"""The paths beside the pointer, `out/novostroiki.duckdb` and so on, for readers who know nothing of releases.

Each is a hard link to the file of the current release, or a copy where the file system has no links, and is replaced
whole. Databases are copies everywhere, since readers open them for writing without meaning to write. What a user has
put or changed there is never removed: it is moved aside under another name.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.run import manifest
from pipeline.schema.provenance import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_COPIED = (".duckdb",)
EVERYTHING = re.compile(".*", re.DOTALL)


@dataclass(frozen=True)
class Known:
    """The releases whose files may be replaced, because they are still in their releases or on record."""

    releases: Sequence[Path]
    recorded: dict[str, set[tuple[int, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, releases: Iterable[Path], outputs: Path | None = None) -> Known:
        """Know the files of releases, and those that the manifest beside the pointer names."""
        folders = [folder for folder in releases if folder.is_dir()]
        known = cls(folders)
        for folder in (*folders, *([outputs] if outputs else [])):
            try:
                files = manifest.read(folder)["files"]
            except InputError:
                continue  # a damaged release vouches for nothing
            own = folder / manifest.NAME
            for entry in (*files, {"path": manifest.NAME, "bytes": own.stat().st_size, "sha256": sha256(own)}):
                known.recorded.setdefault(entry["path"], set()).add((entry["bytes"], entry["sha256"]))
        return known

    def holds(self, path: Path, name: str) -> bool:
        """Tell whether what lies at `path` is a file that one of the releases put there as `name`."""
        state = path.lstat()
        if not stat.S_ISREG(state.st_mode):
            return False
        for release in self.releases:
            own = release / name
            if own.is_file() and own.samefile(path):
                return True
        alike = self.recorded.get(name, set())
        return any(state.st_size == size for size, _ in alike) and (state.st_size, sha256(path)) in alike


@dataclass(frozen=True)
class Change:
    """New files for the paths beside the pointer, made ready so that putting them there needs no room and no reading.

    Attributes
    ----------
    out
        The folder of outputs.
    ready
        Where the new files lie until then.
    """

    out: Path
    ready: Path
    names: tuple[str, ...]

    @classmethod
    def prepare(cls, release: Path, out: Path, ready: Path, only: re.Pattern[str] = EVERYTHING) -> Change:
        """Link or copy the files of a release, or those whose names match, that `out` does not show yet."""
        recorded = {entry["path"]: (entry["bytes"], entry["sha256"]) for entry in manifest.read(release)["files"]}
        names = []
        for name in (*sorted(recorded), manifest.NAME):
            own, shown = release / name, out / name
            if not only.fullmatch(name) or _shows(shown, own, recorded.get(name)):
                continue
            (ready / name).parent.mkdir(parents=True, exist_ok=True)
            link(own, ready / name)
            names.append(name)
        return cls(out, ready, tuple(names))

    def apply(self, known: Known, *, only_known: bool = False) -> list[Path]:
        """Put the files in their places; return where files of the user's that lay there are kept now.

        Parameters
        ----------
        known
            What may be replaced.
        only_known
            Leave alone what is not known, instead of moving it aside.
        """
        kept: list[Path] = []
        for name in self.names:
            target = self.out / name
            if _in_the_way(self.out, target) is None and (not _exists(target) or known.holds(target, name)):
                target.parent.mkdir(parents=True, exist_ok=True)
            elif only_known:
                continue
            else:
                kept += _clear(self.out, target)
            (self.ready / name).replace(target)
        return kept


def withdraw(names: Iterable[str], out: Path, known: Known) -> None:
    """Remove files that are shown no longer, as far as they are known, and the folders that this leaves empty."""
    for name in sorted(names, reverse=True):
        path = out / name
        if _in_the_way(out, path) is not None or not _exists(path) or not known.holds(path, name):
            continue
        path.unlink()
        for folder in path.parents:
            if folder == out or any(folder.iterdir()):
                break
            folder.rmdir()


def shown(release: Path) -> set[str]:
    """Return the names of the files that a release shows beside the pointer."""
    return {manifest.NAME, *(entry["path"] for entry in manifest.read(release)["files"])}


def link(source: Path, target: Path) -> None:
    """Give a file a second name where the file system can and the file stays as it is, else copy it."""
    if source.suffix not in _COPIED:
        try:
            os.link(source, target)
        except OSError:
            pass
        else:
            return
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file)


def _shows(path: Path, own: Path, recorded: tuple[int, str] | None) -> bool:
    """Tell whether `path` is the file of a release already."""
    if path.is_symlink() or not path.is_file():
        return False
    if path.samefile(own):
        return True
    return recorded is not None and path.stat().st_size == recorded[0] and sha256(path) == recorded[1]


def _exists(path: Path) -> bool:
    return os.path.lexists(path)


def _in_the_way(out: Path, target: Path) -> Path | None:
    """Return what stands where a folder of `target` must be: a file, or a link that leads elsewhere."""
    for folder in reversed(target.relative_to(out).parents[:-1]):
        path = out / folder
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            return path
    return None


def _clear(out: Path, target: Path) -> list[Path]:
    """Move aside what a user has where a file must be; return where it is now."""
    path = _in_the_way(out, target) or target
    aside = next(name for number in count(1) if not _exists(name := path.with_name(f"{path.name}.kept{number}")))
    path.rename(aside)
    target.parent.mkdir(parents=True, exist_ok=True)
    return [aside]
