"""The public tables with outlines as vector tiles, for maps of others."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pipeline.load import parquet, tile_layers
from pipeline.load.tile_layers import Layer
from pipeline.schema.about import About
from pipeline.schema.public_tables import PUBLIC_TABLES

LAYERS = ("areas", "grid", "settlements")
DEEPEST = 12
"""A cell is 500 m wide: about 60 units of a tile's grid there."""


def build(out: Path) -> None:
    """Write `novostroiki.pmtiles` beside the tables of the public edition: their rows, and nothing else.

    Raises
    ------
    RunError
        tippecanoe failed.
    """
    stored = {name: parquet.read(out / "tables" / f"{name}.parquet", PUBLIC_TABLES[name]) for name in (*LAYERS, "runs")}
    with tempfile.TemporaryDirectory(prefix="novostroiki-tiles-") as scratch:
        layers = [Layer(name, stored[name].geometry, stored[name].drop(columns="geometry")) for name in LAYERS]
        written = [layer.name for layer in layers if tile_layers.write(layer, Path(scratch))]
        made = tile_layers.archive(written, Path(scratch), About.of(stored["runs"]).sentence, DEEPEST)
        shutil.copyfile(made, out / "novostroiki.pmtiles")
