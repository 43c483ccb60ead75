"""GlobalBuildingAtlas, opted in: its heights become storeys, its licence goes everywhere, and it may be down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
import tomli_w
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.config import Area, Inputs
from pipeline.declared import catalogue
from pipeline.errors import ConfigError
from pipeline.extract import footprints, live
from pipeline.extract.building_atlas.source import tiles
from tests.faults import city
from tests.faults.cases import Case
from tests.faults.conftest import MakeConfig, only
from tests.faults.servers import Server, files, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.overpass_server import Database

SOURCE = "global_building_atlas"
TILE = "e070_n45_e075_n40"
KEY = f"/us-west-2.opendata.source.coop/tge-labs/globalbuildingatlas-lod1/{TILE}.parquet"
GONE = Case("atlas", "a tile is gone", "a tile is not there")
OTHER = Case("atlas", "other columns than before", "its files have other columns now")
DAMAGED = Case("atlas", "a damaged tile", "the reply is no whole Parquet file", live={"retry_seconds": 1.5})
HEIGHT_M = 8.4
"""Of the houses: 2.8 storeys of 3 m."""


def write_tile(path: Path, *, bbox: bool = True) -> bytes:
    """Write a tile with the town's houses and one far away, in the columns of the real ones; return its bytes."""
    corners = [(74.510 + column * 0.0005, 42.910 + row * 0.0004) for row in range(6) for column in range(8)]
    outlines = [shapely.box(x, y, x + 0.00012, y + 0.00012) for x, y in [*corners, (72.0, 41.0)]]
    heights = np.full(len(outlines), HEIGHT_M)
    heights[1] = -999
    table = gpd.GeoDataFrame(
        {
            "source": ["osm", "ms"] * 24 + ["ours2"],
            "id": [str(number) for number in range(len(outlines))],
            "height": heights,
            "var": np.full(len(outlines), 1.5),
        },
        geometry=outlines,
        crs="EPSG:4326",
    )
    table.to_parquet(path, write_covering_bbox=bbox, schema_version="1.1.0")
    return path.read_bytes()


def opted_in(**changed: object) -> dict[str, object]:
    """Return keys of ``[live]``."""
    return {"opt_in": [SOURCE], "timeout_seconds": 10.0, **changed}


def test_tiles_of_the_cities() -> None:
    assert tiles((72.66, 40.43, 72.94, 40.66)) == [TILE]
    assert tiles((76.70, 43.10, 77.14, 43.46)) == ["e075_n45_e080_n40"]
    assert tiles((71.15, 50.95, 71.80, 51.33)) == ["e070_n55_e075_n50"]
    assert tiles((-0.5, -0.5, 0.5, 0.5)) == [
        "w005_n00_e000_s05", "e000_n00_e005_s05", "w005_n05_e000_n00", "e000_n05_e005_n00",
    ]  # fmt: skip


def test_nobody_fetches_it_unasked(make_config: MakeConfig, tmp_path: Path) -> None:
    unasked = live.plan(city.AREA, catalogue.default(), make_config())
    assert SOURCE not in {row.spec.id for row in unasked}
    asked = live.plan(city.AREA, catalogue.default(), make_config(opt_in=(SOURCE,)))
    assert [row.items for row in asked if row.spec.id == SOURCE] == [[f"{TILE}, bbox {city.AREA.bbox}"]]
    for names in ((), (SOURCE,)):
        path = write_config(tmp_path, {"opt_in": list(names)})
        said = CliRunner().invoke(app, ["run", "--config", str(path), "--plan"]).stdout
        assert "CC-BY-NC-4.0" in said
        assert "no commercial use" in said
        assert ("Not unless live.opt_in names global_building_atlas" in said) is not bool(names)
    with pytest.raises(ConfigError, match="'osm', which is no source that must be asked for"):
        live.plan(city.AREA, catalogue.default(), make_config(opt_in=("osm",)))


def test_only_the_rows_of_the_area_are_kept(make_config: MakeConfig, tmp_path: Path, overpass: Database) -> None:
    with serving(Server(files({KEY: write_tile(tmp_path / "tile.parquet")}))) as server:
        fetched = fetch(make_config(**opted_in()), overpass, server)
    assert not fetched.missing
    (path,) = fetched.paths(SOURCE)
    assert pq.read_metadata(path).num_rows == 48
    read = footprints.read_heights([path], city.AREA)
    assert read.data["height_m"].tolist() == [HEIGHT_M] * 47  # one is unknown
    assert fetched.files[SOURCE][0].origin.licence == "CC-BY-NC-4.0"


@pytest.mark.parametrize("case", [GONE, OTHER, DAMAGED], ids=lambda case: case.name)
def test_what_cannot_be_had_is_missing(case: Case, make_config: MakeConfig, tmp_path: Path, overpass: Database) -> None:
    content = {
        GONE: {},
        OTHER: {KEY: write_tile(tmp_path / "tile.parquet", bbox=False)},
        DAMAGED: {KEY: b"PAR1 and nothing that could follow it"},
    }[case]
    with serving(Server(files(content))) as server:
        fetched = fetch(make_config(**opted_in(**case.live)), overpass, server)
    assert case.outcome in fetched.missing[SOURCE]
    assert [notice.what for notice in fetched.notices if notice.where == SOURCE] == [
        f"missing: {fetched.missing[SOURCE]}"
    ]


