"""Every code of a notice has its sentence, and every sentence its code."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

from pipeline.schema.notices import SENTENCES
from pipeline.schema.provenance import Notice

PIPELINE = Path(__file__).parents[1] / "pipeline"
SOURCES = {
    path: path.read_text(encoding="utf-8") for path in sorted(PIPELINE.rglob("*.py")) if path.name != "notices.py"
}


def test_every_notice_that_is_made_has_a_sentence() -> None:
    """Codes that are counted first come by the name `code`; any other must be one of the list."""
    for path, source in SOURCES.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Notice":
                code = node.args[1]
                known = ast.unparse(code) == "code" or (isinstance(code, ast.Constant) and code.value in SENTENCES)
                assert known, f"{path.name}: give {ast.unparse(node)} a code of schema/notices.py"


def test_every_sentence_is_used() -> None:
    written = set(re.findall(r'"([a-z_]+)"', "\n".join(SOURCES.values())))
    assert set(SENTENCES) - written == set()


def test_values_stand_where_the_notice_is_made() -> None:
    """What a sentence names is given by every call that makes it."""
    for path, source in SOURCES.items():
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Notice"):
                continue
            code = node.args[1]
            if isinstance(code, ast.Constant):
                named = {name for _, name, _, _ in Formatter().parse(SENTENCES[str(code.value)]) if name}
                keys = set(re.findall(r'"(\w+)":', ast.get_source_segment(source, node) or ""))
                keys |= set(re.findall(r'"(\w+)":', source)) if "values" in ast.unparse(node) else set()
                assert named <= keys, (path.name, ast.unparse(node))


def test_a_notice_says_what_where_and_how_often() -> None:
    assert str(Notice("register", "register_of_another_time", values={"register": 2009, "houses": 2024})) == (
        "register: its figures are of 2009, the houses of 2024; residents and register are of different times"
    )
    assert str(Notice("a.pbf", "extract_partial", 1, {"share": 0.4132, "area": "osh"})).startswith(
        "a.pbf: the files say that they cover 41% of the bbox of osh"
    )
    assert str(Notice("a", "<{odd}>", 1200)) == "a: <{odd}> (1,200 times)"
