"""The files are what the real sources would give: formats, grids, types, and the same bytes from the same seed."""

from __future__ import annotations

import ast
import gzip
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import pyogrio
import pytest
import rasterio

import pipeline
from pipeline import config, simulate
from pipeline.declared import catalogue
from pipeline.errors import InputError
from pipeline.simulate.rasters import EPOCHS

if TYPE_CHECKING:
    from pipeline.config import Area, Config
    from tests.simulate.conftest import Files


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_config_runs_on_the_files(simulated: Config) -> None:
    for area in simulated.selected:
        assert area.simulated
        assert all(
            path.exists()
            for path in (
                *area.inputs.osm,
                *area.inputs.footprints,
                *(tiles[0] for tiles in area.inputs.built_up.values()),
            )
        )
        assert area.inputs.onset is not None
        assert area.inputs.onset[0].exists()
        assert sorted(area.inputs.built_up) == list(EPOCHS)


def test_same_seed_same_bytes_whatever_else_is_simulated(
    directory: Path, tmp_path: Path, known: dict[str, Area], bishkek: Files
) -> None:
    simulate.write([known["osh"]], tmp_path, buildings=bishkek.wanted, seed=bishkek.seed)
    alone = files_below(tmp_path / "osh")
    together = files_below(directory / "osh")
    assert alone.keys() == together.keys()
    assert [name for name in alone if alone[name] != together[name]] == []


def test_another_seed_gives_another_city(directory: Path, tmp_path: Path, bishkek: Files, elsewhere: Area) -> None:
    simulate.write([elsewhere], tmp_path, buildings=bishkek.wanted, seed=bishkek.seed + 1)
    before, after = (
        json.loads((folder / "karakol" / "truth" / "parameters.json").read_text()) for folder in (directory, tmp_path)
    )
    assert before.pop("stress") == after.pop("stress") == {}
    assert all(before[name] != after[name] for name in before)
    assert all(before["style"][name] != after["style"][name] for name in before["style"])


@pytest.mark.parametrize(("name", "seed"), [("bishkek", 502), ("osh", 235)])
def test_seeds_of_thin_fields_and_outlines_that_geos_lost(
    name: str, seed: int, tmp_path: Path, known: dict[str, Area]
) -> None:
    simulate.write([known[name]], tmp_path, buildings=20_000, seed=seed)
    outlines = gpd.read_parquet(tmp_path / name / "truth" / "settlements.parquet").geometry
    assert (~outlines.is_empty).all()


def test_running_again_replaces_the_files(tmp_path: Path, elsewhere: Area) -> None:
    for seed in (1, 2):
        simulate.write([elsewhere], tmp_path / "again", buildings=3_000, seed=seed)
    simulate.write([elsewhere], tmp_path / "once", buildings=3_000, seed=2)
    assert files_below(tmp_path / "again") == files_below(tmp_path / "once")


