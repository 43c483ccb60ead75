"""The bottom-up estimate: what must hold of any area, and what bad input does to it."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from affine import Affine
from pyproj import CRS
from shapely import box

from pipeline.declared import facts
from pipeline.errors import ConfigError
from pipeline.geometry.raster import Raster
from pipeline.schema import tables
from pipeline.schema.vocabulary import QUANTITIES
from pipeline.transform import population
from pipeline.transform.buildings.capture_recapture import DEPENDENCE
from pipeline.transform.population import people_tables
from pipeline.transform.population.building_counts import aggregate
from pipeline.transform.population.priors import Factors, Prior, Priors

DRAWS = 4000


def buildings(settlement: str | None, n: int, **columns: Any) -> pd.DataFrame:
    row = {"settlement_id": settlement, "kind": "house", "seen_by": "both", "footprint_m2": 90.0, "levels": np.nan}
    tags = dict.fromkeys(("building", "amenity", "shop"))
    texts = dict.fromkeys(("settlement_id", *tags), "str")
    return pd.DataFrame({**row, **tags, **columns}, index=range(n)).astype(texts)


def settlements(**kinds: str) -> pd.DataFrame:
    names = list(kinds)
    return pd.DataFrame(
        {
            "settlement_id": names,
            "name": [name.upper() for name in names],
            "kind": list(kinds.values()),
            "status": "unknown",
            "area_m2": 1e5,
        }
    )


def estimate(
    houses: pd.DataFrame, places: pd.DataFrame, area: str = "bishkek", country: str = "KG", **options: Any
) -> population.Population:
    options = {"priors": facts.priors(), "draws": DRAWS, "seed": 7, "season": "winter", "year": 2026, **options}
    return population.estimate(houses, places, area, country, **options)


def row(result: population.Population, settlement: str | None, quantity: str, method: str | None = None) -> pd.Series:
    rows = result.rows
    place = rows["settlement_id"].isna() if settlement is None else rows["settlement_id"] == settlement
    chosen = rows["main"] if method is None else rows["method"] == method
    found = rows[place & chosen & (rows["quantity"] == quantity)]
    assert len(found) == 1
    return found.iloc[0]


TWO = pd.concat([buildings("a", 400), buildings("b", 250), buildings(None, 90)], ignore_index=True)
PLACES = settlements(a="novostroika", b="village")


def test_rows_make_the_tables_and_a_sum_counts_everybody_once() -> None:
    result = estimate(TWO, PLACES)
    made = {name: tables.conform(name, frame) for name, frame in people_tables(result.rows, "city").items()}
    city, places = made["area_population"].iloc[0], made["settlement_population"]
    assert places["place_id"].tolist() == ["a", "b", "bishkek/rest"]
    assert places["settlement_id"].isna().tolist() == [False, False, True]
    for quantity in QUANTITIES:
        assert places[f"{quantity}_mean"].sum() == pytest.approx(city[f"{quantity}_mean"])
        assert (places[f"{quantity}_p05"] < places[f"{quantity}_p95"]).all()
    assert set(made["area_crosschecks"]["method"]) == {"floor_volume"}
    assert set(made["settlement_crosschecks"]["settlement_id"]) == {"a", "b"}


def test_residents_are_near_the_product_of_the_means() -> None:
    mean = row(estimate(TWO, PLACES, draws=20_000), "a", "residents")["mean"]
    priors = Priors(facts.priors(), "KG", "bishkek", "winter")
    factors = ("residential_share", "dwellings_per_house", "occupancy", "household_size", "model_discrepancy")
    means = [priors.select(factor, kind="novostroika").moments[0] for factor in factors]
    assert mean / 400 == pytest.approx(np.prod(means), rel=0.03)


def test_the_area_holds_houses_in_no_settlement_and_kinds_add_up() -> None:
    result = estimate(TWO, PLACES)
    kinds = result.counts[result.counts["settlement_id"].isna()]
    assert set(kinds["kind"]) == {"novostroika", "village", "other"}
    assert kinds["mean"].sum() == pytest.approx(row(result, None, "residents")["mean"])


def test_quantiles_are_taken_after_adding_up() -> None:
    result = estimate(TWO, PLACES)
    parts = [row(result, name, "residents") for name in ("a", "b")]
    whole = row(result, None, "residents")
    assert whole["p95"] < sum(part["p95"] for part in parts) + 90 * 8
    assert whole["p95"] - whole["p05"] < sum(part["p95"] - part["p05"] for part in parts) + 90 * 4


def test_neither_order_nor_company_changes_a_settlement() -> None:
    """Draws belong to names, so a settlement has the same rows in any order and in any company."""
    shuffled = TWO.sample(frac=1, random_state=3)
    first, again = estimate(TWO, PLACES), estimate(shuffled, PLACES.iloc[::-1])
    pd.testing.assert_frame_equal(first.rows, again.rows, check_exact=True)
    pd.testing.assert_frame_equal(first.decomposition, again.decomposition, check_exact=True)
    satellite = TWO.assign(seen_by="satellite")
    both = estimate(satellite, PLACES).rows
    alone = estimate(satellite[satellite["settlement_id"] == "a"], PLACES.iloc[:1]).rows
    # Not the registered: ghosts of a place are people whom other places lack.
    a, lonely = (
        rows[(rows["settlement_id"] == "a") & (rows["quantity"] != "registered")].reset_index(drop=True)
        for rows in (both, alone)
    )
    pd.testing.assert_frame_equal(a, lonely, check_exact=True)


def test_another_seed_moves_little_and_the_same_nothing() -> None:
    first, same, other = (estimate(TWO, PLACES, seed=seed, draws=10_000) for seed in (1, 1, 2))
    assert first.rows.equals(same.rows)
    a, b = row(first, "a", "residents"), row(other, "a", "residents")
    assert a["p50"] != b["p50"]
    assert a["p50"] == pytest.approx(b["p50"], rel=0.03)


def test_shared_errors_do_not_average_out() -> None:
    """Fifty settlements of one city err together: their total stays wide."""
    many = pd.concat([buildings(f"s{n:02}", 100) for n in range(50)], ignore_index=True)
    places = settlements(**{f"s{n:02}": "novostroika" for n in range(50)})
    result = estimate(many, places)
    total, one = row(result, None, "residents"), row(result, "s00", "residents")
    width = [(r["p95"] - r["p05"]) / r["p50"] for r in (total, one)]
    assert 0.5 < width[0] < width[1]


def test_the_spread_is_what_theory_says() -> None:
    kinds = ("novostroika", "village", "formal", "dacha")
    many = pd.concat([buildings(kind, 300, seen_by="satellite") for kind in kinds], ignore_index=True)
    blocks = buildings("formal", 12, kind="apartments", footprint_m2=700.0, levels=5.0)
    result = estimate(pd.concat([many, blocks], ignore_index=True), settlements(**{k: k for k in kinds}), draws=20_000)
    assert len(result.spread) == 4
    assert (result.spread["cv2"] / result.spread["analytic_cv2"]).between(0.9, 1.1).all()


def test_few_houses_widen_the_interval() -> None:
    few = pd.concat([buildings("a", 5), buildings("b", 500)], ignore_index=True)
    result = estimate(few, settlements(a="novostroika", b="novostroika"))
    width = {name: np.log(r["p95"] / r["p05"]) for name in "ab" for r in [row(result, name, "residents")]}
    assert width["a"] > 1.1 * width["b"]


def test_blocks_count_by_levels_and_floor_area() -> None:
    low = buildings("a", 20, kind="apartments", footprint_m2=600.0, levels=3.0)
    high = buildings("b", 20, kind="apartments", footprint_m2=600.0, levels=9.0)
    unknown = buildings("c", 20, kind="apartments", footprint_m2=600.0)
    places = settlements(a="formal", b="formal", c="formal")
    result = estimate(pd.concat([low, high, unknown], ignore_index=True), places)
    a, b, c = (row(result, name, "residents") for name in "abc")
    assert b["mean"] == pytest.approx(3 * a["mean"], rel=0.05)
    assert c["p95"] / c["p05"] > a["p95"] / a["p05"]
    assert b["mean"] == pytest.approx(20 * 600 * 9 / 70 * 0.75 * 3.4 * 1.03, rel=0.1)


def test_sheds_and_halls_house_nobody() -> None:
    sheds = [buildings("a", 50, kind="outbuilding"), buildings("a", 50, kind="non_residential")]
    sizes = [buildings("a", 50, footprint_m2=12.0), buildings("a", 50, footprint_m2=4000.0, building="industrial")]
    only = estimate(pd.concat([*sheds, *sizes], ignore_index=True), settlements(a="novostroika"))
    assert only.rows.empty
    assert "nothing is said" in only.notices[0].what
    with_houses = estimate(
        pd.concat([*sheds, *sizes, buildings("a", 100)], ignore_index=True), settlements(a="village")
    )
    without = estimate(buildings("a", 100), settlements(a="village"))
    assert row(with_houses, "a", "residents")["p50"] == row(without, "a", "residents")["p50"]


def test_large_outlines_of_untold_use_may_hold_flats() -> None:
    """Told ones nearby say how many of them do; a tag that says otherwise ends the doubt."""
    cottages = buildings("a", 50)
    untold = buildings("a", 20, kind="unknown", footprint_m2=700.0)
    told = {
        tag: buildings("a", 20, kind=kind, footprint_m2=700.0, building=tag)
        for tag, kind in (("apartments", "apartments"), ("school", "non_residential"))
    }
    places = settlements(a="formal")

    def residents(*parts: pd.DataFrame) -> pd.Series:
        return row(estimate(pd.concat([cottages, *parts], ignore_index=True), places), "a", "residents")

    none, doubtful = residents(), residents(untold)
    assert none["p50"] < doubtful["p50"]
    assert np.log(doubtful["p95"] / doubtful["p05"]) > np.log(none["p95"] / none["p05"])
    assert residents(told["school"])["p50"] == pytest.approx(none["p50"])
    among_schools = residents(untold, told["school"])["p50"]
    assert none["p50"] < among_schools < doubtful["p50"]
    among_flats = residents(untold, told["apartments"])["p50"] - residents(told["apartments"])["p50"]
    assert among_flats > doubtful["p50"] - none["p50"]


def test_levels_of_the_citys_blocks_tell_of_those_without() -> None:
    unknown = buildings("a", 20, kind="apartments", footprint_m2=700.0)
    places = settlements(a="formal", b="formal")
    means = []
    for levels in (4.0, 9.0):
        known = buildings("b", 30, kind="apartments", footprint_m2=700.0, levels=levels)
        result = estimate(pd.concat([unknown, known], ignore_index=True), places)
        means.append(row(result, "a", "residents")["mean"])
    assert means[1] > 1.5 * means[0]


def test_houses_that_no_source_saw_are_put_on() -> None:
    places = settlements(a="novostroika")
    mean = {
        seen: row(estimate(buildings("a", 400, seen_by=seen), places), "a", "residents")["mean"]
        for seen in ("both", "satellite", "osm")
    }
    assert mean["satellite"] / mean["both"] == pytest.approx(0.97 / 0.79, rel=0.02)
    assert mean["osm"] / mean["both"] > 1.2


def test_a_settlement_that_osm_has_not_mapped_is_corrected_by_the_others_overlap() -> None:
    """Where both sources know the rest of the city, the satellite's recall there tells what it misses here.

    For a house that only the satellite saw, θ(1 − ρ)/ρ stand unseen: what hides a house hides it from both.
    """
    mapped = pd.concat([buildings("a", 450), buildings("a", 150, seen_by="osm")], ignore_index=True)
    unmapped = buildings("b", 750, seen_by="satellite")
    result = estimate(pd.concat([mapped, unmapped], ignore_index=True), settlements(a="novostroika", b="novostroika"))
    a, b = (row(result, name, "residents")["mean"] for name in "ab")
    middle, spread = DEPENDENCE
    unseen = np.exp(middle + spread**2 / 2) * 0.24 / 0.76
    assert b / a == pytest.approx(750 * 0.97 * (1 + unseen) / 600, rel=0.05)


def test_a_dacha_is_emptier_in_winter() -> None:
    places = settlements(a="dacha", b="novostroika")
    winter, summer = (estimate(TWO, places, season=season) for season in ("winter", "summer"))
    assert row(summer, "a", "residents")["p50"] > 1.4 * row(winter, "a", "residents")["p50"]
    assert row(summer, "b", "residents")["p50"] == row(winter, "b", "residents")["p50"]


def test_cross_checks_stand_beside_the_estimate_and_are_no_main_rows() -> None:
    grid = Raster(np.full((20, 20), 25.0), Affine(100, 0, -500, 0, -100, 1500), CRS("EPSG:32643"))
    shapes = [box(0, 0, 500, 500), box(600, 0, 900, 300)]
    places = gpd.GeoDataFrame(PLACES, geometry=shapes, crs="EPSG:32643")
    result = estimate(TWO, places, population_raster=grid, boundary=box(-400, -400, 1400, 1400))
    assert set(result.rows.loc[~result.rows["main"], "method"]) == {"floor_volume", "plot_density", "population_raster"}
    assert row(result, "a", "residents", "population_raster")["p50"] == pytest.approx(25 * 25, rel=0.05)
    assert row(result, None, "residents", "population_raster")["p50"] == pytest.approx(25 * 324, rel=0.05)
    assert row(result, "a", "residents", "plot_density")["p50"] == pytest.approx(500, rel=0.05)


def test_a_raster_of_zeros_is_no_cross_check() -> None:
    grid = Raster(np.zeros((20, 20)), Affine(100, 0, -500, 0, -100, 1500), CRS("EPSG:32643"))
    places = gpd.GeoDataFrame(PLACES, geometry=[box(0, 0, 500, 500), box(600, 0, 900, 300)], crs="EPSG:32643")
    result = estimate(TWO, places, population_raster=grid, boundary=box(-400, -400, 1400, 1400))
    assert "population_raster" not in set(result.rows["method"])
    assert any("holds nobody" in notice.what for notice in result.notices)


def test_an_area_without_buildings_says_so() -> None:
    result = estimate(TWO.iloc[:0], PLACES.iloc[:0])
    assert result.rows.empty
    assert result.notices
    for name, frame in people_tables(result.rows, "nothing").items():
        assert tables.conform(name, frame).empty


def test_a_settlement_of_one_house_has_a_wide_interval() -> None:
    one = row(estimate(buildings("a", 1), settlements(a="other")), "a", "residents")
    assert one["p95"] > 5 * one["p05"]


def test_an_unknown_country_uses_wide_priors_and_says_that_there_is_no_evidence() -> None:
    known, unknown = estimate(TWO, PLACES), estimate(TWO, PLACES, area="berlin", country="DE")
    assert row(known, None, "residents")["evidence"] == "national"
    assert row(unknown, None, "residents")["evidence"] == "none"
    assert row(unknown, None, "unregistered")["evidence"] == "none"
    width = [np.log(row(r, None, "residents")["p95"] / row(r, None, "residents")["p05"]) for r in (known, unknown)]
    assert width[1] > width[0]


def test_the_decomposition_names_the_factors_that_matter() -> None:
    shares = estimate(TWO, PLACES, draws=20_000).decomposition
    residents = shares[shares["quantity"] == "residents"]
    assert residents["share"].sum() == pytest.approx(1)
    assert residents["share"].is_monotonic_decreasing
    assert set(residents["factor"].head(6)) > {"occupancy", "household_size"}
    unregistered = shares[shares["quantity"] == "unregistered"]
    assert unregistered["factor"].head(2).str.startswith("unregistered_share").any()


def test_groups_are_added_up_inside_draws() -> None:
    counts = estimate(TWO, PLACES, groups={"both": ["a", "b"]}).counts
    group = counts[counts["group"] == "both"].set_index("quantity")
    parts = counts[counts["settlement_id"].notna()].groupby("quantity")
    assert group.loc["residents", "mean"] == pytest.approx(parts["mean"].sum()["residents"])
    assert group.loc["residents", "p95"] < parts["p95"].sum()["residents"]


def test_floor_area_adds_up_exactly_in_any_order() -> None:
    rng = np.random.default_rng(5)
    many = buildings("a", 2000, kind="apartments", footprint_m2=rng.uniform(300, 2000, 2000), levels=5.0)
    assert aggregate(many).equals(aggregate(many.sample(frac=1, random_state=9)))


@pytest.mark.parametrize(
    "prior",
    [
        Prior(*row)
        for row in facts.priors()[["prior_id", "family", "a", "b", "low", "high", "evidence"]].itertuples(
            index=False, name=None
        )
    ],
    ids=lambda prior: prior.prior_id,
)
def test_every_prior_stays_within_its_range(prior: Prior) -> None:
    uniform = np.linspace(1e-9, 1 - 1e-9, 2001)
    values = prior.quantile(uniform)
    assert np.isfinite(values).all()
    assert (np.diff(values) >= 0).all()
    assert values.min() >= prior.low
    assert values.max() <= prior.high
    sampled = prior.sample(np.random.default_rng(1), 20_000)
    assert sampled.mean() == pytest.approx(values.mean(), rel=0.03, abs=0.01)
    assert prior.low <= sampled.min() <= sampled.max() <= prior.high


def test_the_most_specific_prior_wins() -> None:
    chosen = Priors(facts.priors(), "KG", "osh", "winter")
    assert chosen.select("household_size", kind="novostroika").prior_id == "household-size-osh-novostroika"
    assert (
        Priors(facts.priors(), "KG", "tokmok", "winter").select("household_size", kind="other").prior_id
        == "household-size-kg"
    )
    assert (
        chosen.select("unregistered_share_settlement", kind="novostroika", status="legal").prior_id
        == "unregistered-legal"
    )
    assert chosen.select("occupancy", kind="dacha").prior_id == "occupancy-dacha-winter"


def test_a_missing_prior_is_an_error_that_names_it() -> None:
    table = facts.priors()
    with pytest.raises(ConfigError, match=r"no row of parameter 'occupancy'.*add one"):
        estimate(TWO, PLACES, priors=table[table["parameter"] != "occupancy"])


def test_streams_belong_to_names() -> None:
    table = facts.priors()
    first, again = (Factors(Priors(table, "KG", "bishkek", "winter"), "bishkek", draws=100, seed=1) for _ in range(2))
    first.get("occupancy")
    assert (first.get("household_size", "formal") == again.get("household_size", "formal")).all()
    assert (first.uniform("household_size") != first.uniform("occupancy")).any()
