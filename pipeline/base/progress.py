"""Progress for people, on stderr: a bar per area with its stage and the time left.

An area may be computed in another process or on another machine of a cluster, so its stages are journalled to a small
file beside its results; the display reads the journals. The journals also say afterwards where the time went.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypedDict

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

console = Console(stderr=True, highlight=False)

_POLL_S = 0.2


class StageEvent(TypedDict):
    """One line of a journal: a stage began (`seconds` None) or ended."""

    stage: str
    seconds: float | None


class Journal:
    """Appends what one area is doing to a file.

    Parameters
    ----------
    path
        The journal; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Record that a stage runs for as long as the block does."""
        self._append({"stage": name, "seconds": None})
        start = time.perf_counter()
        yield
        self._append({"stage": name, "seconds": round(time.perf_counter() - start, 3)})

    def finish(self, stages: Iterable[str]) -> None:
        """Record that all is done; a stage that did not run, since its results were there already, took no time."""
        begun = {event["stage"] for event in read_journal(self._path)}
        for name in stages:
            if name not in begun:
                self._append({"stage": name, "seconds": 0.0})

    def _append(self, event: StageEvent) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")


def read_journal(path: Path) -> list[StageEvent]:
    """Return the events of a journal so far; a line that is still being written is left for the next reading."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


class Display:
    """Shows a bar per area while the block runs, fed by journals named ``<folder>/<area>.jsonl``.

    Parameters
    ----------
    names
        Area id to the name shown.
    stages
        Stage to its usual share of the time, in order; the time left is what these shares let expect.
    quiet
        Show nothing.
    """

    def __init__(self, folder: Path, names: Mapping[str, str], stages: Mapping[str, float], *, quiet: bool) -> None:
        self._folder = folder
        self._stages = stages
        self._progress = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.fields[name]:<10}"),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[stage]:<22}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=quiet,
        )
        self._tasks: dict[str, TaskID] = {
            area_id: self._progress.add_task("", total=sum(stages.values()), name=name, stage="waiting", left="")
            for area_id, name in names.items()
        }
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._progress.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if error is None:
            self._update()
        self._progress.stop()

    def _watch(self) -> None:
        while not self._stop.wait(_POLL_S):
            self._update()

    def _update(self) -> None:
        for area_id, task in self._tasks.items():
            if events := read_journal(self._folder / f"{area_id}.jsonl"):
                self._show(task, events)

    def _show(self, task: TaskID, events: Sequence[StageEvent]) -> None:
        done = {event["stage"]: event["seconds"] for event in events if event["seconds"] is not None}
        share = sum(self._stages.get(stage, 0.0) for stage in done)
        left = sum(self._stages.values()) - share
        spent = sum(seconds for seconds in done.values() if seconds is not None)
        self._progress.update(
            task,
            completed=share,
            stage="done" if left <= 0 else events[-1]["stage"],
            left=f"about {spent / share * left:.0f} s left" if share and left > 0 else "",
        )


def summarise(folder: Path) -> dict[str, dict[str, float]]:
    """Return for each journalled area the seconds of each finished stage."""
    return {
        path.stem: {event["stage"]: event["seconds"] for event in read_journal(path) if event["seconds"] is not None}
        for path in sorted(folder.glob("*.jsonl"))
    }
