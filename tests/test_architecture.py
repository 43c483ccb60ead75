"""The shape of the house: data flow one way, transforms are pure, estimators never see the simulation."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PIPELINE = Path(__file__).parent.parent / "pipeline"

# What each room may import from the others; modules at the top (config, tables, …) are common ground.
FORBIDDEN = {
    "transform": {"load", "simulate", "flow", "cli", "progress", "resources", "facts"},
    "extract": {"transform", "load", "simulate", "flow", "cli"},
    "load": {"simulate", "flow", "cli"},
    "simulate": {"transform", "load", "flow", "cli"},
}
IMPURE = {"pathlib", "os", "io", "requests", "urllib", "time", "subprocess", "socket", "random", "duckdb", "pyogrio"}


def modules(room: str) -> list[Path]:
    return sorted((PIPELINE / room).rglob("*.py"))


def runtime_imports(path: Path) -> set[str]:
    """Return the dotted names a module imports when it runs (imports for type checking only are no dependency)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("room", FORBIDDEN)
def test_rooms_import_only_downwards(room: str) -> None:
    for path in modules(room):
        for name in runtime_imports(path):
            parts = name.split(".")
            if parts[0] == "pipeline" and len(parts) > 1:
                assert parts[1] not in FORBIDDEN[room], f"{path.relative_to(PIPELINE)} imports {name}"


def test_transforms_touch_no_file_network_or_clock() -> None:
    for path in modules("transform"):
        for name in runtime_imports(path):
            assert name.split(".")[0] not in IMPURE, f"{path.relative_to(PIPELINE)} imports {name}"


def test_nothing_at_the_top_reaches_into_the_rooms() -> None:
    ground = {"catalogue", "config", "errors", "facts", "provenance", "resources", "tables", "transliteration", "units"}
    for name in ground:
        for imported in runtime_imports(PIPELINE / f"{name}.py"):
            parts = imported.split(".")
            assert parts[0] != "pipeline" or parts[1] in ground, f"{name}.py imports {imported}"


def test_there_is_no_module_that_outgrew_itself() -> None:
    long = {
        str(path.relative_to(PIPELINE)): lines
        for path in PIPELINE.rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 450 and path.name != "tables.py"  # a list
    }
    assert not long
