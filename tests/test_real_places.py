"""Real towns without new settlements: none is told, whatever years a raster invents; names reach as far as places."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.spatial import cKDTree

from pipeline.schema.vocabulary import TOLD_KINDS
from tests.real_places import BBOXES, DATA, Settled, Town, divide, read, told

LIECHTENSTEIN, ASTANA, ALMATY, BISHKEK, VILLAGE = BBOXES
TOWNS = (LIECHTENSTEIN, ASTANA, ALMATY, BISHKEK)
NODE_M = 150.0
LEAST_BUILDINGS = 3
BALZERS = 1391
"""Buildings of the commune."""

pytestmark = pytest.mark.skipif(not (DATA / VILLAGE).exists(), reason="the real extracts are not here (../shared/data)")


@pytest.fixture(scope="module", params=TOWNS)
def town(request: pytest.FixtureRequest) -> tuple[Town, Settled]:
    there = read(request.param)
    return there, divide(there)


def test_no_settlement_is_new(town: tuple[Town, Settled]) -> None:
    assert "novostroika" not in set(told(*town)["kind"])


@pytest.mark.parametrize("invented", [1995, 2005, *range(5)])
def test_invented_years_make_hardly_any_settlement_new(town: tuple[Town, Settled], invented: int) -> None:
    """All of one year; or any from 1985 to 2020, by five random choices."""
    places = town[1].places["settlement_id"].to_numpy()
    varied = np.random.default_rng(invented).integers(1985, 2021, len(places))
    years = pd.Series(varied if invented < 1985 else invented, index=places, dtype=float)
    kinds = told(*town, years)["kind"]
    assert (kinds == "novostroika").sum() <= 0.05 * len(kinds)


def test_no_kind_is_told_where_neither_words_nor_flats_nor_age_are_known(town: tuple[Town, Settled]) -> None:
    kinds = told(*town)
    silent = kinds[[f"evidence_{measure}" for measure in ("name_word", "map_tag", "listed")]].isna().all(axis=1)
    silent &= ~(kinds["evidence_flats_share"] > 0)
    assert set(kinds.loc[silent, "kind"]) <= {"undetermined"}
    bare = silent & kinds["evidence_services_ratio"].isna()
    assert (kinds.loc[bare, [f"p_{kind}" for kind in TOLD_KINDS]] < 0.9).all(axis=None)


def test_names_are_those_of_places_and_no_settlement_is_a_single_building(town: tuple[Town, Settled]) -> None:
    there, settled = town
    places = settled.places
    cities = there.layers["places"].query("place == 'city'")["name"]
    assert not set(places["name"].dropna()) & set(cities)
    assert (places["buildings"] >= LEAST_BUILDINGS).all()
    assert places.geometry.is_valid.all()


def test_balzers_is_its_commune() -> None:
    settled = divide(read(LIECHTENSTEIN))
    named = settled.places.set_index("name")["buildings"]
    assert named["Balzers"] >= 0.95 * BALZERS


def test_names_sit_on_what_stands_around_their_nodes() -> None:
    there = read(LIECHTENSTEIN)
    settled = divide(there)
    nodes = there.layers["places"].query("place in ('town', 'village', 'hamlet', 'suburb')")
    nodes = nodes[nodes.geom_type == "Point"]
    centres = shapely.get_coordinates(shapely.centroid(np.asarray(settled.houses.geometry.array, dtype=object)))
    distance, nearest = cKDTree(shapely.get_coordinates(nodes.geometry.to_numpy())).query(centres)
    near = np.asarray(distance) <= NODE_M
    name_of = settled.places.set_index("settlement_id")["name"]
    given = settled.houses["settlement_id"].map(name_of).to_numpy()[near]
    assert (given == nodes["name"].to_numpy()[np.asarray(nearest)[near]]).mean() >= 0.8


def test_one_village_on_four_parcels_is_one_settlement_and_nobody_lives_in_works_and_towers() -> None:
    settled = divide(read(VILLAGE))
    assert settled.places[["name", "buildings"]].to_numpy().tolist() == [["Testdorf", 120]]
    assert settled.houses["home"].sum() == settled.houses["settlement_id"].notna().sum() == 120
