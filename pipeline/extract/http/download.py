"""Fetching a file over HTTP: resumed by Range, limited in size and time, and checked before it counts."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from pipeline.extract.http.retry import (
    AttemptError,
    Deadline,
    PermanentError,
    RequestPolicy,
    TransientError,
    classify_error,
    classify_status,
    retry_call,
    stream,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_CHANGED = "look at the provider's page for what has changed"


@dataclass(frozen=True)
class Progress:
    """How far one download is."""

    what: str
    done: int
    """Bytes on disk, those of an earlier attempt included."""
    total: int | None
    """Bytes in all, where the server says so."""
    seconds: float
    """Since this attempt began."""
    fetched: int
    """Bytes of this attempt."""

    @property
    def rate(self) -> float:
        """Bytes per second."""
        return self.fetched / self.seconds if self.seconds > 0 else 0.0


if TYPE_CHECKING:
    Report = Callable[[Progress], None]


class PartialFile:
    """A download under way: its bytes, and what must still be true of the server's file to resume it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state = path.with_name(path.name + ".state")

    def resumable(self, url: str) -> tuple[int, str]:
        """Return how many bytes are there and the validator they belong to; (0, "") when none can be used."""
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
            size = self.path.stat().st_size
        except (OSError, ValueError):
            return 0, ""
        return (size, state["validator"]) if state["url"] == url and state["validator"] and size else (0, "")

    def begin(self, url: str, validator: str) -> None:
        """Note where the bytes that follow come from."""
        self._state.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")

    def drop(self) -> None:
        """Forget all of it."""
        self.path.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """Move the complete file to its place."""
        self.path.replace(target)
        self._state.unlink(missing_ok=True)


@dataclass(frozen=True)
class DownloadSpec:
    """A file to fetch: its source, its addresses, the largest size that is plausible, and what proves it whole."""

    source: str
    urls: Sequence[str]
    check: Callable[[Path], None]
    """Raises an AttemptError when the bytes are not what they should be."""
    max_bytes: int


def download(
    spec: DownloadSpec,
    part: PartialFile,
    policy: RequestPolicy,
    report: Report | None = None,
    *,
    busy_seconds: float = 0.0,
) -> str:
    """Fetch a file into `part` and return the address that it came from; `busy_seconds` as in `retry_call`.

    Raises
    ------
    SourceError
        It could not be fetched whole and right; wrong bytes are gone, right ones are kept for the next run.
    """
    transfer = _Transfer(spec, part, policy, report)
    return retry_call(transfer.attempt, source=spec.source, urls=spec.urls, policy=policy, busy_seconds=busy_seconds)


@dataclass(frozen=True)
class _Transfer:
    spec: DownloadSpec
    part: PartialFile
    policy: RequestPolicy
    report: Report | None

    def attempt(self, number: int, deadline: Deadline) -> str:
        """Ask the next address once; return it if the file is then whole and right."""
        url = self.spec.urls[number % len(self.spec.urls)]
        try:
            self._receive(url, deadline)
            self._verify()
        except requests.RequestException as error:
            raise classify_error(error) from error
        except AttemptError:
            if not self.part.resumable(url)[0]:
                self.part.drop()
            raise
        return url

    def _verify(self) -> None:
        try:
            self.spec.check(self.part.path)
        except AttemptError:
            self.part.drop()
            raise

    def _receive(self, url: str, deadline: Deadline) -> None:
        """Make one request and write what comes behind what is already there."""
        offset, validator = self.part.resumable(url)
        headers = {"User-Agent": self.policy.user_agent, "Accept-Encoding": "identity"}
        if offset:
            headers |= {"Range": f"bytes={offset}-", "If-Range": validator}
        with self.policy.session() as session:
            response = session.get(url, headers=headers, stream=True, timeout=deadline.timeout(self.policy))
            self._admit(response)
            if not _continues(response, offset, validator):
                self.part.drop()
                offset = 0
            total = self._total(response, offset)
            self.part.begin(url, _validator(response))
            done = self._append(response, offset, total, deadline)
        if total is not None and done != total:
            reason = f"the reply was cut off ({done:,} of {total:,} bytes)"
            raise TransientError(reason)

    def _admit(self, response: requests.Response) -> None:
        """Raise what the status of a reply calls for."""
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            self.part.drop()
            reason = "the file has changed on the server"
            raise TransientError(reason)
        if refused := classify_status(response):
            raise refused

    def _total(self, response: requests.Response, offset: int) -> int | None:
        """Return the size that the whole file will have, as far as the reply says so."""
        length = response.headers.get("Content-Length", "")
        encoded = response.headers.get("Content-Encoding", "identity") != "identity"
        if encoded or not length.isdigit():
            return None
        total = offset + int(length)
        if total > self.spec.max_bytes:
            self._too_large(total)
        return total

    def _too_large(self, size: int) -> None:
        self.part.drop()
        reason = f"it has {size:,} bytes or more, but not over {self.spec.max_bytes:,} are plausible"
        raise PermanentError(reason, remedy=_CHANGED)

    def _append(self, response: requests.Response, offset: int, total: int | None, deadline: Deadline) -> int:
        """Write the body from `offset` on and return the size of the file."""
        began, done = time.monotonic(), offset
        with self.part.path.open("r+b" if offset else "wb") as file:
            file.seek(offset)
            for chunk in stream(response, deadline):
                file.write(chunk)
                done += len(chunk)
                if done > self.spec.max_bytes:
                    self._too_large(done)
                if self.report:
                    elapsed = time.monotonic() - began
                    self.report(Progress(self.spec.source, done, total, elapsed, done - offset))
        return done


def _continues(response: requests.Response, offset: int, validator: str) -> bool:
    """Return whether a reply carries on at `offset` of the very file that was begun."""
    starts = response.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
    same = _validator(response) in ("", validator)
    return bool(offset) and response.status_code == requests.codes.partial_content and starts and same


def _validator(response: requests.Response) -> str:
    """Return what identifies this version of a file: strong ETag or date of change (RFC 9110, 13.1.5)."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")
