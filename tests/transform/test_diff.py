"""Comparison of two layers of buildings: appeared, vanished, re-mapped; never growth."""

from __future__ import annotations

import geopandas as gpd
import pytest
from shapely import Polygon, affinity, box, union_all

from pipeline.transform import diff

CRS = "EPSG:32643"


def house(n: int) -> Polygon:
    return box(40 * n, 0, 40 * n + 10, 10)


def layer(outlines: dict[str, Polygon], settlement: str | None = "x/s1") -> gpd.GeoDataFrame:
    shapes = list(outlines.values())
    return gpd.GeoDataFrame(
        {
            "building_id": list(outlines),
            "settlement_id": [settlement] * len(shapes),
            "footprint_m2": [shape.area for shape in shapes],
        },
        geometry=shapes,
        crs=CRS,
    ).astype({"settlement_id": "str", "building_id": "str"})


def changes(result: diff.Difference) -> dict[str, str]:
    rows = result.buildings
    keys = rows["new_id"].fillna(rows["old_id"])
    return dict(zip(keys, rows["change"], strict=True))


def test_every_building_of_both_layers_is_told() -> None:
    old = layer({"a": house(0), "b": house(1), "c": house(2)})
    new = layer({"a": house(0), "b2": affinity.translate(house(1), 3, 2), "d": house(5)})
    result = diff.compare(old, new)
    assert changes(result) == {"a": "unchanged", "b2": "re-mapped", "c": "vanished", "d": "appeared"}
    pair = result.buildings.set_index("new_id").loc["b2", "old_id"]
    assert pair == "b"


def test_split_and_merged_buildings_are_remapped() -> None:
    whole, left, right = box(0, 0, 20, 10), box(0, 0, 10, 10), box(10, 0, 20, 10)
    split = diff.compare(layer({"w": whole}), layer({"l": left, "r": right}))
    assert changes(split) == {"l": "re-mapped", "r": "re-mapped"}
    merged = diff.compare(layer({"l": left, "r": right}), layer({"w": union_all([left, right])}))
    assert changes(merged) == {"w": "re-mapped"}


def test_neighbours_of_a_displaced_row_keep_their_partners() -> None:
    row = {f"h{n}": box(10 * n, 0, 10 * n + 10, 10) for n in range(6)}
    moved = {f"n{n}": affinity.translate(shape, 2.5, 1) for n, shape in enumerate(row.values())}
    result = diff.compare(layer(row), layer(moved))
    assert set(result.buildings["change"]) == {"re-mapped"}
    partners = result.buildings.set_index("new_id")["old_id"]
    assert all(partners[f"n{n}"] == f"h{n}" for n in range(6))


def test_settlements_are_counted_with_those_in_none() -> None:
    old, new = layer({"a": house(0), "b": house(1)}, None), layer({"a": house(0), "c": house(4)})
    table = diff.compare(old, new).settlements.set_index("settlement_id")
    counted = ["unchanged", "re-mapped", "appeared", "vanished", "buildings_old", "buildings_new"]
    assert list(table.loc["x/s1", counted]) == [1, 0, 1, 0, 0, 2]
    assert list(table[table.index.isna()][counted].iloc[0]) == [0, 0, 0, 1, 2, 0]


@pytest.mark.parametrize("empty", ["old", "new", "both"])
def test_an_empty_layer_is_no_error(empty: str) -> None:
    full, none = layer({"a": house(0)}), layer({})
    old, new = (none if empty in (side, "both") else full for side in ("old", "new"))
    result = diff.compare(old, new)
    expected = {"old": ["appeared"], "new": ["vanished"], "both": []}[empty]
    assert list(result.buildings["change"]) == expected


def test_the_order_of_rows_changes_nothing() -> None:
    old = layer({f"o{n}": affinity.translate(house(n), n % 3, 0) for n in range(30)})
    new = layer({f"n{n}": house(n) for n in range(5, 40)})
    first = diff.compare(old, new)
    again = diff.compare(old.sample(frac=1, random_state=1), new.sample(frac=1, random_state=2))
    assert first.buildings.equals(again.buildings)
    assert first.settlements.equals(again.settlements)
