"""One vocabulary: tables, words in four languages, sentences and the map's script speak of the same codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base.resources import resource
from pipeline.declared import codes
from pipeline.errors import ConfigError
from pipeline.schema.public_tables import PUBLIC_TABLES
from pipeline.schema.rounding import round_people
from pipeline.schema.tables import TABLES
from pipeline.schema.vocabulary import BINDING, CODES, INPUTS, LANGUAGES, VERDICTS
from pipeline.wording import completeness, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT = Path(__file__).parents[1] / "maps" / "client"


def test_every_column_of_codes_says_which_and_every_kind_of_code_is_used() -> None:
    used = set()
    for table in (*TABLES.values(), *PUBLIC_TABLES.values()):
        for column in table.columns.values():
            allowed = [tuple(check.statistics["allowed_values"]) for check in column.checks if check.name == "isin"]
            kind = (column.metadata or {}).get("codes")
            assert bool(allowed) == bool(kind), (table.name, column.name)
            assert allowed == ([CODES[kind]] if kind else []), (table.name, column.name)
            used.add(kind)
    # Inputs are layers of the table completeness; quantities are parts of the names of columns.
    assert set(CODES) - used == {"input", "quantity"}


def test_every_code_has_its_words_in_four_languages() -> None:
    words = codes.default()
    assert set(words) == {"language", *CODES}
    for kind, named in words.items():
        if kind != "language":
            assert list(named) == list(CODES[kind])
        for code in LANGUAGES:
            spoken = [getattr(names, code) for names in named.values()]
            assert len(set(spoken)) == len(spoken), f"two codes of {kind} have one word in {LANGUAGES[code]}"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('village = { en = "Village", ru', 'hamlet = { en = "Village", ru', "[settlement_kind]"),
        (', kk = "Ауыл" }', " }", "village has no name in Kazakh"),
        ("[verdict]", "[judgement]", "'complete'"),
        ('en = "Village"', 'en = ""', "settlement_kind.village.en"),
    ],
)
def test_a_word_that_is_missing_is_one_sentence(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = resource("layers", "codes.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "codes.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(told)):
        codes.load(path)


def test_the_script_of_the_map_knows_the_same_codes() -> None:
    source = (CLIENT / "src" / "vocabulary.ts").read_text(encoding="utf-8")
    found = {
        name: tuple(json.loads(f"[{values}]")) for name, values in re.findall(r"const (\w+) = \[(.*)\] as", source)
    }
    kinds = {"KINDS": "settlement_kind", "STATUSES": "status", "QUANTITIES": "quantity", "EVIDENCE": "evidence"}
    kinds |= {
        "RULE_KINDS": "rule_kind",
        "CONCERNS": "concern",
        "VERDICTS": "verdict",
        "BUILDING_KINDS": "building_kind",
    }
    assert found == {
        "LANGUAGES": tuple(LANGUAGES),
        "BINDING": BINDING,
        **{name: CODES[kind] for name, kind in kinds.items()},
    }


def test_the_script_of_the_map_asks_for_words_of_codes_only_where_there_are_any() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in sorted((CLIENT / "src").rglob("*.ts")))
    prefixes = set(re.findall(r"t\(`([a-zA-Z_.]+)\.\$\{", sources))
    keys = texts.load("en", "map").entries
    assert {prefix for prefix in prefixes if not any(key.startswith(f"{prefix}.") for key in keys)} == set()


def _said() -> Iterator[tuple[str, completeness.Finding]]:
    """Return sentences about layers in every state that their measures can be in."""
    for name in INPUTS:
        yield from (
            (name, one) for one in completeness.findings(name, {"input_given": 0.0}, {"input_given": "missing"})
        )
    for inside, around in ((0, 0), (1, 0), (0, 2), (5, 3)):
        values = {"objects_inside": float(inside), "objects_around": float(around)}
        values |= {"share_assumed": 0.25} if inside + around else {}
        yield from (("landfill", one) for one in completeness.findings("landfill", values, {}))
    for share in (float("nan"), 0.04):
        seen = {f"seen_by_{source}": 1000.0 for source in CODES["seen_by"]}
        unseen = {f"unseen_share_{q}": share for q in ("p05", "p50", "p95")}
        mapped = {f"inhabited_mapped_{place}": 0.3 for place in ("centre", "outskirts")}
        for verdict in VERDICTS:
            values, verdicts = {**seen, **unseen, **mapped}, dict.fromkeys(mapped, verdict)
            yield from (("buildings", one) for one in completeness.findings("buildings", values, verdicts))
    nothing = {"inhabited_mapped": float("nan")}
    yield from (
        ("buildings", one) for one in completeness.findings("buildings", nothing, {"inhabited_mapped": "unknown"})
    )


def test_every_measure_makes_a_sentence_and_every_sentence_is_said_in_four_languages() -> None:
    said = list(_said())
    assert {measure for _, one in said for measure in one.measures} == set(CODES["measure"])
    for code in LANGUAGES:
        language = texts.load(code, "completeness")
        sentences = {key for key in language.entries if key.startswith("gap.")}
        assert {one.code for _, one in said} == sentences
        for _, one in said:
            sentence = language(one.code, **one.values)
            assert not re.search(r"[{}]|nan", sentence), sentence
            entry = language.entries[one.code]
            for pattern in [entry] if isinstance(entry, str) else entry.values():
                assert {name for _, name, _, _ in Formatter().parse(pattern) if name} <= set(one.values), pattern


def test_sentences_are_as_people_write_them() -> None:
    en, ru = (texts.load(code, "completeness") for code in ("en", "ru"))
    assert en("gap.mapped.centre", share=0.984).endswith("in the centre, 98% have their buildings mapped.")
    assert en("gap.inside", count=1).startswith("1 is mapped")
    assert en("gap.inside", count=21_000).startswith("21,000 are mapped")
    assert [texts.plural_form("ru", n) for n in (1, 2, 5, 11, 12, 21, 104, 111)] == [
        "one", "few", "many", "many", "many", "one", "few", "many",
    ]  # fmt: skip
    assert "около 4,1\u00a0% зданий (от 3\u00a0% до 6\u00a0%)" in ru("gap.unseen", low=0.03, middle=0.041, high=0.06)
    assert "Здесь нанесено 1\u00a0002 объекта" in ru("gap.inside", count=1002)


def test_readers_meet_no_loaded_word_in_the_words_of_codes() -> None:
    shown = resource("layers", "codes.toml").read_text(encoding="utf-8").lower()
    for word in ("illegal", "squatter", "slum", "нелегал", "незаконн", "самозахват", "трущоб", "мыйзамсыз", "заңсыз"):
        assert word not in shown, word


def test_people_are_rounded_as_the_map_rounds_them() -> None:
    """The same examples hold for the map's script (maps/client/test/logic.test.ts)."""
    examples = json.loads((CLIENT / "test" / "rounding.json").read_text(encoding="utf-8"))
    frame = pd.DataFrame([example["people"] for example in examples], columns=["p05", "p50", "p95"])
    assert round_people(frame).to_numpy().tolist() == [example["rounded"] for example in examples]


@given(st.lists(st.floats(-2e6, 5e6), min_size=3, max_size=3).map(sorted))
def test_a_rounded_interval_holds_what_it_rounds_and_rounds_to_itself(people: list[float]) -> None:
    frame = pd.DataFrame([people], columns=["p05", "p50", "p95"])
    low, middle, high = round_people(frame).to_numpy()[0]
    assert low <= people[0] + 0.05
    assert high >= people[2] - 0.05
    assert low <= middle <= high
    assert low < high
    assert not np.signbit([value for value in (low, middle, high) if value == 0]).any()
    step = 50 if max(abs(people[0]), abs(people[2])) < 999 else 1000 if max(-people[0], people[2]) > 100_001 else 100
    assert max(people[0] - low, high - people[2]) <= 2 * step + 0.1
