"""Each stress does to a city what it says, and nothing is done without it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio

from pipeline import config, simulate
from pipeline.errors import InputError
from pipeline.simulate.stress import HELP, Stress, parse
from tests.simulate.conftest import Files

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.config import Area

SEED, BUILDINGS = 53_001, 2_500
PAGE = Path(__file__).parents[2] / "docs" / "stressed.md"


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory, known: dict[str, Area]) -> Callable[[str], Files]:
    made: dict[str, Files] = {}

    def city(stress: str) -> Files:
        if stress not in made:
            folder: Path = tmp_path_factory.mktemp("stressed")
            path = simulate.write([known["bishkek"]], folder, buildings=BUILDINGS, seed=SEED, stress=parse([stress]))
            made[stress] = Files(config.load(path).areas["bishkek"], folder / "bishkek")
        return made[stress]

    return city


def main_buildings(files: Files) -> gpd.GeoDataFrame:
    return files.buildings[files.buildings.kind != "outbuilding"]


def seen(files: Files, name: str) -> pd.Series:
    return main_buildings(files).building_id.isin(files.table(name).building_id)


def test_names_and_values_are_read() -> None:
    assert parse([]) == Stress()
    assert parse(["import=0.9,offset=8", "young"]) == Stress(imported=0.9, offset=8.0, young=True)
    assert parse(["import=0.9, young"]).as_dict() == {"import": 0.9, "young": True}
    assert parse(["empty=0"]).as_dict() == {"empty": 0.0}


def test_the_page_lists_every_stress() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    wanted = ["| `{}` | {} |".format(*stress.split(": ", 1)) for stress in HELP.split("; ")]
    assert rows[: len(wanted)] == wanted


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("imports=1", "'imports' is unknown"),
        ("import", "needs a number from 0 to 1"),
        ("import=1.5", "needs a number from 0 to 1"),
        ("offset=nan", "needs a number from 0 to 50"),
        ("young=1", "is a switch"),
        ("offset=1,offset=2", "is given twice"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse([text])


def test_imported_outlines_are_those_of_the_satellite(make: Callable[[str], Files]) -> None:
    files = make("import=1")
    assert set(files.table("osm_buildings").building_id) >= set(
        files.table("footprints")
        .dropna()
        .merge(files.buildings[files.buildings.settlement_id.notna()], on="building_id")
        .building_id
    )


def test_recall_holds_and_dependence_makes_misses_common(make: Callable[[str], Files]) -> None:
    apart, together = make("recall=0.5,dependence=0"), make("recall=0.5,dependence=1")
    for files in (apart, together):
        assert seen(files, "osm_buildings").mean() == pytest.approx(0.5, abs=0.04)
        assert seen(files, "footprints").mean() == pytest.approx(0.5, abs=0.04)
    neither = [(~seen(files, "osm_buildings") & ~seen(files, "footprints")).mean() for files in (apart, together)]
    assert neither[1] > neither[0] + 0.05


def test_offset_displaces_the_satellite(make: Callable[[str], Files]) -> None:
    files = make("offset=9")
    lines = files.table("footprints").dropna()
    lines = lines[~lines.duplicated("line", keep=False) & ~lines.duplicated("building_id", keep=False)]
    middles = gpd.GeoSeries.from_xy((lines.west + lines.east) / 2, (lines.south + lines.north) / 2, crs=4326)
    true = files.buildings.set_index("building_id").geometry.loc[lines.building_id].to_crs(files.area.projected)
    shown = middles.to_crs(files.area.projected)
    box = true.bounds
    east = np.median(shown.x.to_numpy() - (box.minx + box.maxx).to_numpy() / 2)
    north = np.median(shown.y.to_numpy() - (box.miny + box.maxy).to_numpy() / 2)
    assert np.hypot(east, north) == pytest.approx(9, abs=0.3)


def test_empty_homes_and_households(make: Callable[[str], Files]) -> None:
    def of_new(files: Files) -> pd.DataFrame:
        named = files.settlements.named_id.notna()
        new = files.settlements[(files.settlements.kind == "novostroika") & ~named].settlement_id
        return files.buildings[files.buildings.settlement_id.isin(new) & (files.buildings.dwellings > 0)]

    base, empty, crowded = (of_new(make(text)) for text in ("", "empty=0.7", "households=3"))
    assert empty.occupied.sum() / empty.dwellings.sum() < 0.45 < base.occupied.sum() / base.dwellings.sum()
    assert crowded.dwellings.mean() == pytest.approx(3, rel=0.25)


def test_who_is_new_and_young(make: Callable[[str], Files]) -> None:
    assert "novostroika" not in set(make("no_new").settlements.kind)
    young = make("young").settlements.query("kind == 'novostroika'")
    assert young.founded.between(2005, 2024).all()
    legal = make("legal_young").settlements.query("fabric in ['cottages', 'blocks']")
    assert legal.founded.between(1988, 2024).all()


def test_unmapped_settlements_are_in_no_source(make: Callable[[str], Files]) -> None:
    files = make("unmapped=0.5")
    shown = seen(files, "osm_buildings") | seen(files, "footprints")
    by_settlement = shown.groupby(main_buildings(files).settlement_id).any()
    assert (~by_settlement).mean() == pytest.approx(0.5, abs=0.1)


def test_the_register_ends_at_its_boundary(make: Callable[[str], Files]) -> None:
    files = make("boundary=0.5")
    told = pd.read_csv(files.folder / "registered.csv").registered.max()
    assert told < 0.65 * files.table("population").registered.item()


@pytest.mark.parametrize(
    ("stress", "gone"),
    [
        ("no_osm", {"area.osm.pbf"}),
        ("no_satellite", {"footprints.geojsonl.gz"}),
        ("no_rasters", {"onset.tif", "tracker.tif", "population.tif", "built_up"}),
        ("no_osm_buildings", set()),
    ],
)
def test_missing_inputs_are_missing(make: Callable[[str], Files], stress: str, gone: set[str]) -> None:
    files, base = make(stress), make("")
    names = {path.name for path in base.folder.iterdir()}
    assert {path.name for path in files.folder.iterdir()} == names - gone
    if stress.startswith("no_osm"):
        assert files.table("osm_buildings").empty


def test_tracker_codes_follow_the_years(make: Callable[[str], Files]) -> None:
    files = make("young,late=0")
    with rasterio.open(files.folder / "tracker.tif") as file:
        assert file.dtypes == ("uint8",)
        assert file.crs.to_epsg() == 4326
        houses = main_buildings(files)
        middles = houses.geometry.representative_point()
        code = np.array([value[0] for value in file.sample(zip(middles.x, middles.y, strict=True))]).astype(int)
    year = houses.built_year.to_numpy()
    assert 0 <= code.min() <= code.max() <= 20
    lit = (code > 0) & (houses.kind == "house").to_numpy()
    assert (code[lit & (year < 2016)] == 1).mean() > 0.97
    late = lit & (year > 2016)
    assert late.sum() > 50
    told = 2016 + (code[late] - 1) // 2
    # A cell that neighbours share tells of the first of them.
    assert (told <= year[late]).mean() > 0.99
    assert (told == year[late]).mean() > 0.9
