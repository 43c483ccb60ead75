"""Rows of an area that no transform makes: what it is, where its inputs come from, where its buildings stand."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.geometry.polygon_validity import snapped
from pipeline.schema import tables
from pipeline.schema.vocabulary import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.config import Area
    from pipeline.schema.provenance import Source
    from pipeline.transform import people_seen

_DECIMALS = 7
"""Of coordinates in tables, as in OpenStreetMap."""


def area_row(area: Area, seen: people_seen.PeopleSeen, inputs_year: int | None) -> gpd.GeoDataFrame:
    """Return the row of the table `areas`."""
    west, south, east, north = area.bbox
    return gpd.GeoDataFrame(
        {
            "area_id": [area.area_id],
            "country": [area.country],
            "crs": [area.crs or area.projected.srs],
            "name": [area.name.en],
            **{f"name_{language}": [getattr(area.name, language)] for language in LANGUAGES},
            "west": [west],
            "south": [south],
            "east": [east],
            "north": [north],
            "simulated": [area.simulated],
            "inputs_year": pd.array([inputs_year], dtype="Int64"),
            "people_seen_share": [seen.share],
            "people_seen_by": [seen.basis],
            "told": [seen.told],
            "told_reason": [seen.reason],
        },
        geometry=[area.boundary],
        crs="EPSG:4326",
    )


def source_rows(sources: Sequence[Source]) -> pd.DataFrame:
    """Return the rows of the table `sources`."""
    return pd.DataFrame([asdict(source) for source in sources], columns=list(tables.TABLES["sources"].columns))


def located(houses: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the buildings with the longitude and latitude of a point inside each, to the centimetre as on maps."""
    points = houses.representative_point().to_crs("EPSG:4326")
    return houses.assign(lon=points.x.round(_DECIMALS), lat=points.y.round(_DECIMALS))


def in_degrees(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame as tables hold it: longitude and latitude to about a centimetre, geometries valid after that."""
    if not isinstance(frame, gpd.GeoDataFrame):
        return frame
    degrees = frame.to_crs("EPSG:4326")
    shapes = snapped(np.asarray(degrees.geometry.array, dtype=object), _DECIMALS)
    rows: pd.DataFrame = degrees.set_geometry(gpd.GeoSeries(shapes, index=degrees.index, crs=degrees.crs))
    return rows
