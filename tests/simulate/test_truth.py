"""The truth adds up, and holds what the literature says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely

from pipeline.declared import facts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulate.conftest import Files

TRUTH_COLUMNS = {
    "buildings": [
        "building_id", "settlement_id", "kind", "levels", "dwellings", "residents", "registered", "built_year",
        "geometry",
    ],
    "settlements": [
        "settlement_id", "name", "kind", "status", "founded", "residents", "registered", "unregistered", "geometry",
    ],
    "population": ["area_id", "residents", "registered", "unregistered", "ghosts"],
    "growth": ["settlement_id", "year", "built_m2"],
}  # fmt: skip


def test_tables_have_their_columns(city: Files) -> None:
    frames = {"buildings": city.buildings, "settlements": city.settlements}
    for name, columns in TRUTH_COLUMNS.items():
        frame = frames[name] if name in frames else city.table(name)
        assert set(columns) <= set(frame.columns), name


def test_at_least_as_many_buildings_as_asked_for(city: Files) -> None:
    assert len(city.buildings) >= city.wanted
    assert city.buildings.building_id.is_unique
    west, south, east, north = city.area.bbox
    assert len(city.buildings.cx[west:east, south:north]) == len(city.buildings)


def test_identity_holds_in_every_building_settlement_and_city(city: Files) -> None:
    for frame in (city.buildings, city.settlements):
        missing = frame.residents - frame.registered
        assert (missing == frame.unregistered + frame.registered_elsewhere - frame.ghosts).all()
    population = city.table("population").iloc[0]
    assert population.residents - population.registered == population.unregistered - population.ghosts
    assert population.residents == city.buildings.residents.sum()


def test_settlements_are_sums_of_their_buildings(city: Files) -> None:
    sums = city.buildings.groupby("settlement_id")[["residents", "registered", "unregistered", "ghosts"]].sum()
    table = city.settlements.set_index("settlement_id")[sums.columns].loc[sums.index]
    assert (sums == table).all().all()


def test_growth_is_the_sum_of_footprints(city: Files) -> None:
    metres = city.buildings.to_crs(city.area.projected)
    stood = metres[metres.built_year <= 2000]
    growth = city.table("growth").query("year == 2000").set_index("settlement_id").built_m2
    true = stood.area.groupby(stood.settlement_id).sum()
    assert growth[true.index].to_numpy() == pytest.approx(true.to_numpy(), rel=1e-3)
    assert growth[growth.index.isna()].item() == pytest.approx(stood.area.sum(), rel=1e-3)


def test_geometry_is_sound(city: Files) -> None:
    buildings, settlements = (frame.to_crs(city.area.projected) for frame in (city.buildings, city.settlements))
    assert buildings.geometry.is_valid.all()
    assert settlements.geometry.is_valid.all()
    first, second = settlements.sindex.query(settlements.geometry, predicate="intersects")
    pair = first < second
    common = shapely.intersection(settlements.geometry.values[first[pair]], settlements.geometry.values[second[pair]])
    assert shapely.area(common).max(initial=0) < 1
    first, second = buildings.sindex.query(buildings.geometry, predicate="overlaps")
    pair = first < second
    common = shapely.intersection(buildings.geometry.values[first[pair]], buildings.geometry.values[second[pair]])
    assert (shapely.area(common) > 1).sum() < 0.003 * len(buildings)


def test_buildings_stand_in_their_settlement(city: Files) -> None:
    housed = city.buildings[city.buildings.settlement_id.notna()].to_crs(city.area.projected)
    outlines = city.settlements.to_crs(city.area.projected).set_index("settlement_id").geometry
    inside = housed.representative_point().within(outlines.loc[housed.settlement_id], align=False)
    assert inside.mean() > 0.995  # along bent streets some stand a metre beyond the outline


def test_satellite_recall_and_precision_are_those_drawn(city: Files) -> None:
    footprints = city.table("footprints")
    drawn = json.loads((city.folder / "truth" / "parameters.json").read_text())
    main = city.buildings[city.buildings.kind != "outbuilding"].building_id
    assert main.isin(footprints.building_id).mean() == pytest.approx(drawn["satellite_recall"], abs=0.025)
    real = footprints.building_id.notna().groupby(footprints.line).any().mean()
    assert real == pytest.approx(drawn["satellite_precision"], abs=0.006)


def test_blobs_merge_houses_and_houses_break_into_blobs(city: Files) -> None:
    footprints = city.table("footprints").dropna()
    assert (footprints.groupby("line").size() > 1).any()
    assert (footprints.groupby("building_id").size() > 1).any()
    assert (city.table("osm_buildings").groupby("osm_id").size() > 1).any()


def test_new_settlements_look_like_new_settlements(city: Files) -> None:
    new = city.settlements[city.settlements.kind == "novostroika"].settlement_id
    houses = city.buildings[(city.buildings.kind == "house") & city.buildings.settlement_id.isin(new)]
    assert 60 <= houses.footprint_m2.median() <= 140
    sheds = city.buildings[(city.buildings.kind == "outbuilding") & city.buildings.settlement_id.isin(new)]
    assert sheds.footprint_m2.max() <= 30.001
    assert 0 < (~houses.finished).mean() < 0.2


def test_cities_hold_everything_that_confuses(city: Files) -> None:
    assert {"novostroika", "village", "dacha", "formal", "other"} == set(city.settlements.kind)
    assert city.buildings.settlement_id.isna().any()
    assert set(city.buildings.kind) == {"house", "apartments", "outbuilding", "non_residential"}
    assert city.buildings[city.buildings.kind == "apartments"].levels.max() >= 5


@pytest.mark.parametrize(
    ("named_id", "column", "low", "high"),
    [
        ("bishkek/ak-jar", "residents", 15_000, 15_000),
        ("bishkek/altyn-kazyk", "families", 400, 400),
        ("bishkek/alga-elim", "families", 400, 400),
        ("bishkek/adylet-ayry", "families", 200, 200),
        ("bishkek/meat-factory-dormitory", "families", 25, 25),
        ("bishkek/bugu-ene", "finished_houses", 10, 12),
        ("bishkek/tec-2", "finished_houses", 1_000, 1_000),
        ("bishkek/tec-2", "residents", 6_000, 6_900),
    ],
)
def test_literature_holds(bishkek: Files, named_id: str, column: str, low: int, high: int) -> None:
    settlement = bishkek.named(named_id)
    here = bishkek.buildings[bishkek.buildings.settlement_id == settlement.settlement_id]
    main = here[(here.kind != "outbuilding") & here.finished]
    value = len(main) if column == "finished_houses" else settlement[column]
    assert low <= value <= high


def test_two_settlements_stand_beside_the_landfill(bishkek: Files) -> None:
    areas = pyogrio.read_dataframe(bishkek.folder / "area.osm.pbf", layer="multipolygons")
    dump = areas[areas.landuse == "landfill"].to_crs(bishkek.area.projected).geometry
    outlines = bishkek.settlements.to_crs(bishkek.area.projected).set_index("named_id").geometry
    for named_id in ("bishkek/altyn-kazyk", "bishkek/alga-elim"):
        assert dump.distance(outlines[named_id]).min() < 300, named_id


def test_settlements_stand_where_the_literature_hints(bishkek: Files) -> None:
    hints = facts.settlements().query("area_id == 'bishkek' and hint_lon.notna()").set_index("named_id")
    outlines = bishkek.settlements.dropna(subset="named_id").set_index("named_id").to_crs(bishkek.area.projected)
    frame = gpd.GeoSeries.from_xy(hints.hint_lon, hints.hint_lat, crs=4326, index=hints.index)
    distance = outlines.geometry.loc[hints.index].distance(frame.to_crs(bishkek.area.projected))
    assert (distance < np.maximum(hints.hint_radius_m, 3_000)).all(), distance.sort_values().tail()


def test_every_named_settlement_is_in_the_truth(bishkek: Files) -> None:
    named = facts.settlements().query("area_id == 'bishkek'").named_id
    assert set(named) == set(bishkek.settlements.named_id.dropna())


def test_an_unknown_area_has_no_named_settlements(directory: Path) -> None:
    settlements = gpd.read_parquet(directory / "karakol" / "truth" / "settlements.parquet")
    assert settlements.named_id.isna().all()
    assert settlements.name.notna().sum() > 10
