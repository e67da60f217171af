"""Sums over the values of a column that add up: what is kept of inputs and predictions, whoever counts them.

Two summaries over the same cells add up to the summary of all their rows, in whatever order they are added; how the
cells come about is in `reference`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from jenkins_ml.core.arrays import Array, Integers
from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import ColumnSummary, Summary

MOST: Final = 1e100  # what is greater counts as infinite: its square is no number


def empty(column: ColumnSummary) -> ColumnSummary:
    """The same column without values."""
    return replace(column, counts=(0,) * len(column.counts), infinite=0, mean=0.0, squares=0.0, low=None, high=None)


def cells(column: ColumnSummary) -> int:
    """How many cells a column of its kind, edges and categories has."""
    return (len(column.edges) if column.kind in ("number", "length") else len(column.categories)) + 2


def summarised(column: ColumnSummary, values: Array) -> ColumnSummary:
    """The summary of values, over the cells of a column.

    Args:
        column: whose cells; what it counts does not matter.
        values: shape (n,): numbers, or texts (str or bytes); of classes whole numbers, -1 for none.
    """
    if column.kind == "class":
        return replace(empty(column), counts=_whole(_of_classes(column, values)))
    if column.kind == "text":
        return replace(empty(column), counts=_whole(_of_texts(column, values)))
    if column.kind == "length":
        values = lengths(values)
    return _of_numbers(column, values)


def added(one: ColumnSummary, other: ColumnSummary) -> ColumnSummary:
    """The summary of the values of both.

    Raises:
        IntegrityError: they have other cells.
    """
    _check(one, other)
    first, second = _finite(one), _finite(other)
    mean, squares = one.mean, one.squares
    if second:
        # T. Chan, G. Golub and R. LeVeque, "Algorithms for computing the sample variance", The American Statistician 37, 1983.
        step = other.mean - one.mean
        mean += step * second / (first + second)
        squares += other.squares + step * step * first * second / (first + second)
    return replace(
        one,
        counts=tuple(map(int.__add__, one.counts, other.counts)),
        infinite=one.infinite + other.infinite,
        mean=mean,
        squares=squares,
        low=min((each for each in (one.low, other.low) if each is not None), default=None),
        high=max((each for each in (one.high, other.high) if each is not None), default=None),
    )


def since(now: ColumnSummary, then: ColumnSummary) -> ColumnSummary:
    """What has come to a summary since it was another; the least and the greatest number are those of all.

    Raises:
        IntegrityError: they have other cells, or something has gone.
    """
    _check(now, then)
    counts = tuple(map(int.__sub__, now.counts, then.counts))
    if min(counts) < 0 or now.infinite < then.infinite:
        raise IntegrityError(f"fewer values of {now.name} were counted than before", "look again")
    whole, before = _finite(now), _finite(then)
    new = whole - before
    mean = squares = 0.0
    if new > 0:
        mean = now.mean + (now.mean - then.mean) * before / new
        step = mean - then.mean
        squares = max(now.squares - then.squares - step * step * before * new / whole, 0.0)
    return replace(now, counts=counts, infinite=now.infinite - then.infinite, mean=mean, squares=squares)


def total(one: Summary, other: Summary) -> Summary:
    """The summary of the rows of both.

    Raises:
        IntegrityError: they have other columns or cells.
    """
    return _together(one, other, added, one.rows + other.rows)


def later(now: Summary, then: Summary) -> Summary:
    """The rows that have come since.

    Raises:
        IntegrityError: they have other columns or cells, or something has gone.
    """
    return _together(now, then, since, now.rows - then.rows)


def comparable(one: ColumnSummary, other: ColumnSummary) -> bool:
    """Whether both count the same in the same cells."""
    return (one.name, one.kind, one.edges, one.categories) == (other.name, other.kind, other.edges, other.categories)


def columns(summary: Summary) -> Mapping[str, ColumnSummary]:
    """All columns by name, the prediction as "prediction"."""
    found = {column.name: column for column in summary.inputs}
    return found if summary.prediction is None else {**found, summary.prediction.name: summary.prediction}


def lengths(values: Array) -> Array:
    """How long texts are, in characters; in bytes for bytes."""
    if values.dtype.kind in "SU":
        return np.strings.str_len(values) if hasattr(np, "strings") else np.char.str_len(values)
    return np.fromiter(map(len, values), np.float64, len(values))


def check(summary: Summary) -> None:
    """Refuse numbers that no summary can have.

    Raises:
        IntegrityError: it holds some.
    """
    for column in (*columns(summary).values(), *(() if summary.certainty is None else (summary.certainty,))):
        sound = len(column.counts) == cells(column) and min(column.counts) >= 0 and column.squares >= 0
        sound &= all(map(math.isfinite, (*column.edges, column.mean, column.squares)))
        sound &= list(column.edges) == sorted(set(column.edges))
        # What made the cells of a reference is left out of its columns, but not of how sure the version was.
        sound &= sum(column.counts) == summary.rows or (column is summary.certainty and bool(summary.right))
        if not sound:
            raise IntegrityError(
                f"the summary of {column.name} holds numbers that cannot be", "train the version again"
            )
    counted = () if summary.certainty is None else summary.certainty.counts[:-1]
    right = summary.right
    if right and not (
        len(right) == len(counted) and all(0 <= hits <= count for hits, count in zip(right, counted, strict=True))
    ):
        raise IntegrityError("more answers were right than there are", "train the version again")


def _of_numbers(column: ColumnSummary, values: Array) -> ColumnSummary:
    numbers = values if values.dtype == np.float64 else values.astype(np.float64)
    missing = len(column.edges) + 1
    place = np.searchsorted(np.asarray(column.edges, np.float64), numbers)
    nothing = np.isnan(numbers)
    with np.errstate(invalid="ignore"):
        usual = np.abs(numbers) <= MOST
    if not usual.all():
        place = np.where(nothing, missing, place)
        numbers = numbers[usual]
    counts = np.bincount(place, minlength=missing + 1)
    mean = float(numbers.mean()) if len(numbers) else 0.0
    return replace(
        empty(column),
        counts=_whole(counts),
        infinite=len(values) - len(numbers) - int(counts[missing]),
        mean=mean,
        squares=float(np.square(numbers - mean).sum()),
        low=float(numbers.min()) if len(numbers) else None,
        high=float(numbers.max()) if len(numbers) else None,
    )


def _of_texts(column: ColumnSummary, values: Array) -> Integers:
    places = {text: place for place, text in enumerate(column.categories)}
    other, none = len(places), len(places) + 1
    found = np.fromiter(
        (places.get(text, other) if text else none for text in map(plain, values)), np.int64, len(values)
    )
    return np.bincount(found, minlength=none + 1)


def _of_classes(column: ColumnSummary, values: Array) -> Integers:
    other = len(column.categories)
    return np.bincount(np.where(values < 0, other + 1, np.minimum(values, other)), minlength=other + 2)


def plain(value: object) -> str:
    """A text, whether it came as one or as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _finite(column: ColumnSummary) -> int:
    return sum(column.counts[:-1]) - column.infinite if column.kind in ("number", "length") else 0


def _whole(counts: Integers) -> tuple[int, ...]:
    return tuple(counts.tolist())


def _check(one: ColumnSummary, other: ColumnSummary) -> None:
    if not comparable(one, other):
        raise IntegrityError(f"{one.name} and {other.name} are counted in other cells", "train the version again")


def _together(
    one: Summary, other: Summary, join: Callable[[ColumnSummary, ColumnSummary], ColumnSummary], rows: int
) -> Summary:
    if [column.name for column in one.inputs] != [column.name for column in other.inputs]:
        raise _other_columns()
    return replace(
        one,
        rows=rows,
        inputs=tuple(map(join, one.inputs, other.inputs)),
        prediction=_both(one.prediction, other.prediction, join),
        certainty=_both(one.certainty, other.certainty, join),
    )


def _both(
    one: ColumnSummary | None,
    other: ColumnSummary | None,
    join: Callable[[ColumnSummary, ColumnSummary], ColumnSummary],
) -> ColumnSummary | None:
    if one is None and other is None:
        return None
    if one is None or other is None:
        raise _other_columns()
    return join(one, other)


def _other_columns() -> IntegrityError:
    return IntegrityError("two summaries have other columns", "train the version again")
