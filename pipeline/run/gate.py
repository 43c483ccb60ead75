"""A gate before publishing: inputs that lost much since the release before are a fault more often than a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.base.releases import Pointer, resolve
from pipeline.errors import InputError, RunError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_FALL = 0.2
"""A count that falls by more than this share stops a run."""
_BBOX = ["west", "south", "east", "north"]


def check(built: Path, out: Path) -> None:
    """Compare what a run made with the release that it would replace, area by area.

    Compared are real areas that both have, in the same bbox: buildings, hazards, residents, the objects that each
    dataset has there, and how old OpenStreetMap is.

    Parameters
    ----------
    built, out
        The staged release, and the outputs that it would be published in.

    Raises
    ------
    RunError
        A count fell by more than `MOST_FALL`, or OpenStreetMap is older than before.
    """
    try:
        before = resolve(out)
    except InputError:
        return  # nothing that could be compared with
    if Pointer.read(out) is None:
        return
    areas = _read(before, "areas", ["area_id", *_BBOX, "simulated"]).merge(
        _read(built, "areas", ["area_id", *_BBOX, "simulated"]), on=["area_id", *_BBOX, "simulated"]
    )
    real = areas.loc[~areas["simulated"].astype(bool), "area_id"].tolist()
    old, new = (_counts(release, real) for release in (before, built))
    worse = [
        f"{area}: {what} fell from {old[area, what]:,.0f} to {count:,.0f}"
        for (area, what), count in ((key, new.get(key, 0.0)) for key in sorted(old))
        if count < (1 - MOST_FALL) * old[area, what]
    ]
    dates = [_dates(release, real) for release in (before, built)]
    worse += [
        f"{area}: OpenStreetMap is of {day[:10]}, older than before ({dates[0][area][:10]})"
        for area, day in sorted(dates[1].items())
        if day < dates[0].get(area, "")
    ]
    if worse:
        more = f" (and {len(worse) - 1} more)" if len(worse) > 1 else ""
        msg = f"{worse[0]}{more}; the previous outputs are kept. If that is right, run again with --accept-change."
        raise RunError(msg)


def _counts(release: Path, areas: Sequence[str]) -> dict[tuple[str, str], float]:
    """Return the counts of a release by area and what is counted."""
    found: dict[tuple[str, str], float] = {}
    for table in ("buildings", "hazards"):
        rows = _read(release, table, ["area_id"])
        found |= {(str(area), table): float(count) for area, count in rows["area_id"].value_counts().items()}
    people = _read(release, "area_population", ["area_id", "residents_p50"]).dropna()
    found |= {(area, "residents"): float(count) for area, count in people.itertuples(index=False)}
    sources = _read(release, "sources", ["area_id", "dataset", "features"])
    for area, dataset, features in sources.groupby(["area_id", "dataset"], as_index=False).sum().to_numpy():
        found[area, f"objects of {dataset}"] = float(features)
    return {key: count for key, count in found.items() if key[0] in areas}


def _dates(release: Path, areas: Sequence[str]) -> dict[str, str]:
    """Return the day of OpenStreetMap (ISO 8601) by area, where it is told."""
    sources = _read(release, "sources", ["area_id", "dataset", "version"]).query("dataset == 'osm'")
    days = sources[sources["version"].astype(str).str.match(r"\d{4}-\d\d-\d\d") & sources["area_id"].isin(areas)]
    return dict(days.groupby("area_id")["version"].max())


def _read(release: Path, table: str, columns: list[str]) -> pd.DataFrame:
    """Return columns of a table; no row where the release, of another version, does not have them."""
    try:
        with pq.ParquetFile(release / "tables" / f"{table}.parquet") as file:
            rows: pd.DataFrame = file.read(columns=columns).select(columns).to_pandas()
    except (OSError, KeyError, pa.ArrowException):
        return pd.DataFrame(columns=columns)
    return rows
