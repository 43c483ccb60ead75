"""The one place that downloads go to: named by their content, checked whenever they are read, never half-written.

::

    objects/<sha256>/<name>      the bytes, as they came
    requests/<key>.json          which object answers a request, and since when
    derived/<key>/<name>         what was made of objects and can be made again; beside it, its size and SHA-256
    incoming/                    downloads under way, resumed by the next run; what is being written; locks
    usage.json                   what was asked of which server on which day
    busy.json                    until when a server that asked for fewer requests is left alone
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from filelock import FileLock
from pydantic import ValidationError

from pipeline.errors import RunError, SourceError
from pipeline.extract.http.download import PartialFile
from pipeline.extract.http.lock import Derived, Download, Request
from pipeline.schema import provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pipeline.config import Live

_CLOCKS_DIFFER = timedelta(minutes=10)
"""A reply from farther ahead was dated by a clock that was wrong, and would never grow old."""
_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})


class Cache:
    """Downloads by request.

    Parameters
    ----------
    root
        Its folder; made when needed.
    limit_bytes
        Above this, `trim` removes what was not used for longest.
    frozen
        Downloads of an earlier run by key: only these exact bytes are given out, and nothing is fetched.
    """

    def __init__(self, root: Path, *, limit_bytes: int, frozen: Mapping[str, Download] | None = None) -> None:
        self.root = root
        self.limit_bytes = limit_bytes
        self.frozen = frozen
        self.used: dict[str, Download] = {}
        """Every download that was given out, by key: what a lock file has to hold."""
        self.fetched: set[str] = set()
        """Keys of those that were not there before."""
        self._made: set[Path] = set()

    @classmethod
    def of(cls, live: Live, frozen: Mapping[str, Download] | None = None) -> Cache:
        """Return the cache that a configuration names, or the user's own."""
        return cls(live.cache_folder, limit_bytes=live.cache_bytes, frozen=frozen)

    def path(self, download: Download) -> Path:
        """Return where the bytes of a download are."""
        return self.root / "objects" / download.sha256 / download.name

    def held(self, request: Request, refresh_hours: float | None = None) -> Download | None:
        """Return the download that answers a request without asking a server; None if there is none that is current."""
        if self.frozen is not None:
            return self.frozen.get(request.key)
        try:
            text = self._index(request).read_text(encoding="utf-8")
            download = Download.model_validate_json(text)
        except (OSError, ValidationError):
            return None
        limit = None if refresh_hours is None else timedelta(hours=refresh_hours)
        age = datetime.now(UTC) - download.retrieved_at
        fresh = age > -_CLOCKS_DIFFER and (limit is None or age < limit)
        ours = download.request.key == request.key
        return download if ours and fresh and self.path(download).exists() else None

    def get(
        self,
        request: Request,
        name: str,
        fetch: Callable[[PartialFile], str],
        *,
        refresh_hours: float | None = None,
    ) -> Path:
        """Return the file that answers a request, fetched if need be.

        Parameters
        ----------
        request
            What is asked for.
        name
            File name to keep it under.
        fetch
            Fills a `PartialFile` and returns the address that answered; called only when the cache has no answer.
        refresh_hours
            After so many hours the request is made again; None: never.

        Raises
        ------
        SourceError
            The fetch failed, the disk is full, or a frozen run needs what the cache does not hold.
        """
        with _on_disk(self.root / "incoming", request.dataset):
            download = self._current(request, refresh_hours)
            if download is None:
                if self.frozen is not None:
                    msg = (
                        f"{request.dataset} is not to be had frozen: {self._lacks(request)} {request.url}; "
                        "run without --frozen to fetch what is there now."
                    )
                    raise SourceError(msg)
                download = self._fetch(request, name, fetch, refresh_hours)
                self.fetched.add(request.key)
        self.used[request.key] = download
        return self.path(download)

    def derived(self, inputs: Sequence[Path], recipe: str, name: str, make: Callable[[Path], None]) -> Path:
        """Return a file made of objects, made again only when it is damaged, or the inputs or the recipe changed.

        Its time of change is that of the newest input, so that it does not depend on when it was made.

        Raises
        ------
        SourceError
            The disk is full; or nothing can be made of the objects, which are then removed, to be fetched again.
        """
        words = "\n".join([recipe, *(str(path.relative_to(self.root)) for path in inputs)])
        target = self.root / "derived" / hashlib.sha256(words.encode()).hexdigest() / name
        with _on_disk(target.parent, name):
            try:
                with self._alone(target.parent.name):
                    if not _as_made(target):
                        self._make(target, make)
            except Exception as error:
                if isinstance(error, RunError) or (isinstance(error, OSError) and error.errno is not None):
                    raise
                raise self._evicted(inputs, name, error) from error
            self._made.add(target.parent)
            newest = max((path.stat().st_mtime for path in inputs), default=target.stat().st_mtime)
            os.utime(target, (newest, newest))
        return target

    def _make(self, target: Path, make: Callable[[Path], None]) -> None:
        """Make a derived file aside, then let it count."""
        temporary = self.root / "incoming" / f"{target.parent.name}-{target.name}"
        try:
            make(temporary)
            made = Derived(bytes=temporary.stat().st_size, sha256=provenance.sha256(temporary))
            target.parent.mkdir(parents=True, exist_ok=True)
            _beside(target).unlink(missing_ok=True)
            temporary.replace(target)
            self._write(_beside(target), made.model_dump_json())
        finally:
            temporary.unlink(missing_ok=True)

    def _alone(self, name: str) -> FileLock:
        """Return what keeps other processes from the same work."""
        incoming = self.root / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        return FileLock(incoming / f"{name}.busy")

    def _write(self, path: Path, text: str) -> None:
        """Write a small file whole or not at all; what a process that is killed leaves, the next one writes over."""
        temporary = self.root / "incoming" / f"{path.parent.name}-{path.name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)

    def forget(self, downloads: Iterable[Download]) -> None:
        """Remove downloads that turned out to be of no use, so that they are fetched again; a frozen run keeps them."""
        if self.frozen is not None:
            return
        for download in list(downloads):
            with _on_disk(self.root, download.request.dataset):
                self._index(download.request).unlink(missing_ok=True)
                _remove(self.path(download).parent)
            self.used.pop(download.request.key, None)

    def trim(self) -> int:
        """Remove the files that were not used for longest until the limit holds; return the bytes removed.

        What this run has used stays, even if it is more than the limit.
        """
        with _on_disk(self.root, "the cache"):
            return self._trim()

    def _trim(self) -> int:
        keep = self._made | {self.path(download).parent for download in self.used.values()}
        folders = [folder for kind in ("objects", "derived") for folder in (self.root / kind).glob("[0-9a-f]" * 64)]
        sizes = {folder: _size(folder) for folder in folders}
        excess, removed = sum(sizes.values()) - self.limit_bytes, 0
        for folder in sorted(sizes, key=lambda folder: (_last_change(folder), folder.name)):
            if removed >= excess:
                break
            if folder not in keep:
                _remove(folder)
                removed += sizes[folder]
        return removed

    def _evicted(self, inputs: Sequence[Path], name: str, error: Exception) -> SourceError:
        """Remove downloads of which nothing can be made, so that they are fetched again; a frozen run keeps them."""
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        sources = [download for download in self.used.values() if self.path(download) in set(inputs)]
        datasets = ", ".join(sorted({download.request.dataset for download in sources})) or name
        if self.frozen is not None:
            return SourceError(f"{datasets}: what the lock names is of no use ({reason}); run without --frozen.")
        self.forget(sources)
        return SourceError(
            f"{datasets}: what was fetched is of no use ({reason}); it was removed, so run again to fetch it anew."
        )

    def _lacks(self, request: Request) -> str:
        locked = self.frozen is not None and request.key in self.frozen
        return f"the cache {self.root} no longer holds the bytes of" if locked else "the lock does not name"

    def _index(self, request: Request) -> Path:
        return self.root / "requests" / f"{request.key}.json"

    def _current(self, request: Request, refresh_hours: float | None) -> Download | None:
        """Return the download that answers a request, if it is there and its bytes are those that came."""
        download = self.held(request, refresh_hours)
        return download if download is not None and self._sound(download) else None

    def _sound(self, download: Download) -> bool:
        """Return whether the bytes are those that came; damaged ones are removed."""
        path = self.path(download)
        if not path.exists():
            return False
        if path.stat().st_size == download.bytes and provenance.sha256(path) == download.sha256:
            _touch(path, download)
            return True
        _remove(path.parent)
        return False

    def _fetch(
        self, request: Request, name: str, fetch: Callable[[PartialFile], str], refresh_hours: float | None
    ) -> Download:
        part = PartialFile(self.root / "incoming" / f"{request.key}.part")
        with self._alone(request.key):
            if meanwhile := self._current(request, refresh_hours):
                return meanwhile  # another process was faster
            try:
                answered = fetch(part)
            except OSError:
                part.drop()  # room that a full disk needs
                raise
            return self._keep(request, name, answered, part)

    def _keep(self, request: Request, name: str, answered: str, part: PartialFile) -> Download:
        """Move a complete file to the place that its content gives it, then let the index point there."""
        download = Download(
            request=request,
            name=name,
            fetched_from=answered,
            bytes=part.path.stat().st_size,
            sha256=provenance.sha256(part.path),
            retrieved_at=datetime.now(UTC).replace(microsecond=0),
        )
        path = self.path(download)
        path.parent.mkdir(parents=True, exist_ok=True)
        part.finish(path)
        _touch(path, download)
        self._write(self._index(request), download.model_dump_json())
        return download


