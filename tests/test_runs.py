"""Whole runs through the command line, on small files: what is refused, what goes on honestly, what never changes."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import osmium
import pandas as pd
import pytest
import rasterio
import tomli_w
from distributed import LocalCluster
from typer.testing import CliRunner

from pipeline.base import releases
from pipeline.cli import app
from pipeline.commands import estimate
from pipeline.run import manifest, publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

BBOX = (72.66, 40.43, 72.94, 40.66)
QUARTER = (72.66, 40.43, 72.80, 40.545)
SOUTH_WEST = (-140.0, -75.0)
"""Degrees by which Osh is moved to lie in the southern and western hemispheres."""
SIMULATED, REGISTERED = 2024, 2026
"""Years of the simulated buildings and, in one area, of a register younger than they."""
CLOCK = {"manifest.json"}
"""What may differ between equal runs: it holds clock times."""
EARLIER = "0123456789abcdef"


def novostroiki(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    result = novostroiki("simulate", str(folder), "--area", "osh", "--buildings", "2000", "--seed", "7")
    assert result.exit_code == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Return the address of a Dask scheduler whose workers are threads: runs need not start processes."""
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as running:
        yield running.scheduler_address


def absolute(value: Any, folder: Path) -> Any:
    """Return paths, in lists and tables too, from a folder."""
    if isinstance(value, dict):
        return {key: absolute(item, folder) for key, item in value.items()}
    return [absolute(item, folder) for item in value] if isinstance(value, list) else str(folder / value)


def osh(simulated: Path) -> dict[str, Any]:
    """Return a configuration of simulated Osh, its paths absolute."""
    config = tomllib.loads((simulated / "config.toml").read_text(encoding="utf-8"))
    config["areas"]["osh"]["inputs"] = absolute(config["areas"]["osh"]["inputs"], simulated)
    return config


def copy_osm(source: Path, target: Path, shift: tuple[float, float]) -> None:
    with osmium.SimpleWriter(str(target)) as writer:
        for item in osmium.FileProcessor(str(source)):
            if item.is_node():
                writer.add_node(item.replace(location=(item.lon + shift[0], item.lat + shift[1])))
            elif item.is_way():
                writer.add_way(item)
            elif item.is_relation():
                writer.add_relation(item)


def copy_footprints(source: Path, target: Path, shift: tuple[float, float], count: int | None = None) -> None:
    with gzip.open(source, "rt") as lines, gzip.open(target, "wt") as copy:
        for line in list(lines)[:count]:
            feature = json.loads(line)
            rings = feature["geometry"]["coordinates"]
            feature["geometry"]["coordinates"] = [[[x + shift[0], y + shift[1]] for x, y in ring] for ring in rings]
            copy.write(json.dumps(feature) + "\n")


