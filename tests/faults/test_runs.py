"""A live run that a server lets down: exit code 1, one sentence, and the previous outputs exactly as they were."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import tomli_w
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.declared import catalogue
from pipeline.run import manifest, publish
from tests.faults import city, servers
from tests.faults.conftest import only
from tests.faults.servers import Server, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.overpass_server import Database

PREVIOUS = {"tables/buildings.parquet": b"of an earlier run"}


@pytest.mark.parametrize(
    "misbehaviour", [servers.status(403), servers.cut, servers.body(servers.HTML)], ids=["403", "cut", "HTML"]
)
def test_a_refusal_leaves_the_previous_outputs(
    misbehaviour: servers.Misbehaviour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with publish.staging(out) as stage:
        for name, content in PREVIOUS.items():
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            (stage / name).write_bytes(content)
        told = {"run_id": "0123456789abcdef", "files": manifest.list_files(stage)}
        (stage / manifest.NAME).write_text(json.dumps(told))
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    config = {
        "run": {"areas": ["town"], "sources": "live", "out": "out"},
        "live": {"contact": "me@here", "cache": str(tmp_path / "cache"), "retry_seconds": 1.0, "timeout_seconds": 0.4},
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
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def write_config(folder: Path, **live: object) -> Path:
    """Write the configuration of a live run of the town."""
    config = {
        "run": {"areas": ["town"], "sources": "live", "out": "out"},
        "live": {"contact": "me@here", "cache": str(folder / "cache"), "retry_seconds": 5.0, **live},
        "areas": {"town": {"country": "KG", "bbox": list(city.AREA.bbox), "name": {"en": "Town"}}},
    }
    path = folder / "config.toml"
    path.write_text(tomli_w.dumps(config))
    return path


def test_a_run_goes_on_without_the_servers_that_are_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overpass: Database
) -> None:
    dead = servers.refused()
    content = {"/part.csv.gz": city.footprints()}

    def answer(request: servers.Request) -> bytes | None:
        return overpass.answer(request) if request.method == "POST" else servers.files(content)(request)

    with serving(Server(answer)) as server:
        content["/links.csv"] = f"Location,QuadKey,Url\nKyrgyzstan,121323201,{server.url}/part.csv.gz\n".encode()
        down = {
            "wsf_evolution": {"url": dead + "/{lon}_{lat}.tif"},
            "ghs_built_s": {"url": dead + "/{year}_{row}_{column}.zip"},
            "ghs_pop": {"url": dead + "/{row}_{column}.zip"},
            "overture_buildings": {"endpoint": dead},
        }
        up = {"osm": {"url": server.url + "/api"}, "microsoft_footprints": {"url": server.url + "/links.csv"}}
        pointing = only(**up, **down)
        monkeypatch.setattr(catalogue, "default", lambda: pointing)
        path = write_config(tmp_path)
        result = CliRunner().invoke(app, ["run", "--config", str(path), "--quiet"])
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    told = {notice["where"] for notice in manifest.read(out)["notices"] if notice["what"].startswith("missing: ")}
    assert told == set(down)
    lacking = pd.read_parquet(out / "tables" / "completeness.parquet").query("measure == 'input_given'")
    assert {"built_up", "onset", "population"} <= set(lacking["layer"])
    assert dead in (out / "report.html").read_text()
    assert len(pd.read_parquet(out / "tables" / "buildings.parquet")) > 400


def test_a_contact_is_asked_for_before_the_first_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Server(lambda _: b"{}")) as server:
        pointing = only(osm={"url": server.url})
        monkeypatch.setattr(catalogue, "default", lambda: pointing)
        result = CliRunner().invoke(app, ["run", "--config", str(write_config(tmp_path, contact=" ")), "--quiet"])
        assert not server.requests
    assert result.exit_code == 2
    assert "live.contact is empty" in " ".join(result.stderr.split())
