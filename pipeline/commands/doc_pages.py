"""Pages of the documentation that are made: red zones from their TOML, tables from `tables.py`, architecture from code.

``python -m pipeline.commands.doc_pages docs`` writes them; a test holds that the committed pages are current.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands.architecture_page import architecture_page
from pipeline.commands.inputs_page import inputs_page
from pipeline.declared import catalogue
from pipeline.load.database import VIEWS
from pipeline.schema.public_tables import PUBLIC_TABLES
from pipeline.schema.tables import PRIVATE, TABLES
from pipeline.transform.red_zones.rules import condition
from pipeline.wording.conditions import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pandera.pandas import DataFrameSchema

    from pipeline.declared.catalogue import RedZone, Rule, Selector
    from pipeline.declared.law import Act, Law

_NOTE = "<!-- Written by `python -m pipeline.commands.doc_pages docs`; change the source, not this page. -->"

_RED_ZONES = """# Red zones

One TOML file per hazard class in `layers/red_zones/` drives what is asked of OpenStreetMap, how the zone is drawn, the
distance in each country, the law that is cited, and the colour on the maps. This page is made from those files.

**Verified** means that the metres themselves were seen in a public source (an excerpt of the act, or a report of it).
All other distances are general knowledge of the field: they show where to look, and are not to be cited as the law.
No rule here is a cadastral or legal determination.

Kinds of rule: *inside*, the hazard itself is the zone; *statutory*, an act sets a distance; *advisory*, a height limit
or a duty to ask, no ban on housing; *proxy*, the map shows only a stand-in for the true limit.

Of a country's rules the first whose condition holds applies to an object. Where a measure is unknown, the rule marked
"or … unknown" applies, and the result is marked as assumed; so is a hazard mapped as a point where an area is meant,
and a watercourse without a mapped width.

Distances are measured from the outline of a building to the hazard's edge. Lines get their width first: the tagged
one, or else the half width in the table. Zones are drawn with arcs in steps of 1/8°: an area is too small by less than
a millionth, an outline lies inside the true one by at most 0.6 mm at 1 km.

Colours: each family of classes has one hue. Families differ for every common kind of colour vision, and in grey by
their lightness; the classes of one family are told apart by their labels.

## Adding a class

Drop a file `layers/red_zones/<id>.toml` in; no code changes. `novostroiki check` names what is wrong in it.

- `[[osm]]`: tags that must all hold, as lists of values, `true` (any value) or `false` (absent); several blocks are
  alternatives. `[[exclude]]` has the same form. `attributes` lists the keys that rules and measures need.
- `[shape] way`: `as_mapped` (with `areal = true` where the object covers ground, `width_key` where a tag holds a line's
  width), `runway_strip`, `approach_surface`, `horizontal_surface`.
- `[measures.<name>] way`: `area` (in ha), `quantity` (the largest number of a tag, from `bare_unit` into `unit`),
  `unmapped` (the law asks for it, OpenStreetMap has no tag for it); `title` names it, with its unit, for readers.
- `[coverage_note]`: what is known about how completely OpenStreetMap maps the class. `closed_ground = true`: nobody
  lives on the hazard's own ground, so that a house there that only a satellite shows is doubtful, and counted nowhere.
- `[legal.<country>]`, or `[legal.default]` for every country without one: `act`, an id of `layers/acts.toml`, and
  `article`; `distance_m`, `verified`, and `sensitivity_m` for other distances worth a look. Each is a value for all
  rules, or a table by their variants (`any_other`: the rule without one); a rule without a distance does not hold.
- `[[rules]]`: `kind`; `variant`, `tags` and `when` (ranges of measures without their upper end) for rules about some
  objects only, and a `title` that readers see instead of the tags; `assumed = true` for the one to use where a measure
  is unknown; `half_width_m` for lines.

## Changing a law

