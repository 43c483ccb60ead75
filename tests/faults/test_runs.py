"""A live run that a server lets down: exit code 1, one sentence, and the previous outputs exactly as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import tomli_w
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.declared import catalogue
from tests.faults import city, servers
from tests.faults.conftest import only
from tests.faults.servers import Server, serving

if TYPE_CHECKING:
    from pathlib import Path

PREVIOUS = {"manifest.json": b"{}", "tables/buildings.parquet": b"of an earlier run"}


@pytest.mark.parametrize(
    "misbehaviour", [servers.status(403), servers.cut, servers.body(servers.HTML)], ids=["403", "cut", "HTML"]
)
def test_a_refusal_leaves_the_previous_outputs(
    misbehaviour: servers.Misbehaviour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    for name, content in PREVIOUS.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)
    config = {
        "run": {"areas": ["town"], "sources": "live", "out": "out"},
        "live": {"cache": str(tmp_path / "cache"), "retry_seconds": 1.0, "timeout_seconds": 0.4},
        "areas": {"town": {"country": "KG", "bbox": list(city.AREA.bbox), "name": {"en": "Town"}}},
    }
    (tmp_path / "config.toml").write_text(tomli_w.dumps(config))
    with serving(Server(lambda _: b"{}", [misbehaviour], forever=True)) as server:
        pointing = only(osm={"url": server.url + "/api"})
        monkeypatch.setattr(catalogue, "default", lambda: pointing)
        result = CliRunner().invoke(app, ["run", "--config", str(tmp_path / "config.toml"), "--quiet"])
    assert result.exit_code == 1, result.output
    assert "osm could not be fetched from" in result.stderr.replace("\n", " ")
    assert server.url + "/api" in result.stderr.replace("\n", "")
    assert "Traceback" not in result.output + result.stderr
    assert {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()} == PREVIOUS
