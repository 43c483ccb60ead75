"""Inputs of the kinds that went wrong in public reports, in other shapes: the right value, or one sentence."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import openpyxl
import pytest
import shapely
from affine import Affine

from pipeline.config import Inputs
from pipeline.declared import catalogue
from pipeline.errors import NovostroikiError
from pipeline.extract import inputs
from tests.extract.mutations import town
from tests.extract.osm_files import AREA, Scene
from tests.extract.test_footprints import houses
from tests.extract.test_rasters import DEGREES, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.extract.area_inputs import AreaInputs
    from pipeline.schema.provenance import Extract

HOUSES = 6
"""Of the town of every case."""


@dataclass(frozen=True)
class Case:
    """An input, and what must come of it."""

    given: Callable[[Path], dict[str, Any]]
    """Writes the files into a folder; returns what the configuration names."""
    right: Callable[[AreaInputs], object] | None = None
    """Whether what was read is right; None: it is refused, or shows the town."""
    said: str = ""
    """A part of a notice or of the refusal."""


def text(name: str, content: str, encoding: str = "utf-8") -> Callable[[Path], Path]:
    def write_text(folder: Path) -> Path:
        (folder / name).write_bytes(content.encode(encoding))
        return folder / name

    return write_text


def register(content: str, encoding: str = "utf-8") -> Callable[[Path], dict[str, Any]]:
    return lambda folder: {"registered": text("register.csv", content, encoding)(folder)}


def has_register(*rows: tuple[str, int, int]) -> Callable[[AreaInputs], object]:
    return lambda found: [tuple(row[:3]) for row in found.registered.to_numpy().tolist()] == list(rows)


def osm_as(name: str, source: str = "a.osm.pbf") -> Callable[[Path], dict[str, Any]]:
    def given(folder: Path) -> dict[str, Any]:
        written = town().write(folder / source)
        (folder / "given").mkdir()
        return {"osm": [shutil.move(written, folder / "given" / name)]}

    return given


def osm_text(name: str, change: Callable[[str], str], encoding: str = "utf-8") -> Callable[[Path], dict[str, Any]]:
    def given(folder: Path) -> dict[str, Any]:
        plain = town().write(folder / "plain.osm").read_text(encoding="utf-8")
        return {"osm": [text(name, change(plain), encoding)(folder)]}

    return given


def layer(name: str, **columns: object) -> Callable[[Path], dict[str, Any]]:
    def given(folder: Path) -> dict[str, Any]:
        houses()[:3].assign(**columns).to_file(folder / f"{name}.gpkg", layer=name)
        return {"footprints": [folder / f"{name}.gpkg"]}

    return given


def bytes_as(name: str, content: bytes) -> Callable[[Path], dict[str, Any]]:
    def given(folder: Path) -> dict[str, Any]:
        (folder / name).write_bytes(content)
        return {"footprints": [folder / name]}

    return given


def height(value: str) -> Callable[[Path], dict[str, Any]]:
    lines = (
        f'{{"type": "Feature", "properties": {{"height": {value}}}, "geometry": {shapely.to_geojson(shape)}}}'
        for shape in houses().geometry[:3]
    )
    return lambda folder: {"footprints": [text("a.geojsonl", "\n".join(lines))(folder)]}


def has_heights(expected: float) -> Callable[[AreaInputs], object]:
    return lambda found: np.array_equal(found.footprints["height_m"], [expected] * 3, equal_nan=True)


CELLS = (np.arange(900).reshape(30, 30) % 7).astype("float32")


def raster(values: np.ndarray, key: str = "population", **more: Any) -> Callable[[Path], dict[str, Any]]:
    return lambda folder: {key: write(folder / "a.tif", values, **more)}


def has_people_up_to_five(found: AreaInputs) -> bool:
    assert found.population is not None
    return bool(np.nanmax(found.population.values) == 5 and np.isnan(found.population.values).any())


def with_a_hole(value: float, dtype: str = "float32") -> np.ndarray:
    return np.where(CELLS > 5, value, CELLS).astype(dtype)


def epochs_packed_otherwise(folder: Path) -> dict[str, Any]:
    files = {2000: write(folder / "a.tif", CELLS * 900, nodata=-1)}
    return {"built_up": {**files, 2020: write(folder / "b.tif", CELLS * 900, nodata=-1, compress="deflate")}}


def long_sheet(folder: Path) -> dict[str, Any]:
    book = openpyxl.Workbook()
    for row in (["Название", "Зарегистрировано", "Год", "Источник"], ["Ак-Жар", 1200, 2021, "x"]):
        book.active.append(row)
    book.active["A1048576"] = "конец"
    book.save(folder / "long.xlsx")
    return {"registered": folder / "long.xlsx"}


def lifecycle(folder: Path) -> dict[str, Any]:
    scene = Scene()
    for number, value in enumerate(("planned", "razed", "removed", "none", "no", "entrance", "house")):
        scene.square(0.01 + 0.002 * number, 0.02, building=value)
    return {"osm": [scene.write(folder / "a.osm.pbf")]}


HEAD = "name,registered,year,source\n"
ONE = ("Ак-Жар", 1200, 2021)
CASES = {
    "K29 a PBF without a suffix": Case(osm_as("extract")),
    "K29 a PBF that is called .osm": Case(osm_as("extract.osm")),
    "K29 XML in capitals": Case(osm_as("EXPORT.OSM", "a.osm")),
    "K29 packed XML under any name": Case(osm_as("export.dat", "a.osm.gz")),
    "K29 OPL under any name": Case(osm_as("export.txt", "a.opl")),
    "K26 XML in UTF-16": Case(osm_text("a.osm", lambda xml: xml.replace("UTF-8", "UTF-16"), "utf-16")),
    "K2 invisible ways": Case(
        osm_text("a.osm", lambda xml: xml.replace("<way ", '<way visible="false" ', 2)),
        lambda found: len(found.layers["buildings"]) == HOUSES - 2,
        "marked as deleted",
    ),
    "K18 other words for what does not stand": Case(lifecycle, lambda found: len(found.layers["buildings"]) == 1),
    "K10 parcels alone": Case(layer("parcels_2024"), None, "seems to hold something else than building footprints"),
    "K10 участки": Case(layer("участки"), None, "seems to hold something else than building footprints"),
    "K10 buildings of a district": Case(
        layer("leninskiy_district", building="yes"), lambda found: len(found.footprints) == 3
    ),
    "K30 a RAR archive": Case(bytes_as("a.rar", b"Rar!\x1a\x07\x00"), None, "unpack it first"),
    "K30 an AutoCAD drawing": Case(bytes_as("a.dwg", b"AC1032\0\0\0"), None, "save it as .dxf"),
    "K30 a saved web page": Case(bytes_as("a.geojson", b"<!DOCTYPE html><html>"), None, "download the file itself"),
    "K15 a height without end": Case(height("1e400"), has_heights(float("nan"))),
    "K15 a height that is none": Case(height('"н/д"'), has_heights(float("nan"))),
    "K15 a height in words": Case(height('"9,5 м"'), has_heights(9.5)),
    "K28 titles with units": Case(
        register("Населённый пункт;Зарегистрировано, чел.;Год (на начало);Источник\nАк-Жар;1 200;2021;x\n"),
        has_register(ONE),
    ),
    "K28 capitals": Case(
        register("НАЗВАНИЕ;ЗАРЕГИСТРИРОВАНО (чел);ГОД;ИСТОЧНИК\nАк-Жар;1200;2021;x\n"), has_register(ONE)
    ),
    "K3 DOS letters": Case(
        register("Название;Зарегистрировано;Год;Источник\nАк-Жар;1200;2021;паспортный стол\n", "cp866"),
        has_register(ONE),
    ),
    "K3 UTF-16 without a mark": Case(
        register("name\tregistered\tyear\tsource\nАк-Жар\t1200\t2021\tx\n", "utf-16-le"), has_register(ONE)
    ),
    "K4 a total in more words": Case(
        register(HEAD + "Ак-Жар,1200,2021,x\nИтого по городу,1200,2021,x\n"), has_register(ONE), "is a total"
    ),
    "K4 a header in the middle": Case(
        register(HEAD + "Ак-Жар,1200,2021,x\n" + HEAD), None, "row 3: registered = 'registered' is not a number"
    ),
    "K4 thousands with a point": Case(
        register("name;registered;year;source\nАк-Жар;1.200;2021;x\n"), None, "row 2: registered = '1.200'"
    ),
    "K30 a sheet of a million rows": Case(long_sheet, None, "1,048,576 rows"),
    "K24 one epoch, packed otherwise": Case(
        epochs_packed_otherwise, lambda found: sorted(found.built_up) == [2020], "the same file stands for 2000, 2020"
    ),
    "K12 undeclared -32768": Case(raster(with_a_hole(-32768, "int16")), has_people_up_to_five),
    "K12 undeclared least float": Case(raster(with_a_hole(-3.4e38)), has_people_up_to_five),
    "K12 undeclared 999": Case(raster(with_a_hole(999)), None, "holds 999 in"),
    "K12 undeclared infinity": Case(raster(with_a_hole(np.inf)), None, "holds inf in a cell"),
    "K12 undeclared NaN": Case(raster(with_a_hole(np.nan)), has_people_up_to_five),
    "K13 complex numbers": Case(raster(CELLS.astype("complex64")), None, "holds complex numbers"),
    "K14 years of two digits": Case(raster((CELLS + 85).astype("uint8"), "onset"), None, "should hold years"),
    "K14 days as years": Case(raster((CELLS + 18_000).astype("uint16"), "onset"), None, "should hold years"),
    "K7 a rotated raster": Case(
        raster(CELLS, transform=DEGREES * Affine.rotation(10), nodata=-1), None, "rotated or not north up"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_input_of_a_known_kind_gives_the_right_value_or_one_sentence(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    given = {"osm": [town().write(tmp_path / "sound.osm.pbf")]} | case.given(tmp_path)
    area = AREA.model_copy(update={"inputs": Inputs.model_validate(given)})
    if case.right is None and case.said:
        with pytest.raises(NovostroikiError) as refusal:
            inputs.read(area, catalogue.default())
        assert case.said in str(refusal.value)
        assert "\n" not in str(refusal.value)
        return
    read: Extract[AreaInputs] = inputs.read(area, catalogue.default())
    right = case.right or (lambda found: len(found.layers["buildings"]) == HOUSES)
    assert right(read.data)
    assert case.said in " ".join(map(str, read.notices))