A distance of a country is one line: `distance_m` in its `[legal.<country>]`, in the file of the class. What changes in
an act itself (a number, an amendment, its repeal, that somebody has read it) changes in `layers/acts.toml` alone, for
all classes that rest on it; an act is entered there before a rule refers to it, and leaves with its last rule.
"""

_ACTS = """## Acts

Every act is in `layers/acts.toml` once. Titles in Russian are as they are commonly cited, not copied from the acts.
"""

_TABLES = """# Tables

Every table of `novostroiki.duckdb` and of `tables/*.parquet`, made from `pipeline/schema/tables.py`; those of the
public edition are in [public_tables.md](public_tables.md). Geometries are in EPSG:4326 (longitude, latitude); lengths
and areas are measured in the area's projected CRS. Tables marked *private* speak of single houses: they are in the full
edition only. What each version changed is in [schema.md](schema.md); twenty questions with their SQL are in
[questions](questions/README.md).
"""

_PUBLIC = """# Tables of the public edition

Every table of `public/novostroiki.duckdb` and of `public/tables/*.parquet`, made from
`pipeline/schema/public_tables.py`. How they are made safe is in [public.md](public.md).
"""


def red_zones_page(zones: Mapping[str, RedZone]) -> str:
    """Return the page of all hazard classes as Markdown: acts; then tags, geometry, rules, law, coverage."""
    classes = [_class(zone) for zone in zones.values()]
    return "\n".join([_RED_ZONES, _NOTE, "", _overview(zones), _acts(zones), *classes])


def tables_page(head: str, tables: Mapping[str, DataFrameSchema]) -> str:
    """Return the data dictionary of an edition as Markdown: every column with its type, unit and meaning."""
    parts = [head, _NOTE]
    for name, schema in tables.items():
        private = " *Private.*" if name in PRIVATE else ""
        rows = [
            (
                f"`{column}`",
                "text" if str(field.dtype).startswith("str") else str(field.dtype),
                (field.metadata or {}).get("unit", ""),
                "yes" if field.nullable else "",
                field.description or "",
            )
            for column, field in schema.columns.items()
        ]
        key = ", ".join(f"`{column}`" for column in schema.unique or ())
        title = f"\n## {name}\n\n{schema.description}{private} Key: {key}.\n"
        parts += [title, _grid(("column", "type", "unit", "may be NULL", "meaning"), rows)]
    return "\n".join(parts) + "\n"


def _views(folder: Path) -> str:
    """Return the views of an edition, as their own files describe them."""
    files = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql"))]
    told = [found for text in files for found in re.findall(r"COMMENT ON VIEW (\w+) IS '((?:[^']|'')*)';", text)]
    rows = [(f"`{view}`", description.replace("''", "'")) for view, description in told]
    return f"\n## Views of the database\n\n{_grid(('view', 'what it tells'), rows)}\n"


def _overview(zones: Mapping[str, RedZone]) -> str:
    rows = [
        (f"[{zone.title.en}](#{zone.id})", zone.group, zone.concern, _span(zone, "KG"), _span(zone, "KZ"))
        for zone in zones.values()
    ]
    return _grid(("class", "family", "concern", "KG", "KZ"), rows) + "\n"


def _span(zone: RedZone, country: str) -> str:
    metres = sorted({rule.distance_m for rule in zone.rules_for(country)})
    return " / ".join(f"{value:g} m" for value in metres) or "no rule"


def _class(zone: RedZone) -> str:
    titles = " · ".join(name for name in (zone.title.ru, zone.title.ky, zone.title.kk) if name)
    lines = [
        f'## <a id="{zone.id}"></a>{zone.title.en}',
        "",
        f"{titles}. {zone.description.en}",
        "",
        f"- OpenStreetMap: {_selectors(zone.osm)}; as {', '.join(zone.geometry)}",
    ]
    if zone.exclude:
        lines.append(f"- left out: {_selectors(zone.exclude)}")
    lines += [
        f"- edge: {_shape(zone)}",
        f"- coverage: {zone.coverage_note.en if zone.coverage_note else 'not known'}",
        f"- colour: `{zone.colour}`",
        "",
    ]
    rows = [_rule(zone, rule) for rule in zone.rules]
    lines += [_grid(("rule", "applies to", "m", "half width", "kind", "also look at", "verified"), rows), ""]
    lines += [f"- {country}: {_law(law)}" for country, law in zone.legal.items()]
    return "\n".join(lines) + "\n"


def _law(law: Law) -> str:
    cited = f"[{law.reference}](#act-{law.act.id})" if law.act.title else "no act known"
    return f"{cited}{_validity(law.act)}. {law.source}."


def _validity(act: Act) -> str:
    ends = [f"{word} {day}" for word, day in (("from", act.in_force_from), ("to", act.valid_to)) if day]
    return f" ({' '.join(ends)})" if ends else ""


def _acts(zones: Mapping[str, RedZone]) -> str:
    """Return every act once, with the classes that rest on it."""
    used = {act.id: act for zone in zones.values() for law in zone.legal.values() for act in law.acts}
    classes = {
        act_id: [zone.title.en for zone in zones.values() if any(act in law.acts for law in zone.legal.values())]
        for act_id, act in used.items()
    }
    rows = [
        (
            act.country or "any",
            f'<a id="act-{act.id}"></a>' + (f"[{act.citation}]({act.link})" if act.link else act.citation),
            act.title.ru or "",
            ", ".join(classes[act.id]),
            f"{act.read_by}, {act.read_on}" if act.read_by else "nobody yet",
        )
        for act in sorted(used.values(), key=lambda act: (act.country or "~", act.id))
        if act.title
    ]
    return "\n".join([_ACTS, _grid(("country", "act", "title in Russian", "classes", "read by"), rows)]) + "\n"


def _rule(zone: RedZone, rule: Rule) -> tuple[str, ...]:
    return (
        f"`{zone.rule_id(rule)}`",
        in_words(condition(rule)) or "any other" if len(zone.rules_for(rule.country)) > 1 else "all",
        f"{rule.distance_m:g}",
        f"{rule.half_width_m:g} m" if rule.half_width_m else "",
        rule.kind,
        ", ".join(f"{value:g}" for value in rule.sensitivity_m),
        "**yes**" if rule.verified else "no",
    )


def _selectors(selectors: Iterable[Selector]) -> str:
    return " or ".join(f"`{' + '.join(_tag(*item) for item in selector.items())}`" for selector in selectors)


def _tag(key: str, wanted: bool | tuple[str, ...]) -> str:  # noqa: FBT001 - a tag condition, not a flag
    if isinstance(wanted, bool):
        return f"{key}=*" if wanted else f"no {key}"
    return f"{key}={'|'.join(wanted)}"


def _shape(zone: RedZone) -> str:
    values = zone.shape.model_dump(exclude={"way"}, exclude_defaults=True)
    parameters = ", ".join(f"{name} {value:g}" for name, value in values.items() if isinstance(value, float))
    if zone.shape.way != "as_mapped":
        return f"{zone.shape.way.replace('_', ' ')} ({parameters})"
    if values.get("areal"):
        return "the outline; a point or an open line is marked as assumed"
    return f"as mapped, lines by their `{key}`" if (key := values.get("width_key")) else "as mapped"


def _grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    cells = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells)


def write(folder: Path) -> None:
    """Write the pages into a folder."""
    pages = {
        "architecture.md": architecture_page(_NOTE),
        "inputs.md": inputs_page(_NOTE, _grid),
        "red_zones.md": red_zones_page(catalogue.default().red_zones),
        "tables.md": tables_page(_TABLES, TABLES) + _views(VIEWS),
        "public_tables.md": tables_page(_PUBLIC, PUBLIC_TABLES) + _views(VIEWS / "public"),
    }
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
