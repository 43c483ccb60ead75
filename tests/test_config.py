"""The configuration: what is accepted, and the sentence that refuses the rest."""

from __future__ import annotations

import pickle
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from pipeline import config
from pipeline.errors import ConfigError

MINIMAL = """
[run]
areas = ["town"]
[areas.town]
country = "KG"
bbox = [74.0, 42.0, 74.5, 42.4]
name.en = "Town"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_documented_configuration_is_valid_and_names_every_key() -> None:
    path = Path(__file__).parent.parent / "config.toml"
    settings = config.load(path)
    assert [area.area_id for area in settings.selected] == ["bishkek", "osh", "almaty", "astana"]
    text = path.read_text(encoding="utf-8")
    for model in (config.Run, config.Simulate, config.Live, config.Inputs):
        for key in model.model_fields:
            assert f"{key} " in text, f"{key} is not documented in config.toml"


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    text = MINIMAL + '[areas.town.inputs]\nosm = ["town.osm.pbf"]\nbuilt_up = { 2000 = "a.tif", 1990 = "b.tif" }\n'
    settings = config.load(write(tmp_path, text))
    inputs = settings.areas["town"].inputs
    assert inputs.osm == (tmp_path / "town.osm.pbf",)
    assert list(inputs.built_up) == [1990, 2000]
    assert settings.run.out == tmp_path / "out"


def test_options_win_over_the_file(tmp_path: Path) -> None:
    settings = config.load(write(tmp_path, MINIMAL), seed=7, sources=None)
    assert settings.run.seed == 7
    assert settings.run.sources == "sample"


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        (('country = "KG"', 'country = "KG"\ncuontry = "KG"'), "areas.town.cuontry"),
        (("[74.0, 42.0, 74.5, 42.4]", "[74.5, 42.0, 74.0, 42.4]"), "west < east"),
        (("[74.0, 42.0, 74.5, 42.4]", "[74.0, 42.0, 74.0, 42.4]"), "west < east"),
        (("[74.0, 42.0, 74.5, 42.4]", "[42.0, 74.0, nan, 74.5]"), "west < east"),
        (("[74.0, 42.0, 74.5, 42.4]", "[60.0, 42.0, 74.5, 42.4]"), "more than 3 degrees"),
        (('areas = ["town"]', 'areas = ["city"]'), "no [areas.city]"),
        (('areas = ["town"]', 'areas = ["town", "town"]'), "twice"),
        (('areas = ["town"]', "areas = []"), "run.areas"),
        (('areas = ["town"]', 'areas = ["town"]\nseed = -1'), "run.seed"),
        (('areas = ["town"]', 'areas = ["town"'), "cannot be read as TOML"),
        (("[areas.town]", '[areas."../town"]'), "area"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path: Path, change: tuple[str, str], fragment: str) -> None:
    path = write(tmp_path, MINIMAL.replace(*change))
    with pytest.raises(ConfigError) as refused:
        config.load(path)
    message = str(refused.value)
    assert fragment in message
    assert str(path) in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ('osm = "a.osm"', 'write osm = ["a.osm"]'),
        ('footprints = { path = "a.gpkg", layer = "x" }', "footprints is a list"),
        ('built_up = "a.tif"', 'built_up = { 2020 = "a.tif" }'),
        ('registered = ["a.csv"]', 'registered = "a.csv"'),
        ('onset = { path = "a.tif", lyer = "x" }', "lyer"),
    ],
)
def test_what_is_bracketed_wrongly_is_told_the_right_form(tmp_path: Path, line: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config.load(write(tmp_path, f"{MINIMAL}[areas.town.inputs]\n{line}\n"))
    assert hint in str(refused.value)


def test_a_table_says_what_a_file_does_not(tmp_path: Path) -> None:
    text = (
        MINIMAL + '[areas.town.inputs]\nfootprints = [{ path = "a.gpkg", layer = "houses", crs = "EPSG:28413" }, "b"]\n'
    )
    inputs = config.load(write(tmp_path, text)).areas["town"].inputs
    assert inputs.footprints == (tmp_path / "a.gpkg", tmp_path / "b")
    assert inputs.details(tmp_path / "a.gpkg") == config.FileDetails(layer="houses", crs="EPSG:28413")
    assert inputs.details(tmp_path / "b") == config.FileDetails()
    assert pickle.loads(pickle.dumps(inputs)).details(tmp_path / "a.gpkg").layer == "houses"  # noqa: S301


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
def test_a_file_that_notepad_saved_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(MINIMAL.replace("\n", "\r\n"), encoding=encoding)
    assert config.load(path).run.areas == ("town",)


@pytest.mark.parametrize("encoding", ["utf-16", "cp1251"])
def test_another_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(MINIMAL.replace('"Town"', '"Город"'), encoding=encoding)
    with pytest.raises(ConfigError, match="save it as UTF-8"):
        config.load(path)


def test_a_path_of_windows_gets_its_hint(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="with / or in 'single quotes'"):
        config.load(write(tmp_path, MINIMAL + '[areas.town.inputs]\nosm = ["C:\\Data\\a.osm"]\n'))


@pytest.mark.parametrize(
    ("crs", "fine"),
    [
        ("EPSG:32643", True),
        ("EPSG:28413", True),  # Gauss-Krueger zone 13, as the region's surveyors use
        ("EPSG:3857", False),
        ("EPSG:32636", False),  # UTM of Moscow
        ("EPSG:3035", False),  # Europe's equal areas
    ],
)
def test_a_crs_that_stretches_the_area_is_refused(tmp_path: Path, crs: str, *, fine: bool) -> None:
    area = config.load(write(tmp_path, MINIMAL.replace('country = "KG"', f'country = "KG"\ncrs = "{crs}"'))).areas[
        "town"
    ]
    if fine:
        assert area.projected.is_projected
    else:
        with pytest.raises(ConfigError, match=r"changes lengths by .*%|does not reach"):
            _ = area.projected


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no configuration file .*absent\.toml"):
        config.load(tmp_path / "absent.toml")


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:1", "nonsense", "EPSG:2263"])
def test_a_crs_must_be_projected_in_metres(tmp_path: Path, crs: str) -> None:
    text = MINIMAL.replace('country = "KG"', f'country = "KG"\ncrs = "{crs}"')
    with pytest.raises(ConfigError, match="crs ="):
        _ = config.load(write(tmp_path, text)).areas["town"].projected


@given(dx=st.floats(-0.3, 0.3), dy=st.floats(-0.25, 0.25), azimuth=st.floats(0, 360), length=st.floats(1, 2000))
def test_the_default_crs_keeps_geodesic_distances(dx: float, dy: float, azimuth: float, length: float) -> None:
    from pyproj import Transformer

    area = config.Config.model_validate(tomllib.loads(MINIMAL)).areas["town"]
    lon, lat = 74.25 + dx, 42.2 + dy
    end_lon, end_lat, _ = Geod(ellps="WGS84").fwd(lon, lat, azimuth, length)
    project = Transformer.from_crs("EPSG:4326", area.projected, always_xy=True).transform
    (x0, y0), (x1, y1) = project(lon, lat), project(end_lon, end_lat)
    assert ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 == pytest.approx(length, rel=1e-5)
