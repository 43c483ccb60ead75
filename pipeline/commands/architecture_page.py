"""The page `docs/architecture.md`: the rooms and the way of the data, read out of the code itself.

Who uses whom is what the modules import. The way of the data is what `run/area.py` hands from one transform to the
next: its functions are followed from the inputs to the tables, one assignment after the other, without being run.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import RunError
from pipeline.extract.area_inputs import AreaInputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PACKAGE = Path(__file__).resolve().parent.parent
_TRANSFORMS = ("buildings", "settlements", "red_zones", "growth", "population", "completeness", "validation")
_INPUTS = {item.name: item.name for item in fields(AreaInputs)} | {"osm": "layers"}
"""What the attributes of an area's inputs stand for: OpenStreetMap's layers have two names."""
_LEAST_STEPS = 12
"""Of fewer steps the reading has gone wrong: the shape of `run/area.py` has changed."""

_HEAD = """# Architecture

`layers/` says what is mapped, `pipeline/` how it is computed, `maps/` how it looks. Data flow one way: `extract` reads,
`transform` computes (pure functions of tables: no files, no network, no clock), `load` writes; `run` alone knows the
order. One area is one unit of work: everything below happens once per area, in a process or on a worker of its own
([cluster.md](cluster.md)); then the parts are joined and published, whole or not at all.

{note}
"""

_FLOW = """
## The way of the data

From an area's inputs and the facts of `layers/` to the tables, as `pipeline/run/area.py` hands them on.
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
            *_fenced(_flow_drawing(_flow())),
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


@dataclass
class _Flow:
    """Who feeds whom: inputs (``in:``), facts (``facts:``), steps (``package.function``) and tables (``table:``)."""

    arrows: set[tuple[str, str]] = field(default_factory=set)

    def feed(self, origins: Iterable[str], target: str) -> None:
        self.arrows |= {(origin, target) for origin in origins if origin != target}


_Value = frozenset[str] | tuple["_Value", ...] | dict[str, "_Value"]
"""Where a value comes from: alone, or by place in a tuple, or by field of a record."""


def _flow() -> _Flow:
    """Follow `run/area.py` from its inputs to its tables."""
    tree = _parsed(_PACKAGE / "run" / "area.py")
    reader = _Reader({node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)})
    reader.call("_describe", {})
    if len({target for _, target in reader.flow.arrows if "." in target}) < _LEAST_STEPS:
        msg = "pipeline/run/area.py cannot be followed any more: mend pipeline/commands/architecture_page.py."
        raise RunError(msg)
    return reader.flow


def _origins(value: _Value) -> frozenset[str]:
    """Return all origins of a value."""
    if isinstance(value, frozenset):
        return value
    parts = value.values() if isinstance(value, dict) else value
    return frozenset().union(*map(_origins, parts))


