"""The first pages: what was found in each city, how sure that is, what is missing, what would narrow the ranges."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.load.press_kit import texts
from pipeline.load.report.people import Scale, people
from pipeline.schema.vocabulary import SETTLEMENT_KINDS
from pipeline.wording.label_names import settlement_labels
from pipeline.wording.seen import seen_and_mapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.wording.texts import Texts

Row = dict[str, Any]

_LARGEST = 10
_GAPS = 6
"""Sentences about what is missing that the summary has of each city; the annex has them all."""
_NARROWING = 3
_FACTORS = {
    "unregistered": "registration",
    "elsewhere": "registration",
    "settlement": "places",
    "occupancy": "occupancy",
    "flat_occupancy": "occupancy",
    "household": "households",
    "dwellings": "households",
    "apartment": "blocks",
    "block": "blocks",
    "house_levels": "blocks",
    "flat_floor": "blocks",
    "ghost": "departed",
    "register": "departed",
    "precision": "buildings",
    "recall": "buildings",
    "residential": "buildings",
}
"""What one would have to find out about each factor of the estimate, by the beginning of its name; else `model`."""


def cities(tables: Mapping[str, pd.DataFrame], names: Mapping[str, str], words: Texts) -> list[Row]:
    """Return what is told of each city, and of its largest new settlements."""
    whole = tables["area_population"].query("about == 'city'").set_index("area_id")
    scale = Scale.over(whole)
    found = []
    for area in records(tables["areas"]):
        area_id = area["area_id"]
        mine = {name: frame[frame["area_id"] == area_id] for name, frame in tables.items() if "area_id" in frame}
        kinds = Counter(mine["settlements"]["kind"])
        new = mine["settlements"][mine["settlements"]["kind"] == "novostroika"]
        found.append(
            {
                "area_id": area_id,
                "name": names[area_id],
                "simulated": area["simulated"],
                "told": area["told"],
                "seen": seen_and_mapped(area, mine["area_population"], words.code),
                "residents": people(whole, area_id, "residents", scale),
                "unregistered": people(whole, area_id, "unregistered", scale),
                "beliefs": _beliefs(mine["unregistered_shares"], words) if area["told"] == "city" else [],
                "new": len(new),
                "homes": int(new["homes"].sum()),
                "zones": _homes_in_zones(mine["area_exposure"]),
                "kinds": [
                    f"{words(f'settlement_kind.{kind}').lower()}: {words.number(kinds[kind])}"
                    for kind in SETTLEMENT_KINDS
                    if kinds[kind]
                ],
                "named": [
                    f"{words(f'outcome.{outcome}')}: {count}"
                    for outcome, count in sorted(Counter(mine["named_settlements"]["outcome"]).items())
                ],
                "largest": _largest(mine["settlements"], mine["settlement_population"], words),
            }
        )
    return found


def _homes_in_zones(exposure: pd.DataFrame) -> int:
    """Return the homes of an area in zones that bind, each counted once."""
    today = exposure["rule_id"].isna() & exposure["since"].isna()
    return int(exposure.loc[today, "homes"].sum())


def _beliefs(shares: pd.DataFrame, words: Texts) -> list[str]:
    """Return what is believed of the unregistered share before and after the data, as sentences."""
    ranges = {
        (row["prior"], row["state"]): f"{words.percent(row['p05'])}–{words.percent(row['p95'])}"
        for row in records(shares)
    }
    said = []
    if ("weak", "posterior") in ranges and ("wide", "posterior") in ranges:
        values = {
            f"{prior}_{when}": ranges[prior, state]
            for prior in ("weak", "wide")
            for when, state in (("before", "prior"), ("after", "posterior"))
        }
        said.append(words("report.beliefs", **values))
    if ("published", "posterior") in ranges:
        before, after = ranges["published", "prior"], ranges["published", "posterior"]
        said.append(words("report.beliefs.published", before=before, after=after))
    return said


def _largest(settlements: pd.DataFrame, population: pd.DataFrame, words: Texts) -> list[Row]:
    """Return the new settlements with most residents."""
    told = population.set_index("place_id")
    labels = settlement_labels(settlements, words)
    chosen = settlements[(settlements["kind"] == "novostroika") & settlements["settlement_id"].isin(told.index)]
    middles = chosen["settlement_id"].map(told["residents_p50"].to_dict())
    order = chosen.assign(middle=middles).sort_values(["middle", "settlement_id"], ascending=[False, True])
    return [
        {
            "name": texts.clean(labels[row["settlement_id"]]),
            "homes": row["homes"],
            "people": people(told, row["settlement_id"], "residents", Scale(0.0, 1.0)),
            "status": _status(row, words),
            "onset": None if pd.isna(row["onset_year"]) else int(row["onset_year"]),
        }
        for row in records(order.head(_LARGEST))
    ]


def _status(row: Row, words: Texts) -> str:
    status = words(f"status.{row['status']}")
    return status if pd.isna(row["status_year"]) else words("status.year", status=status, year=str(row["status_year"]))


def gaps(missing: list[tuple[str, str]]) -> list[tuple[str, list[str], int]]:
    """Return by city the first sentences of what is missing, and how many more there are."""
    by_city: dict[str, list[str]] = {}
    for city, sentence in missing:
        by_city.setdefault(city, []).append(sentence)
    return [(city, said[:_GAPS], len(said[_GAPS:])) for city, said in by_city.items()]


def narrowing(
    decomposition: Mapping[str, pd.DataFrame], names: Mapping[str, str], words: Texts
) -> list[tuple[str, list[tuple[str, float]]]]:
    """Return for each city and quantity what owns most of the width of its range, with its share."""
    found = []
    for area_id, table in sorted(decomposition.items()):
        for quantity, rows in table.groupby("quantity", sort=True):
            shares = rows.groupby(rows["factor"].map(_group))["share"].sum().sort_values(ascending=False, kind="stable")
            parts = [(words(f"report.factor.{name}"), float(share)) for name, share in shares.head(_NARROWING).items()]
            subject = words(f"quantity.{quantity}").lower()
            found.append((words("report.narrow.row", city=names[area_id], quantity=subject), parts))
    return found


def _group(factor: str) -> str:
    return next((group for start, group in _FACTORS.items() if factor.startswith(start)), "model")


def records(frame: pd.DataFrame) -> list[Row]:
    """Return the rows of a table by column name."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
