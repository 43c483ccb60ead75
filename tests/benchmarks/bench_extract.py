"""Reading of OpenStreetMap files and footprints beside the usual tools: same files, one process for each reading."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import resource
import time
from typing import TYPE_CHECKING

import numpy as np
import osmium
import pytest
from osmium.osm import mutable

from pipeline.config import Area
from pipeline.declared import catalogue
from pipeline.extract import footprints, osm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.benchmarks.conftest import Record

SIZE = int(os.environ.get("BENCH_EXTRACT_SIZE", "1000000"))
"""Buildings or footprints in the file; the bars are stated for a million."""
REPEAT = 3
BBOX = (76.70, 43.10, 77.14, 43.46)
AREA = Area(area_id="bench", country="KZ", bbox=BBOX, name={"en": "Bench"})


def osm_by_us(path: Path) -> int:
    default = catalogue.default()
    tables = osm.read([path], AREA, default.osm_layers, default.reach_m).data
    return len(tables["buildings"]) + len(tables["landuse"])


def osm_by_pyogrio(path: Path) -> int:
    import pyogrio

    columns = ["osm_id", "osm_way_id", "building", "landuse", "name"]
    return len(pyogrio.read_dataframe(path, layer="multipolygons", use_arrow=True, columns=columns))


def footprints_by_us(path: Path) -> int:
    return len(footprints.read([path], AREA).data)


def footprints_by_duckdb(path: Path) -> int:
    import duckdb
    import shapely

    query = "SELECT properties.height, geometry.coordinates AS c FROM read_json(?, format='nd', compression='gzip')"
    table = duckdb.execute(query, [str(path)]).to_arrow_table()
    polygons = table["c"].combine_chunks()
    rings = polygons.flatten()
    flat = rings.flatten().flatten().to_numpy().reshape(-1, 2)
    offsets = (rings.offsets.to_numpy(), polygons.offsets.to_numpy())
    return len(shapely.from_ragged_array(shapely.GeometryType.POLYGON, flat, offsets))


def _once(reader: Callable[[Path], int], path: Path) -> tuple[float, float, float, int]:
    reader_start, cpu_start = time.perf_counter(), time.process_time()
    rows = reader(path)
    wall, cpu = time.perf_counter() - reader_start, time.process_time() - cpu_start
    return wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, rows


def measured(path: Path, *readers: Callable[[Path], int]) -> list[tuple[float, float, float]]:
    """Return least wall-clock seconds, least CPU seconds and peak GiB of each reader; they take turns."""
    runs: list[list[tuple[float, float, float, int]]] = [[] for _ in readers]
    for _ in range(REPEAT):
        for reader, own in zip(readers, runs, strict=True):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                own.append(pool.apply(_once, (reader, path)))
    counts = {run[3] for own in runs for run in own}
    assert len(counts) == 1, counts
    return [tuple(np.min(own, axis=0)[:3].tolist()) for own in runs]


def rectangles(size: int, seed: int) -> np.ndarray:
    """Return turned rectangles as (size, 4, 2) lon, lat."""
    rng = np.random.default_rng(seed)
    west, south, east, north = BBOX
    centre = np.column_stack((rng.uniform(west, east, size), rng.uniform(south, north, size)))
    turn, half = rng.uniform(0, np.pi, size), rng.uniform(3e-5, 8e-5, (size, 2))
    along = np.column_stack((np.cos(turn), np.sin(turn))) * half[:, :1]
    across = np.column_stack((-np.sin(turn), np.cos(turn))) * half[:, 1:]
    return np.stack([centre + a * along + b * across for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))], axis=1)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Buildings, and a fiftieth as many pieces of land use; a tenth carries a house number."""
    path = tmp_path_factory.mktemp("city") / "city.osm.pbf"
    rings = np.concatenate((rectangles(SIZE, 1), rectangles(SIZE // 50, 2)))
    kinds = ("yes", "house", "residential", "garage")
    with osmium.SimpleWriter(str(path)) as writer:
        for number, (lon, lat) in enumerate(rings.reshape(-1, 2).tolist(), start=1):
            writer.add_node(mutable.Node(id=number, version=1, location=(lon, lat)))
        for index in range(len(rings)):
            tags = {"building": kinds[index % 4]} if index < SIZE else {"landuse": "residential", "name": f"N{index}"}
            if index % 10 == 0:
                tags["addr:housenumber"] = str(index % 300)
            nodes = [index * 4 + corner for corner in (1, 2, 3, 4, 1)]
            writer.add_way(mutable.Way(id=index + 1, version=1, nodes=nodes, tags=tags))
    return path


@pytest.fixture(scope="module")
def microsoft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("microsoft") / "123.csv.gz"
    properties = {"height": -1.0, "confidence": -1.0}
    with gzip.open(path, "wt", compresslevel=6) as file:
        for ring in rectangles(SIZE, 3).tolist():
            geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
            file.write(json.dumps({"type": "Feature", "properties": properties, "geometry": geometry}) + "\n")
    return path


def test_openstreetmap_file_against_pyogrio(city: Path, bar: Record) -> None:
    ours, theirs = measured(city, osm_by_us, osm_by_pyogrio)
    bar("OSM file into tables, time of pyogrio's", ours[0] / theirs[0], at_most=1.0, unit="x")
    bar("OSM file into tables, CPU time of pyogrio's", ours[1] / theirs[1], at_most=1.0, unit="x")
    bar("OSM file into tables, peak memory", ours[2], at_most=1.5, unit="GiB")


def test_microsoft_footprints_against_duckdb(microsoft: Path, bar: Record) -> None:
    ours, theirs = measured(microsoft, footprints_by_us, footprints_by_duckdb)
    bar("footprints into a table, time of DuckDB and shapely", ours[0] / theirs[0], at_most=1.5, unit="x")
    bar("footprints into a table, peak memory", ours[2], at_most=1.5, unit="GiB")
