"""The journalist's kit of one area, written anew beside a published public edition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.load import press_kit
from pipeline.run import publish as publishing

if TYPE_CHECKING:
    from pathlib import Path


def publish(public: Path, area_id: str) -> Path:
    """Write the kit of an area, swap it in whole, and return its folder; files and errors are those of `press_kit`."""
    target = public / "embed" / area_id
    kit = press_kit.figures.read(public, area_id)
    with publishing.staging(target, marker="index.html") as folder:
        press_kit.fill(folder, kit)
    return target
