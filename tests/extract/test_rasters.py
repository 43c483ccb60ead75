"""Windows of rasters of any grid, sound and broken."""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import CRS, Transformer
from rasterio.enums import ColorInterp

from pipeline.config import Area, Inputs
from pipeline.errors import InputError, SourceError
from pipeline.extract import rasters
from tests.extract.osm_files import AREA

if TYPE_CHECKING:
    from collections.abc import Callable

POPULATION = Path(__file__).parents[3] / "shared" / "data" / "almaty_population_100m.tif"
MOLLWEIDE = "ESRI:54009"
DEGREES = Affine(0.01, 0, 73.9, 0, -0.01, 42.2)
"""Thirty by thirty cells of a hundredth of a degree around the area."""


def write(
    path: Path, values: np.ndarray, transform: Affine = DEGREES, crs: str | None = "EPSG:4326", **more: Any
) -> Path:
    bands = values if values.ndim == 3 else values[None]
    count, height, width = bands.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": bands.dtype}
    with rasterio.open(path, "w", **profile, transform=transform, crs=crs, **more) as target:
        target.write(bands)
    return path


def numbered(dtype: str = "float32") -> np.ndarray:
    return np.arange(900, dtype=dtype).reshape(30, 30)


def read(path: Path | str, **more: Any) -> Any:
    return rasters.read(path, AREA, dataset="worldpop", version="2020", **more)


def test_the_window_covers_the_area_and_one_cell_more(tmp_path: Path) -> None:
    extract = read(write(tmp_path / "a.tif", numbered(), nodata=-1))
    raster = extract.data
    assert raster.values.dtype == np.float64
    assert raster.crs == CRS("EPSG:4326")
    rows, columns = raster.values.shape
    west, north = raster.transform * (0, 0)
    east, south = raster.transform * (columns, rows)
    assert (west, south, east, north) == pytest.approx((73.99, 41.99, 74.11, 42.11))
    np.testing.assert_array_equal(raster.values, numbered()[9:21, 9:21])
    assert extract.notices == []
    assert extract.sources[0].version == "2020"
    assert extract.sources[0].features == raster.values.size


@pytest.mark.parametrize(
    ("declared", "given", "dtype", "hole"),
    [(65535, None, "uint16", 65535), (None, 65535, "uint16", 65535), (-99999, None, "float32", -99999),
     (np.nan, None, "float32", np.nan), (-1, -200, "float32", -200), (-3.4e38, None, "float32", np.float32(-3.4e38))],
)  # fmt: skip
def test_no_data_becomes_nan_whoever_declares_it(
    declared: float | None, given: float | None, dtype: str, hole: float, tmp_path: Path
) -> None:
    values = numbered(dtype)
    values[15, 15] = hole
    more = {} if declared is None else {"nodata": declared}
    extract = read(write(tmp_path / "a.tif", values, **more), nodata=given)
    assert np.isnan(extract.data.values[6, 6])
    assert np.isnan(extract.data.values).sum() == 1
    assert extract.notices == []


def test_without_any_nodata_negative_values_are_none_and_a_notice_says_so(tmp_path: Path) -> None:
    values = numbered()
    values[15, 15] = -200
    values[16, 16] = 0
    extract = read(write(tmp_path / "a.tif", values))
    assert np.isnan(extract.data.values).sum() == 1
    assert extract.data.values[7, 7] == 0
    assert [notice.what for notice in extract.notices] == [
        "declares no nodata value; every value was taken as data, negative ones as none"
    ]


def mollweide_tile(path: Path, column: int, width: int, *, shift: float = 0.0, cell: float = 100.0) -> Path:
    """Write a tile of a grid whose columns are counted from 3 km west of the area's corner; values tell the column."""
    x, y = Transformer.from_crs("EPSG:4326", MOLLWEIDE, always_xy=True).transform(74.0, 42.1)
    left, top = round(x, -2) - 3000 + column * 100 + shift, round(y, -2) + 3000
    values = np.broadcast_to(np.arange(column, column + width, dtype="uint16"), (200, width)).copy()
    return write(path, values, Affine(cell, 0, left, 0, -cell, top), MOLLWEIDE, nodata=65535)


