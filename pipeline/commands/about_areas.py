"""What stands beside figures on the terminal: which areas are simulated, and how much of each its inputs see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.wording.seen import seen_sentence

if TYPE_CHECKING:
    from collections.abc import Collection

    import duckdb


def about(con: duckdb.DuckDBPyConnection, areas: Collection[str] | None = None) -> list[str]:
    """Return a line about the simulated areas, and one about each area; None: all areas of the database."""
    result = con.execute(
        "SELECT area_id, simulated, inputs_year, people_seen_share, told, told_reason FROM areas ORDER BY area_id"
    )
    names = [column for column, *_ in result.description or ()]
    rows = [dict(zip(names, values, strict=True)) for values in result.fetchall()]
    rows = [row for row in rows if areas is None or row["area_id"] in areas]
    simulated = ", ".join(row["area_id"] for row in rows if row["simulated"])
    lines = [f"{simulated}: simulated; nothing here describes a real city."] if simulated else []
    return lines + [f"{row['area_id']}: {seen_sentence(row, 'en')}" for row in rows]
