"""The sentences of a kit in one language: headline, description, caption, notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.declared import catalogue
from pipeline.schema.provenance import UNSTATED
from pipeline.wording import licences

if TYPE_CHECKING:
    from pipeline.load.press_kit.figures import Interval, Kit
    from pipeline.wording.texts import Texts


@dataclass(frozen=True)
class Words:
    """What stands around the graphic."""

    headline: str
    deck: str
    seen: str
    alt: str
    caption: str
    sources: str
    licence: str
    withheld: str
    growth_note: str


def compose(kit: Kit, texts: Texts) -> Words:
    """Compose the sentences about an area; where registration is unknown, the headline does not speak of it."""
    city = kit.names[texts.code]
    people = kit.unregistered
    if people is None:
        headline, deck = texts("headline.plain", city=city), texts("deck.plain")
    else:
        headline, deck = _unregistered(people, city, texts)
    made_up = [texts("source.simulated")] if kit.simulated else []
    listed = ", ".join([texts("source.unstated") if one == UNSTATED else one for one in kit.sources] + made_up)
    sources = (
        texts("sources.plain", sources=listed)
        if kit.year is None
        else texts("sources", sources=listed, year=str(kit.year))
    )
    return Words(
        headline=headline,
        deck=deck,
        seen=kit.seen[texts.code],
        alt=" ".join([texts("alt", city=city, summary=_largest(kit, texts)).strip(), kit.seen[texts.code]]),
        caption=texts(
            "caption",
            city=city,
            simulated=f"{texts('simulated')} " if kit.simulated else "",
            disclaimer=texts("disclaimer"),
            sources=f"{kit.seen[texts.code]} {sources}",
        ),
        sources=sources,
        licence=licences.sentence(texts, "licence", kit.licence),
        withheld=texts("withheld", **kit.counts),
        growth_note=_growth_note(kit, texts),
    )


def _growth_note(kit: Kit, texts: Texts) -> str:
    """Return whose series the columns are; what is dashed is told where something is."""
    if kit.growth.empty:
        return ""
    key = "growth.note" if kit.growth["modelled"].any() else "growth.source"
    return texts(key, product=_title(kit.growth["product"].iloc[0]))


def _unregistered(people: Interval, city: str, texts: Texts) -> tuple[str, str]:
    """Return headline and deck; both ends of the range stand in the headline, also where the lower one is nobody."""
    if people.low > 0:
        headline = texts("headline", city=city, interval=texts.interval(people.low, people.high))
    else:
        headline = texts("headline.from_none", city=city, high=people.high)
    return headline, texts("deck", middle=people.middle, evidence=texts(f"evidence.{people.evidence}"))


def _largest(kit: Kit, texts: Texts) -> str:
    first = next(iter(kit.largest_new), None)
    if first is None or first.residents is None:
        return texts("settlements.none")
    interval = texts.interval(first.residents.low, first.residents.high)
    return texts("alt.summary", name=first.names[texts.code], interval=interval)


def _title(product: str) -> str:
    """Return the name of a dataset as its provider writes it."""
    known = catalogue.default().sources.get(product)
    return known.title if known is not None else product