class _Reader:
    """Follows values through functions without running them.

    Parameters
    ----------
    functions
        Those of the module that are followed into; classes are records of their keywords.
    """

    def __init__(self, functions: dict[str, ast.FunctionDef]) -> None:
        self.flow = _Flow()
        self._functions = functions

    def call(self, name: str, known: dict[str, _Value]) -> _Value:
        """Follow a function whose arguments come from where `known` says; return where its result does."""
        known = dict(known)
        result: _Value = frozenset()
        for statement in _statements(self._functions[name].body):
            match statement:
                case ast.Assign(targets=[target], value=value):
                    self._bind(known, target, self.value(value, known))
                case ast.Expr(
                    value=ast.Call(func=ast.Attribute(value=ast.Name(id=holder), attr="append"), args=[value])
                ):
                    known[holder] = _origins(known[holder]) | _origins(self.value(value, known))
                case ast.Return(value=ast.expr() as value):
                    result = self.value(value, known)
        tables = known.get("rows")
        for table, origin in tables.items() if isinstance(tables, dict) else ():
            self.flow.feed(_origins(origin), f"table:{table}")
        return result

    @staticmethod
    def _bind(known: dict[str, _Value], target: ast.expr, value: _Value) -> None:
        if isinstance(target, ast.Name):
            known[target.id] = value
        elif isinstance(target, ast.Tuple):
            parts = value if isinstance(value, tuple) else [value] * len(target.elts)
            for element, part in zip(target.elts, parts, strict=True):
                _Reader._bind(known, element, part)

    def value(self, node: ast.expr, known: dict[str, _Value]) -> _Value:  # noqa: PLR0911 - one for each kind
        """Return where an expression comes from."""
        match node:
            case ast.Name(id=name):
                return known.get(name, frozenset())
            case ast.Attribute(value=base, attr=name):
                if name in _INPUTS and _root(base) in {"measured", "inputs", "read"}:
                    return frozenset({f"in:{_INPUTS[name]}"})
                record = self.value(base, known)
                return record.get(name, frozenset()) if isinstance(record, dict) else _origins(record)
            case ast.Tuple(elts=elements):
                return tuple(self.value(element, known) for element in elements)
            case ast.Dict(keys=keys, values=values) if all(isinstance(key, ast.Constant) for key in keys):
                return {
                    str(key.value): self.value(value, known)
                    for key, value in zip(keys, values, strict=True)
                    if isinstance(key, ast.Constant)
                }
            case ast.Call():
                return self._called(node, known)
        return frozenset().union(*(_origins(self.value(child, known)) for child in _parts(node)))

    def _called(self, node: ast.Call, known: dict[str, _Value]) -> _Value:  # noqa: PLR0911 - one for each kind
        arguments = [self.value(argument, known) for argument in node.args]
        keywords = {item.arg: self.value(item.value, known) for item in node.keywords if item.arg}
        given = frozenset().union(*map(_origins, (*arguments, *keywords.values())))
        match node.func:
            case ast.Name(id="partial"):
                inner = ast.Call(node.args[0], node.args[1:], node.keywords)
                return self._called(inner, known)
            case ast.Name(id=name) if name in self._functions:
                names = [argument.arg for argument in self._functions[name].args.args]
                return self.call(name, dict(zip(names, arguments, strict=False)) | keywords)
            case ast.Name(id=name) if name.startswith("_"):
                return keywords
            case ast.Name(id=name) if name in known:  # a step with some of its arguments given before
                self.flow.feed(given, *_origins(known[name]))
                return known[name]
            case ast.Attribute(value=ast.Name(id="facts"), attr=name):
                return frozenset({f"facts:{name}"})
            case ast.Attribute(value=ast.Name(id=package), attr=name) if package in _TRANSFORMS and name[0].islower():
                self.flow.feed(given, f"{package}.{name}")
                return frozenset({f"{package}.{name}"})
            case ast.Attribute(value=ast.Name(id=package), attr=name) if package in _TRANSFORMS:
                return keywords or given
            case ast.Attribute(value=base):
                return given | _origins(self.value(base, known))
        return given


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Give statements in the order in which they are written, those inside of others too."""
    for statement in body:
        yield statement
        yield from _statements(child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt))


def _parts(node: ast.AST) -> Iterator[ast.expr]:
    """Give the expressions that an expression is made of."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        else:
            yield from _parts(child)


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _flow_drawing(flow: _Flow) -> list[str]:
    """Return the lines of the drawing: inputs and facts, the steps by package, the tables."""
    nodes = sorted({node for arrow in flow.arrows for node in arrow})

    def box(node: str) -> str:
        kind, _, name = node.rpartition(":")
        left, right = {"in": ("([", "])"), "facts": ("[/", "/]"), "table": ("[(", ")]")}.get(kind, ("[", "]"))
        return f'    {_id(node)}{left}"{name if kind else node.partition(".")[2]}"{right}'

    groups = [
        ("inputs", "in:"),
        ("facts", "facts:"),
        *((name, f"{name}.") for name in _TRANSFORMS),
        ("tables", "table:"),
    ]
    lines = ["flowchart LR"]
    for title, prefix in groups:
        if own := [node for node in nodes if node.startswith(prefix)]:
            lines += [f'  subgraph {title}_["{title}"]', *map(box, own), "  end"]
    return [*lines, *(f"  {_id(a)} --> {_id(b)}" for a, b in sorted(flow.arrows))]


def _id(node: str) -> str:
    return node.replace(":", "_").replace(".", "__")
