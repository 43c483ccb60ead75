"""Columns of identifiers: where each value of one stands in another, without a Python string for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray


def positions(values: pd.Series, known: pd.Series | Sequence[str]) -> NDArray[np.int64]:
    """Return where each value stands among known ones, shape (n,); -1: nowhere, or missing.

    Examples
    --------
    >>> import pandas as pd
    >>> positions(pd.Series(["b", "x", None, "a"]), ["a", "b"]).tolist()
    [1, -1, -1, 0]
    """
    found = pc.index_in(_texts(values), value_set=_texts(known), skip_nulls=True)
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def among(values: pd.Series, known: pd.Series | Sequence[str]) -> NDArray[np.bool_]:
    """Return whether each value is one of those known, shape (n,).

    Examples
    --------
    >>> import pandas as pd
    >>> among(pd.Series(["b", "x", None]), ["a", "b"]).tolist()
    [True, False, False]
    """
    return positions(values, known) >= 0


def _texts(values: pd.Series | Sequence[str]) -> pa.Array:
    texts = pa.array(values, type=pa.large_string(), from_pandas=True)
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
