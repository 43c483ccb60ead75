from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely

from pipeline.errors import InputError, RunError
from pipeline.load import parquet
from pipeline.schema.about import About
from pipeline.schema.tables import TABLES, conform
from tests.load import sample_tables

if TYPE_CHECKING:
    from pathlib import Path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "name", ["buildings", "settlements", "settlement_population", "settlement_built_up", "sources", "areas"]
)
def test_what_is_read_is_what_was_written(sample: sample_tables.Sample, tmp_path: Path, name: str) -> None:
    table, frame = TABLES[name], sample.tables[name]
    parquet.write(frame, tmp_path / "a.parquet", table)
    back = parquet.read(tmp_path / "a.parquet", table)
    ours, expected = (
        pd.DataFrame(rows).sort_values(list(table.unique), kind="stable", na_position="first", ignore_index=True)
        for rows in (conform(name, back), frame)
    )
    pd.testing.assert_frame_equal(ours, expected)


@pytest.mark.parametrize("name", ["buildings", "settlements", "hazards"])
def test_a_reader_finds_what_lies_in_a_box_by_the_covering(
    sample: sample_tables.Sample, tmp_path: Path, name: str
) -> None:
    frame, key = sample.tables[name], TABLES[name].unique[0]
    parquet.write(frame, tmp_path / "t.parquet", TABLES[name])
    west, south = frame.geometry.bounds[["minx", "miny"]].median()
    box = (west, south, west + 0.05, south + 0.05)
    found = gpd.read_parquet(tmp_path / "t.parquet", bbox=box)
    touching = frame.geometry.intersects(shapely.box(*box))
    assert set(frame.loc[touching, key]) <= set(found[key])
    assert 0 < len(found) < len(frame)
    stored = pq.read_table(tmp_path / "t.parquet")
    assert {str(field.type) for field in stored.schema.field("bbox").type} == {"float"}
    sides = [side.to_numpy().astype(float) for side in stored["bbox"].combine_chunks().flatten()]
    exact = gpd.read_parquet(tmp_path / "t.parquet").geometry.bounds.to_numpy()
    assert (np.column_stack(sides[:2]) <= exact[:, :2]).all()
    assert (np.column_stack(sides[2:]) >= exact[:, 2:]).all()


def test_neighbours_stand_together(sample: sample_tables.Sample, tmp_path: Path) -> None:
    frame = sample.tables["buildings"]
    parquet.write(frame.sample(frac=1, random_state=1), tmp_path / "b.parquet", TABLES["buildings"])
    stored = parquet.read(tmp_path / "b.parquet", TABLES["buildings"])
    steps = [np.hypot(rows["lon"].diff(), rows["lat"].diff()).mean() for rows in (stored, frame.sort_values("lon"))]
    assert steps[0] < steps[1] / 5


def test_every_file_says_of_which_run_it_is(sample: sample_tables.Sample, tmp_path: Path) -> None:
    about = About.of(sample.tables["runs"])
    parquet.write(sample.tables["buildings"], tmp_path / "b.parquet", TABLES["buildings"], about=about.metadata)
    parquet.merge([tmp_path / "b.parquet"], tmp_path / "m.parquet", TABLES["buildings"], about=about.metadata)
    for path in (tmp_path / "b.parquet", tmp_path / "m.parquet"):
        told = pq.read_metadata(path).metadata
        assert told[b"simulated"] == b"true"
        assert {b"run_id", b"schema_version", b"licence", b"data_date"} <= told.keys()


@pytest.mark.parametrize("name", ["buildings", "settlement_population"])
def test_order_of_the_rows_does_not_change_the_bytes(sample: sample_tables.Sample, tmp_path: Path, name: str) -> None:
    frame = sample.tables[name]
    parquet.write(frame, tmp_path / "a.parquet", TABLES[name])
    parquet.write(frame.sample(frac=1, random_state=3), tmp_path / "b.parquet", TABLES[name])
    assert _digest(tmp_path / "a.parquet") == _digest(tmp_path / "b.parquet")


def test_geopandas_reads_it_as_geoparquet(sample: sample_tables.Sample, tmp_path: Path) -> None:
    parquet.write(sample.tables["settlements"], tmp_path / "s.parquet", TABLES["settlements"])
    frame = gpd.read_parquet(tmp_path / "s.parquet")
    assert frame.crs == "OGC:CRS84"
    assert set(frame.geom_type) == {"Polygon"}
    assert pq.read_metadata(tmp_path / "s.parquet").metadata.keys() >= {b"geo", b"description"}
    assert b"pandas" not in pq.read_metadata(tmp_path / "s.parquet").metadata


def test_parts_are_joined_as_if_written_at_once(
    sample: sample_tables.Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 100)
    whole = sample.tables["building_hazards"].sort_values(["building_id", "hazard_id"], ignore_index=True)
    cuts = [0, 130, 131, 131, len(whole)]
    parts = []
    for number, (start, stop) in enumerate(itertools.pairwise(cuts)):
        parts.append(tmp_path / f"{number}.parquet")
        parquet.write(whole.iloc[start:stop], parts[-1], TABLES["building_hazards"])
    parquet.write(whole, tmp_path / "whole.parquet", TABLES["building_hazards"])
    assert parquet.merge(parts, tmp_path / "joined.parquet", TABLES["building_hazards"]) == len(whole)
    assert _digest(tmp_path / "joined.parquet") == _digest(tmp_path / "whole.parquet")


def test_a_part_of_another_table_is_refused(sample: sample_tables.Sample, tmp_path: Path) -> None:
    parquet.write(sample.tables["area_built_up"], tmp_path / "g.parquet", TABLES["area_built_up"])
    with pytest.raises(RunError, match="does not hold the columns of table area_population"):
        parquet.merge([tmp_path / "g.parquet"], tmp_path / "p.parquet", TABLES["area_population"])


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    empty = sample_tables.empty().tables["settlements"]
    parquet.write(empty, tmp_path / "s.parquet", TABLES["settlements"])
    back = parquet.read(tmp_path / "s.parquet", TABLES["settlements"])
    assert len(back) == 0
    assert list(back.columns) == list(TABLES["settlements"].columns)


def test_a_missing_or_torn_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and then nothing")
    for name in ("absent.parquet", "torn.parquet"):
        with pytest.raises(InputError, match=name):
            parquet.read(tmp_path / name, TABLES["area_built_up"])
