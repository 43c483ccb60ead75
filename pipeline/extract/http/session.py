"""How servers are asked: no password of the user's travels along, and a redirect leads nowhere but to another server.

A server that was broken into, or a name that was taken over, must not make this machine ask for an address that only it
can reach, nor send over an open line what was asked for over an encrypted one.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Resolver = Callable[[str], Sequence[str]]
    """Takes the name of a host and returns its addresses; none: it cannot be resolved."""

_MAX_REDIRECTS = 10
_WEB = ("http", "https")


class ForbiddenRedirectError(requests.RequestException):
    """A server redirects to where a public server has no business to lead; the message says to what."""


def addresses(host: str) -> Sequence[str]:
    """Return the addresses of a host as this machine's resolver tells them."""
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []  # a proxy may know it


class GuardedSession(requests.Session):
    """A session that sends no password, and refuses redirects from outside to inside and from HTTPS to HTTP.

    Proxies and certificates are taken from the environment as usual, ``.netrc`` is not.

    Parameters
    ----------
    resolve
        Takes the name of a host and returns its addresses.
    """

    def __init__(self, resolve: Resolver = addresses) -> None:
        super().__init__()
        self.resolve = resolve
        self.max_redirects = _MAX_REDIRECTS
        self.auth = _nothing  # else `requests` looks into ~/.netrc

    def rebuild_auth(
        self,
        prepared_request: requests.PreparedRequest,
        response: requests.Response,  # noqa: ARG002 - the signature of requests
    ) -> None:
        """Send no password to where a redirect leads, either."""
        prepared_request.headers.pop("Authorization", None)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where a reply redirects to, if anywhere.

        Raises
        ------
        ForbiddenRedirectError
            It leads from HTTPS to HTTP, to something else than the web, or from a public to a private address.
        """
        target: str | None = super().get_redirect_target(resp)
        if target:
            _check(resp.url, urljoin(resp.url, target), self.resolve)
        return target


def landing(url: str, session: requests.Session, *, seconds: float, user_agent: str) -> str:
    """Return where an address leads after all redirects, for clients that follow them unasked.

    Raises
    ------
    requests.RequestException
        The server does not answer, or redirects to where it must not.
    """
    headers = {"User-Agent": user_agent, "Range": "bytes=0-0"}
    with session.get(url, headers=headers, timeout=seconds, stream=True) as response:
        return str(response.url)


def _nothing(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _check(origin: str, target: str, resolve: Resolver) -> None:
    """Refuse a redirect from one address to another where it must not lead."""
    begin, end = urlsplit(origin), urlsplit(target)
    if end.scheme.lower() not in _WEB:
        msg = f"it redirects to {end.scheme or 'no'} addresses"
        raise ForbiddenRedirectError(msg)
    if begin.scheme == "https" and end.scheme.lower() != "https":
        msg = "it redirects from an encrypted connection to an open one"
        raise ForbiddenRedirectError(msg)
    host, before = end.hostname or "", begin.hostname or ""
    if host != before and not _is_public(host, resolve) and _is_public(before, resolve):
        msg = f"it redirects to a private address ({host})"
        raise ForbiddenRedirectError(msg)


def _is_public(host: str, resolve: Resolver) -> bool:
    """Return whether all addresses of a host are of the Internet; one that nobody can resolve counts as such."""
    return all(ip_address(address.split("%")[0]).is_global for address in resolve(host))
