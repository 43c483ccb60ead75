"""A word that stands beside every single house, in paths, names of files and the contact, is nowhere in public."""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from typing import TYPE_CHECKING

import duckdb
import osmium
import pandas as pd
import pytest
import tomli_w
from typer.testing import CliRunner

from pipeline import config, simulate
from pipeline.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORD = "Planted-Q7x"
"""Printable, and in no language."""
_AREA = {"country": "KG", "bbox": [72.66, 40.43, 72.94, 40.66], "name": {"en": "Osh"}}


def plant(source: Path, target: Path) -> int:
    """Write a map in which every house says the word in tags that tell who lives there; return how many do."""
    count = 0
    with osmium.SimpleWriter(str(target)) as writer:
        for item in osmium.FileProcessor(str(source)):
            if "building" not in item.tags:
                writer.add(item)
                continue
            count += 1
            tags = dict.fromkeys(("name", "addr:housenumber", "addr:street", "operator", "phone", "note", "ref"), WORD)
            writer.add(item.replace(tags=dict(item.tags) | tags))
    return count


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the outputs of a town whose every house says the word."""
    folder = tmp_path_factory.mktemp(WORD)
    path = folder / "config.toml"
    path.write_text(tomli_w.dumps({"run": {"areas": ["osh"]}, "areas": {"osh": _AREA}}), encoding="utf-8")
    area = simulate.write_area(config.load(path).selected[0], folder / "made", buildings=2000, seed=7)
    assert plant(area.inputs.osm[0], folder / f"{WORD}.osm.pbf") > 1000
    lines = gzip.decompress(area.inputs.footprints[0].read_bytes()).decode().splitlines()
    marked = [json.loads(line) for line in lines]
    for feature in marked:
        feature["properties"] |= {"owner": WORD, "id": WORD}
    (folder / f"{WORD}.geojsonl").write_text("\n".join(map(json.dumps, marked)), encoding="utf-8")
    inputs = {"osm": [f"{WORD}.osm.pbf"], "footprints": [f"{WORD}.geojsonl"]}
    settings = {
        "run": {"areas": ["osh"], "sources": "local", "out": "out", "draws": 1000},
        "live": {"contact": f"{WORD}@example.org", "cache": str(folder / WORD)},
        "areas": {"osh": {**_AREA, "inputs": inputs}},
    }
    path.write_text(tomli_w.dumps(settings), encoding="utf-8")
    result = CliRunner().invoke(app, ["run", "--config", str(path), "--quiet"])
    assert result.exit_code == 0, result.output
    return folder / "out"


def texts(path: Path) -> Iterator[bytes]:
    """Give the bytes of a file, and what is packed in them."""
    content = path.read_bytes()
    yield content
    for packed in re.findall(rb"[A-Za-z0-9+/]{200,}={0,2}", content):
        whole = packed.rstrip(b"=")
        yield base64.b64decode(whole[: len(whole) // 4 * 4])
    for start in (match.start() for match in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x9c\xda]", content)):
        try:
            yield zlib.decompressobj(47).decompress(content[start:])
        except zlib.error:
            continue
    if path.suffix == ".parquet":
        yield pd.read_parquet(path).to_csv().encode()
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as con:
            for (table,) in con.sql("SELECT table_name FROM duckdb_tables()").fetchall():
                yield con.sql(f'FROM "{table}"').df().to_csv().encode()


def test_the_word_is_in_no_public_file(out: Path) -> None:
    published = [path for path in (out / "public").rglob("*") if path.is_file()]
    assert {".parquet", ".duckdb", ".html", ".png", ".svg", ".csv", ".txt"} <= {path.suffix for path in published}
    spellings = [WORD.encode(), WORD.lower().encode(), WORD.encode("utf-16-le")]
    for path in published:
        assert WORD.lower() not in path.name.lower()
        for text in texts(path):
            assert not [word for word in spellings if word in text], path.relative_to(out)


def test_neither_path_nor_contact_is_in_any_file_that_may_be_handed_on(out: Path) -> None:
    for path in [path for path in out.rglob("*") if path.is_file()]:
        for text in texts(path):
            assert f"{WORD}@example.org".encode() not in text, path.relative_to(out)
            assert str(out.parent.parent).encode() not in text, path.relative_to(out)
