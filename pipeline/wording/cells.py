"""Texts of data as cells that harm nobody: neither the spreadsheet that opens a file nor the terminal that shows it."""

from __future__ import annotations

import re

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def guarded(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula: an apostrophe stands before what would be one.

    Examples
    --------
    >>> guarded("=cmd|' /C calc'!A0")
    "'=cmd|' /C calc'!A0"
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def visible(text: str) -> str:
    r"""Return a text without control characters: each is written out, so that a terminal obeys none.

    Examples
    --------
    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
