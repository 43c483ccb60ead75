"""Kinds learned from a user's own labels: the shipped weights are the prior, and what the labels say moves them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from pipeline.schema.provenance import Notice
from pipeline.schema.vocabulary import TOLD_KINDS, UNDETERMINED
from pipeline.transform.settlements.classification import KNOTS, Weights, design, judge, probabilities
from pipeline.transform.settlements.evidence import COLUMNS
from pipeline.transform.settlements.kind_weights import WEIGHTS
from pipeline.transform.settlements.labels import match

if TYPE_CHECKING:
    import geopandas as gpd

    from pipeline.transform.settlements.neighbour_graph import Floats

PRIOR_SD = 1.5
"""How far the weights of a real city may lie from the shipped ones (standard deviation of each)."""
SURE = 0.96
"""Whoever labels errs now and then."""
LEAST_LABELS = 10
"""So many labels and more may show that what is but style elsewhere tells kinds apart here."""
MOST_WRONG = 0.2
"""They show it if, each left out in turn, no larger share of those that the others tell is told wrong."""
FOLDS = 40
"""More labels than this are left out in so many groups, not one by one."""
_TINY = 1e-300
_NAMES = [(measure, knot) for measure, knots in KNOTS.items() for knot in knots]


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
    seen, prior = _seen(evidence), _array(weights)
    told = np.eye(len(TOLD_KINDS))[[TOLD_KINDS.index(kind) for kind in kinds]]

    def loss(flat: Floats) -> tuple[float, Floats]:
        moved = flat.reshape(prior.shape)
        # Products so small are dearer by BLAS, whose threads wait for each other.
        probability = probabilities(np.einsum("nm,mk->nk", seen, prior + moved))
        value = -np.log(np.maximum((probability * told).sum(axis=1), _TINY)).sum()
        gradient = np.einsum("nm,nk->mk", seen, probability - told) + moved / PRIOR_SD**2
        return float(value + (flat**2).sum() / (2 * PRIOR_SD**2)), gradient.ravel()

    found = prior + minimize(loss, np.zeros(prior.size), jac=True, method="L-BFGS-B").x.reshape(prior.shape)
    learned: Weights = {measure: {} for measure in KNOTS}
    for (measure, knot), row in zip(_NAMES, found, strict=True):
        learned[measure][knot] = tuple(float(weight) for weight in row)
    return learned


def spread(evidence: pd.DataFrame, learned: Weights) -> Floats:
    """Return the standard deviation of each weight after the labels (Laplace's approximation), shape (knots, kinds).

    It follows from how the loss curves where it is least.
    """
    seen, kinds = _seen(evidence), len(TOLD_KINDS)
    probability = probabilities(seen @ _array(learned))
    each = probability[:, :, None] * (np.eye(kinds) - probability[:, None, :])
    curvature = np.einsum("nm,no,nkl->mkol", seen, seen, each, optimize=True).reshape(2 * (seen.shape[1] * kinds,))
    covariance = np.linalg.inv(curvature + np.eye(len(curvature)) / PRIOR_SD**2)
    return np.asarray(np.sqrt(np.diag(covariance)).reshape(-1, kinds), dtype=np.float64)


def _seen(evidence: pd.DataFrame) -> Floats:
    return np.hstack([*design(evidence).values()])


def _array(weights: Weights) -> Floats:
    return np.array([weights[measure][knot] for measure, knot in _NAMES])


@dataclass(frozen=True)
class Trial:
    """How many of n labels the others tell right, each left out in turn.

    Attributes
    ----------
    shipped, learned
        Right with the shipped weights, and with those that the other labels teach.
    style
        Whether to judge the city by all that its labels have taught, style among it (`classification.judge`): no fewer
        are told right than else, and no more than `MOST_WRONG` of those told are wrong.
    """

    shipped: int
    learned: int
    style: bool


def leave_one_out(evidence: pd.DataFrame, kinds: pd.Series, weights: Weights = WEIGHTS) -> Trial:
    """Try the labels on each other.

    Parameters
    ----------
    evidence, kinds, weights
        As for `learn`; from `FOLDS` labels on they are left out by groups.
    """
    wanted = kinds.to_numpy(dtype=object)
    told = {style: np.full(len(kinds), UNDETERMINED, dtype=object) for style in (False, True)}
    for fold in np.array_split(np.random.default_rng(0).permutation(len(kinds)), min(len(kinds), FOLDS)):
        others = np.setdiff1d(np.arange(len(kinds)), fold)
        learned = learn(evidence.iloc[others], kinds.iloc[others], weights)
        for style, found in told.items():
            found[fold] = judge(evidence.iloc[fold], learned, style=style)["kind"]
    right = {style: int((found == wanted).sum()) for style, found in told.items()}
    wrong = {style: int(((found != wanted) & (found != UNDETERMINED)).sum()) for style, found in told.items()}
    better = len(kinds) >= LEAST_LABELS and right[True] >= right[False]
    better &= wrong[True] <= MOST_WRONG * (right[True] + wrong[True])
    return Trial(int((judge(evidence, weights)["kind"].to_numpy() == wanted).sum()), right[better], better)


def teach(
    places: gpd.GeoDataFrame, labels: gpd.GeoDataFrame | None, area_id: str
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, list[Notice]]:
    """Return classified settlements as they are judged after some labels, the weights, and how well the labels agree.

    A labelled settlement is what its label says, with the probability `SURE`; the others are judged anew.

    Parameters
    ----------
    places
        As `classification.classify` gives them.
    labels
        See `labels.match`; in the same CRS. None: there are none, and the shipped weights hold.
    area_id
        The area.

    Returns
    -------
    places
        With kind and probabilities after the labels.
    weights
        Table `kind_weights`.
    notices
        What the labels say of no settlement, where they contradict each other, and how many the others tell right.
    """
    if labels is None:
        return places, weights_table(area_id), []
    given = match(places, labels)
    counts = {"labels_unmatched": given.lost, "labels_contradict": given.contradictory}
    notices = [Notice("labels", code, n, {"area": area_id}) for code, n in counts.items() if n]
    if given.kinds.empty:
        return places, weights_table(area_id), notices
    evidence = places[[f"evidence_{column}" for column in COLUMNS]].set_axis(list(COLUMNS), axis=1)
    row = pd.Series(np.arange(len(places)), index=places["settlement_id"])[given.kinds.index].to_numpy()
    trial = leave_one_out(evidence.iloc[row], given.kinds)
    learned = learn(evidence.iloc[row], given.kinds)
    judged = judge(evidence, learned, style=trial.style)
    rest = (1 - SURE) / (len(TOLD_KINDS) - 1)
    told = judged.index[row]
    judged.loc[told, "kind"] = given.kinds.to_numpy()
    for kind in TOLD_KINDS:
        judged.loc[told, f"p_{kind}"] = np.where(given.kinds == kind, SURE, rest)
    values = {"labels": len(given.kinds), "right": trial.learned, "shipped": trial.shipped}
    notices.append(Notice("labels", "labels_learned", 1, values))
    if trial.style:
        notices.append(Notice("labels", "labels_show_style"))
    if (given.kinds == given.kinds.iloc[0]).all():
        notices.append(Notice("labels", "labels_of_one_kind", 1, {"kind": given.kinds.iloc[0]}))
    taught = places.assign(**judged, kind_score=judged["p_novostroika"])
    return taught, weights_table(area_id, learned, spread(evidence.iloc[row], learned)), notices


def weights_table(area_id: str, learned: Weights = WEIGHTS, after: Floats | None = None) -> pd.DataFrame:
    """Return the table `kind_weights`: each weight as shipped and as learned, and its `spread` (None: the prior's)."""
    shipped, moved = _array(WEIGHTS), _array(learned)
    width = np.full(shipped.shape, PRIOR_SD) if after is None else after
    rows = [
        (area_id, measure, str(knot), kind, shipped[n, k], moved[n, k], width[n, k])
        for n, (measure, knot) in enumerate(_NAMES)
        for k, kind in enumerate(TOLD_KINDS)
    ]
    return pd.DataFrame(rows, columns=["area_id", "measure", "knot", "kind", "shipped", "weight", "spread"])
