"""Tables about the tables: every column, every code in words, how to cite; from tables.py and layers/codes.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pipeline.declared import codes
from pipeline.schema.about import AUTHORS, TITLE
from pipeline.schema.tables import MADE_BY, TABLES
from pipeline.schema.vocabulary import CODES, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandera.pandas as pan

    from pipeline.schema.about import About

TYPES = {
    "string[pyarrow]": "text",
    "float64": "number",
    "int64": "integer",
    "Int64": "integer",
    "bool": "boolean",
    "datetime64[us, UTC]": "timestamp",
    "geometry": "geometry",
    "object": "list of integers",
}
"""What a column holds, by its type in tables.py."""


def tables(about: About, of: Mapping[str, pan.DataFrameSchema] = TABLES) -> dict[str, pd.DataFrame]:
    """Return the tables `dictionary`, `codes` and `citation` of an edition."""
    return {"dictionary": _dictionary(of), "codes": _codes(), "citation": _citation(about)}


def _dictionary(of: Mapping[str, pan.DataFrameSchema]) -> pd.DataFrame:
    rows = [
        {
            "table_name": name,
            "column_name": column_name,
            "position": position,
            "type": TYPES[str(column.dtype)],
            "unit": column.metadata["unit"] or None,
            "nullable": column.nullable,
            "in_key": column_name in table.unique,
            "refers_to": column.metadata.get("references") or None,
            "code_set": column.metadata.get("codes"),
            "meaning": column.description,
            "source": MADE_BY[name],
            "formula": column.metadata.get("formula") or None,
        }
        for name, table in of.items()
        for position, (column_name, column) in enumerate(table.columns.items(), start=1)
    ]
    return pd.DataFrame(rows)


def _codes() -> pd.DataFrame:
    words = codes.default()
    rows = [
        {
            "code_set": code_set,
            "code": code,
            "position": position,
            **{f"meaning_{language}": getattr(words[code_set][code], language) for language in LANGUAGES},
        }
        for code_set, values in CODES.items()
        for position, code in enumerate(values, start=1)
    ]
    return pd.DataFrame(rows)


def _citation(about: About) -> pd.DataFrame:
    row = {
        **about.metadata,
        "simulated": about.simulated,
        "title": TITLE,
        "authors": AUTHORS,
        "text": about.sentence,
        "bibtex": about.bibtex,
    }
    return pd.DataFrame([row])
