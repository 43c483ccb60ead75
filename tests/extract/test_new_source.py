"""A maintainer adds a footprint source: in a copy of the project, one folder, one TOML, one row of facts; no more."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.declared import catalogue
from pipeline.declared.catalogue import Catalogue
from pipeline.errors import ConfigError
from pipeline.extract import registry
from tests.faults import city
from tests.faults.servers import Server, files, serving

ROOT = Path(__file__).parents[2]

SOURCE = '''
"""The city's own survey from the air: one file of GeoJSON lines."""

from pipeline.extract import footprints
from pipeline.extract.http.download import DownloadSpec
from pipeline.extract.microsoft import files as lines
from pipeline.extract.source import DataSource, with_origin


class Survey(DataSource):
    feeds = frozenset({"footprints"})
    needs = ("url",)

    def plan(self, area, live):
        return [self.spec.url]

    def fetch(self, fetching):
        wanted = DownloadSpec(self.spec.id, [self.spec.url], lines.check_file, 10**8)
        path = fetching.file(self.spec, self.spec.version, "survey.geojsonl.gz", wanted)
        return [fetching.fetched(path, self.spec, self.spec.version, [path])]

    def read(self, files, area):
        read = footprints.read([file.path for file in files], area, dataset=self.spec.id, origin="survey")
        return with_origin(read, files)


SOURCES = {"air_survey": Survey}
'''
TOML = """
id = "air_survey"
title = "Survey from the air"
provider = "The city"
kind = "footprints"
licence = "CC0-1.0"
attribution = "The city"
version = "2026"
url = "{url}/survey.geojsonl.gz"
feeds = "footprints"
unit = "m"
typical_bytes = 1_000_000
"""
FACT = (
    "recall-air-survey,recall_satellite,KG,town,,,,beta,90,10,0.3,1,1,local,the city's own test of its survey,false\n"
)
SCRIPT = """
import json, sys
from pathlib import Path
from pipeline.config import Config, Live, Run
from pipeline.declared import catalogue, facts
from pipeline.extract import inputs, live
from pipeline.transform.population.priors import Priors
from tests.faults import city

whole = catalogue.default()
area = city.AREA
config = Config(run=Run(areas=("town",)), areas={"town": area}, live=Live(cache=sys.argv[1]))
only = catalogue.Catalogue(whole.context, whole.red_zones, {"air_survey": whole.sources["air_survey"]})
planned = live.plan(area, only, config)
read = inputs.read(area, only, live.fetch(area, only, config))
prior = Priors(facts.priors(), "KG", "town", "winter").select("recall_satellite")
print(json.dumps({
    "planned": [row.spec.id for row in planned],
    "origin": sorted(set(read.data.footprints["origin"])),
    "footprints": len(read.data.footprints),
    "source": [[source.dataset, source.licence, source.url, source.features] for source in read.sources],
    "prior": prior.prior_id,
}))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy what a maintainer would have: code, layers, maps, tests and the configuration."""
    copy = tmp_path / "project"
    ignored = shutil.ignore_patterns("node_modules", "__pycache__", "*.pyc")
    for name in ("pipeline", "layers", "maps", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    shutil.copy(ROOT / "config.toml", copy)
    return copy


def python(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=project, capture_output=True, text=True, check=False)


def add_source(project: Path) -> None:
    folder = project / "pipeline" / "extract" / "air_survey"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""The city\'s own survey from the air."""\n')
    (folder / "source.py").write_text(SOURCE)


def add_toml(project: Path, text: str) -> None:
    (project / "layers" / "sources" / "air_survey.toml").write_text(text)


def test_a_footprint_source_is_one_folder_one_toml_and_one_row_of_facts(project: Path, tmp_path: Path) -> None:
    with serving(Server(files({"/survey.geojsonl.gz": city.footprints()}))) as server:
        add_source(project)
        add_toml(project, TOML.format(url=server.url))
        with (project / "layers" / "facts" / "priors.csv").open("a", encoding="utf-8") as facts:
            facts.write(FACT)
        checked = python(project, "-m", "pipeline", "check")
        assert checked.returncode == 0, checked.stderr
        done = python(project, "-c", SCRIPT, str(tmp_path / "cache"))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {
            "planned": ["air_survey"],
            "origin": ["survey"],
            "footprints": 400,
            "source": [["air_survey", "CC0-1.0", f"{server.url}/survey.geojsonl.gz", 400]],
            "prior": "recall-air-survey",
        }


@pytest.mark.parametrize(
    ("with_folder", "complaint"),
    [
        (False, "no folder of pipeline/extract has a source named 'air_survey'"),
        (True, "has no layers/sources/air_survey.toml"),
    ],
    ids=["no folder", "no TOML"],
)
def test_check_refuses_a_half_of_it(project: Path, complaint: str, *, with_folder: bool) -> None:
    if with_folder:
        add_source(project)
    else:
        add_toml(project, TOML.format(url="https://example.org"))
    checked = python(project, "-m", "pipeline", "check")
    assert checked.returncode == 2, checked.stderr
    assert complaint in " ".join(checked.stderr.split())
    assert "Traceback" not in checked.stderr


@pytest.mark.parametrize(
    ("source", "changed", "complaint"),
    [
        ("microsoft_footprints", {"url": ""}, "url is empty"),
        ("microsoft_footprints", {"url": "https://example.org/{tile}.gz"}, "nothing fills in {tile}"),
        ("microsoft_footprints", {"feeds": "osm"}, "feeds = 'osm' is not what this source gives"),
        ("overture_buildings", {"endpoint": ""}, "endpoint is empty"),
        ("ghs_built_s", {"epochs": ()}, "epochs is empty"),
        ("ghs_pop", {"crs": ""}, "crs is empty"),
        ("wsf_evolution", {"mirrors": ("https://example.org/{row}.tif",)}, "nothing fills in {row}"),
    ],
)
def test_a_toml_that_does_not_say_enough_is_refused(source: str, changed: dict[str, object], complaint: str) -> None:
    spec = catalogue.default().sources[source].model_copy(update=changed)
    with pytest.raises(ConfigError) as caught:
        registry.sources(Catalogue({}, {}, {source: spec}))
    assert complaint in str(caught.value)
    assert f"layers/sources/{source}.toml" in str(caught.value)
