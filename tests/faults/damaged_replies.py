"""Damaged replies of every kind of server, then sound ones: what a cache keeps of the first, and gives out in the end.

Damage to JSON and CSV is such that a reader can see it: another number, or another name, is another city and no damage.

``python -m tests.faults.damaged_replies FOLDER FIRST END`` prints what came of each.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rasterio.io import MemoryFile

from pipeline.config import Config, Live, Run
from pipeline.errors import SourceError
from pipeline.extract import live
from pipeline.extract.http.retry import RequestPolicy
from tests.extract.mutations import SEED, damaged
from tests.faults import city, servers
from tests.faults.conftest import only
from tests.faults.overpass_server import Database
from tests.faults.servers import Server, files, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.declared.catalogue import Catalogue
    from tests.faults.servers import Request

    Element = dict[str, Any]
    Nodes = list[Element]

KINDS = ("osm", "index", "footprints", "zip", "tif")
_POLICY = RequestPolicy("test", retry_seconds=5, timeout_seconds=5, attempts=2, backoff_seconds=0.01)


@dataclass(frozen=True)
class Outcome:
    """What came of one damaged reply."""

    number: int
    kind: str
    refused: str
    """Why the first run did not take it; empty: it did."""
    problem: str
    """What is wrong in the end; empty: nothing."""


def misshapen(body: bytes, rng: random.Random) -> bytes:
    """Return a reply of Overpass that is none, only a part, or about somewhere else."""
    if rng.random() < _CUT_SHARE:
        return rng.choice((body[: rng.randrange(len(body))], servers.HTML, body.replace(b"}", b"", 1), b"", b"null"))
    reply = json.loads(body)
    nodes = [item for item in reply["elements"] if item["type"] == "node"]
    rng.choice(_SHAPES)(reply, nodes, rng.choice(nodes) if nodes else {}, rng)
    return json.dumps(reply).encode()


def _nothing(reply: Element, _nodes: Nodes, _node: Element, rng: random.Random) -> None:
    reply["elements"] = rng.choice((None, {}, [None], "x", [[]]))


def _given_up(reply: Element, _nodes: Nodes, _node: Element, _rng: random.Random) -> None:
    reply["remark"] = "runtime error: Query timed out"


def _half(reply: Element, nodes: Nodes, _node: Element, _rng: random.Random) -> None:
    del reply["elements"][: len(nodes) // 2 + 1]


def _elsewhere(_reply: Element, nodes: Nodes, _node: Element, _rng: random.Random) -> None:
    for node in nodes:
        node["lon"], node["lat"] = node["lon"] - 150, -node["lat"]


def _no_number(_reply: Element, _nodes: Nodes, node: Element, rng: random.Random) -> None:
    node[rng.choice(("id", "lat", "lon"))] = rng.choice((None, "x", 1e300, [], -5.5e200))


def _no_tags(_reply: Element, _nodes: Nodes, node: Element, rng: random.Random) -> None:
    node["tags"] = rng.choice(({"name": None}, {"name": "\0"}, ["a"], "x", {"name": "x" * 300}))


def _no_moment(reply: Element, _nodes: Nodes, _node: Element, rng: random.Random) -> None:
    moments = ("yesterday", "2126-01-01T00:00:00Z", 7e300)
    reply["osm3s"] = rng.choice((None, *({"timestamp_osm_base": moment} for moment in moments)))


def _no_type(_reply: Element, _nodes: Nodes, node: Element, rng: random.Random) -> None:
    node["type"] = rng.choice(("area", None, 7))


_CUT_SHARE = 0.3
_SHAPES = (_nothing, _given_up, _half, _elsewhere, _no_number, _no_tags, _no_moment, _no_type)


def torn(body: bytes, rng: random.Random) -> bytes:
    """Return an index that has lost columns, rows' ends or its meaning."""
    text = body.decode()
    return rng.choice(
        (
            text[: rng.randrange(len(text) - 10)],
            text.replace("121323201", rng.choice(("", "x", "4444", "-1"))),
            text.replace("http://", rng.choice(("", "file://", "ftp://", "http:///"))),
            text.replace("QuadKey", "Key"),
            text.replace(",", ";"),
            text.split("\n")[0],
            text.replace("part", "nothing"),
            text + "\0" * 5 + ",,,,",
            '"' + text,
            servers.HTML.decode(),
        )
    ).encode()


