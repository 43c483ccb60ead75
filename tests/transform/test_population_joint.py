"""The joint posterior: sampling that is exact where the answer is known, calibrated on cities drawn from the model."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from affine import Affine
from pyproj import CRS
from scipy import stats
from shapely import box

from pipeline.declared import facts
from pipeline.geometry.raster import Raster
from pipeline.schema.draws import KEPT, KINDS
from pipeline.schema.tables import conform
from pipeline.transform import population
from pipeline.transform.population import joint, sampling
from pipeline.transform.population.building_counts import aggregate
from pipeline.transform.population.places import Place, places_of
from tests.transform import calibration

TAGS = ("building", "amenity", "shop")
SIZES = {"novostroika": 400, "village": 250, "formal": 300, "dacha": 150}


def settlements(**columns: Any) -> gpd.GeoDataFrame:
    frame = {
        "settlement_id": [f"x/{kind}" for kind in SIZES],
        "name": list(SIZES),
        "kind": list(SIZES),
        "status": ["unknown", "unknown", "unknown", "unknown"],
        "area_m2": 1e5,
        **columns,
    }
    shapes = [box(2000 * n, 0, 2000 * n + 900, 900) for n in range(len(SIZES))]
    return gpd.GeoDataFrame(frame, geometry=shapes, crs="EPSG:32643")


def buildings(sizes: dict[str, int] = SIZES) -> pd.DataFrame:
    frames = [
        pd.DataFrame({"settlement_id": f"x/{kind}", "kind": "house", "footprint_m2": 90.0}, index=range(count))
        for kind, count in sizes.items()
    ]
    houses = pd.concat(frames, ignore_index=True).assign(seen_by="both", levels=np.nan)
    houses["building_id"] = [f"b{n}" for n in range(len(houses))]
    return houses.assign(**{tag: pd.Series(dtype="str") for tag in TAGS})


def estimate(**options: Any) -> population.Population:
    given: dict[str, Any] = {"priors": facts.priors(), "draws": 3000, "seed": 5, "season": "winter", **options}
    houses, places = given.pop("houses", buildings()), given.pop("places", settlements())
    return population.estimate(houses, places, "osh", "KG", **given)


def kept(result: population.Population, settlement: str, quantity: str) -> Any:
    rows = result.draws
    return rows[(rows["settlement_id"] == settlement) & (rows["quantity"] == quantity)]["draws"].iloc[0]


def test_a_linear_normal_posterior_is_found() -> None:
    """y = 2a + b + e: mean and spread of the weighted draws are those of the closed form."""
    rng = np.random.default_rng(3)
    pilot = {name: rng.standard_normal(4000) for name in "abc"}
    proposal = sampling.fit(pilot, (2 * pilot["a"] + pilot["b"])[None], np.array([4.0]), np.array([0.3]))
    assert proposal is not None
    assert set(proposal.names) == {"a", "b"}
    moved = proposal.move(rng.standard_normal((2, 40_000)))
    a, b = (moved[proposal.names.index(name)] for name in "ab")
    log_likelihood = stats.norm(2 * a + b, 0.3).logpdf(4.0)
    weights, power = sampling.temper(proposal.log_weights(moved), log_likelihood)
    assert power == 1
    assert sampling.effective(weights) > 10_000
    chosen = a[sampling.resample(weights, 40_000)]
    gain = 2 / (5 + 0.3**2)
    assert chosen.mean() == pytest.approx(4 * gain, abs=0.02)
    assert chosen.std() == pytest.approx(np.sqrt(1 - 2 * gain), rel=0.05)


def test_data_that_contradict_everything_are_tempered_to_enough_draws() -> None:
    rng = np.random.default_rng(4)
    latent = rng.standard_normal(10_000)
    weights, power = sampling.temper(np.zeros(10_000), stats.norm(latent, 0.01).logpdf(6.0))
    assert 0 < power < 1
    assert sampling.effective(weights) >= sampling.ENOUGH


@pytest.mark.parametrize("with_register", [False, True])
def test_intervals_are_calibrated_on_cities_drawn_from_the_model(*, with_register: bool) -> None:
    """Ranks of the truth among the draws are uniform, for cities and for single settlements."""
    given = joint.Evidence(*model_city())
    for what, ranks in calibration.ranks(given, cities=60, with_register=with_register).items():
        assert stats.kstest(ranks, "uniform").pvalue > 0.002, what
        assert 0.8 <= np.mean((ranks >= 0.05) & (ranks <= 0.95)) <= 0.98, what


def model_city() -> tuple[tuple[Place, ...], pd.DataFrame]:
    counts = aggregate(buildings())
    return tuple(places_of(settlements())[str(name)] for name in counts.index), counts


def test_neither_numbering_nor_order_nor_company_changes_a_digit() -> None:
    """Streams belong to places: settlements that get other ids, in another order, keep their draws."""
    renamed = settlements(settlement_id=["z/9", "z/1", "z/5", "z/0"]).iloc[::-1]
    ids = dict(zip(settlements()["settlement_id"], ["z/9", "z/1", "z/5", "z/0"], strict=True))
    houses = buildings().assign(settlement_id=lambda frame: frame["settlement_id"].map(ids))
    first, again = estimate(), estimate(houses=houses.sample(frac=1, random_state=1), places=renamed)
    for old, new in ids.items():
        for quantity in ("residents", "unregistered"):
            assert (kept(first, old, quantity) == kept(again, new, quantity)).all()


def test_a_settlement_that_goes_leaves_the_others_alone_unless_evidence_is_shared() -> None:
    """docs/releases.md: houses tell of their own place, so that no digit moves; a register of the city tells of all."""
    there = ["x/novostroika", "x/formal", "x/dacha"]
    fewer = {
        "houses": buildings().query("settlement_id in @there"),
        "places": settlements().query("settlement_id in @there"),
    }
    register = pd.DataFrame({"name": [""], "registered": [3_000], "year": [2026], "source": ["x"]})
    for registered in (None, register):
        first, again = estimate(registered=registered), estimate(registered=registered, **fewer)
        for settlement in there:
            same = kept(first, settlement, "residents") == kept(again, settlement, "residents")
            assert same.all() if registered is None else same.mean() < 0.1


def test_an_uncertain_kind_is_one_kind_in_each_draw() -> None:
    """The mixture lies between its kinds and is wider; what is sure of its kind is untouched."""
    chances = pd.DataFrame({"settlement_id": ["x/dacha"], "p_dacha": [0.5], "p_village": [0.5]})
    mixed, dacha = estimate(kinds=chances), estimate()
    village = estimate(places=settlements(kind=["novostroika", "village", "formal", "village"]))
    middle = [np.median(kept(result, "x/dacha", "residents")) for result in (dacha, mixed, village)]
    assert middle[0] < middle[1] < middle[2]
    drawn = kept(mixed, "x/dacha", "drawn_kind")
    assert set(drawn) == {KINDS.index("dacha"), KINDS.index("village")}
    assert 0.45 < (drawn == KINDS.index("dacha")).mean() < 0.55
    as_village = drawn == KINDS.index("village")
    of_village = [kept(result, "x/dacha", "residents")[as_village] for result in (mixed, village)]
    assert of_village[0] == pytest.approx(of_village[1], rel=0.02)
    assert (kept(mixed, "x/village", "residents") == kept(dacha, "x/village", "residents")).all()


def test_a_settlement_that_could_not_be_told_is_the_mixture_of_its_kinds() -> None:
    unknown = settlements(kind=["novostroika", "village", "formal", "undetermined"])
    chances = pd.DataFrame({"settlement_id": ["x/dacha"], "p_dacha": [0.2], "p_formal": [0.8]})
    drawn = kept(estimate(places=unknown, kinds=chances), "x/dacha", "drawn_kind")
    assert set(drawn) == {KINDS.index("dacha"), KINDS.index("formal")}


def test_roofs_beside_built_up_area_tell_how_complete_a_place_is_where_osm_is_alone() -> None:
    """Half the roofs for as much built-up area: about twice the people; others keep every digit."""
    alone = buildings().assign(seen_by="osm")
    whole, half = (pd.Series({"x/village": share}) for share in (1.1, 0.55))
    people = [
        np.median(kept(estimate(houses=alone, roof_shares=given), "x/village", "residents")) for given in (whole, half)
    ]
    assert 1.5 < people[1] / people[0] < 2.2
    young = pd.Series({"x/village": 8.0})
    for given in (half, young):
        same = ["x/formal", "x/village"] if given is young else ["x/formal"]
        told, untold = estimate(houses=alone, roof_shares=given), estimate(houses=alone)
        assert all((kept(told, place, "residents") == kept(untold, place, "residents")).all() for place in same)
    both = [estimate(roof_shares=given) for given in (half, None)]
    assert (kept(both[0], "x/village", "residents") == kept(both[1], "x/village", "residents")).all()


def test_what_the_inputs_see_in_part_is_said_and_compared_with_its_part_of_the_register() -> None:
    registered = pd.DataFrame({"name": [""], "registered": [4000], "year": [2026], "source": ["x"]})
    part, whole = (estimate(registered=registered, seen=seen) for seen in (0.5, 1.0))
    assert any("50%" in str(notice) and "mapped part" in str(notice) for notice in part.notices)
    rows = [result.rows[result.rows["settlement_id"].isna()].set_index("quantity") for result in (part, whole)]
    middle = [frame[frame["main"]].loc["registered", "p50"] for frame in rows]
    assert middle[0] < middle[1]


def test_rooms_are_let_near_a_bazaar() -> None:
    """Only a market of some size counts, and only for who can walk there; others keep every digit."""
    markets = gpd.GeoDataFrame(
        {"amenity": ["marketplace", "marketplace", "school"]},
        geometry=[box(0, 1000, 200, 1200), box(2000, 950, 2050, 1000), box(4000, 950, 4400, 1400)],
        crs="EPSG:32643",
    )
    near, without = estimate(services=markets), estimate()
    first, second = (kept(result, "x/novostroika", "residents") for result in (near, without))
    assert np.median(first) > 1.1 * np.median(second)
    for other in ("x/village", "x/formal", "x/dacha"):
        assert (kept(near, other, "residents") == kept(without, other, "residents")).all()


def test_registers_above_their_houses_teach_that_homes_hold_more() -> None:
    """Several households a house: three of four registers exceed their houses, and the fourth settlement moves too."""
    plain = estimate()
    figures = {kind: 1.6 * np.quantile(kept(plain, f"x/{kind}", "residents"), 0.75) for kind in list(SIZES)[:3]}
    registered = pd.DataFrame(
        {"name": list(figures), "registered": list(figures.values()), "year": 2026, "source": "x"}
    )
    taught = estimate(registered=registered)
    assert any("several households" in str(notice) for notice in taught.notices)
    middle = [np.median(kept(result, "x/dacha", "residents")) for result in (plain, taught)]
    assert middle[1] > 1.15 * middle[0]
    one = estimate(registered=registered.head(1))
    assert not any("several households" in str(notice) for notice in one.notices)
    assert (kept(one, "x/village", "residents") == kept(plain, "x/village", "residents")).all()


@pytest.mark.parametrize("kind", ["novostroika", "village"])
def test_a_register_far_above_its_houses_is_of_another_boundary(kind: str) -> None:
    """The farther off, the less it is believed: residents never double, and what the houses say stays inside."""
    houses = kept(estimate(), f"x/{kind}", "residents")
    moved = []
    for times in (1.5, 4.0):
        registered = pd.DataFrame(
            {"name": [kind], "registered": [times * np.median(houses)], "year": [2026], "source": ["x"]}
        )
        result = estimate(registered=registered)
        residents = np.asarray(kept(result, f"x/{kind}", "residents"))
        assert np.quantile(residents, 0.05) < np.median(houses)
        assert any("rather of another boundary" in str(notice) for notice in result.notices) == (times > 2)
        moved.append(np.median(residents) / np.median(houses))
    assert 1 < moved[1] < moved[0] + 0.1 < 1.5


def test_registers_below_their_houses_are_told_of() -> None:
    plain = estimate()
    registered = pd.DataFrame(
        {
            "name": list(SIZES),
            "registered": [0.2 * np.median(kept(plain, f"x/{kind}", "residents")) for kind in SIZES],
            "year": 2026,
            "source": "x",
        }
    )
    told = estimate(registered=registered)
    assert any("stand empty" in str(notice) for notice in told.notices)
    residents, unregistered = (
        [np.median(kept(result, "x/formal", quantity)) for result in (plain, told)]
        for quantity in ("residents", "unregistered")
    )
    assert residents[1] < residents[0]
    assert unregistered[1] / residents[1] > unregistered[0] / residents[0]


def test_a_register_that_a_raster_contradicts_is_believed_the_less() -> None:
    """A register of two fifths of the people pulls residents down; a raster of all of them says that it is a part's."""
    everybody = estimate().rows.query("settlement_id.isna() and main and quantity == 'residents'")["p50"].iloc[0]
    registered = pd.DataFrame({"name": [""], "registered": [int(0.4 * everybody)], "year": [2026], "source": ["x"]})
    cells = np.full((10, 30), everybody / 300)
    raster = Raster(cells, Affine(300, 0, 0, 0, -300, 3000), CRS("EPSG:32643"))
    boundary = box(0, 0, 9000, 3000)
    trusted = estimate(registered=registered, boundary=boundary)
    doubted = estimate(registered=registered, boundary=boundary, population_raster=raster)
    assert any("another boundary" in str(notice) for notice in doubted.notices)
    rows = [
        result.rows.query("settlement_id.isna() and main and quantity == 'residents'").iloc[0]
        for result in (trusted, doubted)
    ]
    assert rows[1]["p50"] > rows[0]["p50"]
    assert np.log(rows[1]["p95"] / rows[1]["p05"]) > np.log(rows[0]["p95"] / rows[0]["p05"])


