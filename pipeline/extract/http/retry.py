"""Bounded retries: what a failure means, and how often and how long another attempt is worth it.

Every failure ends as a `SourceError` whose sentence names the source, the address and the remedy.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3

import pipeline
from pipeline.errors import SourceError
from pipeline.extract.http.busy import FILE_NAME, BusyServers
from pipeline.extract.http.session import ForbiddenRedirectError, GuardedSession, addresses, landing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipeline.config import Live
    from pipeline.extract.http.session import Resolver

T = TypeVar("T")

_SILENT = "the server stays silent"
_BROKEN_OFF = "the connection broke off in the middle"
_NOT_COMPRESSED = "the reply is not compressed as it claims to be"
_CHUNK = 1 << 16
_MAX_WAIT_S = 60.0
_MAX_BACKOFF_S, _BACKOFF_SHARE = 1.0, 60.0
"""The first pause is a sixtieth of `retry_seconds`, and at most a second; each further one is twice as long."""
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_CORRECT = "correct url in the source's file in layers/sources"
_LATER = "try again later; what has arrived is kept"
_OFFLINE = "check the connection to the Internet, or try again later"


class AttemptError(Exception):
    """One attempt at a server failed; `retry_call` decides whether another one is worth it.

    Parameters
    ----------
    reason
        What happened, to stand after "could not be fetched from …:".
    wait
        Seconds that the server asks to wait.
    remedy
        What the user can do if it does not pass.
    """

    def __init__(self, reason: str, *, wait: float = 0.0, remedy: str = _LATER) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.remedy = remedy


class TransientError(AttemptError):
    """A failure that may pass: the same server may be asked again."""


class UnreachableError(TransientError):
    """No connection to the server came about."""


class BusyError(TransientError):
    """The server asks for fewer requests (429)."""


class PermanentError(AttemptError):
    """What this address gives will not do: worth asking a mirror, not the same server again."""


class RefusedError(PermanentError):
    """The request itself is refused: a mirror would say the same."""


@dataclass
class Servers:
    """What a run has learnt of servers, by host."""

    unreachable: dict[str, AttemptError] = field(default_factory=dict)
    """Why none of the attempts reached the server: in this run it is not asked again."""
    busy: BusyServers = field(default_factory=BusyServers)
    """Which are left alone, and for how long; remembered from start to start."""


@dataclass(frozen=True)
class RequestPolicy:
    """How long and how often a server is asked, and in whose name.

    `retry_seconds` bounds one download with all its retries, `timeout_seconds` a silence, `attempts` the requests.
    """

    user_agent: str
    retry_seconds: float
    timeout_seconds: float
    attempts: int = 8
    backoff_seconds: float = 1.0
    servers: Servers = field(default_factory=Servers)
    """What this run has learnt of them."""
    resolve: Resolver = addresses
    """Tells the addresses of a host, for redirects."""

    def session(self) -> GuardedSession:
        """Return a session that sends no password, and follows redirects only where they may lead."""
        return GuardedSession(self.resolve)

    def landing(self, url: str, deadline: Deadline) -> str:
        """Return where an address leads after all redirects, for clients that follow them unasked.

        Raises
        ------
        AttemptError
            The server does not answer, or redirects to where it must not.
        """
        try:
            with self.session() as session:
                return landing(url, session, seconds=deadline.timeout(self), user_agent=self.user_agent)
        except requests.RequestException as error:
            raise classify_error(error) from error

    @classmethod
    def of(cls, live: Live) -> RequestPolicy:
        """Return the policy that a configuration sets."""
        contact = f" ({live.contact})" if live.contact else ""
        agent = f"novostroiki/{pipeline.__version__}{contact}"
        backoff = min(_MAX_BACKOFF_S, live.retry_seconds / _BACKOFF_SHARE)
        servers = Servers(busy=BusyServers(live.cache_folder / FILE_NAME))
        return cls(agent, live.retry_seconds, live.timeout_seconds, backoff_seconds=backoff, servers=servers)


@dataclass(frozen=True)
class Deadline:
    """The time that is left to a download and all its retries."""

    ends: float

    @classmethod
    def starting(cls, seconds: float) -> Deadline:
        """Return a deadline that runs for `seconds` from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.ends - time.monotonic())

    def timeout(self, policy: RequestPolicy) -> float:
        """Return for how many seconds a server may now stay silent."""
        return max(0.001, min(policy.timeout_seconds, self.left))

    def check(self) -> None:
        """Raise a TransientError when the time is up."""
        if not self.left:
            reason = "it took longer than live.retry_seconds allows"
            raise TransientError(reason, remedy=f"raise that limit or {_LATER}")


def failed(source: str, url: str, reason: str, remedy: str) -> SourceError:
    """Build the error of a source that could not be used: what, where, why, and what to do."""
    return SourceError(f"{source} could not be fetched from {url}: {reason}; {remedy}.")


