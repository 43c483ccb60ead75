"""Labels teach: a few of a city that is built otherwise set the rest right; without any the prior holds."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.schema import tables
from pipeline.schema.vocabulary import TOLD_KINDS, UNDETERMINED
from pipeline.transform.settlements.classification import judge
from pipeline.transform.settlements.evidence import COLUMNS
from pipeline.transform.settlements.kind_weights import WEIGHTS
from pipeline.transform.settlements.labels import match
from pipeline.transform.settlements.learning import PRIOR_SD, learn, leave_one_out, spread, teach, weights_table


def other_city(count: int = 60) -> tuple[pd.DataFrame, pd.Series]:
    """New settlements of large houses, villages of small ones: all young, streets alike; nothing is said of them."""
    rng = np.random.default_rng(4)
    kind = pd.Series(np.where(np.arange(count) % 2, "novostroika", "village"))
    new = (kind == "novostroika").to_numpy()
    evidence = pd.DataFrame(index=range(count), columns=list(COLUMNS), dtype=object)
    evidence["onset"] = rng.uniform(1992, 2012, count)
    evidence["unpaved_share"] = 1.0
    evidence["home_m2"] = np.where(new, 230, 90) * np.exp(rng.normal(0, 0.1, count))
    return evidence, kind


def test_twenty_labels_set_a_city_right_that_is_built_otherwise() -> None:
    evidence, kind = other_city()
    before = (judge(evidence)["kind"] == kind).iloc[20:].mean()
    trial = leave_one_out(evidence[:20], kind[:20])
    assert trial.learned >= 16 > trial.shipped
    learned = judge(evidence, learn(evidence[:20], kind[:20]), style=trial.style)
    assert (learned["kind"] == kind).iloc[20:].mean() > before + (1 - before) / 2


def test_no_label_leaves_the_weights_as_they_are() -> None:
    evidence, kind = other_city(2)
    learned = learn(evidence[:0], kind[:0])
    assert all(np.allclose(learned[m][k], knots[k]) for m, knots in WEIGHTS.items() for k in knots)
    assert np.allclose(spread(evidence[:0], learned), PRIOR_SD)


def test_the_posterior_is_where_the_loss_is_least_and_as_wide_as_it_is_curved() -> None:
    """Against a plain optimiser over all weights, and against the prior beyond what the labels show."""
    evidence, kind = other_city(12)
    learned = learn(evidence, kind)
    table = weights_table("a", learned, spread(evidence, learned)).set_index(["measure", "knot", "kind"])
    assert (table["spread"] <= PRIOR_SD + 1e-9).all()
    unseen = table.loc["name_word"]
    assert np.allclose(unseen["weight"], unseen["shipped"])
    assert np.allclose(unseen["spread"], PRIOR_SD)
    size = table.loc["home_m2"]
    assert (size["spread"] < PRIOR_SD - 1e-3).any()
    moved = size["weight"] - size["shipped"]
    assert moved["200", "novostroika"] > 0 > moved["200", "village"]
    # A weight's gradient at the maximum is what the prior pulls back by, so that kinds' moves add up to nothing.
    assert moved.groupby("knot").sum().abs().max() < 1e-3
    tables.conform("kind_weights", weights_table("a", learned, spread(evidence, learned)))


def test_without_age_names_and_tags_labels_show_whether_style_tells_kinds_apart() -> None:
    evidence, kind = other_city()
    silent = evidence.assign(onset=np.nan)
    assert (judge(silent)["kind"] == UNDETERMINED).all()
    trial = leave_one_out(silent[:20], kind[:20])
    assert trial.style
    told = judge(silent, learn(silent[:20], kind[:20]), style=True)["kind"][20:]
    assert (told == kind[20:]).mean() > 0.9
    # Kinds dealt by lot are told by no style, nor are a handful of labels enough to say.
    lots = kind.sample(frac=1, random_state=2).reset_index(drop=True)
    assert not leave_one_out(silent[:20].assign(home_m2=100.0), lots[:20]).style
    assert not leave_one_out(silent[:4], kind[:4]).style


SQUARE = shapely.box(0, 0, 100, 100)


def places(names: list[str | None]) -> gpd.GeoDataFrame:
    """Squares of 100 m, 200 m apart, from west to east."""
    ids = [f"a/{n}" for n in range(len(names))]
    squares = [shapely.affinity.translate(SQUARE, 300 * n) for n in range(len(names))]
    evidence, _ = other_city(len(names))
    data = {"settlement_id": ids, "name": names, **evidence.add_prefix("evidence_"), **judge(evidence)}
    return gpd.GeoDataFrame(data, geometry=squares, crs="EPSG:32643")


def labels(*rows: tuple[str, str, shapely.Geometry | None]) -> gpd.GeoDataFrame:
    place, kind, shapes = zip(*rows, strict=True)
    return gpd.GeoDataFrame({"place": place, "kind": kind, "source": "me"}, geometry=list(shapes), crs="EPSG:32643")


def test_labels_meet_settlements_by_identifier_name_or_ground() -> None:
    at = shapely.Point
    given = labels(
        ("жилмассив Ak-Jar", "dacha", None),
        ("a/3", "village", at(9e5, 0)),  # an identifier counts before the ground
        ("Бакай", "formal", at(650, 50)),  # of two of one name, the one on whose ground it is
        ("", "other", at(1330, 50)),  # on the street beside it
        ("Юг", "dacha", None),
        ("Бакай", "dacha", None),
        ("", "dacha", at(1500 + 151, 50)),
    )
    found = match(places(["Ак-Жар", "Бакай", "Бакай", None, None]), given)
    assert found.kinds.to_dict() == {"a/0": "dacha", "a/2": "formal", "a/3": "village", "a/4": "other"}
    assert (found.lost, found.contradictory) == (3, 0)


def test_a_polygon_labels_what_it_mostly_covers_or_mostly_lies_in() -> None:
    all_of_two = shapely.box(-10, -10, 420, 110)
    a_corner = shapely.box(590, 90, 640, 140)
    within = shapely.box(910, 10, 930, 30)
    given = labels(("", "dacha", all_of_two), ("", "village", a_corner), ("", "formal", within))
    found = match(places([None] * 4), given)
    assert found.kinds.to_dict() == {"a/0": "dacha", "a/1": "dacha", "a/3": "formal"}
    assert found.lost == 1


def test_labels_that_contradict_each_other_do_not_count_and_are_said() -> None:
    given = labels(("a/0", "dacha", None), ("Ак-Жар", "village", None), ("a/1", "dacha", None), ("a/1", "dacha", None))
    taught, weights, notices = teach(places(["Ак-Жар", None, None]), given, "a")
    assert taught["kind"][1] == "dacha"
    assert {notice.code: notice.count for notice in notices} == {
        "labels_contradict": 2,
        "labels_learned": 1,
        "labels_of_one_kind": 1,
    }
    assert (weights["weight"] != weights["shipped"]).any()
    assert taught.loc[1, [f"p_{kind}" for kind in TOLD_KINDS]].sum() == pytest.approx(1)


def test_labels_of_nothing_teach_nothing() -> None:
    before = places(["Ак-Жар", None])
    for told in (None, labels(("Юг", "dacha", None))):
        taught, weights, notices = teach(before, told, "a")
        assert taught.equals(before)
        assert (weights["weight"] == weights["shipped"]).all()
        assert [notice.code for notice in notices] == ([] if told is None else ["labels_unmatched"])


@settings(max_examples=5, deadline=None)
@given(order=st.permutations(range(5)))
def test_the_order_of_labels_changes_nothing(order: list[int]) -> None:
    rows = [(f"a/{n}", TOLD_KINDS[n % 3], None) for n in range(5)]
    one, _, _ = teach(places([None] * 8), labels(*rows), "a")
    other, _, _ = teach(places([None] * 8), labels(*(rows[n] for n in order)), "a")
    assert one["kind"].equals(other["kind"])
    assert np.allclose(one["kind_score"], other["kind_score"], atol=1e-6)
