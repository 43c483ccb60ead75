"""`novostroiki check --live`: one small request to each server, and a line for each source."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.commands import server_check
from pipeline.declared import catalogue
from pipeline.extract import registry
from tests.faults import servers
from tests.faults.conftest import only
from tests.faults.servers import Server, serving
from tests.faults.test_runs import write_config

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **sources: dict[str, object]) -> tuple[int, str]:
    """Run the command on some sources; return its exit code and all that it says."""
    pointing = only(**sources)
    monkeypatch.setattr(catalogue, "default", lambda: pointing)
    monkeypatch.setattr(registry, "check", lambda _: None)  # these sources are not all there are
    result = CliRunner().invoke(app, ["check", "--live", "--config", str(write_config(tmp_path))])
    return result.exit_code, result.stdout + result.stderr


def test_each_server_is_asked_once_for_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Server(lambda _: b"x" * 100_000)) as sound, serving(Server(lambda _: None)) as empty:
        code, said = check(
            tmp_path,
            monkeypatch,
            osm={"url": sound.url + "/api"},
            ghs_pop={"url": empty.url + "/pop_{row}_{column}.zip"},
            ghs_built_s={"url": empty.url + "/{year}_{row}_{column}.zip"},
            wsf_evolution={"url": servers.refused() + "/{lon}_{lat}.tif"},
        )
        assert [request.path for request in sound.requests] == ["/api/status"]
        assert len(empty.requests) == 1
        assert "me@here" in sound.requests[0].headers["User-Agent"]
        assert sound.requests[0].headers["Range"] == "bytes=0-0"
    assert code == 0, said
    lines = {line.split("  ")[0]: line for line in said.splitlines()}
    assert "reached" in lines[sound.url.removeprefix("http://")]
    assert "it is not there (404)" in lines[empty.url.removeprefix("http://")]
    assert "the connection failed" in said
    assert "R2023A" in said
    assert "12 files, about 180 MB" in said


def test_a_run_that_would_end_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = check(tmp_path, monkeypatch, osm={"url": servers.refused()})
    assert code == 1
    assert "Neither OpenStreetMap nor footprints can be reached" in said


def test_silent_servers_do_not_hold_it_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_check, "_IN_ALL_S", 1.0)
    began = time.monotonic()
    with serving(Server(lambda _: b"x", [servers.silent], forever=True)) as server:
        code, said = check(tmp_path, monkeypatch, osm={"url": server.url})
    assert time.monotonic() - began < 5
    assert (code, "stays silent" in said) == (1, True)
    assert server_check._IN_ALL_S < 15
