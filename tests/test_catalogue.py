"""The layers as they ship, and what a planner may get wrong in one."""

from __future__ import annotations

import itertools
import re
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipeline.declared import catalogue
from pipeline.errors import ConfigError
from pipeline.transform.red_zones.rules import rules_table

if TYPE_CHECKING:
    import pandas as pd

CATALOGUE = catalogue.default()
ZONES = CATALOGUE.red_zones
EXPECTED = [
    "landfill",
    "cemetery",
    "animal_burial",
    "aerodrome",
    "runway_strip",
    "approach_surface",
    "horizontal_surface",
    "military",
    "power_plant",
    "ash_dump",
    "gas_distribution",
    "gas_trunk",
    "gas_station",
    "power_line",
    "substation",
    "railway",
    "sewage_works",
    "tailings",
    "water_strip",
    "water_zone",
    "wetland",
    "fault",
    "heritage",
    "protected_nature",
    "road_corridor",
]

LAYERS = Path(__file__).parent.parent / "layers"
LAST = '[[rules]]\nkind = "statutory"'

LAYER = """
id = "kiln"
geometry = ["polygon"]
group = "waste"
concern = "residents"
colour = "#a0a0a0"
attributes = ["fuel", "disused"]

[title]
en = "Brick kiln"

[description]
en = "Smoke."

[[osm]]
man_made = ["kiln"]

[measures.area_ha]
way = "area"
unit = "ha"

[legal.KG]
act = "kg_air"
distance_m = { closed = 20, any_other = 200 }

[legal.default]
act = "custom"
distance_m = 100

[[rules]]
variant = "closed"
kind = "statutory"
tags = [{ disused = ["yes"] }]

[[rules]]
kind = "statutory"
"""

ACTS = """
[kg_air]
country = "KG"
title.en = "Law on air"
number = "No. 7"
signed = 1999-06-12
registered = "81"
amended = "as amended in 2020"
seen = "Nowhere yet"

[custom]
seen = "General knowledge"
"""


def load(folder: Path, text: str, acts: str = ACTS) -> catalogue.Catalogue:
    red_zones = folder / "red_zones"
    red_zones.mkdir()
    (red_zones / "kiln.toml").write_text(text, encoding="utf-8")
    (folder / "acts.toml").write_text(acts, encoding="utf-8")
    return catalogue.load(folder)


def test_every_promised_class_is_there() -> None:
    assert set(EXPECTED) <= set(ZONES)


@pytest.mark.parametrize("name", ZONES)
def test_every_class_speaks_four_languages_and_says_how_it_is_mapped(name: str) -> None:
    zone = ZONES[name]
    measures = [measure.title for measure in zone.measures.values()]
    objects = [rule.title for rule in zone.rules if rule.tags]
    for names in (zone.title, zone.description, zone.coverage_note, *measures, *objects):
        assert names is not None
        assert all((names.en, names.ru, names.ky, names.kk))
    forbidden = re.compile(r"illegal|squat|slum|нелегал|самоза|незакон|мыйзамсыз|заңсыз", re.IGNORECASE)
    assert not forbidden.search(zone.model_dump_json())


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("country", ["KG", "KZ", "UZ"])
def test_ranges_of_a_country_leave_no_gap(name: str, country: str) -> None:
    rules = ZONES[name].rules_for(country)
    for measure in ZONES[name].measures:
        ranges = sorted(rule.when[measure] for rule in rules if measure in rule.when and not rule.tags)
        assert all(low[1] >= high[0] for low, high in itertools.pairwise(ranges))
        if ranges:
            assert (ranges[0][0], ranges[-1][1]) == (0, np.inf) or name == "power_plant"
            assert any(rule.assumed for rule in rules if measure in rule.when)


def test_only_what_was_seen_is_verified() -> None:
    verified = {zone.id for zone in ZONES.values() for rule in zone.rules if rule.verified}
    assert verified == {"gas_easement", "water_strip", "water_zone"}
    assert {rule.country for zone in ZONES.values() for rule in zone.rules if rule.verified} == {"KZ"}


def test_both_countries_and_the_default_have_rules() -> None:
    for zone in ZONES.values():
        if zone.id != "gas_easement":
            assert all(zone.rules_for(country) for country in ("KG", "KZ", "UZ")), zone.id


def test_extraction_looks_as_far_as_the_farthest_zone() -> None:
    assert CATALOGUE.reach_m >= 60 + 15_000
    assert CATALOGUE.reach_m >= max(rule.reach_m for zone in ZONES.values() for rule in zone.rules)


