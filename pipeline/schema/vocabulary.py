"""Every word that tables, tiles, maps, kit and report share: the languages, the codes, and what two of them mean.

A code is what stands in a table. Its words in the languages of the readers are in layers/codes.toml, and nowhere else.
"""

from __future__ import annotations

LANGUAGES = {"en": "English", "ru": "Russian", "ky": "Kyrgyz", "kk": "Kazakh"}
"""Languages of the readers (ISO 639-1), with their English names."""

CODES: dict[str, tuple[str, ...]] = {
    "settlement_kind": ("novostroika", "village", "dacha", "formal", "other", "undetermined"),
    "delineation": ("osm_polygon", "seed_point+cluster", "cluster"),
    "status": ("legal", "mixed", "unresolved", "unknown"),
    "relation": ("same", "split", "merged", "new", "gone"),
    "outcome": ("found", "not found", "not mapped"),
    "founding": ("agrees", "onset earlier", "onset later", "not comparable"),
    "seen_by": ("osm", "satellite", "both"),
    "building_kind": ("house", "apartments", "outbuilding", "non_residential", "unknown"),
    "rule_kind": ("inside", "statutory", "advisory", "proxy"),
    "concern": ("residents", "administrative"),
    "quantity": ("residents", "registered", "unregistered"),
    "drawn": ("residents", "registered", "unregistered", "drawn_kind"),
    "share_prior": ("weak", "wide", "published"),
    "belief": ("prior", "posterior"),
    "evidence": ("local", "national", "none"),
    "comparison": ("inside", "below", "above", "not comparable"),
    "share": ("unreached", "below_10", "up_to_half", "over_half", "all_but_10", "covered", "untold"),
    "public_unit": ("cell", "settlement"),
    "verdict": ("complete", "partial", "sparse", "missing", "unknown"),
    "told": ("city", "unknown", "mapped_part", "nothing"),
    "told_reason": (
        "seen",
        "partly_seen",
        "hardly_seen",
        "few_homes",
        "no_raster",
        "one_source",
        "raster_of_another_time",
        "raster_of_another_boundary",
        "raster_from_these_outlines",
        "published_outside",
    ),
    "people_seen_by": ("population", "built_up", "none"),
    "input": ("osm", "footprints", "built_up", "onset", "tracker", "population", "registered"),
    "measure": (
        "input_given",
        "inhabited_mapped",
        "inhabited_mapped_centre",
        "inhabited_mapped_outskirts",
        "objects_inside",
        "objects_around",
        "share_assumed",
        "seen_by_both",
        "seen_by_osm",
        "seen_by_satellite",
        "unseen_share_p05",
        "unseen_share_p50",
        "unseen_share_p95",
    ),
}
"""The values that each column of codes may hold, in the order in which readers see them."""

SETTLEMENT_KINDS = CODES["settlement_kind"]
*_TOLD, UNDETERMINED = SETTLEMENT_KINDS
TOLD_KINDS = tuple(_TOLD)
"""Kinds that a settlement has a probability of; `UNDETERMINED` is the answer where none is probable enough."""
STATUSES = CODES["status"]
QUANTITIES = CODES["quantity"]
EVIDENCE = CODES["evidence"]
VERDICTS = CODES["verdict"]
SHARES = CODES["share"]
"""Classes in which the public edition says how much of a unit lies in red zones."""
INPUTS = CODES["input"]

REST = "/rest"
"""Ends the place_id of what lies in no settlement of an area."""

HOMES = ("house", "apartments", "unknown")
"""Kinds of building that count as a home: a house, a block of flats, a main building of unknown use."""

BINDING = ("inside", "statutory", "proxy")
"""Kinds of rule that bind; a proxy stands for a law that is not known, and what it says is an assumption.

An advisory rule restricts heights or asks for an agreement: no building stands in a red zone because of it alone."""