@pytest.fixture(scope="module")
def three_areas(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the configuration of a city, one on the other side of the globe, and one house."""
    folder = tmp_path_factory.mktemp("areas")
    osm, footprints = simulated / "osh" / "area.osm.pbf", simulated / "osh" / "footprints.geojsonl.gz"
    copy_osm(osm, folder / "moved.osm", SOUTH_WEST)
    copy_footprints(footprints, folder / "moved.geojsonl.gz", SOUTH_WEST)
    copy_footprints(footprints, folder / "one.geojsonl.gz", (0, 0), count=1)
    moved = [degrees + SOUTH_WEST[number % 2] for number, degrees in enumerate(QUARTER)]
    config = osh(simulated)
    config["run"] |= {"areas": ["osh", "moved", "one"], "draws": 1000}
    register = pd.read_csv(config["areas"]["osh"]["inputs"]["registered"])
    register.assign(year=REGISTERED).to_csv(folder / "registered.csv", index=False)
    config["areas"]["osh"]["inputs"]["registered"] = "registered.csv"
    config["areas"] |= {
        "moved": {
            "country": "AR",
            "bbox": moved,
            "name": {"en": "Away & <b>far</b>"},
            "inputs": {"osm": ["moved.osm"], "footprints": ["moved.geojsonl.gz"]},
        },
        "one": {
            "country": "KG",
            "bbox": BBOX,
            "name": {"en": "One house"},
            "inputs": {"footprints": ["one.geojsonl.gz"]},
        },
    }
    (folder / "config.toml").write_text(tomli_w.dumps(config), encoding="utf-8")
    return folder / "config.toml"


@pytest.fixture(scope="module")
def finished(three_areas: Path) -> Path:
    out = three_areas.parent / "processes"
    result = novostroiki("run", "--config", str(three_areas), "--out", str(out), "--jobs", "2")
    assert result.exit_code == 0, result.stderr
    assert str(out / "index.html") in result.stderr.replace("\n", "")
    assert result.stdout == ""
    return out


@pytest.fixture(scope="module")
def again(three_areas: Path, cluster: str) -> Path:
    """Return the outputs of the same areas in another order, computed by Dask and kept as a snapshot."""
    config = tomllib.loads(three_areas.read_text(encoding="utf-8"))
    config["run"]["areas"].reverse()
    turned = three_areas.with_name("turned.toml")
    turned.write_text(tomli_w.dumps(config), encoding="utf-8")
    out = three_areas.parent / "dask"
    result = novostroiki(
        "run", "--config", str(turned), "--out", str(out), "--scheduler", cluster, "--snapshot", "--quiet"
    )
    assert (result.exit_code, result.output) == (0, "")
    return out


def test_where_it_is_computed_and_in_which_order_changes_no_byte(finished: Path, again: Path) -> None:
    one, other = (
        {path: digest for path, digest in tree(releases.resolve(out)).items() if path not in CLOCK}
        for out in (finished, again)
    )
    assert one == other
    assert manifest.verify(finished) == []
    assert manifest.verify(again) == []


def test_areas_anywhere_and_without_settlements_or_hazards(finished: Path) -> None:
    table = {name: pd.read_parquet(finished / "tables" / f"{name}.parquet") for name in ("buildings", "settlements")}
    houses = table["buildings"].groupby("area_id").size()
    assert houses["one"] == 1
    assert 50 < houses["moved"] < houses["osh"]
    assert set(table["settlements"]["area_id"]) == {"osh", "moved"}
    told = pd.read_parquet(finished / "tables" / "areas.parquet").set_index("area_id")["told"]
    assert told["one"] == "nothing"
    overlaps = pd.read_parquet(finished / "tables" / "red_zone_overlaps.parquet").dropna(subset=["rule_id"])
    moved = overlaps[overlaps["settlement_id"].str.startswith("moved/")]
    assert len(moved)
    assert moved["rule_id"].str.startswith("default.").all()
    for area in ("osh", "moved", "one"):
        page = (finished / "maps" / area / "index.html").read_text(encoding="utf-8")
        assert "<b>far</b>" not in page
    completeness = pd.read_parquet(finished / "tables" / "completeness.parquet")
    missing = completeness[(completeness["area_id"] == "one") & (completeness["measure"] == "input_given")]
    assert "osm" in set(missing["layer"])


def test_a_register_tells_nothing_of_the_year_of_the_buildings(finished: Path) -> None:
    table = {
        name: pd.read_parquet(finished / "tables" / f"{name}.parquet")
        for name in ("area_population", "settlement_population", "sources")
    }
    observed = table["sources"].query("area_id == 'osh'").set_index("dataset")["observed_year"]
    assert observed["osm"] == SIMULATED
    assert observed["registered"] == REGISTERED
    assert observed["ghs_built_s"].max() == 2020
    assert observed[["microsoft_footprints", "wsf_evolution", "local_population"]].isna().all()
    for name in ("area_population", "settlement_population"):
        assert set(table[name].query("area_id == 'osh'")["year"]) == {SIMULATED}


def test_the_city_and_everybody_in_it_are_one_figure(finished: Path) -> None:
    """What the tables say of the city is what its draws say, those of houses in no settlement among them."""
    city = pd.read_parquet(finished / "tables" / "area_population.parquet").set_index("area_id").loc["osh"]
    places = pd.read_parquet(finished / "tables" / "settlement_population.parquet").query("area_id == 'osh'")
    draws = pd.read_parquet(finished / "tables" / "population_draws.parquet").query("area_id == 'osh'")
    assert draws["settlement_id"].isna().any(), "there are houses in no settlement"
    told = estimate.answer(finished / "novostroiki.duckdb", where="area_id = 'osh'").draws
    for quantity in ("residents", "registered", "unregistered"):
        expected = city[[f"{quantity}_{q}" for q in ("p05", "p50", "p95")]].tolist()
        assert places[f"{quantity}_mean"].sum() == pytest.approx(city[f"{quantity}_mean"])
        assert np.quantile(told[quantity], (0.05, 0.5, 0.95)).tolist() == pytest.approx(expected, abs=0.5)


def test_what_users_type_afterwards(finished: Path, again: Path) -> None:
    count = "SELECT count(*) AS n FROM settlements"
    full = novostroiki("query", count, "--out", str(again), "--format", "csv")
    kept = novostroiki("query", count, "--out", str(again), "--format", "csv", "--as-of", "2999-01-01")
    public = novostroiki("query", count, "--out", str(again), "--format", "csv", "--public")
    assert full.stdout == kept.stdout
    assert 0 < int(public.stdout.split()[1]) <= int(full.stdout.split()[1])
    assert "osh" in novostroiki("validate", "--out", str(finished)).stdout
    assert Path(novostroiki("embed", "moved", "--out", str(again)).stdout.strip()).is_dir()
    same = novostroiki("diff", str(finished), str(again))
    assert same.exit_code == 0, same.stderr
    assert "appeared" in same.stdout
    listing = novostroiki("layers").stdout
    assert "landfill" in listing
    assert "ODbL-1.0" in listing


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["query", "SELECT 1", "--as-of", "1999-01-01"], "no snapshot of 1999-01-01"),
        (["query", "SELECT 1", "--as-of", "2020-01-01", "--public"], "full edition only"),
        (["query", "SELECT 1", "--as-of", "yesterday"], "yesterday"),
        (["query", "SELEC 1"], "syntax error"),
        (["query", "SELECT * FROM buildings", "--public"], "buildings"),
        (["query", "COPY settlements TO 'stolen.csv'"], "cannot be run"),
        (["query", "DROP TABLE settlements"], "read-only"),
        (["embed", "atlantis"], "atlantis"),
    ],
)
def test_what_users_type_wrongly(finished: Path, arguments: list[str], fragment: str) -> None:
    result = novostroiki(*arguments, "--out", str(finished))
    assert result.exit_code == 2, result.output
    assert fragment in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


# --- what is refused ------------------------------------------------------------------------------------------------


def earlier_run(out: Path) -> None:
    with publish.staging(out) as stage:
        (stage / "tables").mkdir()
        (stage / "tables" / "areas.parquet").write_bytes(b"of an earlier run")
        told = {"run_id": EARLIER, "files": manifest.list_files(stage)}
        (stage / manifest.NAME).write_text(json.dumps(told), encoding="utf-8")


def refuse(config: dict[str, Any], folder: Path, *options: str, code: int = 2) -> str:
    """Run on outputs of an earlier run; return what was said, and check that nothing else came of it."""
    out = folder / "out"
    earlier_run(out)
    before = tree(out)
    path = folder / "config.toml"
    path.write_text(tomli_w.dumps(config), encoding="utf-8")
    result = novostroiki("run", "--config", str(path), "--out", str(out), "--quiet", *options)
    said = result.stderr.strip()
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert said.startswith("novostroiki: ")
    assert "\n" not in said
    assert tree(out) == before
    assert [entry.name for entry in (out / "releases").iterdir()] == [EARLIER]
    return said


def given(config: dict[str, Any]) -> dict[str, Any]:
    inputs: dict[str, Any] = config["areas"]["osh"]["inputs"]
    return inputs


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        (lambda config: given(config).update(osm=["absent.osm.pbf"]), "absent.osm.pbf'; correct inputs.osm"),
        (lambda config: given(config).update(onset="absent.tif"), "absent.tif'; correct inputs.onset"),
        (lambda config: config["areas"]["osh"].update(inputs={}), "neither osm nor footprints"),
        (lambda config: given(config).update(built_up={"9999": "x.tif"}), "built_up.9999"),
        (lambda config: config.update(run="fast"), "run"),
        (lambda config: config["run"].update(colour="red"), "run.colour"),
        (lambda config: config["areas"]["osh"].update(bbox=[72.94, 40.43, 72.66, 40.66]), "west < east"),
    ],
)
def test_refused_before_work_begins(
    simulated: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], fragment: str
) -> None:
    config = osh(simulated)
    change(config)
    assert fragment in refuse(config, tmp_path)


def cut_off(config: dict[str, Any], folder: Path) -> None:
    whole = Path(given(config)["osm"][0]).read_bytes()
    (folder / "cut.osm.pbf").write_bytes(whole[: len(whole) // 2])
    given(config)["osm"] = ["cut.osm.pbf"]


def without_objects(config: dict[str, Any], folder: Path) -> None:
    osmium.SimpleWriter(str(folder / "empty.osm.pbf")).close()
    given(config)["osm"] = ["empty.osm.pbf"]


def off_the_globe(config: dict[str, Any], folder: Path) -> None:
    with osmium.SimpleWriter(str(folder / "off.osm.pbf")) as writer:
        for number, place in enumerate([(72.8, 40.5), (72.8, 95.0), (72.9, 40.5)], start=1):
            writer.add_node(osmium.osm.mutable.Node(id=number, location=place))
        writer.add_way(osmium.osm.mutable.Way(id=1, nodes=[1, 2, 3, 1], tags={"building": "yes"}))
    given(config)["osm"] = ["off.osm.pbf"]


def raster(
    values: Callable[[np.ndarray], np.ndarray], *, east_deg: float = 0
) -> Callable[[dict[str, Any], Path], None]:
    def change(config: dict[str, Any], folder: Path) -> None:
        with rasterio.open(given(config)["population"]) as source:
            profile, people = source.profile, source.read(1)
        profile["transform"] = rasterio.Affine.translation(east_deg, 0) * profile["transform"]
        with rasterio.open(folder / "people.tif", "w", **profile) as target:
            target.write(values(people).astype(people.dtype), 1)
        given(config)["population"] = "people.tif"

    return change


def text(key: str, content: str) -> Callable[[dict[str, Any], Path], None]:
    def change(config: dict[str, Any], folder: Path) -> None:
        (folder / f"{key}.txt").write_text(content, encoding="utf-8")
        given(config)[key] = [f"{key}.txt"] if key == "footprints" else f"{key}.txt"

    return change


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        pytest.param(cut_off, "cut.osm.pbf cannot be read", id="a PBF that is cut off"),
        pytest.param(without_objects, "without a single object", id="OSM without objects"),
        pytest.param(off_the_globe, "off.osm.pbf cannot be read", id="a way beyond the pole"),
        pytest.param(raster(lambda people: people, east_deg=10), "does not overlap", id="a raster elsewhere"),
        pytest.param(raster(lambda people: people * 0 - 99999), "nothing but nodata", id="a raster of nodata"),
        pytest.param(raster(lambda people: people * 0 + np.inf), "inf in a cell", id="infinitely many people"),
        pytest.param(text("footprints", "<html>404</html>"), "another kind", id="a page instead of footprints"),
        pytest.param(text("registered", "name,registered,year,source\n,-5,2020,x\n"), "row 2", id="minus 5 people"),
        pytest.param(text("survey", "settlement,houses,persons\nA,3,9999\n"), "1,000 to a house", id="a wild survey"),
    ],
)
def test_refused_while_reading(
    simulated: Path,
    cluster: str,
    tmp_path: Path,
    change: Callable[[dict[str, Any], Path], None],
    fragment: str,
) -> None:
    config = osh(simulated)
    change(config, tmp_path)
    assert fragment in refuse(config, tmp_path, "--scheduler", cluster)


def test_no_scheduler_answers(simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["pipeline.run.run"], "_CONNECT_S", 0.5)
    assert "No Dask scheduler answers" in refuse(osh(simulated), tmp_path, "--scheduler", "tcp://127.0.0.1:9", code=1)


def test_a_scheduler_without_dask(simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a plain installation, which leaves Dask out."""
    real = importlib.util.find_spec
    monkeypatch.setattr(
        sys.modules["pipeline.run.run"], "find_spec", lambda name: None if name == "distributed" else real(name)
    )
    assert "novostroiki[cluster]" in refuse(osh(simulated), tmp_path, "--scheduler", "tcp://127.0.0.1:9")


def test_a_full_disk(simulated: Path, cluster: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        assert "no room left on the disk" in refuse(osh(simulated), disk, "--scheduler", cluster, code=1)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_of_several_areas_one_without_a_building_is_left_out(simulated: Path, cluster: str, tmp_path: Path) -> None:
    config = osh(simulated)
    roads = tmp_path / "roads.osm.pbf"
    with osmium.SimpleWriter(str(roads)) as writer:
        for number in (1, 2):
            writer.add_node(osmium.osm.mutable.Node(id=number, location=(10 + number / 100, 50.01)))
        writer.add_way(osmium.osm.mutable.Way(id=1, nodes=[1, 2], tags={"highway": "primary"}))
    nowhere = {"country": "KG", "bbox": [10.0, 50.0, 10.05, 50.05], "name": {"en": "Nowhere"}}
    config["areas"]["nowhere"] = nowhere | {"inputs": {"osm": [str(roads)]}}
    config["run"]["areas"] = ["nowhere", "osh"]
    path = tmp_path / "config.toml"
    path.write_text(tomli_w.dumps(config), encoding="utf-8")
    out = tmp_path / "out"
    result = novostroiki("run", "--config", str(path), "--out", str(out), "--quiet", "--scheduler", cluster)
    assert result.exit_code == 0, result.output
    assert "No building lies within the bbox" in result.stderr
    assert (out / "maps" / "osh" / "index.html").exists()
    assert not (out / "maps" / "nowhere").exists()
    assert "an area was left out: No building lies within" in (out / "report.html").read_text(encoding="utf-8")


# --- what stops a run ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and process groups")
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 1), (signal.SIGKILL, -signal.SIGKILL)])
def test_stopped_at_work_keeps_the_old_and_leaves_no_worker(
    simulated: Path, tmp_path: Path, how: signal.Signals, code: int
) -> None:
    out = tmp_path / "out"
    earlier_run(out)
    before = tree(releases.resolve(out))
    config = tmp_path / "config.toml"
    config.write_text(tomli_w.dumps(osh(simulated)), encoding="utf-8")
    command = [sys.executable, "-m", "pipeline", "run", "--config", str(config), "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        staging = out / "releases" / ".staging"
        journal = staging / "release" / ".work" / "progress" / "osh.jsonl"
        deadline = time.monotonic() + 60
        while not journal.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        # As a terminal does on Ctrl-C, to the whole group; a kill meets the run alone.
        os.killpg(process.pid, how) if how == signal.SIGINT else process.send_signal(how)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == code
    assert "Traceback" not in said
    assert tree(releases.resolve(out)) == before
    if how == signal.SIGINT:
        assert "the previous outputs are untouched" in said
        assert not staging.exists()
    assert group_ends(process.pid), "a worker goes on after its run has ended"


def group_ends(group: int) -> bool:
    """Return whether all processes of a group end within some seconds; those that nobody waits for count as ended."""
    for _ in range(100):
        states = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = status.read_text().rpartition(")")[2].split()
                states += [fields[0]] if int(fields[2]) == group else []
        if all(state == "Z" for state in states):
            return True
        time.sleep(0.1)
    return False