@pytest.mark.parametrize(
    ("tags", "classes"),
    [
        ({"landuse": "landfill"}, {"landfill"}),
        ({"landuse": "landfill", "landfill:waste": "ash"}, {"ash_dump"}),
        ({"amenity": "waste_disposal"}, set()),
        ({"power": "plant", "plant:source": "coal;gas"}, {"power_plant"}),
        ({"power": "plant", "plant:source": "solar"}, set()),
        ({"man_made": "pipeline", "substance": "gas"}, {"gas_distribution"}),
        ({"man_made": "pipeline", "substance": "gas", "usage": "transmission"}, {"gas_trunk", "gas_easement"}),
        ({"man_made": "pipeline", "substance": "water"}, set()),
        ({"power": "line", "voltage": "110000"}, {"power_line"}),
        ({"power": "line", "location": "underground"}, set()),
        ({"waterway": "canal"}, {"water_strip", "water_zone"}),
        ({"waterway": "ditch"}, set()),
        ({"waterway": "river", "tunnel": "culvert"}, set()),
        ({"railway": "rail", "tunnel": "yes"}, set()),
        ({"aeroway": "runway"}, {"runway_strip", "approach_surface", "horizontal_surface"}),
    ],
)
def test_objects_fall_in_their_classes(tags: dict[str, str], classes: set[str]) -> None:
    assert {name for name, zone in ZONES.items() if zone.matches(tags)} == classes


def test_a_planner_adds_a_class_by_dropping_in_a_file(tmp_path: Path) -> None:
    zone = load(tmp_path, LAYER).red_zones["kiln"]
    assert zone.matches({"man_made": "kiln"})
    assert [zone.rule_id(rule) for rule in zone.rules_for("KG")] == ["KG.kiln.closed", "KG.kiln"]
    assert [rule.distance_m for rule in zone.rules_for("KG")] == [20, 200]
    assert [zone.rule_id(rule) for rule in zone.rules_for("KZ")] == ["default.kiln.closed", "default.kiln"]
    assert [rule.distance_m for rule in zone.rules_for("KZ")] == [100, 100]


def test_a_rule_cites_its_act(tmp_path: Path) -> None:
    text = LAYER.replace('act = "kg_air"', 'act = "kg_air"\narticle = "art. 3"')
    laws = load(tmp_path, text).red_zones["kiln"].legal
    assert laws["KG"].reference == "Law on air, No. 7 of 1999-06-12, reg. 81, as amended in 2020, art. 3"
    assert (laws["KG"].source, laws["KG"].act.in_force_from) == ("Nowhere yet", date(1999, 6, 12))
    assert (laws["default"].reference, laws["default"].source) == ("", "General knowledge")


