"""Builds the public tables from the full ones: counts per grid cell and settlement, nothing about a single building."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.base import connection
from pipeline.base.resources import resource
from pipeline.geometry.grid import Grid
from pipeline.load import database, description, parquet
from pipeline.load.public_edition import disclosure, tiles, zone_reach
from pipeline.schema.about import About
from pipeline.schema.public_tables import PUBLIC_TABLES
from pipeline.schema.rounding import round_people
from pipeline.schema.tables import TABLES, conform
from pipeline.schema.vocabulary import CODES, LANGUAGES, QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb
    from numpy.typing import ArrayLike, NDArray

    from pipeline.load.public_edition.disclosure import Release

_OUTLINE_SHARE = 0.05
"""A settlement is drawn in the cells that hold at least this share of its homes."""
_ACCUSING = re.compile(
    r"\b(illegal\w*|squat\w*|slum\w*|незаконн\w*|самозахват\w*|самовольн\w*|трущоб\w*)\b", re.IGNORECASE
)
_READ = (
    "areas",
    "settlements",
    "area_population",
    "settlement_population",
    "area_built_up",
    "settlement_built_up",
    "hazards",
    "red_zone_overlaps",
    "red_zone_rules",
    "sources",
    "completeness",
    "runs",
)
_WITHHELD, _IDS = "public_withheld", "public_ids"
"""What a release keeps to itself for those that follow it."""
_COUNTED = ("seen_by_both", "seen_by_osm", "seen_by_satellite")
"""Measures of completeness that count buildings."""
_HAZARDS_COUNTED = ("objects_inside", "objects_around")
_NAMES = ("name", *(f"name_{code}" for code in LANGUAGES))

# Every building with the kind of settlement and zone it stands in; only this query sees single buildings.
_BUILDINGS = """
WITH zoned AS (
    SELECT
        building_id,
        bool_or(concern = 'residents') AS residents,
        bool_or(concern = 'administrative') AS administrative
    FROM buildings_in_zones
    WHERE area_id = $area
    GROUP BY building_id
)
SELECT
    b.lon, b.lat, b.settlement_id,
    b.home,
    b.footprint_m2 * coalesce(b.levels, 1) AS floor_m2,
    coalesce(z.residents, false) AS in_residents,
    coalesce(z.administrative, false) AS in_administrative
