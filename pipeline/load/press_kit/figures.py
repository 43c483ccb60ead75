"""What the journalist's kit shows of an area, read from the public tables and from nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from pipeline.errors import InputError
from pipeline.geometry.grid import CELL_M, Grid
from pipeline.load import parquet
from pipeline.load.press_kit import texts
from pipeline.schema.about import licence_of
from pipeline.schema.public_tables import PUBLIC_TABLES
from pipeline.schema.vocabulary import LANGUAGES
from pipeline.wording.label_names import best_name, settlement_labels
from pipeline.wording.seen import seen_and_mapped

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_READ = ("areas", "settlements", "grid", "area_population", "settlement_population", "area_built_up", "sources")
_MARGIN_M = CELL_M
_KEPT = 0.98
"""Share of the residents, along each axis, that the map shows in full; cells farther out are on its inset."""
_WORTH_CROPPING = 0.75
"""The map is cropped only where that leaves less than this share of its ground: else the inset shows nothing new."""

Bounds = tuple[float, float, float, float]
"""West, south, east, north in metres of the grid."""


@dataclass(frozen=True)
class Interval:
    """A 90 % interval of people, rounded for publication."""

    low: float
    middle: float
    high: float
    evidence: str


@dataclass(frozen=True)
class Settlement:
    """A published settlement.

    `names` in the kit's languages, where unnamed by number and neighbour; `named` tells the two apart; `place` is that
    of its label in metres.
    """

    settlement_id: str
    names: dict[str, str]
    named: bool
    kind: str
    status: str
    status_year: int | None
    buildings: int
    residents: Interval | None
    place: tuple[float, float] | None


@dataclass(frozen=True)
class Kit:
    """Everything about one area; coordinates are metres in the projection of its grid."""

    area_id: str
    names: dict[str, str]
    simulated: bool
    seen: dict[str, str]
    """What the inputs see of the city, a sentence a language."""
    counts: dict[str, int]
    bounds: Bounds
    """What the map shows."""
    whole: Bounds | None
    """What its inset shows; None: the map shows everything."""
    cells: pd.DataFrame
    settlements: list[Settlement]
    unregistered: Interval | None
    year: int | None
    growth: pd.DataFrame
    sources: list[str]
    licence: str
    """Of everything that the kit holds (SPDX)."""
    background: dict[str, list[list[tuple[float, float]]]]
    tables: dict[str, Any]

    @property
    def largest_new(self) -> list[Settlement]:
        """The new settlements whose residents are published, the most populous first."""
        return [one for one in self.settlements if one.kind == "novostroika" and one.residents is not None]


def read(public: Path, area_id: str) -> Kit:
    """Read an area of the public edition.

    Parameters
    ----------
    public
        The folder of the public edition, ``out/public``.
    area_id
        The area.

    Raises
    ------
    InputError
        There is no public edition, or it does not hold the area.
    """
    whole = {name: parquet.read(public / "tables" / f"{name}.parquet", PUBLIC_TABLES[name]) for name in _READ}
    if area_id not in set(whole["areas"]["area_id"]):
        known = ", ".join(sorted(whole["areas"]["area_id"])) or "none"
        msg = f"{public} holds no area {area_id!r} (known: {known})."
        raise InputError(msg)
    tables = {name: frame[frame["area_id"] == area_id] for name, frame in whole.items()}
    area = tables["areas"].iloc[0]
    grid = Grid.of(area_id, tuple(shapely.bounds(area["geometry"])))
    cells = _cells(tables["grid"], grid)
    shown, inset = _bounds(cells, area["geometry"], grid)
    city = tables["area_population"]
    years = pd.concat([city["year"], tables["settlement_population"]["year"]]).dropna()
    return Kit(
        area_id=area_id,
        names={code: texts.clean(best_name(area, code) or area_id) for code in LANGUAGES},
        simulated=bool(area["simulated"]),
        seen={code: seen_and_mapped(area, city, code) for code in LANGUAGES},
        counts={key: int(area[key]) for key in ("settlements", "settlements_withheld", "cells", "cells_withheld")},
        bounds=shown,
        whole=inset,
        cells=cells,
        settlements=_settlements(tables["settlements"], tables["settlement_population"], grid),
        unregistered=_interval(city[city["about"] == "city"], "unregistered"),
        year=int(years.max()) if len(years) else None,
        growth=_growth(tables["area_built_up"]),
        sources=_attributions(tables["sources"]),
        licence=licence_of(tables["sources"]["licence"]),
        background=_background(public / "maps" / area_id / "background.json", grid),
        tables=tables,
    )


def _interval(rows: pd.DataFrame, quantity: str) -> Interval | None:
    """Return a quantity of the first row of `area_population` or `settlement_population`."""
    if rows.empty:
        return None
    row = rows.iloc[0]
    evidence = row["residents_evidence" if quantity == "residents" else "registration_evidence"]
    return Interval(row[f"{quantity}_p05"], row[f"{quantity}_p50"], row[f"{quantity}_p95"], evidence)


def _cells(cells: pd.DataFrame, grid: Grid) -> pd.DataFrame:
    corners = grid.columns_rows(cells["cell_id"].to_numpy(dtype=str))
    kept = ["cell_id", "buildings", "p05", "p50", "p95", "kind", "share_residents"]
    return pd.DataFrame(cells[kept]).assign(column=corners[:, 0], row=corners[:, 1]).reset_index(drop=True)


def _attributions(sources: pd.DataFrame) -> list[str]:
    """Return whom to name; what the simulator wrote has no author, and is told by `simulated`."""
    return sorted({texts.clean(text) for text in sources.loc[~sources["simulated"], "attribution"] if text.strip()})


def _bounds(cells: pd.DataFrame, area: shapely.Polygon, grid: Grid) -> tuple[Bounds, Bounds | None]:
    """Return what the map shows, and what its inset: all published cells, where the map leaves some out."""
    if cells.empty:
        to_metres: Any = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True).transform
        west, south, east, north = shapely.bounds(shapely.transform(area, to_metres, interleaved=False))
        return (float(west), float(south), float(east), float(north)), None
    whole = _around(cells)
    people = cells["p50"].clip(lower=0.0).to_numpy(dtype=float)
    inner = cells
    for axis in ("column", "row"):
        low, high = _middle(cells[axis].to_numpy(), people)
        inner = inner[inner[axis].between(low, high)]
    cropped = _around(inner)
    return (cropped, whole) if _ground(cropped) < _WORTH_CROPPING * _ground(whole) else (whole, None)


def _middle(places: NDArray[np.int64], people: NDArray[np.float64]) -> tuple[int, int]:
    """Return the shortest stretch of places in which `_KEPT` of the people live; all of it where there are none."""
    order = np.argsort(places, kind="stable")
    ordered, reached = places[order], np.cumsum(people[order])
    before = reached - people[order]
    # A thousandth of a person: sums of floating-point numbers are not exact.
    ends = np.minimum(np.searchsorted(reached, before + _KEPT * reached[-1] - 0.001), len(ordered) - 1)
    enough = np.flatnonzero(reached[ends] - before >= _KEPT * reached[-1] - 0.001)
    best = enough[np.argmin(ordered[ends[enough]] - ordered[enough])]
    if reached[-1] == 0:
        return int(ordered[0]), int(ordered[-1])
    return int(ordered[best]), int(ordered[ends[best]])


def _around(cells: pd.DataFrame) -> Bounds:
    return (
        float(cells["column"].min() * CELL_M - _MARGIN_M),
        float(cells["row"].min() * CELL_M - _MARGIN_M),
        float((cells["column"].max() + 1) * CELL_M + _MARGIN_M),
        float((cells["row"].max() + 1) * CELL_M + _MARGIN_M),
    )


def _ground(bounds: Bounds) -> float:
    west, south, east, north = bounds
    return (east - west) * (north - south)


def _settlements(settlements: Any, population: pd.DataFrame, grid: Grid) -> list[Settlement]:  # noqa: ANN401
    """Return the settlements, the most populous first."""
    people = population.set_index("settlement_id")
    shapes = settlements.geometry.to_crs(grid.crs)
    labels = {code: settlement_labels(settlements, texts.load(code)) for code in LANGUAGES}
    found = []
    for (_, row), shape in zip(settlements.iterrows(), shapes, strict=True):
        place = None if shape is None or shape.is_empty else shapely.point_on_surface(shape)
        found.append(
            Settlement(
                settlement_id=row["settlement_id"],
                names={code: texts.clean(labels[code][row["settlement_id"]]) for code in LANGUAGES},
                named=any(best_name(row, code) for code in LANGUAGES),
                kind=row["kind"],
                status=row["status"],
                status_year=None if pd.isna(row["status_year"]) else int(row["status_year"]),
                buildings=int(row["buildings"]),
                residents=_interval(people.loc[people.index == row["settlement_id"]], "residents"),
                place=None if place is None else (float(place.x), float(place.y)),
            )
        )
    return sorted(found, key=lambda one: (-(one.residents.middle if one.residents else 0.0), one.settlement_id))


def _growth(built_up: pd.DataFrame) -> pd.DataFrame:
    """Return the series of the area; of several products, the one with the most epochs."""
    if built_up.empty:
        return built_up
    longest = built_up.groupby("product")["year"].count().sort_index().idxmax()
    return built_up[built_up["product"] == longest].sort_values("year")


def _background(path: Path, grid: Grid) -> dict[str, list[list[tuple[float, float]]]]:
    """Return the generalised roads and water of the map's background in metres, where a run has kept them."""
    if not path.is_file():
        return {}
    layers = json.loads(path.read_text(encoding="utf-8"))
    to_metres = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True)
    return {name: [[(x, y) for x, y in to_metres.itransform(line)] for line in lines] for name, lines in layers.items()}
