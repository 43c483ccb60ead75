"""Hazards from mapped objects: edges, rules, assumptions, and every kind of bad input."""

from __future__ import annotations

import itertools
import json
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.declared import catalogue
from pipeline.schema import tables
from pipeline.transform.red_zones import completeness, hazards, reach, rules_table
from pipeline.wording.conditions import in_words
from tests.transform.red_zone_city import METRIC

ZONES = catalogue.default().red_zones
HECTARE = 100.0


def layer(name: str, *objects: tuple[shapely.Geometry | None, dict[str, Any]]) -> dict[str, gpd.GeoDataFrame]:
    """One hazard layer as the extractor gives it; objects are geometry and tags, `osm_id` may be among the tags."""
    columns = ["osm_id", "name", "source_id", *ZONES[name].attributes]
    rows = [
        {"osm_id": f"way/{number}", "source_id": "osm/t/1", **tags} for number, (_, tags) in enumerate(objects, start=1)
    ]
    frame = pd.DataFrame(rows, columns=columns).astype("str").where(lambda column: column.notna())
    return {f"hazard:{name}": gpd.GeoDataFrame(frame, geometry=[shape for shape, _ in objects], crs=METRIC)}


def found(name: str, *objects: tuple[shapely.Geometry | None, dict[str, Any]], country: str = "KG") -> gpd.GeoDataFrame:
    table, _ = hazards(layer(name, *objects), ZONES, country, "t")
    tables.conform("hazards", table.to_crs("EPSG:4326"))
    return table


def notices(name: str, *objects: tuple[shapely.Geometry | None, dict[str, Any]]) -> dict[str, int]:
    _, noticed = hazards(layer(name, *objects), ZONES, "KG", "t")
    assert all(notice.where == f"hazard:{name}" for notice in noticed)
    return {notice.what: notice.count for notice in noticed}


def square(hectares: float) -> shapely.Polygon:
    side = np.sqrt(hectares) * HECTARE
    return shapely.box(0, 0, side, side)


@pytest.mark.parametrize(
    ("hectares", "tags", "rule", "distance"),
    [
        (25, {}, "KG.cemetery.over_20ha", 500),
        (15, {}, "KG.cemetery.10_20ha", 300),
        (5, {}, "KG.cemetery.under_10ha", 100),
        (25, {"disused": "yes"}, "KG.cemetery.closed", 50),
    ],
)
def test_cemeteries_go_by_area(hectares: float, tags: dict[str, str], rule: str, distance: float) -> None:
    row = found("cemetery", (square(hectares), tags)).iloc[0]
    assert (row["rule_id"], row["distance_m"], row["assumed"]) == (rule, distance, False)
    if not tags:
        assert json.loads(row["attributes"])["measures"]["area_ha"] == pytest.approx(hectares, rel=1e-3)


@pytest.mark.parametrize(
    ("tags", "rule", "assumed"),
    [
        ({"voltage": "110000;35000"}, "110kv", False),
        ({"voltage": "35000;110000"}, "110kv", False),
        ({"voltage": "10000"}, "20kv", False),
        ({"voltage": "500 kV"}, "500kv", False),
        ({"voltage": "1150000"}, "750kv", False),
        ({"voltage": "400"}, "1kv", False),
        ({"voltage": "110"}, "110kv", False),
        ({"voltage": "110;35"}, "110kv", False),
        ({"voltage": "6-10"}, "20kv", False),
        ({"voltage": "1150"}, "750kv", False),
        ({"voltage": "220", "power": "minor_line"}, "1kv", False),
        ({"voltage": "10", "power": "minor_line"}, "minor", False),
        ({"power": "minor_line"}, "minor", True),
        ({"power": "line"}, "110kv", True),
        ({"voltage": "medium"}, "110kv", True),
    ],
)
def test_power_lines_go_by_their_highest_voltage(tags: dict[str, str], rule: str, assumed: bool) -> None:  # noqa: FBT001
    row = found("power_line", (shapely.LineString([(0, 0), (500, 0)]), {"power": "line", **tags})).iloc[0]
    assert (row["rule_id"], row["assumed"]) == (f"KG.power_line.{rule}", assumed)


def test_a_voltage_in_kilovolts_without_a_unit_is_told() -> None:
    line = (shapely.LineString([(0, 0), (500, 0)]), {"power": "line", "voltage": "110"})
    far = (shapely.LineString([(0, 90), (500, 90)]), {"power": "line", "voltage": "110000"})
    (what,) = notices("power_line", line, far)
    assert "110 on a power line" in what


def test_a_line_has_its_wires_width() -> None:
    line = shapely.LineString([(0, 0), (500, 0)])
    edge = found("power_line", (line, {"power": "line", "voltage": "220000"})).geometry.iloc[0]
    assert edge.bounds == pytest.approx((-7, -7, 507, 7))