FROM buildings AS b
LEFT JOIN zoned AS z USING (building_id)
WHERE b.area_id = $area
"""


def build(tables_dir: Path, out: Path, *, since: Path | None = None) -> None:
    """Build the public edition: `build_tables`, `tiles.build`, then `build_database`."""
    build_tables(tables_dir, out, since=since)
    tiles.build(out)
    build_database(out)


def build_database(out: Path) -> None:
    """Build the DuckDB file of the public edition from its tables, beside them.

    Call it where no private row was ever read: a database file holds whatever lay in its writer's memory.
    """
    views = sorted((database.VIEWS / "public").glob("*.sql"))
    path = out / "novostroiki.duckdb"
    database.build(out / "tables", path, tables=PUBLIC_TABLES, views=views, indexed=False)


def build_tables(tables_dir: Path, out: Path, *, since: Path | None = None) -> None:
    """Build the tables of the public edition.

    What is withheld, and under which identifier settlements are shown, is written into the full edition, as its tables
    `public_withheld` and `public_ids`.

    Parameters
    ----------
    tables_dir
        Folder of the full edition's `<table>.parquet`.
    out
        Folder to fill: `tables/`.
    since
        The full edition's tables of the release that this one follows: what that withheld stays withheld, and what
        it showed keeps its identifier.

    Raises
    ------
    InputError
        The tables of `since` cannot be read.
    """
    full = {name: parquet.read(tables_dir / f"{name}.parquet", TABLES[name]) for name in _READ}
    about = About.of(full["runs"])
    kept = {name: _before(since, name) for name in (_WITHHELD, _IDS)}
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in (*PUBLIC_TABLES, *kept)}
    with connection.connect() as con:
        _show_buildings(con, tables_dir)
        for area in full["areas"].itertuples():
            for name, rows in _area(con, area, full, kept).items():
                parts[name].append(rows)
    for name, before in kept.items():
        rows = pd.concat([before, *parts.pop(name)], ignore_index=True).drop_duplicates(TABLES[name].unique)
        parquet.write(conform(name, rows), tables_dir / f"{name}.parquet", TABLES[name], about=about.metadata)
    notice = _notice()
    tables = {
        **{name: pd.concat(rows, ignore_index=True) for name, rows in parts.items() if rows},
        "notice": notice,
        "sources": full["sources"],
        "red_zone_rules": full["red_zone_rules"],
        "completeness": _completeness(full["completeness"]),
        "runs": full["runs"],
        **description.tables(about, PUBLIC_TABLES),
    }
    english = " ".join(notice.loc[notice["language"] == "en", ["impact_note", "disclaimer"]].iloc[0])
    for name, schema in PUBLIC_TABLES.items():
        frame = conform(name, tables[name], PUBLIC_TABLES)
        told = {**about.metadata, "notice": english}
        parquet.write(frame, out / "tables" / f"{name}.parquet", schema, about=told)


def _before(since: Path | None, name: str) -> pd.DataFrame:
    """Return a table that the release before kept to itself; without one, no row."""
    if since is None:
        return pd.DataFrame({column: [] for column in TABLES[name].columns}, dtype="str")
    return pd.DataFrame(parquet.read(since / f"{name}.parquet", TABLES[name]))


def _show_buildings(con: duckdb.DuckDBPyConnection, tables_dir: Path) -> None:
    """Give a connection what `_BUILDINGS` asks for."""
    for name in ("buildings", "building_hazards", "hazards", "red_zone_rules"):
        path = str(tables_dir / f"{name}.parquet").replace("'", "''")
        con.execute(f"CREATE VIEW {name} AS FROM read_parquet('{path}')")
    database.define_macros(con)
    con.execute((database.VIEWS / "buildings_in_zones.sql").read_text(encoding="utf-8"))


def _area(
    con: duckdb.DuckDBPyConnection,
    area: Any,  # noqa: ANN401
    full: dict[str, Any],
    kept: Mapping[str, pd.DataFrame],
) -> dict[str, pd.DataFrame]:
    """Return the public rows of one area by table, and what of it is withheld."""
    mine = {name: frame[frame["area_id"] == area.area_id] for name, frame in full.items() if "area_id" in frame.columns}
    grid = Grid.of(area.area_id, tuple(shapely.bounds(area.geometry)))
    atoms = _atoms(con, grid, mine["settlement_population"])
    release = disclosure.choose(atoms, frozenset(kept[_WITHHELD]["unit_id"]))
    named = mine["settlements"][mine["settlements"]["settlement_id"].isin(release.settlements)]
    cells = _cells(atoms, grid, release, mine["settlements"].set_index("settlement_id")["kind"])
    for concern in CODES["concern"]:
        reach = zone_reach.of_concern(cells.geometry, mine["hazards"], full["red_zone_rules"], concern, area.crs)
        cells[f"share_{concern}"] = _shares(cells[f"in_{concern}"], cells["homes"], reach)
    ids = _public_ids(area.area_id, named["settlement_id"], atoms, release, kept[_IDS])
    settlements = _settlements(named, atoms, grid, release, ids)
    people, built_up = (_shown(mine[f"settlement_{what}"], release) for what in ("population", "built_up"))
    return {
        "areas": _area_row(area, atoms, release, settlements=len(mine["settlements"])),
        "settlements": settlements,
        "grid": cells,
        "area_population": _people(mine["area_population"]),
        "settlement_population": _under(ids, _people(people)),
        "area_built_up": _built_up(mine["area_built_up"]),
        "settlement_built_up": _under(ids, _built_up(built_up)),
        "red_zones": _under(ids, _red_zones(mine, named, settlements, full["red_zone_rules"], area.crs)),
        _WITHHELD: _withheld(area.area_id, atoms, mine["settlements"], release),
        _IDS: pd.DataFrame({"area_id": area.area_id, "settlement_id": ids.keys(), "public_id": ids.values()}),
    }


def _withheld(area_id: str, atoms: pd.DataFrame, settlements: pd.DataFrame, release: Release) -> pd.DataFrame:
    """Return the cells with buildings and the settlements that are not published."""
    units = {"cell": set(atoms["cell_id"]) - release.cells, "settlement": set(settlements["settlement_id"])}
    units["settlement"] -= release.settlements
    rows = [(area_id, unit, name) for unit, names in units.items() for name in sorted(names)]
    return pd.DataFrame(rows, columns=["area_id", "unit", "unit_id"])


def _under(ids: Mapping[str, str], rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(settlement_id=rows["settlement_id"].map(ids))


def _public_ids(
    area_id: str, settlement_ids: pd.Series, atoms: pd.DataFrame, release: Release, kept: pd.DataFrame
) -> dict[str, str]:
    """Return the identifiers of published settlements, see `disclosure.public_ids`."""
    own = atoms[atoms["cell_id"].isin(release.cells)].sort_values(["homes", "cell_id"], ascending=[False, True])
    cells = own.drop_duplicates("settlement_id").set_index("settlement_id")["cell_id"]
    buildings = disclosure.round_count(settlement_ids.map(atoms.groupby("settlement_id")["buildings"].sum()))
    shown = pd.DataFrame({"settlement_id": settlement_ids, "cell_id": settlement_ids.map(cells).fillna("")})
    before = dict(zip(kept["settlement_id"].astype(str), kept["public_id"].astype(str), strict=True))
    return disclosure.public_ids(area_id, shown.assign(buildings=buildings), before)


def _shares(part: pd.Series, whole: pd.Series, reach: ArrayLike) -> NDArray[np.str_]:
    return disclosure.hide_where_none_is_rare(disclosure.share_class(part, whole, reach), part)


def _atoms(con: duckdb.DuckDBPyConnection, grid: Grid, population: pd.DataFrame) -> pd.DataFrame:
    """Count buildings per cell and settlement, and share the residents of each settlement out among its homes.

    The share is by floor area (footprint times storeys): the dasymetric rule of Mennis (2003) with floor area as the
    weight. Homes outside every settlement get no residents, since no estimate speaks of them.
    """
    rows = con.execute(_BUILDINGS, {"area": grid.name}).df()
    rows["cell_id"] = grid.cell_ids(rows["lon"].to_numpy(), rows["lat"].to_numpy())
    rows["settlement_id"] = rows["settlement_id"].astype(object).where(rows["settlement_id"].notna(), None)
    rows["weight"] = np.where(rows["home"], rows["floor_m2"], 0.0)
    atoms = (
        rows.assign(
            homes=rows["home"].astype(int),
            in_residents=rows["home"] & rows["in_residents"],
            in_administrative=rows["home"] & rows["in_administrative"],
            buildings=1,
        )
        .groupby(["cell_id", "settlement_id"], dropna=False, sort=True)[
            ["buildings", "homes", "in_residents", "in_administrative", "weight"]
        ]
        .sum()
        .reset_index()
    )
    people = population.set_index("place_id")[["residents_p05", "residents_p50", "residents_p95"]]
    people.columns = ["p05", "p50", "p95"]
    totals = atoms.groupby("settlement_id")["weight"].transform("sum").replace(0.0, np.nan)
    share = (atoms["weight"] / totals).fillna(0.0)
    for quantile in people.columns:
        atoms[quantile] = (atoms["settlement_id"].map(people[quantile]) * share).fillna(0.0).clip(lower=0)
    return atoms.assign(persons=atoms["p50"])


def _cells(atoms: pd.DataFrame, grid: Grid, release: Release, kinds: pd.Series[str]) -> gpd.GeoDataFrame:
    shown = atoms[atoms["cell_id"].isin(release.cells)]
    counted = ["buildings", "homes", "in_residents", "in_administrative", "p05", "p50", "p95"]
    cells = shown.groupby("cell_id", sort=True)[counted].sum()
    by_kind = shown.assign(kind=shown["settlement_id"].map(kinds)).groupby(["cell_id", "kind"])["homes"].sum()
    largest = by_kind.reset_index().sort_values(["cell_id", "homes", "kind"], ascending=[True, False, True])
    frame = cells.assign(
        area_id=grid.name,
        buildings=disclosure.round_count(cells["buildings"]),
        **round_people(cells[["p05", "p50", "p95"]]),
        kind=largest.drop_duplicates("cell_id").set_index("cell_id")["kind"],
    ).reset_index()
    squares = grid.squares(frame["cell_id"].to_numpy(dtype=str))
    return gpd.GeoDataFrame(frame, geometry=squares, crs="EPSG:4326")


def _settlements(
    named: gpd.GeoDataFrame, atoms: pd.DataFrame, grid: Grid, release: Release, ids: Mapping[str, str]
) -> gpd.GeoDataFrame:
    """Return the rows of published settlements; their outlines are whole cells."""
    counts = atoms.groupby("settlement_id")[["buildings", "homes"]].sum()
    shares = atoms["homes"] / atoms["settlement_id"].map(counts["homes"])
    drawn = atoms[(shares >= _OUTLINE_SHARE) & atoms["cell_id"].isin(release.cells)]
    squares = pd.Series(grid.squares(drawn["cell_id"].to_numpy(dtype=str)), index=drawn.index, dtype=object)
    outlines = {
        settlement_id: shapely.union_all(own.to_numpy(), grid_size=1e-9)
        for settlement_id, own in squares.groupby(drawn["settlement_id"])
    }
    rows = named.drop(columns="geometry").assign(
        buildings=disclosure.round_count(named["settlement_id"].map(counts["buildings"])),
        status_source=named["status_source"].map(_neutral, na_action="ignore"),
        near_id=named["near_id"].map(ids),
    )
    rows = _under(ids, _renumbered(rows))
    shapes = gpd.GeoSeries(list(named["settlement_id"].map(outlines.get)), index=named.index, crs="EPSG:4326")
    return gpd.GeoDataFrame(rows, geometry=shapes)


def _renumbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Return unnamed settlements with numbers of their own: a gap would tell of one that is withheld."""
    unnamed = rows[rows["near_number"].notna()].sort_values("near_number")
    numbers = unnamed.groupby(unnamed["near_id"].fillna(""), sort=False).cumcount() + 1
    return rows.assign(near_number=numbers.reindex(rows.index).astype("Int64"))


