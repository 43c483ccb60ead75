"""Before a release is replaced: inputs that lost much stop the run, and say so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from pipeline.errors import RunError
from pipeline.run import gate, manifest, publish

if TYPE_CHECKING:
    from pathlib import Path


def write(
    folder: Path, *, buildings: int = 100, people: float = 500.0, osm: str = "2026-05-01", **area: object
) -> None:
    place = {"area_id": "osh", "west": 72.0, "south": 40.0, "east": 73.0, "north": 41.0, "simulated": False, **area}
    source = {"area_id": "osh", "dataset": "osm", "version": f"{osm}T00:00:00Z", "features": buildings}
    tables = {
        "areas": pd.DataFrame([place]),
        "buildings": pd.DataFrame({"area_id": ["osh"] * buildings}),
        "hazards": pd.DataFrame({"area_id": ["osh"] * 5}),
        "area_population": pd.DataFrame({"area_id": ["osh"], "residents_p50": [people]}),
        "sources": pd.DataFrame([source]),
    }
    (folder / "tables").mkdir(parents=True)
    for name, frame in tables.items():
        frame.to_parquet(folder / "tables" / f"{name}.parquet")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    with publish.staging(tmp_path / "out") as stage:
        write(stage)
        told = {"run_id": "0123456789abcdef", "files": manifest.list_files(stage)}
        (stage / manifest.NAME).write_text(json.dumps(told))
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"buildings": 79}, "osh: buildings fell from 100 to 79"),
        ({"people": 100.0}, "osh: residents fell from 500 to 100"),
        ({"osm": "2026-04-30"}, "OpenStreetMap is of 2026-04-30, older than before"),
    ],
)
def test_what_lost_much_is_stopped(out: Path, tmp_path: Path, change: dict[str, object], says: str) -> None:
    write(tmp_path / "built", **change)
    with pytest.raises(RunError, match=says) as error:
        gate.check(tmp_path / "built", out)
    assert "--accept-change" in str(error.value)


@pytest.mark.parametrize(
    "change",
    [{}, {"buildings": 81}, {"buildings": 900}, {"buildings": 1, "east": 72.1}, {"buildings": 1, "simulated": True}],
)
def test_what_did_not_or_cannot_be_compared_goes_on(out: Path, tmp_path: Path, change: dict[str, object]) -> None:
    write(tmp_path / "built", **change)
    gate.check(tmp_path / "built", out)


def test_the_first_release_has_nothing_to_be_held_against(tmp_path: Path) -> None:
    write(tmp_path / "built", buildings=1)
    gate.check(tmp_path / "built", tmp_path / "out")
