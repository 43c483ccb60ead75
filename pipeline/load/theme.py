"""The colours of `maps/theme.css`, for what is drawn in Python, and as a style sheet for pages."""

from __future__ import annotations

import re
from functools import cache
from itertools import count, takewhile
from typing import TYPE_CHECKING

from pipeline.base.resources import resource
from pipeline.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping

_COLOUR = re.compile(r"^\s*--([a-z0-9-]+):\s*(#(?:[0-9a-f]{2}){3,4});", re.MULTILINE)


@cache
def colours() -> Mapping[str, str]:
    """Return every colour by its name, as ``#rrggbb`` or ``#rrggbbaa``."""
    return dict(_COLOUR.findall(resource("maps", "theme.css").read_text(encoding="utf-8")))


def colour(name: str) -> str:
    """Return a colour, such as ``ink``.

    Raises
    ------
    RunError
        The theme has no such colour.
    """
    if name not in colours():
        msg = f"maps/theme.css has no --{name}: #rrggbb; give the colour a line of its own there."
        raise RunError(msg)
    return colours()[name]


def ladder(name: str) -> tuple[str, ...]:
    """Return the colours of classes, from few to many: ``<name>-1``, ``<name>-2`` and so on."""
    steps = takewhile(lambda step: f"{name}-{step}" in colours(), count(1))
    return tuple(colour(f"{name}-{step}") for step in steps)


def stylesheet() -> str:
    """Return the colours as custom properties of a page."""
    return _rule(":root", colours())


def dark_stylesheet() -> str:
    """Return the colours of a page whose root has ``data-dark``: each that has a ``dark-`` of its name takes that."""
    prefix = "dark-"
    dark = {name.removeprefix(prefix): value for name, value in colours().items() if name.startswith(prefix)}
    return _rule(":root[data-dark]", dark)


def _rule(selector: str, values: Mapping[str, str]) -> str:
    return f"{selector}{{{''.join(f'--{name}:{value};' for name, value in values.items())}}}\n"
