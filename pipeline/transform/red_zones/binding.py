"""Which buildings stand in a binding red zone: the one definition behind tiles, maps, kit, report and validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.schema.vocabulary import BINDING

if TYPE_CHECKING:
    import pandas as pd


def in_binding_zones(pairs: pd.DataFrame, rules: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of building and hazard in which the building stands in the hazard's binding zone.

    It does where its distance is at most the one that the hazard's rule asks for, and the rule binds
    (`vocabulary.BINDING`); a building that may be none (`distances.doubtful`) stands nowhere. The view
    `buildings_in_zones` says the same in SQL.

    Parameters
    ----------
    pairs, rules
        Tables ``building_hazards`` and ``red_zone_rules``.

    Returns
    -------
    DataFrame
        Rows of `pairs`, with ``concern`` and ``rule_kind`` of the rule; a building stands there once for each hazard.
    """
    terms = rules.set_index("rule_id")[["kind", "concern", "distance_m"]]
    terms = terms.rename(columns={"kind": "rule_kind", "distance_m": "limit_m"})
    joined = pairs.join(terms, on="rule_id")
    within = (joined["distance_m"] <= joined["limit_m"]) & joined["rule_kind"].isin(BINDING) & ~joined["doubtful"]
    return joined[within].drop(columns="limit_m")
