"""The configuration: one TOML file, validated whole before anything runs."""

from __future__ import annotations

import json
import math
import re
import tomllib
from datetime import date  # noqa: TC003 - pydantic reads the annotation
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PlainSerializer,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pyproj import CRS
    from shapely import Polygon

SourceMode = Literal["sample", "local", "live"]
Season = Literal["winter", "summer"]
M = TypeVar("M", bound=BaseModel)

_MAX_SPAN_DEG = 3.0
"""An area wider than this is no city: one projected CRS would no longer keep its distances."""
MAX_SCALE_ERROR = 0.005
"""A CRS that changes lengths by more than this at the area is refused: Web Mercator by 37 % at 43° north."""
_TEST_M = 1000.0


class _Strict(BaseModel):
    """A table of the file: unknown keys are refused, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Names(_Strict):
    """A name in the languages of the maps; only English is required."""

    en: Annotated[str, Field(min_length=1, max_length=200)]
    ru: str | None = None
    ky: str | None = None
    kk: str | None = None


class FileDetails(_Strict):
    """What the configuration says of a file that does not say it itself."""

    layer: str | None = None
    crs: str | None = None


class _Table(FileDetails):
    path: Path


Tiles = Annotated[
    tuple[Path, ...],
    BeforeValidator(lambda given: (given,) if isinstance(given, str | Path) else given),
    Field(min_length=1),
    PlainSerializer(lambda tiles: tiles[0] if len(tiles) == 1 else tiles),
]
"""A raster: one file, or a list of tiles of one grid."""


class Inputs(_Strict):
    """The local files of an area; absent ones are reported as missing, never replaced.

    Wherever a path may stand, a table ``{ path = "…", layer = "…", crs = "…" }`` may stand too.
    """

    osm: tuple[Path, ...] = ()
    footprints: tuple[Path, ...] = ()
    heights: tuple[Path, ...] = ()
    population: Tiles | None = None
    built_up: dict[Annotated[int, Field(ge=1900, le=2100)], Tiles] = {}
    onset: Tiles | None = None
    tracker: Path | None = None
    registered: Path | None = None
    survey: Path | None = None
    labels: Path | None = None
    outlines: Path | None = None
    truth: Path | None = None
    _details: dict[Path, FileDetails] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _take_tables(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Put a path where a table stands, and keep what else the table says."""
        if not isinstance(data, dict):
            return handler(data)
        details: dict[Path, FileDetails] = {}

        def path_of(value: object) -> object:
            if isinstance(value, list | tuple):
                return [path_of(item) for item in value]
            if isinstance(value, dict) and "path" in value:
                table = _Table.model_validate(value)
                details[table.path] = FileDetails(layer=table.layer, crs=table.crs)
                return table.path
            return value

        paths: dict[str, object] = {}
        for key, value in data.items():
            _check_brackets(key, value)
            if key == "built_up" and isinstance(value, dict):
                paths[key] = {year: path_of(item) for year, item in value.items()}
            else:
                paths[key] = path_of(value)
        inputs = handler(paths)
        inputs._details.update(details)  # noqa: SLF001 - its own
        return inputs

    def details(self, path: Path) -> FileDetails:
        """Return what the configuration says of a file beside its path."""
        return self._details.get(path, FileDetails())

    def all_details(self) -> list[FileDetails]:
        """Return what the configuration says of all files beside their paths."""
        return list(self._details.values())

    def resolved(self, base: Path) -> Inputs:
        """Return the same inputs with every path made absolute, relative ones against `base`."""
        inputs = Inputs(
            osm=tuple(base / path for path in self.osm),
            footprints=tuple(base / path for path in self.footprints),
            heights=tuple(base / path for path in self.heights),
            built_up={year: tuple(base / path for path in tiles) for year, tiles in sorted(self.built_up.items())},
            **{
                key: tuple(base / path for path in tiles)
                for key in ("population", "onset")
                if (tiles := getattr(self, key)) is not None
            },
            **{
                key: base / path
                for key in ("tracker", "registered", "survey", "labels", "outlines", "truth")
                if (path := getattr(self, key)) is not None
            },
        )
        inputs._details.update({base / path: details for path, details in self._details.items()})
        return inputs


def _check_brackets(key: str, value: object) -> None:
    """Refuse a list where one file stands, and one file where a list or a table of years does, with the right form."""
    many, by_year = key in {"osm", "footprints", "heights"}, key == "built_up"
    is_table = isinstance(value, dict) and "path" in value
    shown = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else "{ path = … }"
    if many and (isinstance(value, str) or is_table):
        msg = f"{key} is a list of files; write {key} = [{shown}]"
        raise ValueError(msg)
    if by_year and (isinstance(value, str | list) or is_table):
        msg = f"{key} names a file for each epoch; write {key} = {{ 2020 = {shown} }}"
        raise ValueError(msg)
    if isinstance(value, list) and not (many or key in {"population", "onset"}):
        msg = f'{key} is one file; write {key} = "{value[0] if value else "…"}", without brackets'
        raise ValueError(msg)


