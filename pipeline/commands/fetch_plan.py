"""What a live run would fetch, as `novostroiki run --plan` lists it: nobody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.commands.text_table import aligned
from pipeline.declared import catalogue
from pipeline.extract import live

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.config import Config
    from pipeline.declared.catalogue import Catalogue
    from pipeline.extract.live import Planned

_HEADER = ("area", "source", "version", "provider", "server", "files", "size", "licence", "need")


def listing(config: Config, layers: Catalogue | None = None) -> str:
    """Return a table of what would be fetched, a line for each source and area, and a line with the total.

    Parameters
    ----------
    layers
        The catalogue; default: the one that travels with the package.

    Returns
    -------
    str
        The total counts a file that two areas share once, and leaves out what only stands in for another source.
    """
    layers = layers or catalogue.default()
    planned = [row for area in config.selected for row in live.plan(area, layers, config)]
    certain = [row for row in planned if not row.spec.fallback_for]
    files, size = live.total(certain)
    total = f"In all {files} files, about {size / 1e6:,.0f} MB; files that areas share are counted once."
    return aligned([_HEADER, *map(_cells, planned)]) + f"{total}{_unasked(config, layers)}{_contact(config)}\n"


def _cells(row: Planned) -> Sequence[str]:
    spec = row.spec
    return (
        row.area_id,
        spec.title,
        spec.version,
        spec.provider,
        row.server,
        str(len(row.items)),
        f"about {row.typical_bytes / 1e6:,.0f} MB",
        spec.licence,
        _need(row),
    )


def _need(row: Planned) -> str:
    if row.uncovered:
        return row.uncovered
    if row.spec.feeds in live.REQUIRED:
        return "OpenStreetMap or footprints: one of them is required"
    if row.spec.restriction:
        return f"asked for by live.opt_in; its licence allows {row.spec.restriction}, of any output of the run"
    if row.spec.fallback_for:
        return f"only if {row.spec.fallback_for} cannot be had"
    return "optional: without it the run says what is missing"


def _unasked(config: Config, layers: Catalogue) -> str:
    """Say which sources are fetched only when asked for, and what their licence forbids."""
    return "".join(
        f" Not unless live.opt_in names {spec.id}: {spec.title} ({spec.licence}: {spec.restriction})."
        for spec in layers.sources.values()
        if spec.restriction and spec.id not in config.live.opt_in
    )


def _contact(config: Config) -> str:
    wish = " Before a run, write an address at which you can be reached into live.contact."
    return "" if config.live.contact else wish
