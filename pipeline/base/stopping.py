"""Stops from outside: Ctrl-C, `kill` and a terminal that closes are one thing, and none goes unnoticed."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Stopped(KeyboardInterrupt):
    """A signal asks to stop; everything that cleans up after Ctrl-C cleans up after this."""


_came = False


def install() -> None:
    """Turn the signals that ask a process to stop into `Stopped`; one that is ignored (nohup) stays ignored."""
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _tell_of_what_is_lost


def check() -> None:
    """Raise `Stopped` where a signal came whose exception was lost, as it is in a callback of another library."""
    if _came:
        raise Stopped


def _tell_of_what_is_lost(lost: UnraisableHookArgs) -> None:
    if not isinstance(lost.exc_value, Stopped):  # which `check` finds
        sys.__unraisablehook__(lost)


def _stop(number: int, _frame: object) -> None:
    global _came  # noqa: PLW0603 - signals belong to the process
    _came = True
    raise Stopped(signal.Signals(number).name)
