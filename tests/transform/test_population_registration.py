"""Registers, shares and surveys: who is counted where, and what a little evidence may not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from pipeline.declared import facts
from pipeline.schema import tables
from pipeline.transform import population
from pipeline.transform.population import people_tables, registered_residents

if TYPE_CHECKING:
    from pipeline.schema.draws import Whole

PLACES = pd.DataFrame(
    {
        "settlement_id": ["x/s1", "x/s2", "x/s3"],
        "name": ["Ак-Жар", "Келечек", None],
        "name_en": ["Ak-Jar", None, None],
        "kind": "novostroika",
        "status": ["unresolved", "legal", "unknown"],
        "area_m2": 2e5,
    }
)
HOUSES = pd.DataFrame(
    {
        "settlement_id": np.repeat(["x/s1", "x/s2", "x/s3"], [1000, 500, 500]),
        "kind": "house",
        "seen_by": "both",
        "footprint_m2": 80.0,
        "levels": np.nan,
        **dict.fromkeys(("building", "amenity", "shop")),
    }
)


def estimate(area: str = "bishkek", country: str = "KG", **options: Any) -> population.Population:
    options = {"priors": facts.priors(), "draws": 10_000, "seed": 3, "season": "winter", **options}
    return population.estimate(HOUSES, PLACES, area, country, **options)


def row(result: population.Population, settlement: str | None, quantity: str) -> pd.Series:
    rows = result.rows[result.rows["main"] & (result.rows["quantity"] == quantity)]
    place = rows["settlement_id"].isna() if settlement is None else rows["settlement_id"] == settlement
    return rows[place].iloc[0]


def register(**people: int) -> pd.DataFrame:
    names = {"city": "", "ak_jar": "ак жар", "kelechek": "КЕЛЕЧЕК", "stranger": "Нигде"}
    rows = [(names[key], count, 2026, "passport desk") for key, count in people.items()]
    return pd.DataFrame(rows, columns=["name", "registered", "year", "source"])


def width(r: pd.Series) -> float:
    return float(np.log(r["p95"] / r["p05"]))


def kept(result: population.Population, quantity: str) -> dict[str | None, Whole]:
    """Return the kept draws of a quantity by place (None: the houses in none)."""
    rows = result.draws[result.draws["quantity"] == quantity]
    names = [None if pd.isna(name) else name for name in rows["settlement_id"]]
    return dict(zip(names, rows["draws"], strict=True))


def test_without_a_register_shares_are_weak_beliefs_with_their_evidence() -> None:
    result = estimate()
    city, ak_jar, kelechek = (row(result, place, "unregistered") for place in (None, "x/s1", "x/s2"))
    assert {(r["method"], r["evidence"]) for r in (city, ak_jar, kelechek)} == {("weak_share", "none")}
    residents = [row(result, place, "residents")["mean"] for place in ("x/s1", "x/s2")]
    shares = [r["mean"] / people for r, people in zip((ak_jar, kelechek), residents, strict=True)]
    assert shares == pytest.approx([0.80, 0.25], abs=0.03)


def test_what_was_published_stands_beside_the_weak_belief_and_never_in_it() -> None:
    """The same city told of a published share and not: its main figures are the same, to the digit."""
    told, untold = (estimate(area) for area in ("bishkek", "tokmok"))
    beliefs = told.shares.set_index(["prior", "state"])
    assert set(beliefs.index.get_level_values("prior")) == {"weak", "wide", "published"}
    assert beliefs.loc[("published", "prior"), "p50"] == pytest.approx(0.30, abs=0.01)
    spread = beliefs["p95"] - beliefs["p05"]
    assert spread["wide", "prior"] > 1.4 * spread["weak", "prior"] > 1.4 * spread["published", "prior"]
    without = facts.priors()
    without = without[without["parameter"] != "unregistered_share_city"]
    wide = facts.priors().query("prior_id == 'unregistered-city'")
    same = estimate(priors=pd.concat([without, wide]))
    assert set(same.shares["prior"]) == {"weak", "wide"}
    pd.testing.assert_frame_equal(same.rows, told.rows, check_exact=True)
    assert not untold.shares.empty


@pytest.mark.parametrize(
    "people", [{}, {"city": 6000}, {"city": 6000, "ak_jar": 400}, {"ak_jar": 400, "kelechek": 900}]
)
def test_settlements_and_rest_are_the_city_in_every_draw(people: dict[str, int]) -> None:
    loose = HOUSES.assign(settlement_id=HOUSES["settlement_id"].where(HOUSES["settlement_id"] != "x/s3"))
    options: dict[str, Any] = {"priors": facts.priors(), "draws": 4000, "seed": 3, "season": "winter"}
    given = register(**people) if people else None
    result = population.estimate(loose, PLACES, "bishkek", "KG", registered=given, **options)
    for quantity in ("residents", "registered", "unregistered"):
        parts = kept(result, quantity)
        assert set(parts) == {"x/s1", "x/s2", None}
        total = np.sum(list(parts.values()), axis=0)
        whole = row(result, None, quantity)
        assert [whole[q] for q in ("p05", "p50", "p95")] == np.quantile(total, [0.05, 0.5, 0.95]).tolist()
        assert all((draws >= 0).all() for draws in parts.values())
    for place, unregistered in kept(result, "unregistered").items():
        assert (unregistered <= kept(result, "residents")[place]).all()


def test_the_identity_of_registrations_holds_in_the_city() -> None:
    """ΣR = ΣD − ΣU1 and ghosts from outside: the register is no less than the registered residents."""
    result = estimate(registered=register(city=5000))
    residents, registered, unregistered = (
        np.sum(list(kept(result, quantity).values()), axis=0)
        for quantity in ("residents", "registered", "unregistered")
    )
    assert (registered >= residents - unregistered - 2).all()  # rounding of three places


def test_a_register_tells_of_residents_too() -> None:
    """Who is registered and lives there is a resident: a small register pulls them down, a large one up."""
    before = row(estimate(), None, "residents")
    low, high = (row(estimate(registered=register(city=n)), None, "residents") for n in (2500, 9000))
    assert low["p50"] < before["p50"] < high["p50"]
    assert width(low) < 0.9 * width(before)
    registered = row(estimate(registered=register(city=5000)), None, "registered")
    assert (registered["method"], registered["evidence"]) == ("joint", "local")
    assert registered["p05"] < 5000 < registered["p95"]


def test_a_settlements_register_tells_of_that_settlement_alone() -> None:
    """Its share moves; that of a place with another status, which is no sample of the same, hardly does."""
    before, after = estimate(), estimate(registered=register(ak_jar=2000))
    share = [
        np.median(kept(result, "unregistered")["x/s1"] / kept(result, "residents")["x/s1"])
        for result in (before, after)
    ]
    assert share[1] < 0.85 * share[0]
    others = [row(result, "x/s3", "unregistered")["p50"] for result in (before, after)]
    assert others[1] == pytest.approx(others[0], rel=0.02)


def test_wrong_priors_are_moved_towards_the_truth_by_a_register() -> None:
    """Households believed a quarter too large: with a register of the true city, the error shrinks."""
    priors = facts.priors()
    sizes = priors["parameter"].isin(("household_size", "household_size_flat"))
    true, registered = (row(estimate(), None, quantity)["p50"] for quantity in ("residents", "registered"))
    priors.loc[sizes, ["a", "b"]] *= 1.25
    given = register(city=int(registered))
    alone, with_register = (
        row(estimate(priors=priors, registered=given), None, "residents")["p50"] for given in (None, given)
    )
    assert abs(with_register - true) < 0.85 * abs(alone - true)


def test_enough_effective_draws_are_left_even_by_a_register_far_off() -> None:
    for people in (1200, 5000, 14_000):
        result = estimate(registered=register(city=people))
        in_use = result.shares[result.shares["prior"] != "published"]
        assert (in_use["effective_draws"] >= 400).all()


def test_a_register_of_more_ghosts_than_residents_leaves_everybody_whole() -> None:
    """A settlement where far more are registered than can live: nobody below zero, and the run says so."""
    plain = kept(estimate(), "residents")["x/s1"]
    result = estimate(registered=register(ak_jar=int(2.5 * np.quantile(plain, 0.95))))
    residents, unregistered = (kept(result, name)["x/s1"] for name in ("residents", "unregistered"))
    assert (unregistered >= 0).all()
    assert (unregistered <= residents).all()
    assert np.median(residents) > np.median(plain)
    assert np.log(np.quantile(residents, 0.95) / np.quantile(residents, 0.05)) > 1
    assert any("exceed the upper estimate" in notice.what for notice in result.notices)


def test_names_are_matched_in_any_spelling_and_language() -> None:
    result = estimate(registered=register(ak_jar=300, kelechek=400, stranger=50))
    methods = [row(result, place, "unregistered")["method"] for place in ("x/s1", "x/s2", "x/s3", None)]
    assert methods == ["joint", "joint", "weak_share", "weak_share"]
    assert [n.count for n in result.notices if "no settlement found" in n.what] == [1]


def test_a_name_that_two_settlements_bear_decides_nothing() -> None:
    twins = PLACES.assign(name=["Достук", "Достук", None])
    options: dict[str, Any] = {"priors": facts.priors(), "draws": 1000, "seed": 3, "season": "winter"}
    table = pd.DataFrame({"name": ["Достук"], "registered": [300], "year": [2026], "source": ["x"]})
    result = population.estimate(HOUSES, twins, "bishkek", "KG", registered=table, **options)
    assert set(result.rows.loc[result.rows["quantity"] == "unregistered", "method"]) == {"weak_share"}


def test_the_latest_year_of_a_register_counts() -> None:
    years = pd.concat([register(city=9000).assign(year=2011), register(city=5000).assign(year=2020)])
    late = row(estimate(registered=years), None, "registered")
    assert late["p50"] == pytest.approx(5000, rel=0.05)
    assert late["p50"] == row(estimate(registered=years.iloc[::-1]), None, "registered")["p50"]


def rows_of(*rows: tuple[str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["name", "registered", "year"]).assign(source="x")


def told(table: pd.DataFrame, **options: Any) -> tuple[registered_residents.Register, str]:
    register = registered_residents.resolve(table, PLACES, **options)
    return register, " | ".join(map(str, register.notices))


@pytest.mark.parametrize("name", ["—", "??-????", "...", "17"])
def test_a_name_without_letters_is_never_the_whole_area(name: str) -> None:
    register, notices = told(rows_of(("", 5000, 2024), (name, 40, 2025), ("Ак-Жар", 300, 2024)))
    assert (register.area, register.settlements) == (5000, {"x/s1": 300})
    assert name in notices


def test_the_areas_own_name_is_the_whole_area() -> None:
    register, _ = told(rows_of(("г. БИШКЕК", 5000, 2024)), area_names=["Bishkek", "Бишкек"])
    assert register.area == 5000


def test_a_whole_below_its_parts_is_told_and_not_used() -> None:
    register, notices = told(rows_of(("", 160, 2024), ("Ак-Жар", 900, 2024)))
    assert register.area is None
    assert "160" in notices
    assert "900" in notices


def test_one_place_under_two_spellings_is_told() -> None:
    register, notices = told(rows_of(("Ак-Жар", 500, 2024), ("AK ЖАР", 90, 2025)))
    assert register.settlements == {"x/s1": 90}
    assert "AK ЖАР 90 (2025)" in notices


def test_several_years_of_one_place_are_no_contradiction() -> None:
    assert told(rows_of(("Ак-Жар", 500, 2023), ("Ак-Жар", 520, 2024)))[1] == ""


def test_a_register_much_younger_than_the_houses_is_told() -> None:
    assert "2012" in told(rows_of(("Ак-Жар", 500, 2024)), year=2012)[1]
    assert told(rows_of(("Ак-Жар", 500, 2024)), year=2023)[1] == ""


def test_a_register_above_the_residents_leaves_nobody_below_zero() -> None:
    result = estimate(registered=register(city=22_000))
    assert (result.rows["p05"] >= 0).all()
    assert any("exceed the upper estimate" in notice.what for notice in result.notices)
    for name, frame in people_tables(result.rows, "city").items():
        tables.conform(name, frame)
    shares = result.decomposition[result.decomposition["quantity"] == "unregistered"]
    assert shares["share"].sum() == pytest.approx(1)


def test_a_register_of_another_place_is_not_used() -> None:
    result = estimate(registered=register(city=900_000))
    assert row(result, None, "unregistered")["method"] == "weak_share"
    assert any("was not used" in notice.what for notice in result.notices)


def test_a_register_of_nobody_is_left_out() -> None:
    result = estimate(registered=register(city=0))
    assert row(result, None, "unregistered")["method"] == "weak_share"
    assert any("nobody" in notice.what for notice in result.notices)


def survey(settlement: str, houses: int, persons: int) -> pd.DataFrame:
    return pd.DataFrame({"settlement": [settlement], "houses": [houses], "persons": [persons]})


def test_three_houses_hardly_narrow_anything_and_are_noticed() -> None:
    result = estimate(survey=survey("Ak-Jar", 3, 18))
    assert any("only 3 houses" in notice.what for notice in result.notices)
    prior, posterior = (
        result.posteriors[result.posteriors["state"] == state].iloc[0] for state in ("prior", "posterior")
    )
    # ln θ is believed to ± 0.28, three houses tell it to ± 0.47: by theory 0.86 of the width is left.
    assert 0.75 < width(posterior) / width(prior) <= 1
    before, after = row(estimate(), None, "residents"), row(result, None, "residents")
    assert 0.7 < width(after) / width(before) <= 1  # half of this city is the settlement that was visited


def test_many_houses_narrow_the_visited_settlement_most() -> None:
    given = survey("Ak-Jar", 600, 3600)
    before, after = estimate(), estimate(survey=given)
    narrowing = {
        place: width(row(after, place, "residents")) / width(row(before, place, "residents"))
        for place in ("x/s1", "x/s3")
    }
    assert narrowing["x/s1"] < 0.75
    assert narrowing["x/s1"] < narrowing["x/s3"] < 0.98
    assert row(after, None, "residents")["evidence"] == "local"


def test_a_survey_moves_towards_what_it_found() -> None:
    low, high = (row(estimate(survey=survey("Ak-Jar", 400, n)), "x/s1", "residents")["p50"] for n in (1000, 3000))
    prior = row(estimate(), "x/s1", "residents")["p50"]
    assert low < prior < high
    per_house = high / 1000 / 0.9
    assert 5.5 < per_house < 7.6


def test_prior_and_posterior_stand_side_by_side() -> None:
    table = estimate(survey=survey("Ak-Jar", 400, 2800)).posteriors
    new = table[table["kind"] == "novostroika"].set_index("state")
    assert list(new.index) == ["prior", "posterior"]
    assert new.loc["posterior", "p50"] > new.loc["prior", "p50"]
    assert width(new.loc["posterior"]) < width(new.loc["prior"])
    assert (new["houses"] == 400).all()


def test_a_survey_of_an_unknown_place_speaks_for_the_city() -> None:
    result = estimate(survey=survey("Нигде", 400, 2800))
    assert any("speak for the city" in notice.what for notice in result.notices)
    assert row(result, "x/s1", "residents")["p50"] > row(estimate(), "x/s1", "residents")["p50"]


def test_unusable_rows_of_a_survey_are_counted() -> None:
    rows = pd.concat([survey("Ak-Jar", 0, 10), survey("Kelechek", 10, -1)])
    result = estimate(survey=rows)
    assert [notice.count for notice in result.notices if "rows without houses" in notice.what] == [2]
    pd.testing.assert_frame_equal(result.rows, estimate().rows)
