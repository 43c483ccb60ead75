"""Shared pieces: a cache per test, short patience, and catalogues that point to local servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from pipeline.config import Config, Live, Run
from pipeline.declared import catalogue
from pipeline.declared.catalogue import Catalogue, SourceSpec
from tests.faults import city
from tests.faults.overpass_server import Database

if TYPE_CHECKING:
    from pathlib import Path

MakeConfig = Callable[..., Config]


@pytest.fixture
def make_config(tmp_path: Path) -> MakeConfig:
    """Return a function that makes configurations with a cache of their own and little patience."""

    def make(**live: object) -> Config:
        values = {"cache": str(tmp_path / "cache"), "contact": "me@here", "retry_seconds": 6.0, "timeout_seconds": 0.4}
        area = city.AREA
        return Config(
            run=Run(areas=(area.area_id,), out=tmp_path / "out"),
            areas={area.area_id: area},
            live=Live(**(values | live)),  # type: ignore[arg-type]
        )

    return make


def only(**changed: dict[str, object]) -> Catalogue:
    """Return the catalogue with these sources only, each with some keys changed; context: buildings and land use."""
    whole = catalogue.default()
    sources: dict[str, SourceSpec] = {
        name: whole.sources[name].model_copy(update={"mirrors": (), "busy_seconds": 0.3, **update})
        for name, update in changed.items()
    }
    context = {name: whole.context[name] for name in ("buildings", "landuse")}
    return Catalogue(context=context, red_zones={}, sources=sources)


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the town as ``.osm.pbf``."""
    return city.write_osm(tmp_path_factory.mktemp("town") / "town.osm.pbf")


@pytest.fixture(scope="session")
def overpass(town: Path) -> Database:
    """Return the town as an Overpass database."""
    return Database.of(town)
