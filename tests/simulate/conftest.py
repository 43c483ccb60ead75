"""Simulated cities, made once for all tests of the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import pytest

from pipeline import config, simulate
from pipeline.base.resources import resource
from pipeline.config import Area, Names

if TYPE_CHECKING:
    from pathlib import Path

SEED = 7
BUILDINGS = 6_000


@dataclass(frozen=True)
class Files:
    """The files of one simulated area."""

    area: Area
    folder: Path
    wanted: int = BUILDINGS
    seed: int = SEED

    @cached_property
    def buildings(self) -> gpd.GeoDataFrame:
        return gpd.read_parquet(self.folder / "truth" / "buildings.parquet")

    @cached_property
    def settlements(self) -> gpd.GeoDataFrame:
        return gpd.read_parquet(self.folder / "truth" / "settlements.parquet")

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "truth" / f"{name}.parquet")

    def named(self, named_id: str) -> pd.Series:
        return self.settlements.set_index("named_id").loc[named_id]


@pytest.fixture(scope="session")
def known() -> dict[str, Area]:
    return config.load(resource("config.toml")).areas


@pytest.fixture(scope="session")
def elsewhere() -> Area:
    """An area that no table of the project knows."""
    return Area(area_id="karakol", country="KG", bbox=(78.30, 42.43, 78.48, 42.55), name=Names(en="Karakol"))


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory, known: dict[str, Area], elsewhere: Area) -> Path:
    directory = tmp_path_factory.mktemp("simulated")
    areas = [known["bishkek"], known["osh"], elsewhere]
    simulate.write(areas, directory, buildings=BUILDINGS, seed=SEED)
    return directory


@pytest.fixture(scope="session")
def simulated(directory: Path) -> config.Config:
    return config.load(directory / "config.toml")


@pytest.fixture(scope="session")
def bishkek(directory: Path, simulated: config.Config) -> Files:
    return Files(simulated.areas["bishkek"], directory / "bishkek")


@pytest.fixture(scope="session", params=["bishkek", "osh", "karakol"])
def city(request: pytest.FixtureRequest, directory: Path, simulated: config.Config) -> Files:
    return Files(simulated.areas[request.param], directory / request.param)
