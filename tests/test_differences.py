"""Two outputs of different extents: only what both cover is compared."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from pipeline.base.progress import Journal
from pipeline.commands import differences
from pipeline.config import Config
from pipeline.declared import catalogue
from pipeline.errors import InputError
from pipeline.extract import inputs
from pipeline.load import parquet
from pipeline.run import area
from pipeline.run.stages import StageRun
from pipeline.schema import tables
from tests.extract.osm_files import Scene

if TYPE_CHECKING:
    from pathlib import Path

BOXES = {"whole": (74.0, 42.0, 74.1, 42.1), "west": (74.0, 42.0, 74.0178, 42.1), "apart": (74.0178, 42.0, 74.1, 42.1)}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Describe one town in three extents: whole, its west, and the rest."""
    folder = tmp_path_factory.mktemp("town")
    scene = Scene()
    for row in range(6):
        for column in range(40):
            scene.square(0.01 + column * 0.0004, 0.02 + row * 0.0004, 0.0001, building="house")
    path = scene.write(folder / "town.osm.pbf")
    layers = catalogue.default()
    for name, bbox in BOXES.items():
        town = {"country": "KG", "bbox": bbox, "name": {"en": "Town"}, "inputs": {"osm": [path]}}
        options = {"areas": ["town"], "sources": "local", "draws": 1000}
        settings = Config.model_validate({"run": options, "areas": {"town": town}})
        place = settings.selected[0]
        stages = area.area_stages(place, settings, layers, folder, partial(inputs.read, place, layers))
        run = StageRun(stages, threads=1, journal=Journal(folder / f"{name}.jsonl"), cache=None)
        found, drawn = run.results("description", "drawn")
        (folder / name / "tables").mkdir(parents=True)
        for table in ("areas", "buildings", "settlements"):
            rows = {**found.tables, **drawn}[table]
            parquet.write(rows, folder / name / "tables" / f"{table}.parquet", tables.TABLES[table])
    return {name: folder / name for name in BOXES}


@pytest.mark.parametrize("pair", [("whole", "west"), ("west", "whole")])
def test_what_lies_beyond_the_smaller_extent_neither_appeared_nor_vanished(
    pair: tuple[str, str], outputs: dict[str, Path]
) -> None:
    table, notices = differences.between(*(outputs[name] for name in pair))
    assert table[["appeared", "vanished", "re-mapped"]].to_numpy().sum() == 0
    assert table["unchanged"].sum() == 120
    assert [(notice.where, notice.count) for notice in notices] == [("town", 120)]


def test_extents_that_lie_apart_are_refused(outputs: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="lie apart"):
        differences.between(outputs["west"], outputs["apart"])