def _check_bbox(bbox: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    west, south, east, north = bbox
    if not (-180 <= west < east <= 180 and -90 < south < north < 90):
        msg = f"{list(bbox)} is not west < east, south < north in degrees (order: west, south, east, north)"
        raise ValueError(msg)
    if max(east - west, north - south) > _MAX_SPAN_DEG:
        msg = f"{list(bbox)} spans more than {_MAX_SPAN_DEG:g} degrees; an area is a city, split larger ones"
        raise ValueError(msg)
    return bbox


def _check_tile_url(url: str) -> str:
    if sorted(re.findall(r"\{(.*?)\}", url)) != ["x", "y", "z"]:
        msg = f"{url!r} must hold {{z}}, {{x}} and {{y}}, once each, and no other placeholder"
        raise ValueError(msg)
    return url


class Area(_Strict):
    """A city: where it is, which country's rules hold, and what may be read for it."""

    area_id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    bbox: Annotated[tuple[float, float, float, float], AfterValidator(_check_bbox)]
    name: Names
    crs: str | None = None
    inputs: Inputs = Inputs()
    simulated: bool = False

    @cached_property
    def projected(self) -> CRS:
        """The CRS in metres in which everything of this area is measured.

        A transverse Mercator centred on the bbox with scale 1: within 30 km of the centre its scale error stays below
        1e-5 (k ≈ 1 + x²/2R², Snyder 1987, USGS PP 1395, eq. 8-4), forty times less than UTM's at its central meridian.
        """
        from pyproj import CRS
        from pyproj.exceptions import CRSError

        if self.crs is None:
            west, south, east, north = self.bbox
            return CRS.from_proj4(
                f"+proj=tmerc +lat_0={(south + north) / 2:.6f} +lon_0={(west + east) / 2:.6f} "
                "+k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs",
            )
        try:
            crs = CRS.from_user_input(self.crs)
        except CRSError as error:
            msg = f"[areas.{self.area_id}] crs = {self.crs!r} is not a coordinate system that PROJ knows."
            raise ConfigError(msg) from error
        if not crs.is_projected or crs.axis_info[0].unit_name != "metre":
            msg = f"[areas.{self.area_id}] crs = {self.crs!r} is not projected in metres; leave it out for the default."
            raise ConfigError(msg)
        off = _scale_error(crs, self.bbox)
        if off > MAX_SCALE_ERROR:
            how_far = f"changes lengths by {off:.1%} here" if math.isfinite(off) else "does not reach this area"
            msg = f"[areas.{self.area_id}] crs = {self.crs!r} {how_far}; leave it out for the default."
            raise ConfigError(msg)
        return crs

    @cached_property
    def boundary(self) -> Polygon:
        """The bbox as a polygon in EPSG:4326 (lon, lat)."""
        from shapely import box

        return box(*self.bbox)


def _scale_error(crs: CRS, bbox: tuple[float, float, float, float]) -> float:
    """Return by which share lengths on the map differ from those on the ellipsoid, at worst; infinite: no place there.

    Measured over a kilometre in two directions at the centre and the corners of the bbox.
    """
    from pyproj import Geod, Transformer

    west, south, east, north = bbox
    starts = [(west, south), (west, north), (east, south), (east, north), ((west + east) / 2, (south + north) / 2)]
    project = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform
    worst = 0.0
    for lon, lat in starts:
        x, y = project(lon, lat)
        for azimuth in (0, 90):
            end_x, end_y = project(*Geod(ellps="WGS84").fwd(lon, lat, azimuth, _TEST_M)[:2])
            error = abs(math.hypot(end_x - x, end_y - y) / _TEST_M - 1)
            worst = max(worst, error if math.isfinite(error) else math.inf)
    return worst


class Run(_Strict):
    """What to run, from which sources, and where to write."""

    areas: Annotated[tuple[str, ...], Field(min_length=1)]
    sources: SourceMode = "sample"
    out: Path = Path("out")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 20261122
    draws: Annotated[int, Field(ge=1000, le=1_000_000)] = 10_000
    season: Season = "winter"


class Simulate(_Strict):
    """The size of the simulated cities."""

    buildings: Annotated[int, Field(ge=2_000, le=20_000_000)] = 20_000


class Live(_Strict):
    """Manners towards the servers, and where downloads are kept."""

    contact: str = ""
    cache: str = ""
    retry_seconds: Annotated[float, Field(gt=0, le=86_400)] = 600
    daily_requests: Annotated[int, Field(gt=0)] = 10_000
    daily_bytes: Annotated[int, Field(gt=0)] = 1_000_000_000
    timeout_seconds: Annotated[float, Field(gt=0, le=3_600)] = 90
    cache_bytes: Annotated[int, Field(gt=0)] = 20_000_000_000
    osm_date: date | None = None
    opt_in: tuple[str, ...] = ()

    @property
    def cache_folder(self) -> Path:
        """Where downloads are kept: the folder that `cache` names, or the user's own."""
        import platformdirs

        return Path(self.cache).expanduser() if self.cache else Path(platformdirs.user_cache_dir("novostroiki"))


class Basemap(_Strict):
    """An online background for the maps; the reader switches it on, and only then is its server asked."""

    url: Annotated[str, Field(pattern=r"^https://[a-z0-9.-]+(:\d+)?/[^\s\"'<>;]+$"), AfterValidator(_check_tile_url)]
    attribution: Annotated[str, Field(min_length=1, max_length=200)]


class Maps(_Strict):
    """What the planner's maps may use beside what travels inside them."""

    basemap: Basemap | None = None


class Config(_Strict):
    """A whole configuration; paths are absolute once it is loaded from a file."""

    run: Run
    areas: dict[str, Area]
    simulate: Simulate = Simulate()
    live: Live = Live()
    maps: Maps = Maps()

    @model_validator(mode="before")
    @classmethod
    def _name_areas(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Give every area its own key as `area_id`."""
        areas = data.get("areas")
        if not isinstance(areas, dict):
            return data
        named = {key: {"area_id": key, **area} if isinstance(area, dict) else area for key, area in areas.items()}
        return {**data, "areas": named}

    @model_validator(mode="after")
    def _check_selection(self) -> Self:
        if unknown := [area for area in self.run.areas if area not in self.areas]:
            known = ", ".join(self.areas)
            msg = f"run.areas names {', '.join(unknown)}, but there is no [areas.{unknown[0]}] (known: {known})"
            raise ValueError(msg)
        if len(set(self.run.areas)) < len(self.run.areas):
            msg = "run.areas names an area twice"
            raise ValueError(msg)
        return self

    @property
    def selected(self) -> list[Area]:
        """The areas that this run is about, in the order of `run.areas`."""
        return [self.areas[area_id] for area_id in self.run.areas]


def load(path: Path, **overrides: object) -> Config:
    """Read and validate a configuration file.

    Parameters
    ----------
    path
        A TOML file; relative paths in it are resolved against its folder.
    **overrides
        Keys of ``[run]`` that win over the file (None = not given).

    Raises
    ------
    ConfigError
        The file is missing, is not TOML, or does not hold what it must; the message names file and key.
    """
    if not path.exists():
        msg = f"There is no configuration file {path}; give one with --config."
        raise ConfigError(msg)
    data = read_toml(path)
    given = {key: value for key, value in overrides.items() if value is not None}
    if isinstance(run := data.get("run", {}), dict):
        data["run"] = {**run, **given}
    config = parse(Config, data, path)
    base = path.resolve().parent
    areas = {key: area.model_copy(update={"inputs": area.inputs.resolved(base)}) for key, area in config.areas.items()}
    return config.model_copy(
        update={"areas": areas, "run": config.run.model_copy(update={"out": base / config.run.out})}
    )


def read_toml(path: Path) -> dict[str, Any]:
    """Return the contents of a TOML file; a ConfigError says why it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        msg = f"{path} is not UTF-8 text (byte {error.start:,}); save it as UTF-8 in your editor."
        raise ConfigError(msg) from error
    except tomllib.TOMLDecodeError as error:
        backslash = "\\" in str(error) or "hex" in str(error).lower()
        hint = "; write paths with / or in 'single quotes', since \\ has a meaning of its own" if backslash else ""
        msg = f"{path} cannot be read as TOML: {error}{hint}."
        raise ConfigError(msg) from error
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}."
        raise ConfigError(msg) from error


def parse(model: type[M], data: object, path: Path) -> M:
    """Validate the contents of a TOML file against a model; a ConfigError names the file and the first wrong key."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        if first["type"] == "extra_forbidden":
            problem = "is not a key that exists here; remove it or correct its spelling"
        else:
            problem = first["msg"].removeprefix("Value error, ").rstrip(".")
        msg = f"{path}: {key + ': ' if key else ''}{problem}{more}."
        raise ConfigError(msg) from error
