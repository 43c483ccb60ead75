from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from pipeline import config
from pipeline.base.resources import resource
from pipeline.run import manifest
from pipeline.schema.provenance import Notice, Source

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _write(root: Path) -> None:
    source = Source("osm/osh/1", "osh", "openstreetmap", "1", "ODbL-1.0", "© OSM", "a.pbf", NOW, "0" * 64, 1, 1)
    manifest.write(
        root,
        run_id="0123456789abcdef",
        config=config.load(resource("config.toml")),
        sources=[source],
        notices=[Notice("a.pbf", "A ring had too few points.", 3)],
        started=NOW,
        finished=NOW,
        stages={"osh": {"reading": 1.5}},
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "areas.parquet").write_bytes(b"areas")
    (tmp_path / "novostroiki.duckdb").write_bytes(b"duck")
    return tmp_path


def test_lists_every_file_with_its_digest(root: Path) -> None:
    _write(root)
    document = manifest.read(root)
    assert [entry["path"] for entry in document["files"]] == ["novostroiki.duckdb", "tables/areas.parquet"]
    assert document["files"][0]["bytes"] == 4
    assert len(document["files"][0]["sha256"]) == 64
    assert document["seed"] == 20261122
    assert document["simulated"] is False
    assert document["notices"][0]["count"] == 3
    assert document["versions"]["duckdb"] == "1.5.5"


def test_verify_names_what_differs(root: Path) -> None:
    _write(root)
    assert manifest.verify(root) == []
    (root / "novostroiki.duckdb").write_bytes(b"DUCK")
    (root / "tables" / "areas.parquet").unlink()
    (root / "new").touch()
    assert manifest.verify(root) == [
        "tables/areas.parquet is missing.",
        "new is not in the manifest.",
        "novostroiki.duckdb has changed since the run.",
    ]


def test_is_the_same_but_for_the_clock(root: Path) -> None:
    _write(root)
    first = (root / manifest.NAME).read_text()
    _write(root)
    assert (root / manifest.NAME).read_text() == first
    assert json.loads(first)["started"] == "2026-11-22T12:00:00+00:00"
