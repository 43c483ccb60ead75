"""What the page shows where scripts are off: what it is, and the table of settlements, as plain HTML."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.schema.rounding import round_people
from pipeline.schema.vocabulary import LANGUAGES
from pipeline.wording.texts import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_COLUMNS = ("column.name", "details.status", "column.buildings", "column.residents", "column.unregistered")


def without_script(document: Mapping[str, Any]) -> str:
    """Return HTML without any script: a summary in each language, and one table for all of them.

    Parameters
    ----------
    document
        What the page knows (`payload.page_data`).
    """
    texts = {code: load(code, "map") for code in LANGUAGES}
    settlements = document["settlements"]
    found = sum(settlement["kind"] == "novostroika" for settlement in settlements)
    homes = document["homes"]
    summaries = []
    for code, text in texts.items():
        names = document["area"]["names"]
        lines = [
            *([text("simulated.short"), text("simulated.banner")] if document["area"]["simulated"] else []),
            document["area"]["seen"][code],
            text("summary.settlements", count=found, all=len(settlements)),
            text("summary.homes", count=homes["inZones"], all=homes["all"]),
            text("noscript"),
        ]
        title = text("title", city=names.get(code) or names.get("any") or document["area"]["id"])
        summaries.append(f'<section lang="{code}"><h2>{_text(title)}</h2><p>{_text(" ".join(lines))}</p></section>')
    head = "".join(f"<th>{_text(_each(text(key) for text in texts.values()))}</th>" for key in _COLUMNS)
    rows = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in _cells(row))}</tr>" for row in settlements)
    return f"{''.join(summaries)}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cells(settlement: Mapping[str, Any]) -> list[str]:
    texts = {code: load(code, "map") for code in LANGUAGES}
    names = settlement["names"]
    called = [names[key] for key in ("any", *LANGUAGES) if key in names]
    kind = _each(text(f"settlement_kind.{settlement['kind']}") for text in texts.values())
    status = _each(text(f"status.{settlement['status']}") for text in texts.values())
    year = "" if settlement["statusYear"] is None else f" ({settlement['statusYear']})"
    people = [_range(settlement["population"].get(quantity)) for quantity in ("residents", "unregistered")]
    return [f"{_each(called) or settlement['id']}: {kind}", status + year, str(settlement["buildings"]), *people]


def _range(interval: Mapping[str, Any] | None) -> str:
    """Return an interval as all readers of the page read it."""
    if interval is None:
        return "–"
    p05, _, p50, _, p95 = interval["q"]
    people = round_people(pd.DataFrame({"p05": [p05], "p50": [p50], "p95": [p95]})).iloc[0]
    return load("ru").interval(people["p05"], people["p95"])


def _each(words: Iterable[str]) -> str:
    """Return words without repeats, in their order."""
    return " · ".join(dict.fromkeys(words))


def _text(text: str) -> str:
    return html.escape(text)