def _neutral(reference: str) -> str:
    """Return a reference as readers of a public map may see it: some titles carry words that accuse."""
    return "published study, named in the full edition" if _ACCUSING.search(reference) else reference


def _shown(places: pd.DataFrame, release: Release) -> pd.DataFrame:
    """Return the rows of published settlements; what lies in none is known by subtraction, and not told."""
    return places[places["settlement_id"].isin(release.settlements)]


def _people(rows: pd.DataFrame) -> pd.DataFrame:
    """Round the intervals; a quantity of fewer than `MIN_PERSONS` is not told, as no unit of so few is."""
    rounded = [
        round_people(rows, f"{quantity}_").where(rows[f"{quantity}_p50"] >= disclosure.MIN_PERSONS)
        for quantity in QUANTITIES
    ]
    return rows.assign(**pd.concat(rounded, axis=1))


def _built_up(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(built_ha=(rows["built_m2"] / 1000).round() / 10)


def _red_zones(
    mine: Mapping[str, Any], named: gpd.GeoDataFrame, published: gpd.GeoDataFrame, rules: pd.DataFrame, crs: str
) -> pd.DataFrame:
    """Return the rules whose zones reach a settlement, or its cells: no more can be seen from outside."""
    overlaps = mine["red_zone_overlaps"]
    known = overlaps[overlaps["settlement_id"].isin(named["settlement_id"])]
    shapes = published.geometry.set_axis(named["settlement_id"]).dropna()
    around = zone_reach.rules_near(shapes, mine["hazards"], rules, crs)
    rows = around.merge(known, on=["settlement_id", "rule_id"], how="outer")
    rows = rows.fillna({"homes": 0, "overlap_share": 0.0}).infer_objects()
    homes = rows["settlement_id"].map(named.set_index("settlement_id")["homes"])
    reach = np.where(rows["overlap_share"] >= 1, disclosure.Reach.COVERS, disclosure.Reach.PART)
    return rows.assign(
        area_id=named["area_id"].iloc[0] if len(named) else "",
        hazard_class=rows["rule_id"].map(rules.set_index("rule_id")["hazard_class"]),
        assumed=rows["assumed_x"].fillna(rows["assumed_y"]).astype(bool),
        share=_shares(rows["homes"], homes, reach),
    )


def _completeness(measured: pd.DataFrame) -> pd.DataFrame:
    """Round what is counted of buildings to 10, and shares to 1 %: exact counts would add up to exact totals."""
    counted = measured["measure"].isin(_COUNTED)
    hazards = measured["measure"].isin(_HAZARDS_COUNTED)
    coarse = (measured["value"] / 10).round() * 10
    rounded = measured["value"].where(hazards, measured["value"].round(2))
    return measured.assign(value=rounded.where(~counted, coarse))


def _area_row(area: Any, atoms: pd.DataFrame, release: Release, *, settlements: int) -> gpd.GeoDataFrame:  # noqa: ANN401
    row = {
        **{key: getattr(area, key) for key in ("area_id", "country", *_NAMES, "simulated", "geometry")},
        "buildings": int(disclosure.round_count(atoms["buildings"].sum())),
        "settlements": len(release.settlements),
        "settlements_withheld": settlements - len(release.settlements),
        "cells": len(release.cells),
        "cells_withheld": atoms["cell_id"].nunique() - len(release.cells),
        **{key: getattr(area, key) for key in ("inputs_year", "people_seen_by", "told", "told_reason")},
        "people_seen_share": None if area.people_seen_share is None else round(area.people_seen_share, 2),
    }
    return gpd.GeoDataFrame([row], crs="EPSG:4326")


def _notice() -> pd.DataFrame:
    texts = {
        code: cast("dict[str, str]", json.loads(resource("maps", "texts", f"embed.{code}.json").read_text("utf-8")))
        for code in LANGUAGES
    }
    return pd.DataFrame(
        [
            {"language": code, "impact_note": text["impact_note"], "disclaimer": text["disclaimer"]}
            for code, text in texts.items()
        ]
    )