def test_tiles_of_one_grid_become_one_window(tmp_path: Path) -> None:
    whole = mollweide_tile(tmp_path / "whole.tif", 0, 200)
    tiles = [mollweide_tile(tmp_path / "b.tif", 70, 130), mollweide_tile(tmp_path / "a.tif", 0, 72)]
    far = mollweide_tile(tmp_path / "far.tif", 5000, 20)
    expected = rasters.read(whole, AREA, dataset="ghs_built_s", version="2020")
    extract = rasters.read_mosaic([*tiles, far], AREA, dataset="ghs_built_s", version="2020")
    np.testing.assert_array_equal(extract.data.values, expected.data.values)
    assert extract.data.transform.almost_equals(expected.data.transform)
    assert extract.data.crs == CRS(MOLLWEIDE)
    assert [source.source_id for source in extract.sources] == ["ghs_built_s/testtown/1", "ghs_built_s/testtown/2"]
    assert extract.notices == []


@pytest.mark.parametrize("different", [{"shift": 37.0}, {"cell": 110.0}])
def test_tiles_of_different_grids_are_refused(different: dict[str, float], tmp_path: Path) -> None:
    tiles = [mollweide_tile(tmp_path / "a.tif", 0, 72), mollweide_tile(tmp_path / "b.tif", 70, 130, **different)]
    with pytest.raises(InputError, match="are not tiles of one grid"):
        rasters.read_mosaic(tiles, AREA, dataset="ghs_built_s", version="2020")


def test_a_raster_inside_a_zip_is_read_in_place(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.tif", numbered(), nodata=-1)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(plain, "a.tif")
    inside = read(f"/vsizip/{tmp_path / 'a.zip'}/a.tif")
    np.testing.assert_array_equal(inside.data.values, read(plain).data.values)
    assert len(inside.sources[0].sha256) == 64


def test_a_raster_that_covers_a_part_says_so(tmp_path: Path) -> None:
    extract = read(write(tmp_path / "a.tif", numbered()[:, :15], nodata=-1))
    assert [notice.what for notice in extract.notices] == [
        "the raster covers only a part of testtown; beyond it nothing is known"
    ]
    assert extract.data.values.shape == (12, 6)


def test_scale_and_further_bands(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.stack([numbered(), numbered()]), nodata=-1)
    with rasterio.open(path, "r+") as target:
        target.scales, target.offsets = (0.5, 1), (2, 0)
    extract = read(path)
    np.testing.assert_array_equal(extract.data.values, numbered()[9:21, 9:21] * 0.5 + 2)
    assert [notice.what for notice in extract.notices] == ["has 2 bands; the first was read"]


def _truncated(folder: Path) -> Path:
    path = write(folder / "cut.tif", np.random.default_rng(0).random((30, 30)), nodata=-1)
    path.write_bytes(path.read_bytes()[:3000])
    return path


def _page(folder: Path) -> Path:
    (folder / "page.tif").write_text("<html>Not found</html>")
    return folder / "page.tif"


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: folder / "none.tif", "There is no file"),
        (_truncated, "cannot be read as a raster"),
        (_page, "cannot be read as a raster"),
        (lambda folder: write(folder / "a.tif", numbered(), crs=None), "does not say in which coordinate system"),
        (lambda folder: write(folder / "a.tif", numbered(), Affine(0.01, 0, 10, 0, -0.01, 42.2)), "does not overlap"),
        (lambda folder: write(folder / "a.tif", numbered(), Affine(100, 0, 5e5, 0, -100, 4e6)), "is declared wrongly"),
        (lambda folder: write(folder / "a.tif", numbered(), DEGREES @ Affine.rotation(20)), "is rotated"),
    ],
)
def test_an_unusable_raster_is_refused_in_one_sentence_that_names_it(
    make: Callable[[Path], Path], reason: str, tmp_path: Path
) -> None:
    path = make(tmp_path)
    with pytest.raises(InputError, match=reason) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_remote_raster_that_cannot_be_read_is_an_error_of_the_source() -> None:
    with pytest.raises(SourceError, match="cannot be read as a raster"):
        read("/vsicurl/http://127.0.0.1:9/none.tif")


