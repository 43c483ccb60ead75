"""Questions about groups of settlements: their people added up draw by draw, whatever the shape of the question."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely

from pipeline.base.connection import connect
from pipeline.commands import estimate
from pipeline.errors import InputError
from pipeline.load import database, parquet
from pipeline.schema.draws import KEPT, KINDS, home_floor_m2, inside
from pipeline.schema.tables import TABLES
from tests.load import sample_tables

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def sample() -> sample_tables.Sample:
    return sample_tables.make(2000)


@pytest.fixture(scope="module")
def file(sample: sample_tables.Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("estimate")
    for name, frame in sample.tables.items():
        parquet.write(frame, folder / "tables" / f"{name}.parquet", TABLES[name])
    database.build(folder / "tables", folder / "novostroiki.duckdb")
    return folder / "novostroiki.duckdb"


def draws_of(sample: sample_tables.Sample, quantity: str, ids: list[str] | None = None) -> Any:
    rows = sample.tables["population_draws"]
    rows = rows[rows["quantity"] == quantity]
    chosen = rows if ids is None else rows[rows["settlement_id"].isin(ids)]
    return np.sum(chosen["draws"].tolist(), axis=0)


def geojson(path: Path, shape: Any) -> Path:
    feature = {"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(shape))}
    path.write_text(json.dumps(feature))
    return path


def test_a_group_is_added_up_draw_by_draw(sample: sample_tables.Sample, file: Path) -> None:
    ids = sample.tables["settlements"].query("kind == 'novostroika'")["settlement_id"].tolist()
    assert 1 < len(ids) < len(sample.tables["settlements"])
    answer = estimate.answer(file, where="kind = 'novostroika'", ratio="unregistered/residents")
    for quantity in ("residents", "registered", "unregistered"):
        assert (answer.draws[quantity] == draws_of(sample, quantity, ids)).all()
    share = answer.draws["unregistered"] / answer.draws["residents"]
    assert (answer.draws["unregistered/residents"] == share).all()
    assert answer.text.splitlines()[1].startswith("residents")
    assert any("simulated" in notice for notice in answer.notices)


def test_the_macro_says_the_same(sample: sample_tables.Sample, file: Path) -> None:
    ids = sample.tables["settlements"].query("kind == 'novostroika'")["settlement_id"].tolist()
    with connect(file, read_only=True) as con:
        found = con.execute("SELECT p05, p50, p95, mean FROM people_of(?, what := 'unregistered')", [ids]).fetchone()
    true = draws_of(sample, "unregistered", ids)
    assert found == pytest.approx([*np.quantile(true, [0.05, 0.5, 0.95]), true.mean()])


def test_everybody_is_the_city(sample: sample_tables.Sample, file: Path) -> None:
    assert (estimate.answer(file).draws["residents"] == draws_of(sample, "residents")).all()
    area = f"area_id = '{sample.area_id}'"
    assert (estimate.answer(file, where=area).draws["residents"] == draws_of(sample, "residents")).all()


def test_a_group_of_one_is_that_settlement(sample: sample_tables.Sample, file: Path) -> None:
    one = sample.tables["settlements"]["settlement_id"].iloc[0]
    found = estimate.answer(file, where=f"settlement_id = '{one}'", ratio="unregistered/residents").draws
    for quantity in ("residents", "unregistered"):
        assert (found[quantity] == draws_of(sample, quantity, [one])).all()
    assert found["unregistered/residents"].max() <= 1


def test_the_drawn_kind_is_asked_draw_by_draw(file: Path) -> None:
    """In the sample every settlement is of the first kind in every draw, whatever is told of it."""
    everybody = estimate.answer(file, where="settlement_id IS NOT NULL").draws["residents"]
    assert (estimate.answer(file, where=f"drawn_kind = '{KINDS[0]}'").draws["residents"] == everybody).all()
    assert (estimate.answer(file, where=f"drawn_kind = '{KINDS[1]}'").draws["residents"] == 0).all()


def test_a_polygon_splits_what_it_cuts(sample: sample_tables.Sample, file: Path, tmp_path: Path) -> None:
    """Its share of a settlement is that of the homes inside, give or take; a group of one is split like any other."""
    place = sample.tables["settlements"].iloc[0]
    west, south, east, north = place["geometry"].bounds
    half = geojson(tmp_path / "half.geojson", shapely.box(west - 1, south - 1, (west + east) / 2, north + 1))
    one = f"settlement_id = '{place['settlement_id']}'"
    whole = estimate.answer(file, where=one).draws
    part = estimate.answer(file, where=one, polygon=half).draws
    houses = sample.tables["buildings"]
    mine = houses[houses["settlement_id"] == place["settlement_id"]]
    floor = home_floor_m2(*(mine[name].to_numpy() for name in ("kind", "footprint_m2", "levels")))
    expected = floor[(mine["lon"] < (west + east) / 2).to_numpy()].sum() / floor.sum()
    assert 0.1 < expected < 0.9
    assert np.mean(part["residents"] / whole["residents"]) == pytest.approx(expected, abs=0.03)
    assert (part["unregistered"] <= part["residents"]).all()
    assert (part["residents"] <= whole["residents"]).all()
    again = estimate.answer(file, where=one, polygon=half).draws
    assert all((part[name] == again[name]).all() for name in part)
    other = geojson(tmp_path / "other.geojson", shapely.box((west + east) / 2, south - 1, east + 1, north + 1))
    rest = estimate.answer(file, where=one, polygon=other).draws
    assert all((part[name] + rest[name] == whole[name]).all() for name in whole)
    around = geojson(tmp_path / "around.geojson", shapely.box(west - 1, south - 1, east + 1, north + 1))
    assert (estimate.answer(file, where=one, polygon=around).draws["residents"] == whole["residents"]).all()


def test_the_noise_of_a_split_shrinks_with_its_homes() -> None:
    rng = np.random.default_rng(1)
    few, many = (inside(0.3, homes, rng, 20_000) for homes in (10, 1000))
    assert few.mean() == pytest.approx(0.3, abs=0.01)
    assert few.std() == pytest.approx(0.95 * np.sqrt(0.21 / 10), rel=0.05)
    assert many.std() == pytest.approx(0.95 * np.sqrt(0.21 / 1000), rel=0.05)
    assert (inside(1.0, 3, rng) == 1).all()
    assert inside(0.5, 1, rng).shape == (KEPT,)


def test_sql_and_numpy_mean_the_same_homes(sample: sample_tables.Sample, file: Path) -> None:
    houses = sample.tables["buildings"]
    floor = home_floor_m2(*(houses[name].to_numpy() for name in ("kind", "footprint_m2", "levels")))
    with connect(file, read_only=True) as con:
        (total,) = con.execute(f"SELECT sum({estimate.HOME_FLOOR_SQL}) FROM buildings").fetchone() or (None,)
    assert total == pytest.approx(floor.sum())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"where": "kind = 'palace'"}, "No settlement satisfies"),
        ({"where": "nonsense ="}, "--where cannot be used"),
        ({"where": "area_id IN (SELECT content FROM read_text('/etc/hostname'))"}, "--where cannot be used"),
        ({"ratio": "unregistered"}, "is no ratio"),
        ({"ratio": "unregistered/cats"}, "is no ratio"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(file: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        estimate.answer(file, **options)


def test_polygons_that_cannot_be_used_are_sentences(file: Path, tmp_path: Path) -> None:
    far = geojson(tmp_path / "far.geojson", shapely.box(0, 0, 1, 1))
    line = geojson(tmp_path / "line.geojson", shapely.LineString([(74, 42), (75, 43)]))
    text = tmp_path / "text.geojson"
    text.write_text("no json")
    cases = {
        far: "No home of the group",
        line: "holds no polygon",
        text: "no readable",
        tmp_path / "none": "no readable",
    }
    for path, said in cases.items():
        with pytest.raises(InputError, match=said):
            estimate.answer(file, polygon=path)


def test_an_invalid_polygon_is_repaired_and_said(sample: sample_tables.Sample, file: Path, tmp_path: Path) -> None:
    west, south, east, north = sample.tables["settlements"].total_bounds
    bow = shapely.Polygon([(west - 1, south - 1), (east + 1, north + 1), (east + 1, south - 1), (west - 1, north + 1)])
    answer = estimate.answer(file, polygon=geojson(tmp_path / "bow.geojson", bow))
    assert any("repaired" in notice for notice in answer.notices)
    assert 0 < answer.draws["residents"].mean() <= draws_of(sample, "residents").mean()


def test_outputs_without_draws_are_refused(sample: sample_tables.Sample, tmp_path: Path) -> None:
    tables = {name: table for name, table in TABLES.items() if name != "population_draws"}
    for name in tables.keys() & sample.tables.keys():
        parquet.write(sample.tables[name], tmp_path / "tables" / f"{name}.parquet", TABLES[name])
    database.build(tmp_path / "tables", tmp_path / "old.duckdb", tables=tables, views=())
    with pytest.raises(InputError, match="hold no draws"):
        estimate.answer(tmp_path / "old.duckdb")


def test_it_answers_without_loading_the_rest() -> None:
    """Start-up is what a question costs: no pandas, no raster, no pandera."""
    code = "import sys, pipeline.cli, pipeline.commands.estimate; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pandas", "geopandas", "rasterio", "pandera", "scipy", "pyarrow"} & set(loaded)
