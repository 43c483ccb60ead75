"""All inputs of one area, read by the reader of each kind; what was not given is named, never replaced."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.errors import InputError, NothingFoundError
from pipeline.extract import area_inputs, footprints, labels, osm, outlines, rasters, registers, registry
from pipeline.extract.area_inputs import AreaInputs
from pipeline.extract.local_files import source_id
from pipeline.extract.wsf import tracker
from pipeline.schema.provenance import Extract, Notice, sha256
from pipeline.schema.vocabulary import INPUTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pipeline.config import Area
    from pipeline.declared.catalogue import Catalogue, SourceSpec
    from pipeline.extract.live import Fetched
    from pipeline.geometry.raster import Raster
    from pipeline.schema.provenance import Source

T = TypeVar("T")
G = TypeVar("G")
"""What the configuration names for an input: a path, or tiles."""


def read(area: Area, catalogue: Catalogue, fetched: Fetched | None = None) -> Extract[AreaInputs]:
    """Read everything that was fetched for an area, and that its configuration names beside it.

    Parameters
    ----------
    fetched
        From `live.fetch`; an input that it fills is not read from the files that the configuration names for it.

    Raises
    ------
    InputError
        No input is given at all, or one is unusable.
    NothingFoundError
        No input shows a building in the area.
    """
    remote = _read_fetched(area, catalogue, fetched)
    area_inputs.check(area, remote)
    given = area.inputs
    reading = _Reading(area)
    modelled = catalogue.sources["ghs_built_s"].modelled_epochs if "ghs_built_s" in catalogue.sources else ()

    def first(key: str) -> Extract[Any] | None:
        return remote[key][0] if key in remote else None

    def raster(dataset: str, version: str) -> Callable[[Sequence[Path], Area], Extract[Raster]]:
        spec = catalogue.sources.get(dataset)
        return partial(rasters.read_mosaic, dataset=dataset, version=version, nodata=spec.nodata if spec else None)

    inputs = AreaInputs(
        layers=reading.keep(first("osm") or osm.read(given.osm, area, catalogue.osm_layers, catalogue.reach_m)),
        footprints=reading.keep(
            footprints.together(remote["footprints"])
            if "footprints" in remote
            else footprints.read(given.footprints, area)
        ),
        heights=reading.optional(
            first("heights") or (footprints.read_heights(given.heights, area) if given.heights else None)
        ),
        built_up=reading.optional(first("built_up"))
        or {
            year: reading.keep(raster("ghs_built_s", str(year))(tiles, area), None if year in modelled else year)
            for year, tiles in reading.distinct_epochs(given.built_up).items()
        },
        onset=reading.optional(first("onset") or reading.local(given.onset, raster("wsf_evolution", "v1"))),
        tracker=reading.optional(first("tracker") or reading.local(given.tracker, tracker.read)),
        population=reading.optional(
            first("population") or reading.local(given.population, raster("local_population", ""))
        ),
        registered=reading.optional(reading.local(given.registered, registers.read_registered)),
        survey=reading.optional(reading.local(given.survey, registers.read_survey)),
        labels=reading.optional(reading.local(given.labels, labels.read)),
        outlines=reading.optional(reading.local(given.outlines, outlines.read)),
        truth={} if given.truth is None else _read_truth(given.truth),
        missing=tuple(key for key in INPUTS if not (key in remote or getattr(given, key))),
    )
    inputs = replace(inputs, built_up=reading.distinct_values(inputs.built_up, given.built_up))
    _check_found(inputs, area, reading.notices)
    noticed = fetched.notices if fetched else []
    restricted = {source.dataset: spec for source in reading.sources if (spec := _restricted(source, catalogue))}
    terms = [
        Notice(name, "restricted", values={"licence": spec.licence, "restriction": spec.restriction})
        for name, spec in restricted.items()
    ]
    return Extract(inputs, reading.sources, [*noticed, *terms, *reading.notices])


def _restricted(source: Source, catalogue: Catalogue) -> SourceSpec | None:
    """Return the dataset of what was read, if its licence forbids something."""
    spec = catalogue.sources.get(source.dataset)
    return spec if spec and spec.restriction and not source.simulated else None


def _check_found(inputs: AreaInputs, area: Area, notices: Sequence[Notice]) -> None:
    """End the run where no input shows a building: an empty city is no finding."""
    if inputs.layers["buildings"].empty and inputs.footprints.empty:
        names = ", ".join(path.name for path in (*area.inputs.osm, *area.inputs.footprints)) or "what was fetched"
        noticed = f" ({'; '.join(map(str, notices))})" if notices else ""
        msg = (
            f"No building lies within the bbox {list(area.bbox)} of {area.area_id} in {names}{noticed}; give files "
            "that cover it, or correct the bbox (west, south, east, north)."
        )
        raise NothingFoundError(msg)


def _read_fetched(area: Area, catalogue: Catalogue, fetched: Fetched | None) -> dict[str, list[Extract[Any]]]:
    """Return what each source reads of what it has fetched, by the input that it fills."""
    read: dict[str, list[Extract[Any]]] = {}
    if fetched is not None:
        sources = registry.sources(catalogue)
        for name, files in fetched.files.items():
            if files:
                read.setdefault(sources[name].spec.feeds, []).append(sources[name].read(files, area))
    return read


class _Reading:
    """Collects the provenance and the notices of several extracts."""

    def __init__(self, area: Area) -> None:
        self.area = area
        self.sources: list[Source] = []
        self.notices: list[Notice] = []

    def keep(self, extract: Extract[T], observed_year: int | None = None) -> T:
        for source in extract.sources:
            # Readers number the files of one call; the epochs of a raster come one call each.
            number = 1 + sum(known.dataset == source.dataset for known in self.sources)
            known_year = source.observed_year if observed_year is None else observed_year
            renumbered = source_id(source.dataset, self.area, number)
            self.sources.append(replace(source, source_id=renumbered, observed_year=known_year))
        self.notices += extract.notices
        return extract.data

    def distinct_epochs(self, built_up: Mapping[int, tuple[Path, ...]]) -> dict[int, tuple[Path, ...]]:
        """Return the epochs without those whose files stand for a later one too: a copy shows no growth."""
        years: dict[tuple[str, ...], list[int]] = {}
        for year, tiles in sorted(built_up.items()):
            years.setdefault(tuple(sorted(map(sha256, tiles))), []).append(year)
        for same in years.values():
            if len(same) > 1:
                values: dict[str, str | float] = {"years": ", ".join(map(str, same)), "used": same[-1]}
                self.notices.append(Notice(built_up[same[-1]][0].name, "epochs_of_one_file", len(same) - 1, values))
        return {same[-1]: built_up[same[-1]] for same in sorted(years.values(), key=lambda same: same[-1])}

    def distinct_values(
        self, built_up: Mapping[int, Raster], files: Mapping[int, tuple[Path, ...]]
    ) -> dict[int, Raster]:
        """Return the epochs without those whose cells are those of the next one: the same raster, packed otherwise."""
        kept: dict[int, Raster] = {}
        for year, raster in sorted(built_up.items(), reverse=True):
            later = kept[min(kept)] if kept else None
            if later is not None and year in files and _same_cells(raster, later):
                values: dict[str, str | float] = {"years": f"{year}, {min(kept)}", "used": min(kept)}
                self.notices.append(Notice(files[year][0].name, "epochs_of_one_file", 1, values))
            else:
                kept[year] = raster
        return dict(sorted(kept.items()))

    def optional(self, extract: Extract[T] | None) -> T | None:
        return None if extract is None else self.keep(extract)

    def local(self, given: G | None, reader: Callable[[G, Area], Extract[T]]) -> Extract[T] | None:
        return None if given is None else reader(given, self.area)


def _same_cells(one: Raster, other: Raster) -> bool:
    """Return whether two rasters show the same, and something."""
    if one.transform != other.transform or one.values.shape != other.values.shape:
        return False
    return bool(np.nanmax(one.values, initial=0) > 0 and np.array_equal(one.values, other.values, equal_nan=True))


def _read_truth(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the truth of a simulated area as far as estimates are compared with it."""
    try:
        return {
            "settlements": gpd.read_parquet(folder / "settlements.parquet"),
            "population": pd.read_parquet(folder / "population.parquet"),
            "growth": pd.read_parquet(folder / "growth.parquet"),
        }
    except (OSError, ValueError) as error:
        msg = (
            f"{folder} does not hold the truth of a simulated area ({error}); simulate it again or drop the key truth."
        )
        raise InputError(msg) from error
