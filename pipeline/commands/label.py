"""The settlements whose label would teach most, as a table to fill in: the input `labels` of the next run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import InputError
from pipeline.load import parquet
from pipeline.schema.tables import TABLES
from pipeline.schema.vocabulary import TOLD_KINDS, UNDETERMINED

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

MOST = 20
"""Rows of the table: as many as a planner fills in on a day in the field."""


def wanted(out: Path) -> pd.DataFrame:
    """Return the settlements that would teach most, with the columns place, kind (empty) and source (empty).

    Those come first whose kind is the least certain (entropy of its probabilities), weighted by the logarithm of their
    buildings, the undetermined ones before the others.

    Parameters
    ----------
    out
        A folder of outputs.

    Raises
    ------
    InputError
        The folder holds no outputs.
    """
    path = out / "tables" / "settlements.parquet"
    if not path.exists():
        msg = f"{out} holds no outputs of a run; run first, or name the folder with --out."
        raise InputError(msg)
    places: pd.DataFrame = parquet.read(
        path, TABLES["settlements"], ("settlement_id", "kind", "buildings", *_PROBABILITIES)
    )
    probability = places[list(_PROBABILITIES)].to_numpy()
    entropy = -(probability * np.log(np.maximum(probability, 1e-12))).sum(axis=1)
    worth = entropy * np.log1p(places["buildings"].to_numpy())
    order = np.lexsort((places["settlement_id"], -worth, places["kind"] != UNDETERMINED))[:MOST]
    chosen: pd.DataFrame = places.iloc[order][["settlement_id"]].rename(columns={"settlement_id": "place"})
    return chosen.assign(kind="", source="").reset_index(drop=True)


_PROBABILITIES = tuple(f"p_{kind}" for kind in TOLD_KINDS)
