"""The page `docs/architecture.md`: the rooms and the way of the data, read out of the code itself.

Who uses whom is what the modules import. The way of the data is what the stages of an area say that they need.
"""

from __future__ import annotations

import ast
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import config
from pipeline.base.resources import resource
from pipeline.declared import catalogue
from pipeline.extract import inputs
from pipeline.run.area import area_stages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PACKAGE = Path(__file__).resolve().parent.parent
_HEAD = """# Architecture

`layers/` says what is mapped, `pipeline/` how it is computed, `maps/` how it looks. Data flow one way: `extract` reads,
`transform` computes (pure functions of tables: no files, no network, no clock), `load` writes; `run` alone knows the
order. One area is one unit of work: everything below happens once per area, in a process or on a worker of its own
([cluster.md](cluster.md)); then the parts are joined and published, whole or not at all.

{note}
"""

_FLOW = """
## The way of the data

The stages of an area, as `pipeline/run/area.py` lists them; an arrow leads from a stage to one that needs its result.
Those that do not need each other run side by side. What the rounded ones make is kept for the next run, which takes it
where all that it depends on is the same: `novostroiki run --fresh` takes nothing.
"""

_ROOMS = """
## The rooms

An arrow leads from a room to one that it uses; what follows from other arrows is left out. No arrow leads upward, rooms
of one floor do not know each other, and only `run`, `commands` and `cli` know the simulator, which a test holds
(`tests/test_architecture.py`).
"""


def architecture_page(note: str) -> str:
    """Return the page as Markdown with two Mermaid drawings.

    Parameters
    ----------
    note
        The line that says how the page is made.
    """
    rooms = _rooms()
    table = ["| room | what it is |", "| --- | --- |", *(f"| `{name}` | {_summary(name)} |" for name in rooms)]
    return "\n".join(
        [
            _HEAD.format(note=note) + _FLOW,
            *_fenced(_stages_drawing()),
            _ROOMS,
            *_fenced(["flowchart TD", *(f"  {a} --> {b}" for a, b in _without_detours(_uses(rooms)))]),
            "",
            *table,
            "",
        ]
    )


def _fenced(lines: Iterable[str]) -> list[str]:
    return ["```mermaid", *lines, "```"]


# --- rooms ----------------------------------------------------------------------------------------------------------


def _rooms() -> list[str]:
    """Return the packages and modules of the first level, by name."""
    names = [path.stem for path in _PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    return sorted(set(names) - {"__init__", "__main__"})


def _modules(room: str) -> list[Path]:
    path = _PACKAGE / f"{room}.py"
    return [path] if path.exists() else sorted((_PACKAGE / room).rglob("*.py"))


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _summary(room: str) -> str:
    path = _PACKAGE / f"{room}.py"
    text = ast.get_docstring(_parsed(path if path.exists() else _PACKAGE / room / "__init__.py")) or ""
    return " ".join(text.split("\n\n")[0].split())


def _uses(rooms: list[str]) -> dict[str, set[str]]:
    """Return the rooms that the modules of each room import when they run."""
    return {
        room: {
            name[1]
            for path in _modules(room)
            for name in (dotted.split(".") for dotted in _imports(_parsed(path)))
            if name[0] == "pipeline" and len(name) > 1 and name[1] in rooms
        }
        - {room}
        for room in rooms
    }


def _imports(tree: ast.AST) -> Iterator[str]:
    """Give the dotted names that a module imports, but for those that only its types need."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from _imports(node)


def _without_detours(uses: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return the arrows that no longer way replaces (the transitive reduction)."""

    def reached(room: str) -> set[str]:
        return uses[room].union(*(reached(other) for other in uses[room]))

    return [
        (room, used)
        for room in sorted(uses)
        for used in sorted(uses[room])
        if not any(used in reached(other) for other in uses[room] - {used})
    ]


# --- the way of the data --------------------------------------------------------------------------------------------


def _stages_drawing() -> list[str]:
    """Return the lines of the drawing: a box for each stage, rounded where the next run may take its result."""
    settings = config.load(resource("config.toml"))
    area = settings.selected[0]
    layers = catalogue.default()
    stages = area_stages(area, settings, layers, Path(), partial(inputs.read, area, layers))
    boxes = [f"  {stage.name}([{stage.name}])" if stage.kept else f"  {stage.name}[{stage.name}]" for stage in stages]
    return ["flowchart LR", *boxes, *(f"  {need} --> {stage.name}" for stage in stages for need in stage.needs)]
