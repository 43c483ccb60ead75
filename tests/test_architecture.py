"""The shape of the house: every room uses only those below it, transforms are pure, no module outgrows itself."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PIPELINE = Path(__file__).parent.parent / "pipeline"

# From the ground up; rooms of one floor do not know each other.
FLOORS = (
    {"errors"},
    {"geometry"},
    {"schema"},
    {"base"},
    {"config"},
    {"declared"},
    {"wording"},
    {"extract", "simulate"},
    {"transform"},
    {"load"},
    {"run"},
    {"commands"},
    {"cli"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in sorted(rooms)}
# Estimators never see the simulation: only what runs and offers it may know it.
MAY_SIMULATE = {"simulate", "run", "commands", "cli"}
# A transform is a function of tables: whatever it needs from a file is handed to it.
NOT_FOR_TRANSFORMS = ("pipeline.base", "pipeline.declared.facts")
IMPURE = {"pathlib", "os", "io", "requests", "urllib", "time", "subprocess", "socket", "random", "duckdb", "pyogrio"}


def modules(room: str) -> list[Path]:
    path = PIPELINE / f"{room}.py"
    return [path] if path.exists() else sorted((PIPELINE / room).rglob("*.py"))


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


def rooms_used(path: Path) -> set[str]:
    parts = [name.split(".") for name in runtime_imports(path)]
    return {name[1] for name in parts if name[0] == "pipeline" and len(name) > 1 and name[1] in FLOOR}


def test_every_room_has_its_floor() -> None:
    rooms = {path.stem for path in PIPELINE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__", "__main__"} == set(FLOOR)


@pytest.mark.parametrize("room", sorted(FLOOR))
def test_rooms_use_only_what_lies_below(room: str) -> None:
    for path in modules(room):
        for used in rooms_used(path) - {room}:
            assert FLOOR[used] < FLOOR[room], f"{path.relative_to(PIPELINE)} uses {used}"
            assert used != "simulate" or room in MAY_SIMULATE, f"{path.relative_to(PIPELINE)} sees the simulation"


def test_transforms_touch_no_file_network_or_clock() -> None:
    for path in modules("transform"):
        for name in runtime_imports(path):
            assert not name.startswith(NOT_FOR_TRANSFORMS), f"{path.relative_to(PIPELINE)} imports {name}"
            assert name.split(".")[0] not in IMPURE, f"{path.relative_to(PIPELINE)} imports {name}"


def test_geometry_knows_nothing_of_what_shapes_stand_for() -> None:
    domain = re.compile(r"\b(building|house|footprint|settlement|hazard|red zone|street|road|plot|city|people)s?\b")
    for path in modules("geometry"):
        text = path.read_text(encoding="utf-8")
        assert not domain.findall(text), f"{path.name} speaks of {domain.findall(text)}"
        assert not re.search(r"from pipeline\.(?!geometry)", text), f"{path.name} looks up, if only for its types"


def test_there_is_no_module_that_outgrew_itself() -> None:
    long = {
        str(path.relative_to(PIPELINE)): lines
        for path in PIPELINE.rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 450 and path.name != "tables.py"  # a list
    }
    assert not long
