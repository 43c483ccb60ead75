"""The kind of a settlement: probabilities from evidence that adds up, or "undetermined" where it does not suffice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.schema.vocabulary import TOLD_KINDS, UNDETERMINED
from pipeline.transform.settlements import street_network
from pipeline.transform.settlements.evidence import gather
from pipeline.transform.settlements.kind_weights import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from pipeline.transform.settlements.neighbour_graph import Floats, Labels, Mask

Weights = dict[str, dict[float | str, tuple[float, ...]]]
"""For each measure of `evidence` its knots, or the words that it may be, with a weight for each of `TOLD_KINDS`."""

KNOTS: dict[str, tuple[float | str, ...]] = {
    "name_word": ("novostroika", "village", "dacha", "formal"),
    "map_tag": ("village", "allotments", "quarter"),
    "listed": ("novostroika", "village", "dacha", "blocks"),
    "onset": (1980, 1990, 2000, 2010),
    "unpaved_share": (0, 1),
    "services_ratio": (-1.5, 0, 1.5),
    "flats_share": (0.0, 0.3),
    "home_m2": (35, 60, 110, 200, 400),
    "plot_m2": (500, 1000, 2000, 4000),
}
"""Where the weights of each measure stand: between two knots they are interpolated, beyond the last ones constant."""
RATIOS = frozenset({"home_m2", "plot_m2"})
"""Measures that are interpolated by their logarithms."""
SILENT = (("flats_share", 0.0),)
"""Knots without a weight: blocks of flats tell something where they are mapped, their absence from a map does not."""

TOLD_FROM = 0.5
"""A kind is told where it is more probable than all others together."""
SAID = ("name_word", "map_tag", "listed")
STYLE = ("home_m2", "plot_m2")
STYLE_TRUST = 0.7
"""Weight of the probabilities with `STYLE` beside those without it: in the next city houses and plots of the same size
may be those of another kind."""
STREETS = ("unpaved_share", "services_ratio")
LIVED_IN = len(TOLD_KINDS) - 1
"""The last kind, `other`, is that of markets and works."""
AGREES = float(np.log(2))
"""Evidence agrees with a new settlement if it doubles its odds against the mean of the other kinds; another kind is
clearly more probable if it is twice as much so."""


def classify(
    settlements: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    layers: Mapping[str, gpd.GeoDataFrame],
    onset_year: pd.Series,
    country: str,
) -> gpd.GeoDataFrame:
    """Give each settlement its kind, the probabilities of all kinds, and the evidence.

    The probability of kind k is softmax(Σ w_mk(x_m)) over the measures x_m that the inputs show, with weights that are
    piecewise linear in numbers and constant for words. There is no constant: without evidence all kinds are equally
    probable. Houses and plots of any size are found everywhere: the probabilities are a mixture of those with and
    without `STYLE`, so that style alone never makes sure.

    A kind is told from `TOLD_FROM` on, where something is said (name, tag, list), blocks of flats are known, or age and
    streets, and where what is said or flats do not speak for another one. A new settlement needs more: what is said
    must speak for one rather than for any other kind; or what was seen of its streets (paving, services) must agree
    with its age, or, where nothing was seen of them, what is said.

    Parameters
    ----------
    settlements
        As `resolve_names` gives them (metres).
    buildings
        Merged buildings with `settlement_id`.
    layers
        OSM layers roads and services, in the same CRS.
    onset_year
        First year with a tenth of today's built-up area, by settlement_id; NaN or missing where unknown.
    country
        Of the city, two letters: what its tags tell (`evidence.QUARTERS_TELL_IN`).

    Returns
    -------
    geopandas.GeoDataFrame
        `settlements` with kind, p_<kind> for each of vocabulary.TOLD_KINDS, kind_score (p_novostroika), and the
        columns of `evidence.gather` and of `street_network.measure` with the prefix ``evidence_``. How streets are
        laid out is for the reader: it differs from city to city more than from kind to kind, and weighs nothing.
    """
    evidence = gather(settlements, buildings, layers, onset_year, country)
    judged = judge(evidence)
    streets = street_network.measure(settlements, layers)
    shown = pd.concat([evidence, streets], axis=1).add_prefix("evidence_")
    return settlements.assign(**judged, kind_score=judged["p_novostroika"], **shown)


def judge(evidence: pd.DataFrame, weights: Weights = WEIGHTS, *, style: bool = False) -> pd.DataFrame:
    """Return kind and probabilities (columns kind, p_<kind>) from the evidence of `evidence.gather`.

    With `style`, a kind is told wherever it is probable enough: the weights come from this city's own labels, which
    have shown that what differs from city to city tells kinds apart here.
    """
    added = pulls(evidence, weights)
    score = sum(added.values(), start=np.zeros((len(evidence), len(TOLD_KINDS))))
    probability = probabilities(score)
    if not style:
        plain = probabilities(score - sum(added[measure] for measure in STYLE))
        probability = STYLE_TRUST * probability + (1 - STYLE_TRUST) * plain
    best = probability.argmax(axis=1) if len(evidence) else np.empty(0, dtype=np.int64)
    told = probability.max(axis=1, initial=0) >= TOLD_FROM
    if not style:
        told &= _shown(evidence, added) & ((best != 0) | _agreed(added)) & ~_denied(added, best)
    names = np.array(TOLD_KINDS, dtype=object)
    columns = {f"p_{kind}": probability[:, k] for k, kind in enumerate(TOLD_KINDS)}
    return pd.DataFrame({"kind": np.where(told, names[best], UNDETERMINED), **columns}, index=evidence.index)


def probabilities(score: Floats) -> Floats:
    """Return the softmax of scores, row by row."""
    odds = np.exp(score - score.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), dtype=np.float64)


def pulls(evidence: pd.DataFrame, weights: Weights) -> dict[str, Floats]:
    """Return what each measure adds to the score of each kind, shape (n, kinds); nothing where it is unknown."""
    return {
        measure: shares @ np.array([weights[measure][knot] for knot in KNOTS[measure]])
        for measure, shares in design(evidence).items()
    }


def design(evidence: pd.DataFrame) -> dict[str, Floats]:
    """Return for each measure the share of each of its knots, shape (n, knots): all 0 where it is unknown."""
    out: dict[str, Floats] = {}
    for measure, knots in KNOTS.items():
        if isinstance(knots[0], str):
            shares = np.stack([np.where(evidence[measure] == knot, 1.0, 0.0) for knot in knots], axis=1)
        else:
            values, at = evidence[measure].to_numpy(dtype=float, na_value=np.nan), np.array(knots, dtype=float)
            if measure in RATIOS:
                values, at = np.log(values), np.log(at)
            shares = np.stack([np.interp(values, at, row) for row in np.eye(len(at))], axis=1)
            shares[np.isnan(values)] = 0.0
            shares[:, [(measure, knot) in SILENT for knot in knots]] = 0.0
        out[measure] = shares
    return out


def _shown(evidence: pd.DataFrame, added: dict[str, Floats]) -> Mask:
    """Mark where more is known than style: something said, flats (one house tells nothing), or both age and streets."""
    known = {measure: shares.any(axis=1) for measure, shares in design(evidence).items()}
    said, streets = (np.any([known[measure] for measure in group], axis=0) for group in (SAID, STREETS))
    flats = _lead(added["flats_share"]) <= -AGREES
    return np.asarray(said | flats | (known["onset"] & streets), dtype=np.bool_)


def _agreed(added: dict[str, Floats]) -> Mask:
    """Mark where more than age speaks for a new settlement.

    What is said of it must speak for one rather than for any other kind. Or, beside its age and unless what is said is
    for another kind, its streets must agree; where nothing was seen of them, it suffices that what is said is usual for
    a new settlement, such as a suburb, a quarter or a мкр, which may be formal as well. And without its age no other
    kind may be clearly more probable.
    """
    said, streets = (np.sum([added[measure] for measure in group], axis=0) for group in (SAID, STREETS))
    ageless = np.sum([added[measure] for measure in KNOTS if measure != "onset"], axis=0)
    spoken = said[:, 0] - said[:, 1:LIVED_IN].max(axis=1) >= AGREES
    beside = np.where(streets.any(axis=1, keepdims=True), streets, said)
    young = (_lead(added["onset"]) > 0) & (_lead(beside) >= AGREES) & ~_against(said)
    return np.asarray((spoken | young) & ~_against(ageless), dtype=np.bool_)


def _denied(added: dict[str, Floats], best: Labels) -> Mask:
    """Mark where what is said, or blocks of flats, speak clearly for another kind than the most probable one."""
    said = np.sum([added[measure] for measure in (*SAID, "flats_share")], axis=0)
    return np.asarray(said.max(axis=1, initial=0) - said[np.arange(len(best)), best] >= AGREES, dtype=np.bool_)


def _against(score: Floats) -> Mask:
    """Mark where another kind is clearly more probable than a new settlement."""
    return np.asarray(score[:, 1:].max(axis=1) - score[:, 0] >= AGREES, dtype=np.bool_)


def _lead(score: Floats) -> Floats:
    """Return by how much a new settlement leads the mean of the other kinds that people live in."""
    return np.asarray(score[:, 0] - score[:, 1:LIVED_IN].mean(axis=1), dtype=np.float64)