def test_scattered_outlines_are_mostly_no_homes() -> None:
    """A hundred outlines in no settlement hold fewer people than a hundred in a village."""
    houses = buildings({"village": 100}).assign(settlement_id=[None] * 100).astype({"settlement_id": "str"})
    scattered = estimate(houses=pd.concat([houses, buildings({"village": 100})], ignore_index=True))
    rest = scattered.draws[scattered.draws["settlement_id"].isna() & (scattered.draws["quantity"] == "residents")]
    assert np.median(rest["draws"].iloc[0]) < 0.6 * np.median(kept(scattered, "x/village", "residents"))


def pairs(near: dict[str, list[str]]) -> pd.DataFrame:
    rows = [(house, "h", rule, 10.0) for rule, houses in near.items() for house in houses]
    table = pd.DataFrame(rows, columns=["building_id", "hazard_id", "rule_id", "distance_m"])
    return table.assign(doubtful=table["building_id"].eq(DOUBTFUL))


DOUBTFUL = "b9"
"""An outline that may be no building at all."""
RULES = pd.DataFrame({"rule_id": ["a", "b", "c"], "kind": ["statutory", "proxy", "advisory"], "distance_m": 100.0})


def spread_of(houses: pd.DataFrame) -> population.Spread:
    if "first_seen_year" not in houses:
        houses = houses.assign(first_seen_year=pd.array([pd.NA] * len(houses), dtype="Int64"))
    return population.Spread.of("osh", houses, settlements(), estimate(houses=houses).draws, seed=1)


