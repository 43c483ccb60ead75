"""How many people live in a group of settlements, or in a polygon: added up draw by draw, quantiles last.

Only DuckDB and NumPy are loaded, and Shapely where there is a polygon, so that an answer takes no longer than a look.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from pipeline.base.connection import connect
from pipeline.commands.about_areas import about
from pipeline.errors import InputError
from pipeline.schema.draws import HOME_FLOOR_SQL, KEPT, KINDS, inside, quantiles
from pipeline.schema.vocabulary import QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Draws = NDArray[np.float64]
    Key = tuple[str, str | None]

_LARGE_POLYGON_BYTES = 50_000_000
_DRAWS = "SELECT area_id, coalesce(settlement_id, '') AS settlement_id, quantity, draws FROM population_draws"
"""Text instead of NULL: NumPy has a filling of its own for what is missing."""
_DRAWN_KIND = re.compile(r"\bdrawn_kind\b", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """The draws of a group, shape (draws,) for each quantity and for the ratio, and what to tell beside them."""

    draws: dict[str, Draws]
    notices: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The answer as a table: median, 50 and 90 % interval, and what nine draws in ten exceed."""
        head = ("", "median", "1 in 2", "9 in 10", "9 in 10 more than")
        rows = [head, *(_written(name, draws) for name, draws in self.draws.items())]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        lines = [
            "  ".join(cell.ljust(width) if n == 0 else cell.rjust(width) for n, (cell, width) in enumerate(cells))
            for cells in (list(zip(row, widths, strict=True)) for row in rows)
        ]
        return "\n".join(line.rstrip() for line in lines)


def answer(database: Path, *, where: str = "", polygon: Path | None = None, ratio: str = "") -> Answer:
    """Add up the people of a group, draw by draw.

    Parameters
    ----------
    database
        ``novostroiki.duckdb`` of the full edition; it is opened read-only, and `where` can reach no other file.
    where
        SQL condition on the columns of `settlements`; `drawn_kind` is the kind that a settlement has in a draw, `kind`
        the one that is told. The houses in no settlement have an `area_id` alone. Empty: everybody.
    polygon
        A GeoJSON file in lon/lat. A settlement that it cuts is split by the floor area of its homes, with the noise of
        that split.
    ratio
        Two quantities, such as ``unregistered/residents``.

    Raises
    ------
    InputError
        The condition, the polygon or the ratio cannot be used, nobody lives there, or the outputs hold no draws.
    """
    parts = _parts(ratio)
    with connect(database, read_only=True) as con:
        con.execute("SET enable_external_access = false")
        con.execute("SET lock_configuration = true")
        chosen = _chosen(con, where)
        notices = about(con, {area for area, _ in chosen})
        shares: Mapping[Key, Draws | float] = dict.fromkeys(chosen, 1.0)
        if polygon is not None:
            shape, told = _polygon(polygon)
            notices += told
            shares = _inside(con, shape, chosen)
            if not shares:
                msg = f"No home of the group lies inside {polygon}; its coordinates are longitude, latitude in degrees."
                raise InputError(msg)
        draws = _added(con, {key: chosen[key] for key in shares}, shares)
    if parts:
        above, below = (draws[name] for name in parts)
        draws[ratio] = np.divide(above, below, out=np.zeros(KEPT), where=below > 0)
    return Answer(draws, notices)


def _parts(ratio: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in ratio.split("/")) if ratio else ()
    if ratio and (len(parts) != 2 or not set(parts) <= set(QUANTITIES)):
        msg = f"--ratio {ratio!r} is no ratio of two of {', '.join(QUANTITIES)}; write unregistered/residents."
        raise InputError(msg)
    return parts


def _chosen(con: duckdb.DuckDBPyConnection, where: str) -> dict[Key, frozenset[int]]:
    """Return the places that satisfy the condition, with the kinds (positions in KINDS) for which they do."""
    kinds = KINDS if _DRAWN_KIND.search(where) else (None,)
    found: dict[Key, set[int]] = {}
    try:
        for position, kind in enumerate(kinds):
            # One expression, on rows of its own: what a user types is a condition or an error.
            sql = f"""
                SELECT area_id, settlement_id FROM (
                    SELECT *, $kind AS drawn_kind FROM (
                        SELECT * EXCLUDE (geometry, geometry_wkb) FROM settlements
                        UNION ALL BY NAME SELECT area_id FROM areas))
                WHERE ({where or "true"}\n)"""  # noqa: S608 - the user's own condition, on a locked connection
            for area, settlement in con.execute(sql, {"kind": kind}).fetchall():
                found.setdefault((area, settlement), set()).update((position,) if kind else range(len(KINDS)))
    except duckdb.Error as error:
        msg = f"--where cannot be used: {str(error).splitlines()[0]}"
        raise InputError(msg) from error
    if not found:
        msg = f"No settlement satisfies --where {where!r}."
        raise InputError(msg)
    return {key: frozenset(kinds) for key, kinds in found.items()}


