"""What every file says of itself: which run made it, from data of when, in which schema, under which licence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

SCHEMA_VERSION = "2.1"
"""Of the tables; docs/schema.md tells what changed. The first number rises where a query may fail, else the second."""

DATA_LICENCE = "ODbL-1.0"
"""Of all that is made from OpenStreetMap or from footprints under the same licence (see NOTICE)."""


def licence_of(licences: Iterable[str]) -> str:
    """Return the licence of what is made from sources under `licences` (SPDX): theirs too, where they forbid commerce.

    Examples
    --------
    >>> licence_of(["CC-BY-4.0", "ODbL-1.0"])
    'ODbL-1.0'
    >>> licence_of(["CC-BY-NC-4.0; ODbL-1.0"])
    'ODbL-1.0 AND CC-BY-NC-4.0'
    """
    each = {one.strip() for licence in licences for one in licence.split(";")}
    return " AND ".join([DATA_LICENCE, *sorted(one for one in each if "-NC" in one)])


TITLE = "novostroiki: new settlements of Central Asian cities from open data"
AUTHORS = "The novostroiki authors"
"""As in CITATION.cff."""


@dataclass(frozen=True)
class About:
    """What is said in the metadata of a Parquet file, in the table `citation`, and in every catalogue.

    Attributes
    ----------
    data_year
        Latest year that the inputs of the buildings show; None: none says.
    """

    run_id: str
    version: str
    schema_version: str
    licence: str
    data_year: int | None
    simulated: bool

    @classmethod
    def of(cls, runs: pd.DataFrame) -> Self:
        """Return what the one row of the table `runs` says."""
        row = runs.iloc[0]
        year = None if pd.isna(row["data_year"]) else int(row["data_year"])
        return cls(
            run_id=str(row["run_id"]),
            version=str(row["version"]),
            schema_version=str(row["schema_version"]),
            licence=str(row["licence"]),
            data_year=year,
            simulated=bool(row["simulated"]),
        )

    @property
    def metadata(self) -> dict[str, str]:
        """The same as texts, for the metadata of a file."""
        return {
            "run_id": self.run_id,
            "version": self.version,
            "schema_version": self.schema_version,
            "licence": self.licence,
            "data_date": self.date,
            "simulated": str(self.simulated).lower(),
        }

    @property
    def date(self) -> str:
        """The year of the data as ISO 8601; empty: unknown."""
        return "" if self.data_year is None else str(self.data_year)

    @property
    def sentence(self) -> str:
        """How to cite the figures."""
        kind = (
            "simulated data, which describe no real city"
            if self.simulated
            else f"data of {self.date or 'unknown date'}"
        )
        return (
            f"{AUTHORS}. {TITLE}. Version {self.version}, schema {self.schema_version}, run {self.run_id}; {kind}; "
            f"{self.licence}."
        )

    @property
    def bibtex(self) -> str:
        """The same as a BibTeX entry."""
        note = f"run {self.run_id}, schema {self.schema_version}" + (", simulated" if self.simulated else "")
        fields = {
            "author": f"{{{AUTHORS}}}",
            "title": TITLE,
            "version": self.version,
            "year": self.date,
            "note": f"{note}; {self.licence}",
        }
        lines = ",\n".join(f"  {name} = {{{text}}}" for name, text in fields.items() if text)
        return f"@misc{{novostroiki_{self.run_id},\n{lines}\n}}"
