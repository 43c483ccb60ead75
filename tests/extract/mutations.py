"""Sound files of every form that is read, and damage done to them: what a broken disk, a bad program or malice does.

``python -m tests.extract.mutations FOLDER FIRST END`` prints what each gives.
"""

from __future__ import annotations

import bz2
import gzip
import json
import random
import re
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openpyxl

from pipeline.config import Inputs
from pipeline.declared import catalogue
from pipeline.errors import NovostroikiError
from pipeline.extract.sandbox import process
from tests.extract import test_footprints as forms
from tests.extract import test_osm_gis as gis
from tests.extract.osm_files import AREA, Scene
from tests.extract.test_rasters import write
from tests.faults import city

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import Area
    from pipeline.extract.sandbox.process import Reader

SEED = 16
_TOKENS = (
    b"null", b"NaN", b"1e999", b"-1", b"0", b"99999999999999999999999999", b"\x00", b"\xff\xfe", b"{}", b"[]", b'""',
    b"[[[", b"\\u0000", b"\n\n\n", b"/etc/passwd", b"2147483648", b"-9223372036854775808", "ё".encode(), b"%s%n",
    b"<!DOCTYPE x>",
)  # fmt: skip
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_PACKED = re.compile(r"\.(?:gz|bz2)$")


@dataclass(frozen=True)
class Sample:
    """A sound file, and the input that it stands for."""

    key: str
    path: Path


def samples(folder: Path) -> list[Sample]:
    """Write a sound file of every form."""
    found = [Sample("osm", path) for path in _osm(folder / "osm")]
    found += [Sample("footprints", path) for path in _footprints(folder / "footprints")]
    found += [Sample(key, path) for key, path in _rasters(folder / "rasters")]
    found += [Sample(key, path) for key, path in _tables(folder / "tables")]
    outlines = folder / "outlines.gpkg"
    forms.houses().assign(settlement_id=list("abcd")).to_file(outlines)
    heights = folder / "heights.parquet"
    forms.houses().assign(source="osm", height=5.0, var=1.0).to_parquet(heights, write_covering_bbox=True)
    return [*found, Sample("outlines", outlines), Sample("heights", heights)]


def town() -> Scene:
    """Return a few houses, a road, a place and a multipolygon."""
    scene = Scene()
    for number in range(6):
        scene.square(0.01 + number * 0.002, 0.01, building="house", name="Үй", building__levels="2")
    scene.way([(0.01, 0.01), (0.02, 0.02), (0.03, 0.02)], highway="primary", name="Ак-Жар")
    scene.node(0.03, 0.03, place="village", name="Ак-Жар", population="1200")
    outer, inner = scene.square(0.05, 0.05, 0.01), scene.square(0.052, 0.052, 0.002)
    scene.relation([("w", outer, "outer"), ("w", inner, "inner")], type="multipolygon", landuse="cemetery")
    return scene


