"""The generated tables of docs/method.md: written anew and found equal, or the page is out of date."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.declared import facts
from pipeline.transform import population

PAGE = Path(__file__).parents[2] / "docs" / "method.md"
AREAS = {"bishkek": "KG", "osh": "KG", "almaty": "KZ", "astana": "KZ"}
VISITED = (0, 3, 30, 300, 3000)


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def priors() -> str:
    rows = []
    for prior in facts.priors().astype(object).fillna("").itertuples():
        spread = prior.a if prior.family == "constant" else f"{prior.a:g}, {prior.b:g}"
        case = [prior.area_id or prior.country, prior.kind, prior.status, prior.season]
        cells = (f"{prior.low:g} to {prior.high:g}", prior.unit, prior.evidence, "yes" if prior.verified else "no")
        holds = " ".join(filter(None, case)) or "any"
        rows.append((f"`{prior.parameter}`", holds, f"{prior.family} {spread}", *cells, prior.source))
    header = ("parameter", "holds for", "distribution", "range", "unit", "evidence", "verified", "source")
    return table(header, rows)


def city() -> tuple[pd.DataFrame, pd.DataFrame]:
    new = [f"new {n:02}" for n in range(20)]
    house = {"kind": "house", "footprint_m2": 90.0, "levels": np.nan}
    block = {"kind": "apartments", "footprint_m2": 700.0, "levels": 5.0}
    strata = [*((name, house, 500) for name in new), ("formal", house, 300), ("formal", block, 60)]
    frames = [
        pd.DataFrame({"settlement_id": name, **columns}, index=range(count)).assign(
            seen_by=np.array(["both", "satellite", "osm", "both", "satellite"])[np.arange(count) % 5]
        )
        for name, columns, count in strata
    ]
    tags = {tag: pd.Series(dtype="str") for tag in ("building", "amenity", "shop")}
    houses = pd.concat(frames, ignore_index=True).assign(**tags)
    names = [*new, "formal"]
    kinds = ["novostroika"] * len(new) + ["formal"]
    places = pd.DataFrame({"settlement_id": names, "name": names, "kind": kinds, "status": "unknown", "area_m2": 3e5})
    return houses, places


def estimate(area: str, survey: pd.DataFrame | None = None) -> population.Population:
    houses, places = city()
    return population.estimate(
        houses, places, area, AREAS[area], priors=facts.priors(), draws=10_000, seed=1, season="winter", survey=survey
    )


def sensitivity() -> str:
    shares = pd.concat([estimate(area).decomposition for area in AREAS])
    wide = shares.pivot_table(values="share", index="factor", columns=["area_id", "quantity"], fill_value=0)
    wide = wide.loc[wide.max(axis=1) >= 0.01]
    columns = [(area, quantity) for quantity in ("residents", "unregistered") for area in AREAS]
    order = wide[columns].sum(axis=1).sort_values(ascending=False, kind="stable").index
    rows = [
        (f"`{name}`", *(f"{wide.loc[name, column].item():.0%}" for column in columns)) for name in order.astype(str)
    ]
    return table(("factor", *(f"{quantity}, {area}" for area, quantity in columns)), rows)


def survey() -> str:
    places = [f"new {n:02}" for n in range(20)]
    rows = []
    for houses in VISITED:
        one = pd.DataFrame({"settlement": places[:1], "houses": [houses], "persons": [round(houses * 5.06)]})
        each = houses // len(places)
        spread = pd.DataFrame({"settlement": places, "houses": each, "persons": round(each * 5.06)})
        cells = [ratio(given if houses else None) for given in (one, spread if each else None)]
        rows.append((f"{houses:,}", cells[0], cells[1] if each or not houses else "not possible"))
    return table(("houses visited", "in one settlement", "spread over twenty"), rows)


def ratio(given: pd.DataFrame | None) -> str:
    rows = estimate("bishkek", given).rows
    row = rows[rows["settlement_id"].isna() & rows["main"] & (rows["quantity"] == "residents")].iloc[0]
    return f"{row['p95'] / row['p05']:.2f}"


def test_the_tables_of_the_method_are_current() -> None:
    """Writes the page anew; if that changes it, the test fails once, and the new page is to be committed."""
    before = PAGE.read_text(encoding="utf-8")
    page = before
    for name, write in (("priors", priors), ("sensitivity", sensitivity), ("survey", survey)):
        mark = f"<!-- generated: {name} -->\n"
        head, rest = page.split(mark)
        page = f"{head}{mark}\n{write()}\n\n{rest[rest.index('<!-- end -->') :]}"
    PAGE.write_text(page, encoding="utf-8")
    assert page == before, "docs/method.md was out of date and has been written anew; commit it."


def test_every_parameter_is_explained() -> None:
    page = PAGE.read_text(encoding="utf-8")
    model = page[: page.index("<!-- generated: priors -->")]
    others = {"net_to_gross", "house_levels", "living_space", "density", "raster_error"}
    missing = {name for name in facts.priors()["parameter"] if f"`{name}`" not in model} - others
    assert not missing
