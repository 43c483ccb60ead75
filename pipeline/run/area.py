"""One area, from its inputs to its part of every table and its map: which stages there are, and what each needs."""

from __future__ import annotations

import json
import platform
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd

from pipeline import simulate
from pipeline.base.progress import Journal
from pipeline.declared import catalogue
from pipeline.extract.sandbox import process as reader_process
from pipeline.load import parquet, press_kit
from pipeline.load.planner_map import map_page, tiles
from pipeline.run import identity, steps
from pipeline.run.input_digests import InputDigests
from pipeline.run.stage_cache import StageCache, StageFolders
from pipeline.run.stages import STAGES, Stage, StageRun
from pipeline.schema import tables
from pipeline.transform import red_zones

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from pipeline.config import Area, Config
    from pipeline.declared.catalogue import Catalogue
    from pipeline.extract.area_inputs import AreaInputs
    from pipeline.extract.live import Fetched
    from pipeline.extract.sandbox.process import Reader
    from pipeline.run.since import Since
    from pipeline.run.steps import Description
    from pipeline.schema.provenance import Extract, Notice, Source
    from pipeline.transform.red_zones import RedZones


@dataclass(frozen=True)
class AreaResult:
    """What `process` tells of an area; its tables and its map lie in files.

    Attributes
    ----------
    decomposition
        Which factor owns which share of the width of the area's estimates: a list for each column.
    reused
        Stages whose results were taken from the last run.
    remarks
        What was wrong with results that were kept.
    """

    area_id: str
    sources: list[Source]
    notices: list[Notice]
    decomposition: dict[str, list[Any]]
    reused: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def process(  # noqa: PLR0913, PLR0917 - what a run hands to each of its areas
    area: Area,
    config: Config,
    stage: Path,
    fetched: Fetched | None = None,
    since: Since | None = None,
    results: StageFolders | None = None,
    threads: int = 1,
) -> AreaResult:
    """Do one area: read, transform, and write its part of the tables and its map below `stage`.

    Runs wherever the executor puts it; talks to the rest only through its result and the files it writes.

    Parameters
    ----------
    results
        Folders of what the last run made, and this one makes; None: all is made anew, and nothing is kept.
    threads
        Stages that may run at a time.
    """
    journal = Journal(stage / ".work" / "progress" / f"{area.area_id}.jsonl")
    layers = catalogue.default()
    kept = None if results is None else StageCache(results.of(area.area_id), _version())
    with reader_process.started(stage / ".work" / "reader" / area.area_id) as reader:
        if config.run.sources == "sample":
            with journal.stage("simulating"):
                area = simulate.write_area(
                    area, stage / "simulated" / area.area_id, buildings=config.simulate.buildings, seed=config.run.seed
                )
        stages = area_stages(area, config, layers, stage, partial(_read, reader, area, layers, fetched), fetched, since)
        run = StageRun(stages, threads=threads, journal=journal, cache=kept)
        sources, described, _, background = run.results("sources", "description", "page", "background")
    path = stage / "public" / "maps" / area.area_id / "background.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(background, encoding="utf-8")
    journal.finish(STAGES)
    return AreaResult(
        area.area_id,
        sources,
        described.notices,
        described.decomposition.to_dict("list"),
        reused=kept.reused if kept else [],
        remarks=kept.remarks if kept else [],
    )


def _version() -> str:
    """Return a digest of what makes results, without the rules of red zones: stages that take those say so."""
    return f"{identity.code(rules=False)} {platform.python_version()}"


