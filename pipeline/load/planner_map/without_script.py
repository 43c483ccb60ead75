"""What the page shows where scripts are off: what it is, and the table of settlements, as plain HTML."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.schema.rounding import round_people
from pipeline.schema.vocabulary import LANGUAGES
from pipeline.wording.texts import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.wording.texts import Texts

_COLUMNS = ("column.name", "details.status", "column.homes", "column.residents", "column.unregistered")


def without_script(document: Mapping[str, Any]) -> str:
    """Return HTML without any script: a summary in each language, and one table for all of them.

    Parameters
    ----------
    document
        What the page knows (`payload.page_data`).
    """
    texts = {code: load(code, "map") for code in LANGUAGES}
    settlements = document["settlements"]
    found = any(settlement["kind"] == "novostroika" for settlement in settlements)
    summaries = []
    for code, text in texts.items():
        names = document["area"]["names"]
        lines = [
            *([text("simulated.short"), text("simulated.banner")] if document["area"]["simulated"] else []),
            document["area"]["seen"][code],
            *_counts(document, text),
            text("noscript"),
        ]
        city = names.get(code) or names.get("any") or document["area"]["id"]
        title = text("title" if found else "title.none", city=city)
        summaries.append(f'<section lang="{code}"><h2>{_text(title)}</h2><p>{_text(" ".join(lines))}</p></section>')
    head = "".join(f"<th>{_text(_each(text(key) for text in texts.values()))}</th>" for key in _COLUMNS)
    columns = [_residents(settlements, quantity) for quantity in ("residents", "unregistered")]
    cells = [[*_words(row, texts), *people] for row, *people in zip(settlements, *columns, strict=True)]
    rows = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in cells)
    return f"{''.join(summaries)}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _counts(document: Mapping[str, Any], text: Texts) -> list[str]:
    """Return what was counted, of a city that the inputs show; elsewhere a small count would read as good news."""
    if document["area"]["told"] != "city":
        return []
    settlements, homes = document["settlements"], document["homes"]
    found = sum(settlement["kind"] == "novostroika" for settlement in settlements)
    return [
        text("summary.settlements", count=found, all=len(settlements)),
        text("summary.homes", count=homes["inZones"], all=homes["all"]),
    ]


def _words(settlement: Mapping[str, Any], texts: Mapping[str, Texts]) -> list[str]:
    names = settlement["names"]
    called = [names[key] for key in ("any", *LANGUAGES) if key in names]
    kind = _each(text(f"settlement_kind.{settlement['kind']}") for text in texts.values())
    status = _each(text(f"status.{settlement['status']}") for text in texts.values())
    year = "" if settlement["statusYear"] is None else f" ({settlement['statusYear']})"
    return [f"{_each(called) or settlement['id']}: {kind}", status + year, str(settlement["homes"])]


def _residents(settlements: Sequence[Mapping[str, Any]], quantity: str) -> list[str]:
    """Return the intervals of a quantity as all readers of the page read them."""
    known = {
        number: settlement["population"][quantity]["q"]
        for number, settlement in enumerate(settlements)
        if quantity in settlement["population"]
    }
    quantiles = pd.DataFrame.from_dict(known, orient="index", columns=["p05", "p25", "p50", "p75", "p95"])
    rounded = round_people(quantiles.astype(float))
    ends = zip(known, rounded["p05"].tolist(), rounded["p95"].tolist(), strict=True)
    told = {number: load("ru").interval(low, high) for number, low, high in ends}
    return [told.get(number, "–") for number in range(len(settlements))]


def _each(words: Iterable[str]) -> str:
    """Return words without repeats, in their order."""
    return " · ".join(dict.fromkeys(words))


def _text(text: str) -> str:
    return html.escape(text)