def retry_call(
    act: Callable[[int, Deadline], T],
    *,
    source: str,
    urls: Sequence[str],
    policy: RequestPolicy,
    busy_seconds: float = 0.0,
) -> T:
    """Call `act` until it succeeds, at most as often and as long as the policy allows.

    A server that fails is followed by the next one, in turn; one that is only busy keeps the turn.

    Parameters
    ----------
    act
        Takes the turn, from 0, and the deadline; raises an AttemptError when it fails.
    source
        Name of the dataset, for the error.
    urls
        The address of each turn; after the last comes the first.
    policy
        Limits.
    busy_seconds
        Least time for which a server that said it is busy is left alone, by this call and any later one of the run.

    Raises
    ------
    SourceError
        The limits are reached, or no address will do.
    """
    deadline, known = Deadline.starting(policy.retry_seconds), policy.servers
    hosts = [urlsplit(url).netloc for url in urls]
    if all(host in known.unreachable for host in hosts):
        earlier = known.unreachable[hosts[0]]
        raise failed(source, urls[0], f"{earlier.reason} (as earlier in this run)", earlier.remedy)
    turn, before, reached = 0, None, False
    for attempt in range(policy.attempts):
        host = hosts[turn % len(urls)]
        rest = known.busy.seconds(host)
        if rest and rest >= deadline.left:
            reason = f"the server has asked for fewer requests, and is left alone for {rest:.0f} s more"
            raise failed(source, urls[turn % len(urls)], reason, _LATER)
        time.sleep(rest)
        try:
            return act(turn, deadline)
        except AttemptError as failure:
            reached |= not isinstance(failure, UnreachableError)
            backoff = min(_MAX_WAIT_S, policy.backoff_seconds * 2**attempt) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
            busy = isinstance(failure, BusyError)
            wait = max(backoff, failure.wait, busy_seconds if busy else 0.0)
            hopeless = isinstance(failure, RefusedError) or (
                isinstance(failure, PermanentError) and (len(urls) == 1 or attempt >= len(urls))
            )
            if busy:
                known.busy.leave_alone(host, wait)
            if hopeless or attempt + 1 == policy.attempts or wait >= deadline.left:
                if not reached:
                    known.unreachable |= dict.fromkeys(hosts[: attempt + 1], failure)
                times = "" if attempt == 0 else f" (asked {attempt + 1} times)"
                # An attempt that the deadline cut short says less than the one before it.
                told = before if before and not deadline.left else failure
                raise failed(source, urls[turn % len(urls)], told.reason + times, told.remedy) from failure
            before = failure
            turn += not busy
            time.sleep(0.0 if busy else wait)
    raise AssertionError  # the last attempt returns or raises


def classify_status(response: requests.Response) -> AttemptError | None:
    """Return what the status of a reply means; None: it is usable."""
    status = response.status_code
    if status < requests.codes.bad_request:
        return None
    if status in _RETRIED:
        wait = _retry_after(response.headers.get("Retry-After", ""))
        asks = f" and asks to wait {wait:.0f} s" if wait else ""
        kind = BusyError if status == requests.codes.too_many_requests else TransientError
        return kind(f"the server answers {status} {response.reason}{asks}", wait=wait)
    if status in _STATUSES:
        meaning, reason, remedy = _STATUSES[status]
        return meaning(f"{reason} ({status})", remedy=remedy)
    return PermanentError(f"the server answers {status} {response.reason}", remedy="report this as a bug")


_MOVED = f"look for it on the provider's page, and {_CORRECT}"
_STATUSES: dict[int, tuple[type[AttemptError], str, str]] = {
    400: (RefusedError, "the server takes the request for wrong", "report this as a bug"),
    401: (PermanentError, "the server refuses access", "ask the provider"),
    403: (PermanentError, "the server refuses access", "ask the provider"),
    404: (PermanentError, "it is not there", _MOVED),
    406: (
        RefusedError,
        "the server does not serve those who do not say who they are",
        "write an address at which its operator can reach you into live.contact",
    ),
    410: (PermanentError, "it is not there", _MOVED),
}
"""What statuses mean that no second request will change."""


def _retry_after(value: str) -> float:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3: seconds or a date)."""
    if value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def stream(response: requests.Response, deadline: Deadline) -> Iterator[bytes]:
    """Yield the body of a reply as it arrives, decoded, and not beyond the deadline.

    `requests` itself would wait for a full chunk, for ever if a server sends a byte now and then.
    """
    try:
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            yield chunk
            deadline.check()
    except urllib3.exceptions.ReadTimeoutError as error:
        raise TransientError(_SILENT) from error
    except urllib3.exceptions.DecodeError as error:
        raise TransientError(_NOT_COMPRESSED) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise TransientError(_BROKEN_OFF) from error


def classify_error(error: requests.RequestException) -> AttemptError:
    """Return what a failure below HTTP means."""
    if isinstance(error, ForbiddenRedirectError):
        return PermanentError(str(error), remedy=f"do not trust that server now; {_MOVED}")
    if isinstance(error, requests.ConnectionError) and "timed out" in str(error):
        return UnreachableError(_SILENT)
    if isinstance(error, requests.ConnectionError) and "resolve" in str(error):
        return UnreachableError("the name of the server cannot be resolved", remedy=_OFFLINE)
    for kind, meaning, reason, remedy in _MEANINGS:
        if isinstance(error, kind):
            return meaning(reason, remedy=remedy)
    return PermanentError(f"the request is not possible ({type(error).__name__})", remedy=_CORRECT)


_MEANINGS: tuple[tuple[type[requests.RequestException], type[AttemptError], str, str], ...] = (
    (
        requests.exceptions.SSLError,
        PermanentError,
        "the encrypted connection could not be trusted",
        "check this machine's date and certificates, and any proxy between",
    ),
    (
        requests.TooManyRedirects,
        PermanentError,
        "it redirects without end",
        f"look for the new address on the provider's page, and {_CORRECT}",
    ),
    (requests.Timeout, TransientError, _SILENT, _LATER),
    (requests.ConnectionError, UnreachableError, "the connection failed", _OFFLINE),
)
"""What failures mean; the first that fits holds."""
