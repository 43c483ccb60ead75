"""Settlements without a name are told apart by a number and a neighbour that readers know."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from pipeline.transform.settlements import tell_apart


def _row(*squares: tuple[str, str | None, int, float]) -> gpd.GeoDataFrame:
    """Return settlements (id, name, buildings, west) as squares of 100 m along a street."""
    rows = [{"settlement_id": one, "name": name, "buildings": buildings} for one, name, buildings, _ in squares]
    outlines = [shapely.box(west, 0, west + 100, 100) for *_, west in squares]
    return gpd.GeoDataFrame(rows, geometry=outlines, crs="EPSG:32643")


def test_the_nearest_well_known_name_is_the_neighbour() -> None:
    told = tell_apart(
        _row(
            ("b", None, 300, 500),
            ("ak", "Ак-Ордо", 800, 0),
            ("kok", "Көк-Жар", 900, 2_000),
            ("hamlet", "Хутор", 20, 610),
            ("a", None, 50, 300),
            ("c", None, 50, 1_800),
        )
    ).set_index("settlement_id")
    assert told["near_id"].to_dict() | {"ak": None, "kok": None, "hamlet": None} == {
        "a": "ak", "b": "ak", "c": "kok", "ak": None, "kok": None, "hamlet": None,
    }  # fmt: skip
    assert told["near_number"].dropna().to_dict() == {"a": 1, "b": 2, "c": 1}


def test_without_a_named_neighbour_the_number_alone_remains() -> None:
    told = tell_apart(_row(("y", None, 300, 0), ("x", None, 300, 200)))
    assert told["near_id"].isna().all()
    assert told["near_number"].tolist() == [2, 1]


def test_the_order_of_rows_changes_nothing() -> None:
    city = _row(("a", None, 300, 100), ("n", "Ак", 500, 0), ("m", "Бек", 500, 200), ("b", None, 300, 300))
    straight, turned = tell_apart(city), tell_apart(city.iloc[::-1])
    pd.testing.assert_frame_equal(pd.DataFrame(straight), pd.DataFrame(turned.sort_index()))
    assert straight.loc[0, "near_id"] == "m"


@pytest.mark.parametrize("name", ["Ак", None])
def test_a_single_settlement(name: str | None) -> None:
    told = tell_apart(_row(("a", name, 300, 0)))
    assert told["near_id"].isna().all()
    assert told["near_number"].isna().tolist() == [name is not None]


def test_no_settlement_at_all() -> None:
    assert tell_apart(_row(("a", None, 300, 0)).iloc[:0]).empty