def exposure(near: dict[str, list[str]], houses: pd.DataFrame) -> dict[str, pd.DataFrame]:
    tables = population.exposure(spread_of(houses), settlements=settlements(), pairs=pairs(near), rules=RULES)
    return {name: conform(name, table) for name, table in tables.items()}


def test_exposure_counts_each_home_once_and_sheds_never() -> None:
    """Twice near one hazard, in two zones, or in a zone that does not bind: one home, one home, no binding zone."""
    houses = buildings()
    houses.loc[houses["building_id"] == "b0", "kind"] = "outbuilding"
    near = {"a": ["b0", "b1", "b1", "b2", DOUBTFUL], "b": ["b2", "b3"], "c": ["b4"]}
    whole = exposure(near, houses)["area_exposure"]
    homes = {
        None if pd.isna(rule) else rule: count for rule, count in zip(whole["rule_id"], whole["homes"], strict=True)
    }
    assert homes == {"a": 2, "b": 2, "c": 1, None: 3}


def test_people_in_a_zone_are_their_share_of_the_floor_and_add_up() -> None:
    houses = buildings()
    inside = houses.loc[houses["settlement_id"] == "x/novostroika", "building_id"].tail(100).tolist()
    everyone = houses.loc[houses["settlement_id"] == "x/village", "building_id"].tolist()
    tables = exposure({"a": inside + everyone}, houses)
    one = tables["settlement_exposure"].query("rule_id == 'a'").set_index("settlement_id")["mean"]
    result = estimate(houses=houses)
    assert one["x/novostroika"] == pytest.approx(kept(result, "x/novostroika", "residents").mean() / 4, rel=0.05)
    assert one["x/village"] == kept(result, "x/village", "residents").mean()
    for name in ("area_exposure", "kind_exposure"):
        total = tables[name].query("rule_id == 'a'")["mean"].sum()
        assert total == pytest.approx(one["x/novostroika"] + one["x/village"])


