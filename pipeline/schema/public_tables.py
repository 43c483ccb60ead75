"""The tables of the public edition: aggregates only. `load.public_edition.disclosure` tells how they are made safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.schema.columns import (
    ABOUT,
    ANY_SIMULATED,
    AREA,
    NEAR,
    NOT_NEGATIVE,
    RUN,
    SEEN,
    SETTLEMENT,
    WHO,
    YEAR,
    basis,
    built_up,
    code,
    flag,
    geometry,
    integer,
    names,
    number,
    table,
    text,
)
from pipeline.schema.tables import TABLES
from pipeline.schema.vocabulary import QUANTITIES

if TYPE_CHECKING:
    import pandera.pandas as pa


def _rounded(of: str, prefix: str = "") -> dict[str, pa.Column]:
    return {
        f"{prefix}p05": number(
            f"{of}: lower end of the 90 % interval, rounded down to 50, 100 or 1,000; NULL: fewer than 50 people.",
            "person",
            nullable=True,
        ),
        f"{prefix}p50": number(f"{of}: median, rounded likewise; NULL likewise.", "person", nullable=True),
        f"{prefix}p95": number(f"{of}: upper end, rounded up; NULL likewise.", "person", nullable=True),
    }


_PUBLIC_PEOPLE = {
    **{name: column for q in QUANTITIES for name, column in _rounded(WHO[q], f"{q}_").items()},
    **basis(),
    "year": integer("Year of the inputs.", check=YEAR, nullable=True),
}
_PUBLIC_BUILT_UP = {
    **{name: column for name, column in built_up().items() if name != "built_m2"},
    "built_ha": number("Built-up area, rounded to 0.1 ha.", "ha", check=NOT_NEGATIVE),
}

PUBLIC_TABLES: dict[str, pa.DataFrameSchema] = {
    one.name: one
    for one in (
        table(
            "notice",
            "What this file is for, and what it is not.",
            "language",
            language=text("ISO 639-1 code."),
            impact_note=text("What may be done with these figures, and what harm they could do."),
            disclaimer=text("What these figures are not."),
        ),
        table(
            "areas",
            "One row per area (city); counts rounded to 5.",
            "area_id",
            area_id=text("Identifier of the area."),
            country=text("ISO 3166-1 alpha-2 code."),
            name=text("Name in English."),
            **names("Name"),
            buildings=integer("Buildings, rounded to 5.", "1", check=NOT_NEGATIVE),
            settlements=integer("Settlements shown here.", "1", check=NOT_NEGATIVE),
            settlements_withheld=integer("Settlements too small to be shown.", "1", check=NOT_NEGATIVE),
            cells=integer("Grid cells shown here.", "1", check=NOT_NEGATIVE),
            cells_withheld=integer("Grid cells with too few homes or people to be shown.", "1", check=NOT_NEGATIVE),
            simulated=flag("True: the inputs were simulated; nothing here describes the real city."),
            **SEEN,
            geometry=geometry("The area as a polygon."),
        ),
        table(
            "settlements",
            "One row per settlement of at least 100 homes.",
            "settlement_id",
            settlement_id=text("Identifier in the public edition: tells neither place nor rank."),
            area_id=AREA,
            name=text("Best-known name; NULL: none known.", nullable=True),
            **names("Name"),
            **NEAR,
            kind=code("Class with the highest score.", "settlement_kind"),
            status=code("Registration status as published.", "status"),
            status_year=integer("Year that the status refers to.", check=YEAR, nullable=True),
            status_source=text("Who says so.", nullable=True),
            onset_year=integer("First year with a tenth of today's built-up area.", check=YEAR, nullable=True),
            buildings=integer("Buildings, rounded to 5.", "1", check=NOT_NEGATIVE),
            geometry=geometry("Grid cells that hold it; NULL: they are too thinly built to be shown.", nullable=True),
        ),
        table(
            "grid",
            "One row per 500 m cell with at least 10 homes and 50 residents (equal-area grid of each area).",
            "cell_id",
            cell_id=text("Identifier: area, column and row of the grid."),
            area_id=AREA,
            buildings=integer("Buildings, rounded to 5.", "1", check=NOT_NEGATIVE),
            **_rounded("Residents"),
            kind=code("Class of the settlements in which most of its homes stand.", "settlement_kind"),
            share_residents=code("How many of its homes stand in zones that protect residents from a hazard.", "share"),
            share_administrative=code("How many of its homes stand inside administrative limits.", "share"),
            geometry=geometry("The cell."),
        ),
        table(
            "area_population",
            "People of each area as far as its inputs show them: 90 % intervals.",
            "area_id",
            area_id=AREA,
            about=ABOUT,
            **_PUBLIC_PEOPLE,
        ),
        table(
            "settlement_population",
            "People of each settlement shown here: 90 % intervals. Quantiles do not add up.",
            "settlement_id",
            settlement_id=SETTLEMENT,
            area_id=AREA,
            **_PUBLIC_PEOPLE,
        ),
        table(
            "area_built_up",
            "Built-up area of each area and epoch.",
            "area_id year product",
            area_id=AREA,
            **_PUBLIC_BUILT_UP,
        ),
        table(
            "settlement_built_up",
            "Built-up area of each settlement shown here and epoch.",
            "settlement_id year product",
            settlement_id=SETTLEMENT,
            area_id=AREA,
            **_PUBLIC_BUILT_UP,
        ),
        table(
            "red_zones",
            "One row per settlement and rule whose zone reaches into it.",
            "settlement_id rule_id",
            area_id=AREA,
            settlement_id=SETTLEMENT,
            rule_id=text("Rule.", references="red_zone_rules.rule_id"),
            hazard_class=text("Class of the hazard."),
            share=code("How many of its homes stand within the rule's distance.", "share"),
            assumed=flag("True: at least one of the hazards lacks a tag, and an assumption was used."),
        ),
        table(
            "sources",
            "One row per input: where the figures come from.",
            "source_id",
            source_id=text("Identifier of the input: dataset, area, running number."),
            area_id=AREA,
            dataset=text("Dataset, as in the catalogue of sources."),
            version=text("Version, release, epoch or date of the data."),
            licence=text("Licence of the data."),
            attribution=text("Attribution that the licence asks for."),
            simulated=flag("True: written by the simulator."),
        ),
        TABLES["red_zone_rules"],
        TABLES["completeness"],
        table(
            "runs",
            "The run that made this file.",
            "run_id",
            run_id=text("Identifier: a digest of configuration, inputs, code and the release that it follows."),
            **RUN,
            simulated=ANY_SIMULATED,
        ),
        TABLES["dictionary"],
        TABLES["codes"],
        TABLES["citation"],
    )
}
