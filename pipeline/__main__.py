"""The command `novostroiki`, also as `python -m pipeline`: ready for being stopped before anything long is loaded."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from pipeline.base import memory, stopping
from pipeline.errors import RunError

_ERR = 2
_INTERRUPTED = 130
"""What the command line's library ends with where Ctrl-C meets its own code."""


def main() -> None:
    """Run the command line; whatever stops it, and wherever its output cannot go, is one sentence."""
    _take_closed_streams()
    stopping.install()
    try:
        memory.check(memory.TO_LOAD)
    except RunError as error:
        _end(str(error))
    try:
        from pipeline.cli import app

        app(prog_name="novostroiki", standalone_mode=True)
    except KeyboardInterrupt:
        _end("stopped; the previous outputs are untouched.")
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            _end("stopped; the previous outputs are untouched.")
        try:
            sys.stdout.flush()
        except OSError as error:
            _end(f"what was to be told cannot be written: {error.strerror}.", end.code or 1)
        raise


def _take_closed_streams() -> None:
    """Open /dev/null where a stream was closed: the first file that is opened would become that stream."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def _end(text: str, code: object = 1) -> None:
    with suppress(OSError):
        os.write(_ERR, f"novostroiki: {text}\n".encode())
    # Without the cleaning up of libraries that were half loaded, which would speak too.
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