def fetch(config: Any, overpass: Database, server: Server) -> live.Fetched:
    """Fetch the town's map and the heights."""
    with serving(Server(overpass.answer)) as osm:
        sources = only(osm={"url": osm.url + "/api"}, global_building_atlas={"endpoint": server.url})
        return live.fetch(city.AREA, sources, config)


def write_config(folder: Path, live: dict[str, object], **inputs: object) -> Path:
    """Write the configuration of a run of the town."""
    config = {
        "run": {"areas": ["town"], "sources": "live", "out": "out"},
        "live": {"contact": "me@here", "cache": str(folder / "cache"), "retry_seconds": 5.0, **live},
        "areas": {
            "town": {"country": "KG", "bbox": list(city.AREA.bbox), "name": {"en": "Town"}, "inputs": inputs},
        },
    }
    path = folder / "config.toml"
    path.write_text(tomli_w.dumps(config))
    return path


def test_the_licence_goes_wherever_the_heights_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overpass: Database
) -> None:
    tile = write_tile(tmp_path / "tile.parquet")
    with (
        serving(Server(files({KEY: tile}))) as server,
        serving(Server(overpass.answer)) as osm,
    ):
        pointing = only(osm={"url": osm.url + "/api"}, global_building_atlas={"endpoint": server.url})
        monkeypatch.setattr(catalogue, "default", lambda: pointing)
        path = write_config(tmp_path, opted_in())
        result = CliRunner().invoke(app, ["run", "--config", str(path), "--quiet"])
    assert result.exit_code == 0, result.output
    assert "no commercial use, neither of it nor of any output" in " ".join(result.stderr.split())
    out = tmp_path / "out"
    storeys = pd.read_parquet(out / "tables" / "buildings.parquet")["levels"]
    assert (storeys == 3).sum() == 31  # of 48 houses, 16 say two storeys themselves, and one's height is unknown
    assert (storeys == 2).sum() == 16
    both = "ODbL-1.0 AND CC-BY-NC-4.0"
    for folder, database in ((out, "novostroiki.duckdb"), (out / "public", "novostroiki.duckdb")):
        with duckdb.connect(str(folder / database), read_only=True) as con:
            assert con.sql("SELECT licence FROM runs").fetchone() == (both,)
            assert "CC-BY-NC-4.0" in str(con.sql("FROM citation").fetchall())
            assert con.sql(f"SELECT licence FROM sources WHERE dataset = '{SOURCE}'").fetchone() == ("CC-BY-NC-4.0",)
        for file in (folder / "tables").glob("*.parquet"):
            assert pq.read_metadata(file).metadata[b"licence"].decode() == both, file
    assert "CC-BY-NC-4.0" in (out / "manifest.json").read_text(encoding="utf-8")
    assert "CC-BY-NC-4.0" in (out / "maps" / "town" / "index.html").read_text(encoding="utf-8")
    for page in ("report.html", "index.html", "public/embed/town/index.html"):
        text = (out / page).read_text(encoding="utf-8")
        assert "CC BY-NC 4.0" in text, page
        assert "Not for commercial use" in text, page
    kit = out / "public" / "embed" / "town"
    for code, word in {"en": "commercial", "ru": "коммерческого", "ky": "Коммерциялык", "kk": "Коммерциялық"}.items():
        for file in (kit / f"caption.{code}.txt", kit / f"graphic.{code}.svg"):
            assert word in file.read_text(encoding="utf-8"), file
    for file in (kit / "settlements.csv", kit / "grid.csv"):
        rows = file.read_text(encoding="utf-8").splitlines()[1:]
        assert all("Not for commercial use" in row for row in rows)


def test_a_tile_of_ones_own(tmp_path: Path) -> None:
    write_tile(tmp_path / "gba.parquet")
    area = Area(**city.AREA.model_dump(exclude={"inputs"}), inputs=Inputs(heights=(tmp_path / "gba.parquet",)))
    read = footprints.read_heights(area.inputs.heights, area)
    assert len(read.data) == 47
    assert read.sources[0].licence == "CC-BY-NC-4.0; CDLA-Permissive-2.0; ODbL-1.0"
    as_outlines = footprints.read([tmp_path / "gba.parquet"], area)
    assert as_outlines.sources[0].licence.startswith("CC-BY-NC-4.0")  # its heights come along
    assert as_outlines.sources[0].source_id == f"{SOURCE}/town/1"


def test_heights_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "flat.geojson"
    outline = shapely.to_geojson(shapely.box(74.51, 42.91, 74.5101, 42.9101))
    feature = {"type": "Feature", "properties": {"height": 0}, "geometry": json.loads(outline)}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert [notice.code for notice in footprints.read_heights([path], city.AREA).notices] == ["no_height_here"]
    with pytest.raises(ValueError, match=r'heights is a list of files; write heights = \["flat.geojson"\]'):
        Inputs.model_validate({"heights": "flat.geojson"})
