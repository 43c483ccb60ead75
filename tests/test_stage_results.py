"""A city whose inputs or settings change: with what the last run made, all is as if it were made anew."""

from __future__ import annotations

import dataclasses
import gzip
from functools import partial
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from pandas.testing import assert_frame_equal

from pipeline import config, simulate
from pipeline.base.progress import Journal
from pipeline.config import Area, Config
from pipeline.declared import catalogue
from pipeline.extract import inputs
from pipeline.run import area as areas
from pipeline.run.input_digests import InputDigests
from pipeline.run.stage_cache import StageCache, StageFolders
from pipeline.run.stages import StageRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.declared.catalogue import Catalogue

QUARTER = (72.66, 40.43, 72.80, 40.545)
"""A part of Osh, so that a run is short."""
RESULTS = ("description", "drawn", "tiles", "background")


@dataclasses.dataclass(frozen=True)
class Job:
    """What a run of one area is given."""

    area: Area
    config: Config
    layers: Catalogue

    def given(self, **files: Any) -> Job:
        """Return the same with other files."""
        told = self.area.inputs.model_dump() | files
        return dataclasses.replace(self, area=self.area.model_copy(update={"inputs": config.Inputs(**told)}))

    def told(self, **settings: Any) -> Job:
        run = self.config.run.model_copy(update=settings)
        return dataclasses.replace(self, config=self.config.model_copy(update={"run": run}))

    def there(self, **place: Any) -> Job:
        return dataclasses.replace(self, area=self.area.model_copy(update=place))


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("city")
    given = Config.model_validate(
        {
            "run": {"areas": ["osh"], "sources": "local", "draws": 1000},
            "areas": {"osh": {"country": "KG", "bbox": QUARTER, "name": {"en": "Osh"}}},
        }
    )
    area = simulate.write_area(given.selected[0], folder, buildings=2000, seed=7)
    return Job(area.model_copy(update={"simulated": True}), given, catalogue.default())


def made(job: Job, folder: Path, cache: StageCache | None) -> dict[str, Any]:
    read = partial(inputs.read, job.area, job.layers)
    stages = areas.area_stages(job.area, job.config, job.layers, folder, read)
    run = StageRun(stages, threads=2, journal=Journal(folder / "journal.jsonl"), cache=cache)
    return dict(zip(RESULTS, run.results(*RESULTS), strict=True))


