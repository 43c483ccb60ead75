"""Python's cycle collector, kept out of the way of bulk reading."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def paused() -> Iterator[None]:
    """Pause the cycle collector, also as a decorator.

    It would walk millions of live geometries again and again while more are made (a seventh of the time of reading
    footprints, a fourth of that of OpenStreetMap files), and these form no cycles.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
