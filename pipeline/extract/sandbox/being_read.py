"""Which file is being read: told to whoever watches, who gives each its time and names it if it kills its reader."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

watcher: ContextVar[Callable[[Path], None] | None] = ContextVar("watcher", default=None)


def announce(path: Path) -> None:
    """Say that a file is being read from now on."""
    if (tell := watcher.get()) is not None:
        tell(path)
