"""Text in blocks of whole lines, and work on such blocks in threads."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, BinaryIO, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

_WORKERS = 2

Piece = TypeVar("Piece")
Result = TypeVar("Result")


class LongLineError(Exception):
    """A line is longer than any of the format can be."""


def of_lines(stream: BinaryIO, size: int, longest: int) -> Iterator[bytes]:
    """Yield a stream in blocks of about `size` bytes, each of whole lines.

    Raises
    ------
    LongLineError
        A line has more than `longest` bytes.
    """
    rest = b""
    while chunk := stream.read(size):
        head, newline, tail = chunk.rpartition(b"\n")
        if newline:
            yield rest + head
            rest = tail
        else:
            rest += chunk
        if len(rest) > longest:
            raise LongLineError
    if rest.strip():
        yield rest


def mapped(function: Callable[[Piece], Result], pieces: Iterable[Piece]) -> Iterator[Result]:
    """Yield ``function(piece)`` for each piece, in order, worked out in threads.

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