def test_footprints_are_microsoft_lines(city: Files) -> None:
    path = city.folder / "footprints.geojsonl.gz"
    assert path.read_bytes()[4:8] == b"\0\0\0\0"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    first = json.loads(lines[0])
    assert first["type"] == "Feature"
    assert first["properties"] == {"height": -1.0, "confidence": -1.0}
    ring = first["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    frame = pyogrio.read_dataframe(f"/vsigzip/{path}")
    assert len(frame) == len(lines)
    assert frame.geometry.is_valid.all()


def test_osm_file_is_sorted_and_complete(city: Files) -> None:
    path = str(city.folder / "area.osm.pbf")
    with osmium.io.Reader(path) as reader:
        header = reader.header()
        assert header.get("generator") == "novostroiki simulate"
        assert header.box().valid()
    order = {"n": 0, "w": 1, "r": 2}
    seen: set[int] = set()
    last = (0, 0)
    for item in osmium.FileProcessor(path):
        here = (order[item.type_str()], item.id)
        assert here > last
        last = here
        if item.is_node():
            seen.add(item.id)
        elif item.is_way():
            assert all(node.ref in seen for node in item.nodes)


def test_osm_file_is_read_by_gdal(city: Files) -> None:
    areas = pyogrio.read_dataframe(city.folder / "area.osm.pbf", layer="multipolygons")
    assert areas.geometry.is_valid.all()
    drawn = areas.building.notna() & (areas.building != "no")
    ways = city.table("osm_buildings").osm_id.nunique()
    assert int(drawn.sum()) == ways


def test_every_building_of_the_map_is_where_the_truth_says(city: Files) -> None:
    areas = pyogrio.read_dataframe(city.folder / "area.osm.pbf", layer="multipolygons")
    areas = areas.set_index(("way/" + areas.osm_way_id).fillna("relation/" + areas.osm_id))
    pairs = city.table("osm_buildings")
    drawn = areas.geometry.loc[pairs.osm_id].to_crs(city.area.projected).reset_index(drop=True)
    true = city.buildings.set_index("building_id").geometry.loc[pairs.building_id]
    true = true.to_crs(city.area.projected).reset_index(drop=True)
    assert drawn.distance(true).max() < 12


def test_hazards_of_every_class(city: Files) -> None:
    zones = catalogue.default().red_zones
    found: dict[str, int] = dict.fromkeys(zones, 0)
    for item in osmium.FileProcessor(str(city.folder / "area.osm.pbf")):
        tags = dict(item.tags)
        for name, zone in zones.items() if tags else ():
            found[name] += zone.matches(tags)
    assert [name for name, count in found.items() if count == 0] == []


def test_some_hazards_lack_what_their_rules_ask_for(city: Files) -> None:
    tags = [dict(item.tags) for item in osmium.FileProcessor(str(city.folder / "area.osm.pbf")) if item.tags]
    lines = [tag for tag in tags if tag.get("power") == "line"]
    pipes = [tag for tag in tags if tag.get("usage") == "transmission"]
    assert 0 < sum("voltage" in tag for tag in lines) < len(lines)
    assert 0 < sum("diameter" in tag for tag in pipes) < len(pipes)
    assert any(key.startswith(("disused:", "abandoned:", "demolished:")) for tag in tags for key in tag)
    assert any(tag.get("building") == "no" for tag in tags)


def test_hazards_stand_outside_the_area_too(city: Files) -> None:
    areas = pyogrio.read_dataframe(city.folder / "area.osm.pbf", layer="multipolygons")
    outside = areas[~areas.intersects(city.area.boundary)]
    assert {"landfill", "cemetery", "military"} <= set(outside.landuse.dropna())


def test_built_up_lies_on_ghsl_grid(city: Files) -> None:
    for year in EPOCHS:
        with rasterio.open(city.area.inputs.built_up[year][0]) as file:
            assert file.crs.to_authority() == ("ESRI", "54009")
            assert file.dtypes == ("uint16",)
            assert file.nodata == 65_535
            assert file.res == (100, 100)
            assert (file.transform.c + 18_041_000) % 100 == 0
            assert (9_000_000 - file.transform.f) % 100 == 0
            values = file.read(1).astype(float)
        total = city.table("growth").query("settlement_id.isna() and year == @year").built_m2.item()
        assert values.max() <= 10_000
        assert values.sum() == pytest.approx(total, rel=0.02)


def test_built_up_never_shrinks(city: Files) -> None:
    layers = [rasterio.open(city.area.inputs.built_up[year][0]).read(1) for year in EPOCHS]
    assert all((late >= early).all() for early, late in pairwise(layers))


def test_onset_and_population_rasters(city: Files) -> None:
    with rasterio.open(city.folder / "onset.tif") as file:
        onset = file.read(1)
        assert file.crs.to_epsg() == 4326
        assert file.dtypes == ("uint16",)
    assert set(np.unique(onset)) <= {0, *range(1985, 2016)}
    with rasterio.open(city.folder / "population.tif") as file:
        people = file.read(1)
        assert file.dtypes == ("float32",)
        assert file.nodata == -99_999
        assert file.res[0] == pytest.approx(3 / 3600)
    truth = city.table("population").iloc[0]
    assert people[people >= 0].sum() < 1.05 * truth.registered


def test_register_holds_the_city_and_some_settlements(city: Files) -> None:
    register = pd.read_csv(city.folder / "registered.csv", keep_default_na=False)
    assert list(register.columns) == ["name", "registered", "year", "source"]
    whole = register[register.name == ""]
    assert whole.registered.item() == city.table("population").registered.item()
    assert 1 < len(register) < len(city.settlements)
    assert register.name.is_unique


def test_too_many_buildings_for_any_area_are_refused(tmp_path: Path, elsewhere: Area) -> None:
    wide = elsewhere.model_copy(update={"bbox": (78.0, 42.0, 80.9, 44.9)})
    with pytest.raises(InputError, match="ask for fewer buildings"):
        simulate.write([wide], tmp_path, buildings=80_000_000, seed=1)


def test_a_small_bbox_is_widened(tmp_path: Path, elsewhere: Area) -> None:
    small = elsewhere.model_copy(update={"bbox": (78.38, 42.48, 78.40, 42.495)})
    path = simulate.write([small], tmp_path, buildings=4_000, seed=1)
    west, south, east, north = config.load(path).areas["karakol"].bbox
    assert west < 78.38
    assert north > 42.495
    buildings = gpd.read_parquet(tmp_path / "karakol" / "truth" / "buildings.parquet")
    assert len(buildings) >= 4_000
    inside = buildings.cx[west:east, south:north]
    assert len(inside) == len(buildings)


def test_estimators_never_see_the_simulator() -> None:
    root = Path(pipeline.__file__).parent
    for module in [*root.glob("transform/**/*.py"), *root.glob("load/**/*.py")]:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            assert not [name for name in names if re.search(r"(^|\.)simulate(\.|$)", name)], module