@pytest.mark.skipif(not POPULATION.is_file(), reason="the real population raster is not here (../shared/data)")
def test_the_real_population_of_almaty_adds_up() -> None:
    area = Area(area_id="almaty", country="KZ", bbox=(76.5, 43.0, 77.3, 43.6), name={"en": "Almaty"})
    extract = rasters.read(POPULATION, area, dataset="worldpop", version="")
    assert np.nansum(extract.data.values) == pytest.approx(2_289_652, abs=1)


def half_hidden(path: Path, how: str) -> Path:
    """Write a raster whose right half holds 9999 and is hidden."""
    values = np.full((30, 30), 2, dtype="float32")
    values[:, 15:] = 9999
    seen = np.where(values == 9999, 0, 255).astype("uint8")
    if how in {"alpha", "a band of 0 and 255"}:
        write(path, np.stack([values, seen.astype("float32")]))
        with rasterio.open(path, "r+") as target:
            target.colorinterp = (ColorInterp.gray, ColorInterp.alpha if how == "alpha" else ColorInterp.undefined)
        return path
    write(path, values)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=how == "internal mask"), rasterio.open(path, "r+") as target:
        target.write_mask(seen)
    return path


@pytest.mark.parametrize("how", ["internal mask", ".msk", "alpha", "a band of 0 and 255"])
def test_masked_cells_hold_nothing(how: str, tmp_path: Path) -> None:
    extract = read(half_hidden(tmp_path / "a.tif", how))
    assert np.nanmax(extract.data.values) == 2
    assert np.isnan(extract.data.values[:, -1]).all()


def test_a_value_for_no_data_that_nobody_declares_is_refused(tmp_path: Path) -> None:
    values = numbered()
    values[:, 15:] = 9999
    with pytest.raises(InputError, match=r"9999 in .* declares no nodata value"):
        read(write(tmp_path / "a.tif", values))


def test_values_that_their_unit_cannot_have_are_refused(tmp_path: Path) -> None:
    years = np.where(numbered() % 2 == 0, 0, 120).astype("uint8")
    with pytest.raises(InputError, match=r"should hold years .* holds 120"):
        rasters.read(write(tmp_path / "years.tif", years), AREA, dataset="wsf_evolution", version="v1", nodata=-1)
    cell = 0.01 * 111_000 * 0.01 * 111_000 * np.cos(np.radians(42))
    surface = partial(rasters.read, area=AREA, dataset="ghs_built_s", version="2020", nodata=65535)
    fine = write(tmp_path / "fine.tif", np.full((30, 30), 0.99 * cell, dtype="float32"))
    assert surface(fine).notices == []
    with pytest.raises(InputError, match="m² in a cell of"):
        surface(write(tmp_path / "volume.tif", np.full((30, 30), 1.2 * cell, dtype="float32")))
    shares = surface(write(tmp_path / "shares.tif", np.full((30, 30), 0.4, dtype="float32")))
    assert any("shares or per cent" in notice.what for notice in shares.notices)


def test_a_local_coordinate_system_is_refused_and_the_configuration_may_say_better(tmp_path: Path) -> None:
    local = 'LOCAL_CS["MSK",UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
    for crs, reason in ((local, "no place on Earth"), (None, "does not say")):
        path = write(tmp_path / "a.tif", numbered(), crs=crs, nodata=-1)
        with pytest.raises(InputError, match=reason):
            read(path)
        inputs = Inputs(population={"path": path, "crs": "EPSG:4326"})
        area = AREA.model_copy(update={"inputs": inputs})
        assert rasters.read(path, area, dataset="worldpop", version="").data.values.size


def test_a_tile_in_its_zip_is_read_as_it_comes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", numbered(), nodata=-1)
    with zipfile.ZipFile(tmp_path / "GHS.zip", "w") as archive:
        archive.write(path, "tile/GHS_BUILT.tif")
        archive.writestr("readme.txt", "about")
    np.testing.assert_array_equal(read(tmp_path / "GHS.zip").data.values, read(path).data.values)
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.write(path, "a.tif")
        archive.write(path, "b.tif")
    with pytest.raises(InputError, match="holds 2 rasters"):
        read(tmp_path / "two.zip")