def _served(folder: Path) -> tuple[dict[str, bytes], Database]:
    rasters = {"/wsf.tif": packed(city.degrees_tile()), "/ghs.zip": city.people_tile()}
    content = {"/part.csv.gz": city.footprints(), **rasters}
    return content, Database.of(city.write_osm(folder / "town.osm.pbf"))


def packed(content: bytes) -> bytes:
    """Return a GeoTIFF whose blocks carry a checksum, as the real ones' do."""
    with MemoryFile(content) as source, source.open() as raster, MemoryFile() as target:
        with target.open(**(raster.profile | {"compress": "deflate"})) as copy:
            copy.write(raster.read())
        return bytes(target.read())


def _catalogue(kind: str, url: str) -> Catalogue:
    if kind == "osm":
        return only(osm={"url": url + "/api", "busy_seconds": 0.0})
    if kind in {"index", "footprints"}:
        return only(microsoft_footprints={"url": url + "/links.csv"})
    if kind == "zip":
        return only(ghs_pop={"url": url + "/ghs.zip", "fallback_for": ""})
    return only(wsf_evolution={"url": url + "/wsf.tif"})


def replies(folder: Path, numbers: range) -> Iterator[Outcome]:
    """Fetch damaged replies into an empty cache, and again from a sound server; compare with what is right."""
    content, database = _served(folder)
    hurt: dict[str, object] = {"kind": "", "number": 0}

    def answer(request: Request) -> bytes | None:
        body = database.answer(request) if request.method == "POST" else files(content)(request)
        path = {"osm": "/api", "index": "/links.csv", "footprints": "/part", "zip": "/ghs", "tif": "/wsf"}
        if body and hurt["kind"] and request.path.startswith(path[str(hurt["kind"])]):
            rng = random.Random(f"{SEED}/{hurt['number']}")  # noqa: S311 - no secret
            return {"osm": misshapen, "index": torn}.get(str(hurt["kind"]), damaged)(body, rng)
        return body

    with serving(Server(answer)) as server:
        index = f"Location,QuadKey,Url,Size,UploadDate\nKyrgyzstan,121323201,{server.url}/part.csv.gz,1KB,2026-02-03\n"
        content["/links.csv"] = index.encode()
        right = {kind: _fetched(kind, server.url, folder / "right" / kind)[0] for kind in KINDS}
        for number in numbers:
            kind = KINDS[number % len(KINDS)]
            cache = folder / "caches" / str(number)
            beside = cache.parent / f"{number}.beside"
            beside.mkdir(parents=True)
            (beside / "mine.txt").write_text("mine", encoding="utf-8")
            hurt |= {"kind": kind, "number": number}
            first, refused = _fetched(kind, server.url, cache)
            hurt |= {"kind": ""}
            second, missing = _fetched(kind, server.url, cache)
            problem = "" if second == right[kind] else f"wrong in the end ({missing or 'kept'}, taken: {bool(first)})"
            if (beside / "mine.txt").read_text(encoding="utf-8") != "mine":
                problem += " a file beside the cache is gone"
            yield Outcome(number, kind, refused, problem)


def _fetched(kind: str, url: str, cache: Path) -> tuple[list[bytes], str]:
    """Return the files of a live fetch, and why there are none."""
    live_keys = Live(cache=str(cache), contact="me@here", retry_seconds=5)
    config = Config(run=Run(areas=("town",), out=cache / "out"), areas={"town": city.AREA}, live=live_keys)
    try:
        found = live.fetch(city.AREA, _catalogue(kind, url), config, policy=_POLICY)
    except SourceError as error:
        return [], str(error)
    paths = [file.path for file in chain(*found.files.values())]
    return [path.read_bytes() for path in paths], " ".join(found.missing.values())


if __name__ == "__main__":
    for reply in replies(Path(sys.argv[1]), range(*map(int, sys.argv[2:4]))):
        sys.stdout.write(f"{reply}\n")
