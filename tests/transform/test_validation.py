"""Figures beside estimates: verdicts, bounds, what is no check, and the truth of simulated areas."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import box

from pipeline.declared import facts
from pipeline.schema import tables
from pipeline.transform import validation
from pipeline.transform.validation.comparison import Check, Figure, Interval

CRS = "EPSG:32643"


def verdict(figure: Figure, estimate: Interval | None, tolerance: float = 0.0) -> str:
    check = Check(
        check_id="c", area_id="a", subject="s", quantity="residents", year=None, figure=figure, reference="r",
        tolerance=tolerance,
    )  # fmt: skip
    return str(check.against(estimate)["verdict"])


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (Figure(100), "inside"),
        (Figure(70), "above"),
        (Figure(130), "below"),
        (Figure(low=115), "inside"),
        (Figure(low=125), "below"),
        (Figure(high=85), "inside"),
        (Figure(high=70), "above"),
        (Figure(low=118, high=200), "inside"),
        (Figure(low=121, high=200), "below"),
    ],
)
def test_a_figure_agrees_if_its_range_meets_the_interval(figure: Figure, expected: str) -> None:
    assert verdict(figure, Interval(100, 80, 120)) == expected


def test_a_published_point_is_doubted_and_a_count_has_no_interval() -> None:
    assert verdict(Figure(70), Interval(100, 80, 120), tolerance=0.3) == "inside"
    assert verdict(Figure(100), Interval(131), tolerance=0.3) == "above"
    assert verdict(Figure(100), None) == "not comparable"


def estimates(**changes: Any) -> validation.Estimates:
    residents = {"p05": 10_000.0, "p50": 14_000.0, "p95": 20_000.0}
    population = pd.DataFrame(
        [
            {"settlement_id": "bishkek/s1", "quantity": "residents", "main": True, **residents},
            {"settlement_id": "bishkek/s1", "quantity": "unregistered", "main": True, **residents},
            {"settlement_id": None, "quantity": "residents", "main": True, "p05": 7e5, "p50": 9e5, "p95": 1.2e6},
            {"settlement_id": None, "quantity": "residents", "main": False, "p05": 1.0, "p50": 1.0, "p95": 1.0},
            {"settlement_id": None, "quantity": "unregistered", "main": True, "p05": 2e5, "p50": 3e5, "p95": 4e5},
        ]
    )
    counts = pd.DataFrame(
        [
            {"settlement_id": None, "kind": "novostroika", "group": None, "quantity": "residents", "p05": 1e5, "p50":
            2e5, "p95": 3e5}, {"settlement_id": None, "kind": None, "group": "bishkek/dump-families-2011", "quantity":
            "households", "p05": 700.0, "p50": 850.0, "p95": 1000.0}, {"settlement_id": "bishkek/s2", "kind": "dacha",
            "group": None, "quantity": "houses", "p05": 9.0, "p50": 11.0, "p95": 13.0},
        ]
    )  # fmt: skip
    settlements = gpd.GeoDataFrame(
        {"settlement_id": ["bishkek/s1", "bishkek/s2"], "kind": ["novostroika", "dacha"], "onset_year": [2006, None]},
        geometry=[box(0, 0, 1000, 1000), box(3000, 0, 4000, 1000)],
        crs=CRS,
    ).astype({"onset_year": "Int64"})
    named = pd.DataFrame(
        {
            "named_id": ["bishkek/ak-jar", "bishkek/bugu-ene", "bishkek/tec-2"],
            "settlement_id": ["bishkek/s1", "bishkek/s2", None],
        }
    )
    growth = pd.DataFrame(
        {"settlement_id": ["bishkek/s1", "bishkek/s1", None], "year": [2000, 2020, 2020], "built_m2": [0.0, 990.0,
        5e6], "outline": "current"}
    )  # fmt: skip
    given = {
        "area_id": "bishkek",
        "simulated": False,
        "year": 2024,
        "settlements": settlements,
        "named_settlements": named,
        "population": population,
        "counts": counts,
        "growth": growth,
        "zone_houses": {"landfill": 2500},
    }
    return validation.Estimates(**{**given, **changes})


def published(**changes: Any) -> pd.DataFrame:
    rows = validation.published(estimates(**changes), facts.settlements(), facts.population(), facts.checks())
    return tables.conform("validation", rows).set_index("check_id")


def test_every_figure_of_the_area_has_a_row() -> None:
    rows = published()
    named = facts.settlements()
    figures = named.loc[
        named["area_id"] == "bishkek",
        ["families_low", "families_high", "houses_low", "houses_high", "people_low", "people_high"],
    ]
    ranges = sum(figures[[f"{q}_low", f"{q}_high"]].notna().any(axis=1).sum() for q in ("families", "houses", "people"))
    assert (~rows.index.str.startswith(("check/", "population/"))).sum() == ranges
    assert rows["reference"].str.len().gt(0).all()
    assert rows.loc["bishkek/ak-jar/residents", "verdict"] == "inside"
    assert rows.loc["bishkek/ak-jar/residents", "log_ratio"] == pytest.approx(np.log(14 / 15))
    assert rows.loc["bishkek/bugu-ene/houses", "verdict"] == "inside"
    assert rows.loc["bishkek/tec-2/residents", "verdict"] == "not comparable"


def test_figures_behind_priors_are_no_checks() -> None:
    checks = facts.checks()
    used = checks[checks["used_by"].notna()]
    assert set(used["used_by"]) <= set(facts.priors()["prior_id"])
    assert not ("check/" + used["check_id"]).isin(published().index).any()


def test_groups_zones_and_kinds_are_compared_as_such() -> None:
    rows = published()
    assert rows.loc["check/bishkek/dump-families-2011", "p50"] == 850
    assert rows.loc["check/bishkek/landfill-zone-2025", "verdict"] == "inside"
    assert rows.loc["check/bishkek/novostroiki-residents-2013", "verdict"] == "inside"
    assert rows.loc["check/bishkek/novostroiki-count-2011", "verdict"] == "below"
    assert rows.loc["check/bishkek/water-zone-2025", "verdict"] == "not comparable"


def test_city_figures_need_inputs_of_their_time_and_a_real_city() -> None:
    rows = published()
    assert rows.loc["population/bishkek/2022-census", "verdict"] == "inside"
    assert rows.loc["population/bishkek/1990-annual", "verdict"] == "not comparable"
    simulated = published(simulated=True)
    cities = simulated.index.str.startswith("population/")
    assert cities.any()
    # A simulated city is drawn from what is published: agreement would be circular.
    assert (simulated["verdict"] == "not comparable").all()
    assert simulated["detectable"].isna().all()


@pytest.mark.parametrize(
    ("figure", "tolerance"),
    [
        (Figure(100), 0.3),
        (Figure(100), 0.0),
        (Figure(low=80, high=125), 0.0),
        (Figure(low=100), 0.3),
        (Figure(high=100), 0.3),
    ],
)
@pytest.mark.parametrize("estimate", [Interval(100, 60, 150), Interval(7, 7, 7), Interval(1000)])
def test_an_error_of_the_detectable_factor_is_the_least_that_is_seen(
    figure: Figure, tolerance: float, estimate: Interval
) -> None:
    check = Check(
        check_id="c", area_id="a", subject="s", quantity="residents", year=None, figure=figure, reference="r",
        tolerance=tolerance,
    )  # fmt: skip
    least = float(check.against(estimate)["detectable"])  # type: ignore[arg-type]
    true = 100.0

    def seen(factor: float) -> bool:
        moved = (end * factor * true / estimate.p50 for end in (estimate.p50, estimate.p05, estimate.p95))
        return check.against(Interval(*moved))["verdict"] != "inside"

    ways = [way for way, end in ((1, figure.ends(tolerance)[1]), (-1, figure.ends(tolerance)[0])) if np.isfinite(end)]
    assert all(seen((least * 1.001) ** way) for way in ways)
    assert least == 1 or not all(seen((least * 0.999) ** way) for way in ways)


def test_groups_hold_only_settlements_that_were_all_found() -> None:
    named = pd.DataFrame(
        {"named_id": ["bishkek/altyn-kazyk", "bishkek/alga-elim"], "settlement_id": ["bishkek/s4", "bishkek/s5"]}
    )
    assert validation.groups(facts.checks(), named) == {"bishkek/dump-families-2011": {"bishkek/s4", "bishkek/s5"}}
    assert validation.groups(facts.checks(), named.iloc[:1]) == {}


def test_houses_in_zones_are_counted_once() -> None:
    buildings = pd.DataFrame({"building_id": ["a", "b", "c"], "home": [True, True, False]})
    pairs = pd.DataFrame(
        {
            "building_id": ["a", "a", "b", "c", "b"],
            "hazard_class": [*["landfill"] * 4, "fault"],
            "rule_id": [*["KG.landfill"] * 4, "KG.fault"],
            "distance_m": [0.0, 499.0, 501.0, 3.0, 1.0],
            "doubtful": False,
        }
    )
    rules = pd.DataFrame(
        {
            "rule_id": ["KG.landfill", "KG.fault"],
            "kind": ["statutory", "advisory"],
            "concern": "residents",
            "distance_m": [500.0, 50.0],
        }
    )
    assert validation.houses_in_zones(buildings, pairs, rules) == {"landfill": 1}


def truth(residents: float = 15_000) -> dict[str, pd.DataFrame]:
    places = gpd.GeoDataFrame(
        {
            "settlement_id": ["t1", "t2"],
            "name": ["Ак-Жар", None],
            "onset_year": [2003, 1990],
            "residents": [residents, 50],
            "unregistered": [12_000, 5],
        },
        geometry=[box(50, 0, 1000, 1000), box(3000, 800, 4000, 3000)],
        crs=CRS,
    ).to_crs("EPSG:4326")
    population = pd.DataFrame({"area_id": ["bishkek"], "residents": [8e5], "registered": [6e5], "unregistered": [5e5]})
    growth = pd.DataFrame(
        {"settlement_id": ["t1", None, None], "year": [2020, 2000, 2020], "built_m2": [900.0, 4e6, 5.09e6]}
    )
    return {"settlements": places, "population": population, "growth": growth}


def test_the_truth_stands_beside_estimates_of_the_same_place() -> None:
    rows = tables.conform("validation", validation.against_truth(estimates(), truth())).set_index("check_id")
    verdicts = rows["verdict"].to_dict()
    assert verdicts["truth/bishkek/residents"] == "inside"
    assert verdicts["truth/bishkek/unregistered"] == "below"
    assert verdicts["truth/t1/residents"] == verdicts["truth/t1/unregistered"] == "inside"
    assert verdicts["truth/t1/onset_year"] == "inside"
    assert verdicts["truth/t2/residents"] == "not comparable"
    assert verdicts["truth/bishkek/built_m2/2020"] == "inside"
    assert (rows["reference"] == "simulated truth").all()


def test_no_doubt_is_granted_to_the_truth() -> None:
    rows = validation.against_truth(estimates(), truth(residents=20_001)).set_index("check_id")
    assert rows.loc["truth/t1/residents", "verdict"] == "below"