@pytest.mark.parametrize(
    ("layer", "acts", "complaint"),
    [
        (('"kg_air"', '"kg_smoke"'), None, "kiln.toml: legal.KG.act = 'kg_smoke' is no act of acts.toml"),
        (('"custom"', '"kg_air"'), None, "[legal.default] refers to kg_air, an act of KG"),
        (('act = "custom"', 'act = "custom"\ndistances_after = "kg_air"'), None, "an act of KG"),
        (('act = "kg_air"\n', ""), None, "legal.KG.act"),
        (('"kg_air"', '["kg_air"]'), None, "is no act of acts.toml"),
        (None, ("[custom]", '[idle]\nseen = "Here"\n\n[custom]'), "acts.toml: no rule refers to idle"),
        (None, ('country = "KG"', 'country = "KG"\nyear = 1999'), "acts.toml: kg_air.year: is not a key"),
        (None, ('country = "KG"', 'country = "KG"\nread_by = "A lawyer"'), "read_by and read_on go together"),
        (None, ("[custom]", '[custom]\nnumber = "No. 8"'), "an act has a title"),
        (None, ("[kg_air]", "[kg air]"), "cannot be read as TOML"),
    ],
)
def test_mistakes_about_acts_are_named(
    tmp_path: Path, layer: tuple[str, str] | None, acts: tuple[str, str] | None, complaint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, LAYER.replace(*layer) if layer else LAYER, ACTS.replace(*acts) if acts else ACTS)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('id = "kiln"', 'id = "oven"', "differs from the file's name"),
        ('kind = "statutory"', 'kind = "statutory"\ncolor = "red"', "color: is not a key that exists here"),
        ("distance_m = 100", "distance_m = -1", "distance_m"),
        ("distance_m = 100", "distance_m = 100\nsensitivity_m = [9, 3]", "ascending"),
        ("distance_m = 100", "distance_m = 100\nverified = true", "names no act"),
        ("distance_m = 100", "distance_m = { any_other = 100 }\nverified = { closed = true }", "names no act"),
        (LAST, f"{LAST}\nwhen = {{ width_m = [0, 1] }}", "width_m"),
        (LAST, f"{LAST}\nwhen = {{ area_ha = [5, 1] }}", "low < high"),
        (LAST, f"{LAST}\nassumed = true", "assumed"),
        (LAST, f'{LAST}\ntags = [{{ smoke = ["yes"] }}]', "smoke"),
        ("distance_m = 100", "distance_m = { open = 100 }", "[legal.default] names open"),
        ("distance_m = { closed = 20, any_other = 200 }", "distance_m = { closed = -20 }", "legal.KG.distance_m"),
        ('variant = "closed"', 'variant = "any_other"', "has no variant"),
        (LAST, f'{LAST}\nvariant = "vast"', "any_other"),
        ('way = "area"', 'way = "guess"', "measures"),
        ('way = "area"\nunit = "ha"', 'way = "quantity"\nkey = "fuel"\nunit = "kV"\nbare_unit = "mm"', "dimension"),
        ("[measures.area_ha]", '[shape]\nway = "cone"\n\n[measures.area_ha]', "shape"),
        (LAST, f'{LAST}\n\n[[rules]]\nkind = "proxy"', "exists twice"),
        ('colour = "#a0a0a0"', 'colour = "grey"', "colour"),
    ],
)
def test_mistakes_in_a_layer_are_named(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in LAYER
    text = LAYER.replace(old, new)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert complaint in str(caught.value)
    assert "kiln.toml" in str(caught.value)


def test_a_rule_that_no_country_has_a_distance_for_is_an_error(tmp_path: Path) -> None:
    text = LAYER.replace("closed = 20, any_other = 200", "any_other = 200").replace("= 100", "= { any_other = 100 }")
    with pytest.raises(ConfigError, match="no country has a distance for the rule closed"):
        load(tmp_path, text)


def changed_rows(root: Path, name: str, old: str, new: str) -> pd.DataFrame:
    """Change one line of one file in a copy of the layers, and return the rows of the rule table that this changed."""
    shutil.copytree(LAYERS, root)
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    assert "\n" not in old + new
    path.write_text(text.replace(old, new), encoding="utf-8")
    before, after = (rules_table(zones).fillna("") for zones in (ZONES, catalogue.load(root).red_zones))
    assert list(before["rule_id"]) == list(after["rule_id"])
    return after[(after != before).any(axis=1)]


@pytest.mark.parametrize(
    ("rule_id", "old", "new"),
    [
        ("KG.landfill", "distance_m = 500", "distance_m = 750"),
        ("KZ.heritage", "distance_m = 40", "distance_m = 60"),
    ],
)
def test_a_changed_national_distance_touches_one_line(tmp_path: Path, rule_id: str, old: str, new: str) -> None:
    rows = changed_rows(tmp_path / "layers", f"red_zones/{rule_id.split('.')[1]}.toml", old, new)
    assert list(rows["rule_id"]) == [rule_id]
    assert list(rows["distance_m"]) == [float(new.split(" = ")[1])]


def test_a_changed_act_touches_one_line(tmp_path: Path) -> None:
    rows = changed_rows(tmp_path / "layers", "acts.toml", "No. 689 of 2023-12-21", "No. 12 of 2026-10-01")
    assert set(rows["hazard_class"]) == {
        name for name, zone in ZONES.items() if "KG" in zone.legal and zone.legal["KG"].act.id == "kg_sanitary_zones"
    }
    assert set(rows["country"]) == {"KG"}
    assert len(set(rows["hazard_class"])) == 7
    assert rows["legal_reference"].str.contains("as amended up to No. 12 of 2026-10-01", regex=False).all()


# Machado, Oliveira and Fernandes 2009, severity 1, in linear RGB; CIE 1976 L*a*b*, D65. An eye just notices 2.3.
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour: str, vision: str = "normal") -> np.ndarray:
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.array(VISION[vision]) @ linear, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
def test_families_of_classes_differ_in_every_kind_of_vision(vision: str) -> None:
    for first, second in itertools.combinations(ZONES.values(), 2):
        apart = np.linalg.norm(lab(first.colour, vision) - lab(second.colour, vision))
        if first.group != second.group:
            assert apart >= 4.5, (first.id, second.id, apart)


def test_families_differ_in_grey() -> None:
    grey = {
        group: [lab(zone.colour)[0] for zone in ZONES.values() if zone.group == group]
        for group in {z.group for z in ZONES.values()}
    }
    steps = sorted((min(values), max(values)) for values in grey.values())
    assert all(high[0] - low[1] >= 1.5 for low, high in itertools.pairwise(steps))
    assert len({zone.colour for zone in ZONES.values()}) == len(ZONES)