def _polygon(path: Path) -> tuple[Any, list[str]]:
    """Return the union of a GeoJSON file's polygons, and what had to be repaired."""
    import shapely

    try:
        if path.stat().st_size > _LARGE_POLYGON_BYTES:
            msg = f"{path} is larger than {_LARGE_POLYGON_BYTES // 10**6} MB; simplify its polygons."
            raise InputError(msg)
        told = json.loads(path.read_text(encoding="utf-8-sig"))
        geometries = [shapely.from_geojson(json.dumps(item)) for item in _geometries(told)]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, shapely.GEOSException) as error:
        msg = f"{path} is no readable GeoJSON file: {str(error).splitlines()[0]}."
        raise InputError(msg) from error
    invalid = sum(item is not None and not item.is_valid for item in geometries)
    whole = [shapely.make_valid(item) for item in geometries if item is not None]
    areal = [item for item in whole if item.area > 0]
    if not areal:
        msg = f"{path} holds no polygon; give an area as GeoJSON in longitude and latitude."
        raise InputError(msg)
    notices = [f"{path.name}: {invalid} invalid polygons were repaired."] if invalid else []
    if others := len(geometries) - len(areal):
        notices.append(f"{path.name}: {others} geometries are no polygons and were left out.")
    return shapely.union_all(areal), notices


def _geometries(told: dict[str, Any]) -> list[dict[str, Any]]:
    if told.get("type") == "FeatureCollection":
        return [item["geometry"] for item in told["features"] if item.get("geometry")]
    return [told["geometry"] if told.get("type") == "Feature" else told]


def _inside(con: duckdb.DuckDBPyConnection, shape: Any, chosen: Iterable[Key]) -> dict[Key, Draws | float]:  # noqa: ANN401
    """Return draws of the share of each place's people that lives inside; places without a home there are left out."""
    import shapely

    west, south, east, north = shape.bounds
    sql = f"""
        SELECT area_id, settlement_id, lon, lat, {HOME_FLOOR_SQL} AS floor FROM buildings
        WHERE lon BETWEEN $west AND $east AND lat BETWEEN $south AND $north AND floor > 0"""  # noqa: S608 - constants
    near = con.execute(sql, {"west": west, "south": south, "east": east, "north": north}).fetchall()
    shapely.prepare(shape)
    within = shapely.contains_xy(shape, np.array([row[2] for row in near]), np.array([row[3] for row in near]))
    floor: dict[Key, float] = {}
    for (area, settlement, _, _, value), held in zip(near, within, strict=True):
        if held:
            floor[area, settlement] = floor.get((area, settlement), 0.0) + value
    totals = con.execute(
        f"SELECT area_id, settlement_id, sum(floor), sum(floor * floor), min([lon, lat]) "  # noqa: S608
        f"FROM (SELECT area_id, settlement_id, lon, lat, {HOME_FLOOR_SQL} AS floor FROM buildings) "
        "WHERE floor > 0 GROUP BY ALL"
    ).fetchall()
    whole = {(area, settlement): told for area, settlement, *told in totals}
    wanted = set(chosen)
    shares: dict[Key, Draws | float] = {}
    for key in sorted(floor, key=str):
        if key in wanted:
            total, square, first_home = whole[key]
            share, with_first = floor[key] / total, bool(shapely.contains_xy(shape, *first_home))
            # The part with the westernmost home is drawn, so that inside and outside of a line are the whole.
            first = share if with_first else 1 - share
            drawn = inside(first, total**2 / square, _stream(key, first))
            shares[key] = drawn if with_first else 1 - drawn
    return shares


def _stream(key: Key, share: float) -> np.random.Generator:
    """Return the random numbers of a part of a place: the same question has the same answer."""
    digest = hashlib.sha256(f"{key!r} {share:.9f}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _added(
    con: duckdb.DuckDBPyConnection, kinds: Mapping[Key, frozenset[int]], shares: Mapping[Key, Draws | float]
) -> dict[str, Draws]:
    """Return the group's people, draw by draw."""
    try:
        rows = con.execute(_DRAWS).fetchnumpy()
    except duckdb.CatalogException as error:
        msg = "These outputs hold no draws: they are of the public edition, or of an older version (run again)."
        raise InputError(msg) from error
    table: dict[Key, dict[str, Draws]] = {}
    names = (rows[column].tolist() for column in ("area_id", "settlement_id", "quantity"))
    for area, settlement, quantity, draws in zip(*names, rows["draws"], strict=True):
        table.setdefault((area, settlement or None), {})[quantity] = np.asarray(draws, dtype=float)
    total = {quantity: np.zeros(KEPT) for quantity in QUANTITIES}
    for key in set(table) & set(shares):
        place = table[key]
        held = np.isin(place["drawn_kind"], list(kinds[key])) * shares[key]
        for quantity in QUANTITIES:
            total[quantity] += np.rint(place[quantity] * held)
    if not any(key in table for key in shares):
        msg = (
            "No figure of people is given there: none of its buildings can be a home, or the inputs show too little of "
            "the area (see told in the table areas)."
        )
        raise InputError(msg)
    return total


def _written(name: str, draws: Draws) -> tuple[str, ...]:
    found = quantiles(draws)
    show = "{:,.0f}".format if name in QUANTITIES else "{:.2f}".format
    tenth = float(np.quantile(draws, 0.1))
    middle, wide = (f"{show(found[low])} to {show(found[high])}" for low, high in (("p25", "p75"), ("p05", "p95")))
    return name, show(found["p50"]), middle, wide, show(tenth)
