"""The kind of a settlement: a multinomial logistic score over standardised measures, each pull on the table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from pipeline.schema.vocabulary import SETTLEMENT_KINDS
from pipeline.transform.settlements import osm_places
from pipeline.transform.settlements.measures import DESCRIPTIONS, measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    import pandas as pd

    from pipeline.transform.settlements.neighbour_graph import Floats

WEIGHTS = {
    # measure:     (centre, scale)  novostroika, village, dacha, formal, other
    "footprint": ((4.6, 1.0), (0.6, 0.0, -2.0, 0.8, 0.6)),
    "spread": ((0.4, 0.3), (-0.2, 0.2, -0.5, -0.3, 0.7)),
    "spacing": ((3.1, 0.5), (0.1, 0.0, -0.5, 0.8, -0.4)),
    "plot": ((6.9, 0.7), (-0.7, 0.4, -0.2, 0.3, 0.2)),
    "coverage": ((0.1, 0.1), (0.4, -0.3, -1.1, -0.1, 1.1)),
    "alignment": ((1.0, 0.1), (-0.1, -0.5, 0.0, 0.5, 0.0)),
    "sheds": ((0.4, 0.1), (0.8, 0.9, 0.0, -1.3, -0.3)),
    "large": ((0.0, 0.3), (-0.4, -0.3, 0.0, 0.3, 0.4)),
    "straightness": ((1.0, 0.1), (0.1, -0.2, 0.0, 0.1, 0.0)),
    "paved": ((-0.1, 0.3), (-1.0, 0.7, -0.7, 0.7, 0.4)),
    "services": ((0.0, 1.6), (-0.3, 0.1, -0.3, -0.1, 0.6)),
    "onset": ((0.8, 2.4), (1.9, -1.4, -0.5, -0.2, 0.3)),
    "distance": ((1.5, 0.6), (0.1, 0.4, 0.3, -0.8, 0.0)),
    "allotments": ((0.0, 1.0), (-0.9, -0.2, 1.1, -0.1, 0.0)),
    "village": ((0.0, 1.0), (0.0, 0.2, -0.1, -0.1, 0.0)),
    "worked": ((0.0, 1.0), (-0.2, -0.1, 0.0, -1.5, 1.9)),
    "constant": ((0.0, 1.0), (3.3, -1.0, 0.0, -0.3, -2.0)),
}
"""Weights of each measure for each kind, in the order of vocabulary.SETTLEMENT_KINDS, after it is centred and scaled.

Signs follow what the field says (docs/domain.md: a plotted grid, 60 to 140 m², detached, few services, unpaved
streets, young); sizes were fitted by ridge-penalised multinomial logistic regression on twenty simulated cities with
seeds 1 to 5 and rounded to a tenth. An unknown measure is set to its centre and pulls nowhere.
"""
TAGS = {
    "allotments": frozenset({"place=allotments", "landuse=allotments"}),
    "village": frozenset({"place=village"}),
    "worked": frozenset({f"landuse={value}" for value in osm_places.WORKED}),
}
"""What OSM says outright: 1 if an object that the settlement rests on carries one of the tags, else 0."""
_LIMIT = 3.0
"""Standardised measures are cut here, so that one odd measure cannot outvote all others."""


def classify(
    settlements: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    layers: Mapping[str, gpd.GeoDataFrame],
    onset_year: pd.Series,
) -> gpd.GeoDataFrame:
    """Give each settlement its kind, the score that it is a novostroika, and the reasons.

    The probability of kind k is softmax(Σ w_mk z_m) over the standardised measures z; `kind` is the most probable one,
    `kind_score` the probability of a novostroika, `kind_reasons` a JSON object with, for each known measure, its
    `value` and its `pull`: the weight of novostroika less the mean weight of the other kinds, times z.

    Parameters
    ----------
    settlements
        As `delineate` gives them (metres).
    buildings
        Merged buildings with `settlement_id`.
    layers
        OSM layers roads, services, places, landuse, in the same CRS.
    onset_year
        First year with a tenth of today's built-up area, by settlement_id; NaN or missing where unknown.

    Returns
    -------
    geopandas.GeoDataFrame
        `settlements` with kind, kind_score and kind_reasons.
    """
    values = measure(settlements, buildings, layers, onset_year)
    values = values.assign(**_tags(settlements, layers), constant=1.0)
    table = np.array([weights for _, weights in WEIGHTS.values()])
    centre, scale = np.array([standard for standard, _ in WEIGHTS.values()]).T
    raw = values[list(WEIGHTS)].to_numpy(dtype=float)
    known = np.isfinite(raw)
    z = np.where(known, np.clip((raw - centre) / scale, -_LIMIT, _LIMIT), 0.0)
    score = z @ table
    odds = np.exp(score - score.max(axis=1, keepdims=True))
    probability = odds / odds.sum(axis=1, keepdims=True)
    pull = z * (table[:, :1] - table[:, 1:].mean(axis=1, keepdims=True)).T
    return settlements.assign(
        kind=np.array(SETTLEMENT_KINDS, dtype=object)[probability.argmax(axis=1)] if len(raw) else [],
        kind_score=probability[:, 0],
        kind_reasons=[_reasons(*row) for row in zip(raw, pull, known, strict=True)],
    )


def _tags(settlements: gpd.GeoDataFrame, layers: Mapping[str, gpd.GeoDataFrame]) -> dict[str, Floats]:
    found = osm_places.objects(layers, settlements.crs)
    tag = dict(zip(found["osm_id"], found["tag"], strict=True))
    held = [{tag.get(osm_id) for osm_id in ids.split(";")} for ids in settlements["osm_ids"]]
    return {name: np.array([float(not tags.isdisjoint(wanted)) for tags in held]) for name, wanted in TAGS.items()}


def _reasons(values: Floats, pulls: Floats, known: Floats) -> str:
    """Return the reasons as JSON, the strongest pull first; constants and unknown measures give none."""
    rows = [
        (name, {"value": round(value, 3), "pull": round(pull, 2)})
        for name, value, pull, yes in zip(WEIGHTS, values.tolist(), pulls.tolist(), known.tolist(), strict=True)
        if yes and name in {**DESCRIPTIONS, **TAGS} and not (name in TAGS and value == 0)
    ]
    rows.sort(key=lambda row: -abs(row[1]["pull"]))
    return json.dumps(dict(rows))
