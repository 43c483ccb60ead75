"""What a reader has read, on its way to the process that asked for it: large arrays apart, and nothing but data."""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_LENGTH_BYTES = 8
_MODULES = frozenset(
    {"pipeline", "numpy", "pandas", "geopandas", "pyarrow", "shapely", "pyproj", "affine", "datetime", "pathlib"}
)
_BUILTINS = frozenset({"bytearray", "complex", "frozenset", "range", "set", "slice"})


class _Unpickler(pickle.Unpickler):
    """Takes tables, arrays and records; a name of any other module is refused."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - whatever a record is made of
        if module.partition(".")[0] in _MODULES or (module == "builtins" and name in _BUILTINS):
            return super().find_class(module, name)
        msg = f"{module}.{name} is no data"
        raise pickle.UnpicklingError(msg)


def write(path: Path, value: object) -> None:
    """Write a value and, behind it, the buffers of its arrays as they are."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    with path.open("wb") as file:
        for part in (memoryview(head), *(buffer.raw() for buffer in buffers)):
            file.write(part.nbytes.to_bytes(_LENGTH_BYTES, "little"))
            file.write(part)


def read(path: Path) -> Any:  # noqa: ANN401 - what was written
    """Return what `write` wrote; arrays are read once, into memory that they then own.

    Raises
    ------
    pickle.UnpicklingError
        The file holds anything but data.
    """
    parts: list[bytearray] = []
    with path.open("rb") as file:
        while length := file.read(_LENGTH_BYTES):
            part = bytearray(int.from_bytes(length, "little"))
            file.readinto(part)
            parts.append(part)
    head, *buffers = parts
    return _Unpickler(io.BytesIO(head), buffers=buffers).load()
