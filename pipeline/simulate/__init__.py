"""Cities with known truth, written in the formats of the real sources. Nothing in transform or load imports this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.simulate.stress import Stress

if TYPE_CHECKING:
    from pipeline.simulate.writing import write, write_area

__all__ = ["Stress", "write", "write_area"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what a module gives
    """Load the writers when they are asked for: the command line names the stresses without them."""
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from pipeline.simulate import writing

    return getattr(writing, name)