def _osm(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    scene = town()
    for name in ("a.osm.pbf", "a.osm", "a.opl", "a.osm.gz"):
        yield scene.write(folder / name)
    packed = folder / "a.osm.bz2"
    packed.write_bytes(bz2.compress((folder / "a.osm").read_bytes()))
    yield packed
    josm = folder / "josm.osm"
    text = (folder / "a.osm").read_text(encoding="utf-8")
    josm.write_text(re.sub(r'(id|ref)="(\d)', r'\1="-\2', text), encoding="utf-8")
    yield josm
    reply = folder / "reply.json"
    head = {"version": 0.6, "osm3s": {"timestamp_osm_base": "2026-11-20T10:00:00Z"}}
    reply.write_text(json.dumps({**head, "elements": scene.elements()}), encoding="utf-8")
    yield reply
    yield gis.geofabrik(folder)
    yield gis.hot(folder)


def _footprints(folder: Path) -> Iterator[Path]:
    table = forms.houses()[:3].assign(height=[3.0, 4.5, 6.0], building=["house", "yes", None])
    for number, write_form in enumerate(forms.FORMS.values()):
        below = folder / str(number)
        below.mkdir(parents=True)
        yield write_form(below, table)
    more = {"a.fgb": {}, "a.geojson": {}, "a.mif": {"driver": "MapInfo File"}, "a.dxf": {"driver": "DXF"}}
    for name, options in more.items():
        rows = table[["geometry"]].set_geometry(table.boundary) if name == "a.dxf" else table
        rows.to_file(folder / name, **options)
        yield folder / name
    table.to_parquet(folder / "a.parquet", write_covering_bbox=True)
    yield folder / "a.parquet"
    microsoft = folder / "122.csv.gz"
    microsoft.write_bytes(
        gzip.compress("\n".join(forms.feature(shape, height=3.0, confidence=0.9) for shape in table.geometry).encode())
    )
    yield microsoft
    for number in range(2):
        overture = table.assign(sources=['[{"property": "", "dataset": "OpenStreetMap"}]'] * 3)
        overture.to_file(folder / f"overture{number}.{('gpkg', 'fgb')[number]}")
        yield folder / f"overture{number}.{('gpkg', 'fgb')[number]}"


def _rasters(folder: Path) -> Iterator[tuple[str, Path]]:
    folder.mkdir()
    values = (np.arange(900).reshape(30, 30) % 7).astype("float32")
    yield "population", write(folder / "people.tif", values, nodata=-1)
    yield "population", write(folder / "packed.tif", values, nodata=-1, compress="deflate", predictor=3)
    yield "population", write(folder / "tiled.tif", values, tiled=True, blockxsize=16, blockysize=16, compress="lzw")
    yield "built_up", write(folder / "E2020.tif", (values * 9).astype("uint16"), nodata=65535, compress="zstd")
    years = np.where(values > 3, 2000 + values, 0).astype("uint16")
    yield "onset", write(folder / "onset.tif", years)
    yield "tracker", write(folder / "tracker.tif", values.astype("uint8"))
    zipped = folder / "tile.zip"
    zipped.write_bytes(city.zipped({"tile.tif": (folder / "E2020.tif").read_bytes()}))
    yield "built_up", zipped
    packed = folder / "people.tif.gz"
    packed.write_bytes(gzip.compress((folder / "people.tif").read_bytes()))
    yield "population", packed


def _tables(folder: Path) -> Iterator[tuple[str, Path]]:
    folder.mkdir()
    register = "name,registered,year,source\nАк-Жар,1200,2021,office\n,8000,2021,office\n"
    texts = {
        "registered": ("registered.csv", register.encode()),
        "survey": ("survey.csv", b"settlement,houses,persons\nA,3,15\nB,4,20\n"),
        "labels": ("labels.csv", b"place,kind,source\nA,novostroika,me\nB,,\n"),
    }
    for key, (name, content) in texts.items():
        (folder / name).write_bytes(content)
        yield key, folder / name
    cyrillic = folder / "cp1251.csv"
    cyrillic.write_bytes("Новостройка;2020;2021\nАк-Жар;1 200;1 300\n".encode("cp1251"))
    yield "registered", cyrillic
    book = openpyxl.Workbook()
    for row in csv_rows(register):
        book.active.append(row)
    book.save(folder / "registered.xlsx")
    yield "registered", folder / "registered.xlsx"


def csv_rows(text: str) -> list[list[Any]]:
    return [[int(cell) if cell.isdigit() else cell for cell in line.split(",")] for line in text.splitlines()]


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return a file with something wrong in it."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        if data:
            at, length = rng.randrange(len(data)), rng.choice((1, 2, 4, 16, 64, 512))
            rng.choice(_DAMAGES)(data, at, length, rng)
    return bytes(data)


def _flip(data: bytearray, at: int, _length: int, rng: random.Random) -> None:
    data[at] ^= 1 << rng.randrange(8)


def _scramble(data: bytearray, at: int, length: int, rng: random.Random) -> None:
    data[at : at + length] = rng.randbytes(length)


def _cut(data: bytearray, at: int, _length: int, _rng: random.Random) -> None:
    del data[at:]


def _lose(data: bytearray, at: int, length: int, _rng: random.Random) -> None:
    del data[at : at + length]


def _repeat(data: bytearray, at: int, length: int, rng: random.Random) -> None:
    data[at:at] = data[at : at + length] * rng.choice((2, 50))


def _insert(data: bytearray, at: int, _length: int, rng: random.Random) -> None:
    data[at:at] = rng.choice(_TOKENS)


def _replace_number(data: bytearray, _at: int, _length: int, rng: random.Random) -> None:
    if numbers := list(_NUMBER.finditer(data)):
        start, end = rng.choice(numbers).span()
        data[start:end] = rng.choice(_TOKENS)


def _extreme(data: bytearray, at: int, _length: int, rng: random.Random) -> None:
    data[at : at + 4] = rng.choice((b"\xff" * 4, b"\x00" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"))


def _move(data: bytearray, at: int, length: int, rng: random.Random) -> None:
    other = rng.randrange(len(data))
    data[at : at + length] = data[other : other + length]


_DAMAGES = (_flip, _scramble, _cut, _lose, _repeat, _insert, _replace_number, _extreme, _move)


def mutated(sample: Sample, folder: Path, number: int) -> Path:
    """Write a damaged copy of a sample; of a folder, one of its files is damaged; of a packed one, at times inside."""
    rng = random.Random(f"{SEED}/{number}")  # noqa: S311 - no secret
    target = folder / sample.path.name
    if sample.path.is_dir():
        shutil.copytree(sample.path, target)
        victim = rng.choice(sorted(path for path in target.rglob("*") if path.is_file()))
    else:
        for beside in sample.path.parent.glob(f"{sample.path.stem}.*"):
            if beside.is_file() and sample.path.suffix in {".shp", ".tab", ".mif"}:
                shutil.copy(beside, folder)
        victim = target
        shutil.copy(sample.path, target)
        if sample.path.suffix in {".shp", ".tab", ".mif"}:
            victim = rng.choice(sorted(folder.iterdir()))
    content = victim.read_bytes()
    if _PACKED.search(victim.name) and rng.random() < 0.7:
        pack = gzip if victim.suffix == ".gz" else bz2
        victim.write_bytes(pack.compress(damaged(pack.decompress(content), rng)))
    else:
        victim.write_bytes(damaged(content, rng))
    return target


def area_with(sample: Sample, path: Path, sound: Path) -> Area:
    """Return an area that reads a damaged file, beside a sound one that shows houses."""
    given: dict[str, Any] = {"osm": [sound]}
    if sample.key in {"osm", "footprints", "heights"}:
        given[sample.key] = [*given.get(sample.key, []), path]
    else:
        given[sample.key] = {2020: path} if sample.key == "built_up" else path
    return AREA.model_copy(update={"inputs": Inputs.model_validate(given)})


@dataclass(frozen=True)
class Outcome:
    """What came of one damaged file."""

    number: int
    sample: str
    said: str
    """The refusal; empty: it was read."""
    problem: str
    """What is wrong with how it ended; empty: nothing."""
    seconds: float


def outcomes(every: list[Sample], sound: Path, folder: Path, reader: Reader, numbers: range) -> Iterator[Outcome]:
    """Read damaged files, one after the other."""
    for number in numbers:
        sample = every[number % len(every)]
        below = folder / str(number)
        below.mkdir()
        path = mutated(sample, below, number)
        began, said, problem = time.monotonic(), "", ""
        try:
            read_by(reader, area_with(sample, path, sound))
        except NovostroikiError as error:
            said = str(error)
            problem = "" if _is_sentence(said, path) else "no sentence with the file's name"
        except Exception as error:  # noqa: BLE001 - what is looked for
            problem = f"{type(error).__name__}: {error}"
        shutil.rmtree(below)
        yield Outcome(number, f"{sample.key} {sample.path.name}", said, problem, time.monotonic() - began)


def _is_sentence(text: str, path: Path) -> bool:
    known = path.name in text or path.stem in text
    return known and "\n" not in text and text.endswith(".") and "report this as a bug" not in text


def everything(folder: Path, numbers: range) -> list[Outcome]:
    """Write the samples, see that each of them is read, and return what comes of damaged ones."""
    below = folder / "samples", folder / "damaged"
    for path in below:
        path.mkdir(parents=True)
    every, sound = samples(below[0]), town().write(folder / "sound.osm.pbf")
    with process.started(folder / "scratch") as reader:
        for sample in every:
            read_by(reader, area_with(sample, sample.path, sound))
        return list(outcomes(every, sound, below[1], reader, numbers))


def read_by(reader: Reader, area: Area) -> None:
    """Read all inputs of an area."""
    reader.call("pipeline.extract.inputs", "read", area, catalogue.default(), None)


if __name__ == "__main__":
    for outcome in everything(Path(sys.argv[1]), range(*map(int, sys.argv[2:4]))):
        sys.stdout.write(f"{outcome}\n")
