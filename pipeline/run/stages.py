"""Stages that say what they need: those that can run side by side do, and what the last run made is taken from it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipeline.base.progress import Journal
    from pipeline.run.stage_cache import StageCache

STAGES = {
    "simulating": 20.0,
    "reading": 15.0,
    "merging buildings": 8.0,
    "delineating": 12.0,
    "measuring distances": 8.0,
    "measuring red zones": 5.0,
    "estimating": 14.0,
    "writing tables": 6.0,
    "making tiles": 10.0,
    "drawing the map": 5.0,
}
"""What people are told while an area is computed, each with its usual share of the time."""


@dataclass(frozen=True)
class Stage:
    """One step from some results to another.

    Attributes
    ----------
    name
        What its result is called.
    make
        Called with the results of `needs`, in their order; must not change them: others read them at the same time.
    needs
        Names of the stages whose results it takes.
    settings
        What else the result depends on, as text; the code itself is part of the cache.
    kept
        Worth keeping for the next run.
    source
        The result depends on this text alone and not on all that `needs` bring, such as the digest of one file.
    content
        Returns a digest of the result, for a small one that many things go into and few change: what follows is made
        anew only where the result is another.
    doing
        What people are told while it runs; empty: nothing.
    """

    name: str
    make: Callable[..., Any]
    needs: tuple[str, ...] = ()
    settings: str = ""
    kept: bool = False
    source: str | None = None
    content: Callable[[Any], str] | None = None
    doing: str = ""


class StageRun:
    """Makes what is asked for from a set of stages, each at most once.

    A result that no stage needs any more is let go, so that memory holds what is at work and not all that was made.

    Parameters
    ----------
    stages
        Stages with distinct names.
    threads
        How many of them may run at a time.
    journal
        Is told what is being done.
    cache
        Results of the last run; None: all is made anew.
    """

    def __init__(self, stages: Sequence[Stage], *, threads: int, journal: Journal, cache: StageCache | None) -> None:
        self._stages = {stage.name: stage for stage in stages}
        self._journal, self._cache = journal, cache
        self._slots = threading.Semaphore(threads)
        self._lock = threading.RLock()
        self._results: dict[str, Future[Any]] = {}
        self._recipes: dict[str, str] = {}
        self._open = Counter(name for stage in stages for name in stage.needs)
        self._asked: set[str] = set()
        self._failure: BaseException | None = None
        # A thread for each: most of them wait for others, and `_slots` says how many work.
        self._pool = ThreadPoolExecutor(len(self._stages))

    def results(self, *names: str) -> list[Any]:
        """Return the results of some stages; the first failure of any stage ends the rest."""
        self._asked.update(names)
        with self._pool:
            try:
                return [future.result() for future in [self._start(name) for name in names]]
            except BaseException as error:
                self._failure = self._failure or error  # stages that have not begun do not begin
                raise

    def _start(self, name: str) -> Future[Any]:
        with self._lock:
            if name not in self._results:
                self._results[name] = self._pool.submit(self._result, self._stages[name])
            return self._results[name]

    def _result(self, stage: Stage) -> Any:  # noqa: ANN401 - stages make all sorts of things
        cache = self._cache if stage.kept else None
        key = self._recipe(stage) if cache else ""
        if cache and (found := cache.find(key, stage.name)) is not None:
            self._let_go(stage.needs)
            return found.value
        needed = [self._start(name) for name in stage.needs]
        values = [future.result() for future in needed]
        with self._slots:
            if self._failure:
                raise self._failure
            try:
                with self._journal.stage(stage.doing) if stage.doing else nullcontext():
                    result = stage.make(*values)
            except BaseException as error:
                self._failure = self._failure or error
                raise
        self._let_go(stage.needs)
        if cache:
            cache.keep(key, stage.name, result)
        return result

    def _let_go(self, needs: Iterable[str]) -> None:
        """Forget results of which this was the last stage to need them."""
        with self._lock:
            self._open.subtract(needs)
            for name in needs:
                if not self._open[name] and name not in self._asked and self._stages[name].content is None:
                    self._results.pop(name, None)

    def _recipe(self, stage: Stage) -> str:
        """Return a digest of what a stage's result depends on; where a need is told by its content, that is made."""
        if stage.name not in self._recipes:
            needed = [] if stage.source is not None else [self._identity(self._stages[name]) for name in stage.needs]
            self._recipes[stage.name] = _digest(stage.name, stage.source or stage.settings, *needed)
        return self._recipes[stage.name]

    def _identity(self, stage: Stage) -> str:
        if stage.content is not None:
            return _digest(stage.name, stage.content(self._start(stage.name).result()))
        return self._recipe(stage)


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
