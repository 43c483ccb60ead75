"""Kinds learned from a user's own labels: the shipped weights are the prior, and what the labels say moves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from pipeline.schema.provenance import Notice
from pipeline.schema.vocabulary import TOLD_KINDS
from pipeline.transform.settlements.classification import KNOTS, Weights, design, judge, probabilities
from pipeline.transform.settlements.evidence import COLUMNS
from pipeline.transform.settlements.kind_weights import WEIGHTS
from pipeline.wording.spelling import key

if TYPE_CHECKING:
    import geopandas as gpd

    from pipeline.transform.settlements.neighbour_graph import Floats

PRIOR_SD = 1.5
"""How far the weights of a real city may lie from the shipped ones (standard deviation of each)."""
SURE = 0.96
"""Whoever labels errs now and then."""


def learn(evidence: pd.DataFrame, kinds: pd.Series, weights: Weights = WEIGHTS) -> Weights:
    """Return the weights that are most probable after some labels (maximum a posteriori).

    The prior of each weight is normal around the given one, with standard deviation `PRIOR_SD`; the likelihood is that
    of the multinomial logistic regression that `classification.judge` reads.

    Parameters
    ----------
    evidence
        Of the labelled settlements, as `evidence.gather` gives it, n rows.
    kinds
        Their kinds (of vocabulary.TOLD_KINDS), n rows.
    weights
        The prior means.
    """
    seen = np.hstack([*design(evidence).values()])
    prior = np.array([weights[measure][knot] for measure, knots in KNOTS.items() for knot in knots])
    told = np.array([TOLD_KINDS.index(kind) for kind in kinds], dtype=np.int64)
    rows = np.arange(len(told))

    def loss(flat: Floats) -> tuple[float, Floats]:
        moved = flat.reshape(prior.shape)
        probability = probabilities(seen @ moved)
        off = moved - prior
        value = -np.log(probability[rows, told]).sum() + (off**2).sum() / (2 * PRIOR_SD**2)
        probability[rows, told] -= 1
        return float(value), (seen.T @ probability + off / PRIOR_SD**2).ravel()

    found: Floats = minimize(loss, prior.ravel(), jac=True, method="L-BFGS-B").x.reshape(prior.shape)
    names = [(measure, knot) for measure, knots in KNOTS.items() for knot in knots]
    learned: Weights = {measure: {} for measure in KNOTS}
    for (measure, knot), row in zip(names, found, strict=True):
        learned[measure][knot] = tuple(float(weight) for weight in row)
    return learned


def leave_one_out(evidence: pd.DataFrame, kinds: pd.Series, weights: Weights = WEIGHTS) -> int:
    """Return how many labels the others would have told right, each left out in turn."""
    right = 0
    for row in range(len(kinds)):
        others = np.arange(len(kinds)) != row
        learned = learn(evidence[others], kinds[others], weights)
        right += int(judge(evidence.iloc[[row]], learned)["kind"].iloc[0] == kinds.iloc[row])
    return right


def matched(settlements: gpd.GeoDataFrame, labels: pd.DataFrame) -> pd.Series:
    """Return the labelled kind by settlement_id; a label whose place is none of the settlements is left out.

    Parameters
    ----------
    settlements
        With `settlement_id` and `name`.
    labels
        `place` (an identifier, or a name in any spelling) and `kind`. A name that two settlements have is none's.
    """
    places = dict(zip(settlements["settlement_id"], settlements["settlement_id"], strict=True))
    named = settlements.dropna(subset="name")
    keys = named["name"].map(key)
    single = ~keys.duplicated(keep=False)
    by_name = dict(zip(keys[single], named["settlement_id"][single], strict=True))
    found = [places.get(place, by_name.get(key(place))) for place in labels["place"]]
    out = pd.Series(labels["kind"].to_numpy(), index=pd.Index(found, dtype=object), dtype=object)
    return out[out.index.notna() & ~out.index.duplicated(keep="first")]


def teach(places: gpd.GeoDataFrame, labels: pd.DataFrame, area_id: str) -> tuple[gpd.GeoDataFrame, list[Notice]]:
    """Return classified settlements as they are judged after some labels, and how well the labels agree.

    A labelled settlement is what its label says, with the probability `SURE`; the others are judged anew.

    Parameters
    ----------
    places
        As `classification.classify` gives them.
    labels
        See `matched`.
    area_id
        The area.
    """
    given = matched(places, labels)
    notices = []
    if lost := len(labels) - len(given):
        notices.append(Notice("labels", "labels_unmatched", lost, {"area": area_id}))
    if given.empty:
        return places, notices
    evidence = places[[f"evidence_{column}" for column in COLUMNS]].set_axis(list(COLUMNS), axis=1)
    row = pd.Series(np.arange(len(places)), index=places["settlement_id"])[given.index].to_numpy()
    right = leave_one_out(evidence.iloc[row], given)
    judged = judge(evidence, learn(evidence.iloc[row], given))
    for place, kind in zip(row.tolist(), given, strict=True):
        judged.loc[judged.index[place], "kind"] = kind
        rest = (1 - SURE) / (len(TOLD_KINDS) - 1)
        judged.loc[judged.index[place], [f"p_{one}" for one in TOLD_KINDS]] = [
            SURE if one == kind else rest for one in TOLD_KINDS
        ]
    notices.append(Notice("labels", "labels_learned", 1, {"labels": len(given), "right": right}))
    return places.assign(**judged, kind_score=judged["p_novostroika"]), notices