def _remove(folder: Path) -> None:
    """Remove the folder of an object; what only looks like one, a link to elsewhere, stays."""
    if not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _as_made(path: Path) -> bool:
    """Return whether a derived file is there, and as it was made."""
    try:
        made = Derived.model_validate_json(_beside(path).read_text(encoding="utf-8"))
        return path.stat().st_size == made.bytes and provenance.sha256(path) == made.sha256
    except (OSError, ValueError):
        return False


def _size(folder: Path) -> int:
    """Return the bytes of the files in a folder; one that another run moves at this moment counts nothing."""
    total = 0
    for file in folder.glob("*"):
        with suppress(FileNotFoundError):
            total += file.stat().st_size
    return total


def _last_change(folder: Path) -> float:
    """Return when a folder last changed; one that another run has removed by now is the oldest of all."""
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _touch(path: Path, download: Download) -> None:
    """Date a file by its retrieval, for readers to tell, also in a frozen run; its folder by its last use."""
    moment = download.retrieved_at.timestamp()
    os.utime(path, (moment, moment))
    os.utime(path.parent)


@contextmanager
def _on_disk(path: Path, source: str) -> Iterator[None]:
    """Turn what the disk refuses into a sentence."""
    try:
        yield
    except OSError as error:
        raise _disk_error(error, path, source) from error


def _disk_error(error: OSError, path: Path, source: str) -> SourceError:
    """Build the error of a download that the disk could not take."""
    if error.errno in _FULL_DISK:
        problem, remedy = "the disk is full", "make room, or set live.cache to a folder on another disk"
    else:
        problem, remedy = str(error.strerror), "set live.cache to a folder that can be written"
    return SourceError(f"{source} could not be kept in {path}: {problem}; {remedy}.")
