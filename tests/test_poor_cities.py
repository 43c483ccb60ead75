"""Whole runs on cities of which hardly anything is known: one source, street, tag or kind, doubtful labels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest
import tomli_w
from typer.testing import CliRunner

from pipeline.cli import app
from tests.extract.osm_files import Scene

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

METRES = np.array([1 / 82_000, 1 / 111_000])
"""Degrees of a metre at 42° north."""
QUARTERS = ("Босого", "Ордо", "Тилек", "Бата")
LABELS = "place,kind,source\nАк-Ордо,novostroika,a\nАк-Ордо,village,b\nНигде,dacha,c\n"


def quarter(scene: Scene, east: float = 0, north: float = 0) -> None:
    """Eighty houses on plots of 25 by 30 m, tagged as nothing but buildings."""
    rng = np.random.default_rng(1)
    for column in range(10):
        for row in range(8):
            x, y = east + 25 * column, north + 30 * row
            width, depth = rng.uniform(8, 12), rng.uniform(7, 11)
            corners = np.array([(x, y), (x + width, y), (x + width, y + depth), (x, y + depth)]) * METRES + 0.03
            scene.way([(float(a), float(b)) for a, b in corners], close=True, building="yes")


def street(scene: Scene) -> None:
    ends = np.array([(-20, -8), (280, -8)]) * METRES + 0.03
    scene.way([(float(a), float(b)) for a, b in ends], highway="residential", surface="ground")


def of_one_kind(scene: Scene) -> None:
    """Four new settlements, as their names say."""
    for number, name in enumerate(QUARTERS):
        quarter(scene, 900 * number)
        x, y = np.array([900 * number + 100, 100]) * METRES + 0.03
        scene.node(float(x), float(y), place="neighbourhood", name=f"жилмассив Ак-{name}")


def told(folder: Path, scene: Scene, **inputs: Any) -> tuple[list[tuple[Any, ...]], str, set[str]]:
    """Run; return name, kind and homes of each settlement, what may be told of the city, and the notices."""
    scene.write(folder / "city.osm.pbf")
    area = {"country": "KG", "bbox": [74.0, 42.0, 74.1, 42.1], "name": dict.fromkeys(("en", "ru", "ky", "kk"), "T")}
    area["inputs"] = {"osm": ["city.osm.pbf"], **inputs}
    run = {"areas": ["t"], "sources": "local", "out": "out", "draws": 1000}
    (folder / "config.toml").write_text(tomli_w.dumps({"run": run, "areas": {"t": area}}), encoding="utf-8")
    result = CliRunner().invoke(app, ["run", "--config", str(folder / "config.toml"), "--quiet"])
    assert result.exit_code == 0, result.output
    with duckdb.connect(str(folder / "out" / "novostroiki.duckdb"), read_only=True) as con:
        places = con.sql("SELECT name, kind, homes FROM settlements ORDER BY settlement_id").fetchall()
        ((about,),) = con.sql("SELECT told FROM areas").fetchall()
    given: Mapping[str, Any] = json.loads((folder / "out" / "manifest.json").read_text(encoding="utf-8"))
    return places, about, {notice["what"] for notice in given["notices"]}


@pytest.mark.parametrize("with_street", [False, True])
def test_of_one_source_one_tag_and_one_street_nothing_is_told(tmp_path: Path, *, with_street: bool) -> None:
    scene = Scene()
    quarter(scene)
    if with_street:
        street(scene)
    places, about, _ = told(tmp_path, scene)
    assert places == [(None, "undetermined", 80)]
    assert about == "unknown"


def test_a_city_of_one_kind_and_labels_that_contradict_each_other(tmp_path: Path) -> None:
    scene = Scene()
    of_one_kind(scene)
    (tmp_path / "labels.csv").write_text(LABELS, encoding="utf-8")
    places, about, notices = told(tmp_path, scene, labels="labels.csv")
    assert sorted(places) == [(f"Ак-{name}", "novostroika", 80) for name in sorted(QUARTERS)]
    assert about == "unknown"
    assert any("contradicts another one" in notice for notice in notices)
    assert any("no settlement of t" in notice for notice in notices)
