"""The release that `--since` names is an input: it is checked whole before anything runs on it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from pipeline.base import releases
from pipeline.base.resources import resource
from pipeline.config import Config, load
from pipeline.errors import InputError
from pipeline.load import parquet
from pipeline.run import identity, manifest, publish
from pipeline.run.since import KEPT, LINEAGE, opened
from pipeline.schema.provenance import Source
from pipeline.schema.tables import TABLES, conform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.load.sample_tables import Sample

RUN_ID = "0123456789abcdef"
SOURCE = Source("osm/bishkek/1", "bishkek", "osm", "1", "ODbL-1.0", "© OSM", "a.pbf", None, "0" * 64, 1, 1)


@pytest.fixture(scope="module")
def released(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("released") / "out"
    with publish.staging(out) as stage:
        for name in ("areas", "settlements"):
            parquet.write(sample.tables[name], stage / "tables" / f"{name}.parquet", TABLES[name])
        for name in (LINEAGE, *KEPT):
            empty = conform(name, pd.DataFrame(columns=list(TABLES[name].columns)))
            parquet.write(empty, stage / "tables" / f"{name}.parquet", TABLES[name])
        told = {"run_id": RUN_ID, "parent": None, "files": manifest.list_files(stage)}
        (stage / manifest.NAME).write_text(json.dumps(told))
    return out


def config(sample: Sample, **changed: Any) -> Config:
    area = next(iter(sample.tables["areas"].itertuples()))
    bbox = [area.west, area.south, area.east, area.north]
    told: dict[str, Any] = {"country": "KG", "bbox": bbox, "name": {"en": "Bishkek"}, **changed}
    simulated = bool(area.simulated) ^ bool(changed.get("other_kind"))
    told.pop("other_kind", None)
    run = {"areas": ["bishkek"], "sources": "sample" if simulated else "local"}
    return Config.model_validate({"run": run, "areas": {"bishkek": told}})


def test_settlements_of_a_release_are_read_through_its_pointer(sample: Sample, released: Path) -> None:
    settings = config(sample)
    for folder in (released, releases.resolve(released)):
        with opened(folder, settings) as since:
            assert since is not None
            found = since.settlements(settings.selected[0])
            assert since.run_id == RUN_ID
        assert sorted(found["settlement_id"]) == sorted(sample.tables["settlements"]["settlement_id"])
        assert found.crs == settings.selected[0].projected
    with opened(None, settings) as nothing:
        assert nothing is None


def damage(release: Path) -> None:
    (release / "tables" / "settlements.parquet").write_bytes(b"PAR1")


def lose(release: Path) -> None:
    (release / "tables" / f"{LINEAGE}.parquet").unlink()


def of_another_schema(release: Path) -> None:
    path = release / "tables" / "settlements.parquet"
    pd.read_parquet(path).drop(columns="name").to_parquet(path)
    told = {"run_id": RUN_ID, "parent": None, "files": manifest.list_files(release)}
    (release / manifest.NAME).write_text(json.dumps(told))


def of_a_schema_before_public_ids(release: Path) -> None:
    (release / "tables" / "public_ids.parquet").unlink()
    told = {"run_id": RUN_ID, "parent": None, "files": manifest.list_files(release)}
    (release / manifest.NAME).write_text(json.dumps(told))


def no_manifest(release: Path) -> None:
    (release / manifest.NAME).write_text("{}")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (damage, "is damaged: tables/settlements.parquet has changed since the run"),
        (lose, "is damaged: tables/settlement_lineage.parquet is missing"),
        (of_another_schema, "settlements.parquet"),
        (of_a_schema_before_public_ids, "public_ids.parquet"),
        (no_manifest, "not a manifest"),
        (shutil.rmtree, "cannot be read as a manifest"),
    ],
)
def test_a_release_that_cannot_be_relied_on_is_refused(
    sample: Sample, released: Path, tmp_path: Path, change: Callable[[Path], None], says: str
) -> None:
    release = tmp_path / "release"
    shutil.copytree(releases.resolve(released), release)
    change(release)
    with pytest.raises(InputError, match=says), opened(release, config(sample)):
        pass


def test_a_release_of_other_areas_is_refused(sample: Sample, released: Path) -> None:
    with (
        pytest.raises(InputError, match="are none of this run"),
        opened(released, load(resource("config.toml"), areas=("osh",))),
    ):
        pass
    elsewhere = config(sample, bbox=[10.0, 50.0, 10.2, 50.2])
    with pytest.raises(InputError, match="lies elsewhere"), opened(released, elsewhere):
        pass
    with pytest.raises(InputError, match="unlike that of this run"), opened(released, config(sample, other_kind=True)):
        pass


def test_a_run_equal_to_its_parent_is_a_rebuild(sample: Sample, released: Path) -> None:
    settings = config(sample)
    first = identity.run_id(settings, [SOURCE], "fedcba9876543210")
    with opened(released, settings) as since:
        assert since is not None
        follower, parent = since.name(settings, [SOURCE])
        assert (follower, parent) == (identity.run_id(settings, [SOURCE], RUN_ID), RUN_ID)
        rebuilt = type(since)(since.release, first, "fedcba9876543210")
        assert rebuilt.name(settings, [SOURCE]) == (first, "fedcba9876543210")


def test_a_release_is_named_after_what_goes_in(sample: Sample) -> None:
    settings = config(sample)
    names = {
        identity.run_id(settings, [SOURCE]),
        identity.run_id(settings, [SOURCE], RUN_ID),
        identity.run_id(settings, []),
        identity.run_id(config(sample, country="KZ"), [SOURCE]),
        identity.run_id(settings.model_copy(update={"run": settings.run.model_copy(update={"seed": 1})}), [SOURCE]),
    }
    assert len(names) == 5
    moved = settings.model_copy(update={"run": settings.run.model_copy(update={"out": settings.run.out / "x"})})
    assert identity.run_id(moved, [SOURCE]) == identity.run_id(settings, [SOURCE])
