"""The journalist's kit of one area, where readers look for it: put back as the release holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.base.releases import held
from pipeline.load import press_kit
from pipeline.run import publish as publishing

if TYPE_CHECKING:
    from pathlib import Path


def publish(out: Path, area_id: str) -> Path:
    """Put back whatever of an area's kit was moved, changed or lost, and return its folder.

    Raises
    ------
    InputError
        There is no public edition, or it does not hold the area; files that are not the release's are moved aside.
    """
    with held(out) as release:
        press_kit.figures.read(release / "public", area_id)
    publishing.restore(out, f"public/embed/{area_id}/")
    return out / "public" / "embed" / area_id
