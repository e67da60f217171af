"""Tensors as columns of values: what of an input or an answer is summarised.

one value an example             as it is: "x"
a vector of up to 64 values      value by value: "x[0]", "x[1]", ...
anything larger, such as images  mean, standard deviation and share of zeros of an example: "x mean", "x std", "x zeros"
texts                            as they are, as long as there are not too many of them
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from jenkins_ml.core.arrays import Array

MOST_VALUES: Final = 64  # of a vector that is looked at value by value
MOST_COLUMNS: Final = 256  # of all inputs; the first ones by name
MOST_CLASSES: Final = 256  # further classes are counted together
PREDICTION: Final = "prediction"


def of_inputs(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """The columns of inputs, by name, each of shape (n,); complex numbers and wide texts have none.

    Args:
        tensors: by name, each of shape (n, ...).
    """
    found: dict[str, Array] = {}
    for name in sorted(tensors):
        for column, values in _columns(name if name != PREDICTION else f"input {name}", tensors[name]):
            if len(found) < MOST_COLUMNS:
                found[column] = values
    return found


def of_answer(values: Array) -> tuple[Array, int] | None:
    """What was predicted, for each example.

    Args:
        values: of one output: scores of shape (n, classes), or one value an example.

    Returns:
        The classes, -1 where a score is no number, and how many there are; or the values, and 0. None for anything else.
    """
    if values.ndim not in (1, 2) or values.dtype.kind not in "fiuV":
        return None
    if values.ndim == 2 and values.shape[1] > 1:
        numbers = _numbers(values)
        best = np.minimum(numbers.argmax(axis=1), MOST_CLASSES)
        return np.where(np.isfinite(numbers).all(axis=1), best, -1), min(values.shape[1], MOST_CLASSES)
    return _numbers(values.reshape(-1)), 0


def _columns(name: str, tensor: Array) -> Iterator[tuple[str, Array]]:
    if not tensor.ndim or tensor.dtype.kind not in "biufVOSU":
        return
    text = tensor.dtype.kind in "OSU"
    width = int(np.prod(tensor.shape[1:]))
    if tensor.ndim == 1 or width == 1:
        yield name, tensor.reshape(-1)
    elif tensor.ndim == 2 and 1 < width <= MOST_VALUES:
        across = np.ascontiguousarray(tensor.T if text else _numbers(tensor).T)
        for place, values in enumerate(across):
            yield f"{name}[{place}]", values
    elif width and not text:
        numbers = _numbers(tensor.reshape(len(tensor), -1))
        yield f"{name} mean", numbers.mean(axis=1, dtype=np.float64)
        with np.errstate(invalid="ignore"):  # an infinity has no distance from the mean
            yield f"{name} std", numbers.std(axis=1, dtype=np.float64)
        yield f"{name} zeros", 1 - np.count_nonzero(numbers, axis=1) / width


def _numbers(values: Array) -> Array:
    """As NumPy computes with them: "V" is bfloat16, which it files under void."""
    if values.dtype.kind == "f" and values.dtype.itemsize > 2:
        return values
    return values.astype(np.float32 if values.dtype.kind in "fV" else np.float64)
