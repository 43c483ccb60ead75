"""Writes the report and the start page: one file a language that asks for nothing, and one page that links them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from pipeline.base.resources import resource
from pipeline.load import parquet
from pipeline.load.press_kit import texts
from pipeline.load.report import annex, summary
from pipeline.load.report.countries import countries
from pipeline.load.theme import stylesheet
from pipeline.schema.tables import TABLES
from pipeline.schema.vocabulary import LANGUAGES
from pipeline.wording import licences
from pipeline.wording.texts import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from pipeline.load.report.summary import Row
    from pipeline.schema.provenance import Notice
    from pipeline.wording.texts import Texts

_READ = (
    "areas",
    "runs",
    "settlements",
    "named_settlements",
    "area_population",
    "settlement_population",
    "population_draws",
    "unregistered_shares",
    "area_built_up",
    "area_built_up_since_2016",
    "area_exposure",
    "hazards",
    "red_zone_rules",
    "red_zone_overlaps",
    "completeness",
    "validation",
    "sources",
)
_FILES = {code: "report.html" if code == "en" else f"report.{code}.html" for code in LANGUAGES}


def build(
    folder: Path,
    tables_dir: Path,
    *,
    notices: Sequence[Notice] = (),
    decomposition: Mapping[str, pd.DataFrame] | None = None,
) -> None:
    """Write the report of a run in four languages, and the start page.

    Parameters
    ----------
    folder
        Where to write `report.html` (English), `report.<language>.html` and `index.html`: beside `maps/`, `public/`
        and `manifest.json`, to which they link.
    tables_dir
        Folder of the full edition's `<table>.parquet`.
    notices
        What was noticed while reading.
    decomposition
        By area: which factor owns which share of the variance (columns `quantity`, `factor`, `share`).
    """
    tables = {name: parquet.read(tables_dir / f"{name}.parquet", TABLES[name]) for name in _READ}
    environment = _environment()
    languages = {code: load(code, "embed", "completeness", "report") for code in LANGUAGES}
    cities = {
        code: summary.cities(tables, _city_names(tables["areas"], code), words) for code, words in languages.items()
    }
    for code, file in _FILES.items():
        page = _report(environment, tables, notices, decomposition or {}, cities[code], languages[code])
        _write(folder / file, page)
    _write(folder / "index.html", _start(environment, tables, cities, languages))


def _report(  # noqa: PLR0913, PLR0917 - all that a report tells, and in which language
    environment: jinja2.Environment,
    tables: Mapping[str, pd.DataFrame],
    notices: Sequence[Notice],
    decomposition: Mapping[str, pd.DataFrame],
    cities: Sequence[Row],
    words: Texts,
) -> str:
    names = _city_names(tables["areas"], words.code)
    measured = annex.completeness(tables["completeness"], names, words)
    missing = annex.missing(measured)
    verdicts = tables["validation"]["verdict"]
    told = set(tables["areas"].query("told == 'city'")["area_id"])
    simulated = [names[area_id] for area_id in tables["areas"].query("simulated")["area_id"]]
    environment.filters["people"] = words.number
    return environment.get_template("report.html.j2").render(
        style=_style(words("report.simulated.page") if simulated else ""),
        t=words,
        languages={code: load(code)(f"language.{code}") for code in LANGUAGES},
        files=_FILES,
        run=(run := tables["runs"].iloc[0].to_dict()),
        licence=licences.sentence(words, "report.manifest", run["licence"], file="manifest.json"),
        simulated=", ".join(simulated),
        title=words("report.title", cities=", ".join(names.values())),
        cities=cities,
        # Of a city without a total there is no range to narrow.
        narrowing=summary.narrowing({key: rows for key, rows in decomposition.items() if key in told}, names, words),
        gaps=summary.gaps(missing),
        zones=annex.zones(tables, names, words),
        # Series of two products stand side by side, never spliced.
        growth=[
            *annex.growth(tables["area_built_up"], names, words),
            *annex.growth(tables["area_built_up_since_2016"].assign(modelled=False), names, words),
        ],
        missing=missing,
        completeness=measured,
        checks=annex.checks(tables["validation"], names, words),
        comparable=int((verdicts != "not comparable").sum()),
        agreed=int((verdicts == "inside").sum()),
        notices=annex.notices(notices),
        sources=annex.with_city(tables["sources"].sort_values(["area_id", "source_id"]), names),
    )


def _start(
    environment: jinja2.Environment,
    tables: Mapping[str, pd.DataFrame],
    cities: Mapping[str, Sequence[Row]],
    languages: Mapping[str, Texts],
) -> str:
    """Return the page that links everything; every text in four languages, one of which shows."""
    licence = tables["runs"]["licence"].iloc[0]
    names = {code: _city_names(tables["areas"], code) for code in LANGUAGES}
    areas = summary.records(tables["areas"].drop(columns="geometry"))
    people = {code: {city["area_id"]: city for city in told} for code, told in cities.items()}
    return environment.get_template("start.html.j2").render(
        style=_style(""),
        languages=languages,
        labels={code: words(f"language.{code}") for code, words in languages.items()},
        files=_FILES,
        names=names,
        areas=areas,
        people=people,
        countries=countries(tables["areas"], tables["population_draws"]),
        simulated=bool(tables["areas"]["simulated"].any()),
        licences={code: licences.sentence(words, "start.licence", licence) for code, words in languages.items()},
        script=Markup(resource("maps", "report", "start.js").read_text(encoding="utf-8")),  # noqa: S704 - ours
    )


def _city_names(areas: pd.DataFrame, code: str) -> dict[str, str]:
    """Return what each city is called in a language."""
    return {
        row["area_id"]: texts.clean(row[f"name_{code}"] if isinstance(row[f"name_{code}"], str) else row["name"])
        for row in summary.records(areas.drop(columns="geometry"))
    }


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource("maps", "report")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )


def _style(every_page: str) -> Markup:
    """Return the style sheet; `every_page` stands at the foot of every printed page."""
    own = resource("maps", "report", "report.css").read_text(encoding="utf-8")
    foot = f'@page {{ @bottom-left {{ content: "{every_page}"; }} }}\n' if every_page else ""
    return Markup(stylesheet() + own + foot)  # noqa: S704 - written by us


def _write(path: Path, html: str) -> None:
    path.write_text(html, encoding="utf-8", newline="\n")
