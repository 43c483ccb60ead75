"""Work that is killed, or refused by the system, at its n-th operation on the file system."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import NovostroikiError

if TYPE_CHECKING:
    from collections.abc import Callable

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL, which Windows lacks")
ERRORS = {"EIO": 5, "EMFILE": 24, "ENOSPC": 28}
KILLED = -9
SAID, FAULT = 3, 4
"""It ended with one of our sentences; with anything else."""
UNHARMED = 100
"""Added where it had fewer operations than that."""


def in_a_child(work: Callable[[], object], at_event: int, action: Callable[[], None]) -> int:
    """Do some work in a child that does something at its n-th operation on the file system; return how it ended."""
    child = os.fork()
    if child == 0:
        seen = 0

        def count(event: str, _: object) -> None:
            nonlocal seen
            if event == "open" or event.startswith(("os.", "fcntl.")):
                seen += 1
                if seen == at_event:
                    action()

        sys.addaudithook(count)
        code = 0
        try:
            work()
        except NovostroikiError:
            code = SAID
        except BaseException:  # noqa: BLE001 - whatever else it is, it is a fault
            code = FAULT
        os._exit(code if seen >= at_event else UNHARMED + code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill() -> None:
    """End this process as the system does for want of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def refusing(number: int) -> Callable[[], None]:
    """Return what lets an operation fail with an error of the system."""

    def refuse() -> None:
        raise OSError(number, os.strerror(number))

    return refuse
