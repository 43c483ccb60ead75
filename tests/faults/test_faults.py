"""Every fault of the table is played by a server on loopback; the outcome is the right answer, or a refusal that helps."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.catalogue import Catalogue
from pipeline.config import Config
from pipeline.errors import SourceError
from pipeline.extract import archive, live
from pipeline.extract.live import Fetched
from tests.faults import cases, city, servers
from tests.faults.cases import RECOVERS, Case
from tests.faults.conftest import MakeConfig, only
from tests.faults.overpass_server import Database
from tests.faults.servers import Server, files, serving

MARGIN = 1.5
"""Seconds beyond live.retry_seconds that a busy machine may take."""
TILE = city.degrees_tile()
GZIP = city.footprints()


def onset(url: str, **changed: object) -> Catalogue:
    """Return a catalogue whose only source is one file per two degrees."""
    return only(wsf_evolution={"url": url + "/wsf_{lon}_{lat}.tif", **changed})


def microsoft(url: str) -> tuple[Catalogue, dict[str, bytes]]:
    """Return a catalogue whose only source is Microsoft's, and its files."""
    index = (
        "Location,QuadKey,Url,Size,UploadDate\n"
        f"Kyrgyzstan,121323201,{url}/part.csv.gz,1KB,2026-02-03\n"
        f"Chile,033333333,{url}/chile.csv.gz,1KB,2026-02-03\n"
    )
    catalogue = only(microsoft_footprints={"url": url + "/dataset-links.csv"})
    return catalogue, {"/dataset-links.csv": index.encode(), "/part.csv.gz": GZIP}


def check_refusal(error: SourceError, config: Config, source: str, reason: str, address: str) -> None:
    """Assert that a refusal names source, address, reason and remedy, and that the cache holds nothing wrong."""
    message = str(error)
    assert message.startswith(source), message
    assert reason in message, message
    assert address in message, message
    remedy = message.rsplit(";", 1)[1]
    assert len(remedy) > 15, message
    assert message.endswith("."), message
    check_cache(config)


def check_cache(config: Config, *right: bytes) -> None:
    """Assert that what is kept is what the index says, and what is under way is the beginning of something right."""
    root = Path(config.live.cache)
    for index in root.glob("requests/*.json"):
        entry = json.loads(index.read_text())
        content = (root / "objects" / entry["sha256"] / entry["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert len(content) == entry["bytes"]
    named = {json.loads(index.read_text())["sha256"] for index in root.glob("requests/*.json")}
    assert {folder.name for folder in root.glob("objects/*")} == named
    for part in root.glob("incoming/*.part"):
        assert any(content.startswith(part.read_bytes()) for content in right or (TILE, GZIP))
    assert not list(root.glob("incoming/tmp*")), "Pooch's temporary files are gone"


def run(case: Case, config: Config, catalogue: Catalogue, source: str, address: str) -> Fetched | None:
    """Fetch; return what came if the case is one that recovers, assert the refusal otherwise."""
    began = time.monotonic()
    try:
        if case.outcome == RECOVERS:
            return live.fetch(city.AREA, catalogue, config)
        with pytest.raises(SourceError) as caught:
            live.fetch(city.AREA, catalogue, config)
        check_refusal(caught.value, config, source, case.outcome, address)
        return None
    finally:
        assert time.monotonic() - began < config.live.retry_seconds + config.live.timeout_seconds + MARGIN


@pytest.mark.parametrize("case", cases.FILES, ids=lambda case: case.name)
def test_file(case: Case, make_config: MakeConfig) -> None:
    config = make_config(**case.live)
    with serving(Server(files({"/wsf_74_42.tif": TILE}), list(case.script), forever=case.forever)) as server:
        fetched = run(case, config, onset(server.url), "wsf_evolution", f"{server.url}/wsf_74_42.tif")
    if fetched:
        assert fetched.downloads[0].sha256 == hashlib.sha256(TILE).hexdigest()
        check_cache(config)
        resumed = any("Range" in request.headers for request in server.requests)
        assert resumed or "resumed" not in case.how
    assert all("me@here" in request.headers["User-Agent"] for request in server.requests)


@pytest.mark.parametrize("case", cases.GZIPS, ids=lambda case: case.name)
def test_gzip(case: Case, make_config: MakeConfig) -> None:
    config = make_config(**case.live)
    content: dict[str, bytes] = {}
    with serving(Server(files(content), list(case.script), forever=case.forever)) as server:
        catalogue, wanted = microsoft(server.url)
        content.update(wanted)
        fetched = run(case, config, catalogue, "microsoft_footprints", server.url)
    if fetched:
        assert [path.read_bytes() for path in fetched.inputs.footprints] == [GZIP]
        check_cache(config)


@pytest.mark.parametrize("case", cases.OVERPASSES, ids=lambda case: case.name)
def test_overpass(case: Case, make_config: MakeConfig, overpass: Database) -> None:
    config = make_config(**case.live)
    with serving(Server(overpass.answer, list(case.script), forever=case.forever)) as server:
        fetched = run(case, config, only(osm={"url": server.url + "/api"}), "osm", server.url + "/api")
    if fetched:
        assert fetched.downloads[0].sha256 == hashlib.sha256(overpass.answer(server.requests[-1]) or b"").hexdigest()
        check_cache(config)
    assert all("me@here" in request.headers["User-Agent"] for request in server.requests)
