"""The catalogues of an edition, held against the validators of their standards, with the network off."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from pipeline.load import catalogues
from pipeline.schema.public_tables import PUBLIC_TABLES
from pipeline.schema.tables import TABLES

if TYPE_CHECKING:
    import pandera.pandas as pan

# What the validators do in their own code is theirs to warn of.
pytestmark = pytest.mark.filterwarnings("ignore")
OTHERS = ("novostroiki-duckdb", "novostroiki-pmtiles")
EDITIONS = [pytest.param(".", TABLES, id="full"), pytest.param("public", PUBLIC_TABLES, id="public")]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        msg = "The network is off."
        raise OSError(msg)

    monkeypatch.setattr(socket.socket, "connect", refuse)


def _read(edition: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((edition / name).read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize(("folder", "tables"), EDITIONS)
def test_the_data_package_names_every_file_and_holds(
    editions: Path, folder: str, tables: dict[str, pan.DataFrameSchema]
) -> None:
    from frictionless import Package

    edition = editions / folder
    names = {resource["name"] for resource in _read(edition, "datapackage.json")["resources"]}
    assert {*tables, *OTHERS} >= names >= {path.stem for path in (edition / "tables").iterdir()}
    report = Package(str(edition / "datapackage.json")).validate()
    assert report.valid, report.flatten(["name", "type", "note"])


@pytest.mark.parametrize(("folder", "tables"), EDITIONS)
def test_rows_are_as_the_data_package_says(editions: Path, folder: str, tables: dict[str, pan.DataFrameSchema]) -> None:
    """Types, constraints, keys and references of all tables; rows come from Arrow, which knows NULL from NaN."""
    from frictionless import Package

    described = _read(editions / folder, "datapackage.json")
    resources = [
        {
            "name": resource["name"],
            "data": pq.read_table(editions / folder / resource["path"]).to_pylist(),
            "schema": resource["schema"],
        }
        for resource in described["resources"]
        if resource["name"] in tables
    ]
    filled = [resource for resource in resources if resource["data"]]
    empty = {resource["name"] for resource in resources} - {resource["name"] for resource in filled}
    for resource in filled:
        keys = resource["schema"]["foreignKeys"]
        resource["schema"]["foreignKeys"] = [key for key in keys if key["reference"]["resource"] not in empty]
    assert len(filled) > 10
    report = Package({"name": "rows", "resources": filled}).validate()
    assert report.valid, report.flatten(["name", "rowNumber", "fieldName", "type", "note"])[:5]


def test_a_file_that_was_changed_is_told(editions: Path, tmp_path: Path) -> None:
    from frictionless import Package

    shutil.copytree(editions / "public", tmp_path / "public")
    changed = tmp_path / "public" / "tables" / "grid.parquet"
    changed.write_bytes(changed.read_bytes() + b" ")
    report = Package(str(tmp_path / "public" / "datapackage.json")).validate()
    assert [task.name for task in report.tasks if not task.valid] == ["grid"]


@pytest.mark.parametrize(("folder", "tables"), EDITIONS)
def test_the_collection_is_stac(editions: Path, folder: str, tables: dict[str, pan.DataFrameSchema]) -> None:
    import pystac

    collection = pystac.Collection.from_file(str(editions / folder / "collection.json"))
    assert collection.validate()
    assert {"novostroiki-duckdb", "settlements"} <= collection.assets.keys() <= {*tables, *OTHERS}
    assert all((editions / folder / asset.href).is_file() for asset in collection.assets.values())


@pytest.mark.parametrize(("folder", "tables"), EDITIONS)
def test_croissant_reads_the_rows(editions: Path, folder: str, tables: dict[str, pan.DataFrameSchema]) -> None:
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=str(editions / folder / "croissant.json"))
    assert {record_set.name for record_set in dataset.metadata.record_sets} <= tables.keys()
    rows = list(dataset.records("settlements-rows"))
    stored = pq.read_table(editions / folder / "tables" / "settlements.parquet", columns=["settlement_id"])
    told = [row["settlements-rows/settlement_id"].decode() for row in rows]
    assert told == stored["settlement_id"].to_pylist() != []


@pytest.mark.parametrize(("folder", "tables"), EDITIONS)
def test_tables_with_outlines_are_geoparquet(
    editions: Path, folder: str, tables: dict[str, pan.DataFrameSchema]
) -> None:
    program = Path(sys.executable).with_name("geoparquet-validator")
    outlined = [name for name, table in tables.items() if "geometry" in table.columns]
    assert len(outlined) >= 3
    for name in outlined:
        path = editions / folder / "tables" / f"{name}.parquet"
        done = subprocess.run([program, "check", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_catalogues_hold_no_clock_and_no_path_of_this_machine(editions: Path, tmp_path: Path) -> None:
    for name in ("tables", "novostroiki.duckdb", "novostroiki.pmtiles"):
        (shutil.copytree if name == "tables" else shutil.copy)(editions / "public" / name, tmp_path / name)
    catalogues.write(tmp_path, PUBLIC_TABLES)
    for name in catalogues.NAMES:
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert text == (editions / "public" / name).read_text(encoding="utf-8")
        assert str(tmp_path) not in text