def test_exposure_by_epoch_counts_homes_that_stood() -> None:
    houses = buildings().assign(first_seen_year=pd.array([1995, 2012] * 550, dtype="Int64"))
    whole = exposure({"a": houses["building_id"].tolist()}, houses)["area_exposure"].query("rule_id == 'a'")
    homes = dict(zip(whole["since"].fillna(0), whole["homes"], strict=True))
    assert homes == {0: 1099, 2000: 550, 2005: 550, 2010: 550, 2015: 1099, 2020: 1099}
    people = dict(zip(whole["since"].fillna(0), whole["mean"], strict=True))
    assert people[2000] == people[2010] == pytest.approx(people[0] / 2, rel=0.05)
    assert people[2015] == pytest.approx(people[0], rel=0.001)


def test_residents_of_earlier_years_rise_to_those_of_today() -> None:
    """In every place; where no age is known nothing is told, and homes of unknown age are as old as the others."""
    houses = buildings()
    seen = houses["settlement_id"].map({"x/novostroika": 2012, "x/village": 1980, "x/formal": 1980}).astype("Int64")
    seen[houses.groupby("settlement_id").cumcount() % 2 == 1] = pd.NA
    seen[houses["building_id"].eq("b0")] = 2019
    tables = population.residents_by_year(spread_of(houses.assign(first_seen_year=seen)), 2024)
    places = conform("settlement_residents_by_year", tables["settlement_residents_by_year"])
    area = conform("area_residents_by_year", tables["area_residents_by_year"])
    assert set(places["settlement_id"]) == {"x/novostroika", "x/village", "x/formal"}
    means = places.pivot_table(index="year", columns="settlement_id", values="mean")
    assert (means.diff().dropna() >= 0).all().all()
    today = {place: kept(estimate(), place, "residents").mean() for place in means}
    assert means.loc[2024].to_dict() == pytest.approx(today)
    assert means.loc[2010, "x/novostroika"] == 0
    assert means.loc[1985, "x/village"] == pytest.approx(today["x/village"])
    assert 0.98 < means.loc[2018, "x/novostroika"] / today["x/novostroika"] < 1
    assert area.set_index("year")["mean"].to_dict() == pytest.approx(means.sum(axis=1).to_dict())
    assert len(kept(estimate(), "x/formal", "residents")) == KEPT
