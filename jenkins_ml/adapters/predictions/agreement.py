"""Whether both files say the same about what is true."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.adapters.predictions.rows import Pair
from jenkins_ml.core.arrays import Array


class Agreement:
    """Compares the labels of pairs of rows, where both have some.

    Attributes:
        differing: in how many rows they differ.
        first: the first of those rows, in words; set by whoever knows its name.
        values: the labels of the first of those rows, in words.
    """

    def __init__(self) -> None:
        self.differing = 0
        self.first = ""
        self.values = ""

    def compare(self, pair: Pair) -> int | None:
        """Compare more rows.

        Returns:
            The row of these where labels differ for the first time; None if they do not, or did before.
        """
        one, other = pair.candidate.labels, None if pair.baseline is None else pair.baseline.labels
        if one is None or other is None:
            return None
        differing = _differing(one, other)
        if differing is None:
            return None
        before, self.differing = self.differing, self.differing + int(differing.sum())
        if before:
            return None
        row = int(np.argmax(differing))
        self.values = f"{_shown(one[row])} and {_shown(other[row])}"
        return row


def _differing(one: Array, other: Array) -> NDArray[np.bool_] | None:
    """Which rows differ, None if none does; a float32 equals the float64 that was rounded to it."""
    if {one.dtype, other.dtype} == {np.dtype(np.float32), np.dtype(np.float64)}:
        one, other = one.astype(np.float32, copy=False), other.astype(np.float32, copy=False)
    differing = one != other
    if not differing.any():
        return None
    # Both have no number: nothing that contradicts, and no example that counts. That is for the gate to say.
    differing &= ~((one != one) & (other != other))
    if differing.ndim > 1:
        differing = differing.any(axis=1)
    return cast(NDArray[np.bool_], differing) if differing.any() else None


def _shown(label: Array) -> str:
    return str(label.tolist())
