"""How columns of tables are declared, and the columns that several tables share."""

from __future__ import annotations

import pandera.pandas as pa
from pandera.engines.geopandas_engine import Geometry

from pipeline.schema.vocabulary import CODES, LANGUAGES, QUANTITIES

PROBABILITY = pa.Check.in_range(0, 1)
NOT_NEGATIVE = pa.Check.ge(0)
QUANTILES = ("p05", "p25", "p50", "p75", "p95")


def column(  # noqa: PLR0913 - all that is said of a column
    dtype: object,
    description: str,
    *,
    unit: str = "",
    check: pa.Check | None = None,
    nullable: bool = False,
    references: str = "",
) -> pa.Column:
    """Declare a column."""
    return pa.Column(
        dtype,
        checks=check,
        nullable=nullable,
        coerce=True,
        description=description,
        metadata={"unit": unit, "references": references},
    )


def text(description: str, *, nullable: bool = False, references: str = "") -> pa.Column:
    """Declare a text; `references` is the table.column that must hold it."""
    return column("str", description, nullable=nullable, references=references)


def code(description: str, codes: str) -> pa.Column:
    """Declare a column that holds the codes of one name in `vocabulary.CODES`."""
    declared = column("str", description, check=pa.Check.isin(CODES[codes]))
    declared.metadata = {**(declared.metadata or {}), "codes": codes}
    return declared


def number(
    description: str, unit: str, *, check: pa.Check | None = None, nullable: bool = False, formula: str = ""
) -> pa.Column:
    """Declare a column of numbers in a unit."""
    declared = column("float64", description, unit=unit, check=check, nullable=nullable)
    declared.metadata = {**(declared.metadata or {}), "formula": formula}
    return declared


def integer(description: str, unit: str = "", *, check: pa.Check | None = None, nullable: bool = False) -> pa.Column:
    """Declare a column of whole numbers."""
    return column("Int64" if nullable else "int64", description, unit=unit, check=check, nullable=nullable)


def flag(description: str) -> pa.Column:
    """Declare a column of truth values."""
    return column("bool", description)


def geometry(description: str, *, nullable: bool = False) -> pa.Column:
    """Declare a column of geometries in EPSG:4326."""
    return column(Geometry(crs="EPSG:4326"), description, unit="EPSG:4326", nullable=nullable)


def table(name: str, description: str, key: str, /, **columns: pa.Column) -> pa.DataFrameSchema:
    """Declare a table; `key` holds the columns that identify a row, separated by spaces."""
    return pa.DataFrameSchema(
        columns, name=name, description=description, unique=key.split(), strict=True, ordered=True
    )


def names(what: str) -> dict[str, pa.Column]:
    """Declare the columns of a name in each language."""
    return {f"name_{code}": text(f"{what} in {language}.", nullable=True) for code, language in LANGUAGES.items()}


AREA = text("Area that the row belongs to (areas.area_id).", references="areas.area_id")
YEAR = pa.Check.in_range(1900, 2100)

NEAR = {
    "near_id": text(
        "If unnamed: the nearest settlement that has a name readers know.",
        nullable=True,
        references="settlements.settlement_id",
    ),
    "near_number": integer("If unnamed: its number among those near that one.", nullable=True),
}
"""How readers are told of a settlement without a name: "settlement 2 near …"."""

SEEN = {
    "inputs_year": integer("Latest year that the inputs of the buildings show.", check=YEAR, nullable=True),
    "people_seen_share": number(
        "Share of the people, as something independent shows them, who live where the inputs show buildings; "
        "NULL: unknown.",
        "1",
        check=PROBABILITY,
        nullable=True,
    ),
    "people_seen_by": code("What shows the people independently.", "people_seen_by"),
    "told": code(
        "What the figures of people are about: the city; all that is mapped (share unknown); the mapped part (no "
        "total of the city); nothing.",
        "told",
    ),
    "told_reason": code("Why so.", "told_reason"),
}
"""How much of an area the inputs see, and what may therefore be told of it."""

WHO = {
    "residents": "People who live there",
    "registered": "People registered there, whether they live there or not",
    "unregistered": "Residents registered nowhere in the city",
}
ABOUT = code("What the figures are about (see areas.told): only 'city' is a total of the city.", "told")
PLACE = text("Settlement, or '<area>/rest': what lies in no settlement.")
SETTLEMENT = text("Settlement.", references="settlements.settlement_id")
IN_SETTLEMENT = text("Settlement; NULL: what lies in none.", nullable=True, references="settlements.settlement_id")


def statistics(of: str, prefix: str = "", *, levels: tuple[str, ...] = QUANTILES) -> dict[str, pa.Column]:
    """Declare quantiles and the mean of draws of people; means of disjoint groups add up, quantiles do not."""
    quantiles = {f"{prefix}{q}": number(f"{of}: quantile {int(q[1:])} % of the draws.", "person") for q in levels}
    return {**quantiles, f"{prefix}mean": number(f"{of}: mean of the draws.", "person")}


def people() -> dict[str, pa.Column]:
    """Declare the estimate of an area or a place: a group of columns for each quantity."""
    quantities = {
        name: column for quantity in QUANTITIES for name, column in statistics(WHO[quantity], f"{quantity}_").items()
    }
    return {**quantities, **basis(), "year": integer("Year of the inputs.", check=YEAR, nullable=True)}


def basis() -> dict[str, pa.Column]:
    """Declare what an estimate of people rests on."""
    return {
        "residents_method": text("Method of the residents, as named in docs/method.md."),
        "residents_evidence": code("Where the parameters that decide the residents come from.", "evidence"),
        "registration_method": text("Method of registered and unregistered."),
        "registration_evidence": code("Where the parameters that decide who is registered come from.", "evidence"),
    }


CROSSCHECK = {
    "method": text("Method, as named in docs/method.md."),
    **statistics("Residents by this method alone"),
    "year": integer("Year of the inputs.", check=YEAR, nullable=True),
}


EXPOSURE = {
    "rule_id": text(
        "Rule; NULL: any that binds, each home counted once.", nullable=True, references="red_zone_rules.rule_id"
    ),
    "since": integer("Only homes known to stand in this year; NULL: today's.", check=YEAR, nullable=True),
    "homes": integer("Outlines in which people may live; sheds and halls never.", "1", check=NOT_NEGATIVE),
    **statistics("Residents"),
}
BY_YEAR = (
    "What the residents of a year were if homes held as many people as today and none has been torn down since: "
    "today's residents, in homes first seen by that year (buildings.first_seen_year),"
)
SINCE_2016 = {
    "year": integer("Year; of the latest, as far as the product goes.", check=YEAR),
    "product": text("Dataset."),
    "built_m2": number("Area of the cells in which something was built by then.", "m2", check=NOT_NEGATIVE),
}


def built_up() -> dict[str, pa.Column]:
    """Declare the columns of built-up area by epoch."""
    return {
        "year": integer("Epoch.", check=YEAR),
        "product": text("Dataset; series of different products are never mixed."),
        "modelled": flag("True: the epoch is a projection of its producer, not an observation."),
        "built_m2": number(
            "Built-up area; of single settlements low by about a sixth, as outlines cut the raster's cells.",
            "m2",
            check=NOT_NEGATIVE,
        ),
    }


RUN = {
    "version": text("Version of novostroiki."),
    "schema_version": text("Version of the tables (docs/schema.md)."),
    "sources": text("sample, local or live."),
    "licence": text("Licence of the data (SPDX)."),
    "data_year": integer("Latest year that the inputs of the buildings show.", check=YEAR, nullable=True),
}
ANY_SIMULATED = flag("True: at least one area is simulated.")
