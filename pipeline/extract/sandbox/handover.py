"""What a reader has read, on its way to the process that asked for it: large arrays apart, and nothing but data."""

from __future__ import annotations

import io
import pickle
from dataclasses import is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from pipeline.errors import NovostroikiError

if TYPE_CHECKING:
    from pathlib import Path

_LENGTH_BYTES = 8
_PACKAGES = frozenset(
    {"pipeline", "numpy", "pandas", "geopandas", "pyarrow", "shapely", "pyproj", "affine", "datetime", "pathlib"}
)
_BUILTINS = frozenset({"bytearray", "complex", "frozenset", "range", "set", "slice"})
_CLASSES = frozenset(
    {
        ("affine", "Affine"), ("numpy", "ndarray"), ("numpy", "dtype"), ("pyproj", "CRS"),
        ("pandas", "BlockManager"), ("pandas", "SingleBlockManager"),
    }
)  # fmt: skip
_FUNCTIONS = frozenset(
    {
        ("numpy", "_reconstruct"), ("numpy", "_frombuffer"), ("numpy", "scalar"),
        ("pandas", "_nat_unpickle"), ("pandas", "NA"),
        ("shapely", "from_wkb"), ("pyarrow", "_restore_array"), ("pyarrow", "py_buffer"), ("pyarrow", "type_for_alias"),
    }
)  # fmt: skip
"""What arrays and tables are put together with, by package and name: their modules move from version to version."""
_PANDAS = ("_unpickle", "__pyx_unpickle", "_new_")
"""Its functions for that begin so."""
_TABLES = ("DataFrame", "Series", "Index", "ExtensionArray", "ExtensionDtype", "generic", "BaseGeometry")
"""Classes of which any subclass is a table, a column, its type, a number or a shape."""


class _Unpickler(pickle.Unpickler):
    """Takes tables, arrays and records.

    Any other name is refused, of the same packages too: `pandas.read_pickle`, `numpy.memmap` and `pathlib.Path.unlink`
    are no data, and who wrote the file may be a stranger.
    """

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - whatever a record is made of
        package = module.partition(".")[0]
        if module == "builtins" and name in _BUILTINS:
            return super().find_class(module, name)
        if package in _PACKAGES and "." not in name:
            found = super().find_class(module, name)
            if _is_data(package, name, found):
                return found
        msg = f"{module}.{name} is no data"
        raise pickle.UnpicklingError(msg)


def _is_data(package: str, name: str, found: object) -> bool:
    if not isinstance(found, type):
        return (package, name) in _FUNCTIONS or (package == "pandas" and name.startswith(_PANDAS))
    if package == "pipeline":
        return is_dataclass(found) or issubclass(found, Enum | NovostroikiError)
    if package in {"datetime", "pathlib"}:
        return True
    return (package, name) in _CLASSES or any(base.__name__ in _TABLES for base in found.__mro__)


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
