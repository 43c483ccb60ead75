"""Compares tables row by row: Parquet files, and the tables and views of DuckDB files; geometries as their WKB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.base.connection import connect
from pipeline.schema.public_tables import PUBLIC_TABLES
from pipeline.schema.tables import TABLES
from tests.compare.changes import EXAMPLES, Options, Tally, arrow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import duckdb

_VIEW_KEYS = {
    "buildings_by_distance": ["area_id", "settlement_id", "hazard_class", "distance_m"],
    "red_zone_summary": ["settlement_id", "rule_id"],
    "area_growth": ["area_id", "product", "year"],
    "settlement_growth": ["place_id", "product", "year"],
    "unregistered_summary": ["place_id"],
}
_NUMBER = "#"
"""A column of ours: rows that share their key are numbered, so that each has one counterpart at most."""


def compare_parquet(place: str, old: Path, new: Path, options: Options) -> Iterator[tuple[str, Tally]]:
    sources = [f"read_parquet({_text(path)})" for path in (old, new)]
    with connect() as con:
        yield place, _compare(con, sources, old.stem, _key(place, old.stem), options)


def compare_databases(place: str, old: Path, new: Path, options: Options) -> Iterator[tuple[str, Tally]]:
    with connect() as con:
        con.execute(f"ATTACH {_text(old)} AS before (READ_ONLY); ATTACH {_text(new)} AS after (READ_ONLY)")
        listing = "SELECT table_name, table_type FROM information_schema.tables WHERE table_catalog = ?"
        before, after = (dict(con.execute(listing, [name]).fetchall()) for name in ("before", "after"))
        for name in sorted(before | after):
            here = f"{place}/{name}"
            if name not in before or name not in after:
                yield here, Tally(f"only in {'old' if name in before else 'new'}")
            elif before[name] != after[name]:
                yield here, Tally(f"{before[name]} → {after[name]}")
            else:
                sources = [f"{file}.main.{_quoted(name)}" for file in ("before", "after")]
                yield here, _compare(con, sources, name, _key(place, name), options)


def _key(place: str, table: str) -> Sequence[str]:
    """Return the columns that identify a row; empty where nobody has said."""
    tables = PUBLIC_TABLES if place.startswith("public/") else {} if place.startswith("simulated/") else TABLES
    return tables[table].unique or () if table in tables else _VIEW_KEYS.get(table, ())


def _compare(
    con: duckdb.DuckDBPyConnection, sources: Sequence[str], table: str, key: Sequence[str], options: Options
) -> Tally:
    """Compare two relations by their key, or by all columns where the key is not known or not on both sides."""
    types = [{row[0]: row[1] for row in con.execute(f"DESCRIBE FROM {source}").fetchall()} for source in sources]
    names = [options.old_columns(table, types[0]), options.new_columns(table, types[1])]
    tally = Tally()
    for side, extra in (("old", names[0].keys() - names[1]), ("new", names[1].keys() - names[0])):
        if extra:
            tally.add(f"columns only in {side}: {', '.join(sorted(extra))}")
    shared = [name for name in names[1] if name in names[0]]
    if not shared:
        return tally
    retyped = {name: (types[0][names[0][name]], types[1][name]) for name in shared}
    retyped = {name: (old, new) for name, (old, new) in retyped.items() if old != new}
    for name, (old, new) in retyped.items():
        tally.add(f"type of {name}: {old} → {new}")
    key = key if key and set(key) <= set(shared) else shared
    for side, source, own in zip(("old", "new"), sources, names, strict=True):
        values = {name: f"{_quoted(own[name])}{'::VARCHAR' if name in retyped else ''}" for name in shared}
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {side} AS SELECT *, row_number() OVER (PARTITION BY {_list(key)} "
            f'ORDER BY {_list(shared)}) AS "{_NUMBER}" FROM (SELECT '
            + ", ".join(f"{value} AS {_quoted(name)}" for name, value in values.items())
            + f" FROM {source})"
        )
    _count_rows(con, key, tally)
    _count_cells(con, key, [name for name in shared if name not in key], tally)
    return tally


def _count_rows(con: duckdb.DuckDBPyConnection, key: Sequence[str], tally: Tally) -> None:
    for side, other in (("old", "new"), ("new", "old")):
        rows = con.execute(
            f"SELECT count(*) OVER (), {_label(side, key)} AS label FROM {side} ANTI JOIN {other} ON {_same(key)} "
            f"ORDER BY label LIMIT {EXAMPLES}"
        ).fetchall()
        if rows:
            tally.add(f"rows only in {side}", rows[0][0], [label for _, label in rows])


def _count_cells(con: duckdb.DuckDBPyConnection, key: Sequence[str], names: Sequence[str], tally: Tally) -> None:
    joined = f"FROM old JOIN new ON {_same(key)}"
    differs = {name: f"old.{_quoted(name)} IS DISTINCT FROM new.{_quoted(name)}" for name in names}
    counts = ["count(*)", *(f"count(*) FILTER ({condition})" for condition in differs.values())]
    found = con.execute(f"SELECT {', '.join(counts)} {joined}").fetchall()[0]
    for name in (name for name, count in zip(names, found[1:], strict=True) if count):
        old, new = (f"{side}.{_quoted(name)}::VARCHAR" for side in ("old", "new"))
        rows = con.execute(
            f"SELECT {_label('new', key)} AS label, {old}, {new}, count(*) OVER (), "
            f"max(abs(TRY_CAST({old} AS DOUBLE) - TRY_CAST({new} AS DOUBLE))) OVER () "
            f"{joined} WHERE {differs[name]} ORDER BY label LIMIT {EXAMPLES}"
        ).fetchall()
        by = "" if rows[0][4] is None else f" by up to {rows[0][4]:.3g}"
        tally.add(f"cells of {name} changed{by}", rows[0][3], [f"{row[0]}: {arrow(row[1], row[2])}" for row in rows])


def _same(key: Sequence[str]) -> str:
    """Return the condition of a join; NULL counts as a value."""
    columns = map(_quoted, [*key, _NUMBER])
    return " AND ".join(f"old.{column} IS NOT DISTINCT FROM new.{column}" for column in columns)


def _label(side: str, key: Sequence[str]) -> str:
    """Return an expression that names a row by its key."""
    values = (f"coalesce(left({side}.{_quoted(name)}::VARCHAR, 40), 'NULL')" for name in key)
    return f"concat_ws(' | ', {', '.join(values)})"


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(_quoted, names))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
