"""Labels teach: a few of a city that is built otherwise set the rest right; without any the prior holds."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.transform.settlements.classification import judge
from pipeline.transform.settlements.evidence import COLUMNS
from pipeline.transform.settlements.kind_weights import WEIGHTS
from pipeline.transform.settlements.learning import learn, leave_one_out, matched, teach


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
    after = (judge(evidence, learn(evidence[:20], kind[:20]))["kind"] == kind).iloc[20:].mean()
    assert after > before + (1 - before) / 2
    assert leave_one_out(evidence[:20], kind[:20]) >= 16


def test_no_label_leaves_the_weights_as_they_are() -> None:
    evidence, kind = other_city(2)
    learned = learn(evidence[:0], kind[:0])
    assert all(np.allclose(learned[m][k], knots[k]) for m, knots in WEIGHTS.items() for k in knots)


def test_labels_meet_settlements_by_identifier_or_name_and_others_are_counted() -> None:
    evidence, _ = other_city(4)
    ids = [f"a/{n}" for n in range(4)]
    names = ["Ак-Жар", "Бакай", "Бакай", None]
    data = {"settlement_id": ids, "name": names, **evidence.add_prefix("evidence_")}
    places = gpd.GeoDataFrame(data, geometry=gpd.points_from_xy(range(4), range(4)))
    labels = pd.DataFrame({"place": ["жилмассив Ak-Jar", "Бакай", "a/3", "Юг"], "kind": ["dacha"] * 4})
    assert matched(places, labels).to_dict() == {"a/0": "dacha", "a/3": "dacha"}
    taught, notices = teach(places, labels, "a")
    assert taught["kind"].tolist()[0::3] == ["dacha", "dacha"]
    assert {notice.code: notice.count for notice in notices} == {"labels_unmatched": 2, "labels_learned": 1}
