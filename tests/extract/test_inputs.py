"""The inputs of an area together: what is nowhere, and what stands for two things."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from affine import Affine

from pipeline.config import Inputs
from pipeline.declared import catalogue
from pipeline.errors import RunError
from pipeline.extract import inputs
from tests.extract.osm_files import AREA, Scene
from tests.extract.test_rasters import DEGREES, write

if TYPE_CHECKING:
    from pathlib import Path


def test_an_area_without_a_building_is_no_success(tmp_path: Path) -> None:
    scene = Scene()
    scene.way([(0.01, 0.01), (0.02, 0.02)], highway="primary")
    path = scene.write(tmp_path / "roads.osm.pbf")
    area = AREA.model_copy(update={"inputs": inputs_of(osm=[path])})
    with pytest.raises(RunError, match=r"No building lies within the bbox .* roads\.osm\.pbf"):
        inputs.read(area, catalogue.default())


def test_one_file_for_two_epochs_is_told_and_used_once(tmp_path: Path) -> None:
    scene = Scene()
    scene.square(0.01, 0.01, building="house")
    files = {"osm": [scene.write(tmp_path / "a.osm.pbf")]}
    values = np.full((30, 30), 500, dtype="float32")
    epochs = {1975: write(tmp_path / "a.tif", values), 2000: write(tmp_path / "b.tif", values * 2)}
    copy = tmp_path / "c.tif"
    copy.write_bytes(epochs[1975].read_bytes())
    area = AREA.model_copy(update={"inputs": inputs_of(**files, built_up={**epochs, 2020: copy})})
    read = inputs.read(area, catalogue.default())
    assert sorted(read.data.built_up) == [2000, 2020]
    assert any("the same file stands for 1975, 2020" in notice.what for notice in read.notices)


def test_an_epoch_in_two_tiles_is_one_raster(tmp_path: Path) -> None:
    scene = Scene()
    scene.square(0.01, 0.01, building="house")
    osm = [scene.write(tmp_path / "a.osm.pbf")]
    values = np.arange(900, dtype="float32").reshape(30, 30)
    whole = write(tmp_path / "whole.tif", values)
    left = write(tmp_path / "left.tif", values[:, :12])
    right = write(tmp_path / "right.tif", values[:, 12:], transform=DEGREES * Affine.translation(12, 0))

    def built_up(tiles: object) -> np.ndarray:
        area = AREA.model_copy(update={"inputs": inputs_of(osm=osm, built_up={2020: tiles}, population=tiles)})
        read = inputs.read(area, catalogue.default()).data
        assert read.population is not None
        assert np.array_equal(read.population.values, read.built_up[2020].values, equal_nan=True)
        return read.built_up[2020].values

    assert np.array_equal(built_up([right, left]), built_up(whole), equal_nan=True)


def inputs_of(**given: object) -> Inputs:
    return Inputs.model_validate(given)
