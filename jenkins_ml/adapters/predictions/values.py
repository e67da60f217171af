"""What a column's numbers become, whatever the format they come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jenkins_ml.core.arrays import Array
from jenkins_ml.errors import UsageError

EXACT = 2**53
"""Whole numbers up to here are exact as float64."""


def as_numbers(column: Array) -> Array:
    """Labels, predictions or weights: as they are, but half floats as float32 and booleans as 0 and 1."""
    if column.dtype == np.float16:
        return column.astype(np.float32)
    return column.view(np.uint8) if column.dtype == np.bool_ else column


def as_ids(column: Array) -> Array:
    """Whole numbers as int64, or as uint64 where they are 64 bits without a sign."""
    return column if column.dtype == np.uint64 else column.astype(np.int64, copy=False)


def as_number_feature(path: Path, name: str, column: Array, missing: NDArray[np.bool_] | None) -> Array:
    """Numbers to slice by: floats keep their width, whole numbers become float64, NaN where there is none.

    Args:
        path: the file, for messages.
        name: the column.
        column: shape (n,).
        missing: where there is no number; None where all are there.

    Raises:
        UsageError: a whole number is so large that a float64 would make it another one.
    """
    if column.dtype.kind in "iu":
        if column.dtype.itemsize == 8 and len(column) and (column.max() > EXACT or column.min() < -EXACT):
            message = f"{path}: column `{name}` has whole numbers beyond 2^53, which slices cannot tell apart"
            raise UsageError(message, f"write `{name}` as text")
        column = column.astype(np.float64)
    column = as_numbers(column)
    return column if missing is None else np.where(missing, column.dtype.type(np.nan), column)


def side_by_side(columns: Sequence[Array], count: int) -> Array:
    """Several columns of `count` rows as one array of shape (n, k), one as it is, none as shape (n, 0)."""
    if len(columns) == 1:
        return columns[0]
    return np.stack(columns, axis=1) if columns else np.empty((count, 0), dtype=np.uint8)


def no_value(path: Path, name: str, row: int, count: int) -> UsageError:
    """The error for a column that must have a value in each row; `row` counts from 0."""
    others = f", as have {count - 1} more of the rows looked at" if count > 1 else ""
    message = f"{path}: column `{name}` has no value in row {row + 1}{others}"
    return UsageError(message, "write a value into each row, or leave these rows out of both files")
