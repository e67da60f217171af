"""Names for arrays, and what every sum over examples is made with."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]


def sums_by(places: Array, values: Floats, size: int) -> Floats:
    """The sum of the values of each place: shapes (n,) and (n,) to (size,)."""
    sums: Floats = np.bincount(places, values, size).astype(np.float64, copy=False)
    return sums
