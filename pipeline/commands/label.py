"""The settlements whose label would teach most, to fill in as a table or on the map: the input `labels` of a run."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import shapely

from pipeline.errors import InputError
from pipeline.load import parquet
from pipeline.schema.tables import TABLES
from pipeline.schema.vocabulary import TOLD_KINDS, UNDETERMINED

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    import geopandas as gpd

Form = Literal["csv", "geojson"]

MOST = 20
"""Rows of the table: as many as a planner fills in on a day in the field."""
COLUMNS = ("place", "name", "lat", "lon", "kind", "source")
"""What is written; kind and source are empty."""
_DIGITS = 6
_PROBABILITIES = ("kind_score", *(f"p_{kind}" for kind in TOLD_KINDS[1:]))
"""Of the kinds in `TOLD_KINDS`: the score is the probability of the first."""


def wanted(out: Path) -> gpd.GeoDataFrame:
    """Return the settlements that would teach most, with `COLUMNS` and their outlines.

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
    wanted_columns = ("settlement_id", "name", "kind", "buildings", "geometry", *_PROBABILITIES)
    places: gpd.GeoDataFrame = parquet.read(path, TABLES["settlements"], wanted_columns)
    probability = places[list(_PROBABILITIES)].to_numpy()
    entropy = -(probability * np.log(np.maximum(probability, 1e-12))).sum(axis=1)
    worth = entropy * np.log1p(places["buildings"].to_numpy())
    order = np.lexsort((places["settlement_id"], -worth, places["kind"] != UNDETERMINED))[:MOST]
    chosen = places.iloc[order].reset_index(drop=True)
    inside = shapely.point_on_surface(np.asarray(chosen.geometry.array, dtype=object))
    return chosen[["geometry"]].assign(
        place=chosen["settlement_id"],
        name=chosen["name"].astype(object).where(chosen["name"].notna(), ""),
        lat=shapely.get_y(inside).round(_DIGITS),
        lon=shapely.get_x(inside).round(_DIGITS),
        kind="",
        source="",
    )


def write(out: Path, form: Form, stream: TextIO) -> None:
    """Write them as CSV, a row each, or as GeoJSON, whose outlines any program of maps shows and edits."""
    rows = wanted(out)
    properties = pd.DataFrame(rows)[list(COLUMNS)]
    if form == "csv":
        properties.to_csv(stream, index=False, quoting=csv.QUOTE_MINIMAL)
        return
    shapes = shapely.to_geojson(shapely.set_precision(np.asarray(rows.geometry.array, dtype=object), 10.0**-_DIGITS))
    features = [
        {"type": "Feature", "properties": row, "geometry": json.loads(shape)}
        for row, shape in zip(properties.to_dict("records"), shapes, strict=True)
    ]
    json.dump({"type": "FeatureCollection", "features": features}, stream, ensure_ascii=False, indent=1)
    stream.write("\n")
