"""One definition of standing in a binding red zone, by hand and against its SQL twin (tests/load/test_database.py)."""

from __future__ import annotations

from typing import get_args

import pandas as pd

from pipeline.declared import catalogue
from pipeline.schema import vocabulary
from pipeline.transform.red_zones import in_binding_zones


def test_a_zone_binds_by_law_or_by_what_stands_for_it_never_by_advice() -> None:
    kinds = list(vocabulary.CODES["rule_kind"])
    rules = pd.DataFrame(
        {"rule_id": kinds, "kind": kinds, "concern": "residents", "distance_m": [0.0, 50.0, 50.0, 50.0]}
    )
    pairs = pd.DataFrame(
        {
            "building_id": [f"{kind}/{distance:g}" for kind in kinds for distance in (0.0, 50.0, 50.1)],
            "rule_id": [kind for kind in kinds for _ in range(3)],
            "distance_m": [0.0, 50.0, 50.1] * 4,
            "doubtful": False,
        }
    )
    assert in_binding_zones(pairs, rules)["building_id"].tolist() == [
        "inside/0",
        "statutory/0",
        "statutory/50",
        "proxy/0",
        "proxy/50",
    ]


def test_a_building_that_may_be_none_stands_nowhere() -> None:
    rules = pd.DataFrame({"rule_id": ["r"], "kind": "inside", "concern": "residents", "distance_m": 0.0})
    pairs = pd.DataFrame({"building_id": ["a", "b"], "rule_id": "r", "distance_m": 0.0, "doubtful": [True, False]})
    assert in_binding_zones(pairs, rules)["building_id"].tolist() == ["b"]


def test_the_catalogue_speaks_the_vocabulary() -> None:
    assert get_args(catalogue.RuleKind) == vocabulary.CODES["rule_kind"]
    assert get_args(catalogue.Concern) == vocabulary.CODES["concern"]
    assert set(vocabulary.BINDING) == set(vocabulary.CODES["rule_kind"]) - {"advisory"}
