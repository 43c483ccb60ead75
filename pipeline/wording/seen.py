"""How much of a city the inputs see, in one sentence for every product."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any

from pipeline.wording.texts import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


def seen_sentence(area: Mapping[str, Any] | pd.Series, code: str) -> str:
    """Say of which date the inputs are, which share of the people they show, and what the figures are therefore about.

    Parameters
    ----------
    area
        A row of the table `areas`.
    code
        Language of the sentence.
    """
    texts = load(code, "seen")
    year, share, told = _known(area["inputs_year"]), _known(area["people_seen_share"]), str(area["told"])
    inputs = texts("seen.undated") if year is None else texts("seen.inputs", year=str(int(year)))
    if told == "nothing" and share is not None:
        told = "nothing_share"
    values = {} if share is None else {"share": share}
    return texts(f"seen.{told}", inputs=inputs, reason=texts(f"told_reason.{area['told_reason']}"), **values)


def seen_and_mapped(area: Mapping[str, Any] | pd.Series, population: pd.DataFrame, code: str) -> str:
    """Say the same and, where the figures are not about the city, how many people live in what is mapped.

    Parameters
    ----------
    area
        A row of the table `areas`.
    population
        Its row of the table `area_population`, full or public, if there is one.
    code
        Language of the sentences.
    """
    from pipeline.schema.rounding import round_people

    sentence = seen_sentence(area, code)
    if area["told"] == "city" or population.empty:
        return sentence
    texts = load(code, "seen")
    low, _, high = round_people(population, "residents_").iloc[0]
    return f"{sentence} {texts('seen.residents', interval=texts.interval(low, high))}"


def _known(value: object) -> float | None:
    """Return a number of a table, None where it is missing (NULL, NaN, NA)."""
    return float(value) if isinstance(value, Real) and not math.isnan(value) else None