@pytest.fixture(scope="module")
def last(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which a run has left its results."""
    folder = tmp_path_factory.mktemp("last")
    cache = StageCache(StageFolders(folder / "none", folder / "results"), "1")
    made(job, folder, cache)
    assert cache.remarks == []
    return folder / "results"


def count_people_otherwise(job: Job, folder: Path) -> Job:
    """Double the register, and add a survey."""
    rows = pd.read_csv(job.area.inputs.registered)
    rows.assign(registered=rows["registered"] * 2).to_csv(folder / "registered.csv", index=False)
    (folder / "survey.csv").write_text("settlement,houses,persons\nАк-Тилек,40,260\n", encoding="utf-8")
    return job.given(registered=folder / "registered.csv", survey=folder / "survey.csv")


def label(job: Job, folder: Path) -> Job:
    lines = [f"village,{x},{y}" for x in (72.70, 72.74, 72.78) for y in (40.46, 40.50, 40.53)]
    (folder / "labels.csv").write_text("\n".join(["kind,lon,lat", *lines]), encoding="utf-8")
    return job.given(labels=folder / "labels.csv")


def outline(job: Job, folder: Path) -> Job:
    shape = shapely.box(72.70, 40.46, 72.76, 40.52)
    gpd.GeoDataFrame({"settlement_id": ["osh/old"]}, geometry=[shape], crs=4326).to_file(folder / "old.geojson")
    return job.given(outlines=folder / "old.geojson")


def see_fewer_houses(job: Job, folder: Path) -> Job:
    (path,) = job.area.inputs.footprints
    with gzip.open(path, "rt") as lines, gzip.open(folder / "fewer.geojsonl.gz", "wt") as copy:
        copy.writelines(list(lines)[::2])
    return job.given(footprints=(folder / "fewer.geojsonl.gz",))


def see_other_rasters(job: Job, folder: Path) -> Job:
    """Halve the people, and lack an epoch and the onset."""
    given = job.area.inputs
    assert given.population is not None
    with rasterio.open(given.population[0]) as source:
        values, profile = source.read(), source.profile
    with rasterio.open(folder / "population.tif", "w", **profile) as target:
        target.write(np.where(values > 0, values / 2, values))
    built_up = dict(list(given.built_up.items())[1:])
    return job.given(population=(folder / "population.tif",), built_up=built_up, onset=None)


def ask_for_more(job: Job, _: Path) -> Job:
    """Change the distance of a rule of this country, not the farthest one."""
    zone = job.layers.red_zones["cemetery"]
    country = "KG" if "KG" in zone.legal else "default"
    law = zone.legal[country]
    law = law.model_copy(update={"distance_m": 77.0})
    zones = {**job.layers.red_zones, "cemetery": zone.model_copy(update={"legal": {**zone.legal, country: law}})}
    return dataclasses.replace(job, layers=dataclasses.replace(job.layers, red_zones=zones))


CHANGES: dict[str, tuple[Callable[[Job, Path], Job], set[str]]] = {
    "nothing": (lambda job, _: job, {"merged", "zones", "people", "tiles", "background"}),
    "registers": (count_people_otherwise, {"merged", "places", "zones", "tiles"}),
    "labels": (label, {"merged", "delineation", "distances"}),
    "earlier outlines": (outline, set()),
    "footprints": (see_fewer_houses, set()),
    "rasters": (see_other_rasters, set()),
    "a distance": (ask_for_more, {"merged", "places", "people"}),
    "draws and seed": (lambda job, _: job.told(draws=1200, seed=5), {"background"}),
    "country and bbox": (lambda job, _: job.there(country="KZ", bbox=(72.66, 40.43, 72.79, 40.545)), set()),
}
"""What changes, and some of the results that it must not cost."""


@pytest.mark.parametrize(("change", "spared"), CHANGES.values(), ids=list(CHANGES))
def test_whatever_changes_all_is_as_if_made_anew(
    job: Job, last: Path, tmp_path: Path, change: Callable[[Job, Path], Job], spared: set[str]
) -> None:
    other = change(job, tmp_path)
    cache = StageCache(StageFolders(last, tmp_path / "results"), "1")
    ours, anew = made(other, tmp_path, cache), made(other, tmp_path, None)
    assert cache.remarks == []
    assert spared <= set(cache.reused)
    assert ours["tiles"] == anew["tiles"]
    assert ours["background"] == anew["background"]
    assert ours["description"].notices == anew["description"].notices
    assert_frame_equal(ours["description"].decomposition, anew["description"].decomposition, check_exact=True)
    for name, frame in {**anew["description"].tables, **anew["drawn"]}.items():
        found = {**ours["description"].tables, **ours["drawn"]}[name]
        assert_frame_equal(pd.DataFrame(found), pd.DataFrame(frame), check_exact=True, obj=name)


def test_no_stage_changes_what_others_made(job: Job, tmp_path: Path) -> None:
    """Results are read by several threads and kept for the next run; a value that is changed spoils both."""
    stages = areas.area_stages(job.area, job.config, job.layers, tmp_path, partial(inputs.read, job.area, job.layers))

    def watched(make: Callable[..., Any], *values: Any) -> Any:
        before = [fingerprint(value) for value in values]
        result = make(*values)
        assert [fingerprint(value) for value in values] == before
        return result

    guarded = [dataclasses.replace(stage, make=partial(watched, stage.make)) for stage in stages]
    run = StageRun(guarded, threads=1, journal=Journal(tmp_path / "journal.jsonl"), cache=None)
    run.results(*RESULTS, "page")


def fingerprint(value: Any) -> Any:  # noqa: PLR0911 - a way for each type
    """Return what a result holds, so that it can be compared with what it holds later."""
    match value:
        case pd.DataFrame():
            return [*((str(name), fingerprint(value[name])) for name in value.columns), fingerprint(value.index)]
        case pd.Series() | pd.Index():
            return str(value.dtype), fingerprint(value.to_numpy())
        case np.ndarray():
            return [fingerprint(item) for item in value.tolist()] if value.dtype == object else value.tobytes()
        case shapely.Geometry():
            return value.wkb
        case dict():
            return [(key, fingerprint(item)) for key, item in value.items()]
        case list() | tuple():
            return [fingerprint(item) for item in value]
        case _ if dataclasses.is_dataclass(value):
            return [fingerprint(getattr(value, field.name)) for field in dataclasses.fields(value)]
        case _:
            return repr(value)


def test_every_input_counts_and_what_lies_beside_it(job: Job, tmp_path: Path) -> None:
    files = {"houses.shp": b"1", "houses.dbf": b"2", "houses.prj": b"3", "houses.csv": b"4"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    given = job.given(footprints=(tmp_path / "houses.shp",), registered=tmp_path / "houses.csv").area

    def digests_after(name: str, content: bytes) -> InputDigests:
        (tmp_path / name).write_bytes(content)
        try:
            return InputDigests.of(given, None)
        finally:
            (tmp_path / name).write_bytes(files[name])

    before = InputDigests.of(given, None)
    for name in ("houses.shp", "houses.dbf", "houses.prj"):
        after = digests_after(name, b"9")
        assert after.ground != before.ground
        assert after.labels == before.labels
    after = digests_after("houses.csv", b"9")
    assert after.registers != before.registers
    assert after.ground == before.ground


@pytest.mark.parametrize("key", [*config.Inputs.model_fields])
def test_each_input_is_in_some_digest(job: Job, tmp_path: Path, key: str) -> None:
    """A new kind of input that nobody has thought of here would give stale results."""
    value: Any = tmp_path / "file"
    value.write_text("x", encoding="utf-8")
    annotated = {"osm": (value,), "footprints": (value,), "heights": (value,), "built_up": {2001: (value,)}}
    other = job.given(**{key: annotated.get(key, (value,) if key in {"population", "onset"} else value)})
    before, after = InputDigests.of(job.area, None), InputDigests.of(other.area, None)
    assert after.all != before.all
    grounds = {"registered": "registers", "survey": "registers", "labels": "labels", "truth": "all"}
    part = grounds.get(key, "ground")
    assert getattr(after, part) != getattr(before, part)
