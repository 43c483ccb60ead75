"""Work on the pieces of a stream in threads, a few pieces ahead of whoever takes the results."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

_WORKERS = 2

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def mapped(function: Callable[[Piece], Result], pieces: Iterable[Piece]) -> Iterator[Result]:
    """Yield ``function(piece)`` for each piece, in order.

    Unlike ``ThreadPoolExecutor.map`` it takes no more pieces than the threads can work on, so that memory is bounded
    by a few of them.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        for piece in pieces:
            waiting.append(pool.submit(function, piece))
            if len(waiting) > _WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