def test_a_tagged_width_wins_and_an_absent_one_is_assumed() -> None:
    line = shapely.LineString([(0, 0), (500, 0)])
    river, canal = {"waterway": "river", "width": "30 m"}, {"waterway": "canal"}
    wide, usual = found("water_strip", (line, river), (shapely.LineString([(0, 0), (99, 0)]), canal)).itertuples()
    assert (wide.geometry.bounds[3], wide.assumed) == (pytest.approx(15), False)
    assert (usual.geometry.bounds[3], usual.assumed) == (pytest.approx(4), True)


@pytest.mark.parametrize(
    ("name", "tags", "country", "rule"),
    [
        ("gas_distribution", {"pressure": "0.004 MPa"}, "KZ", "KZ.gas_distribution.low"),
        ("gas_distribution", {"pressure": "6"}, "KG", "KG.gas_distribution.high_1"),
        ("gas_trunk", {"diameter": "720"}, "KG", "KG.gas_trunk.dn800"),
        ("railway", {"service": "yard"}, "KZ", "KZ.railway.service"),
        ("railway", {}, "TJ", "default.railway"),
    ],
)
def test_lines_go_by_their_tags(name: str, tags: dict[str, str], country: str, rule: str) -> None:
    line = shapely.LineString([(0, 0), (500, 0)])
    assert found(name, (line, tags), country=country)["rule_id"].tolist() == [rule]


def test_a_class_without_a_rule_in_the_country_has_no_hazards() -> None:
    line = shapely.LineString([(0, 0), (500, 0)])
    assert found("gas_easement", (line, {}), country="KG").empty
    assert found("gas_easement", (line, {}), country="KZ")["distance_m"].tolist() == [50]


def test_a_point_where_an_area_is_meant_is_assumed() -> None:
    row = found("landfill", (shapely.Point(0, 0), {"name": "Свалка"})).iloc[0]
    assert (row["assumed"], row["name"]) == (True, "Свалка")
    assert json.loads(row["attributes"])["mapped_as"] == "point"


def test_a_point_inside_the_area_it_stands_for_is_dropped() -> None:
    assert len(found("landfill", (square(4), {}), (shapely.Point(50, 50), {}), (shapely.Point(900, 0), {}))) == 2


def test_closed_lines_are_areas_only_where_areas_are_meant() -> None:
    ring = shapely.LineString(square(4).exterior.coords)
    assert found("cemetery", (ring, {})).geometry.iloc[0].equals(square(4))
    loop = found("railway", (ring, {})).geometry.iloc[0]
    assert shapely.get_num_interior_rings(loop) == 1


def test_runways_give_strips_and_surfaces() -> None:
    runway = shapely.LineString([(0, 0), (3000, 0)])
    assert found("runway_strip", (runway, {})).geometry.iloc[0].bounds == pytest.approx((-60, -150, 3060, 150))
    approach = found("approach_surface", (runway, {})).geometry.iloc[0]
    assert approach.bounds == pytest.approx((-15060, -2390, 18060, 2390))
    assert approach.area == pytest.approx(2 * 15000 * (280 + 4780) / 2)
    surface = found("horizontal_surface", (runway, {})).geometry.iloc[0]
    assert surface.area == pytest.approx(np.pi * 4000**2 + 3120 * 8000, rel=1e-6)


@pytest.mark.parametrize("pieces", [1, 2, 4])
def test_a_runway_in_pieces_is_one_runway(pieces: int) -> None:
    ends = np.linspace(0, 3000, pieces + 1)
    parts = [shapely.LineString([(a, 0), (b, 0)]) for a, b in itertools.pairwise(ends)]
    area = shapely.box(-1, -30, 3001, 30)
    table = found("runway_strip", *((part, {}) for part in parts[::-1]), (area, {"osm_id": "way/99"}))
    assert table["osm_id"].tolist() == [";".join(f"way/{number}" for number in range(1, pieces + 1))]
    assert table.geometry.iloc[0].bounds == pytest.approx((-60, -150, 3060, 150))


def test_a_runway_mapped_as_an_area_has_a_centre_line() -> None:
    area = shapely.box(-30, 0, 30, 2000)
    assert found("runway_strip", (area, {})).geometry.iloc[0].bounds == pytest.approx((-150, -60, 150, 2060))


def test_runways_that_meet_at_an_angle_stay_two() -> None:
    first, second = shapely.LineString([(0, 0), (2000, 0)]), shapely.LineString([(2000, 0), (2000, 1500)])
    assert len(found("runway_strip", (first, {}), (second, {}))) == 2


def broken(coordinate: float) -> shapely.Polygon:
    """A triangle with one coordinate that is none."""
    with np.errstate(invalid="ignore"):
        return shapely.Polygon([(0, 0), (coordinate, 1), (1, 1)])


