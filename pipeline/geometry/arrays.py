"""Names of the arrays that geometry is done on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Geometries = NDArray[np.object_]
"""Geometries of shapely, or None."""
Points = Floats
"""x and y, shape (n, 2)."""
Links = Ints
"""Positions of the two ends, shape (m, 2)."""
