"""Delineation and classification on small towns: barriers, polygons, seeds, fabrics, invariance, bad input."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, box

from pipeline.declared import facts
from pipeline.schema.vocabulary import TOLD_KINDS
from pipeline.transform.settlements import Delineation, classify, delineate, resolve_names
from pipeline.wording.spelling import key
from tests.transform.fabrics import layer, layers, place, quarter, town, turned

if TYPE_CHECKING:
    import geopandas as gpd


def groups(result: Delineation) -> set[frozenset[int]]:
    """The division of the buildings, whatever the settlements are called."""
    members = result.membership.dropna()
    return {frozenset(rows.index) for _, rows in members.groupby(members)}


def check(result: Delineation, buildings: gpd.GeoDataFrame) -> None:
    """What must hold of every delineation."""
    assert list(result.membership.index) == list(buildings.index)
    known = set(result.settlements["settlement_id"])
    assert set(result.membership.dropna()) == known
    counts = result.membership.value_counts()
    assert counts.reindex(result.settlements["settlement_id"]).tolist() == result.settlements["buildings"].tolist()
    shapes = np.asarray(result.settlements.geometry.array, dtype=object)
    assert shapely.is_valid(shapes).all()
    assert np.isin(shapely.get_type_id(shapes), (3, 6)).all()
    i, j = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    assert shapely.area(shapely.intersection(shapes[i[i < j]], shapes[j[i < j]])).sum() < 1e-3
    centres = buildings.geometry.centroid
    own = result.membership.map(result.settlements.set_index("settlement_id").geometry)
    held = result.membership.notna()
    assert shapely.distance(np.array(own[held], dtype=object), np.array(centres[held], dtype=object)).max(initial=0) < 1


def test_a_wide_gap_parts_and_what_is_sparse_belongs_to_none() -> None:
    buildings = town(quarter(0, 0, 8, 6), quarter(400, 0, 8, 6, seed=1), quarter(2000, 2000, 1, 1))
    result = delineate(buildings, layers(), "a")
    check(result, buildings)
    assert len(result.settlements) == 2
    assert result.membership.isna().sum() == len(quarter(2000, 2000, 1, 1))


@pytest.mark.parametrize(
    "barrier",
    [
        {"railways": {"railway": "rail"}},
        {"roads": {"highway": "trunk"}},
        {"waterways": {"waterway": "canal"}},
    ],
)
def test_a_barrier_parts_one_fabric_and_a_tunnel_does_not(barrier: dict[str, dict[str, str]]) -> None:
    buildings = town(quarter(0, 0, 16, 6))
    line = LineString([(195, -500), (195, 700)])
    ((name, tags),) = barrier.items()
    columns = (*tags, "tunnel", "service")

    def count(**more: str) -> int:
        given = layer({"osm_id": "way/1", "geometry": line, **tags, **more}, columns=columns)
        return len(delineate(buildings, layers(**{name: given}), "a").settlements)

    assert count() == 2
    assert count(tunnel="yes") == 1


def test_one_house_is_a_settlement_only_where_a_published_list_names_it() -> None:
    buildings = town(quarter(0, 0, 8, 6), quarter(900, 0, 1, 1))
    land = {"osm_id": "way/7", "name": "Ак-Жар", "landuse": "residential", "geometry": box(880, -20, 960, 60)}
    given = layers(landuse=layer(land, columns=("landuse",)))
    result = delineate(buildings, given, "a", {key("жилмассив Ак-Жар")})
    check(result, buildings)
    one = result.settlements[result.settlements["delineation"] == "osm_polygon"]
    assert one["osm_ids"].tolist() == ["way/7"]
    assert result.membership.notna().all()
    assert len(delineate(buildings, given, "a").settlements) == 1


def test_a_named_place_of_sheds_is_no_settlement() -> None:
    buildings = town(quarter(0, 0, 8, 6), quarter(900, 0, 2, 2))
    far = buildings.geometry.centroid.x > buildings.geometry.centroid.x.min() + 700
    chosen = buildings.assign(kind=buildings["kind"].where(~far, "outbuilding"))
    land = {"osm_id": "way/7", "name": "Ак-Жар", "landuse": "residential", "geometry": box(880, -20, 960, 60)}
    given = layers(landuse=layer(land, columns=("landuse",)))
    assert len(delineate(buildings, given, "a").settlements) == 2
    assert len(delineate(chosen, given, "a").settlements) == 1


def test_four_nameless_parcels_and_a_village_are_one_settlement_and_works_are_none() -> None:
    parcels = [(0, 0), (150, 0), (0, 150), (150, 150)]
    buildings = town(*(quarter(x, y, 5, 5, seed=n) for n, (x, y) in enumerate(parcels)), quarter(600, 0, 4, 6))
    ground = [
        {"osm_id": f"way/{n}", "landuse": "residential", "geometry": box(x - 5, y - 5, x + 125, y + 125)}
        for n, (x, y) in enumerate(parcels)
    ]
    works = {"osm_id": "way/9", "name": "Chimney", "landuse": "industrial", "geometry": box(580, -20, 720, 170)}
    given = layers(
        landuse=layer(*ground, works, columns=("landuse",)),
        places=layer(place("node/1", "Testdorf", 138, 138, "village"), columns=("place",)),
    )
    result = delineate(buildings, given, "a")
    check(result, buildings)
    assert result.settlements["osm_ids"].tolist() == ["node/1"]
    houses = len(buildings) - len(quarter(600, 0, 4, 6))
    assert result.settlements["buildings"].tolist() == [houses]


@pytest.mark.parametrize("name", ["ОсОО «Завод»", "Бизнес-центр Рассвет", "ЖК Асыл Тау", "Школа № 5", "Bus stop 4"])
def test_what_stands_there_names_no_settlement(name: str) -> None:
    buildings = town(quarter(0, 0, 8, 6), quarter(900, 0, 2, 2))
    land = {"osm_id": "way/7", "name": name, "landuse": "residential", "geometry": box(880, -20, 960, 60)}
    result = delineate(buildings, layers(landuse=layer(land, columns=("landuse",))), "a")
    assert len(result.settlements) == 1


def test_ground_around_the_whole_city_outlines_nothing() -> None:
    buildings = town(quarter(0, 0, 40, 20), quarter(1200, 0, 40, 20, seed=1))
    ground = {"osm_id": "way/1", "landuse": "residential", "geometry": box(-500, -500, 3000, 900)}
    around = delineate(buildings, layers(landuse=layer(ground, columns=("landuse",))), "a")
    assert groups(around) == groups(delineate(buildings, layers(), "a"))
    assert len(around.settlements) == 2


def test_without_streets_a_change_of_fabric_parts() -> None:
    buildings = town(quarter(0, 0, 20, 10), quarter(0, 280, 15, 8, plot=34, size=220, angle=8, seed=1))
    result = delineate(buildings, {}, "a")
    check(result, buildings)
    assert len(result.settlements) == 2


def test_identifiers_come_from_the_place_alone() -> None:
    first = town(quarter(0, 0, 10, 8))
    more = town(quarter(-3000, 3000, 10, 8, seed=3), quarter(0, 0, 10, 8))
    (own,) = delineate(first, layers(), "a").settlements["settlement_id"]
    assert own in set(delineate(more, layers(), "a").settlements["settlement_id"])
    assert re.fullmatch(r"a/42\.\d{3},74\.\d{3}", own)


def test_the_innermost_polygon_wins_and_outlines_do_not_overlap() -> None:
    buildings = town(quarter(0, 0, 12, 12))
    outer = {"osm_id": "way/1", "name": "Ак-Ордо", "landuse": "residential", "geometry": box(-30, -30, 330, 330)}
    inner = {"osm_id": "way/2", "name": "Келечек", "landuse": "residential", "geometry": box(88, 88, 213, 213)}
    result = delineate(buildings, layers(landuse=layer(outer, inner, columns=("landuse",))), "a")
    check(result, buildings)
    assert sorted(result.settlements["osm_ids"]) == ["way/1", "way/2"]


def test_two_places_divide_one_fabric_and_two_settlements_may_share_a_name() -> None:
    buildings = town(quarter(0, 0, 24, 6))
    names = layer(place("node/1", "Анар", 150, 70), place("node/2", "Анар", 450, 70), columns=("place",))
    result = delineate(buildings, layers(places=names), "a")
    check(result, buildings)
    assert result.settlements["delineation"].tolist() == ["seed_point+cluster"] * 2
    assert abs(np.diff(result.settlements["buildings"])[0]) < 0.2 * len(buildings)


def test_a_change_of_fabric_across_a_street_parts_and_a_street_alone_does_not() -> None:
    street = layer(
        {"osm_id": "way/1", "highway": "tertiary", "geometry": LineString([(-100, 316), (700, 316)])},
        columns=("highway", "surface", "tunnel"),
    )
    below = quarter(0, 0, 12, 12)
    alike = town(below, quarter(0, 330, 12, 12, seed=1))
    other = town(below, quarter(0, 330, 9, 9, plot=34, size=160, angle=8, seed=1))
    assert len(delineate(alike, layers(roads=street), "a").settlements) == 1
    result = delineate(other, layers(roads=street), "a")
    check(result, other)
    assert len(result.settlements) == 2


def test_a_place_stands_in_the_midst_of_its_settlement() -> None:
    buildings = town(quarter(0, 0, 8, 6), quarter(220, 0, 20, 16, seed=1))
    street = {"osm_id": "way/1", "highway": "residential", "geometry": LineString([(208, -500), (208, 900)])}
    roads = layer(street, columns=("highway", "surface", "tunnel"))
    at_one_side = layers(roads=roads, places=layer(place("node/1", "Умут", 100, 75), columns=("place",)))
    result = delineate(buildings, at_one_side, "a")
    check(result, buildings)
    assert sorted(result.settlements["delineation"]) == ["cluster", "seed_point+cluster"]
    amid = layers(roads=roads, places=layer(place("node/1", "Умут", 400, 200), columns=("place",)))
    assert len(delineate(buildings, amid, "a").settlements) == 1


def test_a_nameless_polygon_off_its_place_outlines_more_than_a_settlement() -> None:
    buildings = town(quarter(0, 0, 8, 6), quarter(220, 0, 20, 16, size=150, seed=1))
    street = {"osm_id": "way/1", "highway": "residential", "geometry": LineString([(208, -500), (208, 900)])}
    ground = {"osm_id": "way/2", "landuse": "residential", "geometry": box(-10, -10, 730, 410)}
    given = layers(
        roads=layer(street, columns=("highway", "surface", "tunnel")),
        landuse=layer(ground, columns=("landuse",)),
        places=layer(place("node/1", "Умут", 100, 75), columns=("place",)),
    )
    assert sorted(delineate(buildings, given, "a").settlements["osm_ids"]) == ["", "node/1"]
    given["places"] = layer(place("node/1", "Умут", 360, 200), columns=("place",))
    assert list(delineate(buildings, given, "a").settlements["osm_ids"]) == ["node/1;way/2"]


def test_two_blocks_of_flats_are_a_named_settlement_beside_a_fabric_of_houses() -> None:
    flats = [(box(x, 0, x + 60, 12), "apartments") for x in (0, 80)]
    buildings = town(flats, quarter(0, 90, 12, 8, seed=1))
    given = layers(places=layer(place("node/1", "Черёмушки", 70, 6), columns=("place",)))
    result = delineate(buildings, given, "a", {key("Черёмушки")})
    assert set(result.membership[:2]) == set(
        result.settlements.loc[result.settlements["osm_ids"] == "node/1", "settlement_id"]
    )


def test_adding_a_building_keeps_the_others_where_they_are() -> None:
    first = town(quarter(0, 0, 10, 8), quarter(500, 0, 10, 8, seed=2, angle=20))
    second = town(quarter(0, 0, 10, 8), quarter(500, 0, 10, 8, seed=2, angle=20), quarter(-22, 60, 1, 1))
    a, b = delineate(first, layers(), "a"), delineate(second, layers(), "a")
    assert a.membership.tolist() == b.membership[: len(first)].tolist()
    for before, after in zip(a.settlements.geometry, b.settlements.geometry, strict=True):
        assert before.symmetric_difference(after).area < 0.05 * before.area


def test_empty_and_tiny_towns() -> None:
    for buildings in (town(), town(quarter(0, 0, 1, 1)), town(quarter(0, 0, 1, 2)), town(quarter(0, 0, 25, 1))):
        check(delineate(buildings, layers(), "a"), buildings)
        check(delineate(buildings, {}, "a"), buildings)


def test_buildings_at_one_place_and_odd_layers() -> None:
    buildings = pd.concat([town(quarter(0, 0, 6, 6))] * 2, ignore_index=True)
    odd = layer(
        {"osm_id": "way/1", "name": "x", "landuse": "residential", "geometry": shapely.Polygon()},
        {"osm_id": "way/2", "name": "ул. Ленина", "landuse": "residential", "geometry": box(-9, -9, 60, 60)},
        {"osm_id": "way/3", "name": "ы" * 10_000, "landuse": "residential", "geometry": box(60, 60, 160, 160)},
        {"osm_id": "way/3", "name": "<b>х</b>", "landuse": "residential", "geometry": box(60, 60, 160, 160)},
        columns=("landuse",),
    )
    result = delineate(buildings, layers(landuse=odd), "a")
    check(result, buildings)


quarters = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(3, 7), st.integers(3, 6), st.integers(0, 80)),
    min_size=1,
    max_size=4,
    unique_by=lambda row: row[:2],
)


def built(rows: list[tuple[int, int, int, int, int]]) -> gpd.GeoDataFrame:
    return town(*(quarter(260 * x, 260 * y, c, r, angle=a, seed=n) for n, (x, y, c, r, a) in enumerate(rows)))


@settings(max_examples=8, deadline=None)
@given(quarters, st.integers(0, 1000))
def test_every_building_is_in_one_settlement_or_none_whatever_the_order(
    rows: list[tuple[int, int, int, int, int]], seed: int
) -> None:
    buildings = built(rows)
    result = delineate(buildings, layers(), "a")
    check(result, buildings)
    again = delineate(buildings.sample(frac=1, random_state=seed), layers(), "a")
    assert again.membership.sort_index().equals(result.membership)
    assert again.settlements.equals(result.settlements)


@settings(max_examples=8, deadline=None)
@given(quarters, st.floats(0, 359), st.floats(-5000, 5000), st.floats(-5000, 5000))
def test_shifting_and_turning_the_city_changes_only_coordinates(
    rows: list[tuple[int, int, int, int, int]], angle: float, east: float, north: float
) -> None:
    buildings = built(rows)
    there = turned(buildings, angle, east, north)
    a, b = delineate(buildings, layers(), "a"), delineate(there, layers(), "a")
    assert groups(a) == groups(b)
    assert sorted(a.settlements["area_m2"]) == pytest.approx(sorted(b.settlements["area_m2"]), rel=1e-3)


def streets_of_earth() -> gpd.GeoDataFrame:
    """Streets in the west of earth, in the east of asphalt."""
    ways = [(x, y, "ground" if x < 1000 else "asphalt") for x in (0, 3000) for y in range(22, 300, 50)]
    return layer(
        *(
            {
                "osm_id": f"way/{n}",
                "highway": "residential",
                "surface": surface,
                "geometry": LineString([(x, y), (x + 300, y)]),
            }
            for n, (x, y, surface) in enumerate(ways)
        ),
        columns=("highway", "surface", "tunnel"),
    )


def judged(
    given: dict[str, gpd.GeoDataFrame],
    years: list[float | None],
    *,
    size: float = 95,
    plot: float = 25,
    country: str = "KG",
) -> gpd.GeoDataFrame:
    """Two quarters, the western one first, with these years of onset."""
    quarters = [quarter(x, 0, 12, 12, size=size, plot=plot, seed=x) for x in (0, 3000)]
    buildings = town(*quarters)
    result = delineate(buildings, given, "a")
    places, _ = resolve_names(result.settlements, given, facts.settlements(), "a")
    order = places.assign(x=places.geometry.centroid.x).sort_values("x")["settlement_id"]
    onset = pd.Series(years, index=order, dtype=float)
    kinds = classify(places, buildings.assign(settlement_id=result.membership), given, onset, country)
    return kinds.set_index("settlement_id").loc[order].reset_index()


def test_a_young_settlement_on_streets_of_earth_is_new_and_its_evidence_is_told() -> None:
    kinds = judged(layers(roads=streets_of_earth()), [2006, 1975])
    assert kinds["kind"][0] == "novostroika"
    assert kinds["kind"][1] != "novostroika"
    assert kinds["evidence_unpaved_share"].tolist() == [1.0, 0.0]
    assert kinds["evidence_onset"].tolist() == [2006, 1975]
    probabilities = kinds[[f"p_{kind}" for kind in TOLD_KINDS]]
    assert probabilities.sum(axis=1).tolist() == pytest.approx([1, 1])
    assert kinds["kind_score"].equals(kinds["p_novostroika"])


def test_age_alone_makes_no_settlement_new() -> None:
    assert "novostroika" not in set(judged(layers(), [2006, 1995], plot=40)["kind"])


def test_nothing_known_is_undetermined() -> None:
    assert set(judged(layers(), [None, None])["kind"]) == {"undetermined"}


@pytest.mark.parametrize(
    ("name", "size", "kind"),
    [("жилмассив Бакай", 95, "novostroika"), ("Дачи Бакай", 38, "dacha"), ("село Бакай", 95, "village")],
)
def test_a_word_of_the_name_tells_the_kind(name: str, size: float, kind: str) -> None:
    places = layer(place("node/1", name, 150, 150), columns=("place",))
    assert judged(layers(places=places), [None, None], size=size)["kind"].tolist() == [kind, "undetermined"]


def test_style_alone_makes_nothing_sure() -> None:
    kinds = judged(layers(), [None, None], size=450, plot=60)
    assert kinds[[f"p_{kind}" for kind in TOLD_KINDS]].max(axis=None) < 0.8


def test_a_city_names_none_of_its_settlements() -> None:
    places = layer(place("node/1", "Бишкек", 150, 150, "city"), columns=("place",))
    assert judged(layers(places=places), [None, None])["name"].isna().all()


@pytest.mark.parametrize("value", ["suburb", "neighbourhood", "quarter"])
def test_a_quarter_of_houses_is_new_by_its_age_where_cities_grow_so_and_nowhere_without_it(value: str) -> None:
    """The tag is that of any suburb: in Kotka (Finland), without a raster, it made two of them new."""
    places = layer(place("node/1", "Suurniitty", 150, 150, value), columns=("place",))
    cases = [(None, "KG"), (1975, "KG"), (2006, "KG"), (2006, "FI")]
    kinds = [judged(layers(places=places), [year, 1975], country=country)["kind"][0] for year, country in cases]
    assert [kind == "novostroika" for kind in kinds] == [False, False, True, False]


def test_a_young_quarter_is_not_new_where_its_streets_are_paved() -> None:
    places = layer(place("node/1", "Suurniitty", 150, 150), columns=("place",))
    roads = streets_of_earth()
    paved = roads.assign(surface=["asphalt" if way == "ground" else "ground" for way in roads["surface"]])
    kinds = [judged(layers(places=places, roads=given), [2006, 1975])["kind"][0] for given in (roads, paved)]
    assert [kind == "novostroika" for kind in kinds] == [True, False]


def test_paving_that_a_city_states_of_one_sort_only_is_not_observed() -> None:
    roads = streets_of_earth()
    assert judged(layers(roads=roads.assign(surface="ground")), [None, None])["evidence_unpaved_share"].isna().all()


def test_a_raster_that_dates_all_alike_tells_no_ages() -> None:
    buildings = town(*(quarter(600 * n, 0, 8, 6, seed=n) for n in range(6)))
    result = delineate(buildings, layers(), "a")
    places, _ = resolve_names(result.settlements, layers(), facts.settlements(), "a")
    onset = pd.Series(2005.0, index=places["settlement_id"])
    kinds = classify(places, buildings.assign(settlement_id=result.membership), layers(), onset, "KG")
    assert kinds["evidence_onset"].isna().all()
    assert set(kinds["kind"]) == {"undetermined"}


def test_classifying_nothing_gives_nothing() -> None:
    empty = delineate(town(), layers(), "a")
    places, _ = resolve_names(empty.settlements, layers(), facts.settlements(), "a")
    kinds = classify(places, town().assign(settlement_id=[]), layers(), pd.Series(dtype=float), "KG")
    assert kinds.empty
    assert {"kind", "kind_score", "p_dacha", "evidence_onset"} <= set(kinds)


def test_inputs_are_not_changed() -> None:
    buildings, given = town(quarter(0, 0, 8, 6)), layers()
    before = buildings.copy(deep=True)
    delineate(buildings, given, "a")
    assert buildings.equals(before)