BAD = {
    "self-crossing": (shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)]), "repaired", 1),
    "ring of two points": (shapely.from_wkt("POLYGON ((0 0, 1 1, 0 0, 0 0))"), "without extent", 0),
    "empty": (shapely.Polygon(), "without geometry", 0),
    "none": (None, "without geometry", 0),
    "not a number": (broken(np.nan), "no number", 0),
    "infinite": (broken(np.inf), "no number", 0),
    "tiny": (shapely.box(0, 0, 1e-3, 1e-3), "", 1),
    "huge": (shapely.box(-1e5, -1e5, 1e5, 1e5), "", 1),
    "multi-part": (shapely.MultiPolygon([square(1), shapely.box(500, 0, 600, 100)]), "", 1),
    "touching rings": (
        shapely.from_wkt("MULTIPOLYGON (((0 0, 9 0, 9 9, 0 9, 0 0)), ((9 0, 18 0, 18 9, 9 9, 9 0)))"),
        "repaired",
        1,
    ),
    "with heights": (shapely.Polygon([(0, 0, 5), (9, 0, 5), (9, 9, 5)]), "", 1),
    "collection": (shapely.GeometryCollection([square(1), shapely.Point(999, 0)]), "", 1),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_geometry_is_repaired_or_dropped_and_counted(case: str) -> None:
    shape, what, left = BAD[case]
    noticed = notices("landfill", (shape, {}))
    assert bool(what) == bool(noticed)
    assert all(what in text for text in noticed)
    table = found("landfill", (shape, {}))
    assert len(table) == left
    assert table.geometry.is_valid.all()
    assert set(table.geometry.geom_type) <= {"Polygon", "MultiPolygon"}


def test_objects_given_twice_count_once() -> None:
    twice = (square(1), {"osm_id": "way/7"}), (square(1), {"osm_id": "way/7"}), (square(1), {"osm_id": "way/8"})
    assert found("landfill", *twice)["osm_id"].tolist() == ["way/7"]
    assert sum(notices("landfill", *twice).values()) == 2


def test_nested_and_touching_hazards_all_stay() -> None:
    assert len(found("landfill", (square(9), {}), (square(1), {}), (shapely.box(300, 0, 400, 100), {}))) == 3


def test_only_hazards_that_reach_into_the_area_are_kept() -> None:
    boundary = shapely.box(-5000, -5000, 0, 0)
    near, far = shapely.box(900, 0, 950, 50), shapely.box(1100, 0, 1150, 50)
    table, _ = hazards(layer("landfill", (near, {}), (far, {})), ZONES, "KG", "t", boundary)
    assert table["osm_id"].tolist() == ["way/1"]
    runway = shapely.LineString([(14_000, -2000), (12_000, -2000)])
    assert len(hazards(layer("approach_surface", (runway, {})), ZONES, "KG", "t", boundary)[0]) == 1


def test_no_layers_give_an_empty_table_that_conforms() -> None:
    empty = layer("landfill")
    table, noticed = hazards(empty, ZONES, "KG", "t")
    assert len(tables.conform("hazards", table.to_crs("EPSG:4326"))) == 0
    assert noticed == []


def test_the_order_of_objects_changes_nothing() -> None:
    objects = [(shapely.box(i * 10, 0, i * 10 + 5, 5), {"osm_id": f"way/{i}"}) for i in range(20)]
    first, _ = hazards(layer("landfill", *objects), ZONES, "KG", "t")
    second, _ = hazards(layer("landfill", *objects[::-1]), ZONES, "KG", "t")
    assert first.equals(second)


def test_completeness_speaks_of_every_class_and_calls_none_complete() -> None:
    boundary = shapely.box(0, 0, 1000, 1000)
    table, _ = hazards(layer("landfill", (shapely.Point(500, 500), {}), (square(1), {})), ZONES, "KG", "t", boundary)
    rows = tables.conform("completeness", completeness(table, ZONES, "KG", "t", boundary))
    assert set(rows["layer"]) == set(ZONES) - {"gas_easement"}
    assert "complete" not in set(rows["verdict"])
    missing = rows[rows["layer"] == "gas_trunk"]
    assert missing["verdict"].tolist() == ["missing", "missing"]
    assert missing["value"].tolist() == [0.0, 0.0]
    share = rows[(rows["layer"] == "landfill") & (rows["measure"] == "share_assumed")].iloc[0]
    assert (share["value"], share["verdict"]) == (0.5, "partial")


def test_reach_is_each_classes_own() -> None:
    far = reach(ZONES, "KZ")
    assert (far["landfill"], far["gas_easement"], far["approach_surface"]) == (1000, 50, 0)
    assert reach(ZONES, "KG")["gas_easement"] == 0


def test_the_rules_conform_and_every_hazard_finds_its_rule() -> None:
    rules = tables.conform("red_zone_rules", rules_table(ZONES))
    assert rules["rule_id"].is_unique
    assert set(rules["country"]) == {"KG", "KZ", "default"}
    row = rules.set_index("rule_id").loc["KZ.gas_easement"]
    assert (row["distance_m"], row["verified"], row["valid_from"]) == (50, True, "2012-06-22")
    assert row["legal_reference"] == "Law on trunk pipelines, No. 20-V of 2012-06-22, art. 14"
    condition = rules.set_index("rule_id").loc["KG.power_line.110kv", "condition"]
    assert json.loads(condition) == {"ranges": {"voltage_kv": [110, 220]}, "or_unknown": True}
    assert in_words(condition) == "110 <= voltage_kv < 220, or voltage_kv unknown"
