"""How much of a city the inputs see, in one sentence for every product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.schema.rounding import round_people
from pipeline.schema.vocabulary import MAPPED
from pipeline.wording.texts import load

if TYPE_CHECKING:
    from collections.abc import Mapping


def seen_sentence(area: Mapping[str, Any] | pd.Series, population: pd.DataFrame, code: str) -> str:
    """Say of which date the inputs are, which share of the people they show, and what the figures are therefore about.

    Parameters
    ----------
    area
        A row of the table `areas`.
    population
        Rows of the table `population`: of a city that is shown in part, the residents of that part are said too.
    code
        Language of the sentence.
    """
    texts = load(code, "seen")
    year, share, told = area["inputs_year"], area["people_seen_share"], str(area["told"])
    inputs = texts("seen.undated") if pd.isna(year) else texts("seen.inputs", year=str(int(year)))
    if told == "nothing" and not pd.isna(share):
        told = "nothing_share"
    known = {} if pd.isna(share) else {"share": float(share)}
    sentence = texts(f"seen.{told}", inputs=inputs, reason=texts(f"told_reason.{area['told_reason']}"), **known)
    mapped = population[population["settlement_id"] == str(area["area_id"]) + MAPPED]
    if mapped.empty:
        return sentence
    low, _, high = round_people(mapped[["p05", "p50", "p95"]]).iloc[0]
    return f"{sentence} {texts('seen.residents', interval=texts.interval(low, high))}"
