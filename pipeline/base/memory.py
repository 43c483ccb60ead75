"""Too little memory: refused before libraries are loaded that would wait for it without end, and told afterwards."""

from __future__ import annotations

import re

from pipeline.errors import RunError

TO_LOAD, TO_RUN = 2**29, 2 * 2**30
"""Address space, in bytes, without which libraries of any command, or of a run, cannot even be loaded."""
_LACKS = re.compile(
    r"out of memory|cannot allocate|allocation fail|unable to allocate|failed to map segment|can't start new thread|"
    r"bad_alloc|insufficient memory",
    re.IGNORECASE,
)


def check(least: int) -> None:
    """Refuse to begin where this process may take less; OpenBLAS would try for ever to get it.

    Raises
    ------
    RunError
        A limit of the system is lower.
    """
    try:
        import resource
    except ImportError:  # Windows knows no such limit
        return
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY and allowed < least:
        msg = (
            f"This process may take {allowed / 2**20:,.0f} MiB of memory, and it needs at least "
            f"{least / 2**20:,.0f} MiB of address space; raise the limit (ulimit -v)."
        )
        raise RunError(msg)


def ran_out(error: BaseException) -> bool:
    """Return whether an error, of whatever library, says that there was too little memory."""
    return isinstance(error, MemoryError) or bool(_LACKS.search(f"{type(error).__name__} {error}"))
