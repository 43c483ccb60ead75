"""The reader's process: what it reads comes back as it is, and nothing that a file does to it reaches anybody else."""

from __future__ import annotations

import datetime as dt
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely

from pipeline.declared import catalogue
from pipeline.errors import InputError, RunError
from pipeline.extract import inputs
from pipeline.extract.sandbox import handover, process
from pipeline.schema import provenance
from tests.extract.osm_files import AREA, Scene
from tests.extract.test_inputs import inputs_of
from tests.extract.test_rasters import numbered, write
from tests.faults.servers import Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.extract.sandbox.process import Reader

BAD = "tests.extract.bad_readers"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with process.started(tmp_path_factory.mktemp("reader") / "scratch") as started:
        yield started


def test_what_was_read_comes_back_as_it_is(reader: Reader, tmp_path: Path) -> None:
    scene = Scene()
    scene.square(0.01, 0.01, building="house", name="Ак-Жар")
    scene.way([(0.01, 0.01), (0.02, 0.02)], highway="primary")
    people = write(tmp_path / "a.tif", numbered(), nodata=0)
    given = inputs_of(osm=[scene.write(tmp_path / "a.osm.pbf")], population=people)
    area = AREA.model_copy(update={"inputs": given})
    direct = inputs.read(area, catalogue.default())
    through = reader.call("pipeline.extract.inputs", "read", area, catalogue.default(), None)
    assert (through.sources, through.notices) == (direct.sources, direct.notices)
    for name, frame in direct.data.layers.items():
        other = through.data.layers[name]
        assert other.equals(frame)
        assert other.crs == frame.crs
        assert list(other.dtypes) == list(frame.dtypes)
    assert (through.data.population.values == direct.data.population.values).all()
    through.data.population.values[0, 0] = 7  # its own memory


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("ends", r"it ended the process that read it \(SIGSEGV\)"),
        ("fails", "ZeroDivisionError: division by zero"),
        pytest.param(
            "swells",
            "it takes more memory than reading a file may",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds the limit"),
        ),
    ],
)
def test_a_file_that_harms_its_reader_is_named_in_one_sentence(
    reader: Reader, tmp_path: Path, function: str, reason: str
) -> None:
    path = tmp_path / "bad.gpkg"
    with pytest.raises(InputError, match=rf"bad\.gpkg cannot be read: {reason}; .* fetch or save it again\.") as caught:
        reader.call(BAD, function, path)
    assert "\n" not in str(caught.value)
    assert reader.call(BAD, "answer", 4) == 4


def test_a_refusal_travels_as_it_is(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"bad\.gpkg is no good; write another\.$"):
        reader.call(BAD, "refuses", tmp_path / "bad.gpkg")


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    with process.started(scratch, seconds=20) as reader:
        assert reader.call(BAD, "answer", 4) == 4
        reader._seconds = 0.5
        with pytest.raises(InputError, match=r"slow\.gpkg cannot be read: it takes longer than 0 s"):
            reader.call(BAD, "hangs", tmp_path / "slow.gpkg")
        reader._seconds = 60
        assert reader.call(BAD, "answer", 5) == 5
        with pytest.raises(InputError):
            reader.call(BAD, "ends", tmp_path / "bad.gpkg")
        assert [left.name for left in scratch.iterdir() if left.name != "stderr"] == []
    assert not scratch.exists()


def test_only_the_drivers_of_the_formats_are_there(reader: Reader) -> None:
    assert reader.call("pipeline.extract.sandbox.drivers", "unwanted") == ("", "")


class Dotted:
    """Calls a method of a class, as only a name with a dot can."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.unlink, (self.path,)


@pytest.mark.parametrize("what", [pickle.Unpickler, pd.read_pickle, np.memmap, np.load, pd.HDFStore, pa.OSFile])
def test_what_opens_files_or_runs_code_is_no_data(what: object, tmp_path: Path) -> None:
    path = tmp_path / "answer"
    handover.write(path, what)
    with pytest.raises(pickle.UnpicklingError, match="is no data"):
        handover.read(path)


def test_a_method_is_no_data(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.touch()
    handover.write(tmp_path / "answer", Dotted(victim))
    with pytest.raises(pickle.UnpicklingError, match="is no data"):
        handover.read(tmp_path / "answer")
    assert victim.exists()


def test_tables_arrays_and_records_of_all_sorts_are_data(tmp_path: Path) -> None:
    """Columns of every type that a reader or a stage may give, also of libraries' own classes."""
    columns = {
        "text": pd.Series(["a", None], dtype="str"),
        "whole": pd.Series([1, None], dtype="Int64"),
        "real": pd.Series([1.5, None], dtype="Float64"),
        "yes": pd.Series([True, None], dtype="boolean"),
        "sort": pd.Series(["a", "b"], dtype="category"),
        "day": pd.to_datetime(["2026-11-28", None]),
        "lists": [[1, 2], None],
        "any": [np.int64(3), np.float64(1.5)],
    }
    frame = gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy([1, 2], [3, 4]), crs="EPSG:32643")
    records = {
        "frame": frame,
        "by": frame.set_index(["text", "sort"], append=True)["whole"],
        "shapes": [shapely.box(0, 0, 1, 1), shapely.Point(1, 2)],
        "day": dt.date(2026, 11, 28),
        "moment": pd.Timestamp("2026-11-28"),
        "path": Path("a") / "b",
        "source": provenance.Notice("a", "b", 3),
        "array": np.array(["a", None], dtype=object),
    }
    handover.write(tmp_path / "answer", records)
    got = handover.read(tmp_path / "answer")
    pd.testing.assert_frame_equal(got["frame"], frame)
    assert {name: repr(value) for name, value in got.items()} == {name: repr(value) for name, value in records.items()}


def test_an_answer_is_data_and_nothing_else(reader: Reader) -> None:
    with pytest.raises(RunError, match=r"it answers with something else than data \(.*system is no data\)"):
        reader.call(BAD, "evil")


LINK = (
    '{"type": "FeatureCollection", "crs": {"type": "link", "properties": {"href": "%s/crs", "type": "ogcwkt"}}, '
    '"features": [%s]}'
)
FEATURE = (
    '{"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": '
    "[[[0.01, 0.01], [0.0101, 0.01], [0.0101, 0.0101], [0.01, 0.01]]]}}"
)
VRT = """<VRTDataset rasterXSize="30" rasterYSize="30"><SRS>EPSG:4326</SRS>
<GeoTransform>-0.05,0.01,0,0.25,0,-0.01</GeoTransform>
<VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">
<SourceFilename relativetoVRT="0">%s</SourceFilename></VRTRasterBand></VRTDataset>"""


def test_a_file_reaches_no_server_and_no_other_file(reader: Reader, tmp_path: Path) -> None:
    with serving(Server(lambda _: b"GEOGCS[]")) as canary:
        link = tmp_path / "link.geojson"
        link.write_text(LINK % (canary.url, FEATURE), encoding="utf-8")
        for source in ("/etc/passwd", f"/vsicurl/{canary.url}/a.tif"):
            (tmp_path / "a.tif").write_text(VRT % source, encoding="utf-8")
            area = AREA.model_copy(update={"inputs": inputs_of(footprints=[link], population=tmp_path / "a.tif")})
            with pytest.raises(InputError, match=r"a\.tif cannot be read as a raster"):
                reader.call("pipeline.extract.inputs", "read", area, catalogue.default(), None)
        assert not canary.requests
