"""Processes of this machine that compute areas, or do one thing apart from everything else."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from pipeline.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
T = TypeVar("T")
_ZEROED = {"DUCKDB_JE_MALLOC_CONF": "zero:true", "MALLOC_PERTURB_": "255"}
"""Fresh memory is zero: of DuckDB's own allocator, and of glibc's, which fills it with the complement of this byte."""


@contextmanager
def processes(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Give fresh processes to work in; they end with the block, and with this process, however that ends."""
    # Not forked: GDAL, PROJ and Arrow hold threads and locks that do not survive a fork.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_end_with_parent) as pool:
        try:
            yield pool
        except BaseException:
            # Workers would otherwise compute to their end before the error is shown.
            for worker in list((pool._processes or {}).values()):  # noqa: SLF001 - terminate_workers() is of 3.14
                worker.terminate()
            raise


def apart(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a process that has done nothing else, and whose fresh memory is zero.

    DuckDB writes whole blocks, with whatever lies in the unused part of its memory, and packs whole numbers together
    with whatever lies where one is NULL: so a file depends on its rows alone, and holds nothing that the process knew
    besides. (So it is on Linux, with jemalloc for the blocks and glibc for the rest; elsewhere unused bytes are what
    the system gives.)

    Raises
    ------
    RunError
        The process was ended from outside.
    """
    before = {name: os.environ.get(name) for name in _ZEROED}
    os.environ.update(_ZEROED)
    try:
        with processes(1) as pool:
            return pool.submit(function, *args, **kwargs).result()
    except BrokenExecutor as error:
        msg = "A process that wrote a database was ended from outside, perhaps for want of memory; free some."
        raise RunError(msg) from error
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _end_with_parent() -> None:
    """Let a worker end with the run, however that ends: nothing may go on writing where the next run builds."""
    for name in ("SIGINT", "SIGHUP"):  # these reach all processes of a terminal; the run stops its workers itself
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