def area_stages(  # noqa: PLR0913, PLR0917 - everything that an area is described from
    area: Area,
    config: Config,
    layers: Catalogue,
    stage: Path,
    read: Callable[[], Extract[AreaInputs]],
    fetched: Fetched | None = None,
    since: Since | None = None,
) -> list[Stage]:
    """Return what is done for an area, each step with what it needs; independent ones run side by side."""
    run, files = config.run, InputDigests.of(area, fetched)
    place = area.model_dump_json(exclude={"inputs"})
    asked = json.dumps({"place": place, "reach_m": layers.reach_m, "layers": _asked_of_osm(layers)})
    drawing = json.dumps({"draws": run.draws, "seed": run.seed, "season": run.season})
    reach = {
        name: metres + red_zones.MOST_M for name, metres in red_zones.reach(layers.red_zones, area.country).items()
    }
    return [
        Stage("read", read, settings=asked + files.all, doing="reading"),
        Stage("measured", partial(steps.Measured.of, area, layers), ("read",), source=asked + files.ground),
        Stage("sources", _sources, ("read",), settings=asked + files.all),
        Stage("context", _context, ("read",), source=asked + files.ground),
        Stage("registers", _registers, ("read",), source=place + files.registers),
        Stage("labels", _labels, ("read",), source=place + files.labels),
        Stage(
            "merged",
            partial(steps.merge, run.season),
            ("measured",),
            settings=drawing,
            kept=True,
            doing="merging buildings",
        ),
        Stage("delineation", steps.delineate, ("measured", "merged"), kept=True, doing="delineating"),
        Stage(
            "traced",
            partial(steps.name_and_trace, since),
            ("measured", "delineation"),
            settings=since.run_id if since else "",
            kept=True,
        ),
        Stage("houses", steps.houses, ("merged", "delineation", "traced")),
        Stage("places", steps.classify, ("measured", "traced", "houses", "labels"), kept=True),
        Stage("hazards", partial(steps.hazards, layers), ("measured",), settings=_rules(layers)),
        Stage("edges", steps.edges, ("hazards",), content=steps.content),
        Stage(
            "distances",
            partial(steps.measure_distances, reach),
            ("merged", "edges"),
            settings=json.dumps(reach),
            kept=True,
            doing="measuring distances",
        ),
        Stage(
            "zones",
            partial(steps.measure_red_zones, config, layers),
            ("measured", "houses", "places", "hazards", "distances"),
            settings=drawing,
            kept=True,
            doing="measuring red zones",
        ),
        Stage("growth", steps.follow_growth, ("measured", "places"), kept=True),
        Stage("growth_since_2016", partial(steps.follow_tracker, layers), ("measured", "places"), kept=True),
        Stage("cells", steps.cover, ("measured", "houses"), kept=True),
        Stage(
            "people",
            partial(steps.estimate, config),
            ("measured", "registers", "houses", "places", "cells"),
            settings=drawing,
            kept=True,
            doing="estimating",
        ),
        Stage(
            "description",
            partial(steps.describe, config),
            (
                *("read", "measured", "merged", "dated", "places", "hazards", "zones"),
                *("growth", "growth_since_2016", "cells", "people"),
            ),
        ),
        Stage("dated", steps.date, ("measured", "houses")),
        Stage("drawn", steps.drawn, ("dated", "places", "zones", "cells")),
        Stage("frames", partial(_write_tables, area, stage), ("description", "drawn"), doing="writing tables"),
        Stage("tiles", partial(_make_tiles, area), ("drawn", "zones", "context"), kept=True, doing="making tiles"),
        Stage("page", partial(_draw_map, area, config, stage), ("frames", "tiles", "context"), doing="drawing the map"),
        Stage("background", partial(press_kit.background.draw, projected=area.projected), ("context",), kept=True),
    ]


def _read(reader: Reader, area: Area, layers: Catalogue, fetched: Fetched | None) -> Extract[AreaInputs]:
    read: Extract[AreaInputs] = reader.call("pipeline.extract.inputs", "read", area, layers, fetched)
    reader.close()  # an area has nothing else to read, and the others need the memory
    return read


def _asked_of_osm(layers: Catalogue) -> dict[str, Any]:
    """Return what decides which objects of OpenStreetMap are read; distances do not."""
    read = {"geometry", "osm", "exclude", "attributes", "measures", "shape"}
    return {key: layer.model_dump(mode="json", include=read) for key, layer in layers.osm_layers.items()}


def _rules(layers: Catalogue) -> str:
    """Return all that the catalogue says of red zones, with the acts."""
    return json.dumps([zone.model_dump(mode="json") for zone in layers.red_zones.values()])


def _context(read: Extract[AreaInputs]) -> dict[str, gpd.GeoDataFrame]:
    return {key: layer for key, layer in read.data.layers.items() if key != "buildings"}


def _sources(read: Extract[AreaInputs]) -> list[Source]:
    return read.sources


def _registers(read: Extract[AreaInputs]) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    return read.data.registered, read.data.survey


def _labels(read: Extract[AreaInputs]) -> pd.DataFrame | None:
    return read.data.labels


def _write_tables(
    area: Area, stage: Path, description: Description, drawn: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    frames = {**description.tables, **drawn}
    for name, frame in frames.items():
        parquet.write(frame, stage / ".work" / "parts" / name / f"{area.area_id}.parquet", tables.TABLES[name])
    return frames


def _make_tiles(
    area: Area, drawn: Mapping[str, pd.DataFrame], zones: RedZones, context: Mapping[str, gpd.GeoDataFrame]
) -> bytes:
    bounds = gpd.GeoDataFrame({"area_id": [area.area_id]}, geometry=[area.boundary], crs="EPSG:4326")
    with tempfile.TemporaryDirectory(prefix="novostroiki-tiles-") as scratch:
        archive = Path(scratch) / "archive.pmtiles"
        tiles.build({**drawn, "areas": bounds}, zones.polygons.to_crs("EPSG:4326"), context, archive)
        return archive.read_bytes()


def _draw_map(  # noqa: PLR0913, PLR0917 - results of other stages
    area: Area,
    config: Config,
    stage: Path,
    frames: Mapping[str, pd.DataFrame],
    archive: bytes,
    context: Mapping[str, gpd.GeoDataFrame],
) -> None:
    folder = stage / "maps" / area.area_id
    folder.mkdir(parents=True)
    path = folder / f"{area.area_id}.pmtiles"
    path.write_bytes(archive)
    map_page.build(frames, path, folder, places=context["places"], basemap=config.maps.basemap)
