"""What the columns of a table say of its footprints: who drew them, how tall they are, and their use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pipeline.declared import catalogue
from pipeline.schema import units

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

ORIGINS = ("unknown", "microsoft", "esri", "google", "osm")
"""Who drew a footprint, by the number that stands for it while a million rows are read."""
UNKNOWN, MICROSOFT = 0, 1
GONE: Final = "a footprint is tagged as planned, gone or no building and was left out"
_DRAWN_BY = (
    ("openstreetmap", "osm"), ("osm", "osm"), ("microsoft", "microsoft"), ("msft", "microsoft"), ("ms", "microsoft"),
    ("google", "google"), ("esri", "esri"),
)  # fmt: skip
"""How names of datasets begin (lower case): Overture's `sources`, VIDA's `bf_source`, GlobalBuildingAtlas' `source`."""
OF_OSM = ("osm_id", "full_id", "osm_way_id", "@id", "fclass", "osm_type", "osm_ids")
"""Columns that only extracts of OpenStreetMap have: of QuickOSM, Overpass Turbo, ogr2ogr, Geofabrik, HOT."""
_OF_GOOGLE = frozenset({"full_plus_code", "area_in_meters"})
_OF_ATLAS = frozenset({"source", "height", "var"})
_SOURCES = ("bf_source", "source", "dataset", "origin")
_HEIGHTS = ("height", "height_m", "building:height", "height_mean", "mean_height", "render_height", "высота")
_LEVELS = ("building:levels", "levels", "num_floors", "building_levels", "building_l", "floors", "storeys", "этажность")
_USES = ("building", "building_use")
_TALLEST_M = 1000.0
"""No building is taller; such a number is no height."""
_LEVEL_M = 3.0
"""Height of a storey, for footprints of which only the storeys are known."""
WANTED = frozenset(
    ("sources", "confidence", "type", *OF_OSM, *_OF_GOOGLE, *_OF_ATLAS, *_SOURCES, *_HEIGHTS, *_LEVELS, *_USES)
)  # fmt: skip
"""Columns that say anything (lower case); others need not be read."""


def of_buildings(names: Iterable[str]) -> bool:
    """Return whether columns with these names say anything beside what Microsoft's lines say."""
    return not {name.lower() for name in names} <= {"height", "confidence"}


def of_atlas(frame: pd.DataFrame) -> bool:
    """Return whether a table is of GlobalBuildingAtlas: its heights, with their variance, stand under its licence."""
    return _lower(frame).keys() >= _OF_ATLAS


def origins(frame: pd.DataFrame) -> NDArray[np.int8]:
    """Return numbers into `ORIGINS`: from the dataset of each row, else from columns that only one of them has."""
    columns = _lower(frame)
    if "sources" in columns:
        return _numbers(pd.Series([_of_overture(entry) for entry in columns["sources"]], dtype="object"))
    of_osm = any(name in columns for name in OF_OSM)
    named = next((name for name in _SOURCES if name in columns), None)
    if named and not of_osm:
        return _numbers(columns[named])
    every = "osm" if of_osm else "google" if columns.keys() & _OF_GOOGLE else "unknown"
    return np.full(len(frame), ORIGINS.index(every), dtype=np.int8)


def _numbers(names: pd.Series) -> NDArray[np.int8]:
    known = {name: ORIGINS.index(_drawn_by(str(name))) for name in names.dropna().unique()}
    numbers: NDArray[np.int8] = names.map(known).fillna(UNKNOWN).to_numpy(dtype=np.int8)
    return numbers


def _drawn_by(name: str) -> str:
    text = name.strip().lower()
    return next((origin for start, origin in _DRAWN_BY if text == start or text.startswith(f"{start} ")), "unknown")


def _of_overture(entry: object) -> str:
    """Return the dataset of a row's geometry; `sources` may be a list, or JSON where a format knows no lists."""
    if isinstance(entry, str):
        try:
            entry = json.loads(entry)
        except ValueError:
            return ""
    items = [item for item in _listed(entry) if isinstance(item, dict)]
    of_geometry = [item for item in items if item.get("property") in {None, "", "/geometry"}]
    return str((of_geometry or items)[0].get("dataset") or "") if items else ""


def _listed(entry: Any) -> list[Any]:  # noqa: ANN401 - whatever a column holds
    return list(entry) if isinstance(entry, list | tuple | np.ndarray) else []


def heights(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Return heights in metres, from storeys where no height is known; NaN: neither is."""
    height, levels = _measure(frame, _HEIGHTS), _measure(frame, _LEVELS)
    return np.where(np.isnan(height), levels * _LEVEL_M, height)


def confidences(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Return how sure the provider is of each footprint; NaN: it does not say."""
    return _measure(frame, ("confidence",))


def uses(frame: pd.DataFrame) -> NDArray[np.object_]:
    """Return the values of OpenStreetMap's key `building`; None: unknown."""
    columns = _lower(frame)
    name = next((name for name in (*_USES, "type" if "fclass" in columns else "") if name in columns), None)
    if name is None:
        return np.full(len(frame), None, dtype=object)
    texts = columns[name].astype("object")
    return texts.where(texts.notna() & texts.astype("str").ne(""), None).to_numpy(dtype=object)


def gone(values: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which values of `building` stand for no building, as they do in OpenStreetMap itself."""
    layer = catalogue.default().osm_layers["buildings"]
    none = {value for value in set(values[values != None]) if not layer.matches({"building": str(value)})}  # noqa: E711
    return np.isin(values.astype(str), [str(value) for value in none]) if none else np.zeros(len(values), dtype=bool)


def _measure(frame: pd.DataFrame, names: Iterable[str]) -> NDArray[np.float64]:
    """Return the first known of some columns in metres or storeys, whatever unit stands beside it."""
    result = np.full(len(frame), np.nan)
    columns = _lower(frame)
    for name in names:
        if name in columns:
            values = number(columns[name])
            result = np.where(np.isnan(result) & (values >= 0) & (values <= _TALLEST_M), values, result)
    return result


def number(values: pd.Series) -> NDArray[np.float64]:
    """Return numbers, also of texts such as "3 m" or "3,5"; NaN where there is none."""
    plain = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    unread = np.flatnonzero(np.isnan(plain) & values.notna().to_numpy())
    if len(unread):
        texts = values.iloc[unread].astype("str")
        read = {text: units.largest(text, "m", "m") for text in texts.unique()}
        plain = plain.copy()
        plain[unread] = [np.nan if read[text] is None else read[text] for text in texts]
    return plain


def _lower(frame: pd.DataFrame) -> dict[str, pd.Series]:
    return {str(name).lower(): frame[name] for name in frame.columns if name != "geometry"}
